//! What a peer said, as far as a publisher's session cares.

use bytes::Bytes;
use rtmp_rs::amf::AmfValue;
use rtmp_rs::protocol::chunk::RtmpChunk;
use rtmp_rs::protocol::constants::{
    MSG_AGGREGATE, MSG_AUDIO, MSG_COMMAND_AMF0, MSG_COMMAND_AMF3, MSG_USER_CONTROL, MSG_VIDEO,
    MSG_WINDOW_ACK_SIZE,
};
use rtmp_rs::protocol::message::{Command, ConnectParams, RtmpMessage, UserControlEvent};

use super::amf;
use super::violation::Violation;
use crate::ingest::keys::Secret;

/// The longest command. OBS's `connect` has about 300 bytes.
const MAX_COMMAND_BYTES: usize = 16 * 1024;

/// One message of a peer. Transactions are numbers of the peer's own, to be repeated in the answer.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ingest) enum Message {
    /// It wants to speak with an application. People put stream keys there by mistake.
    Connect { transaction: f64, app: Secret },
    /// It announces a `Publish` of an old name, as Adobe's encoder did. No answer is needed, some wait for one.
    ReleaseStream { transaction: f64 },
    /// It announces a `Publish` again.
    FcPublish,
    /// It wants a message stream.
    CreateStream { transaction: f64 },
    /// It wants to publish.
    Publish { key: Secret },
    /// It publishes no longer.
    Unpublish,
    /// It wants to watch.
    Play,
    /// It wants the number back.
    Ping(u32),
    /// It wants to hear of its bytes each time that so many of them arrived.
    Window(u32),
    /// A video tag of FLV and its timestamp.
    Video { time: u32, tag: Bytes },
    /// An audio tag of FLV and its timestamp.
    Audio { time: u32, tag: Bytes },
}

impl Message {
    /// What `chunk` says; `None` when that is nothing to us. Metadata is: what it tells is in the media too.
    pub(super) fn read(chunk: RtmpChunk) -> Result<Option<Self>, Violation> {
        match chunk.message_type {
            MSG_VIDEO => Ok(Some(Self::Video {
                time: chunk.timestamp,
                tag: chunk.payload,
            })),
            MSG_AUDIO => Ok(Some(Self::Audio {
                time: chunk.timestamp,
                tag: chunk.payload,
            })),
            MSG_COMMAND_AMF0 | MSG_COMMAND_AMF3 => {
                // An AMF3 command is AMF0 behind one byte, until a value says otherwise.
                let amf3 = chunk.message_type == MSG_COMMAND_AMF3 && chunk.payload.first() == Some(&0);
                let body = chunk.payload.get(usize::from(amf3)..).unwrap_or_default();
                if body.len() > MAX_COMMAND_BYTES {
                    return Err(Violation::Command("is longer than any encoder's"));
                }
                amf::check(body).map_err(Violation::Command)?;
                Self::decode(&chunk)
            }
            MSG_USER_CONTROL | MSG_WINDOW_ACK_SIZE => Self::decode(&chunk),
            MSG_AGGREGATE => Err(Violation::Aggregate),
            _ => Ok(None),
        }
    }

    fn decode(chunk: &RtmpChunk) -> Result<Option<Self>, Violation> {
        Ok(match RtmpMessage::from_chunk(chunk)? {
            RtmpMessage::Command(command) | RtmpMessage::CommandAmf3(command) => Self::command(&command),
            RtmpMessage::UserControl(UserControlEvent::PingRequest(number)) => Some(Self::Ping(number)),
            RtmpMessage::WindowAckSize(bytes) => Some(Self::Window(bytes)),
            _ => None,
        })
    }

    /// Commands that are not listed get no answer; encoders do without.
    fn command(command: &Command) -> Option<Self> {
        let transaction = command.transaction_id;
        match command.name.as_str() {
            "connect" => {
                let app = Secret(ConnectParams::from_amf(&command.command_object).app);
                Some(Self::Connect { transaction, app })
            }
            "releaseStream" => Some(Self::ReleaseStream { transaction }),
            "FCPublish" => Some(Self::FcPublish),
            "createStream" => Some(Self::CreateStream { transaction }),
            "publish" => {
                let key = command
                    .arguments
                    .first()
                    .and_then(AmfValue::as_str)
                    .unwrap_or_default();
                Some(Self::Publish {
                    key: Secret(key.to_owned()),
                })
            }
            "FCUnpublish" | "deleteStream" | "closeStream" => Some(Self::Unpublish),
            "play" | "play2" => Some(Self::Play),
            _ => None,
        }
    }
}
