//! What a box does and how it is, for whoever runs it: the page and `peer-box status` show the same.
//!
//! It tells of boxes and trackers by name, and of viewers how many there are: no list of them is kept.

pub(crate) mod ask;
mod words;

use std::net::SocketAddr;
use std::time::Instant;

use program::media::Meter;
use program::store::Store;
use serde::{Deserialize, Serialize};
use wire::announcement::Carried;
use wire::id::BoxId;

use crate::budget::{Given, Uplink};
use crate::clock::Clock;
use crate::counts::Counts;
use crate::news::Following;
use crate::ports::{Mappings, State};
use crate::reach::Seen;
use crate::tracker::{Opinion, Opinions};

/// A box at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) id: BoxId,
    pub(crate) version: String,
    pub(crate) ports: Vec<Port>,
    /// What the router did with them, if it was asked.
    pub(crate) router: Vec<Mapped>,
    pub(crate) trackers: Vec<Opinion>,
    /// Why nobody is served; nothing if whoever comes is.
    pub(crate) closed: Option<String>,
    pub(crate) viewers: u32,
    /// How many more viewers there is room for.
    pub(crate) room: u32,
    pub(crate) sending_bits_per_second: u64,
    pub(crate) upload_bits_per_second: u64,
    pub(crate) today: Given,
    pub(crate) month: Given,
    pub(crate) quota: Option<Quota>,
    pub(crate) hours: Option<String>,
    pub(crate) neighbours: Vec<Neighbour>,
    pub(crate) carried: Vec<Carried>,
    pub(crate) window_bytes: u64,
    pub(crate) accepted_chunks: u64,
    pub(crate) refused_chunks: u64,
    pub(crate) banned_neighbours: u64,
    /// How far the trackers' clock is ahead of this machine's.
    pub(crate) clock_ahead_ms: i64,
}

/// A port, and whether it is reached from outside.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Port {
    /// Whom it is for.
    pub(crate) whom: String,
    pub(crate) address: SocketAddr,
    /// What the trackers found: their word, not this box's own.
    pub(crate) seen: Seen,
}

/// What the router did with a port, in words.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mapped {
    pub(crate) text: String,
    pub(crate) good: bool,
}

/// What may be given in a month.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Quota {
    pub(crate) bytes: u64,
    pub(crate) left: u64,
}

/// A box that is connected.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Neighbour {
    pub(crate) id: BoxId,
    /// Media bytes that came from it.
    pub(crate) delivered: u64,
    /// Media bytes that went to it.
    pub(crate) taken: u64,
    pub(crate) round_trip_ms: Option<f64>,
}

/// Where a box listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) http: SocketAddr,
    pub(crate) zmq: SocketAddr,
    pub(crate) p2p: SocketAddr,
}

/// Looks at a box. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(crate) id: BoxId,
    pub(crate) ports: Ports,
    pub(crate) hours: Option<String>,
    pub(crate) store: Store,
    pub(crate) uplink: Uplink,
    pub(crate) viewers: Meter,
    pub(crate) counts: Counts,
    pub(crate) clock: Clock,
    pub(crate) news: Following,
    pub(crate) opinions: Opinions,
    pub(crate) mappings: Mappings,
}

impl Watch {
    /// How the box is now.
    pub(crate) async fn status(&self) -> Status {
        let (carried, window_bytes) = (self.store.carried().await, self.store.bytes().await as u64);
        let now = Instant::now();
        let (month, today) = self.uplink.given(now);
        let (from_origins, from_neighbours) = self.counts.accepted();
        let (_, banned_neighbours) = self.counts.neighbours();
        let neighbours = self.counts.traffic().into_iter();
        let neighbours = neighbours.map(|(id, traffic)| Neighbour {
            id,
            delivered: traffic.delivered,
            taken: traffic.taken,
            round_trip_ms: traffic.round_trip.map(|took| took.as_secs_f64() * 1000.0),
        });
        Status {
            id: self.id,
            version: env!("CARGO_PKG_VERSION").into(),
            ports: self.ports(),
            router: self.router(),
            trackers: self.opinions.all(),
            closed: self.uplink.closed().map(|closed| closed.why.into()),
            viewers: self.viewers.viewers(),
            room: self.uplink.room(now),
            sending_bits_per_second: self.uplink.sending_bits_per_second(now),
            upload_bits_per_second: self.uplink.rate().bits_per_second(),
            today,
            month,
            quota: self.uplink.quota(now).map(|(bytes, left)| Quota { bytes, left }),
            hours: self.hours.clone(),
            neighbours: neighbours.collect(),
            carried,
            window_bytes,
            accepted_chunks: from_origins + from_neighbours,
            refused_chunks: self.counts.refusals().values().sum(),
            banned_neighbours,
            clock_ahead_ms: self.clock.ahead_ms(),
        }
    }

    fn router(&self) -> Vec<Mapped> {
        let mappings = self.mappings.borrow();
        let mapped = mappings.iter().map(|mapping| Mapped {
            text: mapping.to_string(),
            good: matches!(mapping.state, State::Mapped(..)),
        });
        mapped.collect()
    }

    /// The ports, and what is known of them from outside.
    pub(crate) fn ports(&self) -> Vec<Port> {
        let Ports { http, zmq, p2p } = self.ports;
        let reach = self.news.borrow().reach.clone();
        let port = |whom: &str, address, seen| Port {
            whom: whom.into(),
            address,
            seen,
        };
        vec![
            port("viewers", http, reach.http),
            port("origins", zmq, reach.zmq),
            port("boxes", p2p, reach.p2p),
        ]
    }
}
