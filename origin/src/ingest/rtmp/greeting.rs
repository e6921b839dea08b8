//! The handshake (RTMP 1.0 §5.2): each side says 1537 bytes and repeats the other's 1536.

use std::fmt;

use bytes::BytesMut;
use rtmp_rs::protocol::handshake::{Handshake, HandshakeRole};

use super::violation::Violation;

/// RTMP is 3; above 31 is text, by which the specification tells HTTP and its like apart.
const VERSIONS: std::ops::RangeInclusive<u8> = 3..=31;

/// A handshake that is not done yet.
pub(in crate::ingest) struct Greeting(Box<Handshake>);

impl Greeting {
    /// Waits for what the client says first.
    pub(in crate::ingest) fn new() -> Self {
        let mut handshake = Handshake::new(HandshakeRole::Server);
        // A server has nothing to say first; the call only moves it on to where it listens.
        let nothing = handshake.generate_initial();
        debug_assert!(nothing.is_none());
        Self(Box::new(handshake))
    }

    /// Takes from `input` what belongs to the handshake, answers into `output`, and tells whether it is done.
    pub(in crate::ingest) fn advance(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<bool, Violation> {
        loop {
            let needed = self.0.bytes_needed();
            // The client's first packet has one byte more than its second: its version.
            let first = needed > rtmp_rs::protocol::constants::HANDSHAKE_SIZE;
            if let Some(&version) = input.first().filter(|_| first)
                && !VERSIONS.contains(&version)
            {
                return Err(Violation::NotRtmp(version));
            }
            if input.len() < needed {
                return Ok(false);
            }
            if let Some(answer) = self.0.process(&mut input.split_to(needed).freeze())? {
                output.extend_from_slice(&answer);
            }
            if self.0.is_done() {
                return Ok(true);
            }
        }
    }
}

impl fmt::Debug for Greeting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Greeting")
    }
}
