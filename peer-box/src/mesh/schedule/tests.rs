//! What the schedule promises, alone and in a simulated mesh.

mod conduct;
mod telling;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use wire::chunk::Seal;
use wire::exchange::MAX_HAVE;
use wire::id::{BoxId, ChunkId, TrackId};
use wire::key::SecretKey;

use super::simulation::{Manner, Simulation, id_of, record_of, seal_of};
use super::telling::{COMPANY, LATE};
use super::{Action, Limits, Schedule, Turn};

fn neighbour(number: u8) -> BoxId {
    BoxId::of(&SecretKey::from_seed([number; 32]).public())
}

/// A chunk that is large.
const BYTES: usize = 100_000;

fn schedule() -> Schedule {
    Schedule::new(Limits::default(), StdRng::seed_from_u64(1))
}

fn with_neighbours(numbers: std::ops::Range<u8>) -> Schedule {
    let mut schedule = schedule();
    for number in numbers {
        schedule.joined(neighbour(number), []);
    }
    schedule
}

fn told(schedule: &mut Schedule, now: Instant, by: u8, chunk: u32) {
    let id = id_of(chunk);
    schedule.told(now, neighbour(by), &record_of(&id), seal_of(&id));
}

fn all(schedule: &mut Schedule, now: Instant) -> Vec<Action> {
    std::iter::from_fn(|| schedule.next(now)).collect()
}

fn wants(schedule: &mut Schedule, now: Instant) -> Vec<(BoxId, ChunkId)> {
    let want = |action| match action {
        Action::Want(of, id) => Some((of, id)),
        _ => None,
    };
    all(schedule, now).into_iter().filter_map(want).collect()
}

/// The wants that time alone brings, and when.
fn next_wants(schedule: &mut Schedule, mut now: Instant) -> (Instant, Vec<(BoxId, ChunkId)>) {
    loop {
        now = schedule.wakes_at().expect("something is to come").max(now);
        let wants = wants(schedule, now);
        if !wants.is_empty() {
            return (now, wants);
        }
    }
}

#[test]
fn every_box_gets_every_chunk_and_hardly_any_twice() {
    for seed in 0..6 {
        let mut mesh = Simulation::new(seed, &[Manner::Honest; 14], 2);
        mesh.connect_at_random(4);
        mesh.publish(80);
        mesh.run_until(Duration::from_secs(25));
        for member in 0..14 {
            assert_eq!(mesh.held(member), 80, "box {member}, seed {seed}");
        }
        assert!(mesh.duplicates() * 20 <= mesh.parts(), "seed {seed}");
        let delays = mesh.delays();
        let p99 = delays[delays.len() * 99 / 100];
        assert!(p99 < Duration::from_millis(1500), "p99 {p99:?}, seed {seed}");
    }
}

#[test]
fn neighbours_that_promise_and_stay_silent_take_nothing_from_the_others() {
    for seed in 0..12 {
        let mut manners = [Manner::Honest; 12];
        manners[4] = Manner::Silent;
        manners[8] = Manner::Silent;
        let mut mesh = Simulation::new(seed, &manners, 2);
        mesh.connect_at_random(5);
        mesh.publish(60);
        mesh.run_until(Duration::from_secs(30));
        for member in (0..12).filter(|member| manners[*member] == Manner::Honest) {
            assert_eq!(mesh.held(member), 60, "box {member}, seed {seed}");
        }
    }
}

#[test]
fn a_box_with_one_slot_serves_many_one_after_another() {
    let mut mesh = Simulation::new(7, &[Manner::Honest; 6], 1);
    for other in 1..6 {
        mesh.connect(Duration::ZERO, 0, other);
    }
    mesh.publish(10);
    mesh.run_until(Duration::from_secs(20));
    for member in 1..6 {
        assert_eq!(mesh.held(member), 10, "box {member}");
    }
    assert!(mesh.busy_answers > 0, "nobody was ever told to wait");
}

#[test]
fn who_joins_late_gets_the_edge_before_the_past() {
    let mut mesh = Simulation::new(3, &[Manner::Honest; 2], 1);
    mesh.publish(60);
    mesh.connect(Duration::from_secs(12), 0, 1);
    mesh.run_until(Duration::from_secs(40));

    let order: Vec<u32> = mesh.fetched(1).iter().map(|id| id.segment).collect();
    let expected: Vec<u32> = [5, 6, 4, 3, 2, 1]
        .iter()
        .flat_map(|segment| [*segment; 10])
        .collect();
    assert_eq!(order, expected);
}

