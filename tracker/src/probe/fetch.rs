//! Going to a box and asking it to sign a number.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::BytesMut;
use rand::RngExt;
use reqwest::{Client, ClientBuilder, Response, header, redirect};
use wire::address::{Host, HttpBase};
use wire::proof::{self, NONCE_BYTES, Proof};
use wire::seal::{Refusal, Signed};

use crate::registry::BoxRecord;
use crate::resolve::Resolver;

/// The whole visit takes no longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why a box was not found where it says.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unproved {
    /// Its name leads to other addresses than the one it speaks from.
    #[error("its name {name} does not lead to {seen_from}, where it speaks from")]
    Elsewhere { name: String, seen_from: IpAddr },
    /// Nobody answers there.
    #[error("{http} cannot be reached from the tracker: {why}")]
    Unreachable { http: HttpBase, why: String },
    /// An answer, but not one with a proof in it.
    #[error("{http} answers {status} when asked for a proof")]
    Status { http: HttpBase, status: u16 },
    /// Somebody else is there.
    #[error("{http} gives no proof of this box: {why}")]
    NotTheBox { http: HttpBase, why: Refusal },
    /// A proof of another time or place.
    #[error("{http} gives a proof of another {what}")]
    Another { http: HttpBase, what: &'static str },
}

impl Unproved {
    /// The connection did not come about, or broke.
    pub(super) fn broken(http: &HttpBase, error: &reqwest::Error) -> Self {
        unreachable(http, innermost(error))
    }

    /// The reason in one word, as it is counted.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Elsewhere { .. } => "elsewhere",
            Self::Unreachable { .. } => "unreachable",
            Self::Status { .. } => "status",
            Self::NotTheBox { .. } => "not-the-box",
            Self::Another { .. } => "another",
        }
    }
}

/// Asks for proofs.
#[derive(Clone)]
pub(super) struct Fetcher {
    client: Client,
    resolver: Resolver,
}

impl Fetcher {
    pub(super) fn new(resolver: Resolver) -> Self {
        let client = client()
            .build()
            .expect("a client without certificates of its own can always be built");
        Self { client, resolver }
    }

    /// Finds the box at `http`, or says why not.
    pub(super) async fn prove(&self, record: &BoxRecord, http: &HttpBase) -> Result<(), Unproved> {
        let visit = tokio::time::timeout(PATIENCE, self.visit(record, http));
        visit
            .await
            .unwrap_or_else(|_| Err(unreachable(http, "no answer within 3 seconds")))
    }

    /// Asks the box at `http` for something, and for nothing that takes longer than a visit may. It is asked only at the
    /// address that it speaks from.
    pub(super) async fn ask(
        &self,
        record: &BoxRecord,
        http: &HttpBase,
        path: &str,
    ) -> Result<Response, Unproved> {
        let client = match &http.host {
            Host::Ip(_) => self.client.clone(),
            Host::Name(name) => self.client_for(name, http, record.seen_from).await?,
        };
        let response = client
            .get(format!("{http}{path}"))
            .header(header::HOST, http.authority())
            .send()
            .await
            .map_err(|error| Unproved::broken(http, &error))?;
        if !response.status().is_success() {
            return Err(Unproved::Status {
                http: http.clone(),
                status: response.status().as_u16(),
            });
        }
        Ok(response)
    }

    async fn visit(&self, record: &BoxRecord, http: &HttpBase) -> Result<(), Unproved> {
        let nonce: [u8; NONCE_BYTES] = rand::rng().random();
        let authority = http.authority();
        let path = format!("{}{}", proof::PATH, hex::encode(nonce));
        let response = self.ask(record, http, &path).await?;
        // What is cut because it is longer than any proof does not open.
        let body = bounded(response, Proof::MAX_BYTES + 1)
            .await
            .map_err(|error| Unproved::broken(http, &error))?;
        let proof = Proof::open(&body, &record.announcement.key).map_err(|why| Unproved::NotTheBox {
            http: http.clone(),
            why,
        })?;
        match (proof.nonce == nonce, proof.authority == authority) {
            (true, true) => Ok(()),
            (false, _) => Err(Unproved::Another {
                http: http.clone(),
                what: "time",
            }),
            (_, false) => Err(Unproved::Another {
                http: http.clone(),
                what: "address",
            }),
        }
    }

    /// A client that goes nowhere but to the address that the box speaks from, if the name leads there.
    async fn client_for(&self, name: &str, http: &HttpBase, seen_from: IpAddr) -> Result<Client, Unproved> {
        if !self.resolver.addresses(name).await.contains(&seen_from) {
            return Err(Unproved::Elsewhere {
                name: name.into(),
                seen_from,
            });
        }
        let client = client()
            .resolve(name, SocketAddr::new(seen_from, http.port))
            .build();
        client.map_err(|error| Unproved::broken(http, &error))
    }
}

fn client() -> ClientBuilder {
    Client::builder()
        .timeout(PATIENCE)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(0)
        .user_agent(concat!("boxmesh-tracker/", env!("CARGO_PKG_VERSION")))
}

/// The body, cut where it is longer than `limit`.
pub(super) async fn bounded(mut response: Response, limit: usize) -> Result<BytesMut, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(part) = response.chunk().await? {
        let room = limit.saturating_sub(body.len());
        body.extend_from_slice(&part[..part.len().min(room)]);
        if part.len() >= room {
            break;
        }
    }
    Ok(body)
}

fn unreachable(http: &HttpBase, why: impl Into<String>) -> Unproved {
    Unproved::Unreachable {
        http: http.clone(),
        why: why.into(),
    }
}

/// The innermost cause: "connection refused" says more than "error sending request".
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string().chars().take(120).collect()
}
