//! Fetching: a want goes out, parts come in.

use std::io;

use bytes::BytesMut;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::{PeerId, Stream};
use libp2p_stream::Control;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep, timeout};
use tracing::debug;
use wire::exchange::{Request, Response, Want};
use wire::id::ChunkId;
use wire::seal::Refusal;

use super::super::codec::write_frame;
use super::super::parcel::Parcel;
use super::{Event, Outcome, STUCK, WANTS};

/// How often the node is told that something comes: the schedule needs no finer word.
const TOLD_EVERY: Duration = Duration::from_millis(50);

/// A neighbour that did not hear a want is asked again after this, then after twice as long, and so on to the longest.
const AGAIN: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

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
    pub(super) async fn run(self, mut control: Control) {
        let outcome = match timeout(STUCK, self.ask(&mut control)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                debug!(peer = %self.peer, %error, "a want failed");
                Outcome::Failed
            }
            Err(_) => Outcome::Failed,
        };
        self.tell(outcome).await;
    }

    async fn ask(&self, control: &mut Control) -> io::Result<Outcome> {
        let here = self.parcel.here();
        let want = Request::Want(Want {
            id: self.id.clone(),
            here: u16::try_from(here).unwrap_or(u16::MAX),
            hands_on: self.hands_on,
        });
        let (mut stream, answer) = open(control, self.peer, &want).await?;
        match answer {
            Ok(Response::Here) if self.parcel.take() => self.take(&mut stream, here).await,
            Ok(Response::Here) => Ok(Outcome::Declined),
            Ok(Response::Wait) => {
                self.tell(Outcome::Waits).await;
                self.wait(&mut stream).await
            }
            Ok(Response::Busy) => Ok(Outcome::Busy),
            Ok(Response::Gone) => Ok(Outcome::Gone),
            Err(refusal) => Ok(Outcome::Refused(refusal, Vec::new())),
        }
    }

    /// Waits until the turn has come, and takes what is offered then, unless it comes of another by now.
    async fn wait(&self, stream: &mut Stream) -> io::Result<Outcome> {
        match read_answer(stream).await? {
            Ok(Response::Here) if self.parcel.take() => {
                let here = self.parcel.here();
                let go = u16::try_from(here).unwrap_or(u16::MAX);
                stream.write_all(&go.to_be_bytes()).await?;
                stream.flush().await?;
                self.take(stream, here).await
            }
            Ok(Response::Here) => Ok(Outcome::Declined),
            // To wait twice is once too often.
            Ok(Response::Busy | Response::Wait) => Ok(Outcome::Busy),
            Ok(Response::Gone) => Ok(Outcome::Gone),
            Err(refusal) => Ok(Outcome::Refused(refusal, Vec::new())),
        }
    }

    async fn take(&self, stream: &mut Stream, from: usize) -> io::Result<Outcome> {
        self.tell(Outcome::Begins).await;
        let outcome = self.take_parts(stream, from).await;
        if !matches!(outcome, Ok(Outcome::Whole(_))) {
            self.parcel.is_not_taken();
        }
        outcome
    }

    /// Takes the parts from that number on.
    async fn take_parts(&self, stream: &mut Stream, from: usize) -> io::Result<Outcome> {
        let (mut came, mut told_at) = (0, None::<Instant>);
        for number in from..self.parcel.count() {
            let mut frame = BytesMut::zeroed(self.parcel.frame_bytes(number));
            match stream.read_exact(&mut frame).await {
                // To the neighbour it does not come any further either.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Outcome::Gone),
                read => read?,
            }
            let frame = frame.freeze();
            came += frame.len();
            if let Err(refusal) = self.parcel.add(number, frame.clone()) {
                return Ok(Outcome::Refused(refusal, frame.to_vec()));
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

/// A stream on which the want was answered. A neighbour takes one new stream at a time, and drops those that come at the
/// same moment: who is not answered at all asks again.
async fn open(
    control: &mut Control,
    peer: PeerId,
    want: &Request,
) -> io::Result<(Stream, Result<Response, Refusal>)> {
    let want = want.encode();
    let mut pause = AGAIN;
    loop {
        let opened = control.open_stream(peer, WANTS).await;
        let mut stream = opened.map_err(io::Error::other)?;
        let asked = async {
            write_frame(&mut stream, &want).await?;
            read_answer(&mut stream).await
        };
        match asked.await {
            Ok(answer) => return Ok((stream, answer)),
            Err(_) if pause <= LONGEST_PAUSE => sleep(pause).await,
            Err(error) => return Err(error),
        }
        pause *= 2;
    }
}

async fn read_answer(stream: &mut Stream) -> io::Result<Result<Response, Refusal>> {
    let mut answer = [0; 1];
    stream.read_exact(&mut answer).await?;
    Ok(Response::decode(answer[0]))
}
