use bytes::{BufMut, BytesMut};
use proptest::prelude::*;
use rml_rtmp::chunk_io::ChunkSerializer;
use rml_rtmp::messages::MessagePayload;
use rml_rtmp::time::RtmpTimestamp;

use super::*;

const VIDEO: u8 = 9;

/// A chunk with a full header, on a chunk stream of whatever number.
fn chunk(stream: u32, time: u32, length: u32, message_type: u8, body: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    basic_header(&mut out, 0, stream);
    out.put_uint(time.min(0xff_ffff).into(), 3);
    out.put_uint(length.into(), 3);
    out.put_u8(message_type);
    out.put_u32_le(1);
    if time >= 0xff_ffff {
        out.put_u32(time);
    }
    out.put_slice(body);
    out.to_vec()
}

/// A chunk that goes on where the last one of its stream ended.
fn more(stream: u32, body: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    basic_header(&mut out, 3, stream);
    out.put_slice(body);
    out.to_vec()
}

fn basic_header(out: &mut BytesMut, format: u8, stream: u32) {
    match stream {
        0..64 => out.put_u8(format << 6 | u8::try_from(stream).unwrap()),
        64..320 => {
            out.put_u8(format << 6);
            out.put_u8(u8::try_from(stream - 64).unwrap());
        }
        _ => {
            out.put_u8(format << 6 | 1);
            out.put_u16_le(u16::try_from(stream - 64).unwrap());
        }
    }
}

/// Everything that `bytes` say to a reader.
fn read(reader: &mut Reader, bytes: &[u8]) -> Result<Vec<Message>, Violation> {
    let mut input = BytesMut::from(bytes);
    let mut messages = Vec::new();
    while let Some(message) = reader.next(&mut input)? {
        messages.push(message);
    }
    Ok(messages)
}

fn media_reader() -> Reader {
    let mut reader = Reader::new();
    reader.expect_media();
    reader
}

fn video(time: u32, tag: &[u8]) -> Message {
    Message::Video {
        time,
        tag: tag.to_vec().into(),
    }
}

#[test]
fn messages_may_be_interleaved() {
    let mut reader = media_reader();
    let (long, other) = ([1; 200], [2; 150]);
    let bytes = [
        chunk(6, 40, 200, VIDEO, &long[..128]),
        chunk(400, 50, 150, VIDEO, &other[..128]),
        more(6, &long[128..]),
        more(400, &other[128..]),
    ];
    assert_eq!(
        read(&mut reader, &bytes.concat()),
        Ok(vec![video(40, &long), video(50, &other)])
    );
}

#[test]
fn extended_timestamps_are_read_in_every_chunk_of_a_message() {
    let mut reader = media_reader();
    let time: u32 = 0x1234_5678;
    let tag = [1; 200];
    let bytes = [
        chunk(6, time, 200, VIDEO, &tag[..128]),
        more(6, &[&time.to_be_bytes()[..], &tag[128..]].concat()),
    ];
    assert_eq!(read(&mut reader, &bytes.concat()), Ok(vec![video(time, &tag)]));
}

#[test]
fn a_chunk_size_holds_from_the_next_chunk_on() {
    let mut reader = media_reader();
    let tag = [1; 5000];
    let bytes = [
        chunk(6, 0, 5000, VIDEO, &tag[..128]),
        chunk(2, 0, 4, 1, &4096_u32.to_be_bytes()),
        more(6, &tag[128..4224]),
        more(6, &tag[4224..]),
    ];
    assert_eq!(read(&mut reader, &bytes.concat()), Ok(vec![video(0, &tag)]));
}

#[test]
fn an_aborted_message_leaves_nothing_behind() {
    let mut reader = media_reader();
    let tag = [2; 10];
    let bytes = [
        chunk(6, 0, 200, VIDEO, &[1; 128]),
        chunk(2, 0, 4, 2, &6_u32.to_be_bytes()),
        chunk(6, 9, 10, VIDEO, &tag),
    ];
    assert_eq!(read(&mut reader, &bytes.concat()), Ok(vec![video(9, &tag)]));
}

#[test]
fn a_chunk_size_of_zero_is_refused() {
    for zero in [0_u32, 0x8000_0000] {
        let bytes = chunk(2, 0, 4, 1, &zero.to_be_bytes());
        assert_eq!(read(&mut media_reader(), &bytes), Err(Violation::NoChunkSize));
    }
}

#[test]
fn an_encoder_gets_sixteen_chunk_streams_of_sixty_five_thousand() {
    let mut reader = media_reader();
    let mut taken = 0;
    let refused = (2..65_600).find_map(|stream| match read(&mut reader, &chunk(stream, 0, 1, 0, &[0])) {
        Ok(_) => {
            taken += 1;
            None
        }
        Err(violation) => Some(violation),
    });
    assert_eq!((taken, refused), (16, Some(Violation::ChunkStreams { most: 16 })));
}

#[test]
fn a_length_that_lies_is_refused_at_the_header() {
    let claim = |length| chunk(6, 0, length, VIDEO, &[]);

    let most = 64 * 1024;
    assert_eq!(read(&mut Reader::new(), &claim(65_536)), Ok(vec![]));
    let refused = Violation::TooLong { bytes: 65_537, most };
    assert_eq!(read(&mut Reader::new(), &claim(65_537)), Err(refused));

    let most = 4 * 1024 * 1024;
    assert_eq!(read(&mut media_reader(), &claim(4_194_304)), Ok(vec![]));
    let refused = Violation::TooLong {
        bytes: 0xff_ffff,
        most,
    };
    assert_eq!(read(&mut media_reader(), &claim(0xff_ffff)), Err(refused));
}

