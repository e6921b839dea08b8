//! The thread that owns the ZeroMQ sockets: messages in, answers out.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use program::listen::ListenError;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use wire::feed::{Answer, MAX_FRAME_BYTES, MAX_FRAMES};

use super::Judge;
use super::gate::{self, Gate};
use super::inbox::Inbox;
use super::receipts::Receipts;

/// Where libzmq asks about connections.
const GATE: &str = "inproc://zeromq.zap.01";

/// How soon the word to stop is heard.
const LOOK_UP: Duration = Duration::from_millis(100);

/// Answers to one origin that wait to be taken.
const QUEUE: i32 = 16;

/// Messages that are taken from libzmq before anything else has its turn.
const AT_ONCE: usize = 4096;

/// How long a connection may take to say who it is; one that the gate refused tries again after this.
const HANDSHAKE: Duration = Duration::from_millis(1500);

/// How soon an origin that has vanished is missed.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The sockets, bound.
pub(super) struct Sockets {
    origins: zmq::Socket,
    gatekeeper: zmq::Socket,
}

impl Sockets {
    pub(super) fn bind(address: SocketAddr) -> Result<(Self, SocketAddr), ListenError> {
        let refused = |error| ListenError {
            setting: "zmq",
            address,
            error,
        };
        // An ordinary listener tells more exactly what is wrong with an address.
        drop(std::net::TcpListener::bind(address).map_err(refused)?);
        let bound = || {
            let context = zmq::Context::new();
            let gatekeeper = context.socket(zmq::ROUTER)?;
            gatekeeper.bind(GATE)?;
            let origins = context.socket(zmq::ROUTER)?;
            prepare(&origins, address)?;
            origins.bind(&format!("tcp://{address}"))?;
            let endpoint = origins.get_last_endpoint()?.map_err(|_| zmq::Error::EINVAL)?;
            let bound = endpoint
                .strip_prefix("tcp://")
                .and_then(|bound| bound.parse().ok());
            Ok((Self { origins, gatekeeper }, bound.ok_or(zmq::Error::EINVAL)?))
        };
        bound().map_err(|error: zmq::Error| refused(error.into()))
    }

    /// Serves until `stop`.
    pub(super) fn run(self, mut judge: Judge, runtime: &Handle, stop: &CancellationToken) {
        let (mut gate, mut inbox, mut receipts) = (Gate::default(), Inbox::default(), Receipts::default());
        while !stop.is_cancelled() {
            if let Err(error) = self.turn(&mut gate, &mut inbox, &mut judge, &mut receipts, runtime) {
                match error {
                    zmq::Error::EINTR | zmq::Error::EAGAIN => {}
                    error => {
                        warn!(%error, "the feed stumbled");
                        std::thread::sleep(LOOK_UP);
                    }
                }
            }
        }
    }

    /// Waits for something to happen, and handles it.
    fn turn(
        &self,
        gate: &mut Gate,
        inbox: &mut Inbox,
        judge: &mut Judge,
        receipts: &mut Receipts,
        runtime: &Handle,
    ) -> Result<(), zmq::Error> {
        let mut items = [
            self.gatekeeper.as_poll_item(zmq::POLLIN),
            self.origins.as_poll_item(zmq::POLLIN),
        ];
        let nap = receipts.wakes_in(Instant::now()).unwrap_or(LOOK_UP);
        let nap = if inbox.is_empty() { nap } else { Duration::ZERO };
        zmq::poll(&mut items, whole_millis(nap))?;
        let [at_gate, message] = items.map(|item| item.is_readable());
        if at_gate {
            let question = receive(&self.gatekeeper, gate::MAX_FRAMES)?.unwrap_or_default();
            gate.knock(Instant::now(), question);
        }
        let news = judge.around.news.borrow().clone();
        for answer in gate.answers(Instant::now(), &news.origins) {
            self.gatekeeper.send_multipart(answer, zmq::DONTWAIT)?;
        }
        if at_gate && gate.has_strangers() {
            // It may be an origin that no tracker has told of yet.
            judge.around.nudge.give();
        }
        if message {
            self.take_in(inbox)?;
        }
        if let Some((peer, frames)) = inbox.take() {
            self.hear(peer, frames, judge, receipts, runtime)?;
        }
        self.answer(receipts.due(Instant::now()))
    }

    /// Takes what libzmq has, so that it never stops reading: see [`super::inbox`].
    fn take_in(&self, inbox: &mut Inbox) -> Result<(), zmq::Error> {
        for _ in 0..AT_ONCE {
            // The routing id comes first; one frame too many is enough to see that there are too many.
            let mut frames = match receive(&self.origins, MAX_FRAMES + 2) {
                Ok(Some(frames)) => frames,
                Ok(None) => {
                    debug!("a message of very many frames was dropped");
                    continue;
                }
                Err(zmq::Error::EAGAIN) => break,
                Err(error) => return Err(error),
            };
            let peer = frames.remove(0);
            if !inbox.put(peer, frames.into_iter().map(Bytes::from).collect()) {
                debug!("a message of a peer that says too much was dropped");
            }
        }
        Ok(())
    }

    fn hear(
        &self,
        peer: Vec<u8>,
        frames: Vec<Bytes>,
        judge: &mut Judge,
        receipts: &mut Receipts,
        runtime: &Handle,
    ) -> Result<(), zmq::Error> {
        let answer = runtime.block_on(judge.answer(&peer, frames));
        let bytes = answer.encode();
        judge.around.counts.sent_besides(bytes.len());
        receipts.put(Instant::now(), peer, bytes);
        if matches!(answer, Answer::Received(_)) {
            return Ok(());
        }
        self.answer(receipts.all())
    }

    fn answer(&self, answers: Vec<(Vec<u8>, Bytes)>) -> Result<(), zmq::Error> {
        for (peer, answer) in answers {
            // Whoever does not take its answers loses them; the others are not kept waiting.
            match self.origins.send_multipart([&peer[..], &answer], zmq::DONTWAIT) {
                Err(zmq::Error::EAGAIN | zmq::Error::EHOSTUNREACH) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// In zmq's unit, and never so short that it would be no time at all.
fn whole_millis(nap: Duration) -> i64 {
    i64::try_from(nap.as_micros().div_ceil(1000)).unwrap_or(i64::MAX)
}

fn prepare(socket: &zmq::Socket, address: SocketAddr) -> Result<(), zmq::Error> {
    let millis = |duration: Duration| i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
    socket.set_ipv6(address.is_ipv6())?;
    socket.set_linger(0)?;
    socket.set_maxmsgsize(i64::try_from(MAX_FRAME_BYTES).unwrap_or(i64::MAX))?;
    socket.set_rcvhwm(0)?;
    socket.set_sndhwm(QUEUE)?;
    socket.set_handshake_ivl(millis(HANDSHAKE))?;
    socket.set_heartbeat_ivl(millis(HEARTBEAT))?;
    socket.set_heartbeat_timeout(millis(2 * HEARTBEAT))?;
    // Without a domain libzmq does not ask the gate.
    socket.set_zap_domain("feed")
}

/// A message, if it has no more frames than `limit`; all of it is read in any case.
fn receive(socket: &zmq::Socket, limit: usize) -> Result<Option<Vec<Vec<u8>>>, zmq::Error> {
    let mut frames = Vec::new();
    let mut count = 0;
    loop {
        let frame = socket.recv_msg(zmq::DONTWAIT)?;
        count += 1;
        if count <= limit {
            frames.push(frame.to_vec());
        }
        if !frame.get_more() {
            return Ok((count <= limit).then_some(frames));
        }
    }
}
