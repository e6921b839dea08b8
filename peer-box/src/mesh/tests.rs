//! Boxes on loopback, each with a store of its own.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use libp2p::PeerId;
use libp2p::request_response::{Event, Message};
use libp2p::swarm::SwarmEvent;
use libp2p::swarm::dial_opts::DialOpts;
use program::lifecycle::Lifecycle;
use program::media::Meter;
use program::store::Store;
use program::window::{Limits, SegmentName, Window};
use tokio::sync::oneshot;
use wire::announcement::Neighbour;
use wire::chunk::Chunk;
use wire::exchange::{Request, Response};
use wire::id::{BoxId, ChunkId};
use wire::key::SecretKey;

use super::behaviour::{self, BehaviourEvent, peer_of};
use super::{Bound, Mesh, Surroundings};
use crate::budget::Uplink;
use crate::counts::Counts;
use crate::news::Desk;
use crate::nudge::{Nudge, Nudged};
use crate::samples::{answer, chunk, demo, demo_init, empty_answer, init, origin, secret, until};
use crate::web;

const PATIENCE: Duration = Duration::from_secs(20);

struct Member {
    life: Lifecycle,
    secret: SecretKey,
    address: SocketAddr,
    store: Store,
    desk: Desk,
    nudged: Nudged,
    uplink: Uplink,
    counts: Counts,
    mesh: Mesh,
}

impl Member {
    /// A box that no tracker has told anything.
    async fn alone(number: u8) -> Self {
        let life = Lifecycle::default();
        let secret = secret(number);
        let bound = Bound::listen(&secret, "127.0.0.1:0".parse().unwrap(), &life)
            .await
            .unwrap();
        let address = bound.address();
        let store = Store::spawn(&life.tasks, life.stop.clone(), Window::new(Limits::default()));
        let (desk, news) = Desk::new();
        let (nudge, nudged) = Nudge::new();
        let counts = Counts::default();
        let rate = "1gbit".parse().unwrap();
        let uplink = Uplink::new(rate, Meter::default(), counts.clone(), Instant::now());
        let around = Surroundings {
            store: store.clone(),
            news,
            nudge,
            uplink: uplink.clone(),
            counts: counts.clone(),
        };
        let mesh = bound.spawn(around, &life);
        Self {
            life,
            secret,
            address,
            store,
            desk,
            nudged,
            uplink,
            counts,
            mesh,
        }
    }

    /// A box that knows channel `demo` and these neighbours.
    async fn beside(number: u8, neighbours: &[&Member]) -> Self {
        let member = Self::alone(number).await;
        member.hears_of(neighbours);
        member
    }

    fn hears_of(&self, neighbours: &[&Member]) {
        let neighbours = neighbours.iter().map(|member| member.as_neighbour()).collect();
        self.desk.take(0, Instant::now(), answer(&origin(), neighbours));
    }

    fn as_neighbour(&self) -> Neighbour {
        let key = self.secret.public();
        Neighbour {
            id: BoxId::of(&key),
            key,
            p2p: format!("/ip4/127.0.0.1/tcp/{}", self.address.port()),
        }
    }

    async fn keeps(&self, chunk: Chunk) {
        self.store.insert(chunk).await.unwrap();
    }

    async fn has_neighbours(&self, number: u64) {
        until("neighbours", || self.counts.neighbours().0 == number).await;
    }

    async fn gets(&self, id: ChunkId) -> Chunk {
        let name = id.to_string();
        self.store
            .wait(id, PATIENCE)
            .await
            .unwrap_or_else(|| panic!("{name} did not come"))
    }

    async fn stops(self) {
        self.life.stop.cancel();
        self.life.tasks.close();
        tokio::time::timeout(PATIENCE, self.life.tasks.wait())
            .await
            .expect("every task ends at the stop");
    }
}

#[tokio::test]
async fn a_chunk_passes_from_box_to_box() {
    let a = Member::beside(1, &[]).await;
    let b = Member::beside(2, &[&a]).await;
    let c = Member::beside(3, &[&b]).await;
    b.has_neighbours(2).await;

    let genuine = chunk(&origin(), &demo(1, 0));
    a.keeps(genuine.clone()).await;

    assert_eq!(c.gets(demo(1, 0)).await.bytes(), genuine.bytes());
    assert_eq!(c.counts.accepted(), (0, 1));
    assert_eq!(b.counts.neighbour_bytes(), genuine.bytes().len() as u64);
    for member in [a, b, c] {
        member.stops().await;
    }
}

#[tokio::test]
async fn who_joins_late_is_told_of_the_whole_window() {
    let a = Member::beside(1, &[]).await;
    a.keeps(init(&origin())).await;
    for segment in 1..=8 {
        for index in 0..4 {
            a.keeps(chunk(&origin(), &demo(segment, index))).await;
        }
    }
    let b = Member::beside(2, &[&a]).await;

    b.gets(demo_init()).await;
    for segment in 1..=8 {
        for index in 0..4 {
            b.gets(demo(segment, index)).await;
        }
    }
    assert_eq!(b.counts.accepted(), (0, 33));
}

