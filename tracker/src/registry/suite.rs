//! What every registry promises, asked of each of them.

use std::sync::Arc;

use wire::id::ChannelName;
use wire::key::PublicKey;

use super::*;
use crate::testing::{self, NOW, RedisServer, box_id, box_record, channel_record, presentation};

const HTTP: &str = "http://0.0.0.0:8090";
const HERE: &str = "127.0.0.1";

fn heard(n: u8, sequence: u64) -> Arc<BoxRecord> {
    box_record(n, sequence, HTTP, HERE)
}

fn goodbye(n: u8, sequence: u64) -> Arc<BoxRecord> {
    let mut announcement = testing::announcement(n, sequence, HTTP);
    announcement.leaving = true;
    testing::record_of(n, announcement, HERE)
}

fn said(n: u8, sequence: u64) -> Arc<ChannelRecord> {
    channel_record(n, presentation(n, sequence))
}

fn trusted() -> Arc<[PublicKey]> {
    [1, 2].map(|n| testing::key(n).public()).into()
}

fn demo() -> ChannelName {
    "demo".parse().unwrap()
}

async fn a_box_is_there_after_it_spoke_and_its_record_is_what_it_said(registry: &dyn Registry) {
    assert_eq!(registry.announce(heard(1, NOW)).await, Ok(Outcome::Accepted));
    let snapshot = registry.snapshot(NOW).await.unwrap();
    let known = &snapshot.boxes[&box_id(1)];
    assert_eq!(known.announcement, heard(1, NOW).announcement);
    assert_eq!(known.seen_from, heard(1, NOW).seen_from);
}

async fn a_replay_changes_nothing(registry: &dyn Registry) {
    registry.announce(heard(1, NOW)).await.unwrap();
    assert_eq!(registry.announce(heard(1, NOW + 5)).await, Ok(Outcome::Accepted));
    for stale in [NOW, NOW + 4, NOW + 5] {
        assert_eq!(
            registry.announce(heard(1, stale)).await,
            Ok(Outcome::Stale),
            "{stale}"
        );
    }
    let snapshot = registry.snapshot(NOW).await.unwrap();
    assert_eq!(snapshot.boxes[&box_id(1)].announcement.sequence, NOW + 5);
}

async fn a_box_that_is_silent_for_ten_seconds_is_gone(registry: &dyn Registry) {
    registry.announce(heard(1, NOW)).await.unwrap();
    registry.announce(heard(2, NOW + 1)).await.unwrap();
    assert_eq!(registry.snapshot(NOW + ALIVE).await.unwrap().boxes.len(), 2);
    let left = registry.snapshot(NOW + ALIVE + 1).await.unwrap().boxes;
    assert_eq!(left.into_keys().collect::<Vec<_>>(), [box_id(2)]);
}

async fn a_goodbye_outlives_what_was_said_before_it(registry: &dyn Registry) {
    registry.announce(heard(1, NOW)).await.unwrap();
    registry.announce(goodbye(1, NOW + 1)).await.unwrap();
    assert_eq!(registry.announce(heard(1, NOW)).await, Ok(Outcome::Stale));
    let snapshot = registry.snapshot(NOW + 1).await.unwrap();
    assert!(snapshot.boxes[&box_id(1)].announcement.leaving);
}

async fn a_goodbye_of_a_box_that_nobody_knows_leaves_nothing(registry: &dyn Registry) {
    assert_eq!(registry.announce(goodbye(1, NOW)).await, Ok(Outcome::Stale));
    assert!(registry.snapshot(NOW).await.unwrap().boxes.is_empty());
    assert_eq!(registry.announce(heard(1, NOW)).await, Ok(Outcome::Accepted));
}

async fn what_is_too_old_is_forgotten_and_the_rest_is_not(registry: &dyn Registry) {
    for (n, sequence) in [(1, NOW), (2, NOW + FORGET_BOXES)] {
        registry.announce(heard(n, sequence)).await.unwrap();
        let http = heard(n, sequence).http();
        registry
            .judge(
                box_id(n),
                Arc::new(Verdict {
                    http,
                    at: NOW,
                    refusal: None,
                    ports: vec![],
                }),
            )
            .await
            .unwrap();
    }
    registry.sweep(NOW + FORGET_BOXES + 1).await.unwrap();
    // A moment at which both would be alive.
    let snapshot = registry.snapshot(NOW).await.unwrap();
    assert_eq!(snapshot.boxes.into_keys().collect::<Vec<_>>(), [box_id(2)]);
    assert_eq!(snapshot.verdicts.into_keys().collect::<Vec<_>>(), [box_id(2)]);
}

async fn a_channel_is_there_after_it_was_presented(registry: &dyn Registry) {
    assert_eq!(
        registry.present(said(1, NOW), trusted()).await,
        Ok(Claim::Accepted)
    );
    let snapshot = registry.snapshot(NOW).await.unwrap();
    let known = &snapshot.channels[&demo()];
    let expected = said(1, NOW);
    assert_eq!(known.presentation, expected.presentation);
    assert_eq!(known.documents, expected.documents);
    assert_eq!(known.heard, expected.heard);
}

