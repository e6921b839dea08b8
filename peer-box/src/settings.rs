//! What a box can be told.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use program::quantity::{BadQuantity, Size};
use program::window::Limits;
use url::Url;
use wire::address::HttpBase;
use wire::id::ChannelName;

use crate::budget::{self, Hours, Rate};

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
    Join(Box<Settings>),
    /// Shows what the box that runs here does
    Status(Look),
}

/// Which box is looked at, and how it is shown.
#[derive(Clone, Debug, Args)]
pub struct Look {
    /// Where that box keeps its data [default: boxmesh/box in the user's data folder]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// How a box runs.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// The trackers of the mesh
    #[arg(value_name = "TRACKER-URL", required = true, value_parser = tracker_url)]
    pub tracker: Vec<Url>,
    /// Certificates of authorities to trust besides the public ones where a tracker is at https, in PEM
    #[arg(long, value_name = "FILE")]
    pub tracker_ca: Option<PathBuf>,
    /// Where viewers are served
    #[arg(long, value_name = "HOST:PORT", default_value = "0.0.0.0:8090")]
    pub http: SocketAddr,
    /// Where origins push to
    #[arg(long, value_name = "HOST:PORT", default_value = "0.0.0.0:8091")]
    pub zmq: SocketAddr,
    /// Where other boxes connect
    #[arg(long, value_name = "HOST:PORT", default_value = "0.0.0.0:8092")]
    pub p2p: SocketAddr,
    /// Asks the router to pass this box's ports on
    #[arg(long)]
    pub map_ports: bool,
    /// Does not look for boxes on the local network
    #[arg(long)]
    pub no_lan: bool,
    /// Tells boxes that nobody can connect to who would like to, so that they find a way to each other
    #[arg(long)]
    pub relay: bool,
    /// How many threads carry media; one serves some Gbit/s, and costs least
    #[arg(long, value_name = "COUNT", default_value = "1")]
    pub threads: NonZeroU16,
    /// Where viewers reach this box, if not at the address that the tracker sees it come from
    #[arg(long, value_name = "URL")]
    pub public_url: Option<HttpBase>,
    /// Where the page for whoever runs the box is: for this machine alone
    #[arg(long, value_name = "HOST:PORT", default_value = PAGE, value_parser = own_address)]
    pub page: SocketAddr,
    /// Where the box's key and accounts are kept [default: boxmesh/box in the user's data folder]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// What may be sent to viewers and other boxes: a number and bit, kbit, mbit, gbit, kbyte or mbyte, a second
    #[arg(long, value_name = "RATE", default_value = "20mbit")]
    pub upload: Rate,
    /// What may be sent in a calendar month (UTC), as 500GB; without it, any amount
    #[arg(long, value_name = "SIZE", value_parser = quota)]
    pub quota: Option<Size>,
    /// When it serves, by this machine's clock, as 20:00-08:00; without it, always
    #[arg(long, value_name = "FROM-TO")]
    pub hours: Option<Hours>,
    /// Carries these channels only, as a,b; without it, all
    #[arg(long, value_name = "CHANNEL", value_delimiter = ',')]
    pub channels: Vec<ChannelName>,
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

/// Where the page is unless something else is said.
pub(crate) const PAGE: &str = "127.0.0.1:8093";

/// Less than this is a mistake in the unit.
const LEAST_QUOTA: Size = Size(1_000_000);

/// There is no telling where this user's data belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is neither XDG_DATA_HOME nor HOME: say with --data-dir DIR where the box's key is to be kept")]
pub struct Homeless;

impl Settings {
    /// What may be given.
    pub(crate) fn budget(&self) -> budget::Limits {
        budget::Limits {
            rate: self.upload,
            quota: self.quota.map(|quota| quota.0),
            hours: self.hours,
        }
    }

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
        data_dir(self.data_dir.as_ref())
    }
}

impl Look {
    /// The data folder, found as [`Settings::data_dir`] is.
    pub fn data_dir(&self) -> Result<PathBuf, Homeless> {
        data_dir(self.data_dir.as_ref())
    }
}

fn data_dir(given: Option<&PathBuf>) -> Result<PathBuf, Homeless> {
    let from = |variable| {
        std::env::var_os(variable)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    match given {
        Some(given) => Ok(given.clone()),
        None => data_dir_in(from("XDG_DATA_HOME"), from("HOME")),
    }
}

fn data_dir_in(xdg_data_home: Option<PathBuf>, home: Option<PathBuf>) -> Result<PathBuf, Homeless> {
    let data = xdg_data_home
        .or_else(|| home.map(|home| home.join(".local/share")))
        .ok_or(Homeless)?;
    Ok(data.join("boxmesh/box"))
}

/// The page tells what nobody else should know, and asks nobody who he is.
fn own_address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|error| format!("{error}; {PAGE} is one"))?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(format!(
            "the page is for this machine alone: an address of 127.0.0.0/8 or [::1], such as {PAGE}"
        ))
    }
}

fn quota(text: &str) -> Result<Size, String> {
    at_least(LEAST_QUOTA, text)
}

fn storage(text: &str) -> Result<Size, String> {
    at_least(LEAST_STORAGE, text)
}

fn at_least(least: Size, text: &str) -> Result<Size, String> {
    let size: Size = text.parse().map_err(|bad: BadQuantity| bad.to_string())?;
    if size < least {
        return Err(format!("{size} is too little: {least} is the least"));
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
        let Action::Join(settings) = command.action else {
            panic!("it joins")
        };
        Ok(*settings)
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
            ("--page", "0.0.0.0:8093"),
            ("--page", "192.0.2.1:80"),
            ("--quota", "500"),
            ("--quota", "lots"),
            ("--hours", "20-08"),
            ("--channels", "B"),
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
    fn limits_are_told_as_people_say_them() {
        let settings = read(
            "peer-box join http://t --upload 5mbit --quota 500GB --hours 20:00-08:00 --channels a,b --storage 1GB",
        )
        .unwrap();
        assert_eq!(settings.quota, Some(Size(500_000_000_000)));
        assert_eq!(settings.hours.unwrap().to_string(), "20:00-08:00");
        assert_eq!(settings.channels.len(), 2);
        assert_eq!(settings.storage, Size(1_000_000_000));
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
