//! What there is under `/api/v1`, for programs: a document of `OpenAPI` 3.1. A test holds it against the routes and against
//! what they answer.

use axum::http::header;
use axum::response::IntoResponse;

/// Where it is.
pub(super) const PATH: &str = "/api/v1/openapi.json";

const DOCUMENT: &str = concat!(
    r#"{"openapi":"3.1.0","info":{"title":"Boxmesh tracker","summary":"Who is alive, and who serves whom","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#"","license":{"name":"MIT","identifier":"MIT"}},"servers":[{"url":"/"}],"tags":["#,
    r#"{"name":"everybody","description":"What anybody may ask, pages of other sites too"},"#,
    r#"{"name":"operators","description":"Orders, with a token"},"#,
    r#"{"name":"programs","description":"What boxes and origins say, signed"}],"paths":"#,
    include_str!("openapi/paths.json"),
    r#","components":"#,
    include_str!("openapi/components.json"),
    "}",
);

/// `GET /api/v1/openapi.json`
pub(super) async fn document() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, DOCUMENT)
}
