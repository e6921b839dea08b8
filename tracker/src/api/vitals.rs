//! How the tracker is, and what time it has.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use program::http::error;
use serde::Serialize;
use wire::tracker_id::TrackerId;

use super::App;
use crate::clock::iso8601;

const NO_STORE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    registry: &'static str,
    /// What it calls itself to boxes.
    tracker: TrackerId,
}

/// `GET /healthz`: the process answers.
pub(super) async fn healthz() -> impl IntoResponse {
    ([NO_STORE], "ok\n")
}

/// `GET /readyz`: it knows whom to send viewers to. It stays ready while the registry is away, and is not
/// any more once the program was told to end.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    if app.leaving.is_cancelled() {
        return error(StatusCode::SERVICE_UNAVAILABLE, "this tracker is about to end");
    }
    let view = app.roster.view();
    if !view.ready {
        return error(
            StatusCode::SERVICE_UNAVAILABLE,
            "the registry has not answered yet",
        );
    }
    let registry = if view.away { "away" } else { "there" };
    (
        [NO_STORE],
        Json(Readiness {
            ready: true,
            registry,
            tracker: view.tracker,
        }),
    )
        .into_response()
}

/// `GET /time`: the clock of the manifests (`urn:mpeg:dash:utc:http-iso:2014`).
pub(super) async fn time(State(app): State<Arc<App>>) -> impl IntoResponse {
    (
        [NO_STORE, (header::CONTENT_TYPE, "text/plain")],
        iso8601(app.clock.now()),
    )
}

/// `GET /metrics`, in the text format of Prometheus.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let text = app.metrics.text(&app.roster.view(), app.waiting.count());
    (
        [NO_STORE, (header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        text,
    )
}
