//! What operators ordered: boxes that are banned, titles of channels, what is taken down. Pure.
//!
//! Trackers share orders as they share everything else: each has the time at which it was given, and the newest about a
//! thing counts. One that is taken back stays known, so that no tracker brings it up again.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use wire::id::{BoxId, ChannelName, Epoch};
use wire::presentation::{MAX_TAKEDOWNS, TakenDown};

/// So many orders are kept.
pub const MOST: usize = 4096;

/// The longest title or reason, in bytes.
pub const MAX_WORDS_BYTES: usize = 200;

/// What an order is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// A box: it is banned.
    Box(BoxId),
    /// A channel: its title.
    Channel(ChannelName),
    /// A channel: all of it is taken down, and what would come.
    Down(ChannelName),
    /// An epoch of a channel: it is taken down.
    DownEpoch(ChannelName, Epoch),
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// When it was given, in milliseconds since 1970.
    pub at: u64,
    /// The title, or why the box is banned, or it taken down; nothing if the order was taken back.
    pub words: Option<String>,
}

/// All orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders(BTreeMap<About, Order>);

/// Why words are of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWords {
    /// There are none.
    #[error("there are no words in it")]
    Empty,
    /// There are too many.
    #[error("it is longer than {MAX_WORDS_BYTES} bytes")]
    Long,
    /// They break lines.
    #[error("there are control characters in it")]
    Control,
}

/// Words as an operator may give them.
pub fn check(words: &str) -> Result<(), BadWords> {
    match words {
        _ if words.trim().is_empty() => Err(BadWords::Empty),
        _ if words.len() > MAX_WORDS_BYTES => Err(BadWords::Long),
        _ if words.chars().any(char::is_control) => Err(BadWords::Control),
        _ => Ok(()),
    }
}

impl Order {
    /// The bytes for the registry.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a number and a text are JSON")
    }

    /// What the registry had, if it is an order.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let order: Self = serde_json::from_slice(bytes).ok()?;
        let is_fine = order.words.as_deref().is_none_or(|words| check(words).is_ok());
        is_fine.then_some(order)
    }
}

impl Orders {
    /// Takes an order in, unless a newer one about the same is known or there are too many.
    pub fn learn(&mut self, about: About, order: Order) -> bool {
        let known = self.0.get(&about);
        let is_news = known.map_or(self.0.len() < MOST, |known| known.at < order.at);
        if is_news {
            self.0.insert(about, order);
        }
        is_news
    }

    /// Those that are in the fields of the registry.
    pub fn read(fields: Vec<(String, Vec<u8>)>) -> Self {
        let mut orders = Self::default();
        for (about, order) in fields {
            if let (Ok(about), Some(order)) = (about.parse(), Order::from_bytes(&order)) {
                orders.learn(about, order);
            }
        }
        orders
    }

    /// Why a box is banned, if it is.
    pub fn ban(&self, id: BoxId) -> Option<&str> {
        self.words(&About::Box(id))
    }

    /// A channel's title, if it has one.
    pub fn title(&self, channel: &ChannelName) -> Option<&str> {
        self.words(&About::Channel(channel.clone()))
    }

    /// Whether viewers are to see nothing of an epoch.
    pub fn is_down(&self, channel: &ChannelName, epoch: Epoch) -> bool {
        let about = About::DownEpoch(channel.clone(), epoch);
        self.is_all_down(channel) || self.words(&about).is_some()
    }

    /// Whether all of a channel is taken down.
    pub fn is_all_down(&self, channel: &ChannelName) -> bool {
        self.words(&About::Down(channel.clone())).is_some()
    }

    /// What of a channel is taken down, for its origin: the newest epochs of it.
    pub fn taken_down(&self, channel: &ChannelName) -> TakenDown {
        let of = |epoch| About::DownEpoch(channel.clone(), Epoch(epoch));
        let down = self.0.range(of(0)..=of(u64::MAX)).rev();
        let down = down.filter(|(_, order)| order.words.is_some());
        let epochs = down.filter_map(|(about, _)| match about {
            About::DownEpoch(_, epoch) => Some(*epoch),
            _ => None,
        });
        TakenDown {
            channel: self.is_all_down(channel),
            epochs: epochs.take(MAX_TAKEDOWNS).collect(),
        }
    }

    fn words(&self, about: &About) -> Option<&str> {
        self.0.get(about)?.words.as_deref()
    }

    /// The time of an order given `now`: later than that of the one before, whichever tracker's clock that was by.
    pub fn next_at(&self, about: &About, now: u64) -> u64 {
        let before = self.0.get(about).map_or(0, |order| order.at);
        now.max(before.saturating_add(1))
    }

    /// Whether there is no room for an order about this.
    pub fn is_full_for(&self, about: &About) -> bool {
        self.0.len() >= MOST && !self.0.contains_key(about)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&About, &Order)> {
        self.0.iter()
    }

    /// Those that `other` does not know, or knows older.
    pub fn beyond<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'a About, &'a Order)> {
        let is_news =
            |about: &About, order: &Order| other.0.get(about).is_none_or(|theirs| theirs.at < order.at);
        self.iter().filter(move |(about, order)| is_news(about, order))
    }
}

