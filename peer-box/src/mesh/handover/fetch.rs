//! Fetching: a want goes out, parts come in.

use std::io;

use libp2p::PeerId;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, timeout};
use tracing::debug;
use wire::exchange::Answer;
use wire::id::ChunkId;
use wire::seal::Refusal;

use super::super::parcel::Parcel;
use super::super::talk::{Asked, Line, Told};
use super::{Event, Outcome, STUCK};

/// How often the node is told that something comes: the schedule needs no finer word.
const TOLD_EVERY: Duration = Duration::from_millis(50);

/// One chunk asked of one neighbour.
pub(super) struct Fetch {
    pub(super) peer: PeerId,
    pub(super) id: ChunkId,
    pub(super) parcel: Parcel,
    /// Whether it is passed on in time.
    pub(super) hands_on: bool,
    pub(super) events: mpsc::Sender<Event>,
}

impl Fetch {
    pub(super) async fn run(self, line: Line) {
        let outcome = match timeout(STUCK, self.ask(&line)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                debug!(peer = %self.peer, %error, "a want failed");
                Outcome::Failed
            }
            Err(_) => Outcome::Failed,
        };
        self.tell(outcome).await;
    }

    async fn ask(&self, line: &Line) -> io::Result<Outcome> {
        let here = self.parcel.here();
        let mut asked = line.want(
            self.id.clone(),
            number(here),
            self.hands_on,
            self.parcel.bytes_from(here),
        )?;
        match answer(&mut asked).await? {
            Some(Answer::Here) if self.parcel.take() => self.take(&mut asked, here).await,
            Some(Answer::Here) => Ok(Outcome::Declined),
            Some(Answer::Wait) => {
                self.tell(Outcome::Waits).await;
                self.wait(&mut asked).await
            }
            Some(Answer::Busy) => Ok(Outcome::Busy),
            Some(Answer::Gone) => Ok(Outcome::Gone),
            None => Ok(early()),
        }
    }

    /// Waits until the turn has come, and takes what is offered then, unless it comes of another by now.
    async fn wait(&self, asked: &mut Asked) -> io::Result<Outcome> {
        match answer(asked).await? {
            Some(Answer::Here) if self.parcel.take() => {
                let here = self.parcel.here();
                asked.take(number(here), self.parcel.bytes_from(here))?;
                self.take(asked, here).await
            }
            Some(Answer::Here) => Ok(Outcome::Declined),
            // To wait twice is once too often.
            Some(Answer::Busy | Answer::Wait) => Ok(Outcome::Busy),
            Some(Answer::Gone) => Ok(Outcome::Gone),
            None => Ok(early()),
        }
    }

    async fn take(&self, asked: &mut Asked, from: usize) -> io::Result<Outcome> {
        self.tell(Outcome::Begins).await;
        let outcome = self.take_parts(asked, from).await;
        if !matches!(outcome, Ok(Outcome::Whole(_))) {
            self.parcel.is_not_taken();
        }
        outcome
    }

    /// Takes the parts from that number on.
    async fn take_parts(&self, asked: &mut Asked, from: usize) -> io::Result<Outcome> {
        let (mut came, mut told_at) = (0, None::<Instant>);
        for number in from..self.parcel.count() {
            let part = match asked.next().await {
                Some(Told::Part(part)) => part,
                // To the neighbour it does not come any further either.
                Some(Told::Answer(_)) => return Ok(Outcome::Gone),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            };
            came += part.len();
            if let Err(refusal) = self.parcel.add(number, part.clone()) {
                return Ok(Outcome::Refused(refusal, part.to_vec()));
            }
            let is_due = told_at.is_none_or(|at| at.elapsed() >= TOLD_EVERY);
            if is_due && number + 1 < self.parcel.count() {
                told_at = Some(Instant::now());
                self.tell(Outcome::Comes(std::mem::take(&mut came))).await;
            }
        }
        Ok(Outcome::Whole(came))
    }

    async fn tell(&self, outcome: Outcome) {
        // Where nobody listens to events the node has ended.
        let event = Event::Fetched(self.peer, self.id.clone(), outcome);
        let _ = self.events.send(event).await;
    }
}

/// What the neighbour answers; nothing if it sends a part first.
async fn answer(asked: &mut Asked) -> io::Result<Option<Answer>> {
    match asked.next().await {
        Some(Told::Answer(answer)) => Ok(Some(answer)),
        Some(Told::Part(_)) => Ok(None),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Parts that were not announced are none that anybody took.
fn early() -> Outcome {
    let refusal = Refusal::malformed("part", "before the answer to its want");
    Outcome::Refused(refusal, Vec::new())
}

fn number(parts: usize) -> u16 {
    u16::try_from(parts).unwrap_or(u16::MAX)
}