#[tokio::test]
async fn a_box_that_hands_on_forgeries_is_banned_and_the_others_are_not() {
    let honest = Member::beside(1, &[]).await;
    let forger = Member::alone(2).await;
    let thief = secret(66);
    forger.desk.take(0, Instant::now(), answer(&thief, vec![]));
    let mut victim = Member::beside(3, &[&honest, &forger]).await;
    victim.has_neighbours(2).await;

    forger.keeps(chunk(&thief, &demo(1, 0))).await;
    victim.nudged.wait().await;
    assert_eq!(
        victim.counts.neighbours(),
        (2, 0),
        "the trackers may know a key that this box does not know yet"
    );
    let later = Instant::now() + Duration::from_secs(3);
    victim.desk.take(0, later, answer(&origin(), vec![]));
    until("a ban", || victim.counts.neighbours() == (1, 1)).await;
    assert_eq!(victim.counts.refusals().get("forged"), Some(&1));

    forger
        .desk
        .take(0, Instant::now(), answer(&thief, vec![victim.as_neighbour()]));
    forger.keeps(chunk(&thief, &demo(1, 1))).await;
    honest.keeps(chunk(&origin(), &demo(2, 0))).await;
    victim.gets(demo(2, 0)).await;
    assert_eq!(victim.store.held().await.len(), 1);
    assert_eq!(victim.counts.neighbours(), (1, 1));
}

#[tokio::test]
async fn a_neighbour_that_heard_of_a_key_earlier_is_believed_once_this_box_hears_of_it() {
    let ahead = Member::beside(1, &[]).await;
    let mut behind = Member::alone(2).await;
    let old_key = answer(&secret(66), vec![ahead.as_neighbour()]);
    behind.desk.take(0, Instant::now(), old_key);
    behind.has_neighbours(1).await;

    ahead.keeps(init(&origin())).await;
    ahead.keeps(chunk(&origin(), &demo(1, 0))).await;
    behind.nudged.wait().await;
    behind.hears_of(&[&ahead]);

    behind.gets(demo_init()).await;
    behind.gets(demo(1, 0)).await;
    assert_eq!(behind.counts.neighbours(), (1, 0));
    assert!(behind.counts.refusals().is_empty());
}

/// A box that speaks the exchange as it likes: it promises these chunks, and answers wants with what `gives`
/// says, or not at all. What comes back tells when its promises have been heard.
async fn speaker(
    number: u8,
    promises: &[Chunk],
    gives: impl Fn(&ChunkId) -> Option<Bytes> + Send + 'static,
    to: &Member,
) -> oneshot::Receiver<()> {
    let life = Lifecycle::default();
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
    let seals: Vec<_> = promises.iter().map(|chunk| chunk.seal().clone()).collect();
    let (tell, told) = oneshot::channel();
    let mut tell = Some(tell);
    life.tasks.clone().spawn(async move {
        let mut unanswered = Vec::new();
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                    swarm
                        .behaviour_mut()
                        .exchange
                        .send_request(&peer_id, Request::Have(seals.clone()));
                }
                SwarmEvent::Behaviour(BehaviourEvent::Exchange(Event::Message { message, .. })) => {
                    match message {
                        Message::Response { .. } => drop(tell.take().map(|tell| tell.send(()))),
                        Message::Request { request, channel, .. } => {
                            let response = match request {
                                Request::Want(id) => gives(&id).map(Response::Here),
                                _ => Some(Response::Ok),
                            };
                            match response {
                                Some(response) => {
                                    drop(swarm.behaviour_mut().exchange.send_response(channel, response));
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
async fn a_box_whose_bytes_are_not_what_was_sealed_is_banned() {
    let honest = Member::beside(1, &[]).await;
    let victim = Member::beside(3, &[&honest]).await;
    victim.has_neighbours(1).await;
    let genuine = chunk(&origin(), &demo(1, 0));
    let mut flipped = genuine.bytes().to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let flipped = Bytes::from(flipped);
    let promised = std::slice::from_ref(&genuine);
    let _heard = speaker(2, promised, move |_| Some(flipped.clone()), &victim).await;

    until("a ban", || victim.counts.neighbours() == (1, 1)).await;
    assert_eq!(victim.counts.refusals().get("damaged"), Some(&1));
    assert_eq!(victim.store.held().await.len(), 0);

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

#[tokio::test]
async fn neighbours_find_each_other_again() {
    let a = Member::beside(1, &[]).await;
    let b = Member::beside(2, &[&a]).await;
    a.has_neighbours(1).await;
    let port = a.address.port();
    a.stops().await;
    b.has_neighbours(0).await;

    let life = Lifecycle::default();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let (mut swarm, _) = behaviour::listen(&secret(1), address, &life.tasks).await.unwrap();
    let found = async {
        loop {
            if let SwarmEvent::ConnectionEstablished { peer_id, .. } = swarm.select_next_some().await {
                return peer_id;
            }
        }
    };
    let peer: PeerId = tokio::time::timeout(PATIENCE, found)
        .await
        .expect("it is dialled again");
    assert_eq!(Some(peer), peer_of(&b.secret.public()));
}
