//! News of origins: they come by the feed or from neighbours, are judged, and go on to the others.
//!
//! A box passes on that an epoch begins once it has that epoch's init segments. So whoever hears of an epoch from a
//! neighbour can have them from that neighbour at once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use libp2p::PeerId;
use libp2p::gossipsub::{Event, MessageAcceptance, MessageId};
use program::window::Verdict;
use tokio::sync::mpsc;
use tracing::{debug, info};
use wire::chunk::Seal;
use wire::id::{BoxId, ChunkId};
use wire::news::{News, Turn};
use wire::seal::Refusal;

use super::gossip::topic;
use super::node::Node;
use super::tidings::Tidings;
use crate::news::Unopened;

/// News from origins under way before further ones are left out: seeds hear them from each other, too.
pub(crate) const MAILBOX: usize = 16;

/// How long news of an epoch waits for its init segments. The gossip keeps a message for five seconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// News that wait for init segments, and those that no known key opened.
const MAX_WAITING: usize = 16;
const MAX_DOUBTED: usize = 32;

/// How much later than a neighbour a tracker may know what that neighbour knew.
const TRACKERS_LAG: Duration = Duration::from_secs(2);

/// News of which the init segments are not here yet.
#[derive(Debug)]
struct Waiting {
    from: PeerId,
    message: MessageId,
    inits: Vec<ChunkId>,
    until: Instant,
}

/// News that may be signed by a key yet to be told, or forged.
#[derive(Debug)]
struct Doubted {
    from: BoxId,
    bytes: Bytes,
    since: Instant,
}

/// What is heard, and not yet done with.
#[derive(Debug)]
pub(super) struct Hearing {
    /// From the feed, verified there, and from trackers.
    pub(super) feed: mpsc::Receiver<Bytes>,
    tidings: Tidings,
    waiting: VecDeque<Waiting>,
    doubted: VecDeque<Doubted>,
}

impl Hearing {
    pub(super) fn new(feed: mpsc::Receiver<Bytes>) -> Self {
        Self {
            feed,
            tidings: Tidings::default(),
            waiting: VecDeque::new(),
            doubted: VecDeque::new(),
        }
    }

    /// When [`Node::settle`] is worth calling although nothing happened.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.waiting.iter().map(|waiting| waiting.until).min()
    }
}

impl Node {
    /// An origin told this box, as one of its seeds, or by a tracker.
    pub(super) async fn told_by_origin(&mut self, bytes: Bytes) {
        let Ok(claimed) = News::claimed(&bytes) else {
            return;
        };
        if !self.hearing.tidings.is_new(&claimed) {
            return;
        }
        let Ok(news) = self.opened_news(&claimed, &bytes) else {
            return;
        };
        self.take(&news).await;
        let published = self.swarm.behaviour_mut().gossip.publish(topic(), bytes);
        if let Err(error) = published {
            debug!(%error, "news not passed on");
        }
    }

    /// A neighbour passed something on.
    pub(super) async fn gossiped(&mut self, event: Event) {
        let Event::Message {
            propagation_source: from,
            message_id: id,
            message,
        } = event
        else {
            return;
        };
        let acceptance = self.judge_news(from, &id, message.data.into()).await;
        if let Some(acceptance) = acceptance {
            self.report(from, &id, acceptance);
        }
    }

    /// News that waited: they go on once their init segments are here, and not at all when these do not come.
    pub(super) fn settle(&mut self, now: Instant) {
        for _ in 0..self.hearing.waiting.len() {
            let Some(waiting) = self.hearing.waiting.pop_front() else {
                return;
            };
            if waiting.inits.iter().all(|id| self.schedule.holds(id)) {
                self.report(waiting.from, &waiting.message, MessageAcceptance::Accept);
            } else if now >= waiting.until {
                self.report(waiting.from, &waiting.message, MessageAcceptance::Ignore);
            } else {
                self.hearing.waiting.push_back(waiting);
            }
        }
    }

    /// The trackers have answered: what still no key opens was forged by who passed it on.
    pub(super) fn settle_doubts(&mut self) {
        let news = self.news.borrow().clone();
        for doubted in std::mem::take(&mut self.hearing.doubted) {
            let has_time = news
                .as_of
                .is_none_or(|as_of| as_of < doubted.since + TRACKERS_LAG);
            let keys = News::claimed(&doubted.bytes)
                .ok()
                .and_then(|claimed| news.keys_of(&claimed.channel).map(<[_]>::to_vec));
            match keys.map(|keys| News::open(&doubted.bytes, &keys)) {
                Some(Err(_)) if has_time => self.hearing.doubted.push_back(doubted),
                Some(Err(refusal)) => self.ban(doubted.from, &refusal.into(), &doubted.bytes),
                Some(Ok(_)) | None => {}
            }
        }
    }

