//! One viewer of many: a connection that is kept, a segment each time that one is made, and nothing of it stored.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Whoever waits longer has lost the picture.
const LIMIT: Duration = Duration::from_secs(10);

/// More than any header here.
const BUFFER_BYTES: usize = 16 << 10;

pub(super) struct Viewer {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Viewer {
    pub(super) async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = timeout(LIMIT, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; BUFFER_BYTES],
        })
    }

    /// Fetches all of what is at `path`.
    pub(super) async fn fetch(&mut self, path: &str) -> Result<()> {
        timeout(LIMIT, self.get(path)).await?
    }

    async fn get(&mut self, path: &str) -> Result<()> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: box\r\nUser-Agent: bench\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await?;
        let mut read = 0;
        let (header, size) = loop {
            let more = self.stream.read(&mut self.buffer[read..]).await?;
            ensure!(more > 0, "the box hung up");
            read += more;
            if let Some(header) = Header::read(&self.buffer[..read])? {
                break (header.bytes, header.content);
            }
            ensure!(read < BUFFER_BYTES, "the header has no end");
        };
        let mut left = (header + size)
            .checked_sub(read)
            .context("more came than was said")?;
        while left > 0 {
            let most = left.min(BUFFER_BYTES);
            let more = self.stream.read(&mut self.buffer[..most]).await?;
            ensure!(more > 0, "the box hung up within a segment");
            left -= more;
        }
        Ok(())
    }
}

/// The header of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) bytes: usize,
    pub(crate) content: usize,
}

impl Header {
    /// None while it is not whole.
    pub(crate) fn read(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&bytes[..end])?.to_ascii_lowercase();
        let status = text.lines().next().unwrap_or_default();
        ensure!(status.starts_with("http/1.1 200 "), "it answered {status}");
        let content = text.lines().find_map(|line| line.strip_prefix("content-length:"));
        Ok(Some(Self {
            bytes: end + 4,
            content: content.context("an answer without a length")?.trim().parse()?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_tells_how_much_comes() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\nETag: \"a\"\r\n\r\nand so on";
        let header = Header::read(answer).unwrap().unwrap();
        assert_eq!((header.bytes, header.content), (answer.len() - 9, 17));
        assert_eq!(Header::read(&answer[..30]).unwrap(), None);
        assert!(Header::read(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").is_err());
    }
}
