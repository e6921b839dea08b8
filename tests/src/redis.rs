//! A real redis-server, on a port and in a folder of its own.

use std::{net::TcpListener, process::Command, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    eventually::{eventually, until},
    process::Process,
};

/// Somebody else may take the free port first; then another is tried.
const TRIES: u32 = 5;
const READY_LIMIT: Duration = Duration::from_secs(10);
const FAILOVER_LIMIT: Duration = Duration::from_mins(1);

/// A running Redis. It ends when dropped, and nothing of it is kept.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    arguments: Vec<String>,
    process: Process,
    folder: TempDir,
}

impl Redis {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// When redis-server is not installed or does not answer.
    pub async fn start() -> Result<Self> {
        Self::start_as("redis", &[]).await
    }

    async fn start_as(name: &str, arguments: &[String]) -> Result<Self> {
        let mut last = None;
        for _ in 0..TRIES {
            // Redis says nowhere which port it took for 0, so that a free one has to be found for it.
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let folder = TempDir::with_prefix("boxmesh-redis-")?;
            match launch(name, port, arguments, &folder).await {
                Ok(process) => {
                    return Ok(Self {
                        port,
                        arguments: arguments.to_vec(),
                        process,
                        folder,
                    });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("never tried")?)
    }

    /// Starts it again after its end, empty, on the port that it had.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub async fn restart(&mut self) -> Result<()> {
        let name = self.process.name().to_owned();
        self.process = launch(&name, self.port, &self.arguments, &self.folder).await?;
        Ok(())
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

/// A Redis, a replica of it, and a sentinel that puts the one in the other's place.
#[derive(Debug)]
pub struct Watched {
    /// The first.
    pub first: Redis,
    second: Redis,
    sentinel: Redis,
}

impl Watched {
    /// Starts all three.
    ///
    /// # Errors
    /// As [`Redis::start`], and when the sentinel does not find the replica.
    pub async fn start() -> Result<Self> {
        let first = Redis::start_as("redis", &[]).await?;
        let of = ["--replicaof".into(), "127.0.0.1".into(), first.port.to_string()];
        let second = Redis::start_as("redis-replica", &of).await?;
        let sentinel = Redis::start_as("redis-sentinel", &["--sentinel".into()]).await?;
        let port = sentinel.port;
        // One sentinel alone decides, after a second of silence.
        for command in [
            format!("SENTINEL MONITOR mesh 127.0.0.1 {} 1", first.port),
            "SENTINEL SET mesh down-after-milliseconds 1000".to_owned(),
        ] {
            let answer = ask(port, &command).await?;
            ensure!(answer == "+OK", "{command} is answered {answer}");
        }
        let watched = Self {
            first,
            second,
            sentinel,
        };
        until("the sentinel to know the replica", READY_LIMIT, async || {
            let replicas = ask(port, "SENTINEL REPLICAS mesh").await?;
            Ok(
                replicas.contains(&watched.second.port.to_string())
                    && replicas.contains("master-link-status"),
            )
        })
        .await?;
        Ok(watched)
    }

    /// Its URL, as `--redis` takes it.
    pub fn url(&self) -> String {
        format!("redis+sentinel://127.0.0.1:{}/mesh", self.sentinel.port)
    }

    /// Waits until the sentinel has put the second in the place of the first.
    ///
    /// # Errors
    /// When it does not.
    pub async fn failed_over(&self) -> Result<()> {
        let second = self.second.port.to_string();
        until("the sentinel to name the replica", FAILOVER_LIMIT, async || {
            let named = ask(self.sentinel.port, "SENTINEL GET-MASTER-ADDR-BY-NAME mesh").await?;
            Ok(named.lines().any(|line| line.trim() == second))
        })
        .await
    }
}

async fn launch(name: &str, port: u16, arguments: &[String], folder: &TempDir) -> Result<Process> {
    // A sentinel writes down there what it finds out.
    let config = folder.path().join("redis.conf");
    std::fs::write(&config, "")?;
    let mut command = Command::new("redis-server");
    command.arg(&config);
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    let is_sentinel = arguments.iter().any(|one| one == "--sentinel");
    if !is_sentinel {
        command.args(["--save", "", "--appendonly", "no"]);
    }
    command.args(["--daemonize", "no"]);
    command.arg("--dir").arg(folder.path()).args(arguments);
    let mut process = Process::start(name, command, folder.path())?;
    eventually("redis to answer", READY_LIMIT, async || {
        if let Some(status) = process.ended()? {
            bail!("redis-server ended: {status}\n{}", process.stdout());
        }
        Ok(ask(port, "PING").await.ok().filter(|answer| answer == "+PONG"))
    })
    .await?;
    Ok(process)
}

/// One inline command, one line of answer.
async fn ask(port: u16, command: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(format!("{command}\r\n").as_bytes()).await?;
    let mut answer = [0; 4096];
    let count = stream.read(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer[..count]).trim_end().to_owned())
}
