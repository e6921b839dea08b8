//! The registry that several trackers share, and that outlives each of them.
//!
//! | key | kind | member or field | score or value |
//! |---|---|---|---|
//! | `{boxmesh}:boxes` | sorted set | box id | sequence of its last announcement |
//! | `{boxmesh}:box` | hash | box id | record |
//! | `{boxmesh}:channels` | sorted set | channel | sequence of its last presentation |
//! | `{boxmesh}:channel` | hash | channel | record |
//! | `{boxmesh}:owners` | hash | channel | the key that it belongs to |
//! | `{boxmesh}:proofs` | hash | box id | verdict |
//! | `{boxmesh}:orders` | hash | what it is about | what an operator ordered |
//! | `{boxmesh}:session-key` | string | | 32 bytes |
//!
//! `ZADD GT CH` decides which word is the newest; whoever wins writes the record. When two trackers
//! hear the same box within the same moment the older record may be written last; it stands until
//! the next announcement, and its own sequence tells its age. Works on Redis 6.2 and later; one hash tag
//! keeps all keys on one node of a cluster.

mod announcing;
mod link;
#[cfg(test)]
mod tests;
mod url;
mod whereabouts;

use std::collections::HashMap;
use std::hash::Hash;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use ::redis::{Pipeline, cmd, pipe};
use wire::id::{BoxId, ChannelName};
use wire::key::PublicKey;

use self::announcing::Announcing;
use self::link::Link;
pub use self::url::{BadRedisUrl, RedisUrl};
use super::{
    ALIVE, Answer, Away, BoxRecord, ChannelRecord, Claim, FORGET_BOXES, FORGET_CHANNELS, Outcome, Registry,
    Snapshot, Verdict, keeps,
};
use crate::orders::{About, Order, Orders};
use crate::session::SessionKey;

const BOXES: &str = "{boxmesh}:boxes";
const BOX: &str = "{boxmesh}:box";
const CHANNELS: &str = "{boxmesh}:channels";
const CHANNEL: &str = "{boxmesh}:channel";
const OWNERS: &str = "{boxmesh}:owners";
const PROOFS: &str = "{boxmesh}:proofs";
const ORDERS: &str = "{boxmesh}:orders";
const SESSION_KEY: &str = "{boxmesh}:session-key";

/// How many fields are read or removed with one command.
const BATCH: usize = 1000;

/// Keeps everything in Redis.
pub struct Redis {
    link: Link,
    /// What was read before, so that only news is read again.
    boxes: Cache<BoxId, BoxRecord>,
    channels: Cache<ChannelName, ChannelRecord>,
    /// Verdicts with the bytes that they were read from: few of them are others than a second ago.
    proofs: Mutex<HashMap<BoxId, ReadVerdict>>,
    /// Announcements that go together.
    announcing: Announcing,
}

type Cache<K, R> = Mutex<HashMap<K, Arc<R>>>;
type ReadVerdict = (Vec<u8>, Arc<Verdict>);

impl Redis {
    /// A registry there; whether anything answers shows at its first use.
    pub fn new(url: RedisUrl) -> Self {
        Self {
            link: Link::new(url),
            boxes: Cache::default(),
            channels: Cache::default(),
            proofs: Mutex::default(),
            announcing: Announcing::default(),
        }
    }

    /// Whether a word is the newest about `member`; `known` if only a member that is there may speak.
    async fn newest(&self, set: &str, member: String, sequence: u64, known: bool) -> Result<bool, Away> {
        let mut commands = pipe();
        commands
            .cmd("ZADD")
            .arg(set)
            .arg(known.then_some("XX"))
            .arg("GT")
            .arg("CH")
            .arg(sequence)
            .arg(member);
        let (changed,): (u8,) = self.link.ask(&commands).await?;
        Ok(changed == 1)
    }

    async fn write(&self, hash: &str, field: String, value: Vec<u8>) -> Result<(), Away> {
        let mut commands = pipe();
        commands.cmd("HSET").arg(hash).arg(field).arg(value).ignore();
        self.link.ask(&commands).await
    }

    /// Whose channel it is from now on.
    async fn owner(&self, claimed: &ChannelRecord, trusted: &[PublicKey]) -> Result<PublicKey, Away> {
        let (channel, key) = (claimed.presentation.channel.as_str(), claimed.presentation.key);
        let mut commands = pipe();
        commands
            .cmd("HSETNX")
            .arg(OWNERS)
            .arg(channel)
            .arg(key.to_string())
            .ignore();
        commands.cmd("HGET").arg(OWNERS).arg(channel);
        let (owner,): (Option<String>,) = self.link.ask(&commands).await?;
        let Some(owner) = owner.and_then(|owner| owner.parse().ok()) else {
            return self.hand_over(channel, key).await;
        };
        if owner == key {
            return Ok(owner);
        }
        // Rare: an origin that follows another, or two that want the same channel.
        let field = [claimed.presentation.channel.clone()];
        let known = self.values(CHANNEL, &field).await?.pop().flatten();
        let known = known.and_then(|bytes| ChannelRecord::from_bytes(&bytes));
        if keeps(&owner, known.as_ref(), claimed, trusted) {
            Ok(owner)
        } else {
            self.hand_over(channel, key).await
        }
    }

