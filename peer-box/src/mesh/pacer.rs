//! Whose part leaves next, and when: the uplink is never given more than it carries, so what is worth most need not wait
//! behind what was handed to the system before it, and words to neighbours are never late.

mod queue;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use program::lifecycle::Lifecycle;
use program::media::Turns;
use tokio::sync::{Notify, oneshot};

use crate::budget::Rate;
use queue::Queue;
pub(super) use queue::{NEARLY_DONE, Order};

/// With more than this owed to viewers, as time at the full rate, there is room for no other: it would be served too
/// slowly to watch.
const OWED: Duration = Duration::from_millis(500);

/// Sound adds little to it, and would be missed where its pictures come from.
const OWED_BEFORE_SOUND: Duration = Duration::from_secs(2);

/// How long one piece for a viewer takes the uplink, and how small it may be: what is worth more waits no longer.
const PIECE: Duration = Duration::from_millis(13);
const LEAST_PIECE_BYTES: u64 = 4 << 10;

/// Lets parts leave. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Pacer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rate: Rate,
    queue: Mutex<Queue>,
    /// What viewers are still to be sent of what they asked for, in bytes.
    owed: AtomicU64,
    press: Notify,
}

impl Pacer {
    /// For an uplink of that rate. Its task ends with `life`.
    pub(super) fn spawn(rate: Rate, life: &Lifecycle) -> Self {
        let inner = Arc::new(Inner {
            rate,
            queue: Mutex::new(Queue::new(rate, Instant::now())),
            owed: AtomicU64::new(0),
            press: Notify::new(),
        });
        let (pacer, stop) = (Self(inner.clone()), life.stop.clone());
        life.tasks.spawn(async move {
            stop.run_until_cancelled(inner.let_go()).await;
            inner.queue().end();
        });
        pacer
    }

    /// Returns when so many bytes may leave for a neighbour.
    pub(super) async fn turn(&self, order: Order, bytes: usize) {
        let go = self.0.queue().enter(Instant::now(), order, bytes);
        if let Some(go) = self.0.waits(go) {
            go.await;
        }
    }

    /// Whether a viewer would be served another segment fast enough; if not, when to ask again.
    pub(crate) fn room_for_viewers(&self, is_sound: bool) -> Result<(), Duration> {
        let takes = self.0.takes(self.0.owed.load(Ordering::Relaxed));
        let most = if is_sound { OWED_BEFORE_SOUND } else { OWED };
        if takes > most { Err(takes) } else { Ok(()) }
    }
}

impl Turns for Pacer {
    fn owe(&self, bytes: u64) {
        self.0.owed.fetch_add(bytes, Ordering::Relaxed);
    }

    fn settle(&self, bytes: u64) {
        self.0.owed.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn turn(&self, bytes: usize) -> Option<BoxFuture<'static, ()>> {
        let go = self.0.queue().enter_viewer(Instant::now(), bytes);
        self.0.waits(go).map(FutureExt::boxed)
    }

    fn piece_bytes(&self) -> usize {
        let rate = u128::from(self.0.rate.bytes_per_second());
        let bytes = rate * PIECE.as_millis() / 1000;
        usize::try_from(bytes.max(LEAST_PIECE_BYTES.into())).unwrap_or(usize::MAX)
    }
}

impl Inner {
    /// Somebody waits: it is seen to that its turn comes.
    fn waits(&self, go: Option<oneshot::Receiver<()>>) -> Option<impl Future<Output = ()> + use<>> {
        let go = go?;
        self.press.notify_one();
        // Whose turn does not come any more need not wait for it.
        Some(go.map(drop))
    }

    /// How long so many bytes take at the full rate.
    #[expect(clippy::cast_precision_loss, reason = "what is owed is far below 2^52")]
    fn takes(&self, bytes: u64) -> Duration {
        let seconds = bytes as f64 / self.rate.bytes_per_second().max(1) as f64;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

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
