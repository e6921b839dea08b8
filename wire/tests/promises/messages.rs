//! Messages read back as they were written, and arbitrary bytes are refused in words.

use bytes::Bytes;
use proptest::prelude::*;
use wire::announcement::{Announcement, Carried, Load, Met, Served};
use wire::audience::Audience;
use wire::chunk::{ChunkRecord, HASH_BYTES, SealedChunk};
use wire::exchange::{self, MAX_HAVE, MAX_LEFT, Want, Word};
use wire::feed::{Answer, FromOrigin, Hello};
use wire::id::BoxId;
use wire::news::News;
use wire::parts::PART_BYTES;
use wire::presentation::{Document, Presentation, State, TrackSummary};
use wire::proof::Proof;
use wire::seal::{Refusal, Signed, open, sign};
use wire::tracker_id::TrackerId;

use crate::samples::{EPOCH, channel, chunk, id, origin, stranger};

fn announcement() -> Announcement {
    Announcement {
        version: wire::Version,
        key: stranger().public(),
        sequence: 1_790_000_000_123,
        leaving: false,
        http: "http://0.0.0.0:8090".parse().unwrap(),
        zmq_port: 8091,
        p2p_port: 8092,
        load: Load {
            upload_bits_per_second: 20_000_000,
            sending_bits_per_second: 4_000_000,
            viewers: 3,
        },
        served: Served::default(),
        carried: vec![Carried {
            channel: channel(),
            epoch: EPOCH,
            newest: 7,
        }],
        room: 5,
        channels: Vec::new(),
        met: vec![Met {
            id: BoxId::of(&origin().public()),
            gave: true,
        }],
        audiences: vec![(channel(), audience())],
        tracker: TrackerId::from_bytes([5; 16]),
    }
}

fn audience() -> Audience {
    Audience {
        viewers: 3,
        bits_per_second: 9_000_000,
    }
}

fn presentation() -> Presentation {
    Presentation {
        version: wire::Version,
        key: origin().public(),
        sequence: 1_790_000_000_123,
        channel: channel(),
        epoch: EPOCH,
        state: State::Live,
        http: "http://0.0.0.0:8081".parse().unwrap(),
        documents: vec![Document::new("manifest.mpd", "<MPD/>")],
        newest: 7,
        viewer_bytes: 0,
        tracks: vec![TrackSummary {
            track: "v0".parse().unwrap(),
            codecs: "avc1.64001f".into(),
            bits_per_second: 1,
        }],
        silent: vec![BoxId::of(&stranger().public())],
        poster: 0,
        warnings: Vec::new(),
        successions: Vec::new(),
        takedowns: Vec::new(),
        audience: audience(),
        seeds: vec![BoxId::of(&stranger().public())],
    }
}

#[test]
fn an_announcement_speaks_for_its_own_key_only() {
    let good = announcement();
    assert_eq!(Announcement::open(&good.sign(&stranger())).unwrap(), good);
    assert_eq!(
        Announcement::open(&good.sign(&origin())).unwrap_err(),
        Refusal::Forged("announcement")
    );
}

#[test]
fn a_presentation_reads_back() {
    let good = presentation();
    assert_eq!(Presentation::open(&good.sign(&origin())).unwrap(), good);
    assert_eq!(
        Presentation::open(&good.sign(&stranger())).unwrap_err(),
        Refusal::Forged("presentation")
    );
}

#[test]
fn a_message_over_its_bound_is_refused() {
    let carried = announcement().carried[0].clone();
    let many = Announcement {
        carried: vec![carried; 65],
        ..announcement()
    };
    assert_eq!(
        Announcement::open(&many.sign(&stranger())).unwrap_err().reason(),
        "malformed"
    );

    let picky = Announcement {
        channels: vec![channel(); 65],
        ..announcement()
    };
    assert_eq!(
        Announcement::open(&picky.sign(&stranger())).unwrap_err().reason(),
        "malformed"
    );

    let long = Presentation {
        documents: vec![Document::new("manifest.mpd", "x".repeat(600 << 10))],
        ..presentation()
    };
    assert_eq!(
        Presentation::open(&long.sign(&origin())).unwrap_err().reason(),
        "too-large"
    );
}

#[test]
fn another_version_is_refused_with_both_named() {
    #[derive(minicbor::Encode, minicbor::Decode)]
    #[cbor(array)]
    struct Later(#[n(0)] u64, #[n(1)] String);
    impl Signed for Later {
        const NAME: &'static str = "hello";
        const PURPOSE: &'static str = Hello::PURPOSE;
        const MAX_BYTES: usize = Hello::MAX_BYTES;
    }
    let refusal = open::<Hello>(
        &sign(&origin(), &Later(2, "anything".into())),
        &[origin().public()],
    )
    .unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "hello is of version 2; version 1 is spoken here"
    );
}