#[test]
fn the_past_is_fetched_one_chunk_at_a_time_in_no_hurry_and_holds_up_no_chunk_of_the_edge() {
    let now = Instant::now();
    let mut schedule = with_neighbours(1..6);
    let newest = 100;
    for by in 1..6 {
        let id = id_of(newest - u32::from(by));
        told(&mut schedule, now, by, newest - u32::from(by));
        assert_eq!(wants(&mut schedule, now), [(neighbour(by), id.clone())]);
        schedule.arrived(now, neighbour(by), &id, BYTES);
        schedule.stored(now, &id, &seal_of(&id), BYTES);
    }
    for past in 1..4 {
        told(&mut schedule, now, u8::try_from(past).unwrap(), past);
    }
    let first = wants(&mut schedule, now);
    assert_eq!(first, [(neighbour(1), id_of(1))]);
    told(&mut schedule, now, 4, newest + 1);
    told(&mut schedule, now, 5, newest + 2);
    assert_eq!(
        wants(&mut schedule, now).len(),
        2,
        "the edge is asked for beside it"
    );
    schedule.arrived(now, neighbour(1), &id_of(1), BYTES);
    schedule.stored(now, &id_of(1), &seal_of(&id_of(1)), BYTES);
    assert_eq!(wants(&mut schedule, now), [], "in no hurry");
    let later = now + Duration::from_millis(500);
    assert!(schedule.wakes_at().is_some_and(|at| at <= later));
    assert_eq!(wants(&mut schedule, later), [(neighbour(2), id_of(2))]);
}

#[test]
fn what_is_here_is_never_wanted() {
    let now = Instant::now();
    let mut schedule = with_neighbours(1..3);
    schedule.stored(now, &id_of(0), &seal_of(&id_of(0)), BYTES);
    told(&mut schedule, now, 1, 0);
    assert_eq!(wants(&mut schedule, now), []);

    told(&mut schedule, now, 1, 1);
    assert_eq!(wants(&mut schedule, now), [(neighbour(1), id_of(1))]);
    schedule.stored(now, &id_of(1), &seal_of(&id_of(1)), BYTES);
    told(&mut schedule, now, 2, 1);
    assert_eq!(wants(&mut schedule, now), []);
}

#[test]
fn a_chunk_is_wanted_of_one_holder_at_a_time_and_of_another_when_it_does_not_come() {
    let now = Instant::now();
    let mut schedule = with_neighbours(1..4);
    told(&mut schedule, now, 1, 0);
    let first = wants(&mut schedule, now);
    told(&mut schedule, now, 2, 0);
    assert_eq!(first, [(neighbour(1), id_of(0))]);
    assert_eq!(wants(&mut schedule, now), []);

    let (_, second) = next_wants(&mut schedule, now);
    assert_eq!(second, [(neighbour(2), id_of(0))]);
}

#[test]
fn a_busy_neighbour_is_asked_again_after_a_while_and_a_free_one_at_once() {
    let now = Instant::now();
    let mut schedule = with_neighbours(1..3);
    told(&mut schedule, now, 1, 0);
    assert_eq!(wants(&mut schedule, now).len(), 1);
    schedule.busy(now, neighbour(1), &id_of(0));
    assert_eq!(wants(&mut schedule, now), []);
    let rested = schedule.wakes_at().expect("it is worth asking again");
    assert_eq!(wants(&mut schedule, rested), [(neighbour(1), id_of(0))]);

    schedule.busy(rested, neighbour(1), &id_of(0));
    told(&mut schedule, rested, 2, 0);
    assert_eq!(wants(&mut schedule, rested), [(neighbour(2), id_of(0))]);
}

#[test]
fn no_more_is_in_flight_than_the_limit_and_newcomers_are_asked_for_half_of_it() {
    let now = Instant::now();
    let limits = Limits {
        past: 99,
        ..Limits::default()
    };
    let mut schedule = Schedule::new(limits, StdRng::seed_from_u64(1));
    for by in 1..33 {
        schedule.joined(neighbour(by), []);
        told(&mut schedule, now, by, u32::from(by));
    }
    let asked = wants(&mut schedule, now);
    assert_eq!(asked.len(), limits.newcomers);
    for (of, id) in asked {
        schedule.arrived(now, of, &id, BYTES);
        schedule.stored(now, &id, &seal_of(&id), BYTES);
        let by = (1..33).find(|by| neighbour(*by) == of).expect("a neighbour");
        told(&mut schedule, now, by, 40 + u32::from(by));
    }
    assert_eq!(wants(&mut schedule, now).len(), limits.in_flight);
}

