//! The registry of a tracker that is alone.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wire::id::{BoxId, ChannelName};
use wire::key::PublicKey;

use super::{
    ALIVE, Answer, Away, BoxRecord, ChannelRecord, Claim, FORGET_BOXES, FORGET_CHANNELS, Outcome, Registry,
    Snapshot, Verdict, keeps,
};
use crate::orders::{About, Order, Orders};
use crate::session::SessionKey;

/// Keeps everything in this process: nothing to install, and nothing is left at its end.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    boxes: HashMap<BoxId, Arc<BoxRecord>>,
    channels: HashMap<ChannelName, Arc<ChannelRecord>>,
    verdicts: HashMap<BoxId, Arc<Verdict>>,
    session_key: Option<SessionKey>,
    orders: Orders,
}

impl Memory {
    fn known(&self) -> MutexGuard<'_, Known> {
        // Every change below is whole before anything could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry for Memory {
    fn announce(&self, record: Arc<BoxRecord>) -> Answer<'_, Outcome> {
        answer(self.known().announce(record))
    }

    fn present(&self, record: Arc<ChannelRecord>, trusted: Arc<[PublicKey]>) -> Answer<'_, Claim> {
        answer(self.known().present(record, &trusted))
    }

    fn judge(&self, id: BoxId, verdict: Arc<Verdict>) -> Answer<'_, ()> {
        self.known().verdicts.insert(id, verdict);
        answer(())
    }

    fn order(&self, about: About, order: Order) -> Answer<'_, ()> {
        self.known().orders.learn(about, order);
        answer(())
    }

    fn session_key(&self, offered: SessionKey) -> Answer<'_, SessionKey> {
        answer(*self.known().session_key.get_or_insert(offered))
    }

    fn snapshot(&self, now: u64) -> Answer<'_, Snapshot> {
        let known = self.known();
        let lately = |record: &&Arc<BoxRecord>| record.announcement.sequence.saturating_add(ALIVE) >= now;
        answer(Snapshot {
            boxes: known
                .boxes
                .values()
                .filter(lately)
                .map(|record| (record.id, record.clone()))
                .collect(),
            channels: known.channels.clone(),
            verdicts: known.verdicts.clone(),
            orders: known.orders.clone(),
        })
    }

    fn sweep(&self, now: u64) -> Answer<'_, ()> {
        self.known().sweep(now);
        answer(())
    }
}

impl Known {
    fn announce(&mut self, record: Arc<BoxRecord>) -> Outcome {
        match self.boxes.entry(record.id) {
            Entry::Occupied(known) if known.get().announcement.sequence >= record.announcement.sequence => {
                Outcome::Stale
            }
            Entry::Vacant(_) if record.announcement.leaving => Outcome::Stale,
            entry => {
                entry.insert_entry(record);
                Outcome::Accepted
            }
        }
    }

    fn present(&mut self, record: Arc<ChannelRecord>, trusted: &[PublicKey]) -> Claim {
        let presentation = &record.presentation;
        if let Some(known) = self.channels.get(&presentation.channel) {
            let owner = known.presentation.key;
            if keeps(&owner, Some(known), &record, trusted) {
                return Claim::Owned(owner);
            }
            if known.presentation.sequence >= presentation.sequence {
                return Claim::Stale;
            }
        }
        self.channels.insert(presentation.channel.clone(), record);
        Claim::Accepted
    }

    fn sweep(&mut self, now: u64) {
        self.boxes
            .retain(|_, record| record.announcement.sequence.saturating_add(FORGET_BOXES) > now);
        self.channels
            .retain(|_, record| record.presentation.sequence.saturating_add(FORGET_CHANNELS) > now);
        self.verdicts.retain(|id, _| self.boxes.contains_key(id));
    }
}

fn answer<T: Send + 'static>(value: T) -> Answer<'static, T> {
    Box::pin(ready(Ok::<T, Away>(value)))
}
