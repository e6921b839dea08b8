//! What an origin can be told: flags for the whole of it, tables of the settings file for its channels.

mod channel;

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use program::quantity::{Size, Span};
use reqwest::Url;
use wire::address::HttpBase;
use wire::id::{ChannelName, Epoch};

use crate::ingest::WhenAway;
use crate::ingest::keys::{Assignment, BadStreamKey};
use crate::record::RecordSettings;
pub use channel::{BadChannels, ChannelSettings, RenditionSettings, check};

/// Takes a live stream in over RTMP, seals it, and hands it to a few boxes and to whoever asks.
#[derive(Debug, Parser)]
#[command(name = "origin", version, subcommand_negates_reqs = true)]
pub struct Command {
    /// What else than to run.
    #[command(subcommand)]
    pub instead: Option<Instead>,
    /// How to run.
    #[command(flatten)]
    pub settings: Settings,
}

/// What an origin can do besides running.
#[derive(Clone, Debug, Subcommand)]
pub enum Instead {
    /// Prints the public key, for the tracker's --trust-origin; makes the key if there is none
    Key {
        /// What else to do with it.
        #[command(subcommand)]
        and: Option<KeyCommand>,
    },
    /// Adds, lists and removes stream keys in the data folder; an origin that runs follows
    #[command(subcommand)]
    StreamKey(StreamKeyCommand),
}

/// What can be done with the signing key.
#[derive(Clone, Debug, Subcommand)]
pub enum KeyCommand {
    /// Makes the next key and prints its public half; the origin takes it at its next start
    Rotate {
        /// How long the old key counts beside it, from that start on: whoever trusts the old one trusts the new one
        /// so long, and has to be told of it meanwhile
        #[arg(long, value_name = "TIME", default_value = "7d")]
        valid: Span,
    },
}

/// What can be done with stream keys.
#[derive(Clone, Debug, Subcommand)]
pub enum StreamKeyCommand {
    /// Adds a key for a channel, and prints it if it was made here: that once and never again
    Add {
        /// The channel that it opens
        #[arg(value_name = "CHANNEL")]
        channel: ChannelName,
        /// A key of your own, at least 16 characters long; - reads it from standard input, where no other user of
        /// this machine sees it
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
    /// Lists the keys by channel, id and the time they were added; the keys themselves are not known
    List,
    /// Removes a key by its id, or all keys of a channel; who publishes with it is sent away
    Remove {
        /// The id of a key, or a channel
        #[arg(value_name = "ID|CHANNEL")]
        which: String,
    },
}

/// How an origin runs.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// Where publishers push to
    #[arg(long, value_name = "HOST:PORT", default_value = "0.0.0.0:1935")]
    pub rtmp: SocketAddr,
    /// Where publishers push to inside TLS (rtmps://), with --rtmps-cert and --rtmps-key
    #[arg(long, value_name = "HOST:PORT")]
    pub rtmps: Option<SocketAddr>,
    /// The certificate for --rtmps, in PEM, with those that lead to a trusted one; taken anew when it changes
    #[arg(long, value_name = "FILE")]
    pub rtmps_cert: Option<PathBuf>,
    /// The private key of --rtmps-cert, in PEM
    #[arg(long, value_name = "FILE")]
    pub rtmps_key: Option<PathBuf>,
    /// Where viewers are served that no box could serve
    #[arg(long, value_name = "HOST:PORT", default_value = "0.0.0.0:8081")]
    pub http: SocketAddr,
    /// A tracker; may be given several times
    #[arg(long, value_name = "URL", required = true, value_parser = tracker_url)]
    pub tracker: Vec<Url>,
    /// Certificates of authorities to trust besides the public ones where a tracker is at https, in PEM
    #[arg(long, value_name = "FILE")]
    pub tracker_ca: Option<PathBuf>,
    /// Where keys are kept
    #[arg(long, value_name = "DIR", default_value = "origin-data", global = true)]
    pub data_dir: PathBuf,
    /// Where viewers reach this origin, if not at the address that the tracker sees it come from
    #[arg(long, value_name = "URL")]
    pub public_url: Option<HttpBase>,
    /// How many boxes each channel is pushed to
    #[arg(long, value_name = "COUNT", default_value = "3", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub seeds: u8,
    /// Who may publish what, besides the keys of `origin stream-key`; may be given several times. If there never was any,
    /// a key for the channel `live` is made at the first start
    #[arg(long, value_name = "CHANNEL=KEY", hide_default_value = true)]
    pub stream_key: Vec<String>,
    /// An epoch that boxes are to let go of and to refuse, told to those that this origin pushes the channel to; may be
    /// given several times
    #[arg(long, value_name = "CHANNEL/EPOCH", value_parser = past_epoch)]
    pub take_down: Vec<(ChannelName, Epoch)>,
    /// A program of yours that hears of each publisher by an HTTP POST of {event, channel, address, id}, the publisher's
    /// address among it: 2xx lets it in, 4xx refuses it with the body's first line
    #[arg(long, value_name = "URL", value_parser = hook_url)]
    pub publish_hook: Option<Url>,
    /// What becomes of publishers while the hook gives no answer for 3 s: closed refuses them, open lets them in
    #[arg(
        long,
        value_name = "open|closed",
        default_value = "closed",
        hide_possible_values = true
    )]
    pub publish_hook_fail: WhenAway,
    /// How much media is kept in memory at most, in MiB
    #[arg(long, value_name = "MIB", default_value = "512", value_parser = clap::value_parser!(u16).range(64..))]
    pub window_mib: u16,
    /// How many threads carry media; one carries some hundred Mbit/s of publishers, and costs least
    #[arg(long, value_name = "COUNT", default_value = "1")]
    pub threads: NonZeroU16,
    /// How long a channel waits for a publisher that went away
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub wait: Span,
    /// Where streams are recorded; without it they are not
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// How much the recordings may take together; the oldest make room
    #[arg(long, value_name = "SIZE", requires = "record")]
    pub record_size: Option<Size>,
    /// How long recordings are kept
    #[arg(long, value_name = "TIME", requires = "record")]
    pub record_age: Option<Span>,
    /// The ffmpeg that makes renditions and posters
    #[arg(long, value_name = "PATH", default_value = "ffmpeg")]
    pub ffmpeg: PathBuf,
    /// How many processors the encoders of all renditions share; half of the machine's, if not said
    #[arg(long, value_name = "COUNT")]
    pub ladder_threads: Option<NonZeroU16>,
    /// No posters of channels are made
    #[arg(long)]
    pub no_posters: bool,
}

