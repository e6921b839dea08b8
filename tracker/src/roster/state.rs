//! What this tracker knows, merged from what it heard and what the registry told it. Pure: time is
//! an argument.
//!
//! Every record carries a number that only grows, so merging is keeping the newer one. While the
//! registry is away, boxes and channels that speak to other trackers cannot be heard: they count as
//! they did when it was last there.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wire::id::{BoxId, ChannelName};

use super::News;
use super::view::{BoxView, ChannelView, View};
use crate::clock::SECOND;
use crate::probe::why_unlisted;
use crate::reach::Network;
use crate::registry::{ALIVE, BoxRecord, ChannelRecord, FORGET_BOXES, FORGET_CHANNELS, Snapshot, Verdict};
use crate::select::{Candidate, Carriers};
use crate::session::SessionKey;

/// A channel whose origin said nothing for this long is off air, in milliseconds.
const PRESENT: u64 = 12 * SECOND;

/// A box this many segments behind its channel is of no use to a viewer.
const MAX_LAG_SEGMENTS: u32 = 8;

/// Everything that one tracker knows.
#[derive(Debug)]
pub struct State {
    allow_private: bool,
    session_key: SessionKey,
    boxes: HashMap<BoxId, Known<BoxRecord>>,
    channels: HashMap<ChannelName, Known<ChannelRecord>>,
    verdicts: HashMap<BoxId, Verdict>,
    /// When the registry last answered; before its first answer, when the tracker started.
    polled: u64,
    away: bool,
    ready: bool,
}

#[derive(Debug)]
struct Known<R> {
    record: Arc<R>,
    /// Whether this tracker heard it itself.
    ours: bool,
    /// Since when it was there without a break.
    since: u64,
    /// The viewers sent there since it last spoke.
    handed: Arc<AtomicU64>,
}

impl State {
    /// Nothing known yet.
    pub fn new(session_key: SessionKey, allow_private: bool, now: u64) -> Self {
        Self {
            allow_private,
            session_key,
            boxes: HashMap::new(),
            channels: HashMap::new(),
            verdicts: HashMap::new(),
            polled: now,
            away: false,
            ready: false,
        }
    }

    /// Takes in what happened.
    pub fn learn(&mut self, news: News, now: u64) {
        match news {
            News::Heard(record) => self.hear(record, true, now),
            News::Presented(record) => self.present(record, true, now),
            News::Judged(id, verdict) => self.judge(id, verdict),
            News::Polled(snapshot, key) => self.merge(snapshot, key, now),
            News::Unanswered => self.away = true,
        }
    }

    fn hear(&mut self, record: Arc<BoxRecord>, ours: bool, now: u64) {
        let sequence = record.announcement.sequence;
        let before = self.boxes.get(&record.id);
        if before.is_some_and(|before| before.record.announcement.sequence >= sequence) {
            return;
        }
        let unbroken = before.filter(|before| {
            let last = &before.record.announcement;
            !last.leaving && last.sequence.saturating_add(ALIVE) >= sequence
        });
        let since = unbroken.map_or(now, |before| before.since);
        let handed = before.map(|before| before.handed.clone()).unwrap_or_default();
        handed.store(0, Ordering::Relaxed);
        self.boxes.insert(
            record.id,
            Known {
                record,
                ours,
                since,
                handed,
            },
        );
    }

    fn present(&mut self, record: Arc<ChannelRecord>, ours: bool, now: u64) {
        let presentation = &record.presentation;
        let before = self.channels.get(&presentation.channel);
        if before.is_none_or(|before| before.record.presentation.sequence < presentation.sequence) {
            let channel = presentation.channel.clone();
            self.channels.insert(
                channel,
                Known {
                    record,
                    ours,
                    since: now,
                    handed: Arc::default(),
                },
            );
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
            self.present(record, false, now);
        }
        for (id, verdict) in snapshot.verdicts {
            self.judge(id, verdict);
        }
        self.boxes
            .retain(|_, known| known.record.announcement.sequence.saturating_add(FORGET_BOXES) > now);
        self.channels
            .retain(|_, known| known.record.presentation.sequence.saturating_add(FORGET_CHANNELS) > now);
        self.verdicts.retain(|id, _| self.boxes.contains_key(id));
    }

    /// Whether something last heard of at `last` is still there.
    fn lasts<R>(&self, known: &Known<R>, last: u64, span: u64, now: u64) -> bool {
        let judged_at = if self.away && !known.ours {
            self.polled.min(now)
        } else {
            now
        };
        last.saturating_add(span) >= judged_at
    }

