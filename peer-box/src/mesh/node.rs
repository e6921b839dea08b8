//! The task that owns the swarm: it reports to the schedule what happens, and sends what the schedule says.

mod exchange;
mod leaving;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use futures::StreamExt;
use libp2p::swarm::SwarmEvent;
use libp2p::{PeerId, Swarm, ping};
use program::store::{Arrival, Store};
use rand::rngs::StdRng;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use wire::chunk::Verified;
use wire::exchange::Word;
use wire::id::{BoxId, ChunkId};

pub(super) use self::leaving::Leaving;
use super::Command;
use super::behaviour::{Behaviour, BehaviourEvent, box_of, peer_of};
use super::early::Early;
use super::handover::{Answer, Handover};
use super::hear::Hearing;
use super::meet::{Meetings, dial_options};
use super::parcels::Parcels;
use super::roster::Roster;
use super::schedule::{Action, Schedule};
use super::talk::{self, Talks};
use crate::budget::Uplink;
use crate::counts::Counts;
use crate::news::{Following, Unopened};
use crate::nudge::Nudge;
use crate::reports::Reports;

/// Bans that are remembered: names cost nothing, and nothing may grow with them.
const MAX_BANS: usize = 10_000;

/// Words that are heard at once.
const AT_ONCE: usize = 32;

/// About how many bytes a word takes that is a name, and what goes round it.
const SMALL_WORD: usize = 64;

/// How often neighbours are compared.
pub(super) const CHOOSE_EVERY: Duration = Duration::from_mins(1);

/// What the node works with.
pub(super) struct Node {
    pub(super) swarm: Swarm<Behaviour>,
    pub(super) store: Store,
    pub(super) schedule: Schedule,
    pub(super) roster: Roster,
    pub(super) random: StdRng,
    /// When neighbours are compared next.
    pub(super) next_choice: Instant,
    pub(super) news: Following,
    pub(super) nudge: Nudge,
    pub(super) uplink: Uplink,
    pub(super) counts: Counts,
    pub(super) reports: Reports,
    pub(super) peers: BTreeMap<BoxId, PeerId>,
    pub(super) handover: Handover,
    pub(super) parcels: Parcels,
    /// Wants that wait for an upload slot, and where their answers go.
    pub(super) waiting: BTreeMap<(BoxId, ChunkId), Answer>,
    pub(super) talks: Talks,
    pub(super) early: Early,
    pub(super) banned: VecDeque<PeerId>,
    pub(super) meetings: Meetings,
    pub(super) hearing: Hearing,
    pub(super) leaving: Leaving,
}

