//! Boxes that speak the exchange as they like.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use libp2p::request_response::{Event, Message};
use libp2p::swarm::SwarmEvent;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::{PeerId, Swarm};
use program::lifecycle::Lifecycle;
use program::media::Meter;
use program::window::SegmentName;
use tokio::sync::oneshot;
use wire::chunk::Chunk;
use wire::exchange::{MAX_HAVE, Request, Response};
use wire::id::{BoxId, ChunkId};
use wire::report::Report;

use super::super::behaviour::{self, Behaviour, BehaviourEvent, peer_of};
use super::super::talk::Talks;
use super::{Member, PATIENCE};
use crate::samples::{chunk, demo, demo_init, empty_answer, init, origin, secret, until};
use crate::web;

/// A box that speaks the exchange as it likes: it promises these chunks, and answers wants with what `gives`
/// says, or not at all. What comes back tells when its promises have been heard.
async fn speaker(
    number: u8,
    promises: &[Chunk],
    gives: impl Fn(&ChunkId) -> Option<Bytes> + Send + 'static,
    to: &Member,
) -> oneshot::Receiver<()> {
    let life = Lifecycle::default();
    let (mut swarm, _) = dials(number, to, &life).await;
    // It listens to what it is told: who does not is let go.
    let talk = swarm.behaviour().talk.new_control();
    let mut talks = Talks::new(talk, life.tasks.clone(), &life.stop);
    let seals: Vec<_> = promises.iter().map(|chunk| chunk.seal().clone()).collect();
    let (tell, told) = oneshot::channel();
    let mut tell = Some(tell);
    life.tasks.clone().spawn(async move {
        let mut unanswered = Vec::new();
        loop {
            let event = tokio::select! {
                event = swarm.select_next_some() => event,
                Some(_) = talks.next() => continue,
            };
            match event {
                SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                    swarm
                        .behaviour_mut()
                        .exchange
                        .send_request(&peer_id, Ok(Request::Have(seals.clone())));
                }
                SwarmEvent::Behaviour(BehaviourEvent::Exchange(Event::Message { message, .. })) => {
                    match message {
                        Message::Response { .. } => drop(tell.take().map(|tell| tell.send(()))),
                        Message::Request { request, channel, .. } => {
                            let response = match request {
                                Ok(Request::Want(id)) => gives(&id).map(Response::Here),
                                _ => Some(Response::Ok),
                            };
                            match response {
                                Some(response) => {
                                    drop(
                                        swarm
                                            .behaviour_mut()
                                            .exchange
                                            .send_response(channel, Ok(response)),
                                    );
                                }
                                None => unanswered.push(channel),
                            }
                        }
                    }
                }
                _ => {}
            }
        }
    });
    told
}

#[tokio::test]
async fn a_box_whose_bytes_are_not_what_was_sealed_is_banned_and_reported() {
    let honest = Member::beside(1, &[]).await;
    let mut victim = Member::beside(3, &[&honest]).await;
    victim.has_neighbours(1).await;
    let genuine = chunk(&origin(), &demo(1, 0));
    let mut flipped = genuine.bytes().to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let flipped = Bytes::from(flipped);
    let shown = flipped.clone();
    let promised = std::slice::from_ref(&genuine);
    let _heard = speaker(2, promised, move |_| Some(flipped.clone()), &victim).await;

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
    let heard = speaker(2, std::slice::from_ref(&genuine), |_| None, &victim).await;
    heard.await.unwrap();
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
    let heard = speaker(2, std::slice::from_ref(&promised), |_| None, &one).await;
    heard.await.unwrap();

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
    let (init_bytes, first_bytes) = (init.bytes().clone(), first.bytes().clone());
    let gives = move |id: &ChunkId| {
        Some(if id.is_init() {
            init_bytes.clone()
        } else {
            first_bytes.clone()
        })
    };
    let heard = speaker(2, &[init, first], gives, &listener).await;
    heard.await.unwrap();
    assert_eq!(listener.store.held().await.len(), 0);

    listener.hears_of(&[]);
    listener.gets(demo_init()).await;
    listener.gets(demo(1, 0)).await;
    assert_eq!(listener.counts.neighbours(), (1, 0));
}

async fn dials(number: u8, to: &Member, life: &Lifecycle) -> (Swarm<Behaviour>, PeerId) {
    let any = "127.0.0.1:0".parse().unwrap();
    let (mut swarm, _) = behaviour::listen(&secret(number), any, &life.tasks)
        .await
        .unwrap();
    let peer = peer_of(&to.secret.public()).unwrap();
    let address = format!("/ip4/127.0.0.1/tcp/{}", to.address.port())
        .parse()
        .unwrap();
    swarm
        .dial(DialOpts::peer_id(peer).addresses(vec![address]).build())
        .unwrap();
    (swarm, peer)
}

/// What a box answers to these requests, one after another, until it hangs up.
async fn asks(number: u8, to: &Member, requests: Vec<Request>) -> Vec<Response> {
    let life = Lifecycle::default();
    let (mut swarm, peer) = dials(number, to, &life).await;
    let mut requests = requests.into_iter();
    let mut answers = Vec::new();
    let talk = async {
        loop {
            let is_answered = match swarm.select_next_some().await {
                SwarmEvent::ConnectionEstablished { .. } => true,
                SwarmEvent::ConnectionClosed { .. } => return,
                SwarmEvent::Behaviour(BehaviourEvent::Exchange(Event::Message { message, .. })) => {
                    match message {
                        Message::Response { response, .. } => {
                            answers.push(response.unwrap());
                            true
                        }
                        Message::Request { channel, .. } => {
                            let _ = swarm
                                .behaviour_mut()
                                .exchange
                                .send_response(channel, Ok(Response::Ok));
                            false
                        }
                    }
                }
                _ => false,
            };
            if is_answered {
                let Some(request) = requests.next() else { return };
                swarm.behaviour_mut().exchange.send_request(&peer, Ok(request));
            }
        }
    };
    tokio::time::timeout(PATIENCE, talk).await.expect("an answer");
    answers
}

#[tokio::test]
async fn what_is_no_message_costs_the_neighbour_that_sent_it() {
    let victim = Member::beside(3, &[]).await;
    let genuine = chunk(&origin(), &demo(1, 0));
    let too_many = vec![genuine.seal().clone(); 4 * MAX_HAVE];
    for (number, seals, reason) in [(1, Vec::new(), "malformed"), (2, too_many, "too-large")] {
        assert_eq!(asks(number, &victim, vec![Request::Have(seals)]).await, []);
        until("a ban", || victim.counts.neighbours() == (0, number.into())).await;
        assert_eq!(victim.counts.refusals().get(reason), Some(&1));
    }
    let seals = vec![genuine.seal().clone()];
    let answers = asks(4, &victim, vec![Request::Have(seals)]).await;
    assert_eq!(answers, [Response::Ok]);
}

#[tokio::test]
async fn a_chunk_goes_to_each_neighbour_once() {
    let one = Member::beside(3, &[]).await;
    let genuine = chunk(&origin(), &demo(1, 0));
    one.keeps(genuine.clone()).await;
    let want = || Request::Want(demo(1, 0));
    let here = || Response::Here(genuine.bytes().clone());

    let again = vec![want(), Request::Done(demo(1, 0)), want()];
    let answers = asks(1, &one, again).await;
    assert_eq!(answers, [here(), Response::Ok, Response::Gone]);
    assert_eq!(asks(2, &one, vec![want()]).await, [here()]);
    assert_eq!(one.counts.neighbour_bytes(), 2 * genuine.bytes().len() as u64);
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
