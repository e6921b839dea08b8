//! What passes in the exchange: promises are heard, chunks fetched, wants answered.
//!
//! Seals are opened here: nothing that is not genuine is told to the schedule, and nothing that a seal does
//! not cover is stored.

use std::sync::Arc;
use std::time::Instant;

use libp2p::PeerId;
use program::window::Verdict;
use tracing::debug;
use wire::chunk::{Chunk, Seal};
use wire::exchange::{Want, Word};
use wire::id::{BoxId, ChunkId};
use wire::parts::Parts;
use wire::seal::Refusal;

use super::super::early::Waiting;
use super::super::handover::{Answer, Event, Outcome, Reply};
use super::super::parcel::Parcel;
use super::super::schedule::Turn;
use super::super::talk::Event as TalkEvent;
use super::{Node, SMALL_WORD};
use crate::news::{News, Unopened};

impl Node {
    /// Something happened as a chunk passes.
    pub(super) async fn handover_event(&mut self, event: Event) {
        match event {
            Event::Wanted(peer, want, answer) => {
                if let Some(to) = self.speaker(peer) {
                    self.wanted(to, want, answer).await;
                }
            }
            Event::Sent(peer, id) => {
                if let Some(to) = self.speaker(peer) {
                    self.schedule.sent(to, &id);
                }
            }
            Event::Silent(peer, id) => {
                if let Some(to) = self.speaker(peer) {
                    self.schedule.lost_its_turn(Instant::now(), to, &id);
                }
            }
            Event::Broke(peer, id) => {
                if let Some(to) = self.speaker(peer) {
                    self.schedule.not_served(to, &id);
                    self.waiting.remove(&(to, id));
                }
            }
            Event::Fetched(peer, id, outcome) => {
                if let Some(of) = self.speaker(peer) {
                    self.fetched(of, id, outcome).await;
                }
            }
        }
    }

    /// Who it is that said something.
    fn speaker(&mut self, peer: PeerId) -> Option<BoxId> {
        let id = self.neighbour(peer)?;
        self.swarm.behaviour_mut().door.places.spoke(peer);
        Some(id)
    }

    /// Something happened on the streams that neighbours talk on.
    pub(super) async fn talk_event(&mut self, event: TalkEvent) {
        match event {
            TalkEvent::Word(peer, word) => {
                let Some(from) = self.speaker(peer) else { return };
                match word {
                    Ok(word) => self.heard(from, word).await,
                    Err(refusal) => self.ban(from, &refusal.into(), &[]),
                }
            }
            TalkEvent::Told(peer) => {
                if let Some(to) = self.speaker(peer) {
                    self.schedule.heard(to);
                }
            }
            TalkEvent::Deaf(peer) => self.is_deaf(peer),
        }
    }

    /// What a neighbour says without waiting for more than that it was heard.
    async fn heard(&mut self, from: BoxId, word: Word) {
        match word {
            Word::Have(seals) => {
                let news = self.news.borrow().clone();
                self.told(from, seals, &news).await;
            }
            Word::Done(id) => self.schedule.done(from, &id),
            Word::Seek(id) => self.schedule.sought(from, &id),
            Word::Leave(channels) => self.leaves(from, channels),
            // What concerns the passing of one chunk is heard by who passes it.
            Word::Want(_) | Word::Take(..) | Word::Stop(_) | Word::Answer(..) | Word::Part(..) => {}
        }
    }

    /// A neighbour promises chunks. Each seal is opened before anything is believed, unless it was before.
    async fn told(&mut self, from: BoxId, seals: Vec<Seal>, news: &Arc<News>) {
        let since = Instant::now();
        for seal in seals {
            let record = match seal.claimed() {
                Ok(record) => record,
                Err(refusal) => return self.ban(from, &refusal.into(), seal.bytes()),
            };
            if self.schedule.knows(&record.id, &seal) {
                self.schedule.told_again(from, &record.id);
                continue;
            }
            let channel = record.id.channel.clone();
            if !news.takes(&channel) {
                continue;
            }
            let waiting = Waiting {
                channel: channel.clone(),
                seal,
                since,
            };
            if self.early.holds_back(from, &channel) {
                self.early.keep(from, waiting);
                continue;
            }
            // What would not be kept is not worth the work of opening it.
            match self.store.judge(record).await {
                Ok(Verdict::New) => {}
                Ok(Verdict::Duplicate) => continue,
                Err(refused) => {
                    debug!(neighbour = %from, reason = refused.reason(), "not worth fetching");
                    continue;
                }
            }
            let proof = waiting.seal.bytes().clone();
            if let Err(refused) = self.opened(from, waiting, news) {
                return self.ban(from, &refused, &proof);
            }
            if news.keys_of(&channel).is_some() && self.early.holds_back(from, &channel) {
                self.nudge.give();
            }
        }
    }

