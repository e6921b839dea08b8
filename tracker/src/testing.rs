//! Boxes, channels and a Redis for tests.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wire::announcement::{Announcement, Carried, Load, Served};
use wire::audience::Audience;
use wire::id::{BoxId, Epoch};
use wire::key::SecretKey;
use wire::presentation::Presentation;
use wire::succession::Succession;

use crate::registry::{BoxRecord, ChannelRecord, Heard};
use crate::session::SessionKey;

/// A moment in 2026.
pub(crate) const NOW: u64 = 1_790_000_000_000;

/// What trackers of tests share.
pub(crate) const SESSION_KEY: SessionKey = SessionKey::from_bytes([8; 32]);

/// How long a test waits for what should happen at once.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// The smallest MPD that the tracker takes.
pub(crate) const MPD: &str =
    r#"<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic"><Period id="1"/></MPD>"#;

pub(crate) fn key(n: u8) -> SecretKey {
    SecretKey::from_seed([n; 32])
}

pub(crate) fn box_id(n: u8) -> BoxId {
    BoxId::of(&key(n).public())
}

/// What box `n` says at `sequence`; it carries the channel `demo`.
pub(crate) fn announcement(n: u8, sequence: u64, http: &str) -> Announcement {
    Announcement {
        version: wire::Version,
        key: key(n).public(),
        sequence,
        leaving: false,
        http: http.parse().unwrap(),
        zmq_port: 8091,
        p2p_port: 8092,
        load: Load {
            upload_bits_per_second: 20_000_000,
            sending_bits_per_second: 0,
            viewers: 0,
        },
        served: Served::default(),
        carried: vec![Carried {
            channel: "demo".parse().unwrap(),
            epoch: Epoch(NOW),
            newest: 1,
        }],
        room: 5,
        channels: Vec::new(),
        met: Vec::new(),
        audiences: Vec::new(),
        tracker: SESSION_KEY.tracker_id(),
    }
}

/// The record of what box `n` says, heard from `seen_from`.
pub(crate) fn record_of(n: u8, announcement: Announcement, seen_from: &str) -> Arc<BoxRecord> {
    let signed = announcement.sign(&key(n));
    Arc::new(BoxRecord::new(announcement, signed, seen_from.parse().unwrap()))
}

pub(crate) fn box_record(n: u8, sequence: u64, http: &str, seen_from: &str) -> Arc<BoxRecord> {
    record_of(n, announcement(n, sequence, http), seen_from)
}

/// What the origin with key `n` says of the channel `demo`.
pub(crate) fn presentation(n: u8, sequence: u64) -> Presentation {
    Presentation {
        version: wire::Version,
        key: key(n).public(),
        sequence,
        channel: "demo".parse().unwrap(),
        epoch: Epoch(NOW),
        state: wire::presentation::State::Live,
        http: "http://0.0.0.0:8081".parse().unwrap(),
        documents: vec![wire::presentation::Document::new("manifest.mpd", MPD)],
        newest: 1,
        viewer_bytes: 0,
        tracks: Vec::new(),
        silent: Vec::new(),
        poster: 0,
        warnings: Vec::new(),
        successions: Vec::new(),
        takedowns: Vec::new(),
        audience: Audience::default(),
        seeds: Vec::new(),
    }
}

/// A playlist of so many whole segments, and so many parts of the next one.
pub(crate) fn media_playlist(whole: u32, parts: u32) -> String {
    let segments = (1..=whole).map(|number| format!("#EXTINF:1,\n{NOW}/v0/{number}.m4v\n"));
    let parts = (0..parts).map(|part| {
        let number = whole + 1;
        format!("#EXT-X-PART:DURATION=0.25,URI=\"{NOW}/v0/{number}.{part}.m4v\"\n")
    });
    let head = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n\
         #EXT-X-PART-INF:PART-TARGET=0.25\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-MAP:URI=\"{NOW}/v0/init.m4v\"\n"
    );
    [head].into_iter().chain(segments).chain(parts).collect()
}

/// Key `from` names key `to` its successor.
pub(crate) fn succession(from: u8, to: u8, at: u64, until: u64) -> Vec<u8> {
    let statement = Succession {
        version: wire::Version,
        from: key(from).public(),
        to: key(to).public(),
        at,
        until,
    };
    statement.sign(&key(from)).to_vec()
}

/// The record of what the origin with key `n` says, heard at the moment of its sequence.
pub(crate) fn channel_record(n: u8, presentation: Presentation) -> Arc<ChannelRecord> {
    let signed = presentation.sign(&key(n));
    let seen_from = IpAddr::from([127, 0, 0, 1]);
    let heard = Heard {
        seen_from,
        at: presentation.sequence,
        seeds: vec![box_id(9)],
        since: vec![presentation.sequence],
        silent: vec![],
        ended: None,
        past: vec![],
    };
    Arc::new(ChannelRecord::new(presentation, signed, heard).unwrap())
}

/// A redis-server of its own, on a free port of loopback. It ends when this is dropped.
pub(crate) struct RedisServer {
    process: Child,
    address: SocketAddr,
    folder: TempDir,
    more: Vec<String>,
}

impl RedisServer {
    pub(crate) fn start() -> Self {
        Self::start_with(Vec::new)
    }

    /// Starts one that is told more, made up anew for each try.
    pub(crate) fn start_with(more: impl Fn() -> Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Somebody else may take the port before Redis does: then another one.
        for _ in 0..20 {
            let more = more();
            let address = free_address();
            if let Some(process) = launch(&folder, address, &more) {
                return Self {
                    process,
                    address,
                    folder,
                    more,
                };
            }
        }
        panic!("redis-server does not start; is it installed?");
    }

    /// One that can be part of a cluster.
    pub(crate) fn start_node() -> Self {
        Self::start_with(|| {
            let bus = free_address().port().to_string();
            ["--cluster-enabled", "yes", "--cluster-port", &bus]
                .map(str::to_owned)
                .into()
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub(crate) fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again, at the same address and empty.
    pub(crate) fn start_again(&mut self) {
        self.process = launch(&self.folder, self.address, &self.more).expect("its port is free again");
    }

    pub(crate) async fn run(&self, command: &str) {
        self.ask::<redis::Value>(command).await.unwrap();
    }

    pub(crate) async fn ask<T: redis::FromRedisValue>(&self, command: &str) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut words = command.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        command.arg(words.collect::<Vec<_>>());
        command.query_async(&mut connection).await
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn launch(folder: &TempDir, address: SocketAddr, more: &[String]) -> Option<Child> {
    let port = address.port().to_string();
    let mut process = Command::new("redis-server")
        .args([
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ])
        .args(more)
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server is installed");
    let started = Instant::now();
    while started.elapsed() < DEADLINE {
        if process.try_wait().unwrap().is_some() {
            return None;
        }
        if TcpStream::connect(address).is_ok() {
            return Some(process);
        }
        std::thread::yield_now();
    }
    let _ = process.kill();
    let _ = process.wait();
    None
}
