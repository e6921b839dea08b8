//! What an encoder and the origin say to each other: bytes in, events and bytes out.
//!
//! Nothing here waits, reads a clock or touches a socket. The connection pushes what it read, takes
//! [`Event`]s until there are none, sends what is in the output, and comes back with more or at the deadline.
//!
//! ```text
//! Greeting ─handshake→ Talking ─publish→ Deciding ─accept→ Publishing ─FCUnpublish, deleteStream→ over
//! ```

use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::claims::QUIET;
use super::ended::Ended;
use super::flv::Tags;
use super::keys::Secret;
use super::rtmp::{Greeting, Message, Reader, Status, Writer};
use crate::media::Unit;

/// What an encoder may say before it publishes, handshake and all.
const MOST_BEFORE_PUBLISH: u64 = 64 * 1024;

/// Every so many bytes, either side confirms that they came.
const WINDOW: u32 = 2_500_000;
/// What an encoder may ask for instead: below, it would have us answer every packet; above, the count would not
/// fit its four bytes for long.
const WINDOWS: std::ops::RangeInclusive<u32> = 64 * 1024..=16 * 1024 * 1024;

/// How long an encoder is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// From the connection to the end of the handshake.
    pub(super) handshake: Duration,
    /// From the connection to `publish`.
    pub(super) publish: Duration,
    /// From one piece of media to the next.
    pub(super) silence: Duration,
    /// From one byte to the next, when its publisher has come again.
    pub(super) quiet: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            publish: Duration::from_secs(15),
            silence: Duration::from_secs(8),
            quiet: QUIET,
        }
    }
}

/// What the connection has to see to.
#[derive(Debug)]
pub(super) enum Event {
    /// Somebody wants to publish and shows this key: [`Session::accept`] or end the connection.
    Asks(Secret),
    /// Hand this on.
    Unit(Unit),
}

/// How much is read at once: of media about what a keyframe has, of everything before it little, as anybody may connect.
const MEDIA_ROOM: usize = 32 << 10;
const COMMAND_ROOM: usize = 4 << 10;

/// One connection of an encoder.
#[derive(Debug)]
pub(super) struct Session {
    phase: Phase,
    patience: Patience,
    /// When the connection began; media was last heard at.
    began: Instant,
    heard: Instant,
    input: BytesMut,
    reader: Reader,
    writer: Writer,
    tags: Tags,
    received: u64,
    acknowledged: u64,
    window: u32,
}

#[derive(Debug)]
enum Phase {
    Greeting(Greeting),
    Talking { connected: bool },
    Deciding,
    Publishing,
}

impl Session {
    /// The session of a connection that began `now`.
    pub(super) fn new(now: Instant, patience: Patience) -> Self {
        Self {
            phase: Phase::Greeting(Greeting::new()),
            patience,
            began: now,
            heard: now,
            input: BytesMut::new(),
            reader: Reader::new(),
            writer: Writer::new(),
            tags: Tags::default(),
            received: 0,
            acknowledged: 0,
            window: WINDOW,
        }
    }

    /// Where what the encoder sends next belongs; say then how much [came](Self::came).
    pub(super) fn room(&mut self) -> &mut BytesMut {
        self.input.reserve(match self.phase {
            Phase::Publishing => MEDIA_ROOM,
            Phase::Greeting(_) | Phase::Talking { .. } | Phase::Deciding => COMMAND_ROOM,
        });
        &mut self.input
    }

    /// So many bytes of the encoder's are there. Take all events before more comes: only then it is bounded what
    /// waits here.
    pub(super) fn came(&mut self, bytes: usize) {
        self.received += bytes as u64;
        let greeted = !matches!(self.phase, Phase::Greeting(_));
        if greeted && self.received - self.acknowledged >= u64::from(self.window) {
            self.acknowledged = self.received;
            // The count is defined modulo 2^32.
            self.writer.acknowledge(
                (self.received & u64::from(u32::MAX))
                    .try_into()
                    .unwrap_or_default(),
            );
        }
    }

