//! The task that owns the swarm: it reports to the schedule what happens, and sends what the schedule says.
//!
//! Seals are opened here: nothing that is not genuine is told to the schedule, and nothing that a seal does
//! not cover is stored.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::StreamExt;
use libp2p::request_response::{Event as ExchangeEvent, Message, OutboundRequestId, ResponseChannel};
use libp2p::swarm::SwarmEvent;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::{PeerId, Swarm, ping};
use program::store::{Arrival, Store};
use program::window::Verdict;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use wire::chunk::{Chunk, Seal};
use wire::exchange::{Request, Response};
use wire::id::{BoxId, ChunkId};

use super::Command;
use super::behaviour::{Behaviour, BehaviourEvent, box_of};
use super::early::Early;
use super::roster::Roster;
use super::schedule::{Action, Schedule};
use crate::budget::Uplink;
use crate::counts::Counts;
use crate::news::{Following, News, Unopened};

/// Bans that are remembered: names cost nothing, and nothing may grow with them.
const MAX_BANS: usize = 10_000;

/// A request on its way, and what its answer is about.
#[derive(Debug)]
enum Sent {
    Have(BoxId),
    Want(BoxId, ChunkId),
    Done,
}

/// What the node works with.
pub(super) struct Node {
    pub(super) swarm: Swarm<Behaviour>,
    pub(super) store: Store,
    pub(super) schedule: Schedule,
    pub(super) roster: Roster,
    pub(super) news: Following,
    pub(super) uplink: Uplink,
    pub(super) counts: Counts,
    pub(super) peers: BTreeMap<BoxId, PeerId>,
    pub(super) sent: Requests,
    pub(super) early: Early,
    pub(super) banned: VecDeque<PeerId>,
}

/// The requests on their way.
#[derive(Debug, Default)]
pub(super) struct Requests(HashMap<OutboundRequestId, Sent>);

