//! What boxes do beside strangers, who speak the exchange as they like.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use libp2p::swarm::SwarmEvent;
use program::lifecycle::Lifecycle;
use program::media::Meter;
use program::window::SegmentName;
use wire::exchange::{Answer, MAX_HAVE, Want, Word};
use wire::id::{BoxId, ChunkId};
use wire::report::Report;

use super::stranger::{Stranger, dials, parts_of, speaker};
use super::{Member, PATIENCE};
use crate::samples::{chunk, demo, demo_init, empty_answer, init, origin, secret, until};
use crate::web;

#[tokio::test]
async fn a_box_whose_bytes_are_not_what_was_sealed_is_banned_and_reported() {
    let honest = Member::beside(1, &[]).await;
    let mut victim = Member::beside(3, &[&honest]).await;
    victim.has_neighbours(1).await;
    let genuine = chunk(&origin(), &demo(1, 0));
    let mut parts = parts_of(&genuine);
    let mut flipped = parts[1].to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let shown = Bytes::from(flipped);
    parts[1] = shown.clone();
    let promised = std::slice::from_ref(&genuine);
    speaker(2, promised, move |_| Some(parts.clone()), &victim).await;

    until("a ban", || victim.counts.neighbours() == (1, 1)).await;
    assert_eq!(victim.counts.refusals().get("damaged"), Some(&1));
    assert_eq!(victim.store.held().await.len(), 0);
    let reported = victim.reported.next().await.unwrap();
    assert_eq!(reported.accused, BoxId::of(&secret(2).public()));
    assert_eq!(
        (reported.reason, reported.proof),
        ("damaged", Report::proof_of(&shown))
    );

    honest.keeps(genuine.clone()).await;
    assert_eq!(victim.gets(demo(1, 0)).await.bytes(), genuine.bytes());
}

#[tokio::test]
async fn a_box_that_promises_and_stays_silent_does_not_keep_the_chunk_from_coming() {
    let victim = Member::beside(3, &[]).await;
    let genuine = chunk(&origin(), &demo(1, 0));
    speaker(2, std::slice::from_ref(&genuine), |_| None, &victim).await;
    let name = SegmentName {
        channel: demo(1, 0).channel,
        epoch: demo(1, 0).epoch,
        track: demo(1, 0).track,
        number: 1,
    };
    while !victim.mesh.wish(name.clone()).await {
        tokio::task::yield_now().await;
    }

    let honest = Member::beside(1, &[&victim]).await;
    honest.keeps(genuine).await;
    victim.gets(demo(1, 0)).await;
    assert!(
        !victim.mesh.wish(name).await,
        "it is here: nothing is promised any more"
    );
    assert_eq!(victim.counts.neighbours(), (2, 0));
}

