//! Looking names up: a few at a time, not for long, and remembered for a minute.

use std::collections::HashMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(2);
const REMEMBERED: Duration = Duration::from_mins(1);
const AT_A_TIME: usize = 8;
const MAX_NAMES: usize = 256;
const MAX_ADDRESSES: usize = 16;

/// Looks names up. Cheap to clone.
#[derive(Clone)]
pub struct Resolver {
    places: Arc<Semaphore>,
    names: Arc<Mutex<Names>>,
}

/// What each name led to, and when that was found.
type Names = HashMap<String, (Instant, Vec<IpAddr>)>;

impl Default for Resolver {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_A_TIME)),
            names: Arc::default(),
        }
    }
}

impl Resolver {
    /// The addresses of a name; none if it has none, or none that were found in time.
    pub async fn addresses(&self, name: &str) -> Vec<IpAddr> {
        if let Some((at, addresses)) = self.names().get(name)
            && at.elapsed() < REMEMBERED
        {
            return addresses.clone();
        }
        let Ok(Some(addresses)) = timeout(PATIENCE, self.look_up(name.to_owned())).await else {
            // Nothing is known of the name: no reason to remember that for a minute.
            return Vec::new();
        };
        let mut names = self.names();
        if names.len() >= MAX_NAMES {
            names.retain(|_, (at, _)| at.elapsed() < REMEMBERED);
        }
        if names.len() < MAX_NAMES {
            names.insert(name.to_owned(), (Instant::now(), addresses.clone()));
        }
        addresses
    }

    /// Asks the system. Its question cannot be called off, so it keeps its place until it is answered.
    async fn look_up(&self, name: String) -> Option<Vec<IpAddr>> {
        let place = self.places.clone().acquire_owned().await.ok()?;
        let answer = spawn_blocking(move || {
            let _place = place;
            (name, 0).to_socket_addrs()
        });
        let addresses = answer.await.ok()?.into_iter().flatten();
        Some(
            addresses
                .map(|address| address.ip().to_canonical())
                .take(MAX_ADDRESSES)
                .collect(),
        )
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
