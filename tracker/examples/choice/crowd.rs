//! A crowd that comes at once, and trackers that know only what boxes said seconds ago. Seeded: it comes out the same each time.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a model, of fewer than 2^52 of anything"
)]

use std::collections::HashMap;
use std::net::IpAddr;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use tracker::geography::Country;
use tracker::reach::Network;
use tracker::select::{Candidate, Carriers, Health, Newcomer, left_out};
use wire::id::BoxId;

/// What one viewer takes, in bits per second.
const VIEWER: u64 = 3_000_000;
/// Every how many seconds a box says how it is.
const REPORT_SECONDS: usize = 5;
const TRACKERS: usize = 2;
/// Every how many seconds a tracker fetches from a box as a viewer would, and how many looks it remembers.
const LOOK_SECONDS: usize = 60;
const LOOKS: usize = 3;
/// As many countries are there, each with as many boxes and viewers as another.
const COUNTRIES: usize = 10;
const BOAST: u64 = 1_000_000_000;
/// The median uplink in bits per second, and how far uplinks are apart (the deviation of their logarithm).
const MEDIAN_UPLINK: f64 = 30e6;
const DEVIATION: f64 = 0.8;
/// The share of all uplinks that viewers take when all are there, and when the crowd sets out.
const LOAD: f64 = 0.7;
const BEFORE: f64 = 0.2;
/// One viewer in so many leaves each second, and another comes.
const LEAVES: f64 = 1.0 / 300.0;

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How many boxes there are, each in a network of its own.
    pub(crate) boxes: usize,
    /// How many more there are in one /24, which boast, say that they send nothing, and serve well.
    pub(crate) crowded: usize,
    /// For how many seconds the crowd comes.
    pub(crate) crowd_seconds: usize,
    /// How many seconds there are in all.
    pub(crate) seconds: usize,
    /// How many of the boxes say that they have 1 Gbit/s, whatever they have.
    pub(crate) boasting: usize,
    /// How many of the boxes were slow each time that a tracker tried them.
    pub(crate) slow: usize,
    /// How many viewers there are at the end; as many as fill the uplinks to 70 % if not given.
    pub(crate) viewers: Option<usize>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// How loaded boxes were, second by second.
    pub(crate) loads: Vec<Loads>,
    /// How many viewers there were at the end.
    pub(crate) viewers: usize,
    /// The share of viewers' time on boxes that had more than they can send.
    pub(crate) overloaded: f64,
    /// The most that a box had, in shares of what it can send.
    pub(crate) worst: f64,
    /// The share of viewers at the boxes of the one /24 at the end.
    pub(crate) crowded: f64,
    /// The share of viewers at boxes that boast at the end.
    pub(crate) boasting: f64,
    /// The share of viewers at boxes of their own country at the end.
    pub(crate) near: f64,
    /// The share of viewers at slow boxes at the end.
    pub(crate) slow: f64,
    /// The share of viewers who have no box and watch from the origin at the end.
    pub(crate) unserved: f64,
}

/// How loaded boxes were at a moment, in shares of what they can send.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Loads {
    /// Half of them no more than this.
    pub(crate) median: f64,
    /// 95 of 100 no more than this.
    pub(crate) p95: f64,
    /// The most loaded one.
    pub(crate) worst: f64,
    /// All together.
    pub(crate) all: f64,
}

struct Peer {
    uplink: u64,
    viewers: u64,
    /// What each tracker has of it.
    known: Vec<Candidate>,
    looks: [u64; LOOKS],
}

impl Peer {
    fn new(n: usize, uplink: u64, address: [u8; 4]) -> Self {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(n as u64).to_be_bytes());
        let known = (0..TRACKERS).map(|_| Candidate {
            id: BoxId::from_bytes(id),
            place: std::sync::Arc::default(),
            uplink,
            seen: uplink,
            sending: 0,
            handed: std::sync::Arc::default(),
            age: 3_600_000,
            silent: 0,
            room: u32::try_from(uplink / VIEWER).unwrap_or(u32::MAX),
            gives: false,
            network: Network::of(IpAddr::from(address)),
            country: country(n),
            health: Health::Fine,
        });
        let known = known.collect();
        Self {
            uplink,
            viewers: 0,
            known,
            looks: [uplink, 0, 0],
        }
    }

    /// What its viewers take, as a share of what it can send.
    fn load(&self) -> f64 {
        (self.viewers * VIEWER) as f64 / self.uplink as f64
    }

    /// A tracker fetches from it: what is free, or its share among the viewers.
    fn shows(&mut self) {
        let free = self.uplink.saturating_sub(self.viewers * VIEWER);
        self.looks.rotate_right(1);
        self.looks[0] = free.max(self.uplink / (self.viewers + 1));
        for known in &mut self.known {
            known.seen = self.looks.into_iter().max().unwrap_or(0);
        }
    }

    /// It speaks: one that hides says always the same.
    fn says(&mut self, hides: bool) {
        let sending = self.viewers * VIEWER;
        for known in &mut self.known {
            known.handed = std::sync::Arc::default();
            if !hides {
                known.sending = sending;
                let free = known.uplink.saturating_sub(sending) / VIEWER;
                known.room = u32::try_from(free).unwrap_or(u32::MAX);
            }
        }
    }
}

