//! A connection to a tracker that is kept, from an address of one's choice.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use anyhow::{Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::serving::viewer::Header;

/// Whoever waits longer asks another tracker.
const LIMIT: Duration = Duration::from_secs(10);

const MOST_BYTES: usize = 1 << 20;

pub(super) struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Line {
    pub(super) async fn connect(from: IpAddr, to: SocketAddr) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_nodelay(true)?;
        socket.bind(SocketAddr::new(from, 0))?;
        Ok(Self {
            stream: timeout(LIMIT, socket.connect(to)).await??,
            buffer: Vec::new(),
        })
    }

    /// What is at that path.
    pub(super) async fn get(&mut self, path: &str) -> Result<&[u8]> {
        let head = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        timeout(LIMIT, self.ask(head.as_bytes())).await?
    }

    /// What that path answers to this body.
    pub(super) async fn post(&mut self, path: &str, body: &[u8]) -> Result<&[u8]> {
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n");
        let request = [head.as_bytes(), body].concat();
        timeout(LIMIT, self.ask(&request)).await?
    }

    async fn ask(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            let more = self.stream.read_buf(&mut self.buffer).await?;
            ensure!(more > 0, "the tracker hung up");
            ensure!(self.buffer.len() <= MOST_BYTES, "the tracker says too much");
            if let Some(Header { bytes, content }) = Header::read(&self.buffer)?
                && self.buffer.len() >= bytes + content
            {
                return Ok(&self.buffer[bytes..]);
            }
        }
    }
}