impl fmt::Display for About {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Box(id) => write!(out, "ban:{id}"),
            Self::Channel(name) => write!(out, "title:{name}"),
            Self::Down(name) => write!(out, "down:{name}"),
            Self::DownEpoch(name, epoch) => write!(out, "down:{name}/{epoch}"),
        }
    }
}

impl FromStr for About {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once(':') {
            Some(("ban", id)) => id.parse().map(Self::Box).map_err(|_| ()),
            Some(("title", name)) => name.parse().map(Self::Channel).map_err(|_| ()),
            Some(("down", what)) => match what.split_once('/') {
                None => what.parse().map(Self::Down).map_err(|_| ()),
                Some((name, epoch)) => match (name.parse(), epoch.parse()) {
                    (Ok(name), Ok(epoch)) => Ok(Self::DownEpoch(name, epoch)),
                    _ => Err(()),
                },
            },
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::box_id;

    fn order(at: u64, words: Option<&str>) -> Order {
        let words = words.map(str::to_owned);
        Order { at, words }
    }

    #[test]
    fn the_newest_order_counts_in_whatever_order_they_are_heard() {
        let about = About::Box(box_id(1));
        let mut orders = Orders::default();
        assert!(orders.learn(about.clone(), order(2, None)));
        assert!(!orders.learn(about.clone(), order(1, Some("it floods"))));
        assert_eq!(orders.ban(box_id(1)), None, "the ban was taken back");
        assert!(orders.learn(about, order(3, Some("again"))));
        assert_eq!(orders.ban(box_id(1)), Some("again"));
        assert_eq!(orders.ban(box_id(2)), None);
        let about = About::Box(box_id(1));
        assert_eq!((orders.next_at(&about, 1), orders.next_at(&about, 9)), (4, 9));
    }

    #[test]
    fn what_another_does_not_know_is_told_it() {
        let mut mine = Orders::default();
        mine.learn(About::Box(box_id(1)), order(2, Some("a")));
        mine.learn(About::Box(box_id(2)), order(2, Some("b")));
        let mut theirs = Orders::default();
        theirs.learn(About::Box(box_id(1)), order(1, Some("a")));
        theirs.learn(About::Box(box_id(2)), order(2, Some("b")));
        let told: Vec<_> = mine.beyond(&theirs).map(|(about, _)| about.clone()).collect();
        assert_eq!(told, [About::Box(box_id(1))]);
    }

    #[test]
    fn orders_are_written_and_read_and_nothing_else_is() {
        let demo: ChannelName = "demo".parse().unwrap();
        for about in [
            About::Box(box_id(1)),
            About::Channel(demo.clone()),
            About::Down(demo.clone()),
            About::DownEpoch(demo, Epoch(7)),
        ] {
            assert_eq!(about.to_string().parse(), Ok(about));
        }
        for bad in [
            "",
            "ban:",
            "title:A B",
            "ban:demo",
            "x:demo",
            "down:demo/",
            "down:demo/07",
            "down:/7",
        ] {
            assert_eq!(bad.parse::<About>(), Err(()), "{bad}");
        }
        let given = order(7, Some("A title"));
        assert_eq!(Order::from_bytes(&given.to_bytes()), Some(given));
        let long = "x".repeat(MAX_WORDS_BYTES + 1);
        for bad in ["", " ", "a\nb", &long] {
            assert_eq!(Order::from_bytes(&order(1, Some(bad)).to_bytes()), None);
        }
    }

    #[test]
    fn what_is_taken_down_is_told_epoch_by_epoch_the_newest_first() {
        let (demo, other): (ChannelName, ChannelName) = ("demo".parse().unwrap(), "demo-2".parse().unwrap());
        let mut orders = Orders::default();
        for epoch in 1..=20 {
            orders.learn(About::DownEpoch(demo.clone(), Epoch(epoch)), order(1, Some("x")));
        }
        orders.learn(About::DownEpoch(demo.clone(), Epoch(20)), order(2, None));
        orders.learn(About::DownEpoch(other.clone(), Epoch(30)), order(1, Some("x")));
        let told = orders.taken_down(&demo);
        assert!(!told.channel && told.epochs.len() == MAX_TAKEDOWNS);
        assert_eq!(
            (told.epochs[0], orders.is_down(&demo, Epoch(20))),
            (Epoch(19), false)
        );
        assert!(orders.is_down(&demo, Epoch(1)) && !orders.is_down(&other, Epoch(1)));

        orders.learn(About::Down(demo.clone()), order(1, Some("all")));
        assert!(orders.is_down(&demo, Epoch(99)) && orders.taken_down(&demo).channel);
        assert!(!orders.is_all_down(&other));
        orders.learn(About::Down(demo.clone()), order(2, None));
        assert!(!orders.is_down(&demo, Epoch(99)) && orders.is_down(&demo, Epoch(1)));
    }

    #[test]
    fn there_are_no_more_than_so_many() {
        let mut orders = Orders::default();
        for n in 0..=MOST {
            let about = About::Channel(format!("c{n}").parse().unwrap());
            assert_eq!(orders.learn(about, order(1, None)), n < MOST);
        }
        assert!(!orders.is_full_for(&About::Channel("c1".parse().unwrap())));
        assert!(orders.is_full_for(&About::Channel("c".parse().unwrap())));
    }
}
