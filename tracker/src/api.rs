//! The tracker over HTTP: boxes and origins speak here, viewers ask here.

mod announcements;
mod asked;
mod channels;
mod compat;
mod documents;
mod front;
mod held;
mod openapi;
mod orders;
mod pages;
mod presentations;
mod refusal;
mod reports;
mod steering;
#[cfg(test)]
mod tests;
mod unserved;
mod vitals;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use program::http::error;
use program::http::misses::Misses;
use program::http::proxies::Proxies;
use tokio_util::sync::CancellationToken;
use wire::address::HttpBase;
use wire::key::PublicKey;

pub use front::Front;

use crate::clock::Clock;
use crate::following::Following;
use crate::geography::Geography;
use crate::metrics::Metrics;
use crate::probe::Prober;
use crate::registry::Registry;
use crate::reports::Reports;
use crate::resolve::Resolver;
use crate::roster::Roster;
use crate::said::Said;
use crate::token::Token;
use crate::waiting::Waiting;

/// What the routes work with.
pub struct App {
    /// What the operator decided.
    pub policy: Policy,
    /// The time.
    pub clock: Clock,
    /// Where what was heard is shared.
    pub registry: Arc<dyn Registry>,
    /// Who is there.
    pub roster: Roster,
    /// Which country somebody is in.
    pub geography: Arc<Geography>,
    /// Finds out whether boxes are where they say.
    pub prober: Prober,
    /// Looks names up.
    pub resolver: Resolver,
    /// The requests that are held.
    pub waiting: Waiting,
    /// Who asks for what is not there.
    pub misses: Misses,
    /// Which channels are followed part by part.
    pub following: Following,
    /// Which boxes reported others lately.
    pub reports: Reports,
    /// What was said in the log lately.
    pub said: Said,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// How much each address asks.
    pub requests: Misses,
    /// The program was told to end, and will soon.
    pub leaving: CancellationToken,
    /// The end of the program.
    pub stop: CancellationToken,
}

/// What the operator decided.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The origins that may publish.
    pub trusted: Arc<[PublicKey]>,
    /// Where viewers reach the tracker, if not at the host that they ask for.
    pub public_url: Option<HttpBase>,
    /// Whether requests come inside TLS: so that is how the tracker is reached.
    pub tls: bool,
    /// Who may say for whom a request is.
    pub proxies: Proxies,
    /// What whoever gives orders has to show; without one nobody does.
    pub token: Option<Token>,
}

/// All routes.
fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(pages::index))
        .route("/watch/{channel}", get(pages::watch))
        .route("/embed/{channel}", get(pages::embed))
        .route("/status", get(pages::status))
        .route("/assets/{*path}", get(pages::asset))
        .route("/{file}", get(pages::file))
        .route("/live/{channel}/{document}", get(documents::document))
        .route(
            "/compat/live/{channel}/{epoch}/{track}/{file}",
            get(compat::media),
        )
        .route("/steering/dash/{channel}", get(steering::dash))
        .route("/steering/hls/{channel}", get(steering::hls))
        .route(openapi::PATH, get(openapi::document))
        .route("/api/v1/channels", get(channels::channels))
        .route("/api/v1/boxes", get(channels::boxes))
        .route("/api/v1/channels/{channel}", put(orders::set_channel))
        .route(
            "/api/v1/boxes/{id}/ban",
            put(orders::ban).delete(orders::lift_ban),
        )
        .route("/api/v1/bans", get(orders::bans))
        .route(
            "/api/v1/channels/{channel}/takedown",
            put(orders::take_down).delete(orders::allow),
        )
        .route(
            "/api/v1/channels/{channel}/epochs/{epoch}/takedown",
            put(orders::take_down_epoch),
        )
        .route("/api/v1/takedowns", get(orders::takedowns))
        .route(wire::announcement::PATH, post(announcements::announce))
        .route(wire::presentation::PATH, post(presentations::present))
        .route(wire::report::PATH, post(reports::report))
        .route("/healthz", get(vitals::healthz))
        .route("/readyz", get(vitals::readyz))
        .route("/time", get(vitals::time))
        .route("/metrics", get(vitals::metrics))
        .method_not_allowed_fallback(|| async {
            error(
                StatusCode::METHOD_NOT_ALLOWED,
                "this path does not take that method",
            )
        })
}
