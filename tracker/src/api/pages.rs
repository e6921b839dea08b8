//! The pages: built from the web player, and part of this program.

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use program::http::error;
use rust_embed::RustEmbed;
use wire::id::ChannelName;

use super::asked::InPath;

#[derive(RustEmbed)]
#[folder = "../web-player/dist"]
#[allow_missing = true]
struct Player;

/// Scripts and styles come from here alone; media and manifests from boxes anywhere.
const CONTENT_SECURITY_POLICY: (HeaderName, &str) = (
    header::CONTENT_SECURITY_POLICY,
    "default-src 'self'; connect-src *; media-src blob: *; img-src * data: blob:; \
     worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'",
);
const NOSNIFF: (HeaderName, &str) = (header::X_CONTENT_TYPE_OPTIONS, "nosniff");
const NO_REFERRER: (HeaderName, &str) = (header::REFERRER_POLICY, "no-referrer");

const NO_CACHE: &str = "no-cache";

/// What the build names after its content may be kept for ever.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Boxmesh</title>\
    <h1>The player was not built</h1><p>This tracker was compiled without its pages. \
    Run <code>make player</code>, then build it again. \
    What is on air: <a href=/api/v1/channels>/api/v1/channels</a>.";

/// `GET /`: the channels.
pub(super) async fn index() -> Response {
    page("index.html")
}

/// `GET /watch/{channel}`: the player. Whether the channel is on air it finds out itself.
pub(super) async fn watch(InPath(channel): InPath) -> Response {
    match channel.parse::<ChannelName>() {
        Ok(_) => page("watch.html"),
        Err(bad) => error(StatusCode::NOT_FOUND, bad.to_string()),
    }
}

/// `GET /status`: the mesh at a glance.
pub(super) async fn status() -> Response {
    page("status.html")
}

/// `GET /assets/…`: what the pages are made of.
pub(super) async fn asset(InPath(path): InPath) -> Response {
    embedded(&format!("assets/{path}"), IMMUTABLE)
}

/// `GET /{file}`: what a site has at its top, an icon for example.
pub(super) async fn file(InPath(name): InPath) -> Response {
    embedded(&name, NO_CACHE)
}

fn page(name: &str) -> Response {
    if Player::get(name).is_some() {
        return embedded(name, NO_CACHE);
    }
    let headers = [
        CONTENT_SECURITY_POLICY,
        NOSNIFF,
        NO_REFERRER,
        (header::CACHE_CONTROL, NO_CACHE),
    ];
    (StatusCode::SERVICE_UNAVAILABLE, headers, Html(NOT_BUILT)).into_response()
}

fn embedded(path: &str, caching: &'static str) -> Response {
    let Some(file) = Player::get(path) else {
        return error(StatusCode::NOT_FOUND, "there is nothing at this path");
    };
    let kind = (header::CONTENT_TYPE, content_type(path));
    let headers = [
        CONTENT_SECURITY_POLICY,
        NOSNIFF,
        NO_REFERRER,
        (header::CACHE_CONTROL, caching),
        kind,
    ];
    (headers, file.data).into_response()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("wasm") => "application/wasm",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