#[test]
fn an_init_segment_and_what_a_viewer_waits_for_come_first() {
    let now = Instant::now();
    let mut schedule = with_neighbours(1..2);
    let next = |schedule: &mut Schedule| {
        let (of, id) = wants(schedule, now).pop().expect("something is wanted");
        schedule.arrived(now, of, &id, BYTES);
        schedule.stored(now, &id, &Seal::new(id.to_string().into()), BYTES);
        id
    };
    for chunk in (0..60).rev() {
        told(&mut schedule, now, 1, chunk);
    }
    let demo = id_of(0);
    let init = ChunkId::init(demo.channel.clone(), demo.epoch, demo.track);
    schedule.told(
        now,
        neighbour(1),
        &record_of_init(&init),
        Seal::new("init".into()),
    );
    assert_eq!(next(&mut schedule), init);

    assert!(schedule.wish(&demo.channel, demo.epoch, demo.track, 2));
    assert_eq!(next(&mut schedule), id_of(10));
    assert!(!schedule.wish(&demo.channel, demo.epoch, TrackId::AUDIO, 2));
}

#[test]
fn posters_come_after_the_edge_and_before_the_past_and_are_no_edge_themselves() {
    let mut schedule = with_neighbours(1..2);
    let now = Instant::now();
    let poster = |segment| ChunkId {
        track: TrackId::POSTER,
        segment,
        index: 0,
        ..id_of(0)
    };
    for id in [poster(8), poster(9)] {
        schedule.told(now, neighbour(1), &record_of(&id), seal_of(&id));
    }
    let (old, edge) = (id_of(0), id_of(25));
    for id in [&old, &edge] {
        schedule.told(now, neighbour(1), &record_of(id), seal_of(id));
    }
    for expected in [edge, poster(9), poster(8), old] {
        assert_eq!(wants(&mut schedule, now), [(neighbour(1), expected.clone())]);
        schedule.arrived(now, neighbour(1), &expected, BYTES);
        schedule.stored(now, &expected, &seal_of(&expected), BYTES);
    }
}

fn record_of_init(id: &ChunkId) -> wire::chunk::ChunkRecord {
    let record = record_of(&id_of(0));
    wire::chunk::ChunkRecord {
        id: id.clone(),
        ..record
    }
}

#[test]
fn a_neighbour_that_leaves_takes_its_promises_along() {
    let now = Instant::now();
    let mut schedule = with_neighbours(1..3);
    told(&mut schedule, now, 1, 0);
    told(&mut schedule, now, 1, 1);
    told(&mut schedule, now, 2, 1);
    wants(&mut schedule, now);
    schedule.left(neighbour(1));
    assert_eq!(schedule.promised.len(), 1);
    schedule.busy(now, neighbour(2), &id_of(1));
    let rested = now + Duration::from_millis(100);
    assert_eq!(wants(&mut schedule, rested), [(neighbour(2), id_of(1))]);
    told(&mut schedule, now, 1, 2);
    assert_eq!(schedule.promised.len(), 1, "a stranger's promise is not kept");
}

#[test]
fn the_tables_do_not_grow_past_their_bounds() {
    let now = Instant::now();
    let limits = Limits {
        chunks: 50,
        ..Limits::default()
    };
    let mut schedule = Schedule::new(limits, StdRng::seed_from_u64(1));
    schedule.joined(neighbour(1), []);
    for chunk in 0..200 {
        told(&mut schedule, now, 1, chunk);
        schedule.stored(now, &id_of(1000 + chunk), &seal_of(&id_of(1000 + chunk)), BYTES);
    }
    assert_eq!(schedule.promised.len(), 50);
    assert_eq!(schedule.held.len(), 50);

    let much_later = now + Duration::from_secs(80);
    schedule.failed(now, neighbour(1), &id_of(0));
    schedule.left(neighbour(1));
    all(&mut schedule, much_later);
    assert_eq!(
        (
            schedule.promised.len(),
            schedule.held.len(),
            schedule.newest.len()
        ),
        (0, 0, 0)
    );
}
