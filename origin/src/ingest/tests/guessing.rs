//! Who guesses keys waits, and nothing that anybody shows as a key is told on.

use super::encoder::{Encoder, KEY, Wish};
use super::log::Log;
use super::origin::{Caller, OTHER_KEY, Origin};
use super::sockets::rest;

#[tokio::test]
async fn who_guesses_keys_without_end_waits_is_counted_and_does_not_fill_the_log() {
    const GUESSES: usize = 20;
    let log = Log::capture();
    let mut origin = Origin::open().await;
    let (_encoder, publisher) = origin.publish().await;

    for guess in 0..GUESSES {
        let mut wrong = Caller::call(origin.address, Encoder::publisher("a-wrong-key")).await;
        let (code, description) = wrong.refused().await.unwrap();
        assert_eq!(code, "NetStream.Publish.BadName");
        if guess < 5 {
            assert_eq!(description, "no channel has this stream key");
        } else {
            assert!(
                description.starts_with("too many wrong stream keys came from this address: wait "),
                "{description}"
            );
        }
    }
    // A right key is not looked at either: it would tell that it is one.
    let mut right = Caller::call(origin.address, Encoder::publisher(OTHER_KEY)).await;
    let (_, description) = right.refused().await.unwrap();
    assert!(description.contains("wait"), "{description}");
    assert!(!publisher.units.is_closed(), "who publishes already goes on");

    let counts = origin.counts.clone();
    origin.finish().await;
    assert_eq!(counts.wrong_keys.get(), 5);
    assert_eq!(counts.connections_refused.get(), GUESSES as u64 + 1);
    let events = log.events();
    assert!(events.len() < GUESSES / 2, "{events:?}");
}

#[tokio::test]
async fn no_key_is_ever_logged_wherever_it_was_put() {
    const WRONG: &str = "a-key-that-opens-nothing";
    let log = Log::capture();
    let mut origin = Origin::open().await;
    let address = format!("rtmp://{}/live", origin.address);

    let mut wrong = Caller::call(origin.address, Encoder::talkative("live", &address, WRONG)).await;
    let (code, description) = wrong.refused().await.unwrap();
    assert_eq!(
        (&*code, &*description),
        ("NetStream.Publish.BadName", "no channel has this stream key")
    );
    // Typed into the wrong field, in one way after another.
    for (app, url) in [
        (format!("live/{KEY}"), format!("{address}/{KEY}")),
        (format!("live?key={KEY}"), format!("{address}?key={KEY}")),
        (format!("{KEY}/{WRONG}"), address.clone()),
    ] {
        let mut misplaced = Caller::call(origin.address, Encoder::talkative(&app, &url, KEY)).await;
        let (code, description) = misplaced.refused().await.unwrap();
        assert_eq!(code, "NetConnection.Connect.InvalidApp");
        assert!(!description.contains(KEY) && !description.contains(WRONG));
    }
    let query = format!("{WRONG}?key={KEY}");
    let mut behind = Caller::call(origin.address, Encoder::talkative("live", &address, &query)).await;
    behind.refused().await.unwrap();
    let mut viewer = Caller::call(origin.address, Encoder::new("live", KEY, Wish::Play)).await;
    viewer.refused().await.unwrap();

    // And right ones, with a publisher's whole life.
    let url = format!("{address}?key={KEY}");
    let mut right = Caller::call(origin.address, Encoder::talkative("live/", &url, KEY)).await;
    right.until("publishing", |encoder| encoder.publishing).await;
    let mut publisher = origin.publisher().await;
    let mut second = Caller::call(origin.address, Encoder::publisher(KEY)).await;
    right.speaking("a refusal", second.refused()).await.unwrap();
    let shown = format!("{publisher:?} {:?}", origin.keys.borrow());
    drop(right);
    rest(&mut publisher).await;
    origin.finish().await;

    let all = log.all() + &shown;
    assert!(all.contains("TRACE"), "the whole log is looked at: {all}");
    for reason in [
        "no channel has this stream key",
        "rtmp://HOST/live",
        "publisher gone",
    ] {
        assert!(all.contains(reason), "{all}");
    }
    for key in [WRONG, KEY] {
        assert!(!all.contains(key), "{key} in {all}");
    }
    let address = "127.0.0.1";
    assert!(
        !log.events().iter().any(|event| event.contains(address)),
        "{:?}",
        log.events()
    );
}
