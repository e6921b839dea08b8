//! The lab's mesh, in the simulation: how late chunks are, and what it takes to stop the stream.

use std::time::Duration;

use super::Limits;
use super::simulation::{Manner, SLOW_UPLINK, Simulation, Stream};
use super::ways::{Way, play};

const CHUNKS: u32 = 80;
const SEEDS: usize = 3;

/// What came of a run.
#[derive(Debug)]
struct Outcome {
    delivered: f64,
    p50: Duration,
    p95: Duration,
    p99: Duration,
    duplicates: f64,
    messages_per_chunk: f64,
    delays: Vec<Duration>,
}

impl Outcome {
    fn of(what: &str, mesh: &Simulation, honest: usize) -> Self {
        let delays = mesh.delays();
        let at = |percent: usize| delays[(delays.len() * percent / 100).min(delays.len() - 1)];
        let outcome = Self {
            delivered: ratio(delays.len(), honest * 2 * CHUNKS as usize),
            p50: at(50),
            p95: at(95),
            p99: at(99),
            duplicates: ratio(mesh.duplicates(), mesh.parts()),
            messages_per_chunk: ratio(mesh.messages, mesh.arrivals()),
            delays,
        };
        println!(
            "{what}: delivered {:.4}, p50 {:?}, p95 {:?}, p99 {:?}, duplicates {:.4}, messages a chunk {:.2}, busy {}",
            outcome.delivered,
            outcome.p50,
            outcome.p95,
            outcome.p99,
            outcome.duplicates,
            outcome.messages_per_chunk,
            mesh.busy_answers,
        );
        outcome
    }

    fn in_time(&self, limit: Duration) -> f64 {
        let late = self.delays.iter().filter(|delay| **delay > limit).count();
        self.delivered * (1.0 - ratio(late, self.delays.len()))
    }
}

pub(super) fn ratio(some: usize, of: usize) -> f64 {
    let number = |number| f64::from(u32::try_from(number).unwrap());
    number(some) / number(of)
}

fn honest(what: &str, seed: u64, boxes: usize, slow: usize) -> Outcome {
    let mut mesh = Simulation::new(seed, &vec![Manner::Honest; boxes], SEEDS).plays(Stream::LAB);
    mesh.slow(boxes - slow..boxes, SLOW_UPLINK);
    mesh.connect_at_random(5);
    mesh.publish(CHUNKS);
    mesh.run_until(Duration::from_secs(26));
    Outcome::of(&format!("{what}, seed {seed}"), &mesh, boxes)
}

#[test]
fn thirty_and_sixty_boxes_have_every_chunk_soon_and_hardly_any_twice() {
    for (boxes, slow, p99) in [(30, 0, 650), (60, 0, 850), (30, 10, 1600)] {
        for seed in 0..2 {
            let outcome = honest(&format!("{boxes} boxes, {slow} slow"), seed, boxes, slow);
            assert!(outcome.delivered >= 1.0, "{outcome:?}");
            assert!(outcome.p99 <= Duration::from_millis(p99), "p99 {:?}", outcome.p99);
            assert!(outcome.duplicates <= 0.06, "duplicates {}", outcome.duplicates);
        }
    }
}

/// A mesh of which some are not honest, none of them a seed.
fn besieged(what: &str, seed: u64, manners: &[Manner], limits: Limits, is_checked: bool) -> (Outcome, usize) {
    let mut mesh = Simulation::with_limits(seed, manners, SEEDS, limits).plays(Stream::LAB);
    mesh.is_checked = is_checked;
    mesh.connect_at_random(8);
    mesh.publish(CHUNKS);
    mesh.run_until(Duration::from_secs(26));
    let honest = manners.iter().filter(|manner| **manner == Manner::Honest).count();
    let outcome = Outcome::of(&format!("{what}, seed {seed}"), &mesh, honest);
    (outcome, mesh.bad_accepted)
}

fn with(honest: usize, others: usize, manner: Manner) -> Vec<Manner> {
    [vec![Manner::Honest; honest], vec![manner; others]].concat()
}

/// What viewers have in store.
const IN_TIME: Duration = Duration::from_secs(2);

#[test]
fn a_third_of_polluters_do_not_stop_the_stream() {
    let manners = with(20, 10, Manner::Polluter);
    for seed in 0..2 {
        let (outcome, bad) = besieged("polluters", seed, &manners, Limits::default(), true);
        assert!(outcome.in_time(IN_TIME) >= 0.99, "{}", outcome.in_time(IN_TIME));
        assert_eq!(bad, 0);
    }
    let (_, bad) = besieged("polluters, unchecked", 0, &manners, Limits::default(), false);
    assert!(bad > 0, "without the check nothing bad was ever accepted");
}

#[test]
fn four_fifths_of_silent_neighbours_do_not_stop_the_stream() {
    let manners = with(12, 48, Manner::Silent);
    for seed in 0..2 {
        let (outcome, _) = besieged("silent", seed, &manners, Limits::default(), true);
        assert!(outcome.in_time(IN_TIME) >= 0.99, "{}", outcome.in_time(IN_TIME));
    }
}

#[test]
fn no_other_way_is_as_soon_as_ours_with_so_few_bytes() {
    println!("way: delivered, duplicates, p99");
    for seed in 0..2 {
        let ours = honest("ours", seed, 30, 0);
        for way in [Way::Push, Way::PullAtOnce, Way::PullRarest] {
            let other = play(way, seed);
            println!(
                "{way:?}, seed {seed}: {:.4}, {:.4}, {:?}",
                other.delivered, other.duplicates, other.p99
            );
            let is_sooner = other.delivered >= ours.delivered && other.p99 <= ours.p99;
            assert!(
                !is_sooner || other.duplicates > ours.duplicates,
                "{way:?}: {other:?}"
            );
        }
    }
}
