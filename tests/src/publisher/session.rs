//! An RTMP publisher's side of a connection, on `rml_rtmp`'s client session: an implementation that
//! shares no line with the origin's.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use rml_rtmp::{
    handshake::{Handshake, HandshakeProcessResult, PeerType},
    sessions::{
        ClientSession, ClientSessionConfig, ClientSessionEvent, ClientSessionResult, PublishRequestType,
        StreamMetadata,
    },
    time::RtmpTimestamp,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Clip, Kind, Unit};

/// The application of every push URL.
const APP: &str = "live";
/// An origin answers each step of the greeting sooner than this.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Why a session could not be opened or went away.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The origin would not have us, in its words.
    #[error("the origin refused: {0}")]
    Refused(String),
    /// It hung up, or never answered.
    #[error("the connection to the origin broke: {0}")]
    Broken(#[from] std::io::Error),
    /// What came was not RTMP.
    #[error("not RTMP: {0}")]
    Protocol(String),
}

/// A connection on which the origin has accepted a publish.
pub struct Session {
    stream: TcpStream,
    rtmp: ClientSession,
}

impl Session {
    /// Connects and asks to publish under `key`.
    ///
    /// # Errors
    /// When the origin refuses, hangs up or does not answer.
    pub async fn open(address: SocketAddr, key: &str) -> Result<Self, SessionError> {
        let greeting = Self::greet(address, key);
        tokio::time::timeout(ANSWER_LIMIT, greeting)
            .await
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?
    }

    async fn greet(address: SocketAddr, key: &str) -> Result<Self, SessionError> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let rest = shake_hands(&mut stream).await?;

        let mut config = ClientSessionConfig::new();
        config.tc_url = Some(format!("rtmp://{address}/{APP}"));
        let (rtmp, results) = ClientSession::new(config).map_err(protocol)?;
        let mut session = Self { stream, rtmp };
        session.answer(results).await?;
        let results = session.rtmp.handle_input(&rest).map_err(protocol)?;
        session.answer(results).await?;

        let request = session.rtmp.request_connection(APP.to_owned());
        session.send(request.map_err(protocol)?).await?;
        session
            .expect(&ClientSessionEvent::ConnectionRequestAccepted)
            .await?;

        let request = session
            .rtmp
            .request_publishing(key.to_owned(), PublishRequestType::Live);
        session.send(request.map_err(protocol)?).await?;
        session
            .expect(&ClientSessionEvent::PublishRequestAccepted)
            .await?;
        Ok(session)
    }

    /// Says what will come: metadata and the decoders' configurations.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn introduce(&mut self, clip: &Clip) -> Result<(), SessionError> {
        let mut metadata = StreamMetadata::new();
        metadata.video_width = Some(clip.size.0.into());
        metadata.video_height = Some(clip.size.1.into());
        metadata.encoder = Some("boxmesh".to_owned());
        let packet = self.rtmp.publish_metadata(&metadata).map_err(protocol)?;
        self.send(packet).await?;
        for unit in &clip.configuration {
            self.publish(Duration::ZERO, unit).await?;
        }
        Ok(())
    }

    /// Sends one access unit.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn publish(&mut self, time: Duration, unit: &Unit) -> Result<(), SessionError> {
        // RTMP's clock has 32 bits of milliseconds and wraps.
        let wrapped = u32::try_from(time.as_millis() & u128::from(u32::MAX));
        let millis = RtmpTimestamp::new(wrapped.expect("it was cut to 32 bits"));
        let body = unit.body.clone();
        let packet = match unit.kind {
            Kind::Video => self.rtmp.publish_video_data(body, millis, false),
            Kind::Audio => self.rtmp.publish_audio_data(body, millis, false),
        };
        self.send(packet.map_err(protocol)?).await?;
        self.hear().await
    }

    /// Reads what the origin said meanwhile (acknowledgements, pings) and answers it.
    async fn hear(&mut self) -> Result<(), SessionError> {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
                Ok(count) => {
                    let results = self.rtmp.handle_input(&buffer[..count]).map_err(protocol)?;
                    self.answer(results).await?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Ends the publish as encoders do.
    ///
    /// # Errors
    /// When the connection broke before.
    pub async fn close(mut self) -> Result<(), SessionError> {
        let results = self.rtmp.stop_publishing().map_err(protocol)?;
        self.answer(results).await?;
        Ok(self.stream.shutdown().await?)
    }

    async fn send(&mut self, result: ClientSessionResult) -> Result<(), SessionError> {
        if let ClientSessionResult::OutboundResponse(packet) = result {
            self.stream.write_all(&packet.bytes).await?;
        }
        Ok(())
    }

    /// Sends the answers among `results` and returns the events.
    async fn answer(
        &mut self,
        results: Vec<ClientSessionResult>,
    ) -> Result<Vec<ClientSessionEvent>, SessionError> {
        let mut events = Vec::new();
        for result in results {
            match result {
                ClientSessionResult::RaisedEvent(event) => events.push(event),
                other => self.send(other).await?,
            }
        }
        Ok(events)
    }

    async fn expect(&mut self, wanted: &ClientSessionEvent) -> Result<(), SessionError> {
        let mut buffer = [0; 4096];
        loop {
            let count = self.stream.read(&mut buffer).await?;
            if count == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
            let results = self.rtmp.handle_input(&buffer[..count]).map_err(protocol)?;
            for event in self.answer(results).await? {
                if event == *wanted {
                    return Ok(());
                }
                if let Some(reason) = refusal(&event) {
                    return Err(SessionError::Refused(reason));
                }
            }
        }
    }
}

/// The words of a refusal, if `event` is one.
fn refusal(event: &ClientSessionEvent) -> Option<String> {
    match event {
        ClientSessionEvent::ConnectionRequestRejected { description } => Some(description.clone()),
        ClientSessionEvent::UnhandleableOnStatusCode { code } => Some(code.clone()),
        ClientSessionEvent::UnhandleableAmf0Command {
            command_name,
            additional_values,
            ..
        } => Some(format!("{command_name} {additional_values:?}")),
        _ => None,
    }
}

async fn shake_hands(stream: &mut TcpStream) -> Result<Bytes, SessionError> {
    let mut handshake = Handshake::new(PeerType::Client);
    let hello = handshake.generate_outbound_p0_and_p1().map_err(protocol)?;
    stream.write_all(&hello).await?;
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        match handshake.process_bytes(&buffer[..count]).map_err(protocol)? {
            HandshakeProcessResult::InProgress { response_bytes } => {
                stream.write_all(&response_bytes).await?;
            }
            HandshakeProcessResult::Completed {
                response_bytes,
                remaining_bytes,
            } => {
                stream.write_all(&response_bytes).await?;
                return Ok(remaining_bytes.into());
            }
        }
    }
}

fn protocol(error: impl std::fmt::Debug) -> SessionError {
    SessionError::Protocol(format!("{error:?}"))
}
