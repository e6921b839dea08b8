//! Boxes that speak the exchange as they like.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::swarm::SwarmEvent;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::{PeerId, Stream, StreamProtocol, Swarm};
use libp2p_stream::Control;
use program::lifecycle::Lifecycle;
use program::media::Meter;
use program::window::SegmentName;
use tokio::sync::{mpsc, oneshot};
use wire::chunk::Chunk;
use wire::exchange::{MAX_HAVE, PROTOCOL, Request, Response, Want};
use wire::id::{BoxId, ChunkId};
use wire::parts::Parts;
use wire::report::Report;

use super::super::behaviour::{self, Behaviour, peer_of};
use super::super::codec::{read_frame, write_frame};
use super::super::talk::Event::Told;
use super::super::talk::Talks;
use super::{Member, PATIENCE};
use crate::samples::{chunk, demo, demo_init, empty_answer, init, origin, secret, until};
use crate::web;

const WANTS: StreamProtocol = StreamProtocol::new(PROTOCOL);

/// A box that speaks the exchange as it likes: it promises these chunks, and answers wants with the parts that `gives`
/// says, or not at all. What comes back tells when its promises have been heard.
async fn speaker(
    number: u8,
    promises: &[Chunk],
    gives: impl Fn(&ChunkId) -> Option<Vec<Bytes>> + Send + Sync + 'static,
    to: &Member,
) -> oneshot::Receiver<()> {
    let life = Lifecycle::default();
    let (mut swarm, _) = dials(number, to, &life).await;
    // It listens to what it is told: who does not is let go.
    let mut control = swarm.behaviour().exchange.new_control();
    let mut talks = Talks::new(control.clone(), life.tasks.clone(), &life.stop);
    let mut wants = control.accept(WANTS).unwrap();
    let seals: Vec<_> = promises.iter().map(|chunk| chunk.seal().clone()).collect();
    let (tell, told) = oneshot::channel();
    let mut tell = Some(tell);
    life.tasks.clone().spawn(async move {
        let mut unanswered = Vec::new();
        loop {
            tokio::select! {
                event = swarm.select_next_some() => {
                    if let SwarmEvent::ConnectionEstablished { peer_id, .. } = event {
                        talks.begin(peer_id);
                        assert!(talks.say(peer_id, Request::Have(seals.clone())));
                    }
                }
                Some(event) = talks.next() => {
                    if let Told(_) = event
                        && let Some(tell) = tell.take()
                    {
                        let _ = tell.send(());
                    }
                }
                Some((_, mut stream)) = wants.next() => match wanted(&mut stream).await.and_then(|id| gives(&id)) {
                    Some(parts) => drop(life.tasks.spawn(async move { answers(&mut stream, &parts).await })),
                    None => unanswered.push(stream),
                }
            }
        }
    });
    told
}

fn want_of(id: ChunkId, here: u16) -> Request {
    Request::Want(Want {
        id,
        here,
        hands_on: true,
    })
}

async fn wanted(stream: &mut Stream) -> Option<ChunkId> {
    let frame = read_frame(stream, "want", 1000).await.ok()?.ok()?;
    match Request::decode(&frame) {
        Ok(Request::Want(want)) => Some(want.id),
        _ => None,
    }
}

async fn answers(stream: &mut Stream, parts: &[Bytes]) -> std::io::Result<()> {
    stream.write_all(&[Response::Here.encode()]).await?;
    for part in parts {
        stream.write_all(part).await?;
    }
    stream.flush().await?;
    // Who has all of them goes; who is still waiting waits in vain.
    let _ = stream.read(&mut [0; 1]).await;
    Ok(())
}

