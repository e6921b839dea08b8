//! What we say to a peer, as bytes.

use std::fmt;

use bytes::BytesMut;
use rtmp_rs::amf::AmfValue;
use rtmp_rs::protocol::chunk::{ChunkEncoder, RtmpChunk};
use rtmp_rs::protocol::constants::{
    BANDWIDTH_LIMIT_DYNAMIC, CMD_ON_FC_PUBLISH, CSID_COMMAND, CSID_PROTOCOL_CONTROL, RECOMMENDED_CHUNK_SIZE,
};
use rtmp_rs::protocol::message::{Command, ConnectResponseBuilder, RtmpMessage, UserControlEvent};

use super::capabilities;

/// The only message stream that a connection gets.
const STREAM: u32 = 1;

/// What a peer is told of how things stand: encoders show the description, and act on the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ingest) struct Status {
    /// Whether something went wrong.
    pub(in crate::ingest) error: bool,
    /// One of Adobe's codes, such as `NetStream.Publish.BadName`.
    pub(in crate::ingest) code: &'static str,
    /// The same for a person.
    pub(in crate::ingest) description: String,
}

/// Writes the messages to one connection.
pub(in crate::ingest) struct Writer {
    encoder: ChunkEncoder,
    output: BytesMut,
}

impl Writer {
    pub(in crate::ingest) fn new() -> Self {
        Self {
            encoder: ChunkEncoder::new(),
            output: BytesMut::new(),
        }
    }

    /// What is to be sent, for the handshake to add to and for the connection to take from.
    pub(in crate::ingest) fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Grants `connect`. `window` is how many bytes the peer may send, and we, between acknowledgements.
    pub(in crate::ingest) fn connected(&mut self, transaction: f64, window: u32) {
        self.control(&RtmpMessage::WindowAckSize(window));
        self.control(&RtmpMessage::SetPeerBandwidth {
            size: window,
            limit_type: BANDWIDTH_LIMIT_DYNAMIC,
        });
        self.control(&RtmpMessage::SetChunkSize(RECOMMENDED_CHUNK_SIZE));
        self.encoder.set_chunk_size(RECOMMENDED_CHUNK_SIZE);
        let mut response = ConnectResponseBuilder::new().build(transaction);
        if let AmfValue::Object(properties) = &mut response.command_object {
            properties.extend(capabilities::properties());
        }
        self.command(response);
    }

    /// Refuses `connect`.
    pub(in crate::ingest) fn not_connected(&mut self, transaction: f64, status: &Status) {
        self.command(Command::error(transaction, AmfValue::Null, info(status)));
    }

    /// Answers a call that needs no more than an answer.
    pub(in crate::ingest) fn done(&mut self, transaction: f64) {
        self.command(Command::result(transaction, AmfValue::Null, AmfValue::Undefined));
    }

    /// Answers `FCPublish`.
    pub(in crate::ingest) fn fc_publish(&mut self) {
        let mut command = on_status(&Status {
            error: false,
            code: "NetStream.Publish.Start",
            description: "go on with publish".into(),
        });
        command.name = CMD_ON_FC_PUBLISH.into();
        self.command(command);
    }

    /// Answers `createStream`.
    pub(in crate::ingest) fn stream_created(&mut self, transaction: f64) {
        self.command(Command::result(
            transaction,
            AmfValue::Null,
            AmfValue::Number(STREAM.into()),
        ));
    }

    /// Grants `publish`.
    pub(in crate::ingest) fn publishing(&mut self, status: &Status) {
        self.control(&RtmpMessage::UserControl(UserControlEvent::StreamBegin(STREAM)));
        self.status(status);
    }

    /// Tells how the stream stands.
    pub(in crate::ingest) fn status(&mut self, status: &Status) {
        self.command(Command {
            stream_id: STREAM,
            ..on_status(status)
        });
    }

    /// Answers a ping.
    pub(in crate::ingest) fn pong(&mut self, number: u32) {
        self.control(&RtmpMessage::UserControl(UserControlEvent::PingResponse(number)));
    }

    /// Tells that `bytes` arrived since the connection began, modulo 2^32.
    pub(in crate::ingest) fn acknowledge(&mut self, bytes: u32) {
        self.control(&RtmpMessage::Acknowledgement { sequence: bytes });
    }

    fn control(&mut self, message: &RtmpMessage) {
        self.send(CSID_PROTOCOL_CONTROL, 0, message);
    }

    fn command(&mut self, command: Command) {
        let stream_id = command.stream_id;
        self.send(CSID_COMMAND, stream_id, &RtmpMessage::Command(command));
    }

    fn send(&mut self, csid: u32, stream_id: u32, message: &RtmpMessage) {
        let (message_type, payload) = message.encode();
        let chunk = RtmpChunk {
            csid,
            timestamp: 0,
            message_type,
            stream_id,
            payload,
        };
        self.encoder.encode(&chunk, &mut self.output);
    }
}

fn on_status(status: &Status) -> Command {
    let level = if status.error { "error" } else { "status" };
    Command::on_status(0, level, status.code, &status.description)
}

/// The object that carries a status.
fn info(status: &Status) -> AmfValue {
    on_status(status).arguments.pop().unwrap_or(AmfValue::Null)
}

impl fmt::Debug for Writer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Writer")
            .field("bytes", &self.output.len())
            .finish_non_exhaustive()
    }
}
