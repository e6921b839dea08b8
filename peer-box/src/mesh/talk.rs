//! What boxes say to each other: one stream to each neighbour and one from it, which last as long as the connection.
//!
//! Words are small and parts of chunks are many: a substream for each want would cost more than what it carries. Each
//! neighbour has a task that [speaks](speak) and one that [hears](hear); the node hands words over and hears events, and waits
//! for neither. Who does not read what it is told is slower than the stream, and is let go.

mod hear;
mod line;
mod speak;

use std::collections::BTreeMap;
use std::time::Duration;

use libp2p::{PeerId, StreamProtocol};
use libp2p_stream::Control;
use program::lifecycle::Lifecycle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;
use wire::exchange::{PROTOCOL, Word};
use wire::seal::Refusal;

use super::handover::Servant;
use hear::Hearer;
pub(super) use line::{Asked, Line, Told};

/// The streams' protocol.
pub(super) const EXCHANGE: StreamProtocol = StreamProtocol::new(PROTOCOL);

/// Events of all neighbours together before their tasks have to wait.
const EVENTS: usize = 256;

/// How long a neighbour may take to read what it is told.
const STUCK: Duration = Duration::from_secs(8);

/// The ways to all neighbours.
type Lines = BTreeMap<PeerId, Line>;

/// What becomes of a talk.
#[derive(Debug)]
pub(super) enum Event {
    /// A neighbour's word that is no matter of one chunk's passing; or why what came is none.
    Word(PeerId, Result<Word, Refusal>),
    /// A `have` is on its way.
    Told(PeerId),
    /// It does not read, or cannot.
    Deaf(PeerId),
}

/// All talks. They end with it.
pub(super) struct Talks {
    control: Control,
    tasks: TaskTracker,
    lines: watch::Sender<Lines>,
    speakers: BTreeMap<PeerId, CancellationToken>,
    sender: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
    stop: CancellationToken,
}

impl Talks {
    /// None yet. Streams that neighbours open are taken from now on, and their wants served.
    pub(super) fn new(mut control: Control, servant: Servant, life: &Lifecycle) -> Self {
        let (sender, events) = mpsc::channel(EVENTS);
        let (tasks, stop) = (life.tasks.clone(), life.stop.child_token());
        let lines = watch::Sender::default();
        match control.accept(EXCHANGE) {
            Ok(streams) => {
                let hearer = Hearer {
                    lines: lines.subscribe(),
                    servant,
                    events: sender.clone(),
                    tasks: tasks.clone(),
                    stop: stop.clone(),
                };
                tasks.spawn(hearer.listen(streams));
            }
            Err(error) => debug!(%error, "neighbours are not heard"),
        }
        Self {
            control,
            tasks,
            lines,
            speakers: BTreeMap::new(),
            sender,
            events,
            stop,
        }
    }

    /// The next event.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// An event that is here already.
    pub(super) fn ready(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// A neighbour connected.
    pub(super) fn begin(&mut self, peer: PeerId) {
        self.end(peer);
        let (line, said) = Line::new();
        let end = self.stop.child_token();
        let speaking = speak::speak(self.control.clone(), peer, said, self.sender.clone());
        let ended = end.clone();
        self.tasks
            .spawn(async move { ended.run_until_cancelled(speaking).await });
        self.speakers.insert(peer, end);
        self.lines.send_modify(|lines| drop(lines.insert(peer, line)));
    }

    /// A neighbour is gone.
    pub(super) fn end(&mut self, peer: PeerId) {
        if let Some(speaker) = self.speakers.remove(&peer) {
            speaker.cancel();
            self.lines.send_modify(|lines| drop(lines.remove(&peer)));
        }
    }

    /// The way to a neighbour.
    pub(super) fn line(&self, peer: PeerId) -> Option<Line> {
        self.lines.borrow().get(&peer).cloned()
    }

    /// Says something to a neighbour. Whether it can still be told anything.
    #[must_use]
    pub(super) fn say(&mut self, peer: PeerId, word: Word) -> bool {
        let line = self.line(peer);
        line.is_some_and(|line| line.say(word).is_ok())
    }
}

impl Drop for Talks {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
