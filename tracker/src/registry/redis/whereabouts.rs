//! Which server holds the registry now.
//!
//! It is thought about anew after every failure: sentinels are asked, and of a cluster the next node is tried, which
//! knows (`MOVED`) where the keys are. One hash tag keeps all of them on one node.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use ::redis::{Client, ConnectionAddr, ConnectionInfo, RedisError, ServerErrorKind, cmd};
use tokio::time::timeout;

use super::url::{Behind, RedisUrl};

/// A sentinel answers within this, or the next one is asked.
const PATIENCE: Duration = Duration::from_millis(300);

/// Where to look next.
pub(super) struct Whereabouts {
    url: RedisUrl,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Which of the servers is tried, or of the sentinels asked, first.
    turn: usize,
    /// Where the last one said that the keys are.
    moved: Option<ConnectionInfo>,
}

impl Whereabouts {
    pub(super) fn new(url: RedisUrl) -> Self {
        let state = Mutex::default();
        Self { url, state }
    }

    /// The server to connect to, or why there is none.
    pub(super) async fn find(&self) -> Result<ConnectionInfo, String> {
        let Some(behind) = &self.url.behind else {
            return Ok(self.server());
        };
        let first = self.state().turn;
        let mut why = String::new();
        for at in first..first + self.url.servers.len() {
            match timeout(PATIENCE, ask(self.nth(at), behind)).await {
                Ok(Ok(Some(server))) => {
                    self.state().turn = at;
                    return Ok(server);
                }
                Ok(Ok(None)) => why = format!("the sentinel knows no {}", behind.name),
                Ok(Err(error)) => why = super::link::words(&error),
                Err(_) => why = "the sentinel did not answer in time".into(),
            }
        }
        Err(why)
    }

    fn server(&self) -> ConnectionInfo {
        let state = self.state();
        state
            .moved
            .clone()
            .unwrap_or_else(|| self.nth(state.turn).clone())
    }

    fn nth(&self, at: usize) -> &ConnectionInfo {
        &self.url.servers[at % self.url.servers.len()]
    }

    /// The server did not do: another one next time.
    pub(super) fn failed(&self) {
        let mut state = self.state();
        // The node that the keys moved to is gone: whoever said so may know better by now, and so may the others.
        state.moved = None;
        state.turn = (state.turn + 1) % self.url.servers.len();
    }

    /// Whether a server said that the keys are elsewhere; then that is where to look.
    pub(super) fn redirected(&self, from: &ConnectionInfo, error: &RedisError) -> bool {
        let moved = moved(error);
        let Some((host, port)) = moved.as_deref().and_then(address) else {
            return false;
        };
        let host = match (host, from.addr()) {
            // A node that does not know its own address names the port alone.
            ("", ConnectionAddr::Tcp(host, _)) => host.clone(),
            _ => host.to_owned(),
        };
        let moved = from.clone().set_addr(ConnectionAddr::Tcp(host, port));
        self.state().moved = Some(moved);
        true
    }

    /// The addresses that the operator named.
    pub(super) fn addresses(&self) -> String {
        self.url.addresses()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a sentinel says that the server is.
async fn ask(sentinel: &ConnectionInfo, behind: &Behind) -> Result<Option<ConnectionInfo>, RedisError> {
    let client = Client::open(sentinel.clone())?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let mut question = cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(&behind.name);
    let answer: Option<(String, u16)> = question.query_async(&mut connection).await?;
    Ok(answer.map(|(host, port)| behind.server.clone().set_addr(ConnectionAddr::Tcp(host, port))))
}

/// The node that the keys of these commands have moved to.
fn moved(error: &RedisError) -> Option<String> {
    let answers = error.clone().into_server_errors()?;
    let mut answers = answers.iter().map(|(_, answer)| answer);
    let moved = answers.find(|answer| answer.kind() == Some(ServerErrorKind::Moved))?;
    let (_, node) = moved.details()?.split_once(' ')?;
    Some(node.to_owned())
}

/// Host and port of a node; the host may be empty, and an IPv6 address has no brackets.
fn address(node: &str) -> Option<(&str, u16)> {
    let (host, port) = node.rsplit_once(':')?;
    Some((host, port.parse().ok().filter(|port| *port > 0)?))
}
