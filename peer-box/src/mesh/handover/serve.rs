//! Serving: a want comes in, parts go out as the uplink carries them.

use std::io;

use libp2p::PeerId;
use tokio::sync::mpsc;
use tokio::time::{Duration, timeout};
use tracing::debug;
use wire::exchange::{Answer, Want, WantNumber, Word};
use wire::id::{BoxId, ChunkId};

use super::super::pacer::{NEARLY_DONE, Order, Pacer};
use super::super::parcel::Parcel;
use super::super::schedule::{Worth, is_small};
use super::super::talk::Line;
use super::{Event, Reply};
use crate::counts::Counts;

/// The next part comes here, and leaves, within this, or it is the last.
const STUCK: Duration = Duration::from_secs(8);

/// Whose turn it is has so long to say that it takes the chunk.
const GO: Duration = Duration::from_millis(500);

/// A want is answered once, and before that perhaps by a wait.
const ANSWERS: usize = 2;

/// What it takes to serve.
#[derive(Clone)]
pub(in crate::mesh) struct Servant {
    pub(super) pacer: Pacer,
    pub(super) counts: Counts,
    pub(super) events: mpsc::Sender<Event>,
}

impl Servant {
    /// Serves one want. `taken` brings the word that an offer is taken; it ends when the neighbour wants it no longer.
    pub(in crate::mesh) async fn serve(
        self,
        peer: PeerId,
        line: Line,
        want: Want,
        mut taken: mpsc::Receiver<u16>,
    ) {
        let (id, mut from) = (want.id.clone(), want.here);
        let asker = Asker {
            peer,
            line,
            number: want.number,
        };
        let (reply, mut answers) = mpsc::channel(ANSWERS);
        self.tell(Event::Wanted(peer, want, reply)).await;
        let mut answer = answers.recv().await.unwrap_or(Reply::Busy);
        let has_waited = matches!(answer, Reply::Wait);
        if has_waited {
            let waits = asker.answers(Answer::Wait);
            let turn = tokio::select! {
                turn = answers.recv() => turn.unwrap_or(Reply::Busy),
                // Nothing is to be taken yet: the want was withdrawn.
                _ = taken.recv() => return self.tell(Event::Broke(peer, id)).await,
            };
            if waits.is_err() {
                return self.tell(Event::Broke(peer, id)).await;
            }
            answer = turn;
        }
        let (response, given) = match answer {
            Reply::Here(to, parcel, worth) => (
                Answer::Here,
                Some(Given {
                    to,
                    id,
                    parcel,
                    worth,
                }),
            ),
            Reply::Busy | Reply::Wait => (Answer::Busy, None),
            Reply::Gone => (Answer::Gone, None),
        };
        let answered = asker.answers(response);
        let Some(given) = given else { return };
        let sent = async {
            answered?;
            if has_waited {
                from = timeout(GO, taken.recv())
                    .await?
                    .ok_or(io::ErrorKind::UnexpectedEof)?;
            }
            tokio::select! {
                biased;
                () = is_over(&mut taken) => Err(io::ErrorKind::UnexpectedEof.into()),
                sent = self.give(&asker, &given, from.into()) => sent,
            }
        };
        if let Err(error) = sent.await {
            debug!(%peer, %error, "a chunk is not given to the end");
            let is_silent = error.kind() == io::ErrorKind::TimedOut;
            let event = if is_silent { Event::Silent } else { Event::Broke };
            self.tell(event(peer, given.id)).await;
        }
    }

    /// Sends the parts from that number on, each when it is here and its turn has come.
    async fn give(&self, asker: &Asker, given: &Given, from: usize) -> io::Result<()> {
        let parcel = &given.parcel;
        let count = parcel.count();
        let mut is_told = false;
        for number in from..count {
            if !is_told && count - number <= NEARLY_DONE {
                // Until these have left, the next has heard that it is its turn: the uplink need not wait for that.
                is_told = true;
                self.tell(Event::Sent(asker.peer, given.id.clone())).await;
            }
            let Ok(Some(part)) = timeout(STUCK, parcel.part(number)).await else {
                asker.answers(Answer::Gone)?;
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            #[cfg(feature = "faults")]
            let part = crate::faults::spoil(part).await;
            let order = if is_small(parcel.size()) {
                Order::SMALL
            } else {
                Order::of(given.worth, count - number)
            };
            self.pacer.turn(order, part.len()).await;
            let bytes = part.len();
            timeout(STUCK, asker.line.give(asker.number, part)).await??;
            self.counts.sent_to_neighbour(given.to, bytes);
        }
        Ok(())
    }

    async fn tell(&self, event: Event) {
        // Where nobody listens to events the node has ended.
        let _ = self.events.send(event).await;
    }
}

/// Who wants a chunk, and by which number.
struct Asker {
    peer: PeerId,
    line: Line,
    number: WantNumber,
}

impl Asker {
    fn answers(&self, answer: Answer) -> io::Result<()> {
        self.line.say(Word::Answer(self.number, answer))
    }
}

/// What is given to whom.
struct Given {
    to: BoxId,
    id: ChunkId,
    parcel: Parcel,
    worth: Worth,
}

/// Ends when who asked wants it no longer.
async fn is_over(taken: &mut mpsc::Receiver<u16>) {
    while taken.recv().await.is_some() {}
}
