//! Boxes on loopback, each with a store of its own.

mod meetings;
mod news;
mod stranger;
mod strangers;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use libp2p::PeerId;
use libp2p::swarm::SwarmEvent;
use program::lifecycle::Lifecycle;
use program::media::Meter;
use program::store::Store;
use program::window::{Limits, Window};
use tokio::sync::mpsc;
use wire::announcement::Neighbour;
use wire::chunk::Chunk;
use wire::id::{BoxId, ChunkId};
use wire::key::SecretKey;
use wire::parts::Parts;

use super::behaviour::{self, peer_of};
use super::{Bound, Meeting, Mesh, Surroundings};
use crate::budget::Uplink;
use crate::counts::Counts;
use crate::news::Desk;
use crate::nudge::{Nudge, Nudged};
use crate::reports::{Reported, Reports};
use crate::samples::{answer, chunk, demo, demo_init, init, origin, poster, secret, until};

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
    /// What it would tell the trackers of neighbours.
    reported: Reported,
    mesh: Mesh,
    /// What an origin would tell it by the feed.
    tell: mpsc::Sender<Bytes>,
}

impl Member {
    /// A box that no tracker has told anything.
    async fn alone(number: u8) -> Self {
        Self::meeting(number, Meeting::default()).await
    }

    async fn meeting(number: u8, meeting: Meeting) -> Self {
        let life = Lifecycle::default();
        let secret = secret(number);
        let bound = Bound::listen(&secret, "127.0.0.1:0".parse().unwrap(), meeting, &life)
            .await
            .unwrap();
        let address = bound.address();
        let store = Store::spawn(&life.tasks, life.stop.clone(), Window::new(Limits::default()));
        let (desk, news) = Desk::new();
        let (nudge, nudged) = Nudge::new();
        let counts = Counts::default();
        let rate = "1gbit".parse().unwrap();
        let uplink = Uplink::new(rate, Meter::default(), counts.clone(), Instant::now());
        let (tell, told) = mpsc::channel(4);
        let (reports, reported) = Reports::new();
        let around = Surroundings {
            store: store.clone(),
            news,
            nudge,
            uplink: uplink.clone(),
            counts: counts.clone(),
            reports,
            told,
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
            reported,
            mesh,
            tell,
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
    let parts = Parts::of(&genuine);
    let frames = (0..parts.count()).map(|number| parts.frame_bytes(number) as u64);
    assert_eq!(b.counts.neighbour_bytes(), frames.sum::<u64>());

    let picture = poster(&origin(), 1);
    a.keeps(picture.clone()).await;
    assert_eq!(c.gets(picture.id().clone()).await.jpeg(), picture.jpeg());
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
    victim.hears_of(&[]);
    honest.keeps(chunk(&origin(), &demo(3, 0))).await;
    victim.gets(demo(3, 0)).await;
    let again = tokio::time::timeout(Duration::ZERO, victim.nudged.wait()).await;
    assert!(again.is_err(), "the trackers are asked once, not at each answer");
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
    assert_eq!(victim.store.held().await.len(), 2);
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
