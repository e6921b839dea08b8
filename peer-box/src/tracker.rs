//! Announcing: each tracker hears every few seconds what this box carries and how busy it is, and tells which
//! channels there are, whom to connect to, and where origins are.
//!
//! Each tracker has a task of its own: one that is away keeps nobody waiting.

mod heard;
mod standing;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use program::lifecycle::Lifecycle;
use program::media::Meter;
use program::store::{Arrival, Store};
use program::tracker::{Tracker, Unanswered};
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info, info_span, warn};
use wire::Version;
use wire::address::HttpBase;
use wire::announcement::{
    Announcement, AnnouncementReply, Load, MAX_CARRIED, MAX_TAKEDOWNS, PATH, Served, Takedown,
};
use wire::id::{ChannelName, Epoch};
use wire::key::SecretKey;
use wire::tracker_id::TrackerId;

use crate::budget::Uplink;
use crate::clock::Clock;
use crate::counts::Counts;
use crate::news::Desk;
use crate::nudge::{Nudge, Nudged};
pub(crate) use heard::{Opinion, Opinions};
use standing::{Standing, Word};

const EVERY: Duration = Duration::from_secs(3);

/// However often something comes up, a tracker is not spoken to more often than this.
const AT_MOST_EVERY: Duration = Duration::from_millis(500);

/// How often a tracker is told that this box is away, and asked for the time: another month may have begun.
const AWAY_EVERY: Duration = Duration::from_mins(10);

/// How long a goodbye may take: the program is about to end.
const GOODBYE: Duration = Duration::from_millis(1500);

/// What announcements are made of.
#[derive(Clone)]
pub(crate) struct Announcer {
    /// This box's key.
    pub(crate) secret: SecretKey,
    /// Where viewers reach it.
    pub(crate) http: HttpBase,
    /// Where origins push to.
    pub(crate) zmq_port: u16,
    /// Where other boxes connect.
    pub(crate) p2p_port: u16,
    /// What it keeps.
    pub(crate) store: Store,
    /// What it may send, and sends.
    pub(crate) uplink: Uplink,
    /// What viewers were sent.
    pub(crate) viewers: Meter,
    /// What else it did.
    pub(crate) counts: Counts,
    /// The time, by the trackers' answers.
    pub(crate) clock: Clock,
    /// Where the answers go.
    pub(crate) desk: Desk,
    /// The only channels that are carried; none named: all.
    pub(crate) channels: Vec<ChannelName>,
    /// What the trackers make of this box.
    pub(crate) opinions: Opinions,
    /// What origins say by trackers, to the mesh.
    pub(crate) tell: mpsc::Sender<Bytes>,
}

impl Announcer {
    /// Starts a task for each tracker. They say goodbye at the stop of `life`.
    pub(crate) fn spawn(self, trackers: Vec<Tracker>, nudge: Nudge, nudged: &Nudged, life: &Lifecycle) {
        life.tasks
            .spawn(tell_of_beginnings(self.store.clone(), nudge, life.stop.clone()));
        for (number, tracker) in trackers.into_iter().enumerate() {
            let span = info_span!("tracker", url = %tracker.url());
            self.opinions.expect(number, tracker.url());
            let conversation = Conversation {
                announcer: self.clone(),
                number,
                tracker,
                clock: Clock::default(),
                accepted: 0,
                id: TrackerId::default(),
                renamed: false,
                standing: Standing::default(),
            };
            life.tasks.spawn(
                conversation
                    .run(nudged.clone(), life.stop.clone())
                    .instrument(span),
            );
        }
    }

    async fn announcement(&self, sequence: u64, tracker: TrackerId, leaving: bool) -> Announcement {
        let (from_origins, from_neighbours) = self.counts.accepted();
        let mut carried = self.store.carried().await;
        carried.truncate(MAX_CARRIED);
        let mut audiences = self.viewers.audiences();
        audiences.truncate(MAX_CARRIED);
        Announcement {
            version: Version,
            key: self.secret.public(),
            sequence,
            leaving,
            http: self.http.clone(),
            zmq_port: self.zmq_port,
            p2p_port: self.p2p_port,
            load: Load {
                upload_bits_per_second: self.uplink.rate().bits_per_second(),
                sending_bits_per_second: self.uplink.sending_bits_per_second(Instant::now()),
                viewers: self.viewers.viewers(),
            },
            served: Served {
                viewer_bytes: self.viewers.bytes(),
                neighbour_bytes: self.counts.neighbour_bytes(),
                accepted_chunks: from_origins + from_neighbours,
                refused_chunks: self.counts.refusals().values().sum(),
            },
            carried,
            room: self.uplink.room(Instant::now()),
            channels: self.channels.clone(),
            met: self.counts.met(Instant::now()),
            audiences,
            tracker,
        }
    }
}

/// What passes between this box and one tracker.
struct Conversation {
    announcer: Announcer,
    number: usize,
    tracker: Tracker,
    /// The time by this tracker: another's may be another, and each goes by its own.
    clock: Clock,
    /// The sequence of the last announcement that was accepted: the next has to be higher. One that was
    /// refused for being ahead must not count, or it would keep all later ones ahead too.
    accepted: u64,
    /// What it calls itself: it says so when it is called otherwise.
    id: TrackerId,
    /// Whether it said so since it last accepted anything.
    renamed: bool,
    standing: Standing,
}

