//! What the trackers told: which channels there are and whose keys seal them, whom to connect to, and from
//! where origins may speak.
//!
//! Each tracker's last answer stands until its next one, also while that tracker is away: media never waits
//! for a tracker. What is believed is the union of these answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;
use wire::announcement::{AnnouncementReply, MAX_CARRIED, MAX_MET, Neighbour, Reach};
use wire::chunk::{Chunk, ChunkRecord, Seal, SealedChunk, Verified};
use wire::id::{BoxId, ChannelName, ChunkId};
use wire::key::PublicKey;
use wire::seal::Refusal;

use crate::reach;

/// Keys of one channel that are tried; more than a few means that something is wrong at the tracker.
const MAX_KEYS: usize = 8;

/// A channel that is left to others is taken in for so long: trackers send its viewers elsewhere meanwhile.
const LINGER: Duration = Duration::from_secs(30);

/// Neighbours and addresses of origins that are remembered.
const MAX_NEIGHBOURS: usize = 128;
const MAX_ORIGINS: usize = 64;

/// Why a seal or a chunk was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unopened {
    /// No tracker has told of its channel, or not yet.
    #[error("channel {0} is not known here")]
    UnknownChannel(ChannelName),
    /// It is not what it claims to be.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Unopened {
    /// The reason in one word, as it is told to the other side and counted.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::UnknownChannel(_) => "unknown-channel",
            Self::Refused(refusal) => refusal.reason(),
        }
    }
}

/// What is known at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    channels: BTreeMap<ChannelName, Vec<PublicKey>>,
    /// Those of them that trackers want others to carry.
    pub(crate) others: BTreeSet<ChannelName>,
    pub(crate) neighbours: Vec<Neighbour>,
    pub(crate) origins: BTreeSet<IpAddr>,
    /// Which of this box's ports trackers reached.
    pub(crate) reach: Reach,
    /// Which of the boxes that this one told of hand on what they take, as others say.
    pub(crate) giving: BTreeSet<BoxId>,
    /// The only channels that are taken in; none named: all.
    only: Arc<BTreeSet<ChannelName>>,
    /// When the oldest of the answers that this is made of was asked for. What a tracker learned after that may
    /// be missing here.
    pub(crate) as_of: Option<Instant>,
}

impl News {
    /// Everything that any of these answers tells.
    pub(crate) fn merged<'a>(
        only: &Arc<BTreeSet<ChannelName>>,
        answers: impl IntoIterator<Item = &'a AnnouncementReply>,
    ) -> Self {
        let mut news = Self {
            only: only.clone(),
            ..Self::default()
        };
        let mut wanted = BTreeSet::new();
        for answer in answers {
            reach::add(&mut news.reach, &answer.reach);
            news.giving.extend(answer.giving.iter().take(MAX_MET));
            for channel in &answer.channels {
                if !news.is_allowed(&channel.name) {
                    continue;
                }
                if news.channels.len() >= MAX_CARRIED && !news.channels.contains_key(&channel.name) {
                    continue;
                }
                if channel.carry {
                    wanted.insert(channel.name.clone());
                }
                let keys = news.channels.entry(channel.name.clone()).or_default();
                for key in &channel.keys {
                    if keys.len() < MAX_KEYS && !keys.contains(key) {
                        keys.push(*key);
                    }
                }
            }
            for neighbour in &answer.neighbours {
                let is_new = news.neighbours.iter().all(|known| known.id != neighbour.id);
                // An id that does not follow from the key is nobody's.
                let is_true = BoxId::of(&neighbour.key) == neighbour.id;
                if is_new && is_true && news.neighbours.len() < MAX_NEIGHBOURS {
                    news.neighbours.push(neighbour.clone());
                }
            }
            let origins = answer.origins.iter().map(IpAddr::to_canonical);
            news.origins.extend(origins.take(MAX_ORIGINS));
        }
        let others = news.channels.keys().filter(|name| !wanted.contains(*name));
        news.others = others.cloned().collect();
        news
    }

    /// Whether this box takes in what there is of a channel: one that is left to others it only knows.
    pub(crate) fn takes(&self, channel: &ChannelName) -> bool {
        self.is_allowed(channel) && !self.others.contains(channel)
    }

    fn is_allowed(&self, channel: &ChannelName) -> bool {
        self.only.is_empty() || self.only.contains(channel)
    }

    /// The keys that seal the channel's chunks, if the channel is known.
    pub(crate) fn keys_of(&self, channel: &ChannelName) -> Option<&[PublicKey]> {
        self.channels.get(channel).map(Vec::as_slice)
    }

    /// The keys of all channels: who holds one of them is an origin.
    pub(crate) fn origin_keys(&self) -> Vec<PublicKey> {
        let distinct: BTreeSet<PublicKey> = self.channels.values().flatten().copied().collect();
        distinct.into_iter().collect()
    }

    /// Opens a seal with the keys of the channel that it is for.
    pub(crate) fn open_seal(&self, seal: &Seal) -> Result<ChunkRecord, Unopened> {
        let channel = seal.claimed()?.id.channel;
        let keys = self.keys_of(&channel).ok_or(Unopened::UnknownChannel(channel))?;
        // One signature covers the whole record, so what was claimed and what was signed are the same bytes.
        Ok(seal.open(keys)?)
    }

    /// As [`News::open_seal`], for who goes on to take the chunk.
    pub(crate) fn verify(&self, seal: &Seal) -> Result<Verified, Unopened> {
        let channel = seal.claimed()?.id.channel;
        let keys = self.keys_of(&channel).ok_or(Unopened::UnknownChannel(channel))?;
        Ok(seal.verify(keys)?)
    }

    /// Opens a chunk that should be `expected`.
    pub(crate) fn open_chunk(&self, expected: &ChunkId, bytes: Bytes) -> Result<Chunk, Unopened> {
        let unknown = || Unopened::UnknownChannel(expected.channel.clone());
        let keys = self.keys_of(&expected.channel).ok_or_else(unknown)?;
        Ok(SealedChunk::new(bytes).open(expected, keys)?)
    }
}

