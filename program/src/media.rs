//! Media over HTTP: what a box and the origin serve alike, under the same paths and with the same bytes.
//!
//! A URL names one content for ever, so every answer may be cached as immutable. A segment that is still being
//! made is sent chunk by chunk as it arrives; if it stops arriving the connection is cut, so that nobody takes
//! a part for the whole. Each chunk has a name of its own too, as a part, and a poster is told as the JPEG that it is. Who asks a little too early is held until
//! the segment, or the part, is there.

mod body;
mod conditions;
mod content;
mod hold;
mod meter;
mod name;
#[cfg(test)]
mod tests;
mod turns;

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

use crate::http::misses::{Misses, TooOften};
use crate::http::{Peer, error};
use crate::lifecycle::now_ms;
use crate::store::Store;
use crate::window::{Segment, SegmentName};
use body::Frames;
use conditions::{Conditions, Part, Verdict};
use content::Content;
use hold::Hold;
use meter::Counter;
pub use meter::Meter;
use name::{Name, Piece};
use turns::Owed;
pub use turns::Turns;

/// The path under which viewers find media.
pub const PATH: &str = "/live/{channel}/{epoch}/{track}/{file}";

/// A URL names one content for ever.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// How long a segment in the making may go without its next chunk before it is given up.
const PATIENCE: Duration = Duration::from_secs(3);

/// Who asks too often for what is not there waits for the answer.
const SLOW_DOWN: Duration = Duration::from_secs(1);

/// No room for one more viewer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// When to ask again.
    pub retry_after: Duration,
}

/// Decides for each request, by the segment that it is for, whether it is served.
pub type Door = Arc<dyn Fn(&SegmentName) -> Result<(), Busy> + Send + Sync>;

/// Tells how long to wait for a segment that is not here, and may see to it that it comes.
pub type Promises = Arc<dyn Fn(SegmentName) -> BoxFuture<'static, Duration> + Send + Sync>;

/// What is served, to whom, and how patiently.
#[derive(Clone)]
pub struct Media {
    store: Store,
    meter: Meter,
    door: Door,
    promises: Option<Promises>,
    turns: Option<Arc<dyn Turns>>,
    patience: Duration,
    misses: Arc<Misses>,
}