async fn a_presentation_that_is_not_newer_changes_nothing(registry: &dyn Registry) {
    registry.present(said(1, NOW + 5), trusted()).await.unwrap();
    for stale in [NOW, NOW + 5] {
        assert_eq!(
            registry.present(said(1, stale), trusted()).await,
            Ok(Claim::Stale)
        );
    }
    let snapshot = registry.snapshot(NOW).await.unwrap();
    assert_eq!(snapshot.channels[&demo()].presentation.sequence, NOW + 5);
}

async fn a_channel_belongs_to_the_first_trusted_key_that_published_it(registry: &dyn Registry) {
    let (first, second) = (testing::key(1).public(), testing::key(2).public());
    registry.present(said(1, NOW), trusted()).await.unwrap();
    assert_eq!(
        registry.present(said(2, NOW + 1), trusted()).await,
        Ok(Claim::Owned(first))
    );
    let snapshot = registry.snapshot(NOW).await.unwrap();
    assert_eq!(snapshot.channels[&demo()].presentation.key, first);

    // Until the operator does not trust that key any more.
    assert_eq!(
        registry.present(said(2, NOW + 2), [second].into()).await,
        Ok(Claim::Accepted)
    );
    assert_eq!(
        registry.present(said(1, NOW + 3), trusted()).await,
        Ok(Claim::Owned(second))
    );
}

async fn a_channel_passes_to_the_key_that_its_owner_names_and_never_back(registry: &dyn Registry) {
    let follows = |from: u8, to: u8, sequence: u64| {
        let mut offered = presentation(to, sequence);
        offered.successions = vec![testing::succession(from, to, NOW, NOW + 1000).into()];
        channel_record(to, offered)
    };
    let only_first: Arc<[PublicKey]> = [testing::key(1).public()].into();
    registry.present(said(1, NOW), only_first.clone()).await.unwrap();
    let present = async |record| registry.present(record, only_first.clone()).await;
    assert_eq!(present(follows(1, 2, NOW + 1)).await, Ok(Claim::Accepted));
    let second = Ok(Claim::Owned(testing::key(2).public()));
    assert_eq!(
        present(said(1, NOW + 2)).await,
        second,
        "nor by another that it names"
    );
    assert_eq!(present(follows(1, 3, NOW + 3)).await, second);
    assert_eq!(present(follows(1, 2, NOW + 4)).await, Ok(Claim::Accepted));
    let snapshot = registry.snapshot(NOW + 4).await.unwrap();
    let known = &snapshot.channels[&demo()];
    assert_eq!(known.keys(NOW), [2, 1].map(|n| testing::key(n).public()));
    assert_eq!(known.keys(NOW + 1000), [testing::key(2).public()]);
}

async fn a_channel_off_air_is_forgotten_after_a_day(registry: &dyn Registry) {
    registry.present(said(1, NOW), trusted()).await.unwrap();
    registry.sweep(NOW + FORGET_CHANNELS - 1).await.unwrap();
    assert_eq!(registry.snapshot(NOW).await.unwrap().channels.len(), 1);
    registry.sweep(NOW + FORGET_CHANNELS + 1).await.unwrap();
    assert!(registry.snapshot(NOW).await.unwrap().channels.is_empty());
    assert_eq!(
        registry.present(said(2, NOW), trusted()).await,
        Ok(Claim::Accepted),
        "it is anyone's"
    );
}

async fn a_verdict_is_shared(registry: &dyn Registry) {
    registry.announce(heard(1, NOW)).await.unwrap();
    let http = heard(1, NOW).http();
    for refusal in [Some("nobody answers".to_owned()), None] {
        let verdict = Arc::new(Verdict {
            http: http.clone(),
            at: NOW,
            refusal,
            ports: vec![PortVerdict {
                port: 8091,
                refusal: Some("connection refused".into()),
            }],
        });
        registry.judge(box_id(1), verdict.clone()).await.unwrap();
        assert_eq!(
            registry.snapshot(NOW).await.unwrap().verdicts[&box_id(1)],
            verdict
        );
    }
}

async fn the_first_session_key_is_everybodys(registry: &dyn Registry) {
    let (one, other) = (SessionKey::from_bytes([1; 32]), SessionKey::from_bytes([2; 32]));
    assert_eq!(registry.session_key(one).await, Ok(one));
    assert_eq!(registry.session_key(other).await, Ok(one));
    assert_eq!(registry.session_key(one).await, Ok(one));
}