#[tokio::test]
async fn a_viewer_is_held_for_what_a_neighbour_promised_and_for_nothing_else() {
    let one = Member::beside(3, &[]).await;
    let listener = program::listen::tcp("http", "127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let http = listener.local_addr().unwrap();
    let routes = web::routes(web::Surroundings {
        secret: one.secret.clone(),
        store: one.store.clone(),
        mesh: one.mesh.clone(),
        uplink: one.uplink.clone(),
        viewers: Meter::default(),
        counts: one.counts.clone(),
    });
    let limits = program::http::Limits::default();
    program::http::serve(listener, routes, limits, &one.life.tasks, one.life.stop.clone());
    let get = async |segment: u32| {
        let path = format!("/live/demo/{}/v0/{segment}.m4v", demo(1, 0).epoch);
        reqwest::get(format!("http://{http}{path}"))
            .await
            .unwrap()
            .status()
    };
    let promised = chunk(&origin(), &demo(1, 3));
    speaker(2, std::slice::from_ref(&promised), |_| None, &one).await;

    let asked = Instant::now();
    assert_eq!(get(1).await, 404, "it did not come");
    let held = asked.elapsed();
    assert!(held >= Duration::from_millis(300), "held for {held:?} only");
    assert_eq!(get(2).await, 404);

    let first = chunk(&origin(), &demo(1, 0));
    let (status, ()) = tokio::join!(get(1), one.keeps(first));
    assert_eq!(status, 200);
}

#[tokio::test]
async fn what_is_told_before_the_tracker_knows_of_the_channel_is_not_lost() {
    let listener = Member::alone(1).await;
    listener.desk.take(0, Instant::now(), empty_answer());
    let (init, first) = (init(&origin()), chunk(&origin(), &demo(1, 0)));
    let (init_parts, first_parts) = (parts_of(&init), parts_of(&first));
    let gives = move |id: &ChunkId| {
        Some(if id.is_init() {
            init_parts.clone()
        } else {
            first_parts.clone()
        })
    };
    speaker(2, &[init, first], gives, &listener).await;
    assert_eq!(listener.store.held().await.len(), 0);

    listener.hears_of(&[]);
    listener.gets(demo_init()).await;
    listener.gets(demo(1, 0)).await;
    assert_eq!(listener.counts.neighbours(), (1, 0));
}

#[tokio::test]
async fn what_is_no_message_costs_the_neighbour_that_sent_it() {
    let victim = Member::beside(100, &[]).await;
    let genuine = chunk(&origin(), &demo(1, 0));
    victim.keeps(genuine.clone()).await;
    let too_many = vec![genuine.seal().clone(); 4 * MAX_HAVE];
    let want = |number| {
        Word::Want(Want {
            number,
            id: demo(9, 0),
            here: 0,
            hands_on: true,
        })
    };
    let part = || Bytes::from_static(&[7; 100]);
    let nonsense = [
        ("malformed", vec![Word::Have(Vec::new())]),
        ("too-large", vec![Word::Have(too_many)]),
        ("malformed", vec![Word::Part(0, part())]),
        ("malformed", vec![Word::Answer(7, Answer::Here)]),
        ("too-large", vec![Word::Part(0, vec![7; 10_000].into())]),
    ];
    let mut banned = 0;
    for (reason, words) in nonsense {
        let before = victim.counts.refusals().get(reason).copied().unwrap_or(0);
        banned += 1;
        let mut stranger = Stranger::beside(banned, &victim).await;
        for word in words {
            stranger.says(word).await;
        }
        until("a ban", || victim.counts.neighbours() == (0, banned.into())).await;
        assert_eq!(victim.counts.refusals().get(reason), Some(&(before + 1)));
    }

    let mut honest = Stranger::beside(99, &victim).await;
    // What it wants no longer, and what was never offered, is nothing to be banned for.
    honest.says(want(0)).await;
    honest.says(Word::Stop(0)).await;
    honest.says(Word::Stop(1)).await;
    honest.says(Word::Take(2, 0)).await;
    honest.next_want = 3;
    assert_eq!(honest.asks(demo(1, 0), 0, 1).await.0, Answer::Here);
    assert_eq!(victim.counts.neighbours(), (1, banned.into()));
}

#[tokio::test]
async fn a_chunk_goes_to_each_neighbour_once() {
    let one = Member::beside(3, &[]).await;
    let genuine = chunk(&origin(), &demo(1, 0));
    let parts = parts_of(&genuine);
    one.keeps(genuine).await;

    let mut first = Stranger::beside(1, &one).await;
    let whole = first.asks(demo(1, 0), 0, parts.len()).await;
    assert_eq!(whole, (Answer::Here, parts.clone()));
    first.says(Word::Done(demo(1, 0))).await;
    let again = first.asks(demo(1, 0), 0, parts.len()).await;
    assert_eq!(again.0, Answer::Gone, "it has it");
    let given = one.counts.neighbour_bytes();

    let mut second = Stranger::beside(2, &one).await;
    let rest = second.asks(demo(1, 0), 1, parts.len() - 1).await;
    assert_eq!(
        rest,
        (Answer::Here, parts[1..].to_vec()),
        "who has some parts is given the others"
    );
    let bytes: usize = parts[1..].iter().map(Bytes::len).sum();
    until("the count", || {
        one.counts.neighbour_bytes() == given + bytes as u64
    })
    .await;
}

#[tokio::test]
async fn a_chunk_is_passed_on_while_it_comes() {
    let middle = Member::beside(3, &[]).await;
    let last = Member::beside(4, &[&middle]).await;
    middle.has_neighbours(1).await;
    let genuine = chunk(&origin(), &demo(1, 0));
    let parts = parts_of(&genuine);
    let (first, rest) = (parts[0].clone(), parts[1..].concat());
    // Of all parts it gives one; the others it holds back.
    let gives = move |_: &ChunkId| Some(vec![first.clone()]);
    speaker(1, std::slice::from_ref(&genuine), gives, &middle).await;
    until("a part", || middle.counts.neighbour_bytes() > 0).await;
    assert_eq!(
        middle.store.held().await.len(),
        0,
        "what is not whole is not kept"
    );

    let holder = Member::beside(2, &[&middle]).await;
    holder.keeps(genuine.clone()).await;
    assert_eq!(last.gets(demo(1, 0)).await.bytes(), genuine.bytes());
    until("the rest alone", || {
        holder.counts.neighbour_bytes() == rest.len() as u64
    })
    .await;
}

#[tokio::test]
async fn who_does_not_listen_is_let_go() {
    let one = Member::beside(3, &[]).await;
    let genuine = chunk(&origin(), &demo(1, 0));
    one.keeps(genuine).await;
    let life = Lifecycle::default();
    let (mut swarm, _) = dials(1, &one, &life).await;
    let let_go = async {
        while !matches!(
            swarm.select_next_some().await,
            SwarmEvent::ConnectionClosed { .. }
        ) {}
    };
    tokio::time::timeout(PATIENCE, let_go)
        .await
        .expect("it is no neighbour for long");
    until("its place to be free", || one.counts.neighbours() == (0, 0)).await;
}
