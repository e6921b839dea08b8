//! Whose part leaves next, and when: the uplink is never given more than it carries, so what is worth most need not wait
//! behind what was handed to the system before it, and words to neighbours are never late.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use program::lifecycle::Lifecycle;
use tokio::sync::{Notify, oneshot};

use super::schedule::Worth;
use crate::budget::Rate;

/// What may leave at once after a pause, as time at the full rate: clocks are no finer.
const SLACK: Duration = Duration::from_millis(5);

/// What goes round the bytes of a part: the headers of TCP, IP and the link, and the words of the exchange.
const AROUND: f64 = 1.1;

/// An upload that is so near its end goes before all others: it would keep its receiver waiting for little.
const NEARLY_DONE: usize = 4;

/// In which order parts leave: what is nearly done, then what is worth most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order(bool, Option<Worth>);

impl Order {
    /// Of a chunk that is small enough to go between the parts of others.
    pub(super) const SMALL: Self = Self(false, None);

    /// Of a chunk of which so many parts are still to go.
    pub(super) fn of(worth: Worth, parts_to_go: usize) -> Self {
        Self(parts_to_go > NEARLY_DONE, Some(worth))
    }
}

/// Lets parts leave. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Pacer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: Mutex<Queue>,
    press: Notify,
}

/// Who waits to send. Pure.
#[derive(Debug)]
struct Queue {
    bytes_per_second: f64,
    free_at: Instant,
    /// In the order in which they came.
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    order: Order,
    bytes: usize,
    go: oneshot::Sender<()>,
}

impl Pacer {
    /// For an uplink of that rate. Its task ends with `life`.
    pub(super) fn spawn(rate: Rate, life: &Lifecycle) -> Self {
        let inner = Arc::new(Inner {
            queue: Mutex::new(Queue::new(rate, Instant::now())),
            press: Notify::new(),
        });
        let (pacer, stop) = (Self(inner.clone()), life.stop.clone());
        life.tasks
            .spawn(async move { stop.run_until_cancelled(inner.let_go()).await });
        pacer
    }

    /// Returns when so many bytes may leave.
    pub(super) async fn turn(&self, order: Order, bytes: usize) {
        let Some(go) = self.0.queue().enter(Instant::now(), order, bytes) else {
            return;
        };
        self.0.press.notify_one();
        // When the pacer has ended everything has.
        let _ = go.await;
    }
}

impl Inner {
    async fn let_go(&self) {
        loop {
            let free_at = self.queue().let_go(Instant::now());
            match free_at {
                Some(free_at) => tokio::time::sleep_until(free_at.into()).await,
                None => self.press.notified().await,
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    #[expect(clippy::cast_precision_loss, reason = "rates are far below 2^52")]
    fn new(rate: Rate, now: Instant) -> Self {
        Self {
            bytes_per_second: rate.bytes_per_second() as f64 / AROUND,
            free_at: now,
            waiting: Vec::new(),
        }
    }

    /// Somebody wants to send: at once, if nothing comes back.
    fn enter(&mut self, now: Instant, order: Order, bytes: usize) -> Option<oneshot::Receiver<()>> {
        if self.waiting.is_empty() && self.free_at <= now {
            self.charge(now, bytes);
            return None;
        }
        let (go, gone) = oneshot::channel();
        self.waiting.push(Waiting { order, bytes, go });
        Some(gone)
    }

    /// Lets go of what may leave now. When there is more to let go, if there is.
    fn let_go(&mut self, now: Instant) -> Option<Instant> {
        self.waiting.retain(|waiting| !waiting.go.is_closed());
        while self.free_at <= now {
            let waiting = self.waiting.iter().enumerate();
            let (next, _) = waiting.min_by_key(|(_, waiting)| waiting.order)?;
            let next = self.waiting.remove(next);
            if next.go.send(()).is_ok() {
                self.charge(now, next.bytes);
            }
        }
        (!self.waiting.is_empty()).then_some(self.free_at)
    }

    #[expect(clippy::cast_precision_loss, reason = "a part is far below 2^52")]
    fn charge(&mut self, now: Instant, bytes: usize) {
        let earliest = now.checked_sub(SLACK).unwrap_or(now);
        let takes = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second);
        self.free_at = self.free_at.max(earliest) + takes;
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
            turn(Order::of(worth(3), 8)),
            turn(Order::of(worth(1), 8)),
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
