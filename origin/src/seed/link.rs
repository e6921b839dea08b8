//! A link: one DEALER connected to one seed.
//!
//! A hello goes first, and chunks only after its welcome. A box that lost us (it was started anew, the
//! connection broke) answers `unwelcome` to the next chunk: then hello is said again, and all that has no receipt
//! goes again. ZeroMQ connects again by itself.

use std::collections::VecDeque;
use std::time::Instant;

use program::lifecycle::now_ms;
use wire::Version;
use wire::address::Host;
use wire::chunk::Chunk;
use wire::feed::{Answer, Hello, MAX_ANSWER_BYTES, NEWS};
use wire::id::{BoxId, ChunkId};
use wire::key::SecretKey;

use super::outbox::Outboxes;
use super::standing::Standing;

/// Chunks under way without a receipt: what a long road holds, and no more than a box can lose.
const IN_FLIGHT: usize = 16;

/// Answers that are read before others have their turn.
const ANSWERS_A_TURN: usize = 64;

const NOT_ASKED: &str = "an answer to nothing";

const MILLIS_TO_RECONNECT: i32 = 100;
const MOST_MILLIS_TO_RECONNECT: i32 = 1000;
const MILLIS_BETWEEN_HEARTBEATS: i32 = 1000;
const MILLIS_WITHOUT_HEARTBEAT: i32 = 3000;

/// Why there is no link to a seed.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("{0:?} is not tcp://HOST:PORT")]
    Address(String),
    #[error("cannot connect to {address}: {error}")]
    Refused { address: String, error: zmq::Error },
}

/// What a link has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Welcome,
    Unwelcome(String),
    Received(ChunkId),
    Refused(ChunkId, String),
    /// News were taken, or refused for a reason.
    Told(Option<String>),
    /// Something that is no answer.
    Nonsense(String),
}

pub(super) struct Link {
    seed: BoxId,
    pub(super) socket: zmq::Socket,
    standing: Standing,
    in_flight: VecDeque<Chunk>,
    /// Messages that the box may still answer.
    unanswered: usize,
}

impl Link {
    pub(super) fn connect(context: &zmq::Context, seed: BoxId, address: &str) -> Result<Self, LinkError> {
        check(address)?;
        let connect = || {
            let socket = context.socket(zmq::DEALER)?;
            // To a box that is away nothing is queued: what waits, waits in the outbox, which drops it in time.
            socket.set_immediate(true)?;
            socket.set_sndhwm(i32::try_from(2 * IN_FLIGHT).unwrap_or(i32::MAX))?;
            // Where libzmq stops reading, a peer can end the process: what a box may say is bounded by what it was told.
            socket.set_rcvhwm(0)?;
            socket.set_linger(0)?;
            socket.set_ipv6(true)?;
            socket.set_maxmsgsize(i64::try_from(MAX_ANSWER_BYTES).unwrap_or(i64::MAX))?;
            socket.set_reconnect_ivl(MILLIS_TO_RECONNECT)?;
            socket.set_reconnect_ivl_max(MOST_MILLIS_TO_RECONNECT)?;
            socket.set_heartbeat_ivl(MILLIS_BETWEEN_HEARTBEATS)?;
            socket.set_heartbeat_timeout(MILLIS_WITHOUT_HEARTBEAT)?;
            socket.connect(address)?;
            Ok(socket)
        };
        let socket = connect().map_err(|error| LinkError::Refused {
            address: address.to_owned(),
            error,
        })?;
        Ok(Self {
            seed,
            socket,
            standing: Standing::default(),
            in_flight: VecDeque::new(),
            unanswered: 0,
        })
    }

    /// What to wait for: room to send when there is something to send, answers when that cannot be before they came. Other
    /// answers wait for the next turn.
    pub(super) fn interest(&self, outboxes: &Outboxes) -> Option<zmq::PollEvents> {
        let is_waited_for = !outboxes.is_empty(self.seed);
        if self.standing.is_hello_due(Instant::now()) || (is_waited_for && self.may_send()) {
            Some(zmq::POLLIN | zmq::POLLOUT)
        } else if is_waited_for || !self.standing.is_welcome() {
            Some(zmq::POLLIN)
        } else {
            None
        }
    }

