//! Who is there, as viewers are answered: kept in memory, whatever becomes of the registry.
//!
//! One task merges what this tracker heard itself with what the registry knows, and publishes an
//! immutable [`View`] after each change. The registry is asked once a second, and never for a viewer.

mod crews;
mod ejections;
mod giving;
mod room;
mod slowness;
mod speeds;
mod state;
mod view;
mod viewers;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug, info_span};
use wire::id::BoxId;

pub use giving::Edge;
pub use room::NoRoom;
pub use state::State;
pub use view::{BoxView, ChannelView, View};
pub use viewers::Told;

use crate::clock::Clock;
use crate::orders::{About, Order};
use crate::registry::{Away, BoxRecord, ChannelRecord, Registry, Snapshot, Verdict};
use crate::session::SessionKey;

/// More than come while a view of ten thousand boxes is made and while that rests, even if all of them come at once.
const MAILBOX: usize = 16_384;
const POLL: Duration = Duration::from_secs(1);

/// Every how many polls what is too old is forgotten.
const SWEEP_EVERY: u32 = 30;

/// So many verdicts are written again after one poll, at most.
const RESTORED_AT_A_TIME: usize = 500;

/// Making views takes at most a tenth of the time, however many announcements come. Where little else gets done they take
/// longer to make, and are not put off for ever.
const REST_PER_WORK: u32 = 9;
const LONGEST_REST: Duration = Duration::from_millis(400);

/// Something that changes who is there.
#[derive(Debug)]
pub enum News {
    /// This tracker heard a box.
    Heard(Arc<BoxRecord>),
    /// This tracker heard an origin.
    Presented(Arc<ChannelRecord>),
    /// A box was found where it says, or was not.
    Judged(BoxId, Arc<Verdict>),
    /// A box at that address reports this one.
    Reported(BoxId, IpAddr),
    /// A box handed this tracker what no origin sealed.
    FoundOut(BoxId),
    /// This tracker fetched from a box as a viewer would, at so many bits per second.
    Timed(BoxId, u64),
    /// A viewer at that address tells of a box that it was sent to.
    Told(BoxId, IpAddr, Told),
    /// This tracker fetched from a box as a viewer would, and it was slow, or it was not.
    Looked(BoxId, bool),
    /// An operator gave an order.
    Ordered(About, Order),
    /// What the registry knows.
    Polled(Snapshot, SessionKey),
    /// The registry did not answer.
    Unanswered,
}

/// A handle on the task that knows who is there. Cheap to clone.
#[derive(Clone)]
pub struct Roster {
    mailbox: mpsc::Sender<(News, oneshot::Sender<()>)>,
    view: watch::Receiver<Arc<View>>,
}

impl Roster {
    /// Starts the task and the one that polls the registry. They end at `stop`.
    pub fn spawn(
        state: State,
        registry: Arc<dyn Registry>,
        clock: Clock,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let (mailbox, news) = mpsc::channel(MAILBOX);
        let (publish, view) = watch::channel(Arc::new(state.view(clock.now())));
        let roster = Self { mailbox, view };
        let merging =
            run(state, news, publish, clock.clone(), tasks.clone()).instrument(info_span!("roster"));
        tasks.spawn(stop.clone().run_until_cancelled_owned(merging));
        let polling = poll(registry, clock, roster.clone()).instrument(info_span!("poll"));
        tasks.spawn(stop.clone().run_until_cancelled_owned(polling));
        roster
    }

    /// What is known now.
    pub fn view(&self) -> Arc<View> {
        self.view.borrow().clone()
    }

    /// Makes something known. When this returns the view shows it.
    pub async fn tell(&self, news: News) {
        let (done, shown) = oneshot::channel();
        // Both fail only when the program is ending.
        if self.mailbox.send((news, done)).await.is_ok() {
            tokio::select! {
                biased;
                _ = shown => {}
                // News that slip in just as the roster ends are neither taken nor dropped.
                () = self.mailbox.closed() => {}
            }
        }
    }

