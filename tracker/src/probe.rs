//! Is a box where it says? The tracker goes there and asks it to sign a number.
//!
//! Boxes that this tracker hears are considered at each announcement; the plan says which of
//! them is due. What comes of it goes into the registry, so that trackers do not all ask.

mod fetch;
mod look;
mod plan;
mod ports;
mod standing;
mod suspects;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug, info, info_span};
use wire::id::BoxId;

pub use standing::reach;

use self::plan::{Due, Found, Plan, Target};
use self::standing::objection;
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::reach::address;
use crate::registry::{BoxRecord, PortVerdict, Registry, Verdict};
use crate::resolve::Resolver;
use crate::roster::{BoxView, News, Roster};

const MAILBOX: usize = 256;

/// A handle on the task that proves addresses. Cheap to clone.
#[derive(Clone)]
pub struct Prober {
    mailbox: mpsc::Sender<Arc<BoxRecord>>,
    suspects: mpsc::Sender<BoxId>,
}

/// What the tasks work with.
#[derive(Clone)]
pub struct Tools {
    /// Where verdicts are shared.
    pub registry: Arc<dyn Registry>,
    /// Who is there.
    pub roster: Roster,
    /// The time.
    pub clock: Clock,
    /// Looks names up.
    pub resolver: Resolver,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Whether boxes may be at private addresses.
    pub allow_private: bool,
}

impl Prober {
    /// Starts the task, and the one that has a look at what boxes hand out. They end at `stop`.
    pub fn spawn(tools: Tools, tasks: &TaskTracker, stop: &CancellationToken) -> Self {
        let (mailbox, heard) = mpsc::channel(MAILBOX);
        let (suspects, suspected) = mpsc::channel(look::MAILBOX);
        let fetcher = fetch::Fetcher::new(tools.resolver.clone());
        let looking = look::run(tools.clone(), fetcher.clone(), suspected).instrument(info_span!("look"));
        tasks.spawn(stop.clone().run_until_cancelled_owned(looking));
        let probing = run(tools, fetcher, heard, tasks.clone(), stop.clone()).instrument(info_span!("probe"));
        tasks.spawn(stop.clone().run_until_cancelled_owned(probing));
        Self { mailbox, suspects }
    }

    /// Considers a box that was just heard. When there is no room for it, its next announcement will do.
    pub fn consider(&self, record: &Arc<BoxRecord>) {
        let _ = self.mailbox.try_send(record.clone());
    }

    /// Has a look at what a box hands out, soon. When there is no room for it, its next report will do.
    pub fn suspect(&self, id: BoxId) {
        let _ = self.suspects.try_send(id);
    }
}

async fn run(
    tools: Tools,
    fetcher: fetch::Fetcher,
    mut heard: mpsc::Receiver<Arc<BoxRecord>>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let mut plan = Plan::new(tools.allow_private);
    let (done, mut outcomes) = mpsc::channel(plan::MAX_UNDER_WAY);
    loop {
        tokio::select! {
            Some(record) = heard.recv() => {
                let Some(due) = consider(&tools, &mut plan, &record) else { continue };
                let (fetcher, done) = (fetcher.clone(), done.clone());
                let probe = async move {
                    let host = address(&record.announcement.http, record.seen_from);
                    let (outcome, ports) = tokio::join!(
                        fetcher.prove(&record, &due.target.http),
                        ports::try_all(host, due.target.ports),
                    );
                    // Fails only when the program is ending.
                    let _ = done.send((due, outcome, ports)).await;
                };
                tasks.spawn(stop.clone().run_until_cancelled_owned(probe));
            }
            Some((due, outcome, ports)) = outcomes.recv() => {
                if let Some((id, verdict)) = settle(&tools, &mut plan, &due, outcome, ports) {
                    // Not here: the next that are due do not wait for the registry.
                    let tell = tell(tools.clone(), id, verdict);
                    tasks.spawn(stop.clone().run_until_cancelled_owned(tell));
                }
            }
            else => return,
        }
    }
}

fn consider(tools: &Tools, plan: &mut Plan, record: &BoxRecord) -> Option<Due> {
    if record.announcement.leaving || objection(record, tools.allow_private).is_some() {
        return None;
    }
    let view = tools.roster.view();
    let announcement = &record.announcement;
    let target = Target {
        http: record.http(),
        ports: [announcement.zmq_port, announcement.p2p_port],
    };
    let known = view.boxes.get(&record.id);
    let found = known.and_then(BoxView::proved_at).map(|at| Found {
        at,
        is_open: known.is_some_and(|known| known.reach.zmq.ok && known.reach.p2p.ok),
    });
    plan.due(record.id, target, record.seen_from, found, tools.clock.now())
}

/// What is to be told of it.
fn settle(
    tools: &Tools,
    plan: &mut Plan,
    due: &Due,
    outcome: Result<(), fetch::Unproved>,
    ports: Vec<PortVerdict>,
) -> Option<(BoxId, Arc<Verdict>)> {
    let now = tools.clock.now();
    tools.metrics.probed(
        outcome
            .as_ref()
            .map_or_else(fetch::Unproved::reason, |()| "proved"),
    );
    let (id, http) = (due.id, due.target.http.clone());
    let refusal = outcome.err().map(|why| why.to_string());
    match &refusal {
        None => info!(%id, %http, "address proved"),
        Some(why) => debug!(%id, %http, why, "address not proved"),
    }
    let is_told = plan.settled(due, refusal.is_none(), now);
    let verdict = Arc::new(Verdict {
        http,
        at: now,
        refusal,
        ports,
    });
    is_told.then_some((id, verdict))
}

async fn tell(tools: Tools, id: BoxId, verdict: Arc<Verdict>) {
    if let Err(away) = tools.registry.judge(id, verdict.clone()).await {
        debug!(%away, "verdict kept in memory only");
    }
    tools.roster.mention(News::Judged(id, verdict)).await;
}
