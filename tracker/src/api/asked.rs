//! What is read of a request: who asks, and a body of bounded size.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Path};
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::response::Response;
use bytes::Bytes;
use program::http::{Peer, error};
use serde::de::DeserializeOwned;
use wire::address::Host;

use super::App;
use super::refusal::Refused;
use crate::reach::Caller;

/// A body is there within this.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who asks.
pub(super) struct From(pub(super) Caller);

impl FromRequestParts<Arc<App>> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let peer = parts
            .extensions
            .get::<Peer>()
            .expect("the server adds the peer to every request");
        Ok(Self(app.caller(&parts.headers, *peer)))
    }
}

/// The variable parts of a path, their percent signs resolved.
pub(super) struct InPath<T = String>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for InPath<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(parts)) => Ok(Self(parts)),
            Err(refusal) => Err(error(refusal.status(), refusal.body_text())),
        }
    }
}

impl App {
    /// Who sends these headers from there.
    pub(super) fn caller(&self, headers: &HeaderMap, peer: Peer) -> Caller {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        Caller::new(peer.0.ip(), host, self.policy.tls)
    }

    /// The caller with a number in the place of the name that it knows the tracker by: programs are
    /// told addresses, and those of programs on the tracker's machine follow from its own.
    pub(super) async fn with_number(&self, mut caller: Caller) -> Caller {
        if let Some(used) = &caller.used
            && let Host::Name(name) = &used.host
            && !caller.ip.is_loopback()
        {
            let same_family = |ip: &std::net::IpAddr| ip.is_ipv4() == caller.ip.is_ipv4();
            let addresses = self.resolver.addresses(name).await;
            let number = addresses.iter().find(|ip| same_family(ip)).or(addresses.first());
            if let Some(number) = number {
                caller.used = Some(used.at(Host::Ip(*number)));
            }
        }
        caller
    }
}

/// The whole body, if it is not larger than `limit` and does not take for ever.
pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, Refused> {
    match tokio::time::timeout(PATIENCE, to_bytes(body, limit)).await {
        // A copy: what was read may be part of the connection's buffer, and would keep all of it.
        Ok(Ok(bytes)) => Ok(Bytes::copy_from_slice(&bytes)),
        // The only other error is a connection that broke, and then nobody reads the answer.
        Ok(Err(_)) => Err(Refused::TooLarge { limit }),
        Err(_) => Err(Refused::Slow),
    }
}
