//! What boxes tell each other without waiting for an answer: `have` and `done`, on one stream to each neighbour that lasts as
//! long as the connection.
//!
//! These are most of what boxes say, and each is small: a substream for each would cost more than what it carries. Each
//! neighbour has a task that writes and one that reads; the node hands words over and hears events, and waits for neither.
//! Who does not read what it is told is slower than the stream, and is let go.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use futures::{AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::{PeerId, Stream, StreamProtocol};
use libp2p_stream::{Control, IncomingStreams};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;
use wire::exchange::{MAX_REQUEST_BYTES, Request, TALK};
use wire::seal::Refusal;

use super::codec::read_frame;

const PROTOCOL: StreamProtocol = StreamProtocol::new(TALK);

/// Words that may wait for one neighbour: a `done` for each chunk of some seconds, and what the schedule lets go of `have`s.
const WORDS: usize = 128;
/// Events of all neighbours together before their tasks have to wait.
const EVENTS: usize = 256;

/// How long a neighbour may take to read what it is told.
const STUCK: Duration = Duration::from_secs(8);

/// What a reader says when it is there: a stream that comes in while another does is dropped unheard.
const READY: u8 = 0;
/// How often, and how soon again, a stream is opened until its reader is there.
const OPENINGS: u32 = 5;
const AGAIN: Duration = Duration::from_millis(50);

/// What becomes of a talk.
#[derive(Debug)]
pub(super) enum Event {
    /// A neighbour's word; or why what came is none.
    Word(PeerId, Result<Request, Refusal>),
    /// A `have` is on its way.
    Told(PeerId),
    /// It does not read, or cannot.
    Deaf(PeerId),
}

/// All talks. They end with it.
pub(super) struct Talks {
    control: Control,
    tasks: TaskTracker,
    speakers: BTreeMap<PeerId, Speaker>,
    sender: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
    stop: CancellationToken,
}

/// One neighbour's.
struct Speaker {
    words: mpsc::Sender<Request>,
    end: CancellationToken,
}

impl Talks {
    /// None yet. Streams that neighbours open are taken from now on.
    pub(super) fn new(mut control: Control, tasks: TaskTracker, stop: &CancellationToken) -> Self {
        let (sender, events) = mpsc::channel(EVENTS);
        let stop = stop.child_token();
        match control.accept(PROTOCOL) {
            Ok(streams) => {
                let listening = listen(streams, tasks.clone(), sender.clone(), stop.clone());
                tasks.spawn(listening);
            }
            Err(error) => debug!(%error, "neighbours' words are not heard"),
        }
        Self {
            control,
            tasks,
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
        let (words, spoken) = mpsc::channel(WORDS);
        let end = self.stop.child_token();
        let speaking = speak(self.control.clone(), peer, spoken, self.sender.clone());
        let ended = end.clone();
        self.tasks
            .spawn(async move { ended.run_until_cancelled(speaking).await });
        self.end(peer);
        self.speakers.insert(peer, Speaker { words, end });
    }

    /// A neighbour is gone.
    pub(super) fn end(&mut self, peer: PeerId) {
        if let Some(speaker) = self.speakers.remove(&peer) {
            speaker.end.cancel();
        }
    }

    /// Says something to a neighbour. Whether it can still be told anything.
    #[must_use]
    pub(super) fn say(&mut self, peer: PeerId, word: Request) -> bool {
        match self.speakers.entry(peer) {
            Entry::Occupied(speaker) => speaker.get().words.try_send(word).is_ok(),
            Entry::Vacant(_) => false,
        }
    }
}

impl Drop for Talks {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Takes the streams that neighbours open; a second one of a neighbour takes the place of its first.
async fn listen(
    mut streams: IncomingStreams,
    tasks: TaskTracker,
    events: mpsc::Sender<Event>,
    stop: CancellationToken,
) {
    let mut listeners: BTreeMap<PeerId, CancellationToken> = BTreeMap::new();
    while let Some(Some((peer, stream))) = stop.run_until_cancelled(streams.next()).await {
        let end = stop.child_token();
        if let Some(before) = listeners.insert(peer, end.clone()) {
            before.cancel();
        }
        listeners.retain(|_, end| !end.is_cancelled());
        let events = events.clone();
        tasks.spawn(async move {
            end.run_until_cancelled(hear(peer, stream, events)).await;
            end.cancel();
        });
    }
}

/// Reads a neighbour's words. While the node has enough to do nothing is read, and the neighbour waits.
async fn hear(peer: PeerId, mut stream: Stream, events: mpsc::Sender<Event>) {
    if stream.write_all(&[READY]).await.is_err() || stream.flush().await.is_err() {
        return;
    }
    loop {
        let word = match read_frame(&mut stream, "word", MAX_REQUEST_BYTES).await {
            Ok(frame) => frame.and_then(|frame| Request::decode(&frame)),
            Err(error) => return debug!(%peer, %error, "a neighbour says no more"),
        };
        let is_none = word.is_err();
        if events.send(Event::Word(peer, word)).await.is_err() || is_none {
            return;
        }
    }
}

/// Tells a neighbour what there is to tell.
async fn speak(
    mut control: Control,
    peer: PeerId,
    mut words: mpsc::Receiver<Request>,
    events: mpsc::Sender<Event>,
) {
    let Some(mut stream) = open(&mut control, peer).await else {
        let _ = events.send(Event::Deaf(peer)).await;
        return;
    };
    let (mut batch, mut frames) = (Vec::new(), BytesMut::new());
    // All that has come up meanwhile goes together.
    while words.recv_many(&mut batch, WORDS).await > 0 {
        let mut haves = 0;
        for word in batch.drain(..) {
            haves += u32::from(matches!(word, Request::Have(_)));
            put(&mut frames, &word);
        }
        if !matches!(timeout(STUCK, flush(&mut stream, &frames)).await, Ok(Ok(()))) {
            let _ = events.send(Event::Deaf(peer)).await;
            return;
        }
        frames.clear();
        for _ in 0..haves {
            // Where nobody listens to events the node has ended.
            if events.send(Event::Told(peer)).await.is_err() {
                return;
            }
        }
    }
}

/// A stream with somebody at its other end.
async fn open(control: &mut Control, peer: PeerId) -> Option<Stream> {
    for _ in 0..OPENINGS {
        let opened = timeout(STUCK, async {
            let mut stream = control.open_stream(peer, PROTOCOL).await.ok()?;
            let mut ready = [0; 1];
            stream.read_exact(&mut ready).await.ok()?;
            Some(stream)
        });
        match opened.await {
            Ok(Some(stream)) => return Some(stream),
            Ok(None) => sleep(AGAIN).await,
            Err(_) => return None,
        }
    }
    None
}

fn put(frames: &mut BytesMut, word: &Request) {
    let word = word.encode();
    // Its bound is far below that of the length.
    frames.put_u32(u32::try_from(word.len()).unwrap_or(u32::MAX));
    frames.extend_from_slice(&word);
}

async fn flush(stream: &mut (impl AsyncWrite + Unpin), frames: &[u8]) -> std::io::Result<()> {
    stream.write_all(frames).await?;
    stream.flush().await
}
