//! The origin: RTMP bytes become sealed chunks, pushed to a few boxes and served to whoever asks.
//!
//! ```text
//! publisher → ingest → channel: package, seal → store ─┬→ seed: to boxes, over ZeroMQ
//!                                               ↓      └→ web: to viewers, the last resort
//!                                            tracker: what is live, and which boxes to push to
//! ```

mod channel;
mod counts;
mod epoch;
pub mod ffmpeg;
pub mod ingest;
pub mod key;
pub mod ladder;
pub mod media;
pub mod package;
pub mod poster;
mod seal;
mod seed;
pub mod settings;
mod tracker;
mod web;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use program::folder::{Folder, FolderError, Lock};
use program::lifecycle::Lifecycle;
use program::listen::{self, ListenError};
use program::media::Meter;
use program::store::Store;
use program::tracker::Tracker;
use program::window::{Limits, Window};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info, info_span};
use wire::address::HttpBase;
use wire::id::ChannelName;
use wire::key::SecretKey;

use channel::Channel;
use counts::Counts;
use epoch::Epochs;
use ingest::{Assignment, BadStreamKey, Publisher, StreamKeys};
use package::Presentation;
use seed::Seeds;
use settings::Settings;
use tracker::{Choices, Clock, Teller};

/// Publishers that may wait: for the task that hands them out, and for their channel.
const PUBLISHERS: usize = 16;
const PUBLISHERS_OF_A_CHANNEL: usize = 2;

