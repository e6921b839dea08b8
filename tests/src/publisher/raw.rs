//! A publisher that can send anything: the bytes of RTMP written by hand, right or wrong.
//!
//! It knows just enough of RTMP to be let in, and then sends what a test wants: any message type on any chunk stream with
//! any timestamp, extended or not, or bytes that are no RTMP at all. It goes without a goodbye when dropped.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use bytes::{BufMut, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::{Clip, Kind, Unit};
use crate::eventually::{eventually, until};

/// RTMP message types (Adobe's RTMP specification §5.4 and §7.1).
pub const SET_CHUNK_SIZE: u8 = 1;
/// Sound.
pub const AUDIO: u8 = 8;
/// Pictures.
pub const VIDEO: u8 = 9;
/// A command in AMF0.
pub const COMMAND: u8 = 20;

/// Every message of ours fits in one chunk: larger ones do not get past the origin anyway.
const CHUNK_BYTES: u32 = 0x00FF_FFFF;

/// What of an origin's words is kept.
const MAX_HEARD: usize = 64 * 1024;

const LIMIT: Duration = Duration::from_secs(10);

/// One connection to an origin's RTMP port.
#[derive(Debug)]
pub struct RawPublisher {
    out: OwnedWriteHalf,
    heard: Arc<Mutex<Heard>>,
    _listener: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
struct Heard {
    bytes: Vec<u8>,
    closed: bool,
}

impl RawPublisher {
    /// Connects, and says nothing yet.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (input, out) = stream.into_split();
        let heard = Arc::default();
        let listener = TaskTracker::new().spawn(listen(input, Arc::clone(&heard)));
        Ok(Self {
            out,
            heard,
            _listener: AbortOnDropHandle::new(listener),
        })
    }

    /// Connects and is let in under `key`.
    ///
    /// # Errors
    /// When the origin will not have it, with its words.
    pub async fn publish(address: SocketAddr, key: &str) -> Result<Self> {
        let mut publisher = Self::connect(address).await?;
        publisher.shake_hands().await?;
        publisher.ask(address, key).await?;
        match publisher.hears(&["NetStream.Publish.Start"]).await {
            Ok(()) => Ok(publisher),
            Err(error) => bail!("{error:#}; the origin said: {}", publisher.said()),
        }
    }

    /// The handshake, simple form (§5.2).
    ///
    /// # Errors
    /// When the origin does not do its part.
    pub async fn shake_hands(&mut self) -> Result<()> {
        let mut hello = vec![3];
        hello.extend_from_slice(&[0; 1536]);
        self.bytes(&hello).await?;
        eventually("the origin's part of the handshake", LIMIT, async || {
            Ok((self.heard().bytes.len() > 1 + 2 * 1536 - 1).then_some(()))
        })
        .await?;
        let echo = self.heard().bytes[1..=1536].to_vec();
        self.bytes(&echo).await
    }

