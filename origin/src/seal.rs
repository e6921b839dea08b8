//! Sealing: each piece of an epoch gets the origin's word.

use bytes::Bytes;
use wire::chunk::{Chunk, Facts};
use wire::id::{ChannelName, ChunkId, Epoch};
use wire::key::SecretKey;
use wire::seal::Refusal;

use crate::package::{Packaged, RawChunk};

/// Seals one epoch.
#[derive(Clone, Debug)]
pub(crate) struct Sealer {
    pub(crate) secret: SecretKey,
    pub(crate) channel: ChannelName,
    pub(crate) epoch: Epoch,
}

impl Sealer {
    /// The piece as it travels.
    pub(crate) fn seal(&self, piece: &Packaged) -> Result<Chunk, Refusal> {
        let Self {
            secret,
            channel,
            epoch,
        } = self;
        match piece {
            Packaged::Init { description, bytes } => {
                let id = ChunkId::init(channel.clone(), *epoch, description.track);
                let timescale = description.timescale;
                let facts = Facts {
                    id,
                    last: true,
                    time: 0,
                    duration: 0,
                    timescale,
                };
                Chunk::sealed(secret, facts, bytes, &Bytes::new())
            }
            Packaged::Chunk(RawChunk {
                track,
                segment,
                index,
                last,
                time,
                duration,
                timescale,
                head,
                body,
            }) => {
                let (channel, epoch) = (channel.clone(), *epoch);
                let id = ChunkId {
                    channel,
                    epoch,
                    track: *track,
                    segment: *segment,
                    index: *index,
                };
                let facts = Facts {
                    id,
                    last: *last,
                    time: *time,
                    duration: *duration,
                    timescale: *timescale,
                };
                Chunk::sealed(secret, facts, head, body)
            }
        }
    }
}