    /// Whether chunks are under way.
    pub(super) fn is_owed_receipts(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Reads answers and sends what can be sent, without waiting for either. How many bytes of media were sent.
    pub(super) fn turn(
        &mut self,
        outboxes: &Outboxes,
        secret: &SecretKey,
        heard: &mut impl FnMut(Heard),
    ) -> u64 {
        for _ in 0..ANSWERS_A_TURN {
            let Some(answer) = self.read() else { break };
            let is_asked = self.unanswered > 0;
            self.unanswered = self.unanswered.saturating_sub(1);
            let answer = answer.and_then(|answer| is_asked.then_some(answer).ok_or_else(|| NOT_ASKED.into()));
            self.take(answer, outboxes, heard);
        }
        let now = Instant::now();
        if self.standing.is_hello_due(now) && self.say_hello(secret) {
            self.unanswered += 1;
            self.standing.greeted(now);
        }
        let mut sent = 0;
        while self.may_send() {
            let Some(chunk) = outboxes.take(self.seed) else {
                break;
            };
            let parts = [&chunk.seal().bytes()[..], &chunk.bytes()[..]];
            if self.socket.send_multipart(parts, zmq::DONTWAIT).is_err() {
                outboxes.give_back(self.seed, std::iter::once(chunk));
                break;
            }
            sent += chunk.bytes().len() as u64;
            self.in_flight.push_back(chunk);
            self.unanswered += 1;
        }
        // News that are lost with a connection are told by another seed, or by the tracker.
        while self.may_send()
            && let Some(news) = outboxes.take_news(self.seed)
        {
            if self.socket.send_multipart([NEWS, &news], zmq::DONTWAIT).is_err() {
                break;
            }
            self.unanswered += 1;
        }
        sent
    }

    fn take(&mut self, answer: Result<Answer, String>, outboxes: &Outboxes, heard: &mut impl FnMut(Heard)) {
        heard(match answer {
            Ok(Answer::Welcome) => {
                self.standing.welcomed();
                Heard::Welcome
            }
            Ok(Answer::Unwelcome(why)) => {
                if self.standing.lost() {
                    outboxes.give_back(self.seed, self.in_flight.drain(..));
                }
                Heard::Unwelcome(why)
            }
            Ok(Answer::Received(id)) => {
                self.in_flight.retain(|chunk| *chunk.id() != id);
                Heard::Received(id)
            }
            Ok(Answer::Heard) => Heard::Told(None),
            Ok(Answer::Unheard(why)) => Heard::Told(Some(why)),
            Ok(Answer::Refused(id, why)) => {
                self.in_flight.retain(|chunk| *chunk.id() != id);
                Heard::Refused(id, why)
            }
            Err(nonsense) => Heard::Nonsense(nonsense),
        });
    }

    fn may_send(&self) -> bool {
        self.standing.is_welcome() && self.in_flight.len() < IN_FLIGHT
    }

    /// The next answer, if there is one. Parts behind the first are no part of an answer.
    fn read(&self) -> Option<Result<Answer, String>> {
        let first = self.socket.recv_msg(zmq::DONTWAIT).ok()?;
        let mut more = first.get_more();
        if !more {
            return Some(Answer::decode(&first).map_err(|refusal| refusal.to_string()));
        }
        while more {
            more = self
                .socket
                .recv_msg(zmq::DONTWAIT)
                .is_ok_and(|part| part.get_more());
        }
        Some(Err("an answer of several frames".into()))
    }

    fn say_hello(&self, secret: &SecretKey) -> bool {
        let hello = Hello {
            version: Version,
            to: self.seed,
            time: now_ms(),
        };
        self.socket.send(&hello.sign(secret)[..], zmq::DONTWAIT).is_ok()
    }
}

/// ZeroMQ knows more kinds of address than a tracker may choose from.
fn check(address: &str) -> Result<(), LinkError> {
    let read = || {
        let (host, port) = address.strip_prefix("tcp://")?.rsplit_once(':')?;
        host.parse::<Host>().ok()?;
        port.parse::<u16>().ok().filter(|port| *port != 0)
    };
    read()
        .map(|_| ())
        .ok_or_else(|| LinkError::Address(address.chars().take(64).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tcp_to_one_host_is_an_address() {
        for good in [
            "tcp://192.0.2.7:8091",
            "tcp://[2001:db8::1]:1",
            "tcp://box.example:65535",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "ipc:///tmp/x",
            "inproc://x",
            "tcp://*:1",
            "tcp://h:0",
            "tcp://h",
            "tcp://a;b:1",
            "pgm://h:1",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
