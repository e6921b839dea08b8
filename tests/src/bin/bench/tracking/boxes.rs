//! Boxes as a tracker knows them: each has a key and an address of its own, announces what it carries over a connection
//! that it keeps, and proves its address when it is asked. Nothing else of a box is there.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    routing::get,
};
use bytes::Bytes;
use serde::Deserialize;
use tokio::{
    net::TcpListener,
    sync::watch,
    time::{MissedTickBehavior, interval_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wire::{
    Version,
    address::HttpBase,
    announcement::{self, Announcement, AnnouncementReply, Carried, Load, Met, Served},
    id::BoxId,
    key::SecretKey,
    proof::{self, Proof},
    tracker_id::TrackerId,
};

use super::line::Line;

/// Each announces so often.
pub(super) const PERIOD: Duration = Duration::from_secs(5);

/// Each is connected to so many others.
const MET: usize = 8;

/// A box that was turned away comes again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// What all boxes carry.
pub(super) type Carries = watch::Receiver<Vec<Carried>>;

/// Boxes that announce until this is dropped.
pub(super) struct Boxes {
    heard: Arc<Heard>,
    stop: CancellationToken,
    _tasks: TaskTracker,
}

/// What a tracker says of itself.
#[derive(Deserialize)]
struct Ready {
    tracker: TrackerId,
}

/// What they heard from the tracker.
#[derive(Default)]
struct Heard {
    times: Mutex<Vec<Duration>>,
    refused: Mutex<Vec<anyhow::Error>>,
}

fn note<T>(of: &Mutex<Vec<T>>, one: T) {
    of.lock().unwrap_or_else(PoisonError::into_inner).push(one);
}

fn taken<T>(of: &Mutex<Vec<T>>) -> Vec<T> {
    std::mem::take(&mut *of.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Boxes {
    /// Lets so many come, spread over one period.
    pub(super) async fn start(count: u16, tracker: SocketAddr, carries: &Carries) -> Result<Self> {
        let secrets: Arc<[SecretKey]> = (0..count).map(secret).collect();
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
        let port = listener.local_addr()?.port();
        let (tasks, stop, heard) = (TaskTracker::new(), CancellationToken::new(), Arc::default());
        let routes = Router::new()
            .route(&format!("{}{{nonce}}", proof::PATH), get(prove))
            .with_state(secrets.clone());
        let proving = async move { axum::serve(listener, routes).await };
        tasks.spawn(stop.clone().run_until_cancelled_owned(proving));
        let mut line = Line::connect(Ipv4Addr::LOCALHOST.into(), tracker).await?;
        let ready: Ready = serde_json::from_slice(line.get("/readyz").await?)?;
        let begin = Instant::now();
        for number in 0..count {
            let one = Simulated {
                secret: secrets[usize::from(number)].clone(),
                ip: address(number).into(),
                port,
                tracker,
                id: ready.tracker,
                carries: carries.clone(),
                heard: Arc::clone(&heard),
            };
            let first = begin + PERIOD * u32::from(number) / u32::from(count);
            tasks.spawn(stop.clone().run_until_cancelled_owned(one.live(first)));
        }
        Ok(Self {
            heard,
            stop,
            _tasks: tasks,
        })
    }

    /// How long each announcement took since this was asked last.
    pub(super) fn times(&self) -> Vec<Duration> {
        taken(&self.heard.times)
    }

    /// How many announcements failed since this was asked last, and why the first did.
    pub(super) fn refused(&self) -> (usize, Option<anyhow::Error>) {
        let refused = taken(&self.heard.refused);
        (refused.len(), refused.into_iter().next())
    }
}

impl Drop for Boxes {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Simulated {
    secret: SecretKey,
    ip: IpAddr,
    port: u16,
    tracker: SocketAddr,
    /// What the tracker calls itself.
    id: TrackerId,
    carries: Carries,
    heard: Arc<Heard>,
}

impl Simulated {
    async fn live(self, first: Instant) {
        let mut ticks = interval_at(first.into(), PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut line, mut met, mut sequence) = (None, Vec::new(), 0);
        loop {
            ticks.tick().await;
            sequence = now_ms().max(sequence + 1);
            let asked = Instant::now();
            match self.announce(&mut line, sequence, &met).await {
                Ok(reply) => {
                    let near = reply.neighbours.into_iter().take(MET);
                    met = near.map(|near| near.id).collect();
                    note(&self.heard.times, asked.elapsed());
                }
                Err(error) => {
                    line = None;
                    note(&self.heard.refused, error);
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    async fn announce(
        &self,
        line: &mut Option<Line>,
        sequence: u64,
        met: &[BoxId],
    ) -> Result<AnnouncementReply> {
        let announcement = Announcement {
            version: Version,
            key: self.secret.public(),
            sequence,
            leaving: false,
            http: format!("http://{}:{}", self.ip, self.port).parse::<HttpBase>()?,
            zmq_port: self.port,
            p2p_port: self.port,
            load: Load {
                upload_bits_per_second: 30_000_000,
                sending_bits_per_second: 9_000_000,
                viewers: 3,
            },
            served: Served::default(),
            carried: self.carries.borrow().clone(),
            room: 4,
            channels: Vec::new(),
            met: met.iter().map(|id| Met { id: *id, gave: true }).collect(),
            audiences: Vec::new(),
            tracker: self.id,
        };
        let signed = announcement.sign(&self.secret);
        let line = match line {
            Some(line) => line,
            None => line.insert(Line::connect(self.ip, self.tracker).await?),
        };
        let answer = line.post(announcement::PATH, &signed).await?;
        Ok(serde_json::from_slice(answer)?)
    }
}

/// Signs what the tracker wants signed, as the box at the address that it asked.
async fn prove(
    State(secrets): State<Arc<[SecretKey]>>,
    Path(nonce): Path<String>,
    headers: HeaderMap,
) -> Result<Bytes, StatusCode> {
    let authority = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = authority.ok_or(StatusCode::BAD_REQUEST)?;
    let host = authority.split(':').next().and_then(|host| host.parse().ok());
    let secret = host.and_then(|host| secrets.get(number(host)));
    let mut bytes = [0; proof::NONCE_BYTES];
    hex::decode_to_slice(&nonce, &mut bytes).map_err(|_| StatusCode::BAD_REQUEST)?;
    let proof = Proof {
        version: Version,
        nonce: bytes,
        authority: authority.into(),
    };
    Ok(proof.sign(secret.ok_or(StatusCode::NOT_FOUND)?))
}

fn secret(number: u16) -> SecretKey {
    let mut seed = [1; 32];
    seed[..2].copy_from_slice(&number.to_be_bytes());
    SecretKey::from_seed(seed)
}

/// All of 127.0.0.0/8 is this machine; the tracker lists each of its addresses.
fn address(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(127, 1, high, low)
}

fn number(address: Ipv4Addr) -> usize {
    let [.., high, low] = address.octets();
    u16::from_be_bytes([high, low]).into()
}

fn now_ms() -> u64 {
    let since = std::time::UNIX_EPOCH
        .elapsed()
        .context("after 1970")
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_box_is_found_by_its_address() {
        assert!((0..15_000).all(|one| number(address(one)) == usize::from(one)));
    }
}
