//! Which boxes carry which channels now, and whom each of them is to know.

use std::collections::HashMap;

use wire::audience::Audience;
use wire::id::{BoxId, ChannelName};

use super::view::BoxView;
use crate::registry::ChannelRecord;
use crate::select::{Assignment, Bearer, Demand, Health, NEIGHBOURS, Neighbourhood, by_turns};
use crate::session::SessionKey;

/// A box that carries several channels is told of so many boxes for each of them, where that is more than the usual.
const NEIGHBOURS_OF_CHANNEL: usize = 3;

/// The most boxes that a box is told of: it connects to two of three.
const MOST_NEIGHBOURS: usize = 24;

/// What a stream takes while its origin has not measured, in bits per second.
const UNKNOWN_STREAM: u64 = 3_000_000;

/// Which boxes carry which channels, and whom they are to know.
#[derive(Debug, Default)]
pub struct Crews {
    assignment: Assignment,
    /// Of each channel that not all carry: the boxes that do, and that others may be told of.
    neighbourhoods: HashMap<ChannelName, Neighbourhood>,
}

impl Crews {
    /// Gives the channels on air to the boxes that viewers are sent to.
    pub(super) fn of<'a>(
        session_key: &SessionKey,
        on_air: impl Iterator<Item = &'a ChannelRecord>,
        boxes: &[BoxView],
        audiences: &HashMap<ChannelName, Audience>,
    ) -> Self {
        let salt = session_key.salt("neighbours");
        let demand = |record: &ChannelRecord| {
            let presentation = &record.presentation;
            let channel = presentation.channel.clone();
            let copy: u64 = presentation
                .tracks
                .iter()
                .map(|track| track.bits_per_second)
                .sum();
            Demand {
                salt: session_key.salt(&format!("carries {channel}")),
                copy: if copy == 0 { UNKNOWN_STREAM } else { copy },
                audience: audiences
                    .get(&channel)
                    .map_or(0, |audience| audience.bits_per_second),
                channel,
            }
        };
        let demands: Vec<Demand> = on_air.map(demand).collect();
        if Assignment::are_few(demands.len()) {
            return Self::default();
        }
        let is_served = |alive: &&BoxView| alive.why.is_none() || alive.candidate.health == Health::LeftOut;
        let bearers: Vec<Bearer<'_>> = boxes.iter().filter(is_served).map(bearer).collect();
        let assignment = Assignment::of(demands, &bearers);
        let places: HashMap<BoxId, &BoxView> = boxes.iter().map(|alive| (alive.record.id, alive)).collect();
        let neighbourhoods = assignment.crews().map(|(channel, crew)| {
            let members = crew.iter().filter_map(|id| places.get(id));
            let dialled = members.filter(|alive| alive.may_be_dialled());
            let dialled = dialled.map(|alive| (alive.record.id, alive.candidate.gives));
            (channel.clone(), Neighbourhood::of(salt, dialled))
        });
        let neighbourhoods = neighbourhoods.collect();
        Self {
            assignment,
            neighbourhoods,
        }
    }

    /// Whether the box is to carry the channel.
    pub fn has(&self, channel: &ChannelName, id: &BoxId) -> bool {
        self.assignment.has(channel, id)
    }

    /// The boxes that this one is told of for the channels that it carries; nothing where every box carries every channel.
    pub fn named(&self, me: BoxId) -> Option<Vec<BoxId>> {
        let mine = self.assignment.crews().filter(|(_, crew)| crew.contains(&me));
        let mine = mine.filter_map(|(channel, _)| self.neighbourhoods.get(channel));
        let lists: Vec<Vec<BoxId>> = mine.map(|near| near.named(me, |_| true)).collect();
        let most = (lists.len() * NEIGHBOURS_OF_CHANNEL).clamp(NEIGHBOURS, MOST_NEIGHBOURS);
        (!lists.is_empty()).then(|| by_turns(&lists, most))
    }
}

fn bearer(alive: &BoxView) -> Bearer<'_> {
    let announcement = &alive.record.announcement;
    Bearer {
        id: alive.record.id,
        uplink: alive.candidate.believed(),
        only: &announcement.channels,
        carries: announcement
            .carried
            .iter()
            .map(|carried| &carried.channel)
            .collect(),
    }
}

/// Who watches each channel: from its origin, as that says, and from boxes, of which none is believed to send more than it
/// can.
pub(super) fn audiences<'a>(
    channels: impl Iterator<Item = &'a ChannelRecord>,
    boxes: &[BoxView],
) -> HashMap<ChannelName, Audience> {
    let mut audiences: HashMap<ChannelName, Audience> = channels
        .map(|record| (record.presentation.channel.clone(), record.presentation.audience))
        .collect();
    for alive in boxes.iter().filter(|alive| alive.why.is_none()) {
        let mut left = alive.candidate.believed();
        for (channel, said) in &alive.record.announcement.audiences {
            let Some(audience) = audiences.get_mut(channel) else {
                continue;
            };
            let bits = said.bits_per_second.min(left);
            left -= bits;
            audience.bits_per_second = audience.bits_per_second.saturating_add(bits);
            audience.viewers = audience.viewers.saturating_add(said.viewers.min(MOST_VIEWERS));
        }
    }
    audiences
}

/// The most viewers that one box is believed to have.
const MOST_VIEWERS: u32 = 1_000;
