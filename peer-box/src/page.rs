//! The page for whoever runs the box: what it gave, to how many, its neighbours, its health.
//!
//! It is for this machine alone. It listens on loopback only, answers nobody who calls it by a name that is not
//! loopback's (a page of some site whose name leads here, "DNS rebinding"), lets no other site read or frame it, and
//! loads nothing from anywhere else.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use program::http::error;
use program::lifecycle::Lifecycle;
use program::listen::{self, ListenError};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tracing::warn;

use crate::settings::PAGE;
use crate::status::Watch;

const HTML: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");
const MARK: &str = include_str!("page/mark.svg");

/// How long answers under way may take at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// What every answer says to browsers.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Binds the page's port. Where nobody asked for this one and it is taken, as by a second box, any other will do.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let bound = listen::tcp("page", address).await;
    if bound.is_err() && address.to_string() == PAGE {
        return listen::tcp("page", SocketAddr::new(address.ip(), 0)).await;
    }
    bound
}

/// Serves the page until the stop of `life`.
pub(crate) fn serve(listener: TcpListener, watch: Watch, life: &Lifecycle) {
    let stop = life.stop.clone();
    let stopped = stop.clone();
    let server = axum::serve(listener, routes(watch)).with_graceful_shutdown(stop.cancelled_owned());
    life.tasks.spawn(async move {
        let mut server = std::pin::pin!(server.into_future());
        let ended = tokio::select! {
            ended = &mut server => ended,
            () = stopped.cancelled() => timeout(LAST_ANSWERS, server).await.unwrap_or(Ok(())),
        };
        if let Err(error) = ended {
            warn!(%error, "the page has ended");
        }
    });
}

fn routes(watch: Watch) -> Router {
    let text = |kind: &'static str, text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
    };
    Router::new()
        .route("/", text("text/html; charset=utf-8", HTML))
        .route("/page.css", text("text/css; charset=utf-8", STYLE))
        .route("/page.js", text("text/javascript; charset=utf-8", SCRIPT))
        .route("/mark.svg", text("image/svg+xml", MARK))
        .route("/status.json", get(status))
        .fallback(|| async { error(StatusCode::NOT_FOUND, "there is nothing at this path") })
        .with_state(watch)
        .layer(from_fn(guard))
}

async fn status(State(watch): State<Watch>) -> Response {
    axum::Json(watch.status().await).into_response()
}

/// Answers only who calls this by a name of loopback.
async fn guard(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    let mut response = if host.is_some_and(is_loopback) {
        next.run(request).await
    } else {
        error(
            StatusCode::FORBIDDEN,
            "this page is for the machine that the box runs on: open it as http://127.0.0.1 or http://localhost",
        )
    };
    response.headers_mut().extend(HEADERS);
    response
}

/// Whether a `Host` is one of loopback's names: an address, or `localhost`.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let address: Option<IpAddr> = bare.unwrap_or(name).parse().ok();
    name.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_loopback_are_answered() {
        for own in [
            "127.0.0.1:8093",
            "127.0.0.1",
            "localhost:8093",
            "LOCALHOST",
            "[::1]:8093",
            "[::1]",
        ] {
            assert!(is_loopback(own), "{own}");
        }
        for foreign in [
            "",
            "evil.example",
            "evil.example:8093",
            "127.0.0.1.evil.example:8093",
            "localhost.evil.example",
            "192.0.2.1:8093",
            "0.0.0.0:8093",
            "localhost:8093:8093",
            "user@localhost",
        ] {
            assert!(!is_loopback(foreign), "{foreign}");
        }
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere() {
        for text in [HTML, STYLE, SCRIPT] {
            assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("url("));
            assert!(!text.contains("innerHTML") && !text.contains(" style=") && !text.contains(" onclick="));
        }
    }
}
