//! What this tracker knows, merged from what it heard and what the registry told it. Pure: time is
//! an argument.
//!
//! Every record carries a number that only grows, so merging is keeping the newer one. While the
//! registry is away, boxes and channels that speak to other trackers cannot be heard: they count as
//! they did when it was last there.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;
use wire::id::{BoxId, ChannelName};
use wire::key::PublicKey;
use wire::presentation;

use super::News;
use super::ejections::Ejections;
use super::giving::giving;
use super::room::Room;
use super::slowness::Slowness;
use super::view::{BoxView, ChannelView, View};
use crate::clock::SECOND;
use crate::document::Place;
use crate::probe::{reach, why_unlisted};
use crate::reach::Network;
use crate::registry::{ALIVE, BoxRecord, ChannelRecord, FORGET_BOXES, FORGET_CHANNELS, Snapshot, Verdict};
use crate::select::{Candidate, Carriers, Health, Neighbourhood, left_out};
use crate::session::SessionKey;

/// A channel whose origin said nothing for this long is off air, in milliseconds.
const PRESENT: u64 = 12 * SECOND;

/// The documents of a channel that has ended are served for this long, so that players see the end, in milliseconds.
const SHOW_END: u64 = 60 * SECOND;

/// A box this many segments behind its channel is of no use to a viewer.
const MAX_LAG_SEGMENTS: u32 = 8;

/// Everything that one tracker knows.
#[derive(Debug)]
pub struct State {
    trusted: Arc<[PublicKey]>,
    allow_private: bool,
    session_key: SessionKey,
    boxes: HashMap<BoxId, KnownBox>,
    channels: HashMap<ChannelName, KnownChannel>,
    verdicts: HashMap<BoxId, Verdict>,
    ejections: Ejections,
    slowness: Slowness,
    /// When the registry last answered; before its first answer, when the tracker started.
    polled: u64,
    away: bool,
    ready: bool,
}

#[derive(Debug)]
struct KnownBox {
    record: Arc<BoxRecord>,
    /// Whether this tracker heard it itself.
    ours: bool,
    /// Since when it was there without a break.
    since: u64,
    /// How manifests name it.
    place: Arc<Place>,
    /// What was sent its way since it last spoke, in bits per second.
    handed: Arc<AtomicU64>,
}

#[derive(Debug)]
struct KnownChannel {
    record: Arc<ChannelRecord>,
    /// Whether this tracker heard it itself.
    ours: bool,
    /// Tells those who wait for the channel.
    news: watch::Sender<()>,
    /// Whether there is something to tell them.
    changed: bool,
}

/// Until when there was a chance to hear of something.
#[derive(Clone, Copy)]
struct Until {
    heard: u64,
    told: u64,
}

impl Until {
    fn of(self, ours: bool) -> u64 {
        if ours { self.heard } else { self.told }
    }
}

impl State {
    /// Nothing known yet.
    pub fn new(session_key: SessionKey, trusted: Arc<[PublicKey]>, allow_private: bool, now: u64) -> Self {
        Self {
            trusted,
            allow_private,
            session_key,
            boxes: HashMap::new(),
            channels: HashMap::new(),
            verdicts: HashMap::new(),
            ejections: Ejections::default(),
            slowness: Slowness::default(),
            polled: now,
            away: false,
            ready: false,
        }
    }

    /// Takes in what happened.
    pub fn learn(&mut self, news: News, now: u64) {
        match news {
            News::Heard(record) => self.hear(record, true, now),
            News::Presented(record) => self.present(record, true),
            News::Judged(id, verdict) => self.judge(id, verdict),
            News::Reported(id, from) => self.ejections.report(id, from, now),
            News::FoundOut(id) => self.ejections.found_out(id, now),
            News::Looked(id, was_slow) => self.slowness.looked(id, was_slow, now),
            News::Polled(snapshot, key) => self.merge(snapshot, key, now),
            News::Unanswered => {
                self.away = true;
                self.forget(now);
            }
        }
    }