#[test]
fn lengths_that_are_fair_alone_are_refused_together() {
    let mut reader = media_reader();
    let claim = |stream| chunk(stream, 0, 4_000_000, VIDEO, &[0; 128]);
    assert_eq!(read(&mut reader, &[claim(6), claim(7)].concat()), Ok(vec![]));
    assert_eq!(
        read(&mut reader, &claim(8)),
        Err(Violation::TooMuch {
            most: 8 * 1024 * 1024
        })
    );

    // A message that is done still counts: the decoder keeps its memory for the next one.
    let mut reader = Reader::new();
    let whole = |stream| {
        let mut bytes = chunk(stream, 0, 40_000, 0, &[0; 128]);
        (1..40_000_usize.div_ceil(128)).for_each(|_| bytes.extend(more(stream, &[0; 128])));
        bytes.truncate(bytes.len() - (128 - 40_000 % 128));
        bytes
    };
    assert_eq!(read(&mut reader, &whole(6)), Ok(vec![]));
    assert_eq!(read(&mut reader, &whole(6)), Ok(vec![]), "the same stream again");
    assert_eq!(
        read(&mut reader, &whole(7)),
        Err(Violation::TooMuch { most: 64 * 1024 })
    );
}

#[test]
fn a_message_cannot_change_its_length_or_go_on_before_it_began() {
    let bytes = [
        chunk(6, 0, 200, VIDEO, &[0; 128]),
        chunk(6, 0, 300, VIDEO, &[0; 128]),
    ]
    .concat();
    assert_eq!(read(&mut media_reader(), &bytes), Err(Violation::Changed(6)));
    assert_eq!(
        read(&mut media_reader(), &more(6, &[0; 128])),
        Err(Violation::Orphan(6))
    );
}

#[test]
fn aggregates_are_refused_instead_of_lost() {
    assert_eq!(
        read(&mut media_reader(), &chunk(6, 0, 1, 22, &[0])),
        Err(Violation::Aggregate)
    );
}

#[test]
fn nothing_that_is_read_shows_in_debug_text() {
    let publish = b"\x02\0\x07publish\0\0\0\0\0\0\0\0\0\x05\x02\0\x0ahidden-key";
    let length = u32::try_from(publish.len()).unwrap();
    let messages = read(&mut Reader::new(), &chunk(3, 0, length, 20, publish)).unwrap();
    let [Message::Publish { key }] = &messages[..] else {
        panic!("{messages:?}")
    };
    assert_eq!(key.0, "hidden-key");
    assert!(!format!("{messages:?}").contains("hidden-key"));
}

/// Chunks as somebody who knows the format would forge them.
fn forged() -> impl Strategy<Value = Vec<u8>> {
    let time = prop_oneof![0_u32..1000, any::<u32>()];
    let header = (0_u8..4, 2_u32..8, time, 0_u32..300, 0_u8..24);
    let body = prop::collection::vec(any::<u8>(), 0..140);
    (header, body).prop_map(|((format, stream, time, length, message_type), body)| {
        let mut out = BytesMut::new();
        basic_header(&mut out, format, stream);
        if format < 3 {
            out.put_uint(time.min(0xff_ffff).into(), 3);
        }
        if format < 2 {
            out.put_uint(length.into(), 3);
            out.put_u8(message_type);
        }
        if format < 1 {
            out.put_u32_le(1);
        }
        out.put_slice(&body);
        out.to_vec()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Also: whatever the decoder takes is what was foreseen, or it would be called ambiguous.
    #[test]
    fn no_chunks_are_too_strange(chunks in prop::collection::vec(forged(), 0..24)) {
        let read = read(&mut media_reader(), &chunks.concat());
        let ambiguous = matches!(&read, Err(Violation::Unreadable(why)) if why.contains("ambiguous"));
        prop_assert!(!ambiguous, "{:?}", read);
    }

    #[test]
    fn messages_arrive_as_sent_however_the_network_cuts_them(
        tags in prop::collection::vec((any::<u32>(), prop::collection::vec(any::<u8>(), 1..400)), 1..8),
        cuts in prop::collection::vec(1_usize..200, 1..20),
    ) {
        let mut serializer = ChunkSerializer::new();
        let mut bytes = Vec::new();
        for (time, tag) in &tags {
            let (timestamp, data) = (RtmpTimestamp::new(*time), tag.clone().into());
            let payload = MessagePayload { timestamp, type_id: VIDEO, message_stream_id: 1, data };
            bytes.extend(serializer.serialize(&payload, true, false).unwrap().bytes);
        }

        let (mut reader, mut input, mut messages) = (media_reader(), BytesMut::new(), Vec::new());
        let mut cuts = cuts.iter().cycle();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, left) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            rest = left;
            input.extend_from_slice(piece);
            while let Some(message) = reader.next(&mut input).unwrap() {
                messages.push(message);
            }
        }

        let sent: Vec<_> = tags.iter().map(|(time, tag)| video(*time, tag)).collect();
        prop_assert_eq!(messages, sent);
    }
}
