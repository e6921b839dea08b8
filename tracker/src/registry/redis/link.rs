//! The connection to Redis, and knowing when it is away.
//!
//! While it is away only the poll asks, once a second; everything else is told so at once instead of
//! waiting for a timeout. Going and coming back are logged once each.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, ConnectionInfo, FromRedisValue, Pipeline, RedisError};
use tokio::time::timeout;
use tracing::{info, warn};

use super::super::Away;
use super::url::RedisUrl;
use super::whereabouts::Whereabouts;

/// A connection is made, and a command answered, within this. Origins and boxes wait 3 s for us.
const PATIENCE: Duration = Duration::from_secs(1);

/// So often a node of a cluster may send us on.
const REDIRECTIONS: usize = 3;

/// A connection that is made anew after every failure, to whichever server has the registry then.
pub(super) struct Link {
    whereabouts: Whereabouts,
    current: Mutex<Current>,
    away: AtomicBool,
}

#[derive(Default)]
struct Current {
    connection: Option<Connection>,
    generation: u64,
}

#[derive(Clone)]
struct Connection {
    manager: ConnectionManager,
    server: ConnectionInfo,
}

impl Link {
    /// A link that connects when it is first used.
    pub(super) fn new(url: RedisUrl) -> Self {
        Self {
            whereabouts: Whereabouts::new(url),
            current: Mutex::default(),
            away: AtomicBool::new(false),
        }
    }

    /// Sends commands, unless Redis is known to be away.
    pub(super) async fn ask<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Away> {
        if self.away.load(Ordering::Relaxed) {
            return Err(self.nonsense("it did not answer a moment ago"));
        }
        self.try_to_ask(commands).await
    }

    /// Sends commands even if Redis was away: how its return is noticed.
    pub(super) async fn try_to_ask<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Away> {
        let mut redirections = 0;
        loop {
            let (Connection { mut manager, server }, generation) = self.connection().await?;
            match timeout(PATIENCE, commands.query_async(&mut manager)).await {
                Ok(Ok(answer)) => {
                    self.returned(&server);
                    return Ok(answer);
                }
                Ok(Err(error))
                    if redirections < REDIRECTIONS && self.whereabouts.redirected(&server, &error) =>
                {
                    redirections += 1;
                    self.let_go(generation);
                }
                Ok(Err(error)) => return Err(self.lost(generation, &words(&error))),
                Err(_) => return Err(self.lost(generation, "no answer within a second")),
            }
        }
    }

    /// The connection, made if there is none.
    async fn connection(&self) -> Result<(Connection, u64), Away> {
        let generation = {
            let current = self.current();
            if let Some(connection) = &current.connection {
                return Ok((connection.clone(), current.generation));
            }
            current.generation
        };
        let found = match self.whereabouts.find().await {
            Ok(server) => connect(server).map_err(|error| words(&error)),
            Err(why) => Err(why),
        };
        let connection = found.map_err(|why| self.lost(generation, &why))?;
        let mut current = self.current();
        // Another one may have made it meanwhile: one is enough.
        let connection = current.connection.get_or_insert(connection).clone();
        Ok((connection, current.generation))
    }

    /// What answers nonsense is as good as away.
    pub(super) fn nonsense(&self, what: &str) -> Away {
        Away {
            at: self.whereabouts.addresses(),
            why: what.into(),
        }
    }

    fn lost(&self, generation: u64, why: &str) -> Away {
        // The manager itself keeps a connection on which nothing is answered, or on which a server
        // that is a replica now refuses to write.
        if self.let_go(generation) {
            self.whereabouts.failed();
        }
        let away = self.nonsense(why);
        if !self.away.swap(true, Ordering::Relaxed) {
            warn!(
                registry = away.at,
                why, "registry is away: serving on from memory"
            );
        }
        away
    }

    /// Lets go of a connection, unless somebody else did.
    fn let_go(&self, generation: u64) -> bool {
        let mut current = self.current();
        let is_this = current.generation == generation;
        if is_this {
            current.connection = None;
            current.generation += 1;
        }
        is_this
    }

    fn returned(&self, server: &ConnectionInfo) {
        if self.away.swap(false, Ordering::Relaxed) {
            info!(registry = %server.addr(), "registry is back");
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connect(server: ConnectionInfo) -> Result<Connection, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE))
        .set_number_of_retries(0);
    let manager = Client::open(server.clone())?.get_connection_manager_lazy(config)?;
    Ok(Connection { manager, server })
}

/// What Redis or the system said, on one line and not for ever.
pub(super) fn words(error: &RedisError) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect()
}
