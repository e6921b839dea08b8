//! A real redis-server, on a port and in a folder of its own.

use std::{net::TcpListener, process::Command, time::Duration};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{eventually::eventually, process::Process};

/// Somebody else may take the free port first; then another is tried.
const TRIES: u32 = 5;
const READY_LIMIT: Duration = Duration::from_secs(10);

/// A running Redis. It ends when dropped, and nothing of it is kept.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    process: Process,
    _folder: TempDir,
}

impl Redis {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// When redis-server is not installed or does not answer.
    pub async fn start() -> Result<Self> {
        let mut last = None;
        for _ in 0..TRIES {
            match Self::start_once().await {
                Ok(redis) => return Ok(redis),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("never tried")?)
    }

    async fn start_once() -> Result<Self> {
        let folder = TempDir::with_prefix("boxmesh-redis-")?;
        // Redis says nowhere which port it took for 0, so that a free one has to be found for it.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
        command.arg("--dir").arg(folder.path());
        let mut process = Process::start("redis", command, folder.path())?;
        eventually("redis to answer", READY_LIMIT, async || {
            if let Some(status) = process.ended()? {
                bail!("redis-server ended: {status}\n{}", process.stdout());
            }
            Ok(ask(port, "PING").await.ok().filter(|answer| answer == "+PONG"))
        })
        .await?;
        Ok(Self {
            port,
            process,
            _folder: folder,
        })
    }

    /// Its URL, as `--redis` takes it.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Forgets everything, as a Redis that was replaced would have.
    ///
    /// # Errors
    /// When Redis does not do it.
    pub async fn flush(&self) -> Result<()> {
        match ask(self.port, "FLUSHALL").await?.as_str() {
            "+OK" => Ok(()),
            other => bail!("redis answered {other}"),
        }
    }

    /// The process itself.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// One inline command, one line of answer.
async fn ask(port: u16, command: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(format!("{command}\r\n").as_bytes()).await?;
    let mut answer = [0; 256];
    let count = stream.read(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer[..count]).trim_end().to_owned())
}