    /// Makes something known soon if there is room for it: nobody waits to tell it, and others will tell the same.
    pub fn hint(&self, news: News) {
        let (done, _) = oneshot::channel();
        let _ = self.mailbox.try_send((news, done));
    }

    /// Makes something known soon: for whoever has more to do than to wait for each view.
    pub async fn mention(&self, news: News) {
        let (done, _) = oneshot::channel();
        // Fails only when the program is ending.
        let _ = self.mailbox.send((news, done)).await;
    }
}

async fn run(
    state: State,
    mut news: mpsc::Receiver<(News, oneshot::Sender<()>)>,
    publish: watch::Sender<Arc<View>>,
    clock: Clock,
    tasks: TaskTracker,
) {
    let mut batch = Vec::new();
    // The view before goes where the next is made: giving back what it holds takes a while, too.
    let mut last = Some((state, None));
    while news.recv_many(&mut batch, MAILBOX).await > 0 {
        let Some((mut state, before)) = last else { return };
        let started = Instant::now();
        let now = clock.now();
        let (news, told): (Vec<News>, Vec<_>) = batch.drain(..).unzip();
        let work = move || {
            drop::<Option<Arc<View>>>(before);
            for news in news {
                state.learn(news, now);
            }
            let view = state.view(now);
            (state, view)
        };
        let made = if publish.borrow().is_large() {
            // Nothing comes of it only when the program is ending.
            tasks.spawn_blocking(work).await.ok()
        } else {
            Some(work())
        };
        last = made.map(|(mut state, view)| {
            let before = publish.send_replace(Arc::new(view));
            state.spread();
            (state, Some(before))
        });
        for done in told {
            // Whoever told may have given up waiting.
            let _ = done.send(());
        }
        tokio::time::sleep((started.elapsed() * REST_PER_WORK).min(LONGEST_REST)).await;
    }
}

async fn poll(registry: Arc<dyn Registry>, clock: Clock, roster: Roster) {
    let mut ticks = tokio::time::interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for count in 1_u32.. {
        ticks.tick().await;
        let sweeps = count % SWEEP_EVERY == 0;
        if let Err(away) = exchange(&*registry, &roster, clock.now(), sweeps).await {
            debug!(%away, "registry did not answer");
            roster.tell(News::Unanswered).await;
        }
    }
}

/// Hears what the registry knows, and tells it what it lost.
async fn exchange(registry: &dyn Registry, roster: &Roster, now: u64, sweeps: bool) -> Result<(), Away> {
    // After a flush this writes the key again, so that sessions stay good.
    let key = registry.session_key(roster.view().session_key).await?;
    let snapshot = registry.snapshot(now).await?;
    let view = roster.view();
    let lost = lost(&view, &snapshot);
    let forgotten: Vec<_> = view
        .orders
        .beyond(&snapshot.orders)
        .map(|(about, order)| (about.clone(), order.clone()))
        .collect();
    roster.tell(News::Polled(snapshot, key)).await;
    for (id, verdict) in lost {
        registry.judge(id, verdict).await?;
    }
    for (about, order) in forgotten {
        registry.order(about, order).await?;
    }
    if sweeps { registry.sweep(now).await } else { Ok(()) }
}

/// What came of proving addresses that the registry does not know any more, or never heard.
fn lost(view: &View, snapshot: &Snapshot) -> Vec<(BoxId, Arc<Verdict>)> {
    let known = |id: &BoxId, ours: &Verdict| {
        snapshot
            .verdicts
            .get(id)
            .is_some_and(|theirs| theirs.at >= ours.at)
    };
    let verdicts = view
        .boxes
        .iter()
        .filter_map(|(id, alive)| Some((*id, alive.verdict.clone()?)));
    verdicts
        .filter(|(id, ours)| snapshot.boxes.contains_key(id) && !known(id, ours))
        .take(RESTORED_AT_A_TIME)
        .collect()
}
