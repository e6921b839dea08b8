//! News of epochs.

use bytes::Bytes;
use wire::feed::{Answer, FromOrigin, NEWS};
use wire::id::Epoch;
use wire::news::{MAX_SEALS, MAX_SEALS_BYTES, News, Turn};
use wire::seal::{Refusal, Signed};

use crate::samples::{EPOCH, channel, chunk, id, init, origin, stranger};

fn says(turn: Turn) -> News {
    News {
        channel: channel(),
        epoch: EPOCH,
        turn,
    }
}

#[test]
fn news_are_read_as_they_were_signed() {
    let keys = [origin().public()];
    let begins = News::begins(channel(), EPOCH, [init().seal().clone()]);
    for news in [begins, says(Turn::Ends), says(Turn::TakenDown)] {
        let signed = news.sign(&origin());
        assert_eq!(News::open(&signed, &keys), Ok(news.clone()));
        assert_eq!(News::claimed(&signed), Ok(news.clone()));
        assert_eq!(
            News::open(&news.sign(&stranger()), &keys),
            Err(Refusal::Forged("news"))
        );
    }
}

#[test]
fn only_init_segments_of_the_epoch_are_in_them() {
    let keys = [origin().public()];
    let media = chunk(id(1, 0), false, b"media").seal().clone();
    let elsewhere = News {
        epoch: Epoch(EPOCH.0 + 1),
        ..News::begins(channel(), EPOCH, [init().seal().clone()])
    };
    for news in [says(Turn::Begins(vec![media])), elsewhere] {
        let refused = News::open(&news.sign(&origin()), &keys);
        assert!(matches!(refused, Err(Refusal::Malformed { .. })), "{refused:?}");
    }
}

#[test]
fn what_does_not_fit_is_left_out_and_the_rest_is_within_the_bound() {
    let seals = std::iter::repeat_n(init().seal().clone(), 1000);
    let news = News::begins(channel(), EPOCH, seals);
    let Turn::Begins(kept) = &news.turn else {
        panic!("it begins");
    };
    let bytes: usize = kept.iter().map(|seal| seal.bytes().len()).sum();
    assert!(!kept.is_empty() && kept.len() <= MAX_SEALS && bytes <= MAX_SEALS_BYTES);
    let signed = news.sign(&origin());
    assert!(signed.len() <= News::MAX_BYTES);
    assert_eq!(News::open(&signed, &[origin().public()]), Ok(news));
}

#[test]
fn news_are_told_from_hellos_and_chunks_on_the_feed() {
    let signed = says(Turn::Ends).sign(&origin());
    let frames = vec![Bytes::from_static(NEWS), signed.clone()];
    assert!(matches!(FromOrigin::parse(frames), Ok(FromOrigin::News(news)) if news == signed));
    let large = Bytes::from(vec![0; News::MAX_BYTES + 1]);
    let refused = FromOrigin::parse(vec![Bytes::from_static(NEWS), large]);
    assert!(matches!(refused, Err(Refusal::TooLarge { .. })));
    for answer in [Answer::Heard, Answer::Unheard("forged".into())] {
        assert_eq!(Answer::decode(&answer.encode()), Ok(answer));
    }
}