    /// The view at `now`.
    pub fn view(&self, now: u64) -> View {
        let boxes: Vec<BoxView> = self
            .boxes
            .values()
            .filter(|known| {
                let announcement = &known.record.announcement;
                !announcement.leaving && self.lasts(known, announcement.sequence, ALIVE, now)
            })
            .map(|known| self.box_view(known, now))
            .collect();
        let channels = self.channels.iter().map(|(name, known)| {
            let record = known.record.clone();
            let live = record.presentation.live && self.lasts(known, record.heard.at, PRESENT, now);
            let carriers = boxes
                .iter()
                .filter(|_| live)
                .filter(|listed| carries(listed, &record));
            let carriers = Carriers::new(carriers.map(|listed| listed.candidate.clone()).collect());
            (
                name.clone(),
                ChannelView {
                    record,
                    live,
                    carriers,
                },
            )
        });
        let channels = channels.collect();
        let mut view = View::new(now, self.session_key, boxes, channels);
        view.away = self.away;
        view.ready = self.ready;
        view
    }

    fn box_view(&self, known: &Known<BoxRecord>, now: u64) -> BoxView {
        let record = known.record.clone();
        let load = record.announcement.load;
        let candidate = Candidate {
            id: record.id,
            uplink: load.upload_bits_per_second,
            sending: load.sending_bits_per_second,
            handed: known.handed.clone(),
            age: now.saturating_sub(known.since),
            network: Network::of(record.seen_from),
        };
        let http = record.http();
        let verdict = self
            .verdicts
            .get(&record.id)
            .filter(|verdict| verdict.http == http);
        let why = why_unlisted(&record, verdict, self.allow_private, now);
        BoxView {
            record,
            candidate,
            why,
            verdict: verdict.cloned(),
        }
    }
}

