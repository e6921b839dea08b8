//! Everything after the handshake: bytes become messages.

use bytes::BytesMut;
use rtmp_rs::protocol::constants::{MSG_ABORT, MSG_SET_CHUNK_SIZE};
use rtmp_rs::protocol::message::RtmpMessage;

use super::chunks::{Bounds, Chunks};
use super::message::Message;
use super::violation::Violation;

/// Before it publishes, an encoder has little to say.
const BEFORE_PUBLISH: Bounds = Bounds {
    message: 64 * 1024,
    together: 64 * 1024,
};
/// The largest access unit that a chunk of ours could carry, and another one on another chunk stream.
const PUBLISHING: Bounds = Bounds {
    message: 4 * 1024 * 1024,
    together: 8 * 1024 * 1024,
};

/// Reads the messages of one connection.
#[derive(Debug)]
pub(in crate::ingest) struct Reader(Chunks);

impl Reader {
    /// Reads with the bounds for somebody who does not publish yet.
    pub(in crate::ingest) fn new() -> Self {
        Self(Chunks::new(BEFORE_PUBLISH))
    }

    /// From now on there may be messages as long as media needs.
    pub(in crate::ingest) fn expect_media(&mut self) {
        self.0.bound(PUBLISHING);
    }

    /// The next message in `input` that says something; `None` when more bytes are needed.
    pub(in crate::ingest) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Message>, Violation> {
        while let Some(chunk) = self.0.next(input)? {
            if matches!(chunk.message_type, MSG_SET_CHUNK_SIZE | MSG_ABORT) {
                match RtmpMessage::from_chunk(&chunk)? {
                    RtmpMessage::SetChunkSize(size) => self.0.set_chunk_size(size)?,
                    RtmpMessage::Abort { csid } => self.0.abort(csid),
                    _ => {}
                }
            } else if let Some(message) = Message::read(chunk)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }
}
