//! Who hands on what it takes, by what boxes say of the boxes that they are connected to. Pure.
//!
//! A box's word about itself is worth nothing here, nor is that of its own network. A box that hands on nothing looks in
//! all else like one that does: it announces, takes and promises. Only who should have had something of it can tell.

use std::collections::HashMap;

use wire::id::{BoxId, ChannelName, Epoch};

use super::view::BoxView;
use crate::clock::SECOND;

/// A box that has been there for so long has had the time to get what there is, in milliseconds.
const SETTLED: u64 = 10 * SECOND;

/// Who is fed is behind by what is made between two announcements, and no more.
const FED_SEGMENTS: u32 = 3;

/// Who is behind so far is not fed by anybody.
const STARVED_SEGMENTS: u32 = 6;

/// Where a channel is.
#[derive(Clone, Copy, Debug)]
pub struct Edge<'a> {
    /// The channel.
    pub channel: &'a ChannelName,
    /// Its epoch.
    pub epoch: Epoch,
    /// The newest whole segment.
    pub newest: u32,
}

/// Which of the boxes hand on media, as others say.
pub(super) fn giving(boxes: &[BoxView]) -> Vec<bool> {
    let places: HashMap<BoxId, usize> = (0..)
        .zip(boxes)
        .map(|(place, alive)| (alive.record.id, place))
        .collect();
    let mut gives = vec![false; boxes.len()];
    for by in boxes {
        let met = by.record.announcement.met.iter().filter(|met| met.gave);
        for place in met.filter_map(|met| places.get(&met.id)) {
            let (network, own) = (boxes[*place].candidate.network, by.candidate.network);
            let is_another = boxes[*place].record.id != by.record.id;
            gives[*place] |= is_another && (network.is_none() || network != own);
        }
    }
    gives
}

/// Whether a seed that nobody says to hand anything on keeps to itself what it is given: it has the newest of the channel,
/// and a box that has been there for a while has not. Whether that one is connected to it does not matter: who waits in
/// vain for what a neighbour promised does not stay its neighbour. Those that were found out themselves are no witnesses:
/// nobody hands them anything.
pub(super) fn withholds<'a>(
    seed: &BoxView,
    mut carriers: impl Iterator<Item = &'a BoxView>,
    edge: Edge<'_>,
    found_out: &[BoxId],
) -> bool {
    let starves = |alive: &BoxView| {
        !found_out.contains(&alive.record.id)
            && alive.candidate.age >= SETTLED
            && behind(alive, edge) >= STARVED_SEGMENTS
    };
    behind(seed, edge) <= FED_SEGMENTS && carriers.any(starves)
}

/// By how many segments a box is behind a channel.
fn behind(alive: &BoxView, edge: Edge<'_>) -> u32 {
    let carried = alive.record.announcement.carried.iter();
    let mut carried = carried.filter(|carried| carried.channel == *edge.channel);
    let newest = carried
        .find(|carried| carried.epoch == edge.epoch)
        .map_or(0, |carried| carried.newest);
    edge.newest.saturating_sub(newest)
}
