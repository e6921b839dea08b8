//! Messages that were taken from libzmq and wait to be judged: so many of each peer. Pure.
//!
//! libzmq is told to stop reading from nobody (`RCVHWM` 0), and everything that it has is taken from it at once. Where it stops
//! reading from a peer whose connection then breaks, its next heartbeat to that peer, or one of that peer's that it reads
//! later, ends the process (`_io_error` in `stream_engine_base.cpp`). So what a peer may send is bounded here.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

/// Messages of one peer that wait: several times what an origin has under way without a receipt.
const MAX_OF_PEER: usize = 64;

/// Bytes of all of them together.
const MAX_BYTES: usize = 64 << 20;

/// The peer, and its frames.
pub(super) type Message = (Vec<u8>, Vec<Bytes>);

/// The messages, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    waiting: VecDeque<Message>,
    of_peer: HashMap<Vec<u8>, usize>,
    bytes: usize,
}

impl Inbox {
    /// Keeps a message, unless there is no room for it: then its peer goes without an answer.
    pub(super) fn put(&mut self, peer: Vec<u8>, frames: Vec<Bytes>) -> bool {
        let size = weight(&frames);
        let count = self.of_peer.get(&peer).copied().unwrap_or(0);
        if count >= MAX_OF_PEER || self.bytes + size > MAX_BYTES {
            return false;
        }
        self.of_peer.insert(peer.clone(), count + 1);
        self.bytes += size;
        self.waiting.push_back((peer, frames));
        true
    }

    /// The oldest message.
    pub(super) fn take(&mut self) -> Option<Message> {
        let (peer, frames) = self.waiting.pop_front()?;
        self.bytes -= weight(&frames);
        if let Some(count) = self.of_peer.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                self.of_peer.remove(&peer);
            }
        }
        Some((peer, frames))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

fn weight(frames: &[Bytes]) -> usize {
    frames.iter().map(Bytes::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_floods_loses_what_is_too_much_and_takes_nothing_from_others() {
        let mut inbox = Inbox::default();
        let frame = |size: usize| vec![Bytes::from(vec![0; size])];
        for n in 0..100 {
            assert_eq!(inbox.put(vec![1], frame(1)), n < MAX_OF_PEER);
        }
        assert!(inbox.put(vec![2], frame(1)));
        assert!(!inbox.put(vec![2], frame(MAX_BYTES)), "not even one that large");
        for _ in 0..MAX_OF_PEER {
            assert_eq!(inbox.take().unwrap().0, [1]);
        }
        assert!(inbox.put(vec![1], frame(MAX_BYTES - 1)), "there is room again");
        assert_eq!(inbox.take().unwrap().0, [2]);
        assert_eq!(inbox.take().unwrap().0, [1]);
        assert!(inbox.is_empty() && inbox.of_peer.is_empty() && inbox.bytes == 0);
    }
}
