//! What a box tells whoever starts it: what it will do, its limits and how to change them, and in a moment which of its
//! ports are reached from outside.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use program::listen;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wire::id::BoxId;

use crate::settings::Settings;
use crate::status::{Ports, Watch};

/// How long the trackers have to find out which ports they reach, before what is known is told.
const PATIENCE: Duration = Duration::from_secs(20);

/// The words of the beginning.
pub(crate) fn words(settings: &Settings, id: BoxId, ports: Ports, page: SocketAddr, folder: &Path) -> String {
    let Ports { http, zmq, p2p } = ports;
    let none = || "no limit".to_owned();
    let quota = settings.quota.map_or_else(none, |quota| quota.to_string());
    let hours = settings.hours.map_or("always".into(), |hours| hours.to_string());
    let names: Vec<String> = settings.channels.iter().map(ToString::to_string).collect();
    let channels = if names.is_empty() {
        "all".into()
    } else {
        names.join(",")
    };
    let place = match &settings.storage_dir {
        Some(folder) => format!("in {}", folder.display()),
        None => "of memory".into(),
    };
    let (upload, storage) = (settings.upload, settings.storage);
    let mut text = String::from(
        "\nThis box passes live streams on: it takes sealed chunks from origins and other boxes, and hands them to\n\
         viewers and other boxes. It keeps the last minute of them, and no list of viewers.\n\n",
    );
    let rows = [
        (
            "id",
            id.to_string(),
            format!("the same at each start, by the key in {}", folder.display()),
        ),
        ("viewers", http.to_string(), "--http HOST:PORT".into()),
        ("origins", zmq.to_string(), "--zmq HOST:PORT".into()),
        ("boxes", p2p.to_string(), "--p2p HOST:PORT".into()),
        (
            "upload",
            upload.to_string(),
            "--upload RATE, to viewers and boxes together".into(),
        ),
        ("quota", quota, "--quota SIZE, in a calendar month".into()),
        ("hours", hours, "--hours FROM-TO, by this machine's clock".into()),
        ("channels", channels, "--channels A,B".into()),
        (
            "storage",
            format!("{storage} {place}"),
            "--storage SIZE, --storage-dir DIR".into(),
        ),
    ];
    for (name, value, flag) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<9} {value:<20} {flag}");
    }
    let _ = write!(
        text,
        "\nChange a limit: stop it (Ctrl-C), and start it with the flag. What it does: http://{page}/ or peer-box status."
    );
    text
}

/// Tells which ports are reached, by the trackers' word, when they have looked.
pub(crate) async fn tell_reach(watch: Watch, stop: CancellationToken) {
    let mut news = watch.news.clone();
    let told = news.wait_for(|news| {
        let reach = &news.reach;
        [&reach.http, &reach.zmq, &reach.p2p]
            .iter()
            .all(|seen| seen.ok || seen.why.is_some())
    });
    tokio::select! {
        () = stop.cancelled() => return,
        _ = timeout(PATIENCE, told) => {}
    }
    let ports = watch.ports();
    for port in &ports {
        listen::first_line(format_args!("  {port}"));
    }
    if ports.iter().any(|port| !port.seen.ok) {
        listen::first_line(format_args!(
            "  A port that is not reached has to be let through by the router. Until then this box helps other boxes."
        ));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::samples::secret;
    use crate::settings::{Action, Command};

    #[test]
    fn a_volunteer_is_told_what_happens_and_how_to_change_it_in_twenty_lines() {
        let line = "peer-box join http://t --upload 5mbit --quota 500GB --hours 20:00-08:00 --channels a,b";
        let Action::Join(settings) = Command::parse_from(line.split(' ')).action else {
            panic!("it joins")
        };
        let id = BoxId::of(&secret(1).public());
        let at: SocketAddr = "0.0.0.0:8090".parse().unwrap();
        let ports = Ports {
            http: at,
            zmq: at,
            p2p: at,
        };
        let words = words(
            &settings,
            id,
            ports,
            "127.0.0.1:8093".parse().unwrap(),
            Path::new("/data"),
        );
        for said in [
            &id.to_string(),
            "0.0.0.0:8090",
            "5mbit",
            "--upload",
            "500GB",
            "--quota",
            "20:00-08:00",
            "a,b",
            "/data",
            "no list of viewers",
            "http://127.0.0.1:8093/",
        ] {
            assert!(words.contains(said), "{said} in {words}");
        }
        // The ports as they are found from outside follow, a line each, and one about them.
        assert!(words.lines().count() + 4 <= 20, "{words}");
    }
}
