//! The connection to Redis, and knowing when it is away.
//!
//! While it is away only the poll asks, once a second; everything else is told so at once instead of
//! waiting for a timeout. Going and coming back are logged once each.

use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, FromRedisValue, IntoConnectionInfo, Pipeline, RedisError};
use tokio::time::timeout;
use tracing::{info, warn};

use super::Away;

/// A connection is made, and a command answered, within this. Origins and boxes wait 3 s for us.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where Redis is: `redis://[USER:PASSWORD@]HOST[:PORT][/DB]` or `redis+unix:///PATH`.
#[derive(Clone)]
pub struct RedisUrl(Client);

/// Why a text is no URL of a Redis.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it should be redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE] or redis+unix:///PATH: {0}")]
pub struct BadRedisUrl(String);

impl FromStr for RedisUrl {
    type Err = BadRedisUrl;

    fn from_str(text: &str) -> Result<Self, BadRedisUrl> {
        let info = text
            .into_connection_info()
            .map_err(|error| BadRedisUrl(error.to_string()))?;
        Client::open(info)
            .map(Self)
            .map_err(|error| BadRedisUrl(error.to_string()))
    }
}

impl std::fmt::Debug for RedisUrl {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The rest of the URL may hold a password.
        write!(out, "RedisUrl({})", self.0.get_connection_info().addr())
    }
}

/// A connection that is made anew after every failure.
pub(super) struct Link {
    client: Client,
    current: Mutex<Current>,
    away: AtomicBool,
}

struct Current {
    manager: ConnectionManager,
    generation: u64,
}

impl Link {
    /// A link that connects when it is first used.
    pub(super) fn new(RedisUrl(client): RedisUrl) -> Result<Self, Away> {
        let manager = manager(&client).map_err(|error| away(&client, &error.to_string()))?;
        let current = Mutex::new(Current {
            manager,
            generation: 0,
        });
        Ok(Self {
            client,
            current,
            away: AtomicBool::new(false),
        })
    }

    /// Sends commands, unless Redis is known to be away.
    pub(super) async fn ask<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Away> {
        if self.away.load(Ordering::Relaxed) {
            return Err(away(&self.client, "it did not answer a moment ago"));
        }
        self.try_to_ask(commands).await
    }

    /// Sends commands even if Redis was away: how its return is noticed.
    pub(super) async fn try_to_ask<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Away> {
        let (mut manager, generation) = {
            let current = self.current();
            (current.manager.clone(), current.generation)
        };
        match timeout(PATIENCE, commands.query_async(&mut manager)).await {
            Ok(Ok(answer)) => {
                self.returned();
                Ok(answer)
            }
            Ok(Err(error)) => Err(self.lost(generation, &words(&error))),
            Err(_) => Err(self.lost(generation, "no answer within a second")),
        }
    }

    /// What answers nonsense is as good as away.
    pub(super) fn nonsense(&self, what: &str) -> Away {
        away(&self.client, what)
    }

    fn lost(&self, generation: u64, why: &str) -> Away {
        // The manager itself keeps a connection on which nothing is answered, or on which a server
        // that is a replica now refuses to write.
        let mut current = self.current();
        if current.generation == generation {
            if let Ok(manager) = manager(&self.client) {
                current.manager = manager;
            }
            current.generation += 1;
        }
        drop(current);
        let away = away(&self.client, why);
        if !self.away.swap(true, Ordering::Relaxed) {
            warn!(
                registry = away.at,
                why, "registry is away: serving on from memory"
            );
        }
        away
    }

    fn returned(&self) {
        if self.away.swap(false, Ordering::Relaxed) {
            info!(registry = %self.client.get_connection_info().addr(), "registry is back");
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn manager(client: &Client) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE))
        .set_number_of_retries(0);
    client.get_connection_manager_lazy(config)
}

fn away(client: &Client, why: &str) -> Away {
    Away {
        at: client.get_connection_info().addr().to_string(),
        why: why.into(),
    }
}

/// What Redis or the system said, on one line and not for ever.
fn words(error: &RedisError) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect()
}