    /// The trackers have answered: seals that no key opened are tried again.
    pub(super) fn told_earlier(&mut self, news: &News) {
        for (from, waiting) in self.early.take_known(news) {
            for waiting in waiting {
                let proof = waiting.seal.bytes().clone();
                let tried = if self.early.holds_back(from, &waiting.channel) {
                    self.early.keep(from, waiting);
                    Ok(())
                } else {
                    self.opened(from, waiting, news)
                };
                if let Err(refused) = tried {
                    self.ban(from, &refused, &proof);
                    break;
                }
            }
        }
    }

    /// Opens a seal and tells the schedule of it; one that may be opened by a key yet to be told waits. Fails for
    /// what cannot be genuine.
    fn opened(&mut self, from: BoxId, waiting: Waiting, news: &News) -> Result<(), Unopened> {
        match news.open_seal(&waiting.seal) {
            Ok(record) => self.schedule.told(Instant::now(), from, &record, waiting.seal),
            Err(Unopened::UnknownChannel(_)) => self.early.keep(from, waiting),
            Err(Unopened::Refused(Refusal::Forged(_))) if !waiting.is_over(news) => {
                debug!(neighbour = %from, channel = %waiting.channel, "a seal waits for its key");
                self.early.keep(from, waiting);
            }
            Err(refused) => return Err(refused),
        }
        Ok(())
    }

    /// Asks a neighbour for a chunk; whoever left meanwhile must not be dialled for this.
    pub(super) fn ask(&mut self, of: BoxId, id: ChunkId) {
        let peer = self.peers.get(&of).copied();
        let Some(neighbour) = peer.and_then(|peer| Some((peer, self.talks.line(peer)?))) else {
            return;
        };
        let Some(parcel) = self.parcel_to_come(&id) else {
            return self.schedule.unwanted(&id);
        };
        self.counts.sent_besides(SMALL_WORD);
        // If another is to give it, that one does not.
        parcel.is_not_taken();
        let end = self
            .handover
            .fetch(neighbour, id.clone(), parcel, self.schedule.hands_on());
        self.parcels.is_asked_of(id, of, end);
    }

    /// What is here of a promised chunk. Nothing when its seal does not open any more, by a key that was withdrawn.
    fn parcel_to_come(&mut self, id: &ChunkId) -> Option<Parcel> {
        if let Some(parcel) = self.parcels.get(id) {
            return Some(parcel.clone());
        }
        let seal = self.schedule.seal_of(id)?;
        let verified = self.news.borrow().verify(seal);
        let parts = verified.ok().and_then(|verified| Parts::awaited(verified).ok())?;
        let parcel = Parcel::new(parts);
        self.parcels.insert(id.clone(), parcel.clone());
        Some(parcel)
    }

    /// A neighbour wants a chunk: it is answered now, or when a slot is free.
    async fn wanted(&mut self, to: BoxId, want: Want, answer: Answer) {
        let id = want.id;
        self.schedule.says_that_it_hands_on(to, want.hands_on);
        let Some(parcel) = self.parcel_for(to, &id).await else {
            return reply(&answer, Reply::Gone);
        };
        let now = Instant::now();
        if !self.uplink.has_room_for_neighbours(now) {
            return reply(&answer, Reply::Busy);
        }
        let worth = self.schedule.worth_of(to, &id);
        match self.schedule.wanted(now, to, &id, parcel.size()) {
            Turn::Now => reply(&answer, Reply::Here(to, parcel, worth)),
            Turn::Wait => {
                reply(&answer, Reply::Wait);
                self.waiting.insert((to, id), answer);
            }
            Turn::Busy => reply(&answer, Reply::Busy),
        }
    }

