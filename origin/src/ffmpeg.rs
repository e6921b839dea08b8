//! ffmpeg as a child process: how one is started, what it says, how it ends.
//!
//! Decoding and encoding are left to it. A child hears media on its standard input and answers on its standard output;
//! what it complains of is kept, as far as it is worth a log line. It gives way to everything else on the machine,
//! and it ends with whoever started it.

mod complaints;

use std::ffi::OsStr;
use std::io;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, setpriority_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tracing::debug;

pub(crate) use complaints::Complaints;

/// How far a child gives way: the origin's own work comes first.
const NICENESS: i32 = 10;

/// How long the last words of a child that has ended are waited for.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Where ffmpeg is, and where it runs.
#[derive(Clone, Debug)]
pub struct Ffmpeg {
    program: PathBuf,
    /// Those that all children share; any, if not said.
    processors: Option<CpuSet>,
}

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
        Self {
            program: program.into(),
            processors: None,
        }
    }

    /// The same, whose children all run on so many of the machine's processors together, however many children there are.
    #[must_use]
    pub fn on_processors(self, count: NonZeroU16) -> Self {
        // Where nobody knows the processors, children run on any.
        let all = sched_getaffinity(None).ok();
        let processors = all.and_then(|all| last_of(&all, count.get().into()));
        Self { processors, ..self }
    }

    /// Starts it. Its input is to be named `pipe:0`, its output `pipe:1`.
    pub(crate) fn start<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Running, NotStarted> {
        let mut child = Command::new(&self.program)
            .args(["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
                    NotStarted::Absent(self.program.clone())
                }
                _ => NotStarted::Failed(error),
            })?;
        give_way(&child, self.processors.as_ref());
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

/// Lowers its priority and says where it runs before it has threads, which inherit both. Where this fails it is only less
/// polite.
fn give_way(child: &Child, processors: Option<&CpuSet>) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    let Some(pid) = pid.and_then(Pid::from_raw) else {
        return;
    };
    if let Err(error) = setpriority_process(Some(pid), NICENESS) {
        debug!(%error, "the priority of ffmpeg stays as it is");
    }
    if let Some(processors) = processors
        && let Err(error) = sched_setaffinity(Some(pid), processors)
    {
        debug!(%error, "ffmpeg runs on any processor");
    }
}

/// The last so many of these processors: interrupts and the origin's own thread are more often on the first. None, if that
/// would be all of them.
fn last_of(all: &CpuSet, count: usize) -> Option<CpuSet> {
    let numbers: Vec<_> = (0..CpuSet::MAX_CPU)
        .rev()
        .filter(|number| all.is_set(*number))
        .collect();
    let mut last = CpuSet::new();
    for number in numbers.iter().take(count) {
        last.set(*number);
    }
    (count < numbers.len()).then_some(last)
}

/// Ends a child that may have ended already, and waits until it is gone. What it last complained of is heard out.
pub(crate) async fn end(mut child: Child, mut pipe: ChildStderr, complaints: &mut Complaints) {
    // One that has ended by itself cannot be killed, and need not.
    let _ = child.kill().await;
    // The pipe may be in the hands of others still, if ffmpeg is a script that started it.
    let _ = timeout(LAST_WORDS, complaints.hear(&mut pipe)).await;
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_last_processors_are_taken_and_never_all_for_less() {
        let mut all = CpuSet::new();
        for number in [1, 4, 6] {
            all.set(number);
        }
        let last = last_of(&all, 2).expect("there are more");
        assert_eq!((last.count(), last.is_set(4), last.is_set(6)), (2, true, true));
        assert!(last_of(&all, 3).is_none() && last_of(&all, 9).is_none());
    }

    #[tokio::test]
    async fn all_children_share_the_processors_that_they_may_use() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("patient");
        fs::write(&program, "#!/bin/sh\nexec cat\n").unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        let ffmpeg = Ffmpeg::new(program).on_processors(NonZeroU16::MIN);
        let children = [0; 2].map(|_| ffmpeg.start([""; 0]).unwrap());
        let places = children.each_ref().map(|running| {
            let pid = running.child.id().and_then(|id| i32::try_from(id).ok());
            sched_getaffinity(pid.and_then(Pid::from_raw)).unwrap()
        });
        let all = sched_getaffinity(None).unwrap();
        assert_eq!(places[0], places[1]);
        assert_eq!(places[0].count(), 1, "of {}", all.count());
    }
}
