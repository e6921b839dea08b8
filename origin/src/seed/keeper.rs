//! The keeper: the task that joins the tracker's choices, the store's news and the seeds' answers.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use program::store::{Arrival, Arrivals, Store};
use tokio::sync::{mpsc, watch};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug, info, info_span, warn};
use wire::chunk::{Chunk, Verified};
use wire::id::{BoxId, ChannelName, ChunkId, Epoch};
use wire::key::SecretKey;
use wire::news::News;
use wire::presentation::{MAX_SEEDS, Seed};

use super::link::Heard;
use super::outbox::Outboxes;
use super::plan::{Asked, Change, Fault, Plan};
use super::post::{self, Bell};
use super::turns::Turns;
use crate::counts::Counts;

/// Choices and answers under way before who brings them has to wait.
const MAILBOX: usize = 64;
const NEWS: usize = 64;

/// Epochs taken down that new seeds are told of; boxes remember as many.
const MAX_TAKEN_DOWN: usize = 256;

/// How often seeds are judged.
const JUDGE: Duration = Duration::from_millis(250);

/// How many segments of each track a new seed is given: the newest whole one, and the one in the making.
const NEWEST: u32 = 2;

/// Why a seed refuses the chunks of a channel that it has not heard of.
const UNKNOWN_CHANNEL: &str = "unknown-channel";

/// How long a seed may take to hear from the tracker of a channel that it does not know yet.
const FILL_AGAIN: Duration = Duration::from_secs(1);

/// A tracker's choice of seeds for a channel.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) channel: ChannelName,
    pub(crate) seeds: Vec<Seed>,
}

/// The seeds of each channel that has any.
type SeedsOf = BTreeMap<ChannelName, Vec<BoxId>>;

/// The handle to the keeper. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Seeds {
    pub(crate) wanted: mpsc::Sender<Wanted>,
    /// Epochs that are over; each may be told again.
    pub(crate) ended: mpsc::Sender<(ChannelName, Epoch)>,
    /// Epochs that every box is to let go of.
    pub(crate) taken_down: mpsc::Sender<(ChannelName, Epoch)>,
    /// Boxes that the tracker should replace.
    pub(crate) silent: watch::Receiver<Vec<BoxId>>,
    /// Whom each channel is pushed to.
    pushed: watch::Receiver<SeedsOf>,
}

impl Seeds {
    /// Starts the task and its thread, for at most so many seeds a channel. Both end at `stop`.
    pub(crate) fn spawn(
        tasks: &TaskTracker,
        stop: &CancellationToken,
        secret: SecretKey,
        store: Store,
        most: usize,
        counts: Counts,
    ) -> Result<Self, zmq::Error> {
        let (wanted, choices) = mpsc::channel(MAILBOX);
        let (ended, endings) = mpsc::channel(MAILBOX);
        let (taken_down, takedowns) = mpsc::channel(MAILBOX);
        let (news, answers) = mpsc::channel(NEWS);
        let (silent, watched) = watch::channel(Vec::new());
        let (told, pushed) = watch::channel(SeedsOf::new());
        let outboxes = Outboxes::default();
        let span = info_span!("seeds");
        let bell = span.in_scope(|| {
            post::start(
                outboxes.clone(),
                secret.clone(),
                news,
                counts.clone(),
                tasks,
                stop.clone(),
            )
        })?;
        let arrivals = store.arrivals();
        let keeper = Keeper {
            secret,
            turns: Turns::default(),
            taken_down: VecDeque::new(),
            plan: Plan::new(most),
            outboxes,
            bell,
            store,
            silent,
            told,
            counts,
            fill_again: BTreeMap::new(),
            complaints: BTreeMap::new(),
        };
        tasks.spawn(
            keeper
                .run(choices, endings, takedowns, answers, arrivals, stop.clone())
                .instrument(span),
        );
        Ok(Self {
            wanted,
            ended,
            taken_down,
            silent: watched,
            pushed,
        })
    }

