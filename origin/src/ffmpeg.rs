//! ffmpeg as a child process: how one is started, what it says, how it ends.
//!
//! Decoding and encoding are left to it. A child hears media on its standard input and answers on its standard output;
//! what it complains of is kept, as far as it is worth a log line. It gives way to everything else on the machine,
//! and it ends with whoever started it.

mod complaints;

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, setpriority_process};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tracing::debug;

pub(crate) use complaints::Complaints;

/// How far a child gives way: the origin's own work comes first.
const NICENESS: i32 = 10;

/// How long the last words of a child that has ended are waited for.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Where ffmpeg is.
#[derive(Clone, Debug)]
pub struct Ffmpeg(PathBuf);

/// Why ffmpeg did not start.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// There is none, or nobody may run it: there is no use in trying again.
    #[error("ffmpeg is not there ({})", .0.display())]
    Absent(PathBuf),
    /// The machine had no room for it.
    #[error("ffmpeg did not start: {0}")]
    Failed(io::Error),
}

/// A child and its three pipes.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) input: ChildStdin,
    pub(crate) output: ChildStdout,
    pub(crate) complaints: ChildStderr,
}

impl Ffmpeg {
    /// The ffmpeg at a path, or of that name among the programs of the machine.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self(program.into())
    }

    /// Starts it. Its input is to be named `pipe:0`, its output `pipe:1`.
    pub(crate) fn start<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Running, NotStarted> {
        let mut child = Command::new(&self.0)
            .args(["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
                    NotStarted::Absent(self.0.clone())
                }
                _ => NotStarted::Failed(error),
            })?;
        give_way(&child);
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(complaints)) = pipes else {
            return Err(NotStarted::Failed(io::Error::other("it has no pipes")));
        };
        Ok(Running {
            child,
            input,
            output,
            complaints,
        })
    }
}

/// Lowers its priority before it has threads, which inherit that. Where this fails it is only less polite.
fn give_way(child: &Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw)
        && let Err(error) = setpriority_process(Some(pid), NICENESS)
    {
        debug!(%error, "the priority of ffmpeg stays as it is");
    }
}

/// Ends a child that may have ended already, and waits until it is gone. What it last complained of is heard out.
pub(crate) async fn end(mut child: Child, mut pipe: ChildStderr, complaints: &mut Complaints) {
    // One that has ended by itself cannot be killed, and need not.
    let _ = child.kill().await;
    // The pipe may be in the hands of others still, if ffmpeg is a script that started it.
    let _ = timeout(LAST_WORDS, complaints.hear(&mut pipe)).await;
}
