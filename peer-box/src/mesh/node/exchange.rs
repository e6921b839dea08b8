//! What passes in the exchange: promises are heard, chunks fetched, wants answered.
//!
//! Seals are opened here: nothing that is not genuine is told to the schedule, and nothing that a seal does
//! not cover is stored.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use libp2p::request_response::{Event as ExchangeEvent, Message, OutboundRequestId};
use program::window::Verdict;
use tracing::debug;
use wire::chunk::{Chunk, Seal};
use wire::exchange::{Request, Response};
use wire::id::{BoxId, ChunkId};
use wire::seal::Refusal;

use super::super::early::Waiting;
use super::super::schedule::Turn;
use super::super::talk::Event as TalkEvent;
use super::{Answer, Node};
use crate::news::{News, Unopened};

/// A message, or why what came is none.
type Heard<Message> = Result<Message, Refusal>;

impl Node {
    pub(super) async fn exchange_event(&mut self, event: ExchangeEvent<Heard<Request>, Heard<Response>>) {
        match event {
            ExchangeEvent::Message { peer, message, .. } => {
                let Some(from) = self.neighbour(peer) else {
                    return;
                };
                self.swarm.behaviour_mut().door.places.spoke(peer);
                match message {
                    Message::Request {
                        request: Ok(request),
                        channel,
                        ..
                    } => self.requested(from, request, channel).await,
                    Message::Response {
                        request_id,
                        response: Ok(response),
                    } => self.answered(request_id, response).await,
                    Message::Request {
                        request: Err(refusal),
                        ..
                    } => self.ban(from, &refusal.into(), &[]),
                    Message::Response {
                        request_id,
                        response: Err(refusal),
                    } => {
                        self.unanswered(request_id);
                        self.ban(from, &refusal.into(), &[]);
                    }
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

    /// Something happened on the streams that neighbours talk on.
    pub(super) async fn talk_event(&mut self, event: TalkEvent) {
        match event {
            TalkEvent::Word(peer, word) => {
                let Some(from) = self.neighbour(peer) else {
                    return;
                };
                self.swarm.behaviour_mut().door.places.spoke(peer);
                match word {
                    Ok(word) => self.heard(from, word).await,
                    Err(refusal) => self.ban(from, &refusal.into(), &[]),
                }
            }
            TalkEvent::Told(peer) => {
                if let Some(to) = self.neighbour(peer) {
                    self.schedule.heard(to);
                }
            }
            TalkEvent::Deaf(peer) => self.is_deaf(peer),
        }
    }

    async fn requested(&mut self, from: BoxId, request: Request, channel: Answer) {
        if let Request::Want(id) = request {
            return self.wanted(from, id, channel).await;
        }
        self.heard(from, request).await;
        self.answer(channel, Response::Ok);
    }

    /// What a neighbour says without waiting for more than that it was heard.
    async fn heard(&mut self, from: BoxId, word: Request) {
        match word {
            Request::Have(seals) => {
                let news = self.news.borrow().clone();
                self.told(from, seals, &news).await;
            }
            Request::Done(id) => self.schedule.done(from, &id),
            // Its answer would have nowhere to go.
            Request::Want(_) => {}
        }
    }

    fn answer(&mut self, channel: Answer, response: Response) {
        // It fails when the neighbour has gone: then nobody waits for it.
        let exchange = &mut self.swarm.behaviour_mut().exchange;
        let _ = exchange.send_response(channel, Ok(response));
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

    /// A neighbour wants a chunk: it is answered now, or when a slot is free.
    async fn wanted(&mut self, to: BoxId, id: ChunkId, channel: Answer) {
        // A chunk goes to each neighbour once: the budget is for those who watch.
        if self.schedule.is_known_to(to, &id) {
            return self.answer(channel, Response::Gone);
        }
        let Some(chunk) = self.store.chunk(id.clone()).await else {
            return self.answer(channel, Response::Gone);
        };
        let now = Instant::now();
        if !self.uplink.has_room_for_neighbours(now) {
            return self.answer(channel, Response::Busy);
        }
        let bytes = chunk.bytes().len();
        match self.schedule.wanted(now, to, &id, bytes) {
            Turn::Now => {
                self.counts.sent_to_neighbour(to, bytes);
                self.answer(channel, Response::Here(chunk.bytes().clone()));
            }
            Turn::Wait => drop(self.waiting.insert((to, id), channel)),
            Turn::Busy => self.answer(channel, Response::Busy),
        }
    }

    /// The turn of a neighbour that waited has come.
    pub(super) async fn serve(&mut self, to: BoxId, id: ChunkId) {
        let Some(channel) = self.waiting.remove(&(to, id.clone())) else {
            return self.schedule.not_served(to, &id);
        };
        let response = if self.schedule.is_known_to(to, &id) {
            Response::Gone
        } else if !self.uplink.has_room_for_neighbours(Instant::now()) {
            Response::Busy
        } else if let Some(chunk) = self.store.chunk(id.clone()).await {
            self.counts.sent_to_neighbour(to, chunk.bytes().len());
            Response::Here(chunk.bytes().clone())
        } else {
            Response::Gone
        };
        if !matches!(response, Response::Here(_)) {
            self.schedule.not_served(to, &id);
        }
        self.answer(channel, response);
    }

    /// A neighbour that waited is better off elsewhere.
    pub(super) fn refuse(&mut self, to: BoxId, id: ChunkId) {
        if let Some(channel) = self.waiting.remove(&(to, id)) {
            self.answer(channel, Response::Busy);
        }
    }

    async fn answered(&mut self, request: OutboundRequestId, response: Response) {
        let Some((from, id)) = self.wants.0.remove(&request) else {
            return;
        };
        let now = Instant::now();
        match response {
            Response::Here(bytes) => self.arrived(from, &id, bytes).await,
            Response::Busy => self.schedule.busy(now, from, &id),
            Response::Gone => self.schedule.gone(now, from, &id),
            Response::Ok => self.schedule.failed(now, from, &id),
        }
    }

    fn unanswered(&mut self, request: OutboundRequestId) {
        if let Some((from, id)) = self.wants.0.remove(&request) {
            self.schedule.failed(Instant::now(), from, &id);
        }
    }

    /// A neighbour sent what it was asked for, or so it says.
    async fn arrived(&mut self, from: BoxId, id: &ChunkId, bytes: Bytes) {
        let now = Instant::now();
        self.schedule.arrived(now, from, id, bytes.len());
        self.counts.had_from_neighbour(now, from, bytes.len());
        if self.schedule.holds(id) {
            return;
        }
        let news = self.news.borrow().clone();
        match news.open_chunk(id, bytes.clone()) {
            Ok(chunk) => self.store_chunk(chunk).await,
            Err(Unopened::UnknownChannel(_)) => self.schedule.unwanted(id),
            // Its key is no longer one of the channel's: who promised it in good faith is no forger.
            Err(Unopened::Refused(refusal @ Refusal::Forged(_))) if !self.is_promised_by_key(id, &news) => {
                self.counts.refused(refusal.reason());
                self.schedule.unwanted(id);
            }
            Err(refused) => self.ban(from, &refused, &bytes),
        }
    }

    /// Whether the chunk's promise bears a seal that opens now.
    fn is_promised_by_key(&self, id: &ChunkId, news: &News) -> bool {
        self.schedule
            .seal_of(id)
            .is_some_and(|seal| news.open_seal(seal).is_ok())
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