    /// The boxes that a channel is pushed to.
    pub(crate) fn of(&self, channel: &ChannelName) -> Vec<BoxId> {
        let seeds = self.pushed.borrow();
        let of_channel = seeds.get(channel).into_iter().flatten();
        of_channel.take(MAX_SEEDS).copied().collect()
    }
}

struct Keeper {
    secret: SecretKey,
    turns: Turns,
    /// Epochs that each seed of their channel is told to let go of.
    taken_down: VecDeque<(ChannelName, Epoch)>,
    plan: Plan,
    outboxes: Outboxes,
    bell: Bell,
    store: Store,
    silent: watch::Sender<Vec<BoxId>>,
    /// Whom each channel is pushed to, for whoever wants to tell.
    told: watch::Sender<SeedsOf>,
    counts: Counts,
    /// Seeds that do not know a channel yet, and since when.
    fill_again: BTreeMap<(BoxId, ChannelName), Instant>,
    /// What seeds last had against us or a chunk of ours, until they take one.
    complaints: BTreeMap<BoxId, String>,
}

impl Keeper {
    async fn run(
        mut self,
        mut choices: mpsc::Receiver<Wanted>,
        mut endings: mpsc::Receiver<(ChannelName, Epoch)>,
        mut takedowns: mpsc::Receiver<(ChannelName, Epoch)>,
        mut answers: mpsc::Receiver<post::News>,
        mut arrivals: Arrivals,
        stop: CancellationToken,
    ) {
        let mut judge = interval(JUDGE);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(Wanted { channel, seeds }) = choices.recv() => {
                    let changes = self.plan.want(&channel, &seeds, Instant::now());
                    self.apply(changes).await;
                }
                Some(news) = answers.recv() => {
                    for (seed, heard) in news {
                        self.hear(seed, heard);
                    }
                }
                Some((channel, epoch)) = endings.recv() => {
                    if let Some(news) = self.turns.ended(&channel, epoch) {
                        self.tell(&news);
                    }
                }
                Some((channel, epoch)) = takedowns.recv() => self.take_down(channel, epoch),
                arrival = arrivals.next() => match arrival {
                    Some(Arrival::Chunk(chunk)) => self.push(&chunk),
                    Some(Arrival::Missed(missed)) => self.catch_up(missed).await,
                    None => break,
                },
                _ = judge.tick() => {
                    self.judge();
                    self.fill_late().await;
                }
            }
        }
        // The thread ends now and not after its nap.
        answers.close();
        self.bell.ring();
    }

    async fn apply(&mut self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        for change in changes {
            match change {
                Change::Open(seed) => {
                    info!(seed = %seed.id, address = seed.zmq, "seed begins");
                    self.outboxes.open(seed);
                }
                Change::Fill(seed, channel) => self.fill(seed, &channel).await,
                Change::Close(seed) => {
                    info!(%seed, "seed ends, the tracker chose another");
                    self.complaints.remove(&seed);
                    self.outboxes.close(seed);
                }
            }
        }
        self.counts.seeds.set(self.plan.len() as u64);
        self.bell.ring();
    }

    fn take_down(&mut self, channel: ChannelName, epoch: Epoch) {
        self.tell(&News::takedown(channel.clone(), epoch));
        if self.taken_down.len() >= MAX_TAKEN_DOWN {
            self.taken_down.pop_front();
        }
        self.taken_down.push_back((channel, epoch));
    }

    /// Has seeds tell all boxes.
    fn tell(&mut self, news: &News) {
        let signed = news.sign(&self.secret);
        for seed in self.plan.of(&news.channel) {
            self.outboxes.tell(seed, signed.clone());
        }
        self.bell.ring();
    }

    /// Hands a new chunk to the seeds of its channel.
    fn push(&mut self, chunk: &Chunk) {
        self.hand_to_seeds(chunk);
        if let Some(news) = self.turns.saw(chunk) {
            self.tell(&news);
        }
    }

    fn hand_to_seeds(&mut self, chunk: &Chunk) {
        let seeds: Vec<_> = self.plan.of(&chunk.id().channel).into_iter().collect();
        if seeds.is_empty() {
            return;
        }
        for seed in seeds {
            self.hand(seed, chunk.clone());
        }
        self.bell.ring();
    }

    /// Hands a seed what it needs to begin: init segments and the newest segments.
    async fn fill(&mut self, seed: BoxId, channel: &ChannelName) {
        let held = self.store.held().await;
        for id in beginning(channel, held.iter().map(Verified::id)) {
            if let Some(chunk) = self.store.chunk(id).await {
                self.hand(seed, chunk);
            }
        }
        let taken_down = self.taken_down.iter().filter(|(of, _)| of == channel);
        let taken_down = taken_down.map(|(channel, epoch)| News::takedown(channel.clone(), *epoch));
        for news in taken_down.chain(self.turns.under_way(channel)) {
            self.outboxes.tell(seed, news.sign(&self.secret));
        }
        self.bell.ring();
    }

    fn hand(&mut self, seed: BoxId, chunk: Chunk) {
        self.plan.handed(seed, chunk.id(), Instant::now());
        if let Some(dropped) = self.outboxes.put(seed, chunk) {
            debug!(%seed, chunk = %dropped, "chunk dropped, the seed is behind");
            self.plan.dropped(seed, &dropped);
        }
    }

    fn hear(&mut self, seed: BoxId, heard: Heard) {
        let now = Instant::now();
        match heard {
            Heard::Told(refused) => debug!(%seed, refused, "news told"),
            Heard::Welcome => debug!(%seed, "seed welcomed us"),
            Heard::Unwelcome(why) => {
                debug!(%seed, why, "seed does not know us");
                if self.plan.has(seed) {
                    self.complaints.insert(seed, why);
                }
            }
            Heard::Received(chunk) => {
                if self.is_asked(seed, &chunk, now) {
                    self.counts.seed_receipts.add(1);
                    self.plan.received(seed, &chunk.channel);
                    self.complaints.remove(&seed);
                }
            }
            Heard::Refused(chunk, why) => {
                if self.is_asked(seed, &chunk, now) {
                    self.note_refusal(seed, &chunk, why, now);
                }
            }
            Heard::Nonsense(what) => self.distrust(seed, &what, now),
        }
    }

    fn is_asked(&mut self, seed: BoxId, chunk: &ChunkId, now: Instant) -> bool {
        let asked = self.plan.answered(seed, chunk, now);
        if asked == Asked::NeverSoMuch {
            self.distrust(seed, "answers for chunks that it was not sent", now);
        }
        asked == Asked::Yes
    }

    fn distrust(&mut self, seed: BoxId, what: &str, now: Instant) {
        if self.plan.distrust(seed, now) {
            debug!(%seed, what, "no answer of a feed");
            self.give_up(seed, Fault::Nonsense);
        }
    }

    fn note_refusal(&mut self, seed: BoxId, chunk: &ChunkId, why: String, now: Instant) {
        self.counts.seed_refusals.add(1);
        self.plan.refused(seed, &chunk.channel, now);
        // Told when the seed is given up for it: one that refuses now and then would fill the log.
        debug!(%seed, %chunk, why, "seed refused a chunk");
        if why == UNKNOWN_CHANNEL {
            // The tracker tells a box of a new channel within seconds.
            self.fill_again
                .entry((seed, chunk.channel.clone()))
                .or_insert(now);
        }
        self.complaints.insert(seed, why);
    }

    async fn fill_late(&mut self) {
        let due = self
            .fill_again
            .extract_if(.., |_, since| since.elapsed() >= FILL_AGAIN);
        for ((seed, channel), _) in due.collect::<Vec<_>>() {
            if self.plan.of(&channel).contains(&seed) {
                self.fill(seed, &channel).await;
            }
        }
    }

    fn judge(&mut self) {
        let faults = self.plan.judge(Instant::now());
        for (seed, fault) in faults {
            self.give_up(seed, fault);
        }
        self.counts.seeds.set(self.plan.len() as u64);
        let silent = self.plan.silent();
        self.silent.send_if_modified(|known| {
            let changed = *known != silent;
            *known = silent;
            changed
        });
        let seeds = self.plan.seeds();
        self.told.send_if_modified(|known| {
            let changed = *known != seeds;
            *known = seeds;
            changed
        });
    }

    fn give_up(&mut self, seed: BoxId, fault: Fault) {
        let why = match fault {
            Fault::Silent => "gives no receipts",
            Fault::Slow => "is too slow",
            Fault::Refusing => "only refuses",
            Fault::Nonsense => "answers nonsense",
        };
        let says = self.complaints.remove(&seed);
        warn!(%seed, why, says, "seed given up, asking the tracker for another");
        self.counts.seeds_silent.add(1);
        self.outboxes.close(seed);
        self.bell.ring();
    }

    /// After having been too slow for the store's news: every seed gets what it may lack. What it has already
    /// it takes for a duplicate.
    async fn catch_up(&mut self, missed: u64) {
        warn!(missed, "fell behind the store, filling all seeds");
        for seed in self.outboxes.addresses().into_keys() {
            for channel in self.plan.channels_of(seed) {
                self.fill(seed, &channel).await;
            }
        }
    }
}

