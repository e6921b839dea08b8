//! An origin in this process, on free ports.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use origin::settings::Command;
use origin::{Identity, Running, key};
use program::folder::Folder;
use program::lifecycle::Lifecycle;
use tempfile::TempDir;
use wire::key::PublicKey;

use crate::encoder::Encoder;
use crate::tracker::Tracker;

pub(crate) const KEY: &str = "a-key-for-the-tests";

pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct Origin {
    pub(crate) running: Running,
    pub(crate) key: PublicKey,
    lifecycle: Lifecycle,
}

/// Starts an origin with a data folder and a tracker, and the channel `demo`.
pub(crate) async fn start(folder: &TempDir, tracker: &Tracker) -> Origin {
    start_with(folder.path(), &tracker.url, &[]).await
}

pub(crate) async fn start_with(folder: &Path, tracker: &str, more: &[&str]) -> Origin {
    let folder = folder.to_str().unwrap();
    let stream_key = format!("demo={KEY}");
    let own = [
        "origin",
        "--rtmp",
        "127.0.0.1:0",
        "--http",
        "127.0.0.1:0",
        "--tracker",
        tracker,
        "--data-dir",
        folder,
        "--stream-key",
        &stream_key,
        // Whoever is gone is not waited for.
        "--wait",
        "100ms",
    ];
    let line = own.iter().chain(more);
    let settings = Command::try_parse_from(line).unwrap().settings;
    let identity = Identity::of(&settings, Vec::new()).unwrap();
    let key = key::origin_key(&Folder::open(&settings.data_dir).unwrap())
        .unwrap()
        .public();
    let lifecycle = Lifecycle::default();
    let running = origin::start(settings, identity, &lifecycle).await.unwrap();
    Origin {
        running,
        key,
        lifecycle,
    }
}

impl Origin {
    pub(crate) async fn publish(&self) -> Encoder {
        Encoder::publish(self.running.rtmp, KEY).await
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        reqwest::get(format!("http://{}{path}", self.running.http))
            .await
            .unwrap()
    }

    /// Waits for a line among the origin's metrics.
    pub(crate) async fn counts(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let look = async {
            while !self
                .get("/metrics")
                .await
                .text()
                .await
                .unwrap()
                .lines()
                .any(&wanted)
            {}
        };
        tokio::time::timeout(PATIENCE, look)
            .await
            .unwrap_or_else(|late| panic!("{late}: never counted {what}"));
    }

    /// Tells it to end, as a signal would.
    pub(crate) async fn stop(self) -> ExitCode {
        self.lifecycle.finish().await
    }
}
