//! An encoder that shares no code with us: `rml_rtmp`'s client, fed by hand.

use bytes::Bytes;
use rml_rtmp::chunk_io::ChunkDeserializer;
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rml_rtmp::messages::RtmpMessage;
use rml_rtmp::rml_amf0::Amf0Value;
use rml_rtmp::sessions::{
    ClientSession, ClientSessionConfig, ClientSessionEvent, ClientSessionResult, PublishRequestType,
};
use rml_rtmp::time::RtmpTimestamp;

use super::talk::command;

/// A video tag with a configuration, one with a keyframe, and the same of audio.
pub(super) const VIDEO_CONFIG: &[u8] = &[0x17, 0, 0, 0, 0, 1, 100, 0, 31, 0xff];
pub(super) const KEYFRAME: &[u8] = &[0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88];
pub(super) const AUDIO_CONFIG: &[u8] = &[0xaf, 0, 0x12, 0x10];
pub(super) const SOUND: &[u8] = &[0xaf, 1, 0x21, 0x10, 0x04];

pub(super) const KEY: &str = "a-key-for-the-tests";

/// What an encoder wants of a server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Publish,
    Play,
}

pub(super) struct Encoder {
    app: String,
    /// Whether it tells its key before it publishes, as most encoders do.
    announces: bool,
    key: String,
    wish: Wish,
    handshake: Option<Handshake>,
    client: ClientSession,
    messages: ChunkDeserializer,
    /// What is to be sent to the server.
    pub(super) outbox: Vec<u8>,
    /// Whether the server said yes.
    pub(super) publishing: bool,
    /// Codes and descriptions that the server told.
    pub(super) statuses: Vec<(String, String)>,
    pub(super) acknowledged: Vec<u32>,
    pub(super) pongs: usize,
}

impl Encoder {
    /// One that publishes with `key`, and has begun its handshake.
    pub(super) fn publisher(key: &str) -> Self {
        Self::new("live", key, Wish::Publish)
    }

    /// One that says all that OBS and ffmpeg say: the address that it was given, and the key ahead of time.
    pub(super) fn talkative(app: &str, url: &str, key: &str) -> Self {
        let mut config = ClientSessionConfig::new();
        config.tc_url = Some(url.into());
        let mut encoder = Self::with(config, app, key, Wish::Publish);
        encoder.announces = true;
        encoder
    }

    pub(super) fn new(app: &str, key: &str, wish: Wish) -> Self {
        Self::with(ClientSessionConfig::new(), app, key, wish)
    }

    fn with(config: ClientSessionConfig, app: &str, key: &str, wish: Wish) -> Self {
        let (client, results) = ClientSession::new(config).unwrap();
        let mut handshake = Handshake::new(PeerType::Client);
        let mut encoder = Self {
            app: app.into(),
            key: key.into(),
            wish,
            announces: false,
            outbox: handshake.generate_outbound_p0_and_p1().unwrap(),
            handshake: Some(handshake),
            client,
            messages: ChunkDeserializer::new(),
            publishing: false,
            statuses: Vec::new(),
            acknowledged: Vec::new(),
            pongs: 0,
        };
        encoder.react(results);
        encoder
    }

    /// Takes what the server sent.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        let Some(handshake) = &mut self.handshake else {
            self.note(bytes);
            let results = self.client.handle_input(bytes).unwrap();
            return self.react(results);
        };
        match handshake.process_bytes(bytes).unwrap() {
            HandshakeProcessResult::InProgress { response_bytes } => self.outbox.extend(response_bytes),
            HandshakeProcessResult::Completed {
                response_bytes,
                remaining_bytes,
            } => {
                self.outbox.extend(response_bytes);
                self.handshake = None;
                let request = self.client.request_connection(self.app.clone()).unwrap();
                self.react(vec![request]);
                self.hear(&remaining_bytes);
            }
        }
    }

    pub(super) fn video(&mut self, time: u32, tag: &[u8]) {
        let tag = Bytes::copy_from_slice(tag);
        let sent = self
            .client
            .publish_video_data(tag, RtmpTimestamp::new(time), false)
            .unwrap();
        self.react(vec![sent]);
    }

    pub(super) fn audio(&mut self, time: u32, tag: &[u8]) {
        let tag = Bytes::copy_from_slice(tag);
        let sent = self
            .client
            .publish_audio_data(tag, RtmpTimestamp::new(time), false)
            .unwrap();
        self.react(vec![sent]);
    }

    pub(super) fn ping(&mut self) {
        let (packet, _) = self.client.send_ping_request().unwrap();
        self.outbox.extend(packet.bytes);
    }

    pub(super) fn stop(&mut self) {
        let sent = self.client.stop_publishing().unwrap();
        self.react(sent);
    }

    /// The last status that told of an error.
    pub(super) fn refusal(&self) -> Option<(&str, &str)> {
        let (code, description) = self.statuses.last()?;
        (!code.ends_with("Success") && !code.ends_with("Start")).then_some((code, description))
    }

    fn react(&mut self, results: Vec<ClientSessionResult>) {
        let mut events = Vec::new();
        for result in results {
            match result {
                ClientSessionResult::OutboundResponse(packet) => self.outbox.extend(packet.bytes),
                ClientSessionResult::RaisedEvent(event) => events.push(event),
                ClientSessionResult::UnhandleableMessageReceived(_) => {}
            }
        }
        for event in events {
            match event {
                ClientSessionEvent::ConnectionRequestAccepted => {
                    let key = self.key.clone();
                    if self.announces {
                        self.outbox.extend(command("releaseStream", 102.0, &key));
                        self.outbox.extend(command("FCPublish", 103.0, &key));
                    }
                    let request = match self.wish {
                        Wish::Publish => self.client.request_publishing(key, PublishRequestType::Live),
                        Wish::Play => self.client.request_playback(key),
                    };
                    self.react(vec![request.unwrap()]);
                }
                ClientSessionEvent::PublishRequestAccepted => self.publishing = true,
                ClientSessionEvent::AcknowledgementReceived { bytes_received } => {
                    self.acknowledged.push(bytes_received);
                }
                ClientSessionEvent::PingResponseReceived { .. } => self.pongs += 1,
                _ => {}
            }
        }
    }

    /// Notes statuses, of which the client tells only the codes.
    fn note(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        while let Some(payload) = self.messages.get_next_message(bytes).unwrap() {
            bytes = &[];
            match payload.to_rtmp_message().unwrap() {
                RtmpMessage::SetChunkSize { size } => {
                    self.messages
                        .set_max_chunk_size(size.try_into().unwrap())
                        .unwrap();
                }
                RtmpMessage::Amf0Command {
                    command_name,
                    additional_arguments,
                    ..
                } if command_name == "onStatus" || command_name == "_error" => {
                    let text = |name| match &additional_arguments[0] {
                        Amf0Value::Object(info) => info[name].clone().get_string().unwrap(),
                        other => panic!("no status but {other:?}"),
                    };
                    self.statuses.push((text("code"), text("description")));
                }
                _ => {}
            }
        }
    }
}
