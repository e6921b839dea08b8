//! Whom an origin pushes to: the same boxes while they take what they are given and hand it on.
//!
//! Who gives no receipts is found silent by the origin. Who takes everything and gives nothing looks well to the origin:
//! it is found out by what other boxes had of it. It is given a while for that, since a new seed has given nothing yet.

use tracing::info;
use wire::id::BoxId;
use wire::presentation::Presentation;

use crate::clock::SECOND;
use crate::registry::{Heard, Silence};
use crate::roster::{BoxView, Edge, View};
use crate::select;

/// How many boxes an origin is named for a channel: the most that it may be told to push to. It takes as
/// many as it was told, from the front.
const SEEDS: usize = 16;

/// A seed found silent is none again for this long.
const SILENT_FOR: u64 = 30 * SECOND;

/// A seed is given so long before it is judged by what others had of it: to be fed, and to be asked.
const TRIAL: u64 = 10 * SECOND;

/// A seed that kept everything to itself is none again for this long.
const WITHHELD_FOR: u64 = 300 * SECOND;

/// How many silent seeds of a channel are remembered.
const MAX_SILENT: usize = 64;

/// The seeds of a channel, and the boxes that are not to be among them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seeding {
    pub(super) seeds: Vec<BoxId>,
    /// Since when each of them has its place, or a better one.
    pub(super) since: Vec<u64>,
    pub(super) silent: Vec<Silence>,
}

impl Seeding {
    /// How it is from now on, given what the origin says.
    pub(super) fn of(view: &View, offered: &Presentation, now: u64) -> Self {
        let before = view
            .channels
            .get(&offered.channel)
            .map(|known| &known.record.heard);
        let current = before.map_or(&[][..], |heard| &heard.seeds);
        let lasting = before.map_or(&[][..], |heard| &heard.silent).iter();
        let lasting = lasting.filter(|silence| silence.until > now && !offered.silent.contains(&silence.id));
        let reported = offered.silent.iter().map(|id| Silence {
            id: *id,
            until: now + SILENT_FOR,
        });
        let withheld = withheld(view, offered, before, now);
        let silent = reported.chain(withheld).chain(lasting.copied());
        let silent: Vec<Silence> = silent.take(MAX_SILENT).collect();
        let silent_ids: Vec<BoxId> = silent.iter().map(|silence| silence.id).collect();
        let takes = |alive: &&BoxView| alive.may_seed() && view.is_to_carry(&offered.channel, alive);
        let candidates = view.boxes.values().filter(takes);
        let candidates: Vec<_> = candidates.map(|alive| alive.candidate.clone()).collect();
        let salt = view.session_key.salt(&format!("seeds {}", offered.channel));
        let count = if offered.state.is_on_air() { SEEDS } else { 0 };
        let seeds = select::seeds(salt, current, &candidates, &silent_ids, count);
        let since = since(before, &seeds, now);
        Self { seeds, since, silent }
    }
}

/// The seeds that take what they are given, and hand nothing on.
fn withheld(
    view: &View,
    offered: &Presentation,
    before: Option<&Heard>,
    now: u64,
) -> impl Iterator<Item = Silence> {
    let edge = Edge {
        channel: &offered.channel,
        epoch: offered.epoch,
        newest: offered.newest,
    };
    let lasting = before.map_or(&[][..], |heard| &heard.silent).iter();
    let found_out: Vec<BoxId> = lasting
        .filter(|silence| silence.until > now)
        .map(|silence| silence.id)
        .collect();
    let tried = before
        .into_iter()
        .flat_map(|heard| heard.seeds.iter().zip(&heard.since));
    tried
        .filter(move |(_, since)| since.saturating_add(TRIAL) <= now)
        .filter(move |(id, _)| view.withholds(id, edge, &found_out))
        .inspect(
            |(id, _)| info!(seed = %id, "a seed keeps to itself what it is given, another takes its place"),
        )
        .map(move |(id, _)| Silence {
            id: *id,
            until: now + WITHHELD_FOR,
        })
}

