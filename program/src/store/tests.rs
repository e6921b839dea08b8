//! The promises of the store.

mod disk;

use super::*;
use crate::window::samples::{CHUNKS, chunk, segment, video};
use tokio::runtime::Handle;

fn store() -> (Store, CancellationToken) {
    let stop = CancellationToken::new();
    (
        Store::spawn(&TaskTracker::new(), stop.clone(), Window::default()),
        stop,
    )
}

#[tokio::test]
async fn who_waits_for_a_chunk_gets_it_when_it_comes() {
    let (store, _stop) = store();
    let first = video(1).chunk(0);
    let minute = Duration::from_mins(1);
    let (waited, inserted) = tokio::join!(
        store.wait(first.clone(), minute),
        store.insert(chunk(first.clone()))
    );
    assert_eq!(inserted, Ok(Verdict::New));
    assert_eq!(waited.unwrap().id(), &first);
    assert_eq!(
        store.wait(first.clone(), Duration::ZERO).await.unwrap().id(),
        &first
    );
    assert!(
        store
            .wait(video(1).chunk(1), Duration::from_millis(1))
            .await
            .is_none()
    );
}

#[tokio::test]
async fn every_insertion_is_told_once_in_its_order() {
    let (store, _stop) = store();
    let mut arrivals = store.arrivals();
    for chunk in segment(&video(1)) {
        store.insert(chunk.clone()).await.unwrap();
        assert_eq!(store.insert(chunk).await, Ok(Verdict::Duplicate));
    }
    for index in 0..CHUNKS {
        let Some(Arrival::Chunk(chunk)) = arrivals.next().await else {
            panic!("a chunk")
        };
        assert_eq!(chunk.id(), &video(1).chunk(index));
    }
}

#[tokio::test]
async fn a_slow_follower_is_told_that_it_missed_some() {
    let (store, _stop) = store();
    let mut arrivals = store.arrivals();
    let segments = u32::try_from(ARRIVALS).unwrap() / u32::from(CHUNKS) + 1;
    for number in 1..=segments {
        for chunk in segment(&video(number)) {
            store.insert(chunk).await.unwrap();
        }
    }
    assert!(matches!(arrivals.next().await, Some(Arrival::Missed(4))));
    assert!(matches!(arrivals.next().await, Some(Arrival::Chunk(_))));
}

#[tokio::test]
async fn a_store_that_fails_ends_the_program() {
    let (store, stop) = store();
    let fails = store.look(|_| -> () { panic!("a fault in the window") });
    assert_eq!(fails.await, None);
    stop.cancelled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_waits_for_a_store_that_ends_at_that_moment() {
    for _ in 0..300 {
        let (store, stop) = store();
        let asking = (0..3).map(|_| {
            let (store, stop) = (store.clone(), stop.clone());
            tokio::task::spawn_blocking(move || {
                Handle::current().block_on(async {
                    while !stop.is_cancelled() {
                        store.carried().await;
                    }
                    store.carried().await;
                });
            })
        });
        let asking: Vec<_> = asking.collect();
        stop.cancel();
        for asked in asking {
            timeout(Duration::from_secs(10), asked)
                .await
                .expect("an answer")
                .unwrap();
        }
    }
}

#[tokio::test]
async fn a_store_that_has_ended_says_so() {
    let (store, stop) = store();
    let mut arrivals = store.arrivals();
    stop.cancel();
    assert!(arrivals.next().await.is_none());
    assert_eq!(
        store.insert(chunk(video(1).chunk(0))).await,
        Err(Refused::Stopping)
    );
    assert!(store.held().await.is_empty());
    assert!(store.arrivals().next().await.is_none());
}