impl Node {
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>, stop: CancellationToken) {
        // Whatever ends this task ends the box: without it nothing is passed on any more.
        let _end = stop.clone().drop_guard();
        // Follow first, then look: nothing that is stored in between is missed.
        let mut arrivals = self.store.arrivals();
        self.catch_up().await;
        self.learn();
        loop {
            self.act().await;
            let wake = wait_until(self.wakes_at());
            tokio::select! {
                () = stop.cancelled() => break,
                event = self.swarm.select_next_some() => self.swarm_event(event).await,
                Some(event) = self.talks.next() => self.talk_events(event).await,
                Some(event) = self.handover.next() => self.handover_event(event).await,
                arrival = arrivals.next() => match arrival {
                    Some(Arrival::Chunk(chunk)) => self.stored(chunk.verified()),
                    Some(Arrival::Missed(_)) => self.catch_up().await,
                    None => break,
                },
                Some(bytes) = self.hearing.feed.recv() => self.told_by_origin(bytes).await,
                Some(command) = commands.recv() => self.command(command),
                Ok(()) = self.news.changed() => self.learn(),
                () = wake => {}
            }
        }
        self.leave_all();
    }

    /// What several neighbours said is heard before anything is said to it: often they say the same.
    async fn talk_events(&mut self, first: talk::Event) {
        self.talk_event(first).await;
        for _ in 1..AT_ONCE {
            let Some(event) = self.talks.ready() else { return };
            self.talk_event(event).await;
        }
    }

    /// Sends what the schedule and the roster have to send.
    async fn act(&mut self) {
        let now = Instant::now();
        while let Some(action) = self.schedule.next(now) {
            match action {
                Action::Have(to, seals) => self.say(to, Word::Have(seals)),
                Action::Done(to, id) => self.say(to, Word::Done(id)),
                Action::Seek(of, id) => self.say(of, Word::Seek(id)),
                Action::Want(of, id) => self.ask(of, id),
                Action::Serve(to, id) => self.serve(to, id).await,
                Action::Refuse(to, id) => self.refuse(to, id),
                Action::Withdraw(of, id) => self.parcels.withdraw(&id, of),
                Action::Leave(id) => self.lost_its_place(now, id),
            }
        }
        for (peer, address) in self.roster.dials(now) {
            if let Err(error) = self.swarm.dial(dial_options(peer, &address)) {
                debug!(%error, "not dialled");
                self.unreachable(peer);
            }
        }
        self.meet(now);
        self.settle(now);
        self.tell_again(now).await;
        self.make_room(now);
    }

    /// The neighbour of that name. There are few, and the way from a name to a box leads over its key, which costs more.
    pub(super) fn neighbour(&self, peer: PeerId) -> Option<BoxId> {
        let mut peers = self.peers.iter();
        peers.find(|(_, known)| **known == peer).map(|(id, _)| *id)
    }

    /// Tells a neighbour; whoever left meanwhile is not.
    pub(super) fn say(&mut self, to: BoxId, word: Word) {
        let Some(peer) = self.peers.get(&to).copied() else {
            return;
        };
        self.counts.sent_besides(weight(&word));
        if !self.talks.say(peer, word) {
            self.is_deaf(peer);
        }
    }

    /// A neighbour withholds, drips or lies about what it holds: another may have its place.
    fn lost_its_place(&mut self, now: Instant, id: BoxId) {
        self.roster.shun(now, id);
        if let Some(peer) = self.peers.get(&id).copied() {
            info!(neighbour = %id, "a neighbour that does not deliver loses its place");
            let _ = self.swarm.disconnect_peer_id(peer);
            self.left(peer, Some("it does not deliver"));
        }
    }

    /// Whoever gives and takes far less than the others makes room now and then, while there are others to try.
    fn make_room(&mut self, now: Instant) {
        if now < self.next_choice {
            return;
        }
        self.next_choice = now + CHOOSE_EVERY;
        let passed = self.schedule.take_worths();
        if let Some(least) = self.roster.makes_room(now, &passed, &mut self.random)
            && let Some(peer) = self.peers.get(&least).copied()
        {
            debug!(neighbour = %least, "makes room for another");
            self.roster.shun(now, least);
            let _ = self.swarm.disconnect_peer_id(peer);
        }
    }

    /// A neighbour that cannot be told anything is of no use, nor of any to it.
    fn is_deaf(&mut self, peer: PeerId) {
        if self.peers.values().any(|other| *other == peer) {
            debug!(%peer, "a neighbour does not listen");
            let _ = self.swarm.disconnect_peer_id(peer);
        }
    }

    fn wakes_at(&self) -> Option<Instant> {
        self.schedule
            .wakes_at()
            .into_iter()
            .chain(self.roster.wakes_at())
            .chain(self.meets_at())
            .chain(self.hearing.wakes_at())
            .chain(self.leaving.wakes_at())
            .chain([self.next_choice])
            .min()
    }

    pub(super) fn stored(&mut self, chunk: &Verified) {
        let bytes = chunk.record().size as usize;
        self.schedule
            .stored(Instant::now(), chunk.id(), chunk.seal(), bytes);
        self.parcels.is_here(chunk.id());
    }

    /// The store is read anew: at the start, and when so much was inserted that some of it passed by.
    async fn catch_up(&mut self) {
        for chunk in self.store.held().await {
            self.stored(&chunk);
        }
    }

    /// The trackers told something new.
    fn learn(&mut self) {
        let news = self.news.borrow_and_update().clone();
        if self.uplink.closed().is_some() {
            self.leave_all();
        }
        let named = news.neighbours.iter();
        self.swarm
            .behaviour_mut()
            .door
            .places
            .name(named.filter_map(|neighbour| peer_of(&neighbour.key)));
        self.roster
            .learn(&news.neighbours, |id| self.peers.contains_key(&id));
        self.schedule.give_first(news.giving.clone());
        self.note_reach();
        self.leave(&news);
        self.told_earlier(&news);
        self.settle_doubts();
    }

    /// Whoever is served nothing here needs no place here.
    fn leave_all(&mut self) {
        let connected: Vec<PeerId> = self.peers.values().copied().collect();
        for peer in connected {
            // It fails when the peer has just left, which is what is wanted.
            let _ = self.swarm.disconnect_peer_id(peer);
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
                connection_id,
                endpoint,
                ..
            } => self.connected(peer_id, connection_id, &endpoint).await,
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                cause,
                ..
            } => {
                let cause = cause.map(|cause| cause.to_string());
                self.disconnected(peer_id, connection_id, cause.as_deref());
            }
            SwarmEvent::OutgoingConnectionError {
                peer_id: Some(peer),
                error,
                ..
            } => {
                debug!(%peer, %error, "failed to connect to a neighbour");
                self.unreachable(peer);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event {
                connection,
                result: Err(ping::Failure::Timeout | ping::Failure::Other { .. }),
                ..
            })) => drop(self.swarm.close_connection(connection)),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event {
                peer,
                result: Ok(took),
                ..
            })) => {
                if let Some(id) = self.neighbour(peer) {
                    self.counts.round_trip(id, took);
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => self.gossiped(event).await,
            SwarmEvent::Behaviour(event) => self.met(event),
            SwarmEvent::ExternalAddrConfirmed { address } => self.is_found_at(&address),
            SwarmEvent::ListenerClosed {
                listener_id, reason, ..
            } => self.listener_closed(listener_id, &reason),
            _ => {}
        }
    }

    pub(super) async fn joined(&mut self, peer: PeerId) {
        let Some(id) = box_of(&peer) else {
            debug!(%peer, "peer is no box: its key is not Ed25519");
            let _ = self.swarm.disconnect_peer_id(peer);
            return;
        };
        if self.uplink.closed().is_some() || self.roster.is_shunned(Instant::now(), id) {
            let _ = self.swarm.disconnect_peer_id(peer);
            return;
        }
        self.peers.insert(id, peer);
        self.talks.begin(peer);
        self.counts.joined(id);
        self.roster.connected(Instant::now(), id);
        self.say_what_is_left(id);
        let window = self.store.held().await;
        self.schedule.joined(
            id,
            window
                .into_iter()
                .map(|chunk| (chunk.id().clone(), chunk.seal().clone())),
        );
        info!(neighbour = %id, neighbours = self.peers.len(), "neighbour connected");
    }

    pub(super) fn left(&mut self, peer: PeerId, cause: Option<&str>) {
        let Some(id) = box_of(&peer) else { return };
        self.talks.end(peer);
        if self.peers.remove(&id).is_some() {
            self.counts.left(id);
            self.schedule.left(id);
            self.early.left(id);
            self.leaving.left(id);
            self.waiting.retain(|(by, _), _| *by != id);
            self.parcels.left(id);
            self.parcels.keep(|chunk| self.schedule.awaits(chunk));
            self.roster.disconnected(Instant::now(), id);
            info!(neighbour = %id, cause, neighbours = self.peers.len(), "neighbour disconnected");
        }
    }

    fn unreachable(&mut self, peer: PeerId) {
        self.meetings.candidates.unreachable(Instant::now(), peer);
        if let Some(id) = box_of(&peer) {
            self.roster.unreachable(Instant::now(), id);
        }
    }

    /// Whoever hands on what no origin sealed is no neighbour any more, for as long as this process lives and
    /// remembers. The trackers are told, and shown what it handed on, where that is at hand.
    pub(super) fn ban(&mut self, id: BoxId, why: &Unopened, proof: &[u8]) {
        let reason = why.reason();
        self.counts.refused(reason);
        if let Some(peer) = self.peers.get(&id).copied() {
            warn!(neighbour = %id, reason, %why, "neighbour banned");
            self.counts.banned();
            self.reports.tell(id, reason, proof);
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

/// About how many bytes a word takes on its way.
fn weight(word: &Word) -> usize {
    match word {
        Word::Have(seals) => SMALL_WORD + seals.iter().map(|seal| seal.bytes().len()).sum::<usize>(),
        _ => SMALL_WORD,
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