    /// What becomes of a message; nothing yet, if it waits.
    async fn judge_news(&mut self, from: PeerId, id: &MessageId, bytes: Bytes) -> Option<MessageAcceptance> {
        let (ignored, rejected) = (Some(MessageAcceptance::Ignore), Some(MessageAcceptance::Reject));
        let Some(neighbour) = self.neighbour(from) else {
            return ignored;
        };
        let is_doubted = |doubted: &Doubted| doubted.from == neighbour;
        if self.hearing.doubted.iter().any(is_doubted) {
            // Forgeries must not cost more than the first look.
            return ignored;
        }
        let claimed = match News::claimed(&bytes) {
            Ok(claimed) => claimed,
            Err(refusal) => {
                self.ban(neighbour, &refusal.into(), &bytes);
                return rejected;
            }
        };
        if !self.hearing.tidings.is_new(&claimed) {
            return ignored;
        }
        match self.opened_news(&claimed, &bytes) {
            Ok(news) => {
                let inits = self.take(&news).await;
                self.fetch_inits(neighbour, &news, &inits);
                if inits.is_empty() {
                    return Some(MessageAcceptance::Accept);
                }
                if self.hearing.waiting.len() >= MAX_WAITING {
                    return ignored;
                }
                self.hearing.waiting.push_back(Waiting {
                    from,
                    message: id.clone(),
                    inits,
                    until: Instant::now() + PATIENCE,
                });
                None
            }
            Err(Unopened::Refused(Refusal::Forged(_))) if self.hearing.doubted.len() < MAX_DOUBTED => {
                debug!(%neighbour, channel = %claimed.channel, "news wait for their key");
                self.hearing.doubted.push_back(Doubted {
                    from: neighbour,
                    bytes,
                    since: Instant::now(),
                });
                self.nudge.give();
                ignored
            }
            Err(Unopened::UnknownChannel(_) | Unopened::Refused(Refusal::Forged(_))) => ignored,
            Err(refused) => {
                self.ban(neighbour, &refused, &bytes);
                rejected
            }
        }
    }

    fn opened_news(&self, claimed: &News, bytes: &[u8]) -> Result<News, Unopened> {
        let news = self.news.borrow();
        let keys = news.keys_of(&claimed.channel);
        let keys = keys.ok_or_else(|| Unopened::UnknownChannel(claimed.channel.clone()))?;
        Ok(News::open(bytes, keys)?)
    }

    /// Does what genuine news say. Returns the init segments that are not here yet.
    async fn take(&mut self, news: &News) -> Vec<ChunkId> {
        let News { channel, epoch, turn } = news;
        self.hearing.tidings.note(news);
        match turn {
            // Whoever carries it may hear of it through a box that does not.
            Turn::Begins(_) if !self.news.borrow().takes(channel) => Vec::new(),
            Turn::Begins(seals) => {
                info!(%channel, %epoch, "an epoch begins");
                let mut inits = Vec::new();
                for record in seals.iter().filter_map(|seal| seal.claimed().ok()) {
                    let id = record.id.clone();
                    if self.store.judge(record).await == Ok(Verdict::New) {
                        inits.push(id);
                    }
                }
                inits
            }
            Turn::Ends => {
                info!(%channel, %epoch, "an epoch ends");
                Vec::new()
            }
            Turn::TakenDown => {
                info!(%channel, %epoch, "an epoch is taken down");
                self.store.take_down(channel.clone(), *epoch).await;
                Vec::new()
            }
        }
    }

    /// Who tells that an epoch begins has its init segments.
    fn fetch_inits(&mut self, from: BoxId, news: &News, wanted: &[ChunkId]) {
        let Turn::Begins(seals) = &news.turn else { return };
        let known = self.news.borrow().clone();
        let promised = |seal: &Seal| known.open_seal(seal).map(|record| (record, seal.clone())).ok();
        for (record, seal) in seals.iter().filter_map(promised) {
            if wanted.contains(&record.id) {
                self.schedule.told(Instant::now(), from, &record, seal);
            }
        }
    }

    fn report(&mut self, from: PeerId, id: &MessageId, acceptance: MessageAcceptance) {
        self.swarm
            .behaviour_mut()
            .gossip
            .report_message_validation_result(id, &from, acceptance);
    }
}