    async fn hand_over(&self, channel: &str, key: PublicKey) -> Result<PublicKey, Away> {
        self.write(OWNERS, channel.into(), key.to_string().into_bytes())
            .await?;
        Ok(key)
    }

    async fn read(&self, now: u64) -> Result<Snapshot, Away> {
        let mut commands = pipe();
        let oldest = now.saturating_sub(ALIVE);
        commands
            .cmd("ZRANGEBYSCORE")
            .arg(BOXES)
            .arg(oldest)
            .arg("+inf")
            .arg("WITHSCORES");
        commands
            .cmd("ZRANGE")
            .arg(CHANNELS)
            .arg(0)
            .arg(-1)
            .arg("WITHSCORES");
        commands.cmd("HGETALL").arg(ORDERS);
        let (boxes, channels, ordered): (Scores, Scores, Vec<(String, Vec<u8>)>) =
            self.link.try_to_ask(&commands).await?;
        let boxes = self.records(BOX, &self.boxes, named(boxes)).await?;
        let channels = self.records(CHANNEL, &self.channels, named(channels)).await?;
        let ids: Vec<BoxId> = boxes.keys().copied().collect();
        let proofs = self.values(PROOFS, &ids).await?;
        let verdicts = self.verdicts(ids.into_iter().zip(proofs));
        Ok(Snapshot {
            boxes,
            channels,
            verdicts,
            orders: Orders::read(ordered),
        })
    }

    /// What these bytes say of boxes; what they said before need not be read again.
    fn verdicts(
        &self,
        proofs: impl Iterator<Item = (BoxId, Option<Vec<u8>>)>,
    ) -> HashMap<BoxId, Arc<Verdict>> {
        let mut cache = self.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *cache);
        let read = proofs.filter_map(|(id, bytes)| {
            let bytes = bytes?;
            let known = before.remove(&id).filter(|(known, _)| *known == bytes);
            let verdict = known.map_or_else(
                || Verdict::from_bytes(&bytes).map(Arc::new),
                |(_, verdict)| Some(verdict),
            );
            Some((id, (bytes, verdict?)))
        });
        *cache = read.collect();
        let verdicts = cache.iter().map(|(id, (_, verdict))| (*id, verdict.clone()));
        verdicts.collect()
    }

    /// The records of these names: from memory where that has the newest, else from Redis.
    async fn records<K: Name, R: Record<K>>(
        &self,
        hash: &str,
        cache: &Cache<K, R>,
        newest: Vec<(K, u64)>,
    ) -> Result<HashMap<K, Arc<R>>, Away> {
        let mut records: HashMap<K, Arc<R>> = HashMap::with_capacity(newest.len());
        let mut missing = Vec::new();
        {
            let cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
            for (name, sequence) in newest {
                match cache.get(&name).filter(|record| record.sequence() == sequence) {
                    Some(record) => _ = records.insert(name, record.clone()),
                    None => missing.push(name),
                }
            }
        }
        let found = self.values(hash, &missing).await?;
        for (name, bytes) in missing.into_iter().zip(found) {
            // A record of another version of this program, or one not written yet, is left out.
            let record = bytes
                .and_then(|bytes| R::read(&bytes))
                .filter(|record| record.name() == name);
            records.extend(record.map(|record| (name, Arc::new(record))));
        }
        cache
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&records);
        Ok(records)
    }

    async fn values<K: Name>(&self, hash: &str, names: &[K]) -> Result<Vec<Option<Vec<u8>>>, Away> {
        let mut values = Vec::with_capacity(names.len());
        for names in names.chunks(BATCH) {
            let mut commands = pipe();
            let texts: Vec<String> = names.iter().map(K::to_string).collect();
            commands.cmd("HMGET").arg(hash).arg(texts);
            let (batch,): (Vec<Option<Vec<u8>>>,) = self.link.ask(&commands).await?;
            values.extend(batch);
        }
        if values.len() == names.len() {
            Ok(values)
        } else {
            Err(self.link.nonsense("HMGET answered with another number of values"))
        }
    }

    /// Removes the members of a set that are older than `oldest`, and their fields in these hashes.
    async fn forget(&self, set: &str, hashes: &[&str], oldest: u64) -> Result<(), Away> {
        let below = format!("({oldest}");
        let mut commands = pipe();
        commands
            .cmd("ZRANGEBYSCORE")
            .arg(set)
            .arg("-inf")
            .arg(&below)
            .arg("LIMIT")
            .arg(0)
            .arg(BATCH);
        let (old,): (Vec<String>,) = self.link.ask(&commands).await?;
        if old.is_empty() {
            return Ok(());
        }
        // By score once more: one that spoke up just now stays, and writes its record again.
        let mut commands = Pipeline::new();
        commands.atomic();
        for hash in hashes {
            commands
                .add_command(cmd("HDEL").arg(*hash).arg(&old).clone())
                .ignore();
        }
        if old.len() < BATCH {
            commands
                .cmd("ZREMRANGEBYSCORE")
                .arg(set)
                .arg("-inf")
                .arg(&below)
                .ignore();
        } else {
            commands.cmd("ZREM").arg(set).arg(&old).ignore();
        }
        self.link.ask(&commands).await
    }
}

