//! The post: one thread that owns all ZeroMQ sockets, since they are not for several threads.
//!
//! It sleeps until [`Bell`] says that an outbox has something, or until a socket that something depends on has.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Span, warn};
use wire::id::BoxId;
use wire::key::SecretKey;

use super::link::{Heard, Link};
use super::outbox::Outboxes;
use crate::counts::Counts;

/// How long the thread sleeps when nothing wakes it: a hello may have to be said again.
const NAP_MILLIS: i64 = 250;
/// How long receipts may lie unread. Each chunk brings one of every seed: most are read when the next chunk is sent, and
/// wake nobody.
const RECEIPTS_MILLIS: i64 = 50;

const BELL: &str = "inproc://bell";

/// Wakes the post.
pub(super) struct Bell(zmq::Socket);

impl Bell {
    pub(super) fn ring(&self) {
        // A full pipe means that it was rung and not heard yet.
        let _ = self.0.send(&[][..], zmq::DONTWAIT);
    }
}

/// What the links have to tell, each with the seed that it leads to.
pub(super) type News = Vec<(BoxId, Heard)>;

/// Starts the thread. It ends at `stop`, within a nap; or at once when the bell is rung after it.
pub(super) fn start(
    outboxes: Outboxes,
    secret: SecretKey,
    news: mpsc::Sender<News>,
    counts: Counts,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> Result<Bell, zmq::Error> {
    let context = zmq::Context::new();
    let (inside, outside) = (context.socket(zmq::PULL)?, context.socket(zmq::PUSH)?);
    for socket in [&inside, &outside] {
        socket.set_linger(0)?;
    }
    inside.bind(BELL)?;
    outside.connect(BELL)?;
    let post = Post {
        context,
        bell: inside,
        outboxes,
        secret,
        news,
        counts,
        links: BTreeMap::new(),
    };
    let span = Span::current();
    tasks.spawn_blocking(move || span.in_scope(|| post.run(&stop)));
    Ok(Bell(outside))
}

struct Post {
    context: zmq::Context,
    bell: zmq::Socket,
    outboxes: Outboxes,
    secret: SecretKey,
    news: mpsc::Sender<News>,
    counts: Counts,
    /// A box that cannot be connected to has a place and no link, so that this is said once.
    links: BTreeMap<BoxId, Place>,
}

struct Place {
    address: String,
    link: Option<Link>,
}

impl Post {
    fn run(mut self, stop: &CancellationToken) {
        while !stop.is_cancelled() && !self.news.is_closed() {
            self.connect();
            if let Err(error) = self.sleep() {
                warn!(%error, "failed to wait for seeds");
                return;
            }
            while self.bell.recv_bytes(zmq::DONTWAIT).is_ok() {}
            let news = self.turn();
            // The keeper always listens, until it ends.
            if !news.is_empty() && self.news.blocking_send(news).is_err() {
                return;
            }
        }
    }

    /// Each link's turn to read and to send.
    fn turn(&mut self) -> News {
        let mut news = News::new();
        let links = self.links.iter_mut();
        for (seed, link) in links.filter_map(|(seed, place)| Some((*seed, place.link.as_mut()?))) {
            let sent = link.turn(&self.outboxes, &self.secret, &mut |heard| {
                news.push((seed, heard));
            });
            self.counts.seed_bytes.add(sent);
        }
        news
    }

    /// Makes links as there are outboxes.
    fn connect(&mut self) {
        let wanted = self.outboxes.addresses();
        self.links
            .retain(|seed, place| wanted.get(seed) == Some(&place.address));
        for (seed, address) in wanted {
            self.links.entry(seed).or_insert_with(|| {
                let link = Link::connect(&self.context, seed, &address);
                let link = link
                    .inspect_err(|error| warn!(%seed, %error, "no link to the seed"))
                    .ok();
                Place { address, link }
            });
        }
    }

    fn sleep(&self) -> Result<(), zmq::Error> {
        let links = || self.links.values().filter_map(|place| place.link.as_ref());
        let nap = if links().any(Link::is_owed_receipts) {
            RECEIPTS_MILLIS
        } else {
            NAP_MILLIS
        };
        let mut items: Vec<_> = links()
            .filter_map(|link| Some(link.socket.as_poll_item(link.interest(&self.outboxes)?)))
            .collect();
        items.push(self.bell.as_poll_item(zmq::POLLIN));
        match zmq::poll(&mut items, nap) {
            // A signal woke us.
            Ok(_) | Err(zmq::Error::EINTR) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
