//! What a mesh is to be made of.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The channel that a mesh publishes.
pub const CHANNEL: &str = "demo";

/// A free port, wherever it is.
pub(crate) const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What a mesh is to be made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many boxes.
    pub boxes: usize,
    /// How many trackers; more than one need a Redis between them.
    pub trackers: usize,
    /// URL of a Redis; without one the tracker keeps its registry in memory.
    pub redis: Option<String>,
    /// Where the first tracker listens.
    pub tracker_http: SocketAddr,
    /// Where the origin takes publishers.
    pub rtmp: SocketAddr,
    /// The stream key of [`CHANNEL`]; without one the origin makes it.
    pub stream_key: Option<String>,
    /// More arguments for the origin.
    pub origin_arguments: Vec<String>,
    /// More arguments for each tracker.
    pub tracker_arguments: Vec<String>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            boxes: 3,
            trackers: 1,
            redis: None,
            tracker_http: ANYWHERE,
            rtmp: ANYWHERE,
            stream_key: Some(hex::encode(rand::random::<[u8; 12]>())),
            origin_arguments: Vec::new(),
            tracker_arguments: Vec::new(),
        }
    }
}
