//! A small HTTP relay: stands in front of a program and hands on what is asked, with a hook for the answers.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Result;
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, Response, StatusCode, header},
};
use bytes::Bytes;
use futures::{Stream, stream::unfold};
use tokio::net::TcpListener;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// A request to a relay has no body worth more than this.
const MAX_BODY: usize = 1 << 20;

/// What is kept back comes in pieces of so many bytes.
const FEW_BYTES: usize = 500;

/// What becomes of each piece of an answer, in their order.
pub type Look = Box<dyn FnMut(Bytes) -> Bytes + Send>;

/// What a relay does with a request. Answering `None` hangs up on it.
pub trait Hand: Send + Sync + 'static {
    /// Answers a request in place of the program behind, or leaves it to that.
    fn instead(&self, _path: &str) -> Option<Response<Body>> {
        None
    }

    /// What the program behind is asked in the place of `path`, if that is something else.
    fn otherwise(&self, _path: &str) -> Option<String> {
        None
    }

    /// Has a look at the program's answer to whoever calls himself so (`User-Agent`).
    fn answer(&self, _agent: &str, _path: &str, body: Bytes) -> Bytes {
        body
    }

    /// Has an answer handed on as it comes, each piece of it after a look.
    fn flows(self: &Arc<Self>, _agent: &str, _path: &str) -> Option<Look> {
        None
    }

    /// How long the next few bytes of an answer that flows are kept back, if they are.
    fn keeps_back(&self, _path: &str) -> Option<Duration> {
        None
    }
}

/// A bound relay that is not in anybody's way yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
}

/// A running relay. It ends when dropped.
#[derive(Debug)]
pub struct Relay {
    _stop: DropGuard,
}

impl Bound {
    /// Takes a free port.
    ///
    /// # Errors
    /// When there is none.
    pub async fn new() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        Ok(Self { listener })
    }

    /// Where it will answer.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn url(&self) -> Result<String> {
        Ok(format!("http://{}", self.listener.local_addr()?))
    }

    /// Begins to relay to `target`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn relay(self, target: SocketAddr, hand: Arc<impl Hand>) -> Result<Relay> {
        let http = crate::mesh::client()?;
        let stop = CancellationToken::new();
        let hear = stop.clone();
        let router = Router::new().fallback(move |request: Request| {
            let (http, hand) = (http.clone(), hand.clone());
            async move {
                let forwarded = forward(&http, target, &hand, request).await;
                forwarded.unwrap_or_else(|error| refusal(&format!("{error:#}")))
            }
        });
        TaskTracker::new().spawn(async move {
            let serve = axum::serve(self.listener, router);
            let _ = hear.run_until_cancelled(async { serve.await }).await;
        });
        Ok(Relay {
            _stop: stop.drop_guard(),
        })
    }
}

async fn forward(
    http: &reqwest::Client,
    target: SocketAddr,
    hand: &Arc<impl Hand>,
    request: Request,
) -> Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if let Some(answer) = hand.instead(&path) {
        return Ok(answer);
    }
    let query = parts.uri.path_and_query().map_or(path.as_str(), |it| it.as_str());
    let otherwise = hand.otherwise(&path);
    let query = otherwise.as_deref().unwrap_or(query);
    let body = axum::body::to_bytes(body, MAX_BODY).await?;
    // The host stays the one that was asked for: a box's proof is about that.
    let answer = http
        .request(parts.method, format!("http://{target}{query}"))
        .headers(end_to_end(&parts.headers))
        .body(body)
        .send()
        .await?;

    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        *headers = end_to_end(answer.headers());
    }
    let agent = parts.headers.get(header::USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    if let Some(look) = hand.flows(agent, &path) {
        return Ok(response.body(Body::from_stream(pieces(answer, hand.clone(), path, look)))?);
    }
    let body = hand.answer(agent, &path, answer.bytes().await?);
    Ok(response.body(Body::from(body))?)
}

/// An answer as it comes.
fn pieces(
    answer: reqwest::Response,
    hand: Arc<impl Hand>,
    path: String,
    look: Look,
) -> impl Stream<Item = reqwest::Result<Bytes>> {
    let coming = (answer, Bytes::new(), look);
    unfold(Some(coming), move |coming| {
        let (hand, path) = (hand.clone(), path.clone());
        async move {
            let (mut answer, mut rest, mut look) = coming?;
            if rest.is_empty() {
                match answer.chunk().await {
                    Ok(piece) => rest = look(piece?),
                    Err(broken) => return Some((Err(broken), None)),
                }
            }
            let now = match hand.keeps_back(&path) {
                None => rest.len(),
                Some(pause) => {
                    tokio::time::sleep(pause).await;
                    rest.len().min(FEW_BYTES)
                }
            };
            let piece = rest.split_to(now);
            Some((Ok(piece), Some((answer, rest, look))))
        }
    })
}

/// The headers that are not about one connection alone.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for hop in [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::CONTENT_LENGTH,
    ] {
        kept.remove(hop);
    }
    kept
}

fn refusal(message: &str) -> Response<Body> {
    let mut answer = Response::new(Body::from(message.to_owned()));
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    answer
}