    /// The turn of a neighbour that waited has come.
    pub(super) async fn serve(&mut self, to: BoxId, id: ChunkId) {
        let Some(answer) = self.waiting.remove(&(to, id.clone())) else {
            return self.schedule.not_served(to, &id);
        };
        let answered = if !self.uplink.has_room_for_neighbours(Instant::now()) {
            Reply::Busy
        } else if let Some(parcel) = self.parcel_for(to, &id).await {
            Reply::Here(to, parcel, self.schedule.worth_of(to, &id))
        } else {
            Reply::Gone
        };
        if !matches!(answered, Reply::Here(..)) {
            self.schedule.not_served(to, &id);
        }
        reply(&answer, answered);
    }

    /// A neighbour that waited is better off elsewhere.
    pub(super) fn refuse(&mut self, to: BoxId, id: ChunkId) {
        if let Some(answer) = self.waiting.remove(&(to, id)) {
            reply(&answer, Reply::Busy);
        }
    }

    /// What there is to give of a chunk. It goes to each neighbour once: the budget is for those who watch.
    async fn parcel_for(&mut self, to: BoxId, id: &ChunkId) -> Option<Parcel> {
        if self.schedule.was_given(to, id) {
            return None;
        }
        if let Some(parcel) = self.parcels.get(id).filter(|parcel| parcel.here() > 0) {
            return Some(parcel.clone());
        }
        let chunk = self.store.chunk(id.clone()).await?;
        let parcel = Parcel::new(Parts::of(&chunk));
        self.parcels.insert(id.clone(), parcel.clone());
        Some(parcel)
    }

    async fn fetched(&mut self, of: BoxId, id: ChunkId, outcome: Outcome) {
        let now = Instant::now();
        if !self.parcels.is_awaited_of(&id, of) {
            return;
        }
        match outcome {
            Outcome::Waits => return self.schedule.waits(of, &id),
            Outcome::Begins => return self.schedule.begins(now, of, &id),
            Outcome::Comes(bytes) => {
                self.counts.had_from_neighbour(now, of, bytes);
                return self.schedule.comes(now, of, &id);
            }
            _ => {}
        }
        self.parcels.has_answered(&id, of);
        match outcome {
            Outcome::Whole(bytes) => {
                self.counts.had_from_neighbour(now, of, bytes);
                self.arrived(of, &id).await;
            }
            Outcome::Declined => self.schedule.declined(of, &id),
            Outcome::Busy => self.schedule.busy(now, of, &id),
            Outcome::Gone => self.schedule.gone(now, of, &id),
            Outcome::Failed | Outcome::Waits | Outcome::Begins | Outcome::Comes(_) => {
                self.schedule.failed(now, of, &id);
            }
            Outcome::Refused(refusal, bytes) => self.ban(of, &refusal.into(), &bytes),
        }
        self.parcels.keep(|chunk| self.schedule.awaits(chunk));
    }

    /// The last part of a chunk came.
    async fn arrived(&mut self, from: BoxId, id: &ChunkId) {
        let Some(parcel) = self.parcels.get(id).cloned() else {
            return;
        };
        self.schedule.arrived(Instant::now(), from, id, parcel.size());
        if self.schedule.holds(id) {
            return;
        }
        match parcel.chunk() {
            Ok(chunk) => self.store_chunk(chunk).await,
            // Each part is what the origin sealed: the whole is not what chunks are.
            Err(refusal) => {
                self.counts.refused(refusal.reason());
                self.schedule.unwanted(id);
            }
        }
    }

    async fn store_chunk(&mut self, chunk: Chunk) {
        match self.store.insert(chunk.clone()).await {
            Ok(verdict) => {
                if verdict == Verdict::New {
                    self.counts.accepted_from_neighbour();
                }
                self.stored(chunk.verified());
            }
            Err(refused) => {
                self.counts.refused(refused.reason());
                self.schedule.unwanted(chunk.id());
            }
        }
    }
}

/// It fails when the neighbour has gone: then nobody waits for it.
fn reply(answer: &Answer, reply: Reply) {
    let _ = answer.try_send(reply);
}