/// Lets the crowd come.
pub(crate) fn run(plan: Plan, seed: u64) -> Outcome {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut peers, most) = peers(plan, &mut rng);
    let places: HashMap<BoxId, usize> = (0..)
        .zip(&peers)
        .map(|(at, peer)| (peer.known[0].id, at))
        .collect();

    let mut watching: Vec<(usize, Option<usize>)> = Vec::with_capacity(most);
    let mut outcome = Outcome::default();
    let (mut time, mut time_overloaded) = (0_u64, 0_u64);
    for second in 0..plan.seconds {
        for (n, peer) in peers.iter_mut().enumerate() {
            if n % REPORT_SECONDS == second % REPORT_SECONDS {
                peer.says(n >= plan.boxes);
            }
            if n % LOOK_SECONDS == second % LOOK_SECONDS {
                peer.shows();
            }
        }
        let trackers: Vec<Carriers> = (0..TRACKERS)
            .map(|tracker| Carriers::new(peers.iter().map(|peer| peer.known[tracker].clone()).collect()))
            .collect();
        watching.retain(|(_, at)| {
            let stays = rng.random::<f64>() >= LEAVES;
            if let Some(at) = at.filter(|_| !stays) {
                peers[at].viewers -= 1;
            }
            stays
        });
        let come = (second as f64 / plan.crowd_seconds as f64).min(1.0);
        let wanted = (most as f64 * (BEFORE + (LOAD - BEFORE) * come) / LOAD) as usize;
        while watching.len() < wanted {
            let tracker = rng.random_range(0..TRACKERS);
            let home = rng.random_range(0..COUNTRIES);
            let newcomer = Newcomer {
                bits_per_second: VIEWER,
                country: country(home),
                ..Newcomer::default()
            };
            let chosen = trackers[tracker].choose(&mut rng, &[], 3, newcomer);
            let at = chosen.first().map(|id| places[id]);
            if let Some(at) = at {
                peers[at].viewers += 1;
            }
            watching.push((home, at));
        }
        outcome.loads.push(loads(&peers));
        for peer in &peers {
            let load = peer.load();
            outcome.worst = outcome.worst.max(load);
            time += peer.viewers;
            time_overloaded += if load > 1.0 { peer.viewers } else { 0 };
        }
    }
    let share = |is: &dyn Fn(usize, Option<usize>) -> bool| {
        let those = watching.iter().filter(|(home, at)| is(*home, *at));
        those.count() as f64 / watching.len() as f64
    };
    outcome.viewers = watching.len();
    outcome.overloaded = time_overloaded as f64 / time as f64;
    outcome.crowded = share(&|_, at| at.is_some_and(|at| at >= plan.boxes));
    outcome.boasting = share(&|_, at| at.is_some_and(|at| at < plan.boasting));
    outcome.slow = share(&|_, at| at.is_some_and(|at| at < plan.slow));
    outcome.near = share(&|home, at| at.is_some_and(|at| at % COUNTRIES == home));
    outcome.unserved = share(&|_, at| at.is_none());
    outcome
}

/// The boxes, and how many viewers there are when all are there.
fn peers(plan: Plan, rng: &mut impl Rng) -> (Vec<Peer>, usize) {
    let mut peers: Vec<Peer> = (0..plan.boxes)
        .map(|n| {
            let [.., high, low] = n.to_be_bytes();
            Peer::new(n, uplink(rng), [198, high, low, 1])
        })
        .collect();
    let all: f64 = peers.iter().map(|peer| peer.uplink as f64).sum();
    let most = plan.viewers.unwrap_or((all * LOAD / VIEWER as f64) as usize);
    if plan.viewers.is_some() {
        // As many viewers as asked for, and uplinks for them.
        let scale = most as f64 * VIEWER as f64 / (all * LOAD);
        for (n, peer) in peers.iter_mut().enumerate() {
            let [.., high, low] = n.to_be_bytes();
            *peer = Peer::new(n, (peer.uplink as f64 * scale) as u64, [198, high, low, 1]);
        }
    }
    for n in 0..plan.crowded {
        peers.push(Peer::new(
            plan.boxes + n,
            1_000_000_000,
            [203, 0, 113, (n % 250) as u8],
        ));
    }
    for known in peers
        .iter_mut()
        .take(plan.boasting)
        .flat_map(|peer| &mut peer.known)
    {
        known.uplink = BOAST;
    }
    let slow = peers.iter().take(plan.slow).map(|peer| (0, peer.known[0].id));
    let out = left_out(slow.collect(), peers.len());
    for peer in peers.iter_mut().take(plan.slow) {
        for known in &mut peer.known {
            let is_out = out.contains(&known.id);
            known.health = if is_out { Health::LeftOut } else { Health::Slow };
        }
    }
    (peers, most)
}

fn loads(peers: &[Peer]) -> Loads {
    let mut loads: Vec<f64> = peers.iter().map(Peer::load).collect();
    loads.sort_by(f64::total_cmp);
    let at = |share: f64| loads[((loads.len() - 1) as f64 * share) as usize];
    let sending: u64 = peers.iter().map(|peer| peer.viewers * VIEWER).sum();
    let uplinks: u64 = peers.iter().map(|peer| peer.uplink).sum();
    Loads {
        median: at(0.5),
        p95: at(0.95),
        worst: at(1.0),
        all: sending as f64 / uplinks as f64,
    }
}

/// Where the nth box is, or the nth viewer.
fn country(n: usize) -> Option<Country> {
    let letter = b'A' + (n % COUNTRIES) as u8;
    Country::read(&[letter, letter])
}

/// An uplink: the median times e to a normal number (Box and Muller).
fn uplink(rng: &mut impl Rng) -> u64 {
    let (one, other) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
    (MEDIAN_UPLINK * (DEVIATION * normal).exp()).min(1e9) as u64
}
