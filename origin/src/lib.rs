//! The origin: RTMP bytes become sealed chunks, pushed to a few boxes and served to whoever asks.
//!
//! ```text
//! publisher → ingest → channel: package, seal → store ─┬→ seed: to boxes, over ZeroMQ
//!                                               ↓      └→ web: to viewers, the last resort
//!                                            tracker: what is live, and which boxes to push to
//! ```

mod boxes;
mod channel;
pub mod command;
mod counts;
mod epoch;
pub mod ffmpeg;
pub mod filler;
pub mod health;
mod identity;
pub mod ingest;
pub mod key;
pub mod ladder;
pub mod media;
pub mod package;
pub mod poster;
pub mod record;
mod seal;
mod seed;
pub mod settings;
mod stage;
mod tracker;
mod web;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use program::folder::Lock;
use program::lifecycle::Lifecycle;
use program::listen::{self, ListenError};
use program::media::Meter;
use program::store::Store;
use program::tracker::Tracker;
use program::window::{Limits, Window};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tracing::{Instrument, info, info_span};
use wire::address::HttpBase;
use wire::id::ChannelName;

use counts::Counts;
use ffmpeg::Ffmpeg;
use identity::MOST_CHANNELS;
pub use identity::{BadSetting, Identity};
use ingest::{Entrance, Hook, Publisher, keys};
use ladder::LadderSettings;
use record::Recorder;
use seed::Seeds;
use settings::Settings;
use stage::Stage;

/// Publishers that may wait for the task that hands them out.
const PUBLISHERS: usize = 16;

/// Why an origin did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port is taken.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// ZeroMQ refused to work.
    #[error("cannot start ZeroMQ: {0}")]
    ZeroMq(#[from] zmq::Error),
    /// HTTP refused to work.
    #[error("cannot start the publish hook: {0}")]
    Hook(#[from] reqwest::Error),
}

/// An origin that runs.
#[derive(Debug)]
pub struct Running {
    /// Where publishers push to.
    pub rtmp: SocketAddr,
    /// Where publishers push to inside TLS, if anywhere.
    pub rtmps: Option<SocketAddr>,
    /// Where viewers are served.
    pub http: SocketAddr,
}

/// Starts an origin. It ends with its lifecycle.
pub async fn start(
    settings: Settings,
    identity: Identity,
    lifecycle: &Lifecycle,
) -> Result<Running, StartError> {
    let Lifecycle { tasks, stop, .. } = lifecycle;
    let Listeners { rtmp, rtmps, http } = Listeners::bind(&settings).await?;
    let addresses = |listener: &TcpListener, asked| listener.local_addr().unwrap_or(asked);
    let running = Running {
        rtmp: addresses(&rtmp, settings.rtmp),
        rtmps: rtmps.as_ref().and_then(|listener| listener.local_addr().ok()),
        http: addresses(&http, settings.http),
    };
    info!(key = %identity.secret.public(), "origin starts");

    let limits = Limits {
        bytes: usize::from(settings.window_mib) << 20,
        channels: MOST_CHANNELS,
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

    let push_limits = identity.channels.iter();
    let push_limits = push_limits.map(|channel| (channel.name.clone(), channel.limits()));
    let push_limits: HashMap<_, _> = push_limits.collect();
    let with_filler: Vec<_> = identity.fillers.keys().cloned().collect();
    let recordings = identity.recordings;
    let threads = settings.ladder_threads.unwrap_or_else(ladder::default_threads);
    let ffmpeg = Ffmpeg::new(settings.ffmpeg).on_processors(threads);
    let known = |url| Tracker::trusting(url, &identity.authorities);
    let stage = Stage {
        trackers: settings.tracker.into_iter().map(known).collect(),
        http: settings
            .public_url
            .unwrap_or_else(|| HttpBase::plain(running.http)),
        secret: identity.secret,
        successions: identity.successions,
        folder: Arc::clone(&identity.folder),
        store,
        meter,
        counts: counts.clone(),
        seeds,
        wait: settings.wait.0,
        posters: (!settings.no_posters).then(|| ffmpeg.clone()),
        ladder: LadderSettings {
            ffmpeg,
            renditions: Vec::new(),
            threads,
        },
        channels: identity.channels,
        take_down: settings.take_down,
        fillers: identity.fillers,
        recorder: recordings.map(|settings| Recorder::spawn(tasks, stop.clone(), settings)),
    };
    let (arrived, publishers) = mpsc::channel(PUBLISHERS);
    let mut usher = Usher {
        stage,
        channels: HashMap::new(),
        lifecycle: lifecycle.clone(),
        lock: identity.lock,
    };
    // Where a filler plays, a channel waits for no publisher.
    for name in with_filler {
        usher.channel(&name);
    }
    tasks.spawn(usher.run(publishers));

    let (ring, keys) = watch::channel(Arc::new(identity.keys));
    tasks.spawn(keys::follow(identity.folder, ring, stop.clone()));
    let rtmps = rtmps.zip(identity.certificate).map(|(listener, certificate)| {
        let (tls, renewal) = certificate.serve(stop.clone());
        tasks.spawn(renewal);
        (listener, tls)
    });
    let hook = match settings.publish_hook {
        Some(url) => Some(Hook::spawn(url, settings.publish_hook_fail, tasks, stop.clone())?),
        None => None,
    };
    let entrance = Entrance {
        rtmp,
        rtmps,
        keys,
        limits: push_limits,
        hook,
    };
    let (all, stopped) = (tasks.clone(), stop.clone());
    let door = async move { ingest::run(entrance, arrived, counts, &all, stopped).await };
    tasks.spawn(door.instrument(info_span!("ingest")));
    Ok(running)
}

/// What an origin listens on.
struct Listeners {
    rtmp: TcpListener,
    rtmps: Option<TcpListener>,
    http: TcpListener,
}

impl Listeners {
    async fn bind(settings: &Settings) -> Result<Self, StartError> {
        Ok(Self {
            rtmp: listen::tcp("rtmp", settings.rtmp).await?,
            rtmps: match settings.rtmps {
                Some(address) => Some(listen::tcp("rtmps", address).await?),
                None => None,
            },
            http: listen::tcp("http", settings.http).await?,
        })
    }
}

/// Leads each publisher to its channel, which begins with its first.
struct Usher {
    stage: Stage,
    channels: HashMap<ChannelName, mpsc::Sender<Publisher>>,
    lifecycle: Lifecycle,
    /// The data folder's, for as long as anybody may publish.
    lock: Lock,
}

impl Usher {
    async fn run(mut self, mut arrived: mpsc::Receiver<Publisher>) {
        loop {
            let publisher = tokio::select! {
                () = self.lifecycle.stop.cancelled() => break,
                publisher = arrived.recv() => publisher,
            };
            let Some(publisher) = publisher else { break };
            let Some(channel) = self.channel(&publisher.channel) else {
                publisher.refuse("the origin has as many channels as it takes");
                continue;
            };
            match channel.try_reserve() {
                Ok(place) => place.send(publisher),
                Err(_) => publisher.refuse("the channel has not done with the last publisher, try again"),
            }
        }
        drop(self.lock);
    }

    /// The channel of that name. Keys come while the origin runs, and channels with them.
    fn channel(&mut self, name: &ChannelName) -> Option<&mpsc::Sender<Publisher>> {
        if !self.channels.contains_key(name) {
            if self.channels.len() >= MOST_CHANNELS {
                return None;
            }
            let publishers = self.stage.open(name, &self.lifecycle);
            self.channels.insert(name.clone(), publishers);
        }
        self.channels.get(name)
    }
}