impl Node {
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>, stop: CancellationToken) {
        // Follow first, then look: nothing that is stored in between is missed.
        let mut arrivals = self.store.arrivals();
        self.catch_up().await;
        self.learn().await;
        loop {
            self.act();
            let wake = wait_until(self.wakes_at());
            tokio::select! {
                () = stop.cancelled() => break,
                event = self.swarm.select_next_some() => self.swarm_event(event).await,
                arrival = arrivals.next() => match arrival {
                    Some(Arrival::Chunk(chunk)) => self.schedule.stored(Instant::now(), chunk.id(), chunk.seal()),
                    Some(Arrival::Missed(_)) => self.catch_up().await,
                    None => break,
                },
                Some(command) = commands.recv() => self.command(command),
                Ok(()) = self.news.changed() => self.learn().await,
                () = wake => {}
            }
        }
        let connected: Vec<PeerId> = self.peers.values().copied().collect();
        for peer in connected {
            // It fails when the peer has just left, which is what is wanted.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
    }

    /// Sends what the schedule and the roster have to send.
    fn act(&mut self) {
        let now = Instant::now();
        while let Some(action) = self.schedule.next(now) {
            let (to, request, sent) = match action {
                Action::Have(to, seals) => (to, Request::Have(seals), Sent::Have(to)),
                Action::Want(of, id) => (of, Request::Want(id.clone()), Sent::Want(of, id)),
                Action::Done(to, id) => (to, Request::Done(id), Sent::Done),
            };
            // Whoever left meanwhile must not be dialled for this.
            if let Some(peer) = self.peers.get(&to) {
                let request = self.swarm.behaviour_mut().exchange.send_request(peer, request);
                self.sent.0.insert(request, sent);
            }
        }
        for (peer, address) in self.roster.dials(now) {
            // From a port of its own: two boxes that dial each other from their listening ports would meet in
            // one connection that both of them opened.
            let options = DialOpts::peer_id(peer)
                .addresses(vec![address])
                .allocate_new_port()
                .build();
            if let Err(error) = self.swarm.dial(options) {
                debug!(%error, "not dialled");
                self.unreachable(peer);
            }
        }
    }

    fn wakes_at(&self) -> Option<Instant> {
        self.schedule
            .wakes_at()
            .into_iter()
            .chain(self.roster.wakes_at())
            .min()
    }

    /// The store is read anew: at the start, and when so much was inserted that some of it passed by.
    async fn catch_up(&mut self) {
        for chunk in self.store.held().await {
            self.schedule.stored(Instant::now(), chunk.id(), chunk.seal());
        }
    }

    /// The trackers told something new.
    async fn learn(&mut self) {
        let news = self.news.borrow_and_update().clone();
        self.roster
            .learn(&news.neighbours, |id| self.peers.contains_key(&id));
        for (from, seals) in self.early.take_known(&news) {
            self.told(from, seals, &news).await;
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Wish(name, reply) => {
                let promised = self
                    .schedule
                    .wish(&name.channel, name.epoch, name.track, name.number);
                // The viewer may have gone.
                let _ = reply.send(promised);
            }
        }
    }

    async fn swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished {
                peer_id,
                num_established,
                ..
            } if num_established.get() == 1 => {
                self.joined(peer_id).await;
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                num_established: 0,
                cause,
                ..
            } => {
                let cause = cause.map(|cause| cause.to_string());
                self.left(peer_id, cause.as_deref());
            }
            SwarmEvent::OutgoingConnectionError {
                peer_id: Some(peer),
                error,
                ..
            } => {
                debug!(%peer, %error, "failed to connect to a neighbour");
                self.unreachable(peer);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Exchange(event)) => self.exchange_event(event).await,
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event {
                connection,
                result: Err(ping::Failure::Timeout | ping::Failure::Other { .. }),
                ..
            })) => drop(self.swarm.close_connection(connection)),
            SwarmEvent::ListenerClosed { reason, .. } => warn!(?reason, "no neighbour can connect any more"),
            _ => {}
        }
    }

    async fn joined(&mut self, peer: PeerId) {
        let Some(id) = box_of(&peer) else {
            info!(%peer, "peer is no box: its key is not Ed25519");
            let _ = self.swarm.disconnect_peer_id(peer);
            return;
        };
        self.peers.insert(id, peer);
        self.counts.set_neighbours(self.peers.len());
        self.roster.connected(id);
        let window = self.store.held().await;
        self.schedule.joined(
            id,
            window
                .into_iter()
                .map(|chunk| (chunk.id().clone(), chunk.seal().clone())),
        );
        info!(neighbour = %id, neighbours = self.peers.len(), "neighbour connected");
    }

    fn left(&mut self, peer: PeerId, cause: Option<&str>) {
        let Some(id) = box_of(&peer) else { return };
        if self.peers.remove(&id).is_some() {
            self.counts.set_neighbours(self.peers.len());
            self.schedule.left(id);
            self.early.left(id);
            self.roster.disconnected(Instant::now(), id);
            info!(neighbour = %id, cause, neighbours = self.peers.len(), "neighbour disconnected");
        }
    }

    fn unreachable(&mut self, peer: PeerId) {
        if let Some(id) = box_of(&peer) {
            self.roster.unreachable(Instant::now(), id);
        }
    }

    async fn exchange_event(&mut self, event: ExchangeEvent<Request, Response>) {
        match event {
            ExchangeEvent::Message { peer, message, .. } => {
                let Some(from) = box_of(&peer).filter(|id| self.peers.contains_key(id)) else {
                    return;
                };
                match message {
                    Message::Request { request, channel, .. } => self.requested(from, request, channel).await,
                    Message::Response { request_id, response } => self.answered(request_id, response).await,
                }
            }
            ExchangeEvent::OutboundFailure {
                request_id, error, ..
            } => {
                debug!(%error, "a request failed");
                self.unanswered(request_id);
            }
            // The slot of an answer that did not get through is free again in a moment.
            ExchangeEvent::InboundFailure { error, .. } => debug!(%error, "an answer did not get through"),
            ExchangeEvent::ResponseSent { .. } => {}
        }
    }

    async fn requested(&mut self, from: BoxId, request: Request, channel: ResponseChannel<Response>) {
        match request {
            Request::Have(seals) => {
                self.answer(channel, Response::Ok);
                let news = self.news.borrow().clone();
                self.told(from, seals, &news).await;
            }
            Request::Want(id) => {
                let response = self.serve(from, id).await;
                self.answer(channel, response);
            }
            Request::Done(id) => {
                self.schedule.done(from, &id);
                self.answer(channel, Response::Ok);
            }
        }
    }

    fn answer(&mut self, channel: ResponseChannel<Response>, response: Response) {
        // It fails when the neighbour has gone: then nobody waits for it.
        let _ = self
            .swarm
            .behaviour_mut()
            .exchange
            .send_response(channel, response);
    }

    /// A neighbour promises chunks. Each seal is opened before anything is believed, unless it was before.
    async fn told(&mut self, from: BoxId, seals: Vec<Seal>, news: &Arc<News>) {
        for seal in seals {
            match seal.claimed_id() {
                Ok(id) if self.schedule.knows(&id, &seal) => {
                    self.schedule.told_again(from, &id);
                    continue;
                }
                Ok(_) => {}
                Err(refusal) => return self.ban(from, &refusal.into()),
            }
            let record = match news.open_seal(&seal) {
                Ok(record) => record,
                Err(Unopened::UnknownChannel(channel)) => {
                    self.early.keep(from, channel, seal);
                    continue;
                }
                Err(refused) => return self.ban(from, &refused),
            };
            match self.store.judge(record.clone()).await {
                Ok(Verdict::New) => self.schedule.told(Instant::now(), from, &record, seal),
                Ok(Verdict::Duplicate) => {}
                Err(refused) => debug!(chunk = %record.id, reason = refused.reason(), "not worth fetching"),
            }
        }
    }

    /// What a neighbour that wants a chunk is answered.
    async fn serve(&mut self, to: BoxId, id: ChunkId) -> Response {
        let Some(chunk) = self.store.chunk(id.clone()).await else {
            return Response::Gone;
        };
        let now = Instant::now();
        if !self.uplink.has_room_for_neighbours(now) || !self.schedule.takes_slot(now, to, &id) {
            return Response::Busy;
        }
        self.counts.sent_to_neighbour(chunk.bytes().len());
        Response::Here(chunk.bytes().clone())
    }

    async fn answered(&mut self, request: OutboundRequestId, response: Response) {
        let now = Instant::now();
        match (self.sent.0.remove(&request), response) {
            (Some(Sent::Have(to)), _) => self.schedule.heard(to),
            (Some(Sent::Want(from, id)), Response::Here(bytes)) => self.arrived(from, &id, bytes).await,
            (Some(Sent::Want(from, id)), Response::Busy) => self.schedule.busy(now, from, &id),
            (Some(Sent::Want(from, id)), Response::Gone) => self.schedule.gone(now, from, &id),
            (Some(Sent::Want(from, id)), Response::Ok) => self.schedule.failed(now, from, &id),
            (Some(Sent::Done) | None, _) => {}
        }
    }

    fn unanswered(&mut self, request: OutboundRequestId) {
        match self.sent.0.remove(&request) {
            Some(Sent::Have(to)) => self.schedule.heard(to),
            Some(Sent::Want(from, id)) => self.schedule.failed(Instant::now(), from, &id),
            Some(Sent::Done) | None => {}
        }
    }

    /// A neighbour sent what it was asked for, or so it says.
    async fn arrived(&mut self, from: BoxId, id: &ChunkId, bytes: Bytes) {
        self.schedule.arrived(from, id);
        if self.schedule.holds(id) {
            return;
        }
        let news = self.news.borrow().clone();
        match news.open_chunk(id, bytes) {
            Ok(chunk) => self.store_chunk(chunk).await,
            Err(Unopened::UnknownChannel(_)) => self.schedule.unwanted(id),
            Err(refused) => self.ban(from, &refused),
        }
    }

    async fn store_chunk(&mut self, chunk: Chunk) {
        match self.store.insert(chunk.clone()).await {
            Ok(verdict) => {
                if verdict == Verdict::New {
                    self.counts.accepted_from_neighbour();
                }
                self.schedule.stored(Instant::now(), chunk.id(), chunk.seal());
            }
            Err(refused) => {
                self.counts.refused(refused.reason());
                self.schedule.unwanted(chunk.id());
            }
        }
    }

    /// Whoever hands on what no origin sealed is no neighbour any more, for as long as this process lives and
    /// remembers.
    fn ban(&mut self, id: BoxId, why: &Unopened) {
        let reason = why.reason();
        self.counts.refused(reason);
        if let Some(peer) = self.peers.get(&id).copied() {
            warn!(neighbour = %id, reason, %why, "neighbour banned");
            self.counts.banned();
            self.swarm.behaviour_mut().ban(peer);
            self.banned.push_back(peer);
            if self.banned.len() > MAX_BANS
                && let Some(first) = self.banned.pop_front()
            {
                self.swarm.behaviour_mut().forgive(first);
            }
            self.left(peer, Some("banned"));
        }
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