impl Conversation {
    async fn run(mut self, mut nudged: Nudged, stop: CancellationToken) {
        let mut opening = self.announcer.uplink.opening();
        loop {
            if self.announcer.uplink.closed().is_some() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.stay_away() => {}
                }
                let is_open = opening.wait_for(Option::is_none);
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = timeout(AWAY_EVERY, is_open) => {}
                }
                continue;
            }
            let asked = tokio::time::Instant::now();
            let pause = tokio::select! {
                () = stop.cancelled() => break,
                pause = self.announce() => pause,
            };
            let nudge = async {
                nudged.wait().await;
                sleep_until(asked + AT_MOST_EVERY).await;
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep(pause) => {}
                () = nudge => {}
            }
        }
        self.say_goodbye().await;
    }

    /// Announces once; how long to wait before the next time.
    async fn announce(&mut self) -> Duration {
        let sequence = self.next_sequence();
        let announcement = self.announcer.announcement(sequence, self.id, false).await;
        let asked = Instant::now();
        let answer = self
            .tracker
            .post(PATH, announcement.sign(&self.announcer.secret))
            .await;
        match answer {
            Ok(reply) => {
                (self.accepted, self.renamed) = (sequence, false);
                self.learn(reply, asked).await;
                EVERY
            }
            Err(unanswered) => {
                let opinions = &self.announcer.opinions;
                opinions.unheard(self.number, unanswered.to_string());
                let Unanswered::Refused { time, tracker, .. } = unanswered else {
                    return self.tracker.pause();
                };
                if let Some(time) = time {
                    self.correct(time, asked.elapsed());
                }
                match tracker.filter(|id| *id != self.id) {
                    Some(id) if !std::mem::replace(&mut self.renamed, true) => {
                        // By its name it may listen at once.
                        self.id = id;
                        Duration::ZERO
                    }
                    Some(id) => {
                        warn!(%id, before = %self.id, "the tracker calls itself otherwise each time");
                        self.id = id;
                        EVERY
                    }
                    None => self.tracker.pause(),
                }
            }
        }
    }

    async fn learn(&mut self, reply: AnnouncementReply, asked: Instant) {
        self.correct(reply.time, asked.elapsed());
        let opinions = &self.announcer.opinions;
        opinions.heard(self.number, reply.listed, reply.why.clone());
        match self
            .standing
            .hear(Instant::now(), reply.listed, reply.why.clone())
        {
            Some(Word::Listed) => info!("viewers are sent here"),
            Some(Word::LeftOut(why)) => warn!(why, "viewers are not sent here"),
            None => {}
        }
        let takedowns = reply.takedowns.clone();
        self.announcer.desk.take(self.number, asked, reply);
        for Takedown(news) in takedowns.into_iter().take(MAX_TAKEDOWNS) {
            // The keys to open it with are there by now. Nobody listens any more where the box is about to end.
            let _ = self.announcer.tell.send(news).await;
        }
    }

    fn correct(&self, told_ms: u64, under_way: Duration) {
        self.clock.correct(told_ms, under_way);
        self.announcer.clock.correct(told_ms, under_way);
    }

    fn next_sequence(&self) -> u64 {
        self.clock.now_ms().max(self.accepted.saturating_add(1))
    }

    async fn say_goodbye(mut self) {
        if self.accepted == 0 {
            return;
        }
        if self.take_leave().await.is_none() {
            info!("left without a goodbye");
        }
    }

    /// Leaves the tracker's list for as long as nobody is served here.
    async fn stay_away(&mut self) {
        self.announcer.desk.forget(self.number);
        let asked = Instant::now();
        match self.take_leave().await {
            Some(time) => {
                self.correct(time, asked.elapsed());
                let why = self.announcer.uplink.closed().map(|closed| closed.why.to_owned());
                self.announcer.opinions.heard(self.number, false, why);
            }
            None => info!("left without a goodbye"),
        }
    }

    /// Says goodbye; the tracker's time, if it heard it.
    async fn take_leave(&mut self) -> Option<u64> {
        let sequence = self.next_sequence();
        let goodbye = self.announcer.announcement(sequence, self.id, true).await;
        let goodbye = goodbye.sign(&self.announcer.secret);
        let said = timeout(GOODBYE, self.tracker.post::<AnnouncementReply>(PATH, goodbye)).await;
        match said {
            Ok(Ok(reply)) => {
                self.accepted = sequence;
                Some(reply.time)
            }
            Ok(Err(Unanswered::Refused { time, .. })) => time,
            _ => None,
        }
    }
}

/// Nudges when the first whole segment of an epoch is here: from then on viewers can be sent here for it.
async fn tell_of_beginnings(store: Store, nudge: Nudge, stop: CancellationToken) {
    let mut arrivals = store.arrivals();
    let mut told: BTreeSet<(ChannelName, Epoch)> = BTreeSet::new();
    loop {
        let arrival = tokio::select! {
            () = stop.cancelled() => return,
            arrival = arrivals.next() => arrival,
        };
        match arrival {
            Some(Arrival::Chunk(chunk)) if !chunk.record().last || chunk.id().is_init() => continue,
            Some(_) => {}
            None => return,
        }
        let carried = store.carried().await.into_iter();
        let carried: BTreeSet<_> = carried.map(|carried| (carried.channel, carried.epoch)).collect();
        if !carried.is_subset(&told) {
            nudge.give();
        }
        told = carried;
    }
}
