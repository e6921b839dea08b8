//! Joins the stages of the tracker.

use std::net::SocketAddr;
use std::sync::Arc;

use program::http::misses::Misses;
use program::http::{Limits, serve};
use program::lifecycle::Lifecycle;
use program::listen::{self, ListenError};
use rand::RngExt;

use crate::api::{App, Policy, routes};
use crate::clock::Clock;
use crate::following::Following;
use crate::metrics::Metrics;
use crate::probe::{Prober, Tools};
use crate::registry::{Away, Memory, Redis, Registry};
use crate::reports::Reports;
use crate::resolve::Resolver;
use crate::roster::{Roster, State};
use crate::said::Said;
use crate::session::SessionKey;
use crate::settings::Settings;
use crate::waiting::Waiting;

/// Every box that a tracker keeps holds a connection from one announcement to the next, and viewers come besides. Fewer than
/// the files that a program may have open.
const CONNECTIONS: usize = 14_000;

/// Why the tracker could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its port is taken.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system does not say which port it gave.
    #[error("cannot tell the address that was bound: {0}")]
    Bound(#[source] std::io::Error),
    /// Redis cannot even be tried.
    #[error(transparent)]
    Registry(#[from] Away),
}

/// Starts a tracker and returns the address that it serves at. It ends with `lifecycle`.
pub async fn start(settings: Settings, lifecycle: &Lifecycle) -> Result<SocketAddr, StartError> {
    let listener = listen::tcp("http", settings.http).await?;
    let address = listener.local_addr().map_err(StartError::Bound)?;
    let registry: Arc<dyn Registry> = match settings.redis.clone() {
        Some(url) => Arc::new(Redis::new(url)?),
        None => Arc::new(Memory::default()),
    };
    let app = assemble(settings, registry, Clock::system(), lifecycle);
    serve(
        listener,
        routes(app),
        Limits {
            connections: CONNECTIONS,
            ..Limits::default()
        },
        &lifecycle.tasks,
        lifecycle.stop.clone(),
    );
    Ok(address)
}

/// Starts everything but the listener.
pub(crate) fn assemble(
    settings: Settings,
    registry: Arc<dyn Registry>,
    clock: Clock,
    lifecycle: &Lifecycle,
) -> Arc<App> {
    let (tasks, stop) = (&lifecycle.tasks, &lifecycle.stop);
    let allow_private = settings.allow_private_boxes;
    let offered = SessionKey::from_bytes(rand::rng().random());
    let trusted: Arc<[_]> = settings.trust_origin.into();
    let state = State::new(offered, trusted.clone(), allow_private, clock.now());
    let roster = Roster::spawn(state, registry.clone(), clock.clone(), tasks, stop);
    let metrics = Arc::new(Metrics::default());
    let tools = Tools {
        registry: registry.clone(),
        roster: roster.clone(),
        clock: clock.clone(),
        resolver: Resolver::default(),
        metrics: metrics.clone(),
        allow_private,
    };
    let policy = Policy {
        trusted,
        public_url: settings.public_url,
    };
    let prober = Prober::spawn(tools, tasks, stop);
    Arc::new(App {
        policy,
        clock,
        registry,
        roster,
        prober,
        // Another than the probe's: names that callers make up take no place from those of boxes.
        resolver: Resolver::default(),
        waiting: Waiting::default(),
        misses: Misses::default(),
        following: Following::default(),
        reports: Reports::default(),
        said: Said::default(),
        metrics,
        stop: stop.clone(),
    })
}
