//! Chunks become messages, in bounds (RTMP 1.0 §5.3).
//!
//! The decoder sets aside a message's whole length as soon as a chunk claims it, for each of 65,599 chunk
//! streams, and keeps a stream's memory after its message is done. So the header of every chunk
//! is read here first: how many streams there are, how long their messages claim to be, and when a
//! chunk is all there. Only then the decoder sees it, and it has to take exactly that chunk.

use std::collections::BTreeMap;
use std::fmt;

use bytes::BytesMut;
use rtmp_rs::protocol::chunk::{ChunkDecoder, RtmpChunk};

use super::violation::Violation;

/// Encoders use four or five: control, commands, data, audio, video.
const MAX_STREAMS: usize = 16;

/// How much a peer may make us keep.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// The longest message, in bytes.
    pub(super) message: usize,
    /// The longest messages of all chunk streams together, in bytes. The decoder's memory stays below twice that.
    pub(super) together: usize,
}

/// The chunks of one connection.
pub(super) struct Chunks {
    decoder: ChunkDecoder,
    streams: BTreeMap<u32, Stream>,
    bounds: Bounds,
}

/// What is known of a chunk stream.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    /// Bytes of the message that it carries, or carried last.
    length: usize,
    /// Bytes of that message that came; 0 between messages.
    filled: usize,
    /// Bytes of its longest message ever: what the decoder may still hold for it.
    longest: usize,
    /// Whether its chunks carry an extended timestamp.
    extended: bool,
}

impl Chunks {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            decoder: ChunkDecoder::new(),
            streams: BTreeMap::new(),
            bounds,
        }
    }

    /// From now on, other bounds hold.
    pub(super) fn bound(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// The peer's chunks are `size` bytes from now on.
    pub(super) fn set_chunk_size(&mut self, size: u32) -> Result<(), Violation> {
        if size == 0 {
            return Err(Violation::NoChunkSize);
        }
        self.decoder.set_chunk_size(size);
        Ok(())
    }

    /// The peer will not finish the message that chunk stream `id` carries.
    pub(super) fn abort(&mut self, id: u32) {
        self.decoder.abort(id);
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.filled = 0;
        }
    }

    /// Takes chunks from `input` until a message is whole; `None` when more bytes are needed for that.
    pub(super) fn next(&mut self, input: &mut BytesMut) -> Result<Option<RtmpChunk>, Violation> {
        while let Some(size) = self.admit(input)? {
            let rest = input.len() - size;
            let message = self.decoder.decode(input)?;
            if input.len() != rest {
                return Err(Violation::Unreadable("a chunk of ambiguous size".into()));
            }
            if message.is_some() {
                return Ok(message);
            }
        }
        Ok(None)
    }

    /// The size of the chunk that `input` begins with, when it is within bounds and all there.
    fn admit(&mut self, input: &[u8]) -> Result<Option<usize>, Violation> {
        let Some(header) = Header::read(input) else {
            return Ok(None);
        };
        let id = header.stream;
        let mut stream = match self.streams.get(&id) {
            Some(stream) => *stream,
            None if header.length.is_none() => return Err(Violation::Orphan(id)),
            None if self.streams.len() == MAX_STREAMS => {
                return Err(Violation::ChunkStreams { most: MAX_STREAMS });
            }
            None => Stream::default(),
        };
        if let Some(length) = header.length {
            if stream.filled > 0 && length != stream.length {
                return Err(Violation::Changed(id));
            }
            stream.length = length;
        }
        stream.extended = header.time.map_or(stream.extended, |time| time == EXTENDED);
        stream.longest = stream.longest.max(stream.length);
        self.check(id, stream)?;

        let body = (stream.length - stream.filled).min(self.chunk_size());
        let size = header.bytes + if stream.extended { 4 } else { 0 } + body;
        if input.len() < size {
            return Ok(None);
        }
        stream.filled = (stream.filled + body) % stream.length.max(1);
        self.streams.insert(id, stream);
        Ok(Some(size))
    }

    /// Whether `stream` is as long as it may be, alone and with the others.
    fn check(&self, id: u32, stream: Stream) -> Result<(), Violation> {
        let Bounds { message, together } = self.bounds;
        if stream.length > message {
            return Err(Violation::TooLong {
                bytes: stream.length,
                most: message,
            });
        }
        let others = self.streams.iter().filter(|(other, _)| **other != id);
        if others.map(|(_, other)| other.longest).sum::<usize>() + stream.longest > together {
            return Err(Violation::TooMuch { most: together });
        }
        Ok(())
    }

    fn chunk_size(&self) -> usize {
        usize::try_from(self.decoder.chunk_size()).unwrap_or(usize::MAX)
    }
}

/// A timestamp field that says: the timestamp is in four bytes of its own, behind the header.
const EXTENDED: usize = 0xff_ffff;

/// As much of a chunk's header as bounds depend on.
struct Header {
    stream: u32,
    /// The timestamp, or its growth, if the header has it.
    time: Option<usize>,
    /// The length of the message, if the header has it.
    length: Option<usize>,
    /// Bytes of the header, without an extended timestamp.
    bytes: usize,
}

impl Header {
    /// The header that `input` begins with, when it is all there (§5.3.1.1, §5.3.1.2).
    fn read(input: &[u8]) -> Option<Self> {
        let first = *input.first()?;
        let more = |at: usize| input.get(at).map(|byte| u32::from(*byte));
        let (stream, basic) = match first & 0x3f {
            0 => (64 + more(1)?, 2),
            1 => (64 + more(1)? + 256 * more(2)?, 3),
            small => (u32::from(small), 1),
        };
        let message = match first >> 6 {
            0 => 11,
            1 => 7,
            2 => 3,
            _ => 0,
        };
        let message = input.get(basic..basic + message)?;
        let number = |at: usize| {
            let digits = message.get(at..at + 3)?;
            Some(
                digits
                    .iter()
                    .fold(0, |number, digit| number << 8 | usize::from(*digit)),
            )
        };
        Some(Self {
            stream,
            time: number(0),
            length: number(3),
            bytes: basic + message.len(),
        })
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Chunks")
            .field("streams", &self.streams)
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}
