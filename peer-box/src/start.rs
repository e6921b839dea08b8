//! Joins the stages of the box.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use program::disk::Shelf;
use program::folder::{Folder, FolderError, Lock};
use program::http;
use program::lifecycle::Lifecycle;
use program::listen::{self, ListenError};
use program::media::Meter;
use program::store::Store;
use program::tls::{Authorities, BadCertificate};
use program::tracker::Tracker;
use program::window::Window;
use tokio::net::TcpListener;
use wire::address::HttpBase;
use wire::id::BoxId;
use wire::key::SecretKey;

use crate::budget::{self, Keeper, Kept, Uplink};
use crate::clock::Clock;
use crate::counts::Counts;
use crate::news::Desk;
use crate::nudge::Nudge;
use crate::ports::{self, Routers};
use crate::reports::{Reporter, Reports};
use crate::settings::{Homeless, Settings};
use crate::status::{Ports, Watch, ask};
use crate::tracker::{Announcer, Opinions};
use crate::{feed, mesh, page, web, welcome};

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
    /// Nobody can be trusted by that file.
    #[error("--tracker-ca: {0}")]
    Authorities(#[from] BadCertificate),
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
    /// Where the page for whoever runs the box is.
    pub page: SocketAddr,
    /// What it will do, for whoever runs it: about 15 lines.
    pub welcome: String,
    watch: Watch,
    folder: Arc<Folder>,
    _lock: Lock,
}

impl Running {
    /// Prints which ports are reached from outside when trackers have looked.
    pub fn tell_reach(&self, life: &Lifecycle) {
        let tell = welcome::tell_reach(self.watch.clone(), life.stop.clone());
        life.tasks.spawn(tell);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that stays tells `peer-box status` of a page that does not answer, which it says as well.
        let _ = self.folder.forget(ask::FILE);
    }
}

/// What the data folder has of the box.
struct Home {
    data_dir: PathBuf,
    folder: Arc<Folder>,
    lock: Lock,
    secret: SecretKey,
    kept: Option<Kept>,
    shelf: Option<Shelf>,
    /// Whom to trust, besides public authorities, where a tracker is.
    authorities: Authorities,
}

/// All ports, bound and not yet served.
struct Doors {
    listener: TcpListener,
    feed: feed::Bound,
    mesh: mesh::Bound,
    page: TcpListener,
}

impl Doors {
    async fn bind(settings: &Settings, secret: &SecretKey, life: &Lifecycle) -> Result<Self, ListenError> {
        let meeting = mesh::Meeting {
            lan: !settings.no_lan,
            relay: settings.relay,
        };
        Ok(Self {
            listener: listen::tcp("http", settings.http).await?,
            feed: feed::Bound::listen(settings.zmq)?,
            mesh: mesh::Bound::listen(secret, settings.p2p, meeting, life).await?,
            page: page::listen(settings.page).await?,
        })
    }
}

/// Starts a box. It ends with `life`.
pub async fn start(settings: Settings, life: &Lifecycle) -> Result<Running, StartError> {
    let data_dir = settings.data_dir()?;
    let folder = Folder::open(&data_dir)?;
    let lock = folder.lock()?;
    let shelf = settings.storage_dir.as_deref().map(Shelf::open).transpose();
    let home = Home {
        secret: folder.key(KEY)?,
        kept: budget::recall(&folder)?,
        folder: Arc::new(folder),
        data_dir,
        authorities: Authorities::load_any(settings.tracker_ca.as_deref())?,
        shelf: shelf.map_err(StartError::Storage)?,
        lock,
    };
    // Every port is bound before anything runs.
    let doors = Box::pin(Doors::bind(&settings, &home.secret, life)).await?;
    join(settings, home, doors, life)
}

