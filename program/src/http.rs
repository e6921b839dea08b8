//! HTTP as every program serves it: limits on who may keep a connection and for how long, CORS on
//! every answer, errors as JSON.

mod connections;
pub mod misses;
mod reader;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use connections::{Connections, Place};
use reader::MustRead;
pub use reader::Patience;

/// How long requests under way may take at the end.
const LAST_REQUESTS: Duration = Duration::from_secs(3);

/// The longest header of a request.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// What is handed to the system in one call, out of however many pieces: fewer calls, and fewer wake-ups of whoever reads.
const WRITE_BYTES: usize = 256 << 10;

/// What may wait in the system's buffer, beside what is on its way. It would take megabytes, of each viewer, and hide for
/// a minute that nobody reads them.
const UNSENT_BYTES: u32 = 256 << 10;

/// What a server allows its clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time, over all addresses.
    pub connections: usize,
    /// Connections at a time from one address; loopback is exempt.
    pub connections_per_address: usize,
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

/// Serves until `stop`; requests under way are finished first.
pub fn serve(
    listener: TcpListener,
    routes: Router,
    limits: Limits,
    tasks: &TaskTracker,
    stop: CancellationToken,
) {
    let routes = with_cors(
        routes.fallback(|| async { error(StatusCode::NOT_FOUND, "there is nothing at this path") }),
    );
    let inner = tasks.clone();
    tasks.spawn(async move {
        let connections = Connections::new(limits);
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => match connections.enter(peer.ip()) {
                    Some(place) => {
                        inner.spawn(connection(
                            stream,
                            peer,
                            routes.clone(),
                            limits,
                            place,
                            stop.clone(),
                        ));
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

/// The routes, as one connection asks for them. They are shared by all, and each request is told whose it is.
struct Routes {
    routes: TowerToHyperService<Router>,
    peer: SocketAddr,
}

impl Service<hyper::Request<Incoming>> for Routes {
    type Response = Response;
    type Error = Infallible;
    type Future = <TowerToHyperService<Router> as Service<hyper::Request<Incoming>>>::Future;

    fn call(&self, mut request: hyper::Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(Peer(self.peer));
        self.routes.call(request)
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Router,
    limits: Limits,
    _place: Place,
    stop: CancellationToken,
) {
    // Media goes out in large writes and headers alone: waiting to fill a packet only adds delay.
    let _ = stream.set_nodelay(true);
    // A system that cannot do this only notices later how slowly somebody reads.
    let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES);
    let service = Routes {
        routes: TowerToHyperService::new(routes),
        peer,
    };
    let mut server = hyper::server::conn::http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_header_size(MAX_HEADER_BYTES)
        .max_buf_size(WRITE_BYTES);
    let connection =
        server.serve_connection(TokioIo::new(MustRead::within(limits.patience, stream)), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(LAST_REQUESTS, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        debug!(%error, "connection ended");
    }
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

/// Lets pages of any site read every answer, errors too, and answers their questions beforehand.
fn with_cors(routes: Router) -> Router {
    routes.layer(from_fn(|request: Request, next: Next| async move {
        let mut response = if request.method() == Method::OPTIONS {
            StatusCode::NO_CONTENT.into_response()
        } else {
            next.run(request).await
        };
        let headers = response.headers_mut();
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS"),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "Range, If-None-Match, If-Range",
            ),
            (
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                "Content-Length, Content-Range, Date, ETag, Retry-After",
            ),
            (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }))
}