/// What a seed begins a channel with, from what the store holds: of the newest epoch, the init segments, the posters
/// and each track's newest segments, in the order of time.
fn beginning<'a>(channel: &ChannelName, held: impl Iterator<Item = &'a ChunkId>) -> Vec<ChunkId> {
    let mut chunks: Vec<ChunkId> = held.filter(|id| id.channel == *channel).cloned().collect();
    let epoch = chunks.iter().map(|id| id.epoch).max();
    chunks.retain(|id| Some(id.epoch) == epoch);
    let media = chunks.iter().filter(|id| !id.track.is_poster());
    let newest = media.map(|id| id.segment).max().unwrap_or(0);
    chunks.retain(|id| id.is_init() || id.track.is_poster() || id.segment + NEWEST > newest);
    chunks.sort_by_key(|id| (id.segment, id.index));
    chunks
}

#[cfg(test)]
mod tests {
    use super::super::samples::{chunk, demo, poster};
    use super::*;

    #[test]
    fn a_seed_begins_with_posters_too_and_their_numbers_say_nothing_of_segments() {
        let held = [
            poster(1, 1),
            poster(1, 50),
            chunk(1, 3, 0),
            chunk(1, 2, 0),
            chunk(1, 1, 0),
        ];
        let names: Vec<_> = beginning(&demo(), held.iter().map(Chunk::id))
            .iter()
            .map(|id| format!("{}/{}", id.track, id.segment))
            .collect();
        assert_eq!(names, ["poster/1", "v0/2", "v0/3", "poster/50"]);
    }

    #[test]
    fn a_seed_begins_with_init_segments_and_the_newest_segments_of_the_newest_epoch() {
        let of = |epoch, segment| (0..2).map(move |index| chunk(epoch, segment, index));
        let mut held: Vec<Chunk> = [chunk(1, 0, 0), chunk(2, 0, 0)].into();
        held.extend(of(1, 9));
        held.extend((1..=4).rev().flat_map(|segment| of(2, segment)));
        let names: Vec<_> = beginning(&demo(), held.iter().map(Chunk::id))
            .iter()
            .map(|id| (id.epoch.0, id.segment, id.index))
            .collect();
        assert_eq!(names, [(2, 0, 0), (2, 3, 0), (2, 3, 1), (2, 4, 0), (2, 4, 1)]);
        let held = [chunk(1, 1, 0)];
        assert!(beginning(&"other".parse().unwrap(), held.iter().map(Chunk::id)).is_empty());
    }
}
