//! Speaking: what there is to say to a neighbour leaves on one stream.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::{PeerId, Stream};
use libp2p_stream::Control;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::debug;
use wire::exchange::Word;

use super::line::{Said, WORDS};
use super::{EXCHANGE, Event, STUCK};

/// How often, and how soon again, a stream is opened until its reader is there.
const OPENINGS: u32 = 5;
const AGAIN: Duration = Duration::from_millis(50);

/// Tells a neighbour what there is to tell, words before parts. A stream that ends, as with a connection beside which there
/// is another, is opened anew; what was on it is lost, and asked for again.
pub(super) async fn speak(mut control: Control, peer: PeerId, mut said: Said, events: mpsc::Sender<Event>) {
    while let Some(stream) = open(&mut control, peer).await {
        match tell(stream, peer, &mut said, &events).await {
            Ok(()) => return,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => break,
            Err(error) => debug!(%peer, %error, "a stream ended"),
        }
        // Where it was the last connection the node ends this by now: nobody is to be dialled for it.
        sleep(AGAIN).await;
    }
    // Where nobody listens to events the node has ended.
    let _ = events.send(Event::Deaf(peer)).await;
}

/// Ends when there is nobody any more to say anything, or to tell of it; fails when it cannot be said.
async fn tell(
    mut stream: Stream,
    peer: PeerId,
    said: &mut Said,
    events: &mpsc::Sender<Event>,
) -> io::Result<()> {
    let (mut words, mut frames) = (Vec::new(), BytesMut::new());
    loop {
        tokio::select! {
            biased;
            // All that has come up meanwhile goes together.
            count = said.words.recv_many(&mut words, WORDS) => if count == 0 { return Ok(()) },
            Some(part) = said.parts.recv() => words.push(part),
        }
        let mut haves = 0;
        for word in words.drain(..) {
            haves += u32::from(matches!(word, Word::Have(_)));
            word.frame(&mut frames);
        }
        let sent = async {
            stream.write_all(&frames).await?;
            stream.flush().await
        };
        timeout(STUCK, sent).await??;
        frames.clear();
        for _ in 0..haves {
            if events.send(Event::Told(peer)).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// A stream with somebody at its other end.
async fn open(control: &mut Control, peer: PeerId) -> Option<Stream> {
    for _ in 0..OPENINGS {
        let opened = timeout(STUCK, async {
            let mut stream = control.open_stream(peer, EXCHANGE).await.ok()?;
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
