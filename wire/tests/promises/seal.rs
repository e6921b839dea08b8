//! What is sealed opens, and nothing else does.

use bytes::Bytes;
use proptest::prelude::*;
use wire::chunk::{Chunk, ChunkRecord, Facts, MAX_POSTER_BYTES, SealedChunk};
use wire::feed::Hello;
use wire::id::{ChunkId, TrackId};
use wire::seal::{Refusal, open};

use crate::samples::{EPOCH, channel, chunk, id, init, iso_box, origin, poster, poster_facts, stranger};

fn reopen(bytes: impl Into<Bytes>, expected: &ChunkId) -> Result<Chunk, Refusal> {
    SealedChunk::new(bytes.into()).open(expected, &[stranger().public(), origin().public()])
}

proptest! {
    #[test]
    fn what_is_sealed_opens(
        media in prop::collection::vec(any::<u8>(), 0..2000), segment in 1_u32.., index in 0_u16..64,
        last: bool, time: u64, duration: u32, timescale in 1_u32.., audio: bool,
    ) {
        let track = if audio { TrackId::AUDIO } else { TrackId::VIDEO };
        let id = ChunkId { channel: channel(), epoch: EPOCH, track, segment, index };
        let body = [iso_box(*b"moof", b"a fragment"), iso_box(*b"mdat", &media)].concat();
        let made = Chunk::sealed(&origin(), Facts { id: id.clone(), last, time, duration, timescale }, &[], &body).unwrap();

        let opened = reopen(made.bytes().clone(), &id).unwrap();

        prop_assert_eq!(opened.record(), made.record());
        prop_assert_eq!(made.seal().open(&[origin().public()]).unwrap(), opened.record().clone());
    }

    #[test]
    fn a_poster_that_is_sealed_opens(jpeg in prop::collection::vec(any::<u8>(), 0..2000), number in 1_u32..) {
        let made = poster(number, &jpeg);
        let opened = reopen(made.bytes().clone(), made.id()).unwrap();
        prop_assert_eq!(opened.record(), made.record());
        prop_assert_eq!(opened.jpeg().unwrap(), jpeg);
    }

    #[test]
    fn any_flipped_bit_is_refused(at: prop::sample::Index, bit in 0_u8..8, kind in 0_u8..3) {
        let of_init = kind == 0;
        let made = match kind {
            0 => init(),
            1 => chunk(id(3, 0), true, b"some media"),
            _ => poster(3, b"some media"),
        };
        let mut bytes = made.bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;

        let refusal = reopen(bytes, made.id()).unwrap_err();

        let seal = made.seal().bytes();
        let start = made.bytes().windows(seal.len()).position(|bytes| bytes == &seal[..]).unwrap();
        let (in_seal, in_media) = (start..start + seal.len(), made.bytes().len() - b"some media".len()..);
        if !of_init && in_media.contains(&at) {
            prop_assert_eq!(refusal, Refusal::Damaged(made.id().clone().into()));
        } else if in_seal.contains(&at) {
            prop_assert!(["forged", "malformed"].contains(&refusal.reason()), "{}", refusal);
        } else {
            prop_assert!(["damaged", "malformed"].contains(&refusal.reason()), "{}", refusal);
        }
    }
}

#[test]
fn every_bit_of_the_signed_part_is_under_the_signature() {
    let made = chunk(id(3, 0), true, b"some media");
    let seal = made.seal().bytes();
    for at in 0..seal.len() {
        let mut bytes = seal.to_vec();
        bytes[at] ^= 1;
        let refusal = open::<ChunkRecord>(&bytes, &[origin().public()]).unwrap_err();
        assert!(
            matches!(refusal, Refusal::Forged(_) | Refusal::Malformed { .. }),
            "byte {at}: {refusal}"
        );
    }
}

#[test]
fn a_strangers_chunk_is_forged() {
    let made = chunk(id(3, 0), true, b"some media");
    let refusal = SealedChunk::new(made.bytes().clone())
        .open(made.id(), &[stranger().public()])
        .unwrap_err();
    assert_eq!(refusal, Refusal::Forged("seal"));
}

#[test]
fn a_chunk_opens_under_its_own_name_only() {
    let made = chunk(id(3, 0), false, b"some media");
    let refusal = reopen(made.bytes().clone(), &id(3, 1)).unwrap_err();
    assert_eq!(refusal.reason(), "unexpected");
}