/// Since when each seed has its place, given how it was before: an origin takes from the front as many as it was told, so
/// who came further to the front may have become one only now.
fn since(before: Option<&Heard>, seeds: &[BoxId], now: u64) -> Vec<u64> {
    let earlier = |(place, id): (usize, &BoxId)| {
        let before = before?;
        let was = before.seeds.iter().position(|seed| seed == id)?;
        before.since.get(was).copied().filter(|_| was <= place)
    };
    let all = seeds.iter().enumerate();
    all.map(|seed| earlier(seed).unwrap_or(now)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wire::announcement::{Announcement, Met};

    use super::*;
    use crate::registry::{ChannelRecord, PortVerdict, Verdict};
    use crate::roster::{News, State};
    use crate::session::SessionKey;
    use crate::testing::{self, NOW, box_id, key, record_of};

    const NEWEST: u32 = 20;

    /// What box `n` says of the others, and the newest segment that it has.
    fn says(n: u8, now: u64, newest: u32, met: &[(u8, bool)]) -> News {
        let met = met.iter().map(|(n, gave)| Met {
            id: box_id(*n),
            gave: *gave,
        });
        let mut announcement = Announcement {
            met: met.collect(),
            ..testing::announcement(n, now, "http://0.0.0.0:8090")
        };
        announcement.carried[0].newest = newest;
        News::Heard(record_of(n, announcement, "127.0.0.1"))
    }

    fn proved(n: u8) -> News {
        let verdict = Verdict {
            http: "http://127.0.0.1:8090".parse().unwrap(),
            at: NOW,
            refusal: None,
            ports: vec![PortVerdict {
                port: 8091,
                refusal: None,
            }],
        };
        News::Judged(box_id(n), verdict.into())
    }

    fn offered(now: u64) -> Presentation {
        Presentation {
            newest: NEWEST,
            ..testing::presentation(101, now)
        }
    }

    /// Seeds 1 and 2 have been fed for longer than their trial; what boxes 3 and 4 have, and had of them, is said.
    fn after_trial(newest: u32, gave: [bool; 2]) -> (State, u64) {
        let trusted = [key(101).public()];
        let mut state = State::new(SessionKey::from_bytes([0; 32]), trusted.into(), true, NOW);
        let heard = Heard {
            seeds: vec![box_id(1), box_id(2)],
            since: vec![NOW, NOW],
            ..testing::channel_record(101, offered(NOW)).heard.clone()
        };
        let presentation = offered(NOW);
        let signed = presentation.sign(&key(101));
        let record = ChannelRecord::new(presentation, signed, heard).unwrap();
        state.learn(News::Presented(Arc::new(record)), NOW);
        let now = NOW + TRIAL;
        let met = [(1, gave[0]), (2, gave[1])];
        for at in [NOW, NOW + TRIAL / 2, now] {
            for seed in [1, 2] {
                state.learn(says(seed, at, NEWEST, &[]), at);
            }
            for other in [3, 4] {
                state.learn(says(other, at, newest, &met), at);
            }
        }
        for n in 1..=4 {
            state.learn(proved(n), now);
        }
        (state, now)
    }

    #[test]
    fn a_seed_that_keeps_to_itself_what_it_is_given_is_replaced_after_its_trial() {
        let (state, now) = after_trial(2, [false, true]);
        let early = Seeding::of(&state.view(now), &offered(now), now - 1);
        assert_eq!(
            (&early.seeds[..2], &early.silent[..]),
            (&[box_id(1), box_id(2)][..], &[][..])
        );

        let seeding = Seeding::of(&state.view(now), &offered(now), now);
        assert_eq!(seeding.seeds[0], box_id(2), "others say that this one gives");
        assert!(!seeding.seeds.contains(&box_id(1)));
        assert_eq!(seeding.silent[0].id, box_id(1));
        assert!(
            seeding.since.iter().all(|since| *since == now),
            "all moved up: {seeding:?}"
        );
    }

    #[test]
    fn seeds_stay_while_nobody_is_behind_whoever_gave_what() {
        let (state, now) = after_trial(NEWEST, [false, false]);
        let seeding = Seeding::of(&state.view(now), &offered(now), now);
        assert_eq!(seeding.seeds[..2], [box_id(1), box_id(2)]);
        assert_eq!(
            (&seeding.since[..2], &seeding.silent[..]),
            (&[NOW, NOW][..], &[][..])
        );
    }

    #[test]
    fn who_is_behind_for_another_reason_costs_no_seed_its_place() {
        let (state, now) = after_trial(2, [true, true]);
        let seeding = Seeding::of(&state.view(now), &offered(now), now);
        assert_eq!(
            (&seeding.seeds[..2], &seeding.silent[..]),
            (&[box_id(1), box_id(2)][..], &[][..])
        );
    }
}