/// All parts of a chunk, as they travel.
fn parts_of(chunk: &Chunk) -> Vec<Bytes> {
    let parts = Parts::of(chunk);
    (0..parts.count())
        .filter_map(|number| parts.get(number).cloned())
        .collect()
}

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
    let _heard = speaker(2, promised, move |_| Some(parts.clone()), &victim).await;

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
    let (init_parts, first_parts) = (parts_of(&init), parts_of(&first));
    let gives = move |id: &ChunkId| {
        Some(if id.is_init() {
            init_parts.clone()
        } else {
            first_parts.clone()
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

/// A stranger that is connected.
struct Stranger {
    life: Lifecycle,
    control: Control,
    talks: mpsc::Sender<Request>,
    peer: PeerId,
}

impl Stranger {
    async fn beside(number: u8, to: &Member) -> Self {
        let life = Lifecycle::default();
        let (mut swarm, peer) = dials(number, to, &life).await;
        let control = swarm.behaviour().exchange.new_control();
        let mut talks = Talks::new(control.clone(), life.tasks.clone(), &life.stop);
        let (say, mut said) = mpsc::channel(4);
        let (connected, is_connected) = oneshot::channel();
        let mut connected = Some(connected);
        let stop = life.stop.clone();
        life.tasks.spawn(stop.run_until_cancelled_owned(async move {
            loop {
                tokio::select! {
                    event = swarm.select_next_some() => {
                        if let SwarmEvent::ConnectionEstablished { peer_id, .. } = event {
                            talks.begin(peer_id);
                            if let Some(connected) = connected.take() {
                                let _ = connected.send(());
                            }
                        }
                    }
                    Some(_) = talks.next() => {}
                    Some(word) = said.recv() => drop(talks.say(peer, word)),
                }
            }
        }));
        is_connected.await.unwrap();
        Self {
            life,
            control,
            talks: say,
            peer,
        }
    }

    async fn says(&self, word: Request) {
        self.talks.send(word).await.unwrap();
    }

    /// What is answered to bytes that are sent for a want.
    async fn asks(&mut self, want: &Bytes) -> Vec<u8> {
        let asks = async {
            let mut stream = self.control.open_stream(self.peer, WANTS).await.unwrap();
            write_frame(&mut stream, want).await.unwrap();
            let mut answer = Vec::new();
            // Who is banned hears nothing.
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        tokio::time::timeout(PATIENCE, asks).await.expect("an answer")
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.life.stop.cancel();
    }
}

#[tokio::test]
async fn what_is_no_message_costs_the_neighbour_that_sent_it() {
    let victim = Member::beside(3, &[]).await;
    let genuine = chunk(&origin(), &demo(1, 0));
    let too_many = vec![genuine.seal().clone(); 4 * MAX_HAVE];
    for (number, seals, reason) in [(1, Vec::new(), "malformed"), (2, too_many, "too-large")] {
        let stranger = Stranger::beside(number, &victim).await;
        stranger.says(Request::Have(seals)).await;
        until("a ban", || victim.counts.neighbours() == (0, number.into())).await;
        assert_eq!(victim.counts.refusals().get(reason), Some(&1));
    }
    let mut stranger = Stranger::beside(4, &victim).await;
    assert!(
        stranger
            .asks(&Request::Done(demo(1, 0)).encode())
            .await
            .is_empty()
    );
    until("a ban", || victim.counts.neighbours() == (0, 3)).await;

    let honest = speaker(5, std::slice::from_ref(&genuine), |_| None, &victim).await;
    honest.await.unwrap();
    assert_eq!(victim.counts.neighbours(), (1, 3));
}

#[tokio::test]
async fn a_chunk_goes_to_each_neighbour_once() {
    let one = Member::beside(3, &[]).await;
    let genuine = chunk(&origin(), &demo(1, 0));
    one.keeps(genuine.clone()).await;
    let want = want_of(demo(1, 0), 0).encode();
    let whole = [vec![Response::Here.encode()], parts_of(&genuine).concat()].concat();

    let mut first = Stranger::beside(1, &one).await;
    assert_eq!(first.asks(&want).await, whole);
    first.says(Request::Done(demo(1, 0))).await;
    let again = tokio::time::timeout(PATIENCE, async {
        // Its word may be on its way still.
        while first.asks(&want).await != [Response::Gone.encode()] {}
    });
    again.await.expect("it has it");
    let given = one.counts.neighbour_bytes();

    let mut second = Stranger::beside(2, &one).await;
    let rest = want_of(demo(1, 0), 1).encode();
    let rest = second.asks(&rest).await;
    assert_eq!(
        rest[1..],
        parts_of(&genuine)[1..].concat(),
        "who has some parts is given the others"
    );
    until("the count", || {
        one.counts.neighbour_bytes() == given + rest.len() as u64 - 1
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
    let _heard = speaker(1, std::slice::from_ref(&genuine), gives, &middle).await;
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
