//! The pages: built from the web player, and part of this program.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
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
     worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);
/// The same for what is made to stand in the pages of others.
const EMBEDDED_POLICY: &str = "default-src 'self'; connect-src *; media-src blob: *; img-src * data: blob:; \
     worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; \
     frame-ancestors *";
const NOSNIFF: (HeaderName, &str) = (header::X_CONTENT_TYPE_OPTIONS, "nosniff");
const NO_REFERRER: (HeaderName, &str) = (header::REFERRER_POLICY, "no-referrer");

const NO_CACHE: &str = "no-cache";

/// What the build names after its content may be kept for ever.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Boxmesh</title>\
    <h1>The player was not built</h1><p>This tracker was compiled without its pages. \
    Run <code>make player</code>, then build it again. \
    What is on air: <a href=/api/v1/channels>/api/v1/channels</a>.";

const ERROR_NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8>\
    <meta name=\"error-status\" content=\"{status}\"><title>{status}</title><h1>{status}</h1><p>{text}";

/// `GET /`: the channels.
pub(super) async fn index() -> Response {
    page("index.html")
}

/// `GET /watch/{channel}`: the player. Whether the channel is on air it finds out itself.
pub(super) async fn watch(InPath(channel): InPath) -> Response {
    watch_page(&channel, "watch.html")
}

fn watch_page(channel: &str, name: &str) -> Response {
    match channel.parse::<ChannelName>() {
        Ok(_) => page(name),
        Err(bad) => error(StatusCode::NOT_FOUND, bad.to_string()),
    }
}

/// `GET /embed/{channel}`: the player alone, which any site may put in a frame. No other page may be framed, so that nobody
/// is led to press what they do not see.
pub(super) async fn embed(InPath(channel): InPath) -> Response {
    let mut response = watch_page(&channel, "embed.html");
    if response.status() != StatusCode::NOT_FOUND {
        let policy = HeaderValue::from_static(EMBEDDED_POLICY);
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
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

/// The longest error that is put into a page.
const MAX_ERROR_BYTES: usize = 4096;

/// Whether a person asks, who would rather read a page than JSON.
pub(super) fn reads_pages(method: &Method, headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    method == Method::GET && accept.is_some_and(|accept| accept.contains("text/html"))
}

/// The same answer for a person: where it is an error, as a page that says so. Status and headers stay.
pub(super) async fn readable(response: Response) -> Response {
    let status = response.status();
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/json");
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || !is_json {
        return response;
    }
    let page = Player::get("error.html");
    let page = page
        .as_ref()
        .map_or(ERROR_NOT_BUILT.into(), |file| String::from_utf8_lossy(&file.data));
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_ERROR_BYTES).await.unwrap_or_default();
    let said: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = escaped(said["error"].as_str().unwrap_or_default());
    let page = page.replace("{status}", status.as_str()).replace("{text}", &text);
    parts.headers.remove(header::CONTENT_LENGTH);
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::VARY, "Accept"),
        CONTENT_SECURITY_POLICY,
        NOSNIFF,
        NO_REFERRER,
    ] {
        parts.headers.insert(name, HeaderValue::from_static(value));
    }
    Response::from_parts(parts, Body::from(page))
}

/// As text in HTML, in an attribute too: errors repeat what was asked.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '{' => safe.push_str("&#123;"),
            c => safe.push(c),
        }
    }
    safe
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