    fn hear(&mut self, record: Arc<BoxRecord>, ours: bool, now: u64) {
        let sequence = record.announcement.sequence;
        let before = self.boxes.get(&record.id);
        let is_news = match before {
            Some(before) => before.record.announcement.sequence < sequence,
            // Who was never here cannot leave.
            None => !record.announcement.leaving,
        };
        if !is_news {
            return;
        }
        let unbroken = before.filter(|before| {
            let last = &before.record.announcement;
            !last.leaving && last.sequence.saturating_add(ALIVE) >= sequence
        });
        let since = unbroken.map_or(now, |before| before.since);
        let stays = before.filter(|before| before.record.http() == record.http());
        let place = stays.map(|before| before.place.clone());
        let place = place.unwrap_or_else(|| {
            let (name, url) = (record.id.to_string(), record.http().to_string());
            Arc::new(Place::new(Some(&name), &url))
        });
        let handed = before.map(|before| before.handed.clone()).unwrap_or_default();
        handed.store(0, Ordering::Relaxed);
        self.boxes.insert(
            record.id,
            KnownBox {
                record,
                ours,
                since,
                place,
                handed,
            },
        );
    }

    fn present(&mut self, record: Arc<ChannelRecord>, ours: bool) {
        match self.channels.entry(record.presentation.channel.clone()) {
            Entry::Vacant(place) => {
                place.insert(KnownChannel {
                    record,
                    ours,
                    news: watch::Sender::new(()),
                    changed: false,
                });
            }
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                if known.record.presentation.sequence < record.presentation.sequence {
                    (known.record, known.ours, known.changed) = (record, ours, true);
                }
            }
        }
    }

    /// Tells those who wait for a channel that there is news of it, once the view with it is published.
    pub fn spread(&mut self) {
        for known in self.channels.values_mut().filter(|known| known.changed) {
            known.changed = false;
            known.news.send_replace(());
        }
    }

    fn judge(&mut self, id: BoxId, verdict: Verdict) {
        if self
            .verdicts
            .get(&id)
            .is_none_or(|before| before.at <= verdict.at)
        {
            self.verdicts.insert(id, verdict);
        }
    }

    fn merge(&mut self, snapshot: Snapshot, session_key: SessionKey, now: u64) {
        self.away = false;
        self.ready = true;
        self.polled = now;
        self.session_key = session_key;
        for record in snapshot.boxes.into_values() {
            self.hear(record, false, now);
        }
        for record in snapshot.channels.into_values() {
            // Another tracker's trust is not ours, nor is that of our last run. Whose time is over is still
            // known by its word: it tells which key it followed.
            if record.is_trusted(&self.trusted, record.heard.at) {
                self.present(record, false);
            }
        }
        for (id, verdict) in snapshot.verdicts {
            self.judge(id, verdict);
        }
        self.forget(now);
    }

    fn forget(&mut self, now: u64) {
        let until = self.until(now);
        self.boxes.retain(|_, known| {
            known.record.announcement.sequence.saturating_add(FORGET_BOXES) > until.of(known.ours)
        });
        self.channels.retain(|_, known| {
            known.record.presentation.sequence.saturating_add(FORGET_CHANNELS) > until.of(known.ours)
        });
        self.verdicts.retain(|id, _| self.boxes.contains_key(id));
        self.ejections.forget(now);
        self.slowness.forget(now);
    }

    fn until(&self, now: u64) -> Until {
        Until {
            heard: now,
            told: if self.away { self.polled.min(now) } else { now },
        }
    }

    /// The view at `now`.
    pub fn view(&self, now: u64) -> View {
        let until = self.until(now);
        let mut boxes: Vec<BoxView> = self
            .boxes
            .values()
            .filter(|known| {
                let announcement = &known.record.announcement;
                !announcement.leaving && announcement.sequence.saturating_add(ALIVE) >= until.of(known.ours)
            })
            .map(|known| self.box_view(known, now))
            .collect();
        if !self.slowness.is_empty() {
            self.leave_out(&mut boxes, now);
        }
        let giving = giving(&boxes);
        for (alive, gives) in boxes.iter_mut().zip(giving) {
            alive.candidate.gives = gives;
        }
        let channels = self
            .channels
            .iter()
            .map(|(name, known)| (name.clone(), known.view(&boxes, until.of(known.ours))));
        let channels = channels.collect();
        let dialled = boxes.iter().filter(|alive| alive.may_be_dialled());
        let neighbourhood = Neighbourhood::of(
            self.session_key.salt("neighbours"),
            dialled.map(|alive| (alive.record.id, alive.candidate.gives)),
        );
        let remembered = self.boxes.values().map(|known| &known.record);
        View {
            at: now,
            session_key: self.session_key,
            away: self.away,
            ready: self.ready,
            boxes: boxes.into_iter().map(|alive| (alive.record.id, alive)).collect(),
            channels,
            neighbourhood,
            room: Room::beside(
                remembered.map(|record| (record.id, record.seen_from)),
                self.allow_private,
            ),
        }
    }

    /// Leaves out boxes that are slow, as many as may be.
    fn leave_out(&self, boxes: &mut [BoxView], now: u64) {
        let listed = |alive: &&mut BoxView| alive.why.is_none();
        let all = boxes.iter().filter(|alive| alive.why.is_none()).count();
        let mut slow = Vec::new();
        for alive in boxes.iter_mut().filter(listed) {
            if let Some((since, _)) = self.slowness.of(&alive.record.id, now) {
                alive.candidate.health = Health::Slow;
                slow.push((since, alive.record.id));
            }
        }
        let out: HashSet<BoxId> = left_out(slow, all).into_iter().collect();
        for alive in boxes.iter_mut().filter(|alive| out.contains(&alive.record.id)) {
            let until = self
                .slowness
                .of(&alive.record.id, now)
                .map_or(now, |(_, until)| until);
            let seconds = until.saturating_sub(now).div_ceil(SECOND);
            alive.candidate.health = Health::LeftOut;
            alive.why = Some(format!(
                "it was slow, or not there, each time that it was tried, and is left out for {seconds} s more"
            ));
        }
    }

    fn box_view(&self, known: &KnownBox, now: u64) -> BoxView {
        let record = known.record.clone();
        let load = record.announcement.load;
        let candidate = Candidate {
            id: record.id,
            uplink: load.upload_bits_per_second,
            sending: load.sending_bits_per_second,
            handed: known.handed.clone(),
            age: now.saturating_sub(known.since),
            room: record.announcement.room,
            gives: false,
            network: Network::of(record.seen_from),
            health: Health::Fine,
        };
        let http = record.http();
        let verdict = self
            .verdicts
            .get(&record.id)
            .filter(|verdict| verdict.http == http);
        let ejected = self.ejections.why(&record.id, now);
        let is_ejected = ejected.is_some();
        let why = ejected.or_else(|| why_unlisted(&record, verdict, self.allow_private, now));
        let reach = reach(&record, verdict, self.allow_private, now);
        BoxView {
            record,
            candidate,
            place: known.place.clone(),
            why,
            is_ejected,
            reach,
            verdict: verdict.cloned(),
        }
    }
}

