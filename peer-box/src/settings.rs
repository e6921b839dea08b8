//! What a box can be told.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use program::quantity::{BadQuantity, Size};
use program::window::Limits;
use url::Url;
use wire::address::HttpBase;

use crate::budget::Rate;

/// Passes live streams on: takes chunks from origins and other boxes, verifies them, and serves viewers.
#[derive(Clone, Debug, Parser)]
#[command(name = "peer-box", version)]
pub struct Command {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What a box can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// Joins the mesh of a tracker and serves until told to stop
    Join(Settings),
}

/// How a box runs.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// The trackers of the mesh
    #[arg(value_name = "TRACKER-URL", required = true, value_parser = tracker_url)]
    pub tracker: Vec<Url>,
    /// Where viewers are served
    #[arg(long, value_name = "HOST:PORT", default_value = "0.0.0.0:8090")]
    pub http: SocketAddr,
    /// Where origins push to
    #[arg(long, value_name = "HOST:PORT", default_value = "0.0.0.0:8091")]
    pub zmq: SocketAddr,
    /// Where other boxes connect
    #[arg(long, value_name = "HOST:PORT", default_value = "0.0.0.0:8092")]
    pub p2p: SocketAddr,
    /// Does not look for boxes on the local network
    #[arg(long)]
    pub no_lan: bool,
    /// Tells boxes that nobody can connect to who would like to, so that they find a way to each other
    #[arg(long)]
    pub relay: bool,
    /// Where viewers reach this box, if not at the address that the tracker sees it come from
    #[arg(long, value_name = "URL")]
    pub public_url: Option<HttpBase>,
    /// Where the box's key is kept [default: boxmesh/box in the user's data folder]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// What may be sent to viewers and other boxes: a number and bit, kbit, mbit, gbit, kbyte or mbyte, a second
    #[arg(long, value_name = "RATE", default_value = "20mbit")]
    pub upload: Rate,
    /// How much media may be kept, all channels together: in memory, or on disk with --storage-dir
    #[arg(long, value_name = "SIZE", default_value = "512MB", value_parser = storage)]
    pub storage: Size,
    /// Where media is kept, if not in memory: a folder on a disk that may be written to all the time
    #[arg(long, value_name = "DIR")]
    pub storage_dir: Option<PathBuf>,
}

/// What is kept in memory beside a disk: the newest of the channels, and what is asked for most.
const MEMORY_BESIDE_DISK: usize = 64 << 20;

/// Less holds not even the newest segments of a channel.
const LEAST_STORAGE: Size = Size(16_000_000);

/// There is no telling where this user's data belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is neither XDG_DATA_HOME nor HOME: say with --data-dir DIR where the box's key is to be kept")]
pub struct Homeless;

impl Settings {
    /// How much the window may hold, and where.
    pub(crate) fn limits(&self) -> Limits {
        // A disk larger than all memory that could be addressed is one without a bound.
        let storage = usize::try_from(self.storage.0).unwrap_or(usize::MAX);
        let (bytes, disk_bytes) = match self.storage_dir {
            Some(_) => (MEMORY_BESIDE_DISK, storage),
            None => (storage, 0),
        };
        Limits {
            bytes,
            disk_bytes,
            ..Limits::default()
        }
    }

    /// The data folder: the one given, or `boxmesh/box` where the XDG base directory specification has data.
    pub fn data_dir(&self) -> Result<PathBuf, Homeless> {
        let from = |variable| {
            std::env::var_os(variable)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        match &self.data_dir {
            Some(given) => Ok(given.clone()),
            None => data_dir_in(from("XDG_DATA_HOME"), from("HOME")),
        }
    }
}

fn data_dir_in(xdg_data_home: Option<PathBuf>, home: Option<PathBuf>) -> Result<PathBuf, Homeless> {
    let data = xdg_data_home
        .or_else(|| home.map(|home| home.join(".local/share")))
        .ok_or(Homeless)?;
    Ok(data.join("boxmesh/box"))
}

fn storage(text: &str) -> Result<Size, String> {
    let size: Size = text.parse().map_err(|bad: BadQuantity| bad.to_string())?;
    if size < LEAST_STORAGE {
        return Err(format!("{size} is too little: {LEAST_STORAGE} is the least"));
    }
    Ok(size)
}

fn tracker_url(text: &str) -> Result<Url, String> {
    let url: Url = text
        .parse()
        .map_err(|error| format!("{error}; http://HOST:PORT is one"))?;
    if matches!(url.scheme(), "http" | "https") && url.host().is_some() {
        Ok(url)
    } else {
        Err("a tracker is at http://HOST:PORT or https://HOST".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Settings, clap::Error> {
        let command = Command::try_parse_from(line.split(' '))?;
        let Action::Join(settings) = command.action;
        Ok(settings)
    }

    #[test]
    fn a_tracker_is_all_that_must_be_told() {
        let settings = read("peer-box join http://one:8080 https://two").unwrap();
        assert_eq!(settings.tracker.len(), 2);
        assert_eq!(settings.http.port(), 8090);
        assert_eq!(settings.upload.bits_per_second(), 20_000_000);
        assert_eq!(
            (settings.limits().bytes, settings.limits().disk_bytes),
            (512_000_000, 0)
        );
        assert!(
            read("peer-box join")
                .unwrap_err()
                .to_string()
                .contains("TRACKER-URL")
        );
    }

    #[test]
    fn what_is_kept_on_disk_is_not_kept_in_memory() {
        let settings = read("peer-box join http://one:8080 --storage 10GB --storage-dir /media").unwrap();
        assert_eq!(settings.limits().disk_bytes, 10_000_000_000);
        assert_eq!(settings.limits().bytes, MEMORY_BESIDE_DISK);
    }

    #[test]
    fn a_wrong_setting_is_named_with_its_value() {
        for (setting, value) in [
            ("--upload", "20"),
            ("--http", "8090"),
            ("--public-url", "http://a/b"),
            ("--storage", "lots"),
            ("--storage", "1MB"),
        ] {
            let message = read(&format!("peer-box join http://t {setting} {value}"))
                .unwrap_err()
                .to_string();
            assert!(message.contains(setting) && message.contains(value), "{message}");
        }
        for bad in ["t:8080", "ftp://t", "tracker"] {
            let message = read(&format!("peer-box join {bad}")).unwrap_err().to_string();
            assert!(
                message.contains(bad) && message.contains("TRACKER-URL"),
                "{message}"
            );
        }
    }

    #[test]
    fn the_key_is_kept_where_the_users_data_is() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(
            data_dir_in(path("/data"), path("/home/a")),
            Ok("/data/boxmesh/box".into())
        );
        assert_eq!(
            data_dir_in(None, path("/home/a")),
            Ok("/home/a/.local/share/boxmesh/box".into())
        );
        assert_eq!(data_dir_in(None, None), Err(Homeless));
    }
}
