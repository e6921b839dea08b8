//! Who waits to send, and who is next. Pure.
//!
//! Three lanes share the uplink: the edge of the stream for neighbours first, since all else hangs on it; then viewers; then
//! the past, for which nobody waits. Viewers and the past have a part of the uplink that the others leave them whatever
//! they want themselves, so that neither starves; who had more than its part lately waits for it.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::super::schedule::Worth;
use crate::budget::Rate;

/// What may leave at once after a pause, as time at the full rate: clocks are no finer.
const SLACK: Duration = Duration::from_millis(5);

/// What goes round the bytes of a part: the headers of TCP, IP and the link, and the words of the exchange.
const AROUND: f64 = 1.1;

/// An upload that is so near its end goes before all others of its lane: it would keep its receiver waiting for little.
pub(in crate::mesh) const NEARLY_DONE: usize = 8;

/// The parts of the uplink that viewers and the past have at least.
const VIEWERS_PART: f64 = 0.3;
const PAST_PART: f64 = 0.1;

/// How much a lane may have had beyond its part before that is forgotten, as time at the full rate.
const REMEMBERED: Duration = Duration::from_millis(100);

/// In which order parts leave: what is nearly done, then what is worth most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::mesh) struct Order(bool, Option<Worth>);

impl Order {
    /// Of a chunk that is small enough to go between the parts of others.
    pub(in crate::mesh) const SMALL: Self = Self(false, None);

    /// Of a chunk of which so many parts are still to go.
    pub(in crate::mesh) fn of(worth: Worth, parts_to_go: usize) -> Self {
        Self(parts_to_go > NEARLY_DONE, Some(worth))
    }

