//! Joins the stages of the box.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Instant;

use program::disk::Shelf;
use program::folder::{Folder, FolderError, Lock};
use program::http;
use program::lifecycle::Lifecycle;
use program::listen::{self, ListenError};
use program::media::Meter;
use program::store::Store;
use program::window::Window;
use wire::address::HttpBase;
use wire::id::BoxId;

use crate::budget::Uplink;
use crate::clock::Clock;
use crate::counts::Counts;
use crate::news::Desk;
use crate::nudge::Nudge;
use crate::settings::{Homeless, Settings};
use crate::tracker::Announcer;
use crate::{feed, mesh, web};

/// Where the data folder has the key that is the box: its id follows from it for ever.
const KEY: &str = "box.key";

/// Why the box could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It has no place for its key.
    #[error(transparent)]
    Homeless(#[from] Homeless),
    /// Its data folder is of no use.
    #[error("--data-dir: {0}")]
    Folder(#[from] FolderError),
    /// The folder for media is of no use.
    #[error("--storage-dir: {0}")]
    Storage(#[source] FolderError),
    /// A port is taken.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system does not say which port it gave.
    #[error("cannot tell the address that was bound: {0}")]
    Bound(#[source] std::io::Error),
}

/// A box that runs.
#[derive(Debug)]
pub struct Running {
    /// Its id.
    pub id: BoxId,
    /// Where viewers are served.
    pub http: SocketAddr,
    /// Where origins push to.
    pub zmq: SocketAddr,
    /// Where other boxes connect.
    pub p2p: SocketAddr,
    _lock: Lock,
}

/// Starts a box. It ends with `life`.
pub async fn start(settings: Settings, life: &Lifecycle) -> Result<Running, StartError> {
    let folder = Folder::open(&settings.data_dir()?)?;
    let lock = folder.lock()?;
    let secret = folder.key(KEY)?;
    let shelf = settings.storage_dir.as_deref().map(Shelf::open).transpose();
    let shelf = shelf.map_err(StartError::Storage)?;
    // Every port is bound before anything runs.
    let listener = listen::tcp("http", settings.http).await?;
    let http = listener.local_addr().map_err(StartError::Bound)?;
    let feed = feed::Bound::listen(settings.zmq)?;
    let meeting = mesh::Meeting {
        lan: !settings.no_lan,
        relay: settings.relay,
    };
    let mesh = mesh::Bound::listen(&secret, settings.p2p, meeting, life).await?;
    let running = Running {
        id: BoxId::of(&secret.public()),
        http,
        zmq: feed.address(),
        p2p: mesh.address(),
        _lock: lock,
    };

    let window = Window::new(settings.limits());
    let store = match shelf {
        Some(shelf) => Store::on_disk(&life.tasks, life.stop.clone(), window, shelf),
        None => Store::spawn(&life.tasks, life.stop.clone(), window),
    };
    let (clock, counts, viewers) = (Clock::default(), Counts::default(), Meter::default());
    let uplink = Uplink::new(settings.upload, viewers.clone(), counts.clone(), Instant::now());
    let (desk, news) = Desk::new();
    let (nudge, nudged) = Nudge::new();
    feed.spawn(
        feed::Surroundings {
            me: running.id,
            store: store.clone(),
            news: news.clone(),
            clock: clock.clone(),
            nudge: nudge.clone(),
            counts: counts.clone(),
        },
        life,
    );
    let mesh = mesh.spawn(
        mesh::Surroundings {
            store: store.clone(),
            news,
            nudge: nudge.clone(),
            uplink: uplink.clone(),
            counts: counts.clone(),
        },
        life,
    );
    let routes = web::routes(web::Surroundings {
        secret: secret.clone(),
        store: store.clone(),
        mesh,
        uplink: uplink.clone(),
        viewers: viewers.clone(),
        counts: counts.clone(),
    });
    http::serve(
        listener,
        routes,
        http::Limits::default(),
        &life.tasks,
        life.stop.clone(),
    );
    let announcer = Announcer {
        secret,
        http: settings.public_url.unwrap_or_else(|| HttpBase::plain(http)),
        zmq_port: running.zmq.port(),
        p2p_port: running.p2p.port(),
        store,
        uplink,
        viewers,
        counts,
        clock,
        desk,
    };
    announcer.spawn(settings.tracker, nudge, &nudged, life);
    Ok(running)
}