/// Joins the stages.
#[expect(
    clippy::too_many_lines,
    reason = "it names each stage once, and what that needs"
)]
fn join(settings: Settings, home: Home, doors: Doors, life: &Lifecycle) -> Result<Running, StartError> {
    let Home {
        data_dir,
        folder,
        lock,
        secret,
        kept,
        shelf,
        authorities,
    } = home;
    let Doors {
        listener,
        feed,
        mesh,
        page,
    } = doors;
    let page_at = page.local_addr().map_err(StartError::Bound)?;
    let id = BoxId::of(&secret.public());
    let ports = Ports {
        http: listener.local_addr().map_err(StartError::Bound)?,
        zmq: feed.address(),
        p2p: mesh.address(),
    };

    let wished = if settings.map_ports {
        ports::of_box(ports.http, ports.zmq, ports.p2p)
    } else {
        Vec::new()
    };
    let mappings = ports::spawn(wished, Routers::OfNetwork, life);

    let window = Window::new(settings.limits());
    let store = match shelf {
        Some(shelf) => Store::on_disk(&life.tasks, life.stop.clone(), window, shelf),
        None => Store::spawn(&life.tasks, life.stop.clone(), window),
    };
    let (clock, counts, viewers) = (Clock::default(), Counts::default(), Meter::default());
    let around = (viewers.clone(), counts.clone(), clock.clone());
    let uplink = Uplink::limited(settings.budget(), kept, around, Instant::now());
    let (desk, news) = Desk::of_channels(settings.channels.iter().cloned().collect());
    let (nudge, nudged) = Nudge::new();
    let watch = Watch {
        id,
        ports,
        hours: settings.hours.map(|hours| hours.to_string()),
        store: store.clone(),
        uplink: uplink.clone(),
        viewers: viewers.clone(),
        counts: counts.clone(),
        clock: clock.clone(),
        news: news.clone(),
        opinions: Opinions::default(),
        mappings,
    };
    let opinions = watch.opinions.clone();
    folder.keep(ask::FILE, &format!("{page_at}\n"))?;
    page::serve(page, watch.clone(), life);
    let running = Running {
        id,
        http: ports.http,
        zmq: ports.zmq,
        p2p: ports.p2p,
        page: page_at,
        welcome: welcome::words(&settings, id, ports, page_at, &data_dir),
        watch,
        folder: folder.clone(),
        _lock: lock,
    };
    let keeper = Keeper {
        uplink: uplink.clone(),
        folder: folder.clone(),
        nudge: nudge.clone(),
    };
    keeper.spawn(life);
    let (tell, told) = tokio::sync::mpsc::channel(mesh::NEWS_MAILBOX);
    feed.spawn(
        feed::Surroundings {
            me: id,
            store: store.clone(),
            news: news.clone(),
            clock: clock.clone(),
            nudge: nudge.clone(),
            counts: counts.clone(),
            tell: tell.clone(),
        },
        life,
    );
    let (reports, reported) = Reports::new();
    let mesh = mesh.spawn(
        mesh::Surroundings {
            store: store.clone(),
            news,
            nudge: nudge.clone(),
            uplink: uplink.clone(),
            counts: counts.clone(),
            reports,
            told,
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
    let trackers = || {
        let urls = settings.tracker.iter().cloned();
        urls.map(|url| Tracker::trusting(url, &authorities))
    };
    let informer = Reporter {
        secret: secret.clone(),
        clock: clock.clone(),
        trackers: trackers().collect(),
    };
    informer.spawn(reported, life);
    let trackers: Vec<_> = trackers().collect();
    let announcer = Announcer {
        secret,
        http: settings.public_url.unwrap_or_else(|| HttpBase::plain(ports.http)),
        zmq_port: running.zmq.port(),
        p2p_port: running.p2p.port(),
        store,
        uplink,
        viewers,
        counts,
        clock,
        desk,
        channels: settings.channels,
        opinions,
        tell,
    };
    announcer.spawn(trackers, nudge, &nudged, life);
    Ok(running)
}
