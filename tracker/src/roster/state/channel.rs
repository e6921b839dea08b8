//! A channel that a tracker knows.

use std::sync::Arc;

use tokio::sync::watch;
use wire::audience::Audience;
use wire::presentation;

use super::super::crews::Crews;
use super::super::view::{BoxView, ChannelView};
use crate::clock::SECOND;
use crate::document::{ORIGIN, Place};
use crate::reach::{found_at, is_beside_us};
use crate::registry::ChannelRecord;
use crate::select::{Carriers, Health};

/// A channel whose origin said nothing for this long is off air, in milliseconds.
pub(super) const PRESENT: u64 = 12 * SECOND;

/// The documents of a channel that has ended are served for this long, so that players see the end, in milliseconds.
const SHOW_END: u64 = 60 * SECOND;

/// A box this many segments behind its channel is of no use to a viewer.
pub(super) const MAX_LAG_SEGMENTS: u32 = 8;

/// With fewer boxes than this that are to carry a channel and do, others that still have it serve its viewers too.
const FEW_CARRIERS: usize = 4;

/// A channel as a tracker remembers it.
#[derive(Debug)]
pub(super) struct KnownChannel {
    pub(super) record: Arc<ChannelRecord>,
    /// Whether this tracker heard it itself.
    pub(super) ours: bool,
    /// Tells those who wait for the channel.
    pub(super) news: watch::Sender<()>,
    /// Whether there is something to tell them.
    pub(super) changed: bool,
}

impl KnownChannel {
    /// Whether it is on air, given until when there was a chance to hear of it, and whether it is taken down.
    pub(super) fn state(&self, until: u64, is_down: bool) -> presentation::State {
        if self.record.heard.at.saturating_add(PRESENT) >= until && !is_down {
            self.record.presentation.state
        } else {
            presentation::State::Ended
        }
    }

    /// How it is, given the boxes that are there and what they are to carry, who watches it, until when there was a chance to
    /// hear of it, and whether it is taken down.
    pub(super) fn view(
        &self,
        boxes: &[BoxView],
        crews: &Crews,
        audience: Audience,
        until: u64,
        is_down: bool,
    ) -> ChannelView {
        let record = self.record.clone();
        let heard = &record.heard;
        let state = self.state(until, is_down);
        let ending = || heard.ended.is_some_and(|at| until < at.saturating_add(SHOW_END));
        let shown = !is_down && (state.is_on_air() || ending());
        let carriers = boxes
            .iter()
            .filter(|_| shown)
            .filter(|listed| carries(listed, &record));
        let is_of_crew = |listed: &&BoxView| crews.has(&record.presentation.channel, &listed.record.id);
        let (crew, others): (Vec<&BoxView>, Vec<&BoxView>) = carriers.partition(is_of_crew);
        // While too few of those that are to carry it have something of it, all who do are good.
        let others = others.into_iter().filter(|_| crew.len() < FEW_CARRIERS);
        let candidates = crew.iter().copied().chain(others);
        let carriers = Carriers::new(candidates.map(|listed| listed.candidate.clone()).collect());
        let http = &record.presentation.http;
        let origin = Place::new(Some(ORIGIN), &found_at(http, heard.seen_from).to_string());
        let origin = Arc::new(origin.beside_us(is_beside_us(http, heard.seen_from)));
        ChannelView {
            record,
            state,
            shown,
            origin,
            carriers,
            audience,
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