/// A setting that is wrong on this machine.
#[derive(Debug, thiserror::Error)]
pub enum BadSetting {
    /// The data folder is of no use.
    #[error("--data-dir: {0}")]
    Folder(#[from] FolderError),
    /// A stream key is of no use.
    #[error("--stream-key CHANNEL=KEY: {0}")]
    StreamKey(#[from] BadStreamKey),
    /// More channels than are kept.
    #[error("--stream-key: {found} channels are more than {most}")]
    Channels {
        /// So many are set.
        found: usize,
        /// So many may be.
        most: usize,
    },
}

/// Why an origin did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port is taken.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// ZeroMQ refused to work.
    #[error("cannot start ZeroMQ: {0}")]
    ZeroMq(#[from] zmq::Error),
}

/// Who this origin is: what it keeps in its data folder, and who may publish.
#[derive(Debug)]
pub struct Identity {
    folder: Arc<Folder>,
    lock: Lock,
    secret: SecretKey,
    assignments: Vec<Assignment>,
    keys: StreamKeys,
    /// The stream key that was made here for want of any in the settings.
    pub made: Option<Assignment>,
}

/// An origin that runs.
#[derive(Debug)]
pub struct Running {
    /// Where publishers push to.
    pub rtmp: SocketAddr,
    /// Where viewers are served.
    pub http: SocketAddr,
}

impl Identity {
    /// Reads the data folder, and makes in it what is missing. No port is bound yet.
    pub fn of(settings: &Settings) -> Result<Self, BadSetting> {
        let mut assignments = settings.assignments()?;
        let found = assignments
            .iter()
            .map(|one| &one.channel)
            .collect::<HashSet<_>>()
            .len();
        let most = Limits::default().channels;
        if found > most {
            return Err(BadSetting::Channels { found, most });
        }
        let folder = Folder::open(&settings.data_dir)?;
        let lock = folder.lock()?;
        let secret = key::origin_key(&folder)?;
        let made = if assignments.is_empty() {
            Some(key::stream_key(&folder)?)
        } else {
            None
        };
        assignments.extend(made.clone());
        let keys = StreamKeys::new(assignments.clone())?;
        Ok(Self {
            folder: Arc::new(folder),
            lock,
            secret,
            assignments,
            keys,
            made,
        })
    }
}

/// Starts an origin. It ends with its lifecycle.
pub async fn start(
    settings: Settings,
    identity: Identity,
    lifecycle: &Lifecycle,
) -> Result<Running, StartError> {
    let Lifecycle { tasks, stop, .. } = lifecycle;
    let rtmp = listen::tcp("rtmp", settings.rtmp).await?;
    let http = listen::tcp("http", settings.http).await?;
    let addresses = |listener: &tokio::net::TcpListener, asked| listener.local_addr().unwrap_or(asked);
    let running = Running {
        rtmp: addresses(&rtmp, settings.rtmp),
        http: addresses(&http, settings.http),
    };
    info!(key = %identity.secret.public(), "origin starts");

    let limits = Limits {
        bytes: usize::from(settings.window_mib) << 20,
        ..Limits::default()
    };
    let store = Store::spawn(tasks, stop.clone(), Window::new(limits));
    let (meter, counts) = (Meter::default(), Counts::default());
    let (secret, most) = (identity.secret.clone(), usize::from(settings.seeds));
    let seeds = Seeds::spawn(tasks, stop, secret, store.clone(), most, counts.clone())?;
    let routes = web::routes(store.clone(), meter.clone(), counts.clone());
    program::http::serve(
        http,
        routes,
        program::http::Limits::default(),
        tasks,
        stop.clone(),
    );

    let stage = Stage {
        trackers: settings.tracker.into_iter().map(Tracker::new).collect(),
        http: settings
            .public_url
            .unwrap_or_else(|| HttpBase::plain(running.http)),
        secret: identity.secret,
        folder: identity.folder,
        store,
        meter,
        counts: counts.clone(),
        seeds,
    };
    let mut channels = HashMap::new();
    for Assignment { channel, .. } in identity.assignments {
        channels
            .entry(channel.clone())
            .or_insert_with(|| stage.open(&channel, lifecycle));
    }

    let (arrived, publishers) = mpsc::channel(PUBLISHERS);
    tasks.spawn(usher(publishers, channels, identity.lock, stop.clone()));
    let (all, stopped, keys) = (tasks.clone(), stop.clone(), identity.keys);
    let door = async move { ingest::run(rtmp, keys, arrived, counts, &all, stopped).await };
    tasks.spawn(door.instrument(info_span!("ingest")));
    Ok(running)
}

/// What all channels share.
struct Stage {
    trackers: Vec<Tracker>,
    http: HttpBase,
    secret: SecretKey,
    folder: Arc<Folder>,
    store: Store,
    meter: Meter,
    counts: Counts,
    seeds: Seeds,
}

impl Stage {
    /// Starts the tasks of a channel: its own, and one for each tracker that hears of it.
    fn open(
        &self,
        channel: &ChannelName,
        Lifecycle { tasks, stop, .. }: &Lifecycle,
    ) -> mpsc::Sender<Publisher> {
        let (publishers, waiting) = mpsc::channel(PUBLISHERS_OF_A_CHANNEL);
        let (reports, news) = watch::channel(None);
        let task = Channel {
            name: channel.clone(),
            secret: self.secret.clone(),
            epochs: Epochs::recall(Arc::clone(&self.folder), channel),
            store: self.store.clone(),
            reports,
            counts: self.counts.clone(),
            presentation: Presentation::default(),
        };
        tasks.spawn(task.run(waiting, stop.clone()));
        let choices = Choices::of(self.trackers.len());
        for (place, tracker) in self.trackers.iter().enumerate() {
            let teller = Teller {
                tracker: tracker.clone(),
                place,
                choices: choices.clone(),
                channel: channel.clone(),
                secret: self.secret.clone(),
                http: self.http.clone(),
                meter: self.meter.clone(),
                reports: news.clone(),
                seeds: self.seeds.clone(),
                clock: Clock::default(),
            };
            tasks.spawn(teller.run(stop.clone()));
        }
        publishers
    }
}

/// Leads each publisher to its channel. Holds the data folder's lock for as long as anybody may publish.
async fn usher(
    mut arrived: mpsc::Receiver<Publisher>,
    channels: HashMap<ChannelName, mpsc::Sender<Publisher>>,
    lock: Lock,
    stop: CancellationToken,
) {
    loop {
        let publisher = tokio::select! {
            () = stop.cancelled() => break,
            publisher = arrived.recv() => publisher,
        };
        let Some(publisher) = publisher else { break };
        match channels.get(&publisher.channel).map(mpsc::Sender::try_reserve) {
            Some(Ok(place)) => place.send(publisher),
            Some(Err(_)) => publisher.refuse("the channel has not done with the last publisher, try again"),
            None => publisher.refuse("there is no such channel"),
        }
    }
    drop(lock);
}
