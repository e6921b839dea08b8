//! What is sealed is pushed to the boxes that the tracker chooses.

use program::lifecycle::Lifecycle;
use wire::id::{ChunkId, TrackKind};
use wire::news::Turn;

use crate::a_box::ABox;
use crate::harness::start;
use crate::tracker::Tracker;

fn has_segment(ids: &[ChunkId], segment: u32) -> bool {
    ids.iter().any(|id| id.segment == segment)
}

#[tokio::test]
async fn a_seed_gets_init_segments_first_and_then_every_chunk_in_order() {
    let (world, folder) = (Lifecycle::default(), tempfile::tempdir().unwrap());
    let tracker = Tracker::start(&world).await;
    let origin = start(&folder, &tracker).await;
    let seed = ABox::start(1, origin.key);
    tracker.choose([seed.seed()]);
    let mut encoder = origin.publish().await;
    encoder.send(0..4200).await;
    seed.has("the second segment", |ids| has_segment(ids, 2)).await;
    encoder.send(4200..12_000).await;

    let ids = seed.has("the fifth segment", |ids| has_segment(ids, 5)).await;
    assert!(ids[..2].iter().all(ChunkId::is_init), "{ids:?}");
    for kind in [TrackKind::Video, TrackKind::Audio] {
        let mut of_kind: Vec<_> = ids
            .iter()
            .filter(|id| id.track.kind() == kind && !id.is_init())
            .collect();
        of_kind.dedup();
        assert!(
            of_kind.is_sorted_by_key(|id| (id.segment, id.index)),
            "{of_kind:?}"
        );
        let starts: Vec<_> = of_kind
            .iter()
            .filter(|id| id.index == 0)
            .map(|id| id.segment)
            .collect();
        assert!(starts.windows(2).all(|pair| pair[1] == pair[0] + 1), "{starts:?}");
    }
    let told = seed.is_told(1).await;
    let Turn::Begins(seals) = &told[0].turn else {
        panic!("{told:?}");
    };
    assert_eq!((told[0].epoch, seals.len()), (ids[0].epoch, 2));
    encoder.vanish().await;
}

#[tokio::test]
async fn a_silent_seed_is_reported_and_replaced() {
    let (world, folder) = (Lifecycle::default(), tempfile::tempdir().unwrap());
    let tracker = Tracker::start(&world).await;
    let origin = start(&folder, &tracker).await;
    let (silent, other) = (ABox::start(1, origin.key), ABox::start(2, origin.key));
    tracker.choose([silent.seed()]);
    let mut encoder = origin.publish().await;
    encoder.send(0..4200).await;
    silent.has("the second segment", |ids| has_segment(ids, 2)).await;

    silent.fall_silent();
    tracker.choose([other.seed()]);
    encoder.send(4200..4600).await;
    tracker
        .hears("that it is silent", |heard| heard.silent == [silent.seed().id])
        .await;
    let ids = other.has("the newest segment", |ids| has_segment(ids, 2)).await;
    assert!(ids.iter().filter(|id| id.is_init()).count() == 2, "{ids:?}");
    tracker
        .hears("whom it pushes to now", |heard| heard.seeds == [other.seed().id])
        .await;

    let metrics = origin.get("/metrics").await.text().await.unwrap();
    assert!(
        metrics.contains("boxmesh_origin_seeds_given_up_total 1"),
        "{metrics}"
    );
    encoder.vanish().await;
}

#[tokio::test]
async fn a_seed_that_was_started_anew_is_greeted_again_and_misses_nothing() {
    let (world, folder) = (Lifecycle::default(), tempfile::tempdir().unwrap());
    let tracker = Tracker::start(&world).await;
    let origin = start(&folder, &tracker).await;
    let seed = ABox::start(1, origin.key);
    tracker.choose([seed.seed()]);
    let mut encoder = origin.publish().await;
    encoder.send(0..4200).await;
    seed.has("the second segment", |ids| has_segment(ids, 2)).await;

    seed.forget();
    encoder.send(4200..8200).await;
    let all = |ids: &[ChunkId]| {
        let third = |index| ids.iter().any(|id| (id.segment, id.index) == (3, index));
        (0..4).all(third) && has_segment(ids, 4)
    };
    seed.has("every chunk of the third segment", all).await;
    encoder.vanish().await;
}

#[tokio::test]
async fn a_seed_that_learns_of_the_channel_late_still_gets_its_beginning() {
    let (world, folder) = (Lifecycle::default(), tempfile::tempdir().unwrap());
    let tracker = Tracker::start(&world).await;
    let origin = start(&folder, &tracker).await;
    let seed = ABox::start(1, origin.key);
    seed.set_ignorant(true);
    tracker.choose([seed.seed()]);
    let mut encoder = origin.publish().await;
    encoder.send(0..4200).await;
    origin
        .counts("refusals", |line| {
            line.starts_with("boxmesh_origin_seed_refusals_total ") && !line.ends_with(" 0")
        })
        .await;

    seed.set_ignorant(false);
    let begun = |ids: &[ChunkId]| ids.iter().filter(|id| id.is_init()).count() == 2 && has_segment(ids, 2);
    seed.has("both init segments and the newest segment", begun).await;
    encoder.vanish().await;
}