    /// Takes what the encoder sent.
    #[cfg(any(test, fuzzing))]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.room().extend_from_slice(bytes);
        self.came(bytes.len());
    }

    /// The next event in what came; `None` until more does.
    pub(super) fn next(&mut self, now: Instant) -> Result<Option<Event>, Ended> {
        let event = self.proceed(now)?;
        let (deadline, overdue) = self.deadline();
        // For who always has something to say the connection's timer never runs out.
        if event.is_none() && now >= deadline {
            return Err(overdue);
        }
        Ok(event)
    }

    fn proceed(&mut self, now: Instant) -> Result<Option<Event>, Ended> {
        loop {
            match &mut self.phase {
                Phase::Greeting(greeting) => {
                    if !greeting.advance(&mut self.input, self.writer.output())? {
                        return Ok(None);
                    }
                    self.phase = Phase::Talking { connected: false };
                }
                Phase::Deciding => return Ok(None),
                Phase::Talking { .. } | Phase::Publishing => {
                    let message = self.reader.next(&mut self.input)?;
                    if !matches!(self.phase, Phase::Publishing)
                        && self.received - self.input.len() as u64 > MOST_BEFORE_PUBLISH
                    {
                        return Err(Ended::Chatter {
                            most: MOST_BEFORE_PUBLISH,
                        });
                    }
                    let Some(message) = message else { return Ok(None) };
                    if let Some(event) = self.hear(message, now)? {
                        return Ok(Some(event));
                    }
                }
            }
        }
    }

    fn hear(&mut self, message: Message, now: Instant) -> Result<Option<Event>, Ended> {
        let publishing = matches!(self.phase, Phase::Publishing);
        let connected = publishing || matches!(self.phase, Phase::Talking { connected: true });
        match message {
            Message::Ping(number) => self.writer.pong(number),
            Message::Window(bytes) => self.window = bytes.clamp(*WINDOWS.start(), *WINDOWS.end()),
            Message::Connect { .. } if connected => return Err(Ended::OutOfTurn("connect")),
            Message::Connect { transaction, app } => self.connect(transaction, &app)?,
            // Some encoders announce themselves before they heard that they are connected.
            Message::ReleaseStream { transaction } => self.writer.done(transaction),
            Message::FcPublish => self.writer.fc_publish(),
            Message::CreateStream { .. } if !connected => return Err(Ended::OutOfTurn("createStream")),
            Message::CreateStream { transaction } => self.writer.stream_created(transaction),
            Message::Publish { .. } if publishing || !connected => return Err(Ended::OutOfTurn("publish")),
            Message::Publish { key } => {
                self.phase = Phase::Deciding;
                return Ok(Some(Event::Asks(key)));
            }
            Message::Unpublish if publishing => return Err(Ended::Unpublished),
            // Whatever was left from a stream before this one.
            Message::Unpublish => {}
            Message::Play => return Err(Ended::Play),
            Message::Video { .. } | Message::Audio { .. } if !publishing => {
                return Err(Ended::OutOfTurn("media"));
            }
            Message::Video { time, tag } => {
                self.heard = now;
                return Ok(self.tags.video(time, &tag)?.map(Event::Unit));
            }
            Message::Audio { time, tag } => {
                self.heard = now;
                return Ok(self.tags.audio(time, &tag)?.map(Event::Unit));
            }
        }
        Ok(None)
    }

    fn connect(&mut self, transaction: f64, app: &Secret) -> Result<(), Ended> {
        if app.0.trim_end_matches('/') == "live" {
            self.writer.connected(transaction, WINDOW);
            self.phase = Phase::Talking { connected: true };
            return Ok(());
        }
        // The answer that RTMP has for this; encoders of the other kind wait for a status, which follows.
        let ended = Ended::UnknownApp;
        if let Some(status) = ended.status() {
            self.writer.not_connected(transaction, &status);
        }
        Err(ended)
    }

    /// Grants what [`Event::Asks`] asked for.
    pub(super) fn accept(&mut self, now: Instant) {
        self.phase = Phase::Publishing;
        self.heard = now;
        self.reader.expect_media();
        self.writer.publishing(&Status {
            error: false,
            code: "NetStream.Publish.Start",
            description: "publishing".into(),
        });
    }

    /// Says why the connection ends, if the encoder has got far enough to understand it.
    pub(super) fn part(&mut self, ended: &Ended) {
        if let Some(status) = ended.status()
            && !matches!(self.phase, Phase::Greeting(_))
        {
            self.writer.status(&status);
        }
    }

    /// What is to be sent; whatever was sent is to be taken out.
    pub(super) fn output(&mut self) -> &mut BytesMut {
        self.writer.output()
    }

    /// When to give the encoder up, and why, unless it is heard of before.
    pub(super) fn deadline(&self) -> (Instant, Ended) {
        let Patience {
            handshake,
            publish,
            silence,
            quiet: _,
        } = self.patience;
        match self.phase {
            Phase::Greeting(_) => (self.began + handshake, Ended::NoHandshake(handshake)),
            Phase::Talking { .. } | Phase::Deciding => (self.began + publish, Ended::NoPublish(publish)),
            Phase::Publishing => (self.heard + silence, Ended::Silent(silence)),
        }
    }

    /// For so long it was us who did not listen.
    pub(super) fn excuse(&mut self, busy: Duration) {
        self.heard += busy;
    }
}