    /// Everything from `connect` to `publish`, without waiting for answers.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn ask(&mut self, address: SocketAddr, key: &str) -> Result<()> {
        self.message(2, SET_CHUNK_SIZE, 0, 0, &CHUNK_BYTES.to_be_bytes())
            .await?;
        let mut connect = BytesMut::new();
        amf_string(&mut connect, "connect");
        amf_number(&mut connect, 1.0);
        connect.put_u8(3);
        for (name, value) in [("app", "live"), ("tcUrl", &format!("rtmp://{address}/live"))] {
            amf_key(&mut connect, name);
            amf_string(&mut connect, value);
        }
        connect.put_slice(&[0, 0, 9]);
        self.message(3, COMMAND, 0, 0, &connect).await?;
        let mut create = BytesMut::new();
        amf_string(&mut create, "createStream");
        amf_number(&mut create, 2.0);
        create.put_u8(5);
        self.message(3, COMMAND, 0, 0, &create).await?;
        let mut publish = BytesMut::new();
        amf_string(&mut publish, "publish");
        amf_number(&mut publish, 3.0);
        publish.put_u8(5);
        amf_string(&mut publish, key);
        amf_string(&mut publish, "live");
        self.message(3, COMMAND, 1, 0, &publish).await
    }

    /// One message of any kind, whole in one chunk with a full header (§5.3.1.2.1); its timestamp is extended where
    /// 24 bits do not hold it.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn message(
        &mut self,
        chunk_stream: u8,
        kind: u8,
        stream: u32,
        time: u32,
        body: &[u8],
    ) -> Result<()> {
        let mut out = BytesMut::with_capacity(body.len() + 16);
        out.put_u8(chunk_stream & 0x3F);
        out.put_uint(u64::from(time.min(0x00FF_FFFF)), 3);
        out.put_uint(body.len() as u64, 3);
        out.put_u8(kind);
        out.put_u32_le(stream);
        if time >= 0x00FF_FFFF {
            out.put_u32(time);
        }
        out.put_slice(body);
        self.bytes(&out).await
    }

    /// A video tag.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn video(&mut self, time: u32, tag: &[u8]) -> Result<()> {
        self.message(6, VIDEO, 1, time, tag).await
    }

    /// An audio tag.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn audio(&mut self, time: u32, tag: &[u8]) -> Result<()> {
        self.message(4, AUDIO, 1, time, tag).await
    }

    /// A unit of a clip, under another time.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn unit(&mut self, time: u32, unit: &Unit) -> Result<()> {
        match unit.kind {
            Kind::Video => self.video(time, &unit.body).await,
            Kind::Audio => self.audio(time, &unit.body).await,
        }
    }

    /// The configurations that a clip begins with.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn introduce(&mut self, time: u32, clip: &Clip) -> Result<()> {
        for unit in &clip.configuration {
            self.unit(time, unit).await?;
        }
        Ok(())
    }

    /// Bytes, whatever they are.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        tokio::time::timeout(LIMIT, self.out.write_all(bytes))
            .await
            .context("the origin reads no further")??;
        Ok(())
    }

    /// Waits until the origin has said one of `words`.
    ///
    /// # Errors
    /// When it did not in time, or hung up before.
    pub async fn hears(&self, words: &[&str]) -> Result<()> {
        let what = format!("the origin to say one of {words:?}");
        eventually(&what, LIMIT, async || {
            if words.iter().any(|words| self.said().contains(words)) {
                return Ok(Some(()));
            }
            if self.is_closed() {
                bail!("the origin hung up")
            }
            Ok(None)
        })
        .await
    }

    /// Waits until the origin hangs up.
    ///
    /// # Errors
    /// When it does not within `limit`.
    pub async fn closed(&self, limit: Duration) -> Result<()> {
        until("the origin to hang up", limit, async || Ok(self.is_closed())).await
    }

    /// Whether the origin has hung up.
    pub fn is_closed(&self) -> bool {
        self.heard().closed
    }

    /// All that the origin said, as far as it is text.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&self.heard().bytes).into_owned()
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Plays `clip` into `publisher` in real time, from its beginning, for `span` of it, unit by unit as `alter` will
/// have it: its time, and whether it is sent at all.
///
/// # Errors
/// When the connection broke.
pub async fn perform(
    publisher: &mut RawPublisher,
    clip: &Clip,
    span: std::ops::Range<Duration>,
    mut alter: impl FnMut(Duration, &Unit) -> Option<u32>,
) -> Result<()> {
    let start = tokio::time::Instant::now();
    let within = |(time, _): &(Duration, &Unit)| *time < span.end;
    for (time, unit) in clip.replay().take_while(within) {
        if time < span.start {
            continue;
        }
        tokio::time::sleep_until(start + time.saturating_sub(span.start)).await;
        if let Some(stamp) = alter(time, unit) {
            publisher.unit(stamp, unit).await?;
        }
    }
    Ok(())
}

/// The same picture as Enhanced RTMP writes it (E-RTMP v1 `ExVideoTagHeader`): `four_cc` in place of FLV's codec id.
pub fn enhanced(tag: &Bytes, four_cc: [u8; 4]) -> Bytes {
    let (frame, packet) = (tag[0] >> 4, tag[1]);
    let mut out = BytesMut::with_capacity(tag.len() + 4);
    // Sequence start, coded frames.
    out.put_u8(0x80 | frame << 4 | u8::from(packet == 1));
    out.put_slice(&four_cc);
    // A configuration has no composition time here.
    out.put_slice(if packet == 1 { &tag[2..] } else { &tag[5..] });
    out.freeze()
}

async fn listen(mut input: OwnedReadHalf, heard: Arc<Mutex<Heard>>) {
    let mut buffer = vec![0; 4096];
    loop {
        let read = input.read(&mut buffer).await;
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(length) if length > 0 => {
                let room = MAX_HEARD.saturating_sub(heard.bytes.len());
                heard.bytes.extend_from_slice(&buffer[..length.min(room)]);
            }
            _ => {
                heard.closed = true;
                return;
            }
        }
    }
}

fn amf_number(out: &mut BytesMut, number: f64) {
    out.put_u8(0);
    out.put_f64(number);
}

fn amf_string(out: &mut BytesMut, text: &str) {
    out.put_u8(2);
    amf_key(out, text);
}

fn amf_key(out: &mut BytesMut, text: &str) {
    out.put_u16(u16::try_from(text.len()).expect("what tests say is short"));
    out.put_slice(text.as_bytes());
}
