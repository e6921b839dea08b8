//! Hearing: what neighbours say goes to whoever it is for.
//!
//! What promises and arrivals are told goes to the node, a want to the handover, and what is said to a want to whoever
//! asked. While any of these has enough to do nothing more is read, and the neighbour waits.

use std::collections::BTreeMap;

use futures::{AsyncWriteExt, StreamExt};
use libp2p::{PeerId, Stream};
use libp2p_stream::IncomingStreams;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;
use wire::exchange::{Answer, MAX_WORD_BYTES, Want, WantNumber, Word};
use wire::seal::Refusal;

use super::super::codec::read_frame;
use super::super::handover::Servant;
use super::line::Told;
use super::{Event, Lines};

/// What a reader says when it is there: a stream that comes in while another does is dropped unheard.
const READY: u8 = 0;

/// Wants of one neighbour that are served or wait.
const MAX_WANTS: usize = 32;

/// Who hears neighbours, and for whom.
#[derive(Clone)]
pub(super) struct Hearer {
    pub(super) lines: watch::Receiver<Lines>,
    pub(super) servant: Servant,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

/// One neighbour's wants, and where it is told that an offer is taken. Who waits for that hears of the end too.
type Wanted = BTreeMap<WantNumber, mpsc::Sender<u16>>;

impl Hearer {
    /// Takes the streams that neighbours open; a second one of a neighbour takes the place of its first.
    pub(super) async fn listen(self, mut streams: IncomingStreams) {
        let mut heard: BTreeMap<PeerId, CancellationToken> = BTreeMap::new();
        while let Some(Some((peer, stream))) = self.stop.run_until_cancelled(streams.next()).await {
            let end = self.stop.child_token();
            if let Some(before) = heard.insert(peer, end.clone()) {
                before.cancel();
            }
            heard.retain(|_, end| !end.is_cancelled());
            let hearer = self.clone();
            self.tasks.spawn(async move {
                end.run_until_cancelled(hearer.hear(peer, stream)).await;
                end.cancel();
            });
        }
    }

    async fn hear(self, peer: PeerId, mut stream: Stream) {
        if stream.write_all(&[READY]).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        let mut wanted = Wanted::new();
        loop {
            let word = match read_frame(&mut stream, "word", MAX_WORD_BYTES).await {
                Ok(frame) => frame.and_then(|frame| Word::decode(&frame)),
                Err(error) => return debug!(%peer, %error, "a neighbour says no more"),
            };
            let passed = match word {
                Ok(word) => self.pass(peer, word, &mut wanted).await,
                Err(refusal) => Err(refusal),
            };
            if let Err(refusal) = passed {
                return self.tell(Event::Word(peer, Err(refusal))).await;
            }
        }
    }

    /// Passes a word on to whom it is for.
    async fn pass(&self, peer: PeerId, word: Word, wanted: &mut Wanted) -> Result<(), Refusal> {
        match word {
            Word::Have(_) | Word::Done(_) | Word::Seek(_) | Word::Leave(_) => {
                self.tell(Event::Word(peer, Ok(word))).await;
                Ok(())
            }
            Word::Want(want) => self.wants(peer, want, wanted),
            Word::Take(number, here) => {
                // An offer is taken once; and it may have been withdrawn meanwhile.
                if let Some(taken) = wanted.get(&number) {
                    let _ = taken.try_send(here);
                }
                Ok(())
            }
            Word::Stop(number) => {
                wanted.remove(&number);
                Ok(())
            }
            Word::Answer(number, answer) => self.replies(peer, number, Told::Answer(answer)).await,
            Word::Part(number, part) => self.replies(peer, number, Told::Part(part)).await,
        }
    }

    fn wants(&self, peer: PeerId, want: Want, wanted: &mut Wanted) -> Result<(), Refusal> {
        // Who is no neighbour yet, or no more, was promised nothing.
        let Some(line) = self.lines.borrow().get(&peer).cloned() else {
            return Ok(());
        };
        wanted.retain(|_, taken| !taken.is_closed());
        if wanted.contains_key(&want.number) {
            return Err(Refusal::malformed("want", "of a number that another has"));
        }
        if wanted.len() >= MAX_WANTS {
            // Who does not listen is let go.
            let _ = line.say(Word::Answer(want.number, Answer::Busy));
            return Ok(());
        }
        let (taken, is_taken) = mpsc::channel(1);
        wanted.insert(want.number, taken);
        let (servant, stop) = (self.servant.clone(), self.stop.clone());
        let serves = async move { servant.serve(peer, line, want, is_taken).await };
        self.tasks.spawn(stop.run_until_cancelled_owned(serves));
        Ok(())
    }

    async fn replies(&self, peer: PeerId, number: WantNumber, told: Told) -> Result<(), Refusal> {
        let line = self.lines.borrow().get(&peer).cloned();
        match line {
            Some(line) => line.hears(number, told).await,
            None => Ok(()),
        }
    }

    async fn tell(&self, event: Event) {
        // Where nobody listens to events the node has ended.
        let _ = self.events.send(event).await;
    }
}