/// A URL that can be posted to: `tracker:8080` alone is one too, of the scheme `tracker`.
fn tracker_url(text: &str) -> Result<Url, String> {
    http_url(
        text,
        "a tracker is written http://HOST[:PORT] or https://HOST[:PORT]",
    )
}

fn hook_url(text: &str) -> Result<Url, String> {
    http_url(
        text,
        "a hook is written http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH",
    )
}

fn http_url(text: &str, wanted: &str) -> Result<Url, String> {
    let wanted = || wanted.to_owned();
    let url = text
        .parse::<Url>()
        .map_err(|error| format!("{error}; {}", wanted()))?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err(wanted())
    }
}

impl Settings {
    /// Where and how much is recorded, if anything is.
    pub fn recordings(&self) -> Option<RecordSettings> {
        self.record.clone().map(|folder| RecordSettings {
            folder,
            size: self.record_size,
            age: self.record_age,
        })
    }

    /// The stream keys. They are read here and not by clap, which would repeat a wrong one in its message.
    pub fn assignments(&self) -> Result<Vec<Assignment>, BadStreamKey> {
        self.stream_key.iter().map(|text| text.parse()).collect()
    }
}

fn past_epoch(text: &str) -> Result<(ChannelName, Epoch), String> {
    let read = || {
        let (channel, epoch) = text.split_once('/')?;
        Some((channel.parse().ok()?, Epoch(epoch.parse().ok()?)))
    };
    read().ok_or_else(|| "an epoch is CHANNEL/EPOCH, as in the paths of its media".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_can_be_asked_for_without_a_tracker() {
        for line in ["origin key --data-dir /x", "origin --data-dir /x key"] {
            let command = Command::try_parse_from(line.split(' ')).unwrap();
            assert!(matches!(command.instead, Some(Instead::Key { and: None })));
            assert_eq!(command.settings.data_dir, PathBuf::from("/x"));
        }
        let refusal = Command::try_parse_from(["origin"]).unwrap_err();
        assert!(refusal.to_string().contains("--tracker"), "{refusal}");
    }

    #[test]
    fn keys_are_managed_without_a_tracker() {
        for line in [
            "origin key rotate",
            "origin key rotate --valid 1h --data-dir /x",
            "origin stream-key add demo",
            "origin stream-key add demo --key -",
            "origin stream-key list",
            "origin --data-dir /x stream-key remove K01020304",
        ] {
            Command::try_parse_from(line.split(' ')).unwrap();
        }
        for line in [
            "origin stream-key add De-mo!",
            "origin key rotate --valid soon",
            "origin stream-key remove",
        ] {
            Command::try_parse_from(line.split(' ')).unwrap_err();
        }
    }

    #[test]
    fn a_wrong_setting_is_named_with_its_value() {
        for (flag, value) in [
            ("--seeds", "0"),
            ("--rtmp", "1935"),
            ("--public-url", "http://a/b"),
            ("--tracker", "x"),
            ("--tracker", "tracker:8080"),
            ("--tracker", "ftp://tracker"),
            ("--publish-hook", "hook"),
            ("--publish-hook-fail", "ajar"),
            ("--rtmps", "1936"),
        ] {
            let refusal =
                Command::try_parse_from(["origin", "--tracker", "http://t", flag, value]).unwrap_err();
            let message = refusal.to_string();
            assert!(message.contains(flag) && message.contains(value), "{message}");
        }
    }

    #[test]
    fn an_epoch_is_named_as_in_the_paths_of_its_media() {
        let expected = ("live".parse().unwrap(), Epoch(1_790_000_000_000));
        assert_eq!(past_epoch("live/1790000000000"), Ok(expected));
        for bad in ["live", "/1", "live/", "live/x", "Live/1", "live/1/v0"] {
            assert!(past_epoch(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wrong_stream_key_is_not_repeated() {
        let line = [
            "origin",
            "--tracker",
            "http://t",
            "--stream-key",
            "live=hush!hush!",
        ];
        let command = Command::try_parse_from(line).unwrap();
        let error = command.settings.assignments().unwrap_err().to_string();
        assert!(!error.contains("hush"), "{error}");
    }
}
