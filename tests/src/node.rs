//! One of the programs, launched from its real binary, and what its first lines told.

use std::{
    collections::HashMap,
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{eventually::eventually, process::Process};

/// A program that has not said `ready` after this long will not any more.
const READY_LIMIT: Duration = Duration::from_secs(20);

/// Which binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `tracker`
    Tracker,
    /// `origin`
    Origin,
    /// `peer-box`
    PeerBox,
}

impl Program {
    /// The name of its binary.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tracker => "tracker",
            Self::Origin => "origin",
            Self::PeerBox => "peer-box",
        }
    }

    /// Its binary, built beside the one that asks: `target/debug/tracker` for a test in `target/debug/deps`.
    ///
    /// # Errors
    /// When it was not built.
    pub fn binary(self) -> Result<PathBuf> {
        binary(self.name())
    }

    /// A command that runs it, with no setting taken from whoever runs the tests.
    ///
    /// # Errors
    /// As [`Program::binary`].
    pub fn command(self) -> Result<Command> {
        self.command_in(&Place::default())
    }

    /// As [`Program::command`], run in `place`.
    ///
    /// # Errors
    /// As [`Program::binary`].
    pub fn command_in(self, place: &Place) -> Result<Command> {
        let binary = binary(place.stand_in.as_deref().unwrap_or(self.name()))?;
        let mut command = match &place.namespace {
            // It becomes the program, under the same process id.
            Some(namespace) => {
                let mut ip = Command::new("ip");
                ip.args(["netns", "exec", namespace]).arg(binary);
                ip
            }
            None => Command::new(binary),
        };
        for (key, _) in env::vars_os() {
            if key.to_string_lossy().starts_with("BOXMESH_") {
                command.env_remove(key);
            }
        }
        if let Some(logged) = &place.logged {
            command.env("RUST_LOG", logged);
        }
        Ok(command)
    }
}

/// The program of that name, built beside the one that asks.
fn binary(name: &str) -> Result<PathBuf> {
    let own = env::current_exe()?;
    own.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .with_context(|| format!("no {name} beside {}: run `make build` first", own.display()))
}

/// Where a program runs, and what it tells there.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// A network namespace; without one, the network of whoever starts it.
    pub namespace: Option<String>,
    /// What it logs (`RUST_LOG`); as it likes, if not said.
    pub logged: Option<String>,
    /// A program of another name that runs in its place.
    pub stand_in: Option<String>,
}

/// A launched program.
#[derive(Debug)]
pub struct Node {
    program: Program,
    arguments: Vec<String>,
    folder: PathBuf,
    place: Place,
    greeting: Greeting,
    process: Process,
}

impl Node {
    /// Starts `program` under `name` and waits until it is ready.
    ///
    /// # Errors
    /// When it ends instead, with the end of its log, or is not ready in time.
    pub async fn start(program: Program, name: &str, arguments: Vec<String>, folder: &Path) -> Result<Self> {
        Self::start_in(Place::default(), program, name, arguments, folder).await
    }

    /// As [`Node::start`], in a place of its own.
    ///
    /// # Errors
    /// As [`Node::start`].
    pub async fn start_in(
        place: Place,
        program: Program,
        name: &str,
        arguments: Vec<String>,
        folder: &Path,
    ) -> Result<Self> {
        let mut process = spawn(&place, program, name, &arguments, folder)?;
        let greeting = greet(&mut process).await?;
        Ok(Self {
            program,
            arguments,
            folder: folder.to_owned(),
            place,
            greeting,
            process,
        })
    }