    fn lane(self) -> Lane {
        match self.1 {
            Some(worth) if worth.is_past => Lane::Past,
            _ => Lane::Edge,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    Edge,
    Viewers,
    Past,
}

#[derive(Debug)]
pub(super) struct Queue {
    bytes_per_second: f64,
    free_at: Instant,
    /// In the order in which they came.
    waiting: Vec<Waiting>,
    /// Of viewers and of the past.
    shares: [Share; 2],
    /// Nobody waits any more.
    is_over: bool,
}

#[derive(Debug)]
struct Waiting {
    lane: Lane,
    order: Order,
    bytes: usize,
    go: oneshot::Sender<()>,
}

/// A lane's part of the uplink, and the bytes that it has not had of it while it waited.
#[derive(Debug)]
struct Share {
    lane: Lane,
    part: f64,
    missed: f64,
}

impl Queue {
    #[expect(clippy::cast_precision_loss, reason = "rates are far below 2^52")]
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        let share = |(lane, part)| Share {
            lane,
            part,
            missed: 0.0,
        };
        Self {
            bytes_per_second: rate.bytes_per_second() as f64 / AROUND,
            free_at: now,
            waiting: Vec::new(),
            shares: [(Lane::Viewers, VIEWERS_PART), (Lane::Past, PAST_PART)].map(share),
            is_over: false,
        }
    }

    /// A neighbour's part wants to leave: at once, if nothing comes back.
    pub(super) fn enter(
        &mut self,
        now: Instant,
        order: Order,
        bytes: usize,
    ) -> Option<oneshot::Receiver<()>> {
        self.enter_lane(now, (order.lane(), order), bytes)
    }

    /// As [`Queue::enter`], for a viewer's piece; these go in the order in which they came.
    pub(super) fn enter_viewer(&mut self, now: Instant, bytes: usize) -> Option<oneshot::Receiver<()>> {
        self.enter_lane(now, (Lane::Viewers, Order::SMALL), bytes)
    }

    fn enter_lane(
        &mut self,
        now: Instant,
        (lane, order): (Lane, Order),
        bytes: usize,
    ) -> Option<oneshot::Receiver<()>> {
        if self.is_over || self.waiting.is_empty() && self.free_at <= now {
            self.charge(now, lane, bytes);
            return None;
        }
        let (go, gone) = oneshot::channel();
        self.waiting.push(Waiting {
            lane,
            order,
            bytes,
            go,
        });
        Some(gone)
    }

    /// Lets go of what may leave now. When there is more to let go, if there is.
    pub(super) fn let_go(&mut self, now: Instant) -> Option<Instant> {
        self.waiting.retain(|waiting| !waiting.go.is_closed());
        while self.free_at <= now {
            let waiting = self.waiting.iter().enumerate();
            let (next, _) =
                waiting.min_by_key(|(_, waiting)| (self.precedence(waiting.lane), waiting.order))?;
            let next = self.waiting.remove(next);
            if next.go.send(()).is_ok() {
                self.charge(now, next.lane, next.bytes);
            }
        }
        (!self.waiting.is_empty()).then_some(self.free_at)
    }

    /// Everybody goes, now and from now on: what is being sent when a box stops has only seconds to get through.
    pub(super) fn end(&mut self) {
        self.is_over = true;
        for waiting in self.waiting.drain(..) {
            // It fails where nobody waits any more.
            let _ = waiting.go.send(());
        }
    }

    /// Whoever missed some of its part goes first, else as the lanes are ordered.
    fn precedence(&self, lane: Lane) -> (bool, Lane) {
        let has_missed = |share: &Share| share.lane == lane && share.missed > 0.0;
        (!self.shares.iter().any(has_missed), lane)
    }

    #[expect(clippy::cast_precision_loss, reason = "a part is far below 2^52")]
    fn charge(&mut self, now: Instant, lane: Lane, bytes: usize) {
        let sent = bytes as f64;
        let remembered = self.bytes_per_second * REMEMBERED.as_secs_f64();
        for share in &mut self.shares {
            if share.lane == lane {
                share.missed -= sent * (1.0 - share.part);
            } else if self.waiting.iter().any(|waiting| waiting.lane == share.lane) {
                share.missed += sent * share.part;
            }
            share.missed = share.missed.clamp(-remembered, remembered);
        }
        let earliest = now.checked_sub(SLACK).unwrap_or(now);
        self.free_at = self.free_at.max(earliest) + Duration::from_secs_f64(sent / self.bytes_per_second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: usize = 16 << 10;

    fn worth(copies: usize) -> Worth {
        Worth {
            is_past: false,
            only_takes: false,
            copies,
        }
    }

    fn queue(now: Instant) -> Queue {
        let mut queue = Queue::new("10mbit".parse().unwrap(), now);
        assert!(
            queue.enter(now, Order::of(worth(0), 8), PART).is_none(),
            "the uplink was idle"
        );
        queue
    }

    #[test]
    fn no_more_leaves_than_the_uplink_carries() {
        let start = Instant::now();
        let mut queue = queue(start);
        let mut turns: Vec<_> = (0..100)
            .filter_map(|_| queue.enter(start, Order::of(worth(0), 8), PART))
            .collect();
        let mut now = start;
        while let Some(free_at) = queue.let_go(now) {
            assert!(free_at > now);
            now = free_at;
        }
        assert!(turns.iter_mut().all(|turn| turn.try_recv().is_ok()));
        let carried = 101.0 * 8.0 * 16.384 * AROUND / (now - start).as_secs_f64();
        assert!((9_900.0..10_300.0).contains(&carried), "{carried} kbit/s");
    }

    #[test]
    fn what_is_small_or_nearly_done_or_worth_most_leaves_first() {
        let now = Instant::now();
        let mut queue = queue(now);
        let mut turn = |order| queue.enter(now, order, PART).unwrap();
        let mut turns = [
            turn(Order::of(worth(3), NEARLY_DONE + 1)),
            turn(Order::of(worth(1), NEARLY_DONE + 1)),
            turn(Order::of(worth(9), 2)),
            turn(Order::SMALL),
        ];
        for last in (0..4).rev() {
            let at = queue.let_go(now).expect("somebody waits");
            queue.let_go(at);
            queue.free_at = now + Duration::from_millis(10);
            let gone: Vec<usize> = (0..4).filter(|turn| turns[*turn].try_recv().is_ok()).collect();
            assert_eq!(gone, [last]);
        }
    }

    /// How many of the next hundred parts each lane has, all of them waiting for ever.
    fn shares(lanes: &[Lane]) -> Vec<usize> {
        let now = Instant::now();
        let mut queue = queue(now);
        let mut had = vec![0; lanes.len()];
        let enter = |queue: &mut Queue, lane| {
            let order = match lane {
                Lane::Edge => Order::of(worth(0), 8),
                Lane::Viewers => return queue.enter_viewer(now, PART).expect("it is busy"),
                Lane::Past => Order::of(
                    Worth {
                        is_past: true,
                        ..worth(0)
                    },
                    8,
                ),
            };
            queue.enter(now, order, PART).expect("it is busy")
        };
        let mut turns: Vec<_> = lanes.iter().map(|lane| enter(&mut queue, *lane)).collect();
        for _ in 0..100 {
            let at = queue.free_at;
            queue.let_go(at);
            for (number, lane) in lanes.iter().enumerate() {
                if turns[number].try_recv().is_ok() {
                    had[number] += 1;
                    turns[number] = enter(&mut queue, *lane);
                }
            }
        }
        had
    }

    #[test]
    fn the_edge_goes_first_and_nobody_starves() {
        assert!((60..=64).contains(&shares(&[Lane::Edge, Lane::Viewers, Lane::Past])[0]));
        assert!((68..=72).contains(&shares(&[Lane::Edge, Lane::Viewers])[0]));
        assert!((88..=92).contains(&shares(&[Lane::Viewers, Lane::Past])[0]));
        assert!((88..=92).contains(&shares(&[Lane::Edge, Lane::Past])[0]));
        assert_eq!(shares(&[Lane::Viewers, Lane::Viewers]), [50, 50]);
    }

    #[test]
    fn who_had_the_uplink_alone_makes_way_for_the_edge() {
        let now = Instant::now();
        let mut queue = queue(now);
        let viewers: Vec<_> = (0..50).map(|_| queue.enter_viewer(now, PART)).collect();
        for _ in 0..30 {
            let at = queue.free_at;
            queue.let_go(at);
        }
        let mut edge: Vec<_> = (0..8)
            .map(|left| queue.enter(now, Order::of(worth(0), 8 - left), PART).unwrap())
            .collect();
        for _ in 0..8 {
            let at = queue.free_at;
            queue.let_go(at);
        }
        assert!(edge.iter_mut().all(|turn| turn.try_recv().is_ok()));
        drop(viewers);
    }

    #[test]
    fn at_the_end_nobody_waits() {
        let now = Instant::now();
        let mut queue = queue(now);
        let mut waits = queue.enter_viewer(now, PART).expect("it is busy");
        queue.end();
        assert!(waits.try_recv().is_ok());
        assert!(queue.enter_viewer(now, PART).is_none());
    }

    #[test]
    fn who_has_gone_takes_no_time_from_the_others() {
        let now = Instant::now();
        let mut queue = queue(now);
        drop(queue.enter(now, Order::SMALL, 100 * PART));
        let mut stays = queue.enter(now, Order::of(worth(0), 8), PART).unwrap();
        let at = queue.let_go(now).expect("somebody waits");
        assert_eq!(queue.let_go(at), None);
        assert!(stays.try_recv().is_ok());
    }
}
