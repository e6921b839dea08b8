//! An encoder: `rml_rtmp`'s client, which shares no line with the origin, and made-up media. It sends as fast as
//! it can.

use std::net::SocketAddr;

use bytes::Bytes;
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rml_rtmp::sessions::{
    ClientSession, ClientSessionConfig, ClientSessionEvent, ClientSessionResult, PublishRequestType,
};
use rml_rtmp::time::RtmpTimestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// H.264, 1280×720 at 30 frames a second.
const AVCC: &[u8] = &[
    1, 100, 0, 31, 255, 225, 0, 29, 103, 100, 0, 31, 172, 217, 128, 80, 5, 187, 1, 106, 2, 2, 2, 128, 0, 0,
    3, 0, 128, 0, 0, 30, 7, 140, 24, 205, 0, 1, 0, 5, 104, 233, 123, 44, 139, 253, 248, 248, 0,
];
/// AAC-LC, 48 kHz, stereo.
const ASC: &[u8] = &[0x11, 0x90];

const KEYFRAME_INTERVAL_MS: u32 = 2000;
const PICTURE_MS: u32 = 40;

pub(crate) struct Encoder {
    stream: TcpStream,
    session: ClientSession,
}

impl Encoder {
    /// Connects, and publishes with that stream key.
    pub(crate) async fn publish(address: SocketAddr, key: &str) -> Self {
        let published = Self::try_publish(address, key).await;
        published.expect("the origin hung up")
    }

    /// The same, if the origin lets it.
    pub(crate) async fn try_publish(address: SocketAddr, key: &str) -> Option<Self> {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let rest = shake_hands(&mut stream).await;
        let mut config = ClientSessionConfig::new();
        config.tc_url = Some(format!("rtmp://{address}/live"));
        let (session, results) = ClientSession::new(config).unwrap();
        let mut encoder = Self { stream, session };
        encoder.react(results).await;
        encoder.hear(&rest).await;
        let connect = encoder.session.request_connection("live".into()).unwrap();
        encoder.react(vec![connect]).await;
        encoder
            .until(&ClientSessionEvent::ConnectionRequestAccepted)
            .await?;
        let publish = encoder
            .session
            .request_publishing(key.into(), PublishRequestType::Live)
            .unwrap();
        encoder.react(vec![publish]).await;
        encoder.until(&ClientSessionEvent::PublishRequestAccepted).await?;
        encoder.video(0, &[&[0x17, 0, 0, 0, 0], AVCC].concat()).await;
        encoder.audio(0, &[&[0xaf, 0], ASC].concat()).await;
        Some(encoder)
    }

    /// Returns when the origin has ended the connection.
    pub(crate) async fn hung_up(mut self) {
        let mut unheard = vec![0; 4096];
        while self.stream.read(&mut unheard).await.unwrap_or(0) > 0 {}
    }

    /// Sends the pictures and the sound of some milliseconds.
    pub(crate) async fn send(&mut self, span: std::ops::Range<u32>) {
        let mut sound = (span.start * 48).div_ceil(1024);
        for time in span.step_by(PICTURE_MS as usize) {
            self.picture(time).await;
            while sound * 1024 / 48 < time + PICTURE_MS {
                self.audio(sound * 1024 / 48, &[&[0xaf, 1], &[2; 50][..]].concat())
                    .await;
                sound += 1;
            }
        }
    }

    /// Sends the pictures of some milliseconds, as an encoder whose sound has not begun yet.
    pub(crate) async fn send_pictures(&mut self, span: std::ops::Range<u32>) {
        for time in span.step_by(PICTURE_MS as usize) {
            self.picture(time).await;
        }
    }

    async fn picture(&mut self, time: u32) {
        let first = if time.is_multiple_of(KEYFRAME_INTERVAL_MS) {
            0x17
        } else {
            0x27
        };
        // A NAL unit of that many bytes, none of them read by anybody.
        self.video(
            time,
            &[&[first, 1, 0, 0, 0, 0, 0, 0, 200], &[1; 200][..]].concat(),
        )
        .await;
    }

    /// Ends the connection, as a crash would.
    pub(crate) async fn vanish(mut self) {
        self.stream.shutdown().await.unwrap();
    }

    async fn video(&mut self, time: u32, tag: &[u8]) {
        let (tag, time) = (Bytes::copy_from_slice(tag), RtmpTimestamp::new(time));
        let packet = self.session.publish_video_data(tag, time, false).unwrap();
        self.react(vec![packet]).await;
    }

    async fn audio(&mut self, time: u32, tag: &[u8]) {
        let (tag, time) = (Bytes::copy_from_slice(tag), RtmpTimestamp::new(time));
        let packet = self.session.publish_audio_data(tag, time, false).unwrap();
        self.react(vec![packet]).await;
    }

    /// Waits for an event; `None` when the origin hangs up.
    async fn until(&mut self, wanted: &ClientSessionEvent) -> Option<()> {
        let mut buffer = [0; 4096];
        loop {
            let count = self.stream.read(&mut buffer).await.unwrap();
            if count == 0 {
                return None;
            }
            if self.hear(&buffer[..count]).await.contains(wanted) {
                return Some(());
            }
        }
    }

    async fn hear(&mut self, bytes: &[u8]) -> Vec<ClientSessionEvent> {
        let results = self.session.handle_input(bytes).unwrap();
        self.react(results).await
    }

    async fn react(&mut self, results: Vec<ClientSessionResult>) -> Vec<ClientSessionEvent> {
        let mut events = Vec::new();
        for result in results {
            match result {
                ClientSessionResult::OutboundResponse(packet) => {
                    self.stream.write_all(&packet.bytes).await.unwrap();
                }
                ClientSessionResult::RaisedEvent(event) => events.push(event),
                ClientSessionResult::UnhandleableMessageReceived(_) => {}
            }
        }
        events
    }
}

async fn shake_hands(stream: &mut TcpStream) -> Vec<u8> {
    let mut handshake = Handshake::new(PeerType::Client);
    stream
        .write_all(&handshake.generate_outbound_p0_and_p1().unwrap())
        .await
        .unwrap();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await.unwrap();
        match handshake.process_bytes(&buffer[..count]).unwrap() {
            HandshakeProcessResult::InProgress { response_bytes } => {
                stream.write_all(&response_bytes).await.unwrap();
            }
            HandshakeProcessResult::Completed {
                response_bytes,
                remaining_bytes,
            } => {
                stream.write_all(&response_bytes).await.unwrap();
                return remaining_bytes;
            }
        }
    }
}