    /// Starts it again as it was started first, on the ports that it had.
    ///
    /// # Errors
    /// When it is still running, or as [`Node::start`].
    pub async fn restart(&mut self) -> Result<()> {
        if self.process.ended()?.is_none() {
            bail!("{} is still running", self.process.name());
        }
        for (kind, address) in &self.greeting.listening {
            // Inside TLS or not, it is the same flag.
            let kind = if kind == "https" { "http" } else { kind };
            let flag = format!("--{kind}");
            if let Some(at) = self.arguments.iter().position(|one| *one == flag) {
                self.arguments[at + 1] = address.to_string();
            }
        }
        let name = self.process.name().to_owned();
        self.process = spawn(&self.place, self.program, &name, &self.arguments, &self.folder)?;
        self.greeting = greet(&mut self.process).await?;
        Ok(())
    }

    /// What its first lines told.
    pub fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// The address that it took for `kind`.
    ///
    /// # Panics
    /// When it has none of that kind.
    pub fn address(&self, kind: &str) -> SocketAddr {
        match self.greeting.listening.get(kind) {
            Some(address) => *address,
            None => panic!("{} listens on no {kind}", self.process.name()),
        }
    }

    /// A URL on its HTTP address.
    pub fn url(&self, path: &str) -> String {
        let tls = self.greeting.listening.contains_key("https");
        let scheme = if tls { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address(scheme))
    }

    /// The process behind it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Memory that it holds now, in bytes (`VmRSS`).
    ///
    /// # Errors
    /// When the process is gone, or this is not Linux.
    pub fn resident_bytes(&self) -> Result<u64> {
        self.process.resident_bytes()
    }
}

/// What a program prints before `ready`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Greeting {
    /// A box's id.
    pub id: Option<String>,
    /// The address taken for each kind (`http`, `https`, `rtmp`, `zmq`, `p2p`).
    pub listening: HashMap<String, SocketAddr>,
    /// Channels and the stream keys that the origin made for them.
    pub stream_keys: HashMap<String, String>,
}

impl Greeting {
    /// Reads the lines up to `ready`; nothing while that has not come yet.
    ///
    /// # Errors
    /// When a line is none of those that programs promise.
    pub fn parse(stdout: &str) -> Result<Option<Self>> {
        let mut greeting = Self::default();
        for line in stdout.split_inclusive('\n') {
            let Some(line) = line.strip_suffix('\n') else {
                return Ok(None);
            };
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["ready"] => return Ok(Some(greeting)),
                ["id", id] => greeting.id = Some(id.to_owned()),
                ["listening", kind, address] => {
                    let address = address.parse().with_context(|| line.to_owned())?;
                    greeting.listening.insert(kind.to_owned(), address);
                }
                ["stream-key", pair] => {
                    let (channel, key) = pair.split_once('=').context("a stream key without =")?;
                    greeting.stream_keys.insert(channel.to_owned(), key.to_owned());
                }
                _ => bail!("an unexpected first line: {line:?}"),
            }
        }
        Ok(None)
    }
}

fn spawn(
    place: &Place,
    program: Program,
    name: &str,
    arguments: &[String],
    folder: &Path,
) -> Result<Process> {
    let mut command = program.command_in(place)?;
    command.args(arguments);
    Process::start(name, command, folder)
}

async fn greet(process: &mut Process) -> Result<Greeting> {
    let what = format!("{} to be ready", process.name());
    let greeted = eventually(&what, READY_LIMIT, async || {
        if let Some(status) = process.ended()? {
            bail!("{} ended at once: {status}", process.name());
        }
        Greeting::parse(&process.stdout())
    });
    let greeted = greeted.await;
    greeted.with_context(|| process.tail())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_are_understood_once_they_are_complete() {
        let half = "id box-1\nlistening http 127.0.0.1:5\nready";
        assert_eq!(Greeting::parse(half).unwrap(), None);

        let whole = "id box-1\nlistening http 127.0.0.1:5\nstream-key demo=s3cret\nready\n";
        let greeting = Greeting::parse(whole).unwrap().unwrap();
        assert_eq!(greeting.id.as_deref(), Some("box-1"));
        assert_eq!(greeting.listening["http"].port(), 5);
        assert_eq!(greeting.stream_keys["demo"], "s3cret");

        assert!(Greeting::parse("hello there\n").is_err());
    }
}