impl KnownChannel {
    fn view(&self, boxes: &[BoxView], until: u64) -> ChannelView {
        let record = self.record.clone();
        let heard = &record.heard;
        let is_heard = heard.at.saturating_add(PRESENT) >= until;
        let state = if is_heard {
            record.presentation.state
        } else {
            presentation::State::Ended
        };
        let ending = || heard.ended.is_some_and(|at| until < at.saturating_add(SHOW_END));
        let shown = state.is_on_air() || ending();
        let carriers = boxes
            .iter()
            .filter(|_| shown)
            .filter(|listed| carries(listed, &record));
        let carriers = Carriers::new(carriers.map(|listed| listed.candidate.clone()).collect());
        ChannelView {
            record,
            state,
            shown,
            carriers,
            news: self.news.subscribe(),
        }
    }
}

/// Whether a viewer of the channel may be sent to the box, or could be if it were not slow.
fn carries(listed: &BoxView, channel: &ChannelRecord) -> bool {
    let presentation = &channel.presentation;
    let carried = &listed.record.announcement.carried;
    // Who is left out for slowness is told of: how many are decides how many viewers are the origin's.
    let counts = listed.why.is_none() || listed.candidate.health == Health::LeftOut;
    counts
        && carried.iter().any(|carried| {
            let has = (carried.epoch, carried.newest);
            let behind = channel.behind(has, (presentation.epoch, presentation.newest));
            carried.channel == presentation.channel && behind.is_some_and(|behind| behind <= MAX_LAG_SEGMENTS)
        })
}

#[cfg(test)]
mod tests;
