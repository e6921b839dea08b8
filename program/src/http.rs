//! HTTP as every program serves it: limits on who may keep a connection and for how long, CORS on
//! every answer, errors as JSON.

mod connections;
pub mod misses;
pub mod proxies;
mod reader;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use connections::{Connections, Place};
use proxies::Proxies;
use reader::MustRead;
pub use reader::Patience;

use crate::tls::Tls;

/// How long requests under way may take at the end.
const LAST_REQUESTS: Duration = Duration::from_secs(3);

/// The longest header of a request.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// What is handed to the system in one call, out of however many pieces: fewer calls, and fewer wake-ups of whoever reads.
const WRITE_BYTES: usize = 256 << 10;

/// What may wait in the system's buffer, beside what is on its way. It would take megabytes, of each viewer, and hide for
/// a minute that nobody reads them.
const UNSENT_BYTES: u32 = 256 << 10;

/// Who may read answers, and what of them (Fetch standard §3.2).
const ANYBODY: HeaderValue = HeaderValue::from_static("*");
const READABLE: HeaderValue =
    HeaderValue::from_static("Content-Length, Content-Range, Date, ETag, Retry-After");
/// What pages may ask.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
const SENDABLE: HeaderValue = HeaderValue::from_static("Range, If-None-Match, If-Range");
const A_DAY: HeaderValue = HeaderValue::from_static("86400");

/// What a server allows its clients.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at a time, over all addresses.
    pub connections: usize,
    /// Connections at a time from one address; loopback is exempt.
    pub connections_per_address: usize,
    /// Proxies, which are exempt too: many clients come by way of each.
    pub proxies: Proxies,
    /// How long a connection may take for a request's header, or stay idle before its next request.
    pub header: Duration,
    /// How slowly a connection may read what it is sent.
    pub patience: Patience,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_address: 128,
            proxies: Proxies::default(),
            header: Duration::from_secs(20),
            // 16 kbit/s: slower than any media.
            patience: Patience {
                longest: Duration::from_secs(20),
                bytes_per_second: 2000,
            },
        }
    }
}

/// The address at the other end of a request's connection, as a request extension.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// What answers requests.
pub trait Answers: Clone + Send + Sync + 'static {
    /// The answer to the request of `peer`, errors too.
    fn answer(
        &self,
        request: hyper::Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Response> + Send + 'static;
}

/// The routes of a program; there is nothing at any other path.
#[derive(Clone)]
pub struct Routes(TowerToHyperService<Router>);

impl Routes {
    /// Those of this router.
    pub fn new(router: Router) -> Self {
        let nothing = || async { error(StatusCode::NOT_FOUND, "there is nothing at this path") };
        Self(TowerToHyperService::new(router.fallback(nothing)))
    }
}

impl Answers for Routes {
    fn answer(
        &self,
        mut request: hyper::Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Response> + Send + 'static {
        request.extensions_mut().insert(peer);
        let routed = self.0.call(request);
        async { routed.await.unwrap_or_else(|never: Infallible| match never {}) }
    }
}

/// Where requests come in.
pub struct Door {
    listener: TcpListener,
    tls: Option<Tls>,
}

impl Door {
    /// One where HTTP is spoken inside TLS, if there is any.
    pub fn new(listener: TcpListener, tls: Option<Tls>) -> Self {
        Self { listener, tls }
    }
}

impl From<TcpListener> for Door {
    fn from(listener: TcpListener) -> Self {
        Self::new(listener, None)
    }
}

/// Serves routes until `stop`; requests under way are finished first.
pub fn serve(
    door: impl Into<Door>,
    routes: Router,
    limits: Limits,
    tasks: &TaskTracker,
    stop: CancellationToken,
) {
    serve_answers(door, Routes::new(routes), limits, tasks, stop);
}

/// The same with whatever answers.
pub fn serve_answers(
    door: impl Into<Door>,
    answers: impl Answers,
    limits: Limits,
    tasks: &TaskTracker,
    stop: CancellationToken,
) {
    let Door { listener, tls } = door.into();
    let inner = tasks.clone();
    tasks.spawn(async move {
        let connections = Connections::new(limits.clone());
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => match connections.enter(peer.ip()) {
                    Some(place) => {
                        let visit = Visit {
                            peer: Peer(peer),
                            answers: answers.clone(),
                            limits: limits.clone(),
                            _place: place,
                            stop: stop.clone(),
                        };
                        match tls.clone() {
                            None => inner.spawn(visit.serve(stream)),
                            Some(tls) => inner.spawn(visit.serve_tls(tls, stream)),
                        };
                    }
                    None => debug!("connection refused: too many"),
                },
                Err(error) => {
                    // Out of file descriptors, mostly: accepting again at once would only spin.
                    warn!(%error, "failed to accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    });
}

/// A connection, and what is done for it.
struct Visit<A> {
    peer: Peer,
    answers: A,
    limits: Limits,
    _place: Place,
    stop: CancellationToken,
}

impl<A: Answers> Visit<A> {
    async fn serve(self, stream: TcpStream) {
        let stream = self.prepare(stream);
        self.converse(stream).await;
    }

    /// Who does not shake hands takes a place no longer than who sends no header.
    async fn serve_tls(self, tls: Tls, stream: TcpStream) {
        let stream = self.prepare(stream);
        let shaken = tokio::select! {
            () = self.stop.cancelled() => return,
            shaken = tokio::time::timeout(self.limits.header, tls.accept(stream)) => shaken,
        };
        match shaken {
            Ok(Ok(stream)) => self.converse(stream).await,
            Ok(Err(error)) => debug!(%error, "no TLS"),
            Err(_) => debug!("no TLS within {:?}", self.limits.header),
        }
    }

    fn prepare(&self, stream: TcpStream) -> MustRead<TcpStream> {
        // Media goes out in large writes and headers alone: waiting to fill a packet only adds delay.
        let _ = stream.set_nodelay(true);
        // A system that cannot do this only notices later how slowly somebody reads.
        let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES);
        MustRead::within(self.limits.patience, stream)
    }

    async fn converse(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin) {
        let (answers, peer) = (self.answers, self.peer);
        let service = service_fn(move |request| open_to_all(answers.clone(), request, peer));
        let mut server = hyper::server::conn::http1::Builder::new();
        server
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header)
            .max_header_size(MAX_HEADER_BYTES)
            .max_buf_size(WRITE_BYTES);
        let connection = server.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(LAST_REQUESTS, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            debug!(%error, "connection ended");
        }
    }
}

/// An answer, which pages of any site may read, also if it is an error; their questions beforehand are answered here. This
/// goes around the routes, not into them: a layer there costs more than most answers do.
async fn open_to_all(
    answers: impl Answers,
    request: hyper::Request<Incoming>,
    peer: Peer,
) -> Result<Response, Infallible> {
    let asks_beforehand = request.method() == Method::OPTIONS;
    let mut response = if asks_beforehand {
        StatusCode::NO_CONTENT.into_response()
    } else {
        answers.answer(request, peer).await
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANYBODY);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, READABLE);
    if asks_beforehand {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, SENDABLE);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, A_DAY);
    }
    Ok(response)
}

/// An error that says what is wrong, as `{"error": "…"}`.
pub fn error(status: StatusCode, message: impl Into<String>) -> Response {
    (
        status,
        Json(ErrorBody {
            error: message.into(),
        }),
    )
        .into_response()
}

#[derive(serde::Serialize)]
struct ErrorBody {
    error: String,
}