impl Media {
    /// Serves what is in the store, to everybody.
    pub fn new(store: Store, meter: Meter) -> Self {
        Self {
            store,
            meter,
            door: Arc::new(|_| Ok(())),
            promises: None,
            turns: None,
            patience: PATIENCE,
            misses: Arc::default(),
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

    /// Lets what is answered leave as `turns` says.
    #[must_use]
    pub fn by_turns(self, turns: Arc<dyn Turns>) -> Self {
        Self {
            turns: Some(turns),
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

    /// What was asked for, if it is here or comes soon enough to wait for it.
    async fn find(&self, name: &Name) -> Option<Found> {
        let Name { segment, piece } = name;
        if let Some(found) = self.look(segment, *piece).await {
            return Some(found);
        }
        let hold = self.hold(name).await;
        if hold.is_zero() {
            return None;
        }
        let first = match piece {
            Piece::Whole | Piece::Picture | Piece::Seal => segment.chunk(0),
            Piece::Part(index) => segment.chunk(*index),
        };
        self.store.wait(first, hold).await?;
        self.look(segment, *piece).await
    }

    /// What is here of it, if anything.
    async fn look(&self, name: &SegmentName, piece: Piece) -> Option<Found> {
        match piece {
            Piece::Whole => {
                let segment = self.store.segment(name.clone()).await?;
                if segment.chunks().is_empty() {
                    return None;
                }
                Some(match Content::of_segment(&segment) {
                    Some(content) => Found::Whole(content),
                    None => Found::Begun(segment),
                })
            }
            Piece::Part(index) => {
                let chunk = self.store.part(name.clone(), index).await?;
                Some(Found::Whole(Content::of_part(&chunk)))
            }
            Piece::Picture => {
                let poster = self.store.chunk(name.chunk(0)).await?;
                Content::of_picture(&poster).map(Found::Whole)
            }
            Piece::Seal => {
                let poster = self.store.chunk(name.chunk(0)).await?;
                Some(Found::Whole(Content::of_seal(&poster)))
            }
        }
    }

    /// The answer to who asked for what is not there. Some players count on by themselves, thousands of times a
    /// second: who does is slowed down. Whatever comes over loopback may be everybody, by way of a proxy.
    async fn missed(&self, why: String, viewer: Option<IpAddr>) -> Response {
        let address = viewer.filter(|address| !address.to_canonical().is_loopback());
        let noted = address.map_or(Ok(()), |address| self.misses.note(address, now_ms()));
        let Err(TooOften { retry_after }) = noted else {
            return not_found(why);
        };
        tokio::time::sleep(SLOW_DOWN).await;
        asked_too_often(&why, retry_after)
    }

    /// How long to wait for what is not here.
    async fn hold(&self, name: &Name) -> Duration {
        let newest = self.store.newest_of_track(name.segment.clone()).await;
        match Hold::of(name.segment.number, name.piece, newest.as_ref()) {
            Hold::Soon => hold::SOON,
            Hold::Promised => match &self.promises {
                Some(promises) => promises(name.segment.clone()).await,
                None => Duration::ZERO,
            },
            Hold::Never => Duration::ZERO,
        }
    }
}

/// What there is of what was asked for.
enum Found {
    /// All of it.
    Whole(Content),
    /// A segment in the making.
    Begun(Segment),
}

async fn serve(
    State(media): State<Media>,
    Path(path): Path<(String, String, String, String)>,
    request: Request,
) -> Response {
    let name = match Name::read(&path.0, &path.1, &path.2, &path.3) {
        Ok(name) => name,
        Err(why) => return media.missed(why.to_string(), viewer(&request)).await,
    };
    if let Err(Busy { retry_after }) = (media.door)(&name.segment) {
        return turned_away(retry_after);
    }
    let Some(found) = media.find(&name).await else {
        let SegmentName { channel, epoch, .. } = &name.segment;
        if media.store.is_taken_down(channel.clone(), *epoch).await {
            let why = format!("epoch {epoch} of channel {channel} was taken down");
            return passing(StatusCode::GONE, why, None);
        }
        let why = format!("{name} is not here (channel {channel}, epoch {epoch})");
        return media.missed(why, viewer(&request)).await;
    };
    if let Some(address) = viewer(&request) {
        let player = request.headers().get(header::USER_AGENT);
        media
            .meter
            .saw(&name.segment.channel, address, player, Instant::now());
    }
    let counter = media.meter.counter(&name.segment.channel);
    let owed = Owed::by(media.turns.clone());
    let mut response = match found {
        Found::Whole(content) => whole(content, &request, (counter, owed)),
        Found::Begun(segment) => {
            let chunks = body::in_the_making(
                media.store,
                name.segment.clone(),
                &segment,
                (counter, owed),
                media.patience,
            );
            Body::from_stream(chunks).into_response()
        }
    };
    if response.status().is_client_error() {
        return response;
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, IMMUTABLE);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_TYPE, name.content_type());
    response
}

/// All of it, or the range that was asked for, or word that the viewer has it.
fn whole(content: Content, request: &Request, (counter, owed): (Counter, Owed)) -> Response {
    let Content { tag, size, frames } = content;
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
            let mut response = error(StatusCode::RANGE_NOT_SATISFIABLE, format!("it has {size} bytes"));
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
        _ => (status, Body::new(Frames::new(frames, part, counter, owed))).into_response(),
    };
    insert(response.headers_mut(), header::ETAG, &tag);
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        insert(response.headers_mut(), header::CONTENT_RANGE, &range);
    }
    response
}

fn not_found(why: String) -> Response {
    // It may be there in a moment.
    passing(StatusCode::NOT_FOUND, why, None)
}

fn asked_too_often(why: &str, retry_after: Duration) -> Response {
    let why = format!("{why}, and you ask too often for what is not there");
    passing(StatusCode::TOO_MANY_REQUESTS, why, Some(retry_after))
}

fn turned_away(retry_after: Duration) -> Response {
    let why = "all upload is in use, ask another box".to_owned();
    passing(StatusCode::SERVICE_UNAVAILABLE, why, Some(retry_after))
}

/// A refusal that is true for now, and no longer than that.
fn passing(status: StatusCode, why: String, retry_after: Option<Duration>) -> Response {
    let mut response = error(status, why);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(retry_after) = retry_after {
        let seconds = retry_after.as_secs_f64().ceil().max(1.0);
        insert(headers, header::RETRY_AFTER, &format!("{seconds:.0}"));
    }
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