macro_rules! promises {
    ($($promise:ident),* $(,)?) => {
        mod in_memory {
            use super::*;
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(&Memory::default()).await;
            })*
        }

        mod in_redis {
            use super::*;
            $(#[tokio::test]
            async fn $promise() {
                let server = RedisServer::start();
                let registry = Redis::new(server.url().parse().unwrap());
                super::$promise(&registry).await;
            })*
        }
    };
}
promises!(
    a_box_is_there_after_it_spoke_and_its_record_is_what_it_said,
    a_replay_changes_nothing,
    a_box_that_is_silent_for_ten_seconds_is_gone,
    a_goodbye_outlives_what_was_said_before_it,
    a_goodbye_of_a_box_that_nobody_knows_leaves_nothing,
    what_is_too_old_is_forgotten_and_the_rest_is_not,
    a_channel_is_there_after_it_was_presented,
    a_presentation_that_is_not_newer_changes_nothing,
    a_channel_belongs_to_the_first_trusted_key_that_published_it,
    a_channel_passes_to_the_key_that_its_owner_names_and_never_back,
    a_channel_off_air_is_forgotten_after_a_day,
    a_verdict_is_shared,
    the_first_session_key_is_everybodys,
);

mod shared {
    use super::*;

    fn two(server: &RedisServer) -> [Redis; 2] {
        [(); 2].map(|()| Redis::new(server.url().parse().unwrap()))
    }

    #[tokio::test]
    async fn what_one_tracker_hears_the_other_knows() {
        let server = RedisServer::start();
        let [one, other] = two(&server);
        one.announce(heard(1, NOW)).await.unwrap();
        one.present(said(1, NOW), trusted()).await.unwrap();
        let snapshot = other.snapshot(NOW).await.unwrap();
        assert_eq!(
            snapshot.boxes[&box_id(1)].announcement,
            heard(1, NOW).announcement
        );
        assert_eq!(snapshot.channels[&demo()].presentation, said(1, NOW).presentation);
        assert_eq!(other.announce(heard(1, NOW)).await, Ok(Outcome::Stale));
        assert!(matches!(
            other.present(said(2, NOW + 1), trusted()).await,
            Ok(Claim::Owned(_))
        ));
    }

    #[tokio::test]
    async fn a_record_that_somebody_else_wrote_into_redis_is_not_believed() {
        let server = RedisServer::start();
        let [registry, other] = two(&server);
        registry.announce(heard(1, NOW)).await.unwrap();
        registry.announce(heard(2, NOW)).await.unwrap();
        let snapshot = other.snapshot(NOW).await.unwrap();
        assert_eq!(snapshot.boxes.len(), 2, "the witness");

        registry.announce(heard(3, NOW)).await.unwrap();
        server
            .run(&format!("HSET {{boxmesh}}:box {} nonsense", box_id(3)))
            .await;
        server
            .run(&format!("ZADD {{boxmesh}}:boxes {NOW} no-box-at-all"))
            .await;
        let snapshot = other.snapshot(NOW).await.unwrap();
        assert!(!snapshot.boxes.contains_key(&box_id(3)));
        assert_eq!(snapshot.boxes.len(), 2);
    }

    #[tokio::test]
    async fn a_redis_that_goes_is_noticed_and_one_that_comes_back_is_used() {
        let mut server = RedisServer::start();
        let [registry, _] = two(&server);
        registry.announce(heard(1, NOW)).await.unwrap();

        server.stop();
        let away = registry.announce(heard(1, NOW + 1)).await.unwrap_err();
        assert!(away.to_string().contains("is away"), "{away}");
        assert!(registry.snapshot(NOW).await.is_err());

        server.start_again();
        let deadline = tokio::time::Instant::now() + testing::DEADLINE;
        while registry.snapshot(NOW).await.is_err() {
            assert!(tokio::time::Instant::now() < deadline, "it does not come back");
            tokio::task::yield_now().await;
        }
        assert!(
            registry.snapshot(NOW).await.unwrap().boxes.is_empty(),
            "it came back empty"
        );
        assert_eq!(registry.announce(heard(1, NOW + 2)).await, Ok(Outcome::Accepted));
        assert_eq!(registry.snapshot(NOW).await.unwrap().boxes.len(), 1);
    }

    #[tokio::test]
    async fn the_session_key_outlives_a_flush() {
        let server = RedisServer::start();
        let [one, other] = two(&server);
        let key = one.session_key(SessionKey::from_bytes([1; 32])).await.unwrap();
        server.run("FLUSHALL").await;
        assert_eq!(one.session_key(key).await, Ok(key));
        assert_eq!(other.session_key(SessionKey::from_bytes([2; 32])).await, Ok(key));
    }

    #[test]
    fn a_url_that_leads_to_no_redis_is_refused_and_a_password_is_not_shown() {
        for bad in ["", "localhost", "http://localhost", "redis://"] {
            let read = bad.parse::<RedisUrl>();
            assert!(bad == "redis://" || read.is_err(), "{bad}");
        }
        let url = "redis://user:secret@localhost:6380/1"
            .parse::<RedisUrl>()
            .unwrap();
        assert_eq!(format!("{url:?}"), "RedisUrl(localhost:6380)");
    }
}
