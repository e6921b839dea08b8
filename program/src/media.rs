//! Media over HTTP: what a box and the origin serve alike, under the same paths and with the same bytes.
//!
//! A URL names one content for ever, so every answer may be cached as immutable. A segment that is still being
//! made is sent chunk by chunk as it arrives; if it stops arriving the connection is cut, so that nobody takes
//! a part for the whole. Who asks a little too early is held until the segment begins.

mod body;
mod conditions;
mod meter;
mod name;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::future::BoxFuture;

use crate::http::{Peer, error};
use crate::store::Store;
use crate::window::{Segment, SegmentName};
use body::Frames;
use conditions::{Conditions, Part, Verdict};
use meter::Counter;
pub use meter::Meter;

/// The path under which viewers find media.
pub const PATH: &str = "/live/{channel}/{epoch}/{track}/{file}";

/// A URL names one content for ever.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Bounds on how long an early request is held; between them it is as long as the track's chunks.
const SHORTEST_HOLD: Duration = Duration::from_millis(100);
const LONGEST_HOLD: Duration = Duration::from_secs(1);

/// How long a segment in the making may go without its next chunk before it is given up.
const PATIENCE: Duration = Duration::from_secs(3);

/// No room for one more viewer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// When to ask again.
    pub retry_after: Duration,
}

/// Decides for each request whether it is served.
pub type Door = Arc<dyn Fn() -> Result<(), Busy> + Send + Sync>;

/// Tells how long to wait for a segment that is not here, and may see to it that it comes.
pub type Promises = Arc<dyn Fn(SegmentName) -> BoxFuture<'static, Duration> + Send + Sync>;

/// What is served, to whom, and how patiently.
#[derive(Clone)]
pub struct Media {
    store: Store,
    meter: Meter,
    door: Door,
    promises: Option<Promises>,
    patience: Duration,
}

impl Media {
    /// Serves what is in the store, to everybody.
    pub fn new(store: Store, meter: Meter) -> Self {
        Self {
            store,
            meter,
            door: Arc::new(|| Ok(())),
            promises: None,
            patience: PATIENCE,
        }
    }

    /// Asks `door` before each request; who is turned away hears 503 and when to come again.
    #[must_use]
    pub fn behind(self, door: Door) -> Self {
        Self { door, ..self }
    }

    /// Waits for a segment that is not here as long as `promises` says: a neighbour may be about to hand it over.
    #[must_use]
    pub fn waiting(self, promises: Promises) -> Self {
        Self {
            promises: Some(promises),
            ..self
        }
    }

    /// Gives a segment in the making up when its next chunk takes longer than this.
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The routes. CORS is for [`crate::http::serve`] to add, as to everything.
    pub fn routes(self) -> Router {
        let wrong_method =
            || async { error(StatusCode::METHOD_NOT_ALLOWED, "media is read with GET or HEAD") };
        Router::new()
            .route(PATH, get(serve).fallback(wrong_method))
            .with_state(self)
    }

    /// The segment, if it is here or comes soon enough to wait for it.
    async fn find(&self, name: &SegmentName) -> Option<Segment> {
        let here = self.store.segment(name.clone()).await;
        if let Some(segment) = here.filter(|segment| !segment.chunks().is_empty()) {
            return Some(segment);
        }
        let hold = self.hold(name).await;
        if hold.is_zero() {
            return None;
        }
        self.store.wait(name.chunk(0), hold).await?;
        self.store.segment(name.clone()).await
    }

    /// How long to wait for a segment that is not here.
    async fn hold(&self, name: &SegmentName) -> Duration {
        let newest = self.store.newest_of_track(name.clone()).await;
        let is_next = |newest: &u32| newest.checked_add(1) == Some(name.number);
        match newest {
            Some(chunk) if is_next(&chunk.id().segment) => {
                let record = chunk.record();
                let lasts = Duration::from_secs(record.duration.into()) / record.timescale.max(1);
                lasts.clamp(SHORTEST_HOLD, LONGEST_HOLD)
            }
            // Far ahead of what exists: nobody can promise it.
            Some(chunk) if chunk.id().segment < name.number => Duration::ZERO,
            _ => match &self.promises {
                Some(promises) => promises(name.clone()).await,
                None => Duration::ZERO,
            },
        }
    }
}

async fn serve(
    State(media): State<Media>,
    Path(path): Path<(String, String, String, String)>,
    request: Request,
) -> Response {
    let name = match name::read(&path.0, &path.1, &path.2, &path.3) {
        Ok(name) => name,
        Err(why) => return not_found(why.to_string()),
    };
    if let Err(Busy { retry_after }) = (media.door)() {
        return turned_away(retry_after);
    }
    let Some(segment) = media.find(&name).await else {
        let SegmentName {
            number,
            track,
            epoch,
            channel,
        } = &name;
        return not_found(format!(
            "segment {number} of track {track} is not here (channel {channel}, epoch {epoch})"
        ));
    };
    if let Some(address) = viewer(&request) {
        media
            .meter
            .saw(address, request.headers().get(header::USER_AGENT), Instant::now());
    }
    let counter = media.meter.counter(&name.channel);
    let mut response = match segment.hash() {
        Some(hash) => whole(&segment, &hash, &request, counter),
        None => {
            let chunks = body::in_the_making(media.store, name.clone(), &segment, counter, media.patience);
            Body::from_stream(chunks).into_response()
        }
    };
    if response.status().is_client_error() {
        return response;
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, IMMUTABLE);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_TYPE, name::content_type(name.track));
    response
}

/// A whole segment, or the part of it that was asked for, or word that the viewer has it.
fn whole(segment: &Segment, hash: &[u8], request: &Request, counter: Counter) -> Response {
    let size = segment.size();
    let tag = conditions::entity_tag(hash);
    let conditions = Conditions {
        method: request.method(),
        headers: request.headers(),
        tag: &tag,
    };
    let (status, part) = match conditions.judge(size) {
        Verdict::Whole => (StatusCode::OK, Part { start: 0, end: size }),
        Verdict::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Verdict::Unchanged => (StatusCode::NOT_MODIFIED, Part { start: 0, end: 0 }),
        Verdict::Unsatisfiable => {
            let mut response = error(
                StatusCode::RANGE_NOT_SATISFIABLE,
                format!("the segment has {size} bytes"),
            );
            insert(
                response.headers_mut(),
                header::CONTENT_RANGE,
                &format!("bytes */{size}"),
            );
            return response;
        }
    };
    let mut response = match status {
        StatusCode::NOT_MODIFIED => status.into_response(),
        _ => (status, Body::new(Frames::new(segment.frames(), part, counter))).into_response(),
    };
    insert(response.headers_mut(), header::ETAG, &tag);
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        insert(response.headers_mut(), header::CONTENT_RANGE, &range);
    }
    response
}

fn not_found(why: String) -> Response {
    let mut response = error(StatusCode::NOT_FOUND, why);
    // It may be there in a moment.
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn turned_away(retry_after: Duration) -> Response {
    let mut response = error(
        StatusCode::SERVICE_UNAVAILABLE,
        "all upload is in use, ask another box",
    );
    let seconds = retry_after.as_secs_f64().ceil().max(1.0);
    insert(
        response.headers_mut(),
        header::RETRY_AFTER,
        &format!("{seconds:.0}"),
    );
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("numbers and hexadecimal digits may stand in a header");
    headers.insert(name, value);
}

fn viewer(request: &Request) -> Option<IpAddr> {
    request
        .extensions()
        .get::<Peer>()
        .map(|Peer(address)| address.ip())
}