#[test]
fn exchange_messages_read_back() {
    let seal = chunk(id(1, 0), false, b"media").seal().clone();
    let want = |number, here, hands_on| {
        Word::Want(Want {
            number,
            id: id(1, 0),
            here,
            hands_on,
        })
    };
    let answers = {
        use exchange::Answer::{Busy, Gone, Here, Wait};
        [Here, Wait, Busy, Gone].map(|answer| Word::Answer(300, answer))
    };
    let words = [
        Word::Have(vec![seal.clone(); MAX_HAVE]),
        want(0, 0, true),
        want(u32::MAX, 7, false),
        Word::Done(id(1, 0)),
        Word::Seek(id(1, 0)),
        Word::Take(1, u16::MAX),
        Word::Stop(2),
        Word::Leave(vec![channel(); MAX_LEFT]),
        Word::Leave(Vec::new()),
        Word::Part(3, Bytes::from_static(b"some of it")),
        Word::Part(4, vec![7; HASH_BYTES + PART_BYTES].into()),
    ];
    for word in words.into_iter().chain(answers) {
        assert_eq!(Word::decode(&word.encode()).unwrap(), word);
    }
    let too_many = Word::Leave(vec![channel(); MAX_LEFT + 1]);
    assert!(Word::decode(&too_many.encode()).is_err());
    let too_long = Word::Part(5, vec![7; HASH_BYTES + PART_BYTES + 1].into());
    assert_eq!(
        Word::decode(&too_long.encode()).unwrap_err().reason(),
        "too-large"
    );
    for count in [0, MAX_HAVE + 1] {
        let refusal = Word::decode(&Word::Have(vec![seal.clone(); count]).encode()).unwrap_err();
        assert!(
            ["malformed", "too-large"].contains(&refusal.reason()),
            "{count} seals: {refusal}"
        );
    }
}

#[test]
fn feed_messages_read_back() {
    let long = "é".repeat(300);
    let answers = [
        Answer::Welcome,
        Answer::Unwelcome("no hello yet".into()),
        Answer::Received(id(1, 0)),
        Answer::Refused(id(1, 0), "forged".into()),
    ];
    for answer in answers {
        assert_eq!(Answer::decode(&answer.encode()).unwrap(), answer);
    }
    assert!(
        Answer::decode(&Answer::Unwelcome(long).encode()).is_ok(),
        "a long reason is cut at a character"
    );
    assert!(FromOrigin::parse(vec![]).is_err());
    assert!(FromOrigin::parse(vec![Bytes::new(); 3]).is_err());
    assert!(FromOrigin::parse(vec![Bytes::from(vec![0; 513])]).is_err());
}

/// Puts `payload` into a signed message that is in order, so that reading goes past the signature.
fn signed_anyhow(purpose: &str, payload: &[u8]) -> Bytes {
    use ed25519_dalek::{Signer, SigningKey};
    let text = |major: u8, bytes: &[u8]| {
        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        let head = match bytes.len() {
            small @ 0..24 => vec![major << 5 | u8::try_from(small).unwrap()],
            byte @ 24..256 => vec![major << 5 | 0x18, u8::try_from(byte).unwrap()],
            _ => vec![major << 5 | 0x19, length[0], length[1]],
        };
        [&head[..], bytes].concat()
    };
    let parts = [
        text(3, b"Signature1"),
        text(2, &[0xA1, 1, 0x27]),
        text(2, purpose.as_bytes()),
        text(2, payload),
    ];
    let signature = SigningKey::from_bytes(&origin().seed()).sign(&[&[0x84][..], &parts.concat()].concat());
    [
        &[0xD2, 0x84, 0x43, 0xA1, 1, 0x27, 0xA0][..],
        &text(2, payload),
        &[0x58, 0x40],
        &signature.to_bytes(),
    ]
    .concat()
    .into()
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let keys = [origin().public()];
        let bytes = Bytes::from(bytes);
        let _ = Word::decode(&bytes);
        let _ = Answer::decode(&bytes);
        let _ = Announcement::open(&bytes);
        let _ = Presentation::open(&bytes);
        let _ = News::open(&bytes, &keys);
        let _ = SealedChunk::new(bytes.clone()).open(&id(1, 0), &keys);
        for kind in 0..12 {
            let framed = Bytes::from([&[kind], &bytes[..]].concat());
            let _ = Word::decode(&framed);
        }
        let _ = FromOrigin::parse(vec![bytes]);
    }

    #[test]
    fn arbitrary_payloads_under_a_good_signature_never_panic(payload in prop::collection::vec(any::<u8>(), 0..400)) {
        let keys = [origin().public()];
        let _ = open::<ChunkRecord>(&signed_anyhow(ChunkRecord::PURPOSE, &payload), &keys);
        let _ = Hello::open(&signed_anyhow(Hello::PURPOSE, &payload), &keys);
        let _ = News::open(&signed_anyhow(News::PURPOSE, &payload), &keys);
        let _ = Proof::open(&signed_anyhow(Proof::PURPOSE, &payload), &keys[0]);
    }
}

#[test]
fn our_signature_is_what_cose_says() {
    let record = chunk(id(1, 0), false, b"media").record().clone();
    let payload = {
        let seal = sign(&origin(), &record);
        minicbor::Decoder::new(&seal[7..]).bytes().unwrap().to_vec()
    };
    let by_hand = signed_anyhow(ChunkRecord::PURPOSE, &payload);
    assert_eq!(by_hand, sign(&origin(), &record));
    assert_eq!(
        open::<ChunkRecord>(&by_hand, &[origin().public()]).unwrap(),
        record
    );
}
