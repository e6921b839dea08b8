//! What this tracker knows, merged from what it heard and what the registry told it. Pure: time is
//! an argument.
//!
//! Every record carries a number that only grows, so merging is keeping the newer one. While the
//! registry is away, boxes and channels that speak to other trackers cannot be heard: they count as
//! they did when it was last there.

mod channel;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::watch;
use wire::id::{BoxId, ChannelName};
use wire::key::PublicKey;

use self::channel::KnownChannel;
use super::News;
use super::crews::{Crews, audiences};
use super::ejections::Ejections;
use super::giving::giving;
use super::room::Room;
use super::slowness::Slowness;
use super::speeds::Speeds;
use super::view::{BoxView, View};
use super::viewers::Viewers;
use crate::clock::SECOND;
use crate::document::Place;
use crate::geography::{Country, Geography};
use crate::orders::Orders;
use crate::probe::reach;
use crate::reach::{Network, is_beside_us};
use crate::registry::{ALIVE, BoxRecord, ChannelRecord, FORGET_BOXES, FORGET_CHANNELS, Snapshot, Verdict};
use crate::select::{Candidate, Health, Neighbourhood, left_out};
use crate::session::SessionKey;

/// Everything that one tracker knows.
#[derive(Debug)]
pub struct State {
    trusted: Arc<[PublicKey]>,
    allow_private: bool,
    session_key: SessionKey,
    boxes: HashMap<BoxId, KnownBox>,
    channels: HashMap<ChannelName, KnownChannel>,
    verdicts: HashMap<BoxId, Arc<Verdict>>,
    ejections: Ejections,
    orders: Arc<Orders>,
    slowness: Slowness,
    speeds: Speeds,
    viewers: Viewers,
    geography: Arc<Geography>,
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
    /// The country that it is in, if that is known.
    country: Option<Country>,
    /// What was sent its way since it last spoke, in bits per second.
    handed: Arc<AtomicI64>,
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
            orders: Arc::default(),
            slowness: Slowness::default(),
            speeds: Speeds::default(),
            viewers: Viewers::default(),
            geography: Arc::default(),
            polled: now,
            away: false,
            ready: false,
        }
    }

    /// The same, knowing which addresses are in which country.
    #[must_use]
    pub fn with(self, geography: Arc<Geography>) -> Self {
        Self { geography, ..self }
    }

    /// Takes in what happened.
    pub fn learn(&mut self, news: News, now: u64) {
        match news {
            News::Heard(record) => self.hear(record, true, now),
            News::Presented(record) => self.present(record, true),
            News::Judged(id, verdict) => self.judge(id, verdict),
            News::Reported(id, from) => self.ejections.report(id, from, now),
            News::FoundOut(id) => self.ejections.found_out(id, now),
            News::Timed(id, rate) => self.speeds.saw(id, rate, now),
            News::Told(id, from, told) => {
                if self.viewers.told(id, from, told, now) {
                    self.slowness.failed(id, now);
                }
            }
            News::Looked(id, was_slow) => self.slowness.looked(id, was_slow, now),
            News::Ordered(about, order) => _ = Arc::make_mut(&mut self.orders).learn(about, order),
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
            let is_beside_us = is_beside_us(&record.announcement.http, record.seen_from);
            Arc::new(Place::new(Some(&name), &url).beside_us(is_beside_us))
        });
        let country = match before.filter(|before| before.record.seen_from == record.seen_from) {
            Some(before) => before.country,
            None => self.geography.country(record.seen_from),
        };
        let handed = before.map(|before| before.handed.clone()).unwrap_or_default();
        handed.store(0, Ordering::Relaxed);
        self.boxes.insert(
            record.id,
            KnownBox {
                record,
                ours,
                since,
                place,
                country,
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

    fn judge(&mut self, id: BoxId, verdict: Arc<Verdict>) {
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
        if snapshot.orders.beyond(&self.orders).next().is_some() {
            let orders = Arc::make_mut(&mut self.orders);
            for (about, order) in snapshot.orders.iter() {
                orders.learn(about.clone(), order.clone());
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
        self.speeds.forget(now);
        self.viewers.forget(now);
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
            .map(|known| self.box_view(known, until.of(known.ours), now))
            .collect();
        if !self.slowness.is_empty() {
            self.leave_out(&mut boxes, now);
        }
        let giving = giving(&boxes);
        for (alive, gives) in boxes.iter_mut().zip(giving) {
            alive.candidate.gives = gives;
        }
        let records = self.channels.values().map(|known| &*known.record);
        let audiences = audiences(records, &boxes);
        let is_down = |known: &KnownChannel| {
            let presentation = &known.record.presentation;
            self.orders.is_down(&presentation.channel, presentation.epoch)
        };
        let is_on_air = |known: &&KnownChannel| known.state(until.of(known.ours), is_down(known)).is_on_air();
        let on_air = self.channels.values().filter(is_on_air);
        let on_air = on_air.map(|known| &*known.record);
        let crews = Crews::of(&self.session_key, on_air, &boxes, &audiences);
        let channels = self.channels.iter().map(|(name, known)| {
            let audience = audiences.get(name).copied().unwrap_or_default();
            let view = known.view(&boxes, &crews, audience, until.of(known.ours), is_down(known));
            (name.clone(), view)
        });
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
            tracker: self.session_key.tracker_id(),
            away: self.away,
            ready: self.ready,
            boxes: boxes.into_iter().map(|alive| (alive.record.id, alive)).collect(),
            channels,
            neighbourhood,
            crews,
            orders: self.orders.clone(),
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

    fn box_view(&self, known: &KnownBox, until: u64, now: u64) -> BoxView {
        let record = known.record.clone();
        let load = record.announcement.load;
        let candidate = Candidate {
            id: record.id,
            place: known.place.clone(),
            uplink: load.upload_bits_per_second,
            seen: self
                .speeds
                .of(&record.id, now)
                .max(self.viewers.rate(&record.id, now)),
            sending: load.sending_bits_per_second,
            handed: known.handed.clone(),
            age: now.saturating_sub(known.since),
            silent: until.saturating_sub(record.announcement.sequence),
            room: record.announcement.room,
            gives: false,
            network: Network::of(record.seen_from),
            country: known.country,
            health: Health::Fine,
        };
        let http = record.http();
        let verdict = self
            .verdicts
            .get(&record.id)
            .filter(|verdict| verdict.http == http);
        let reach = reach(
            &record,
            verdict.map(|verdict| &**verdict),
            self.allow_private,
            now,
        );
        let banned = self.orders.ban(record.id);
        let ejected = banned.map(|why| format!("it is banned by the tracker's operator: {why}"));
        let ejected = ejected.or_else(|| self.ejections.why(&record.id, now));
        let is_ejected = ejected.is_some();
        let why = ejected.or_else(|| reach.http.why.clone());
        BoxView {
            record,
            candidate,
            why,
            is_ejected,
            reach,
            verdict: verdict.cloned(),
        }
    }
}

#[cfg(test)]
mod tests;
