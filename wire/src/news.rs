//! News: what an origin has every box told at once, without waiting for a tracker.
//!
//! It goes with the feed to the seeds and from box to box by gossip. There is little of it: an epoch begins, an epoch
//! ends, an epoch is taken down.

use bytes::Bytes;
use minicbor::bytes::ByteSlice;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::chunk::{MAX_SEAL_BYTES, Seal};
use crate::id::{ChannelName, Epoch};
use crate::key::{PublicKey, SecretKey};
use crate::seal::{Refusal, Signed, claim, open, sign};
use crate::{VERSION, Version};

/// The most init segments whose seals one message holds.
pub const MAX_SEALS: usize = 32;

/// What all seals of one message may take together, in bytes.
pub const MAX_SEALS_BYTES: usize = 6 << 10;

/// What happens to an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It begins; these are the seals of its init segments, as many as fit.
    Begins(Vec<Seal>),
    /// It is over: no chunk follows.
    Ends,
    /// It is taken down: nobody keeps it any more.
    TakenDown,
}

/// What happens to an epoch of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The channel.
    pub channel: ChannelName,
    /// The epoch.
    pub epoch: Epoch,
    /// What happens to it.
    pub turn: Turn,
}

impl News {
    /// An epoch begins with these init segments.
    pub fn begins(channel: ChannelName, epoch: Epoch, seals: impl IntoIterator<Item = Seal>) -> Self {
        let mut room = MAX_SEALS_BYTES;
        let fits = |seal: &Seal| {
            let taken = seal.bytes().len();
            let fits = taken <= room;
            room -= if fits { taken } else { 0 };
            fits
        };
        let seals = seals.into_iter().filter(fits).take(MAX_SEALS).collect();
        let turn = Turn::Begins(seals);
        Self { channel, epoch, turn }
    }

    /// An epoch is taken down.
    pub fn takedown(channel: ChannelName, epoch: Epoch) -> Self {
        let turn = Turn::TakenDown;
        Self { channel, epoch, turn }
    }

    /// The news as it travels.
    pub fn sign(&self, secret: &SecretKey) -> Bytes {
        sign(secret, self)
    }

    /// Opens news that one of the channel's `keys` should have signed.
    pub fn open(bytes: &[u8], keys: &[PublicKey]) -> Result<Self, Refusal> {
        open(bytes, keys)
    }

    /// What the news says, whoever signed it: good for finding the keys to open it with, and for nothing else.
    pub fn claimed(bytes: &[u8]) -> Result<Self, Refusal> {
        claim(bytes)
    }
}

impl Signed for News {
    const NAME: &'static str = "news";
    const PURPOSE: &'static str = "boxmesh:news:1";
    const MAX_BYTES: usize = 7 << 10;

    fn check(&self) -> Result<(), String> {
        let Turn::Begins(seals) = &self.turn else {
            return Ok(());
        };
        let bytes: usize = seals.iter().map(|seal| seal.bytes().len()).sum();
        if bytes > MAX_SEALS_BYTES {
            return Err(format!(
                "seals of {bytes} bytes are over the limit of {MAX_SEALS_BYTES}"
            ));
        }
        for seal in seals {
            let id = seal.claimed().map_err(|refusal| refusal.to_string())?.id;
            if !id.is_init() || id.channel != self.channel || id.epoch != self.epoch {
                return Err(format!("{id} is no init segment of the epoch"));
            }
        }
        Ok(())
    }
}

impl<C> Encode<C> for News {
    fn encode<W: encode::Write>(
        &self,
        out: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        let (turn, seals) = match &self.turn {
            Turn::Begins(seals) => (0, &seals[..]),
            Turn::Ends => (1, &[][..]),
            Turn::TakenDown => (2, &[][..]),
        };
        out.array(5)?.u64(VERSION)?;
        self.channel.encode(out, context)?;
        self.epoch.encode(out, context)?;
        out.u8(turn)?.array(seals.len() as u64)?;
        for seal in seals {
            <&ByteSlice>::from(&seal.bytes()[..]).encode(out, context)?;
        }
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for News {
    fn decode(input: &mut Decoder<'b>, context: &mut C) -> Result<Self, decode::Error> {
        let wrong = decode::Error::message;
        if input.array()? != Some(5) {
            return Err(wrong("not five elements"));
        }
        Version::decode(input, context)?;
        let channel = ChannelName::decode(input, context)?;
        let epoch = Epoch::decode(input, context)?;
        let turn = input.u8()?;
        let count = input.array()?.and_then(|count| usize::try_from(count).ok());
        let count = count
            .filter(|count| *count <= MAX_SEALS)
            .ok_or_else(|| wrong("too many seals"))?;
        let mut seals = Vec::with_capacity(count);
        for _ in 0..count {
            let seal = input.bytes()?;
            if seal.len() > MAX_SEAL_BYTES {
                return Err(wrong("a seal is too large"));
            }
            seals.push(Seal::copied(seal));
        }
        let turn = match turn {
            0 => Turn::Begins(seals),
            1 if seals.is_empty() => Turn::Ends,
            2 if seals.is_empty() => Turn::TakenDown,
            _ => return Err(wrong("no turn of an epoch")),
        };
        Ok(Self { channel, epoch, turn })
    }
}
