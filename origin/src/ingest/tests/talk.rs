//! An encoder and a session in talk, without anything between them.

use std::time::Instant;

use rml_rtmp::chunk_io::ChunkSerializer;
use rml_rtmp::messages::RtmpMessage;
use rml_rtmp::rml_amf0::Amf0Value;
use rml_rtmp::time::RtmpTimestamp;

use super::encoder::{Encoder, KEY};
use crate::ingest::ended::Ended;
use crate::ingest::session::{Event, Patience, Session};
use crate::media::Unit;

/// An encoder and the session that it talks with.
pub(super) struct Talk {
    pub(super) session: Session,
    pub(super) encoder: Encoder,
    pub(super) now: Instant,
    pub(super) units: Vec<Unit>,
    /// What the encoder showed as its key, as far as it asked.
    pub(super) asked: Option<String>,
}

impl Talk {
    pub(super) fn begin(encoder: Encoder) -> Self {
        let now = Instant::now();
        let session = Session::new(now, Patience::default());
        Self {
            session,
            encoder,
            now,
            units: Vec::new(),
            asked: None,
        }
    }

    /// One that publishes.
    pub(super) fn publishing() -> Self {
        let mut talk = Self::begin(Encoder::publisher(KEY));
        talk.on().unwrap();
        assert_eq!(talk.asked.as_deref(), Some(KEY));
        talk.session.accept(talk.now);
        talk.on().unwrap();
        assert!(talk.encoder.publishing);
        talk
    }

    /// A talk whose handshake is done, and nothing else.
    pub(super) fn greeted() -> Self {
        let mut talk = Self::begin(Encoder::publisher(KEY));
        talk.session.push(&std::mem::take(&mut talk.encoder.outbox));
        talk.events().unwrap();
        let greeting = talk.session.output().split();
        talk.encoder.hear(&greeting);
        // Of what it says now only the handshake's second half counts; its connect is held back.
        talk.session.push(&talk.encoder.outbox[..1536]);
        talk.encoder.outbox.clear();
        talk.events().unwrap();
        talk
    }

    /// Lets both talk until both are silent.
    pub(super) fn on(&mut self) -> Result<(), Ended> {
        loop {
            let said = std::mem::take(&mut self.encoder.outbox);
            self.session.push(&said);
            let heard = self.events();
            if let Err(ended) = &heard {
                self.session.part(ended);
            }
            let answer = self.session.output().split();
            self.encoder.hear(&answer);
            heard?;
            if said.is_empty() && answer.is_empty() {
                return Ok(());
            }
        }
    }

    pub(super) fn events(&mut self) -> Result<(), Ended> {
        while let Some(event) = self.session.next(self.now)? {
            match event {
                Event::Asks(key) => self.asked = Some(key.0),
                Event::Unit(unit) => self.units.push(unit),
            }
        }
        Ok(())
    }

    /// Speaks past the encoder.
    pub(super) fn say(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        self.encoder.outbox.extend(bytes);
        self.on()
    }
}

/// A message as an encoder of its own would send it, that never said anything before.
pub(super) fn message(message: RtmpMessage, stream: u32) -> Vec<u8> {
    let payload = message
        .into_message_payload(RtmpTimestamp::new(0), stream)
        .unwrap();
    ChunkSerializer::new()
        .serialize(&payload, true, false)
        .unwrap()
        .bytes
}

pub(super) fn command(name: &str, transaction_id: f64, argument: &str) -> Vec<u8> {
    let command = RtmpMessage::Amf0Command {
        command_name: name.into(),
        transaction_id,
        command_object: Amf0Value::Null,
        additional_arguments: vec![Amf0Value::Utf8String(argument.into())],
    };
    message(command, 0)
}
