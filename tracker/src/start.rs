//! Joins the stages of the tracker.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use program::http::misses::Misses;
use program::http::{Door, Limits, serve_answers};
use program::lifecycle::Lifecycle;
use program::listen::{self, ListenError};
use program::tls::{BadCertificate, Certificate, CertificateFiles};
use rand::RngExt;
use tokio_util::sync::CancellationToken;

use crate::api::{App, Front, Policy};
use crate::clock::Clock;
use crate::following::Following;
use crate::geography::Geography;
use crate::metrics::Metrics;
use crate::probe::{Prober, Tools};
use crate::registry::{Memory, Redis, Registry};
use crate::reports::Reports;
use crate::resolve::Resolver;
use crate::roster::{Roster, State};
use crate::said::Said;
use crate::session::SessionKey;
use crate::settings::Settings;
use crate::token::{BadToken, Token};
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
    /// There is no token where one should be.
    #[error(transparent)]
    Token(#[from] BadToken),
    /// A certificate without its key, or the other way round.
    #[error("--tls-cert and --tls-key are given together or not at all")]
    HalfTls,
    /// The certificate is of no use.
    #[error("--tls-cert, --tls-key: {0}")]
    Certificate(#[from] BadCertificate),
    /// The file of countries cannot be read.
    #[error("cannot read {file} as a file of countries: {why}", file = .file.display())]
    Geography {
        /// Where it is to be.
        file: PathBuf,
        /// Why.
        #[source]
        why: maxminddb::MaxMindDbError,
    },
}

/// A tracker that runs.
#[derive(Debug)]
pub struct Running {
    /// Where it serves.
    pub address: SocketAddr,
    /// Whether that is inside TLS.
    pub tls: bool,
    /// Once this is cancelled it says that it is not ready any more.
    pub leaving: CancellationToken,
}

/// Starts a tracker. It ends with `lifecycle`.
pub async fn start(settings: Settings, lifecycle: &Lifecycle) -> Result<Running, StartError> {
    let geography = match settings.geoip.clone() {
        Some(file) => Geography::open(&file).map_err(|why| StartError::Geography { file, why })?,
        None => Geography::default(),
    };
    let token = settings
        .admin_token_file
        .as_deref()
        .map(Token::read)
        .transpose()?;
    let certificate = certificate(&settings)?;
    let listener = listen::tcp("http", settings.http).await?;
    let address = listener.local_addr().map_err(StartError::Bound)?;
    let registry: Arc<dyn Registry> = match settings.redis.clone() {
        Some(url) => Arc::new(Redis::new(url)),
        None => Arc::new(Memory::default()),
    };
    let tls = certificate.map(|certificate| {
        let (tls, renewal) = certificate.serve(lifecycle.stop.clone());
        lifecycle.tasks.spawn(renewal);
        tls
    });
    let is_tls = tls.is_some();
    let app = assemble(settings, geography, token, registry, Clock::system(), lifecycle);
    let (proxies, leaving) = (app.policy.proxies.clone(), app.leaving.clone());
    serve_answers(
        Door::new(listener, tls),
        Front::new(app),
        Limits {
            connections: CONNECTIONS,
            proxies,
            ..Limits::default()
        },
        &lifecycle.tasks,
        lifecycle.stop.clone(),
    );
    Ok(Running {
        address,
        tls: is_tls,
        leaving,
    })
}

/// What TLS is spoken with, if it is.
fn certificate(settings: &Settings) -> Result<Option<Certificate>, StartError> {
    match (settings.tls_cert.clone(), settings.tls_key.clone()) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(Certificate::load(CertificateFiles { certificate, key })?)),
        _ => Err(StartError::HalfTls),
    }
}

/// How much an address may ask: so much in each second, and what ten of them bring at once.
fn requests(per_second: NonZeroU32) -> Misses {
    let per_second = u64::from(per_second.get());
    Misses::allowing(10 * per_second, (1000 / per_second).max(1))
}

/// Starts everything but the listener.
pub(crate) fn assemble(
    settings: Settings,
    geography: Geography,
    token: Option<Token>,
    registry: Arc<dyn Registry>,
    clock: Clock,
    lifecycle: &Lifecycle,
) -> Arc<App> {
    let (tasks, stop) = (&lifecycle.tasks, &lifecycle.stop);
    let allow_private = settings.allow_private_boxes;
    let offered = SessionKey::from_bytes(rand::rng().random());
    let trusted: Arc<[_]> = settings.trust_origin.into();
    let geography = Arc::new(geography);
    let state = State::new(offered, trusted.clone(), allow_private, clock.now()).with(geography.clone());
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
        tls: settings.tls_cert.is_some(),
        proxies: settings.trusted_proxy.into(),
        token,
    };
    let prober = Prober::spawn(tools, tasks, stop);
    Arc::new(App {
        policy,
        clock,
        registry,
        roster,
        geography,
        prober,
        // Another than the probe's: names that callers make up take no place from those of boxes.
        resolver: Resolver::default(),
        waiting: Waiting::default(),
        misses: Misses::default(),
        following: Following::default(),
        reports: Reports::default(),
        said: Said::default(),
        metrics,
        requests: requests(settings.requests_per_address),
        leaving: CancellationToken::new(),
        stop: stop.clone(),
    })
}