/// Whoever needs to know follows this.
pub(crate) type Following = watch::Receiver<Arc<News>>;

/// What trackers said last, and what they wanted.
#[derive(Debug, Default)]
struct Answers {
    last: BTreeMap<usize, (Instant, AnnouncementReply)>,
    /// When each channel was last to be carried here.
    wanted: BTreeMap<ChannelName, Instant>,
}

impl Answers {
    /// What trackers want others to carry from now on is taken in for a while yet: its viewers are still here.
    fn linger(&mut self, news: &mut News, now: Instant) {
        self.wanted.retain(|name, _| news.channels.contains_key(name));
        let wanted = news.channels.keys().filter(|name| !news.others.contains(*name));
        self.wanted.extend(wanted.map(|name| (name.clone(), now)));
        let left = |at: &Instant| now.saturating_duration_since(*at) >= LINGER;
        let wanted = &self.wanted;
        news.others.retain(|name| wanted.get(name).is_none_or(left));
    }
}

/// Where the answers of several trackers come together.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    answers: Arc<std::sync::Mutex<Answers>>,
    only: Arc<BTreeSet<ChannelName>>,
    news: watch::Sender<Arc<News>>,
}

impl Desk {
    /// Nothing is known yet.
    #[cfg(test)]
    pub(crate) fn new() -> (Self, Following) {
        Self::of_channels(BTreeSet::new())
    }

    /// Nothing is known yet, and of no channel but these will anything be; none named: of all.
    pub(crate) fn of_channels(only: BTreeSet<ChannelName>) -> (Self, Following) {
        let only = Arc::new(only);
        let first = News {
            only: only.clone(),
            ..News::default()
        };
        let (news, following) = watch::channel(Arc::new(first));
        let desk = Self {
            answers: Arc::default(),
            only,
            news,
        };
        (desk, following)
    }

    /// Takes a tracker's answer, asked for at that moment, in the place of its last.
    pub(crate) fn take(&self, tracker: usize, asked: Instant, answer: AnnouncementReply) {
        self.change(|answers| drop(answers.last.insert(tracker, (asked, answer))));
    }

    /// What that tracker told counts no longer: this box has left it.
    pub(crate) fn forget(&self, tracker: usize) {
        self.change(|answers| drop(answers.last.remove(&tracker)));
    }

    fn change(&self, change: impl FnOnce(&mut Answers)) {
        let mut answers = self
            .answers
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut answers);
        let mut news = News::merged(&self.only, answers.last.values().map(|(_, answer)| answer));
        news.as_of = answers.last.values().map(|(asked, _)| *asked).min();
        answers.linger(&mut news, Instant::now());
        self.news.send_replace(Arc::new(news));
    }
}

#[cfg(test)]
mod tests {
    use wire::announcement::ChannelNews;
    use wire::id::Epoch;
    use wire::key::SecretKey;

    use super::*;

    fn key(number: u8) -> PublicKey {
        SecretKey::from_seed([number; 32]).public()
    }

    fn answer(channels: &[(&str, u8)], neighbours: Vec<Neighbour>, origins: &[&str]) -> AnnouncementReply {
        let channel = |(name, by): &(&str, u8)| ChannelNews {
            carry: true,
            name: name.parse().unwrap(),
            live: true,
            epoch: Epoch(1),
            keys: vec![key(*by)],
        };
        AnnouncementReply {
            time: 1,
            id: BoxId::of(&key(99)),
            listed: true,
            why: None,
            channels: channels.iter().map(channel).collect(),
            neighbours,
            origins: origins.iter().map(|origin| origin.parse().unwrap()).collect(),
            reach: Reach::default(),
            giving: vec![BoxId::of(&key(5))],
            takedowns: Vec::new(),
        }
    }

