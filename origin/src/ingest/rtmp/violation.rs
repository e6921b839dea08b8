//! What a peer did that RTMP forbids, or that nobody who means well does.

/// Why a peer's bytes were read no further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::ingest) enum Violation {
    #[error("this is not RTMP: the first byte is {0:#04x}")]
    NotRtmp(u8),
    #[error("more than {most} chunk streams")]
    ChunkStreams { most: usize },
    #[error("chunk stream {0} goes on with a message that never began")]
    Orphan(u32),
    #[error("chunk stream {0} changes the length of a message in the middle of it")]
    Changed(u32),
    #[error("a message of {bytes} bytes, where {most} are allowed")]
    TooLong { bytes: usize, most: usize },
    #[error("messages of more than {most} bytes begun at once")]
    TooMuch { most: usize },
    #[error("a chunk size of 0")]
    NoChunkSize,
    #[error("a command that {0}")]
    Command(&'static str),
    #[error("an aggregate message: send audio and video one by one")]
    Aggregate,
    #[error("a message that cannot be read: {0}")]
    Unreadable(String),
}

impl From<rtmp_rs::Error> for Violation {
    fn from(error: rtmp_rs::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}
