//! The tracker's settings.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use program::http::proxies::Block;
use program::quantity::Span;
use wire::address::HttpBase;
use wire::id::{ChannelName, Epoch};
use wire::key::PublicKey;

use crate::registry::RedisUrl;

/// Knows which boxes are alive and sends every viewer to some of them.
#[derive(Clone, Debug, Parser)]
#[command(name = "tracker", version, subcommand_negates_reqs = true)]
pub struct Command {
    /// What else than to run.
    #[command(subcommand)]
    pub instead: Option<Instead>,
    /// How to run.
    #[command(flatten)]
    pub settings: Settings,
}

/// What a tracker can do besides running.
#[derive(Clone, Debug, Subcommand)]
pub enum Instead {
    /// Shows and sets what a tracker that runs, and all that share its Redis, say of channels
    #[command(subcommand)]
    Channel(ChannelCommand),
}

/// What can be done with channels.
#[derive(Clone, Debug, Subcommand)]
pub enum ChannelCommand {
    /// Lists the channels by name, state and title
    List(At),
    /// Shows all that is known of a channel, as JSON
    Show {
        /// The channel
        channel: ChannelName,
        /// Where to ask.
        #[command(flatten)]
        at: At,
    },
    /// Takes a channel down, or an epoch of it: nobody sees it any more, and no box keeps it
    TakeDown {
        /// The channel
        channel: ChannelName,
        /// This epoch of it alone; without it all of the channel, until it is allowed again
        #[arg(long)]
        epoch: Option<Epoch>,
        /// Why, for those who look
        #[arg(long, value_name = "TEXT", default_value = "by the operator")]
        why: String,
        /// By whose right.
        #[command(flatten)]
        by: By,
    },
    /// Lets a channel that was taken down be published again; its epochs until then stay taken down
    Allow {
        /// The channel
        channel: ChannelName,
        /// By whose right.
        #[command(flatten)]
        by: By,
    },
    /// Gives a channel a title
    Set {
        /// The channel
        channel: ChannelName,
        /// Its title; an empty one takes it away
        #[arg(long, value_name = "TEXT")]
        title: String,
        /// By whose right.
        #[command(flatten)]
        by: By,
    },
}

/// Who gives an order, and to which tracker.
#[derive(Args, Clone, Debug)]
pub struct By {
    /// The tracker's file with the token
    #[arg(long = "admin-token-file", value_name = "FILE")]
    pub token_file: PathBuf,

    /// Where to say so.
    #[command(flatten)]
    pub at: At,
}

/// A tracker that runs.
#[derive(Args, Clone, Debug)]
pub struct At {
    /// The tracker
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub tracker: HttpBase,

    /// Certificates of authorities to trust besides the public ones, in PEM
    #[arg(long, value_name = "FILE")]
    pub tracker_ca: Option<PathBuf>,
}

/// Knows which boxes are alive and sends every viewer to some of them.
#[derive(Clone, Debug, Parser)]
#[command(name = "tracker", version, about)]
pub struct Settings {
    /// Where to serve viewers, boxes and origins.
    #[arg(long, value_name = "HOST:PORT", default_value = "0.0.0.0:8080")]
    pub http: SocketAddr,

    /// The certificate for https at --http, in PEM, with those that lead to a trusted one; taken anew when it changes.
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of --tls-cert, in PEM.
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// A Redis that trackers share and that outlives them; without one everything is kept in memory. Sentinels are named as
    /// redis+sentinel://HOST:PORT,HOST:PORT/NAME, several nodes of a cluster with commas.
    #[arg(long, value_name = "redis://HOST:PORT")]
    pub redis: Option<RedisUrl>,

    /// The public key of an origin that may publish channels; `origin key` prints it. May be repeated.
    #[arg(long, value_name = "KEY", required = true)]
    pub trust_origin: Vec<PublicKey>,

    /// Where viewers reach this tracker, if not at the host that they ask for.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<HttpBase>,

    /// A file of countries (.mmdb) that tells which one an address is in: viewers are sent rather to boxes of their own.
    #[arg(long, value_name = "FILE")]
    pub geoip: Option<PathBuf>,

    /// List boxes at private addresses too: for a mesh within one network.
    #[arg(long)]
    pub allow_private_boxes: bool,

    /// A proxy in front of this tracker, or a block of addresses such as 10.0.0.0/8: what it says of whom it asks for is
    /// believed. May be repeated.
    #[arg(long, value_name = "CIDR")]
    pub trusted_proxy: Vec<Block>,

    /// A file whose first line is a token: whoever shows it may ban boxes, take channels down and give them titles over HTTP.
    #[arg(long, value_name = "FILE")]
    pub admin_token_file: Option<PathBuf>,

    /// Requests that one address may make in a second, on average over ten; of IPv6, one /64.
    #[arg(long, value_name = "COUNT", default_value = "200", value_parser = per_second)]
    pub requests_per_address: NonZeroU32,

    /// How long /readyz says no before the program ends, when it is told to: what a balancer needs to notice.
    #[arg(long, value_name = "TIME", default_value = "0s")]
    pub drain: Span,
}

fn per_second(text: &str) -> Result<NonZeroU32, String> {
    let count = text
        .parse::<NonZeroU32>()
        .ok()
        .filter(|count| count.get() <= 1000);
    count.ok_or_else(|| "it should be a number from 1 to 1000".into())
}