/// Whether a viewer of the channel may be sent to the box.
fn carries(listed: &BoxView, channel: &ChannelRecord) -> bool {
    let presentation = &channel.presentation;
    let carried = &listed.record.announcement.carried;
    listed.why.is_none()
        && carried.iter().any(|carried| {
            carried.channel == presentation.channel
                && carried.epoch == presentation.epoch
                && carried.newest.saturating_add(MAX_LAG_SEGMENTS) >= presentation.newest
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, NOW, box_id, box_record, channel_record, presentation};

    const HTTP: &str = "http://0.0.0.0:8090";

    fn state() -> State {
        State::new(SessionKey::from_bytes([0; 32]), false, NOW)
    }

    fn heard(n: u8, sequence: u64) -> News {
        News::Heard(box_record(n, sequence, HTTP, "127.0.0.1"))
    }

    fn proved(n: u8) -> News {
        let http = "http://127.0.0.1:8090".parse().unwrap();
        News::Judged(
            box_id(n),
            Verdict {
                http,
                at: NOW,
                refusal: None,
            },
        )
    }

    fn presented(sequence: u64, newest: u32) -> News {
        News::Presented(channel_record(
            1,
            wire::presentation::Presentation {
                newest,
                ..presentation(1, sequence)
            },
        ))
    }

    fn polled(records: &[Arc<BoxRecord>]) -> News {
        let boxes = records.iter().map(|record| (record.id, record.clone())).collect();
        News::Polled(
            Snapshot {
                boxes,
                ..Snapshot::default()
            },
            SessionKey::from_bytes([1; 32]),
        )
    }

    fn alive(state: &State, now: u64) -> Vec<BoxId> {
        state.view(now).boxes.into_keys().collect()
    }

    fn carriers(state: &State, now: u64) -> usize {
        state.view(now).channels[&"demo".parse().unwrap()].carriers.len()
    }

    #[test]
    fn a_box_is_alive_for_ten_seconds_after_its_last_word() {
        let mut state = state();
        state.learn(heard(1, NOW), NOW);
        assert_eq!(alive(&state, NOW + ALIVE), [box_id(1)]);
        assert!(alive(&state, NOW + ALIVE + 1).is_empty());
    }

    #[test]
    fn a_goodbye_counts_at_once_and_what_was_said_before_does_not_undo_it() {
        let mut state = state();
        let before = box_record(1, NOW, HTTP, "127.0.0.1");
        state.learn(News::Heard(before.clone()), NOW);
        let mut goodbye = testing::announcement(1, NOW + 1, HTTP);
        goodbye.leaving = true;
        state.learn(News::Heard(testing::record_of(1, goodbye, "127.0.0.1")), NOW + 1);
        assert!(alive(&state, NOW + 1).is_empty());
        state.learn(polled(&[before]), NOW + 2);
        assert!(alive(&state, NOW + 2).is_empty());
        state.learn(heard(1, NOW + 3), NOW + 3);
        assert_eq!(alive(&state, NOW + 3), [box_id(1)], "it came back");
    }

    #[test]
    fn while_the_registry_is_away_only_boxes_heard_here_can_be_missed() {
        let mut state = state();
        state.learn(heard(1, NOW), NOW);
        state.learn(polled(&[box_record(2, NOW, HTTP, "127.0.0.1")]), NOW + 1000);
        state.learn(News::Unanswered, NOW + 2000);
        assert_eq!(alive(&state, NOW + 60_000), [box_id(2)]);
        state.learn(heard(1, NOW + 60_000), NOW + 60_000);
        assert_eq!(alive(&state, NOW + 60_000).len(), 2);

        state.learn(polled(&[]), NOW + 60_001);
        assert_eq!(
            alive(&state, NOW + 60_001),
            [box_id(1)],
            "now everybody can be heard again"
        );
    }

    #[test]
    fn an_emptied_registry_takes_no_box_away() {
        let mut state = state();
        state.learn(heard(1, NOW), NOW);
        state.learn(polled(&[]), NOW + 1000);
        assert_eq!(alive(&state, NOW + 1000), [box_id(1)]);
    }

    #[test]
    fn what_is_too_old_leaves_memory() {
        let mut state = state();
        state.learn(heard(1, NOW), NOW);
        state.learn(proved(1), NOW);
        state.learn(polled(&[]), NOW + FORGET_BOXES);
        assert!(state.boxes.is_empty() && state.verdicts.is_empty());
    }

    #[test]
    fn viewers_are_sent_only_to_boxes_that_were_proved_and_carry_the_epoch() {
        let mut state = state();
        state.learn(presented(NOW, 1), NOW);
        state.learn(heard(1, NOW), NOW);
        assert_eq!(carriers(&state, NOW), 0, "not proved yet");
        state.learn(proved(1), NOW);
        assert_eq!(carriers(&state, NOW), 1);

        let mut elsewhere = testing::announcement(1, NOW + 1, HTTP);
        elsewhere.carried[0].epoch = wire::id::Epoch(NOW - 1);
        state.learn(News::Heard(testing::record_of(1, elsewhere, "127.0.0.1")), NOW);
        assert_eq!(carriers(&state, NOW), 0, "another epoch");
    }

    #[test]
    fn a_box_that_moved_has_to_prove_its_address_again() {
        let mut state = state();
        state.learn(presented(NOW, 1), NOW);
        state.learn(heard(1, NOW), NOW);
        state.learn(proved(1), NOW);
        assert_eq!(carriers(&state, NOW), 1);
        state.learn(
            News::Heard(box_record(1, NOW + 1, "http://0.0.0.0:9999", "127.0.0.1")),
            NOW,
        );
        assert_eq!(carriers(&state, NOW), 0);
    }

    #[test]
    fn a_box_that_fell_far_behind_gets_no_viewers() {
        let mut state = state();
        state.learn(heard(1, NOW), NOW);
        state.learn(proved(1), NOW);
        state.learn(presented(NOW, 1 + MAX_LAG_SEGMENTS), NOW);
        assert_eq!(carriers(&state, NOW), 1);
        state.learn(presented(NOW + 1, 2 + MAX_LAG_SEGMENTS), NOW);
        assert_eq!(carriers(&state, NOW), 0);
    }

    #[test]
    fn a_channel_whose_origin_fell_silent_is_off_air() {
        let mut state = state();
        state.learn(presented(NOW, 1), NOW);
        let live = |now| state.view(now).channels[&"demo".parse().unwrap()].live;
        assert!(live(NOW + PRESENT));
        assert!(!live(NOW + PRESENT + 1));
    }

    #[test]
    fn a_report_replaces_what_was_counted_since_the_last_one() {
        let mut state = state();
        state.learn(heard(1, NOW), NOW);
        let handed = state.view(NOW).boxes[&box_id(1)].candidate.handed.clone();
        handed.store(5, Ordering::Relaxed);
        state.learn(heard(1, NOW), NOW);
        assert_eq!(handed.load(Ordering::Relaxed), 5, "a replay is no report");
        state.learn(heard(1, NOW + 3000), NOW + 3000);
        assert_eq!(handed.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_box_that_was_away_counts_as_new() {
        let mut state = state();
        let age = |state: &State, now| state.view(now).boxes[&box_id(1)].candidate.age;
        state.learn(heard(1, NOW), NOW);
        state.learn(heard(1, NOW + 3000), NOW + 3000);
        assert_eq!(age(&state, NOW + 4000), 4000);
        state.learn(heard(1, NOW + 3001 + ALIVE), NOW + 3001 + ALIVE);
        assert_eq!(age(&state, NOW + 3001 + ALIVE), 0);
    }
}