    fn neighbour(number: u8) -> Neighbour {
        Neighbour {
            id: BoxId::of(&key(number)),
            key: key(number),
            p2p: "/ip4/192.0.2.7/tcp/8092".into(),
        }
    }

    #[test]
    fn what_several_trackers_tell_comes_together() {
        let one = answer(&[("a", 1), ("b", 1)], vec![neighbour(5)], &["192.0.2.1"]);
        let two = answer(
            &[("b", 2), ("c", 2)],
            vec![neighbour(5), neighbour(6)],
            &["::ffff:192.0.2.1", "192.0.2.2"],
        );
        let news = News::merged(&Arc::default(), [&one, &two]);

        assert_eq!(news.keys_of(&"b".parse().unwrap()), Some(&[key(1), key(2)][..]));
        assert_eq!(news.channels.len(), 3);
        assert_eq!(news.neighbours.len(), 2);
        assert_eq!(news.origins.len(), 2);
    }

    #[test]
    fn a_box_that_carries_some_channels_hears_of_no_others() {
        let only = Arc::new(BTreeSet::from(["b".parse().unwrap()]));
        let news = News::merged(&only, [&answer(&[("a", 1), ("b", 2)], vec![], &[])]);
        assert_eq!(news.keys_of(&"a".parse().unwrap()), None);
        assert_eq!(news.keys_of(&"b".parse().unwrap()), Some(&[key(2)][..]));
        assert!(!news.takes(&"a".parse().unwrap()));
        assert_eq!(news.origin_keys(), [key(2)]);
    }

    #[test]
    fn what_is_left_to_others_is_known_but_not_taken_in_unless_one_tracker_wants_it() {
        let name: ChannelName = "a".parse().unwrap();
        let wants = answer(&[("a", 1)], vec![], &[]);
        let mut leaves = wants.clone();
        leaves.channels[0].carry = false;
        let left = News::merged(&Arc::default(), [&leaves]);
        assert!(!left.takes(&name));
        assert_eq!(left.keys_of(&name), Some(&[key(1)][..]));
        assert!(News::merged(&Arc::default(), [&leaves, &wants]).takes(&name));
        assert!(
            left.takes(&"never-heard-of".parse().unwrap()),
            "it may be told of soon"
        );
    }

    #[test]
    fn a_channel_that_is_left_to_others_is_taken_in_for_a_while_yet() {
        let name: ChannelName = "a".parse().unwrap();
        let wants = answer(&[("a", 1)], vec![], &[]);
        let mut leaves = wants.clone();
        leaves.channels[0].carry = false;
        let (mut answers, start) = (Answers::default(), Instant::now());
        let mut takes = |answer: &AnnouncementReply, after: Duration| {
            let mut news = News::merged(&Arc::default(), [answer]);
            answers.linger(&mut news, start + after);
            news.takes(&name)
        };
        assert!(!takes(&leaves, Duration::ZERO), "it never carried it");
        assert!(takes(&wants, Duration::from_secs(1)));
        assert!(takes(&leaves, LINGER));
        assert!(!takes(&leaves, LINGER + Duration::from_secs(1)));
        assert!(takes(&wants, LINGER * 2));
    }

    #[test]
    fn a_tracker_that_was_left_tells_nothing_more() {
        let (desk, following) = Desk::new();
        desk.take(
            0,
            Instant::now(),
            answer(&[("a", 1)], vec![neighbour(5)], &["192.0.2.1"]),
        );
        assert_eq!(following.borrow().neighbours.len(), 1);
        desk.forget(0);
        assert_eq!(**following.borrow(), News::default());
    }

    #[test]
    fn a_neighbour_whose_id_is_not_its_keys_is_nobody() {
        let liar = Neighbour {
            id: BoxId::of(&key(1)),
            ..neighbour(5)
        };
        assert_eq!(
            News::merged(&Arc::default(), [&answer(&[], vec![liar], &[])]).neighbours,
            []
        );
    }

    #[test]
    fn a_tracker_replaces_what_it_said_and_the_news_are_as_old_as_the_oldest_answer() {
        let (desk, following) = Desk::new();
        let start = Instant::now();
        let later = |seconds| start + std::time::Duration::from_secs(seconds);
        assert_eq!(following.borrow().as_of, None);
        desk.take(0, start, answer(&[("a", 1)], vec![], &[]));
        desk.take(1, later(1), answer(&[("b", 1)], vec![], &[]));
        assert_eq!(following.borrow().as_of, Some(start));
        desk.take(0, later(3), answer(&[("c", 1)], vec![], &[]));
        assert_eq!(following.borrow().as_of, Some(later(1)));
        let names: Vec<String> = following
            .borrow()
            .channels
            .keys()
            .map(ToString::to_string)
            .collect();
        assert_eq!(names, ["b", "c"]);
    }
}