#[test]
fn nothing_may_be_added_to_a_chunk() {
    let made = chunk(id(3, 0), true, b"some media");
    let emsg_of_another = {
        let other = chunk(id(3, 1), true, b"some media");
        other.bytes()[..other.bytes().len() - 8 - 10 - 8 - 10].to_vec()
    };
    for (case, bytes) in [
        (
            "a box at the end",
            [&made.bytes()[..], &iso_box(*b"free", b"")].concat(),
        ),
        ("a byte at the end", [&made.bytes()[..], b"x"].concat()),
        (
            "a second seal",
            [&emsg_of_another[..], &made.bytes()[..]].concat(),
        ),
        (
            "a box before",
            [&iso_box(*b"free", b"")[..], made.bytes()].concat(),
        ),
        ("cut short", made.bytes()[..made.bytes().len() - 1].to_vec()),
    ] {
        assert_eq!(
            reopen(bytes, made.id()).unwrap_err().reason(),
            "malformed",
            "{case}"
        );
    }
}

#[test]
fn a_poster_is_one_chunk_of_bounded_size() {
    let sealed = |facts, bytes| Chunk::sealed_poster(&origin(), facts, &vec![7; bytes]).map(|_| ());
    let most = MAX_POSTER_BYTES as usize - 8;
    assert_eq!(sealed(poster_facts(1), most), Ok(()));
    assert_eq!(
        sealed(poster_facts(1), most + 1).unwrap_err().reason(),
        "too-large"
    );

    let id = poster_facts(1).id;
    for wrong in [
        Facts {
            last: false,
            ..poster_facts(1)
        },
        Facts {
            id: ChunkId {
                index: 1,
                ..id.clone()
            },
            ..poster_facts(1)
        },
        Facts {
            id: ChunkId { segment: 0, ..id },
            time: 0,
            duration: 0,
            ..poster_facts(1)
        },
    ] {
        assert_eq!(sealed(wrong, 10).unwrap_err().reason(), "malformed");
    }
}

#[test]
fn what_is_sealed_as_one_thing_has_no_other_shape() {
    let media = [iso_box(*b"moof", b"a fragment"), iso_box(*b"mdat", b"some media")].concat();
    let movie = [iso_box(*b"ftyp", b"cmfc"), iso_box(*b"moov", b"a movie")].concat();
    let picture = iso_box(*b"mdat", b"a picture");
    let shapes: [(&[u8], &[u8]); 3] = [(&[], &media), (&movie, &[]), (&[], &picture)];
    let named = [
        Facts {
            duration: 1,
            ..chunk_facts(id(3, 0))
        },
        chunk_facts(ChunkId::init(channel(), EPOCH, TrackId::VIDEO)),
        poster_facts(3),
    ];
    for (at, facts) in named.into_iter().enumerate() {
        for (of, (head, body)) in shapes.into_iter().enumerate() {
            let sealed = Chunk::sealed(&origin(), facts.clone(), head, body);
            assert_eq!(sealed.is_ok(), at == of, "{} with boxes {of}", facts.id);
        }
    }
}

fn chunk_facts(id: ChunkId) -> Facts {
    Facts {
        id,
        last: true,
        time: 0,
        duration: 0,
        timescale: 1000,
    }
}

#[test]
fn a_poster_has_its_seal_before_the_picture() {
    let made = poster(3, b"a picture");
    assert_eq!(&made.bytes()[4..8], b"uuid");
    assert_eq!(made.jpeg().unwrap(), &b"a picture"[..]);
    assert_eq!(made.record().size, 8 + 9);
    assert_eq!(chunk(id(3, 0), true, b"some media").jpeg(), None);
}

#[test]
fn a_signature_for_one_purpose_does_not_pass_for_another() {
    let hello = Hello {
        version: wire::Version,
        to: wire::id::BoxId::of(&origin().public()),
        time: 1,
    };
    let refusal = open::<ChunkRecord>(&hello.sign(&origin()), &[origin().public()]).unwrap_err();
    assert_eq!(refusal, Refusal::Forged("seal"));
}

#[test]
fn an_init_segment_is_sealed_like_a_chunk() {
    let made = init();
    assert!(made.id().is_init());
    assert_eq!(
        reopen(made.bytes().clone(), made.id()).unwrap().record(),
        made.record()
    );
    assert_eq!(&made.bytes()[4..8], b"ftyp", "players want ftyp first");
}
