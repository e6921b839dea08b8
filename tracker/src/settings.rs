//! The tracker's settings.

use std::net::SocketAddr;

use clap::Parser;
use wire::address::HttpBase;
use wire::key::PublicKey;

use crate::registry::RedisUrl;

/// Knows which boxes are alive and sends every viewer to some of them.
#[derive(Clone, Debug, Parser)]
#[command(name = "tracker", version, about)]
pub struct Settings {
    /// Where to serve viewers, boxes and origins.
    #[arg(long, value_name = "HOST:PORT", default_value = "0.0.0.0:8080")]
    pub http: SocketAddr,

    /// A Redis that trackers share and that outlives them; without one everything is kept in memory.
    #[arg(long, value_name = "redis://HOST:PORT")]
    pub redis: Option<RedisUrl>,

    /// The public key of an origin that may publish channels; `origin key` prints it. May be repeated.
    #[arg(long, value_name = "KEY", required = true)]
    pub trust_origin: Vec<PublicKey>,

    /// Where viewers reach this tracker, if not at the host that they ask for.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<HttpBase>,

    /// List boxes at private addresses too: for a mesh within one network.
    #[arg(long)]
    pub allow_private_boxes: bool,
}