impl Registry for Redis {
    fn announce(&self, record: Arc<BoxRecord>) -> Answer<'_, Outcome> {
        Box::pin(self.announcing.announce(self, record))
    }

    fn present(&self, record: Arc<ChannelRecord>, trusted: Arc<[PublicKey]>) -> Answer<'_, Claim> {
        Box::pin(async move {
            let owner = self.owner(&record, &trusted).await?;
            if owner != record.presentation.key {
                return Ok(Claim::Owned(owner));
            }
            let channel = record.presentation.channel.clone();
            if !self
                .newest(CHANNELS, channel.to_string(), record.presentation.sequence, false)
                .await?
            {
                return Ok(Claim::Stale);
            }
            self.write(CHANNEL, channel.to_string(), record.to_bytes())
                .await?;
            self.channels
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(channel, record);
            Ok(Claim::Accepted)
        })
    }

    fn judge(&self, id: BoxId, verdict: Arc<Verdict>) -> Answer<'_, ()> {
        Box::pin(async move { self.write(PROOFS, id.to_string(), verdict.to_bytes()).await })
    }

    fn order(&self, about: About, order: Order) -> Answer<'_, ()> {
        Box::pin(async move { self.write(ORDERS, about.to_string(), order.to_bytes()).await })
    }

    fn session_key(&self, offered: SessionKey) -> Answer<'_, SessionKey> {
        Box::pin(async move {
            let mut commands = pipe();
            commands
                .cmd("SET")
                .arg(SESSION_KEY)
                .arg(&offered.bytes()[..])
                .arg("NX")
                .ignore();
            commands.cmd("GET").arg(SESSION_KEY);
            let (key,): (Vec<u8>,) = self.link.try_to_ask(&commands).await?;
            let key = <[u8; 32]>::try_from(key);
            key.map(SessionKey::from_bytes)
                .map_err(|_| self.link.nonsense("the session key has not 32 bytes"))
        })
    }

    fn snapshot(&self, now: u64) -> Answer<'_, Snapshot> {
        Box::pin(self.read(now))
    }

    fn sweep(&self, now: u64) -> Answer<'_, ()> {
        Box::pin(async move {
            self.forget(BOXES, &[BOX, PROOFS], now.saturating_sub(FORGET_BOXES))
                .await?;
            self.forget(CHANNELS, &[CHANNEL, OWNERS], now.saturating_sub(FORGET_CHANNELS))
                .await
        })
    }
}

type Scores = Vec<(String, f64)>;

trait Name: Clone + Eq + Hash + FromStr + ToString {}

impl Name for BoxId {}
impl Name for ChannelName {}

/// What is kept under a name, with a number that tells how new it is.
trait Record<K>: Sized {
    fn read(bytes: &[u8]) -> Option<Self>;
    fn name(&self) -> K;
    fn sequence(&self) -> u64;
}

impl Record<BoxId> for BoxRecord {
    fn read(bytes: &[u8]) -> Option<Self> {
        Self::from_bytes(bytes)
    }

    fn name(&self) -> BoxId {
        self.id
    }

    fn sequence(&self) -> u64 {
        self.announcement.sequence
    }
}

impl Record<ChannelName> for ChannelRecord {
    fn read(bytes: &[u8]) -> Option<Self> {
        Self::from_bytes(bytes)
    }

    fn name(&self) -> ChannelName {
        self.presentation.channel.clone()
    }

    fn sequence(&self) -> u64 {
        self.presentation.sequence
    }
}

/// The members that are names of ours. A score counts milliseconds, exactly below 2^53.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast to u64 saturates"
)]
fn named<K: Name>(scores: Scores) -> Vec<(K, u64)> {
    let named = scores
        .into_iter()
        .filter_map(|(name, score)| Some((name.parse().ok()?, score as u64)));
    named.collect()
}
