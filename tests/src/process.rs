//! One running program: started with its output in files, ended by its own pid, never by name.

use std::{
    fs::{self, File},
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// A program that was asked to stop has this long, as promised to operators.
pub const STOP_LIMIT: Duration = Duration::from_secs(5);

/// How often a process that is being waited for is looked at.
const PERIOD: Duration = Duration::from_millis(10);

/// The end of a log that is shown when something went wrong.
const TAIL_LINES: usize = 60;

/// A child process and the two files that hold what it says.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` in a process group of its own, so that a Ctrl-C at the terminal reaches
    /// only whoever started it and the order of stopping stays in one hand.
    ///
    /// # Errors
    /// When the program cannot be started or its log files cannot be made in `folder`.
    pub fn start(name: &str, mut command: Command, folder: &Path) -> Result<Self> {
        let stdout = folder.join(format!("{name}.out"));
        let stderr = folder.join(format!("{name}.log"));
        let log = File::options().create(true).append(true).open(&stderr)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&stdout)?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("failed to start {name}: {command:?}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            stdout,
            stderr,
            ended: None,
        })
    }

    /// What this process is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Memory that it holds now, in bytes (`VmRSS`).
    ///
    /// # Errors
    /// When it is gone, or this is not Linux.
    pub fn resident_bytes(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.pid());
        let status = fs::read_to_string(path)?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        let kilobytes: u64 = kilobytes.context("no VmRSS")?.parse()?;
        Ok(kilobytes * 1024)
    }

    /// Everything that it has printed so far.
    pub fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap_or_default()
    }

    /// Everything that it has logged so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stderr).unwrap_or_default()).into_owned()
    }

    /// The last lines of its log, under its name.
    pub fn tail(&self) -> String {
        let log = self.stderr();
        let lines: Vec<&str> = log.lines().collect();
        let from = lines.len().saturating_sub(TAIL_LINES);
        format!("--- {} ---\n{}\n", self.name, lines[from..].join("\n"))
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait()?;
        }
        Ok(self.ended)
    }

    /// Asks it to stop, as `docker stop` and systemd do.
    ///
    /// # Errors
    /// When the signal cannot be sent. A process that has ended already is no error.
    pub fn terminate(&mut self) -> io::Result<()> {
        self.signal(Signal::TERM)
    }

    /// Asks it to stop, as Ctrl-C at a terminal does.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn interrupt(&mut self) -> io::Result<()> {
        self.signal(Signal::INT)
    }

    /// Ends it at once, as a power cut would.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn kill(&mut self) -> io::Result<()> {
        self.signal(Signal::KILL)?;
        self.ended = Some(self.child.wait()?);
        Ok(())
    }

    /// Holds it, so that it keeps its sockets open and answers nothing.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn freeze(&mut self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a held process go on.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn thaw(&mut self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        // A pid that was waited for may belong to somebody else by now.
        if self.ended()?.is_some() {
            return Ok(());
        }
        let pid = i32::try_from(self.child.id()).map_err(io::Error::other)?;
        let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("pid 0"))?;
        Ok(kill_process(pid, signal)?)
    }

    /// Waits for its end without blocking the runtime.
    ///
    /// # Errors
    /// When it is still there after `limit`.
    pub async fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if start.elapsed() > limit {
                bail!("{} is still running after {limit:?}", self.name);
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// Asks it to stop and waits as long as is promised; one that does not end is killed.
    ///
    /// # Errors
    /// When it did not end in time.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.terminate()?;
        self.join(STOP_LIMIT)
    }

    /// Waits for the end of a process that was asked to stop.
    ///
    /// # Errors
    /// When it did not end within `limit`: it is killed then.
    pub fn join(&mut self, limit: Duration) -> Result<ExitStatus> {
        if let Some(status) = self.joined(limit)? {
            return Ok(status);
        }
        self.kill()?;
        bail!("{} did not stop within {limit:?} and was killed", self.name)
    }

    /// Waits for its end, and leaves it alone if that does not come.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn joined(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let start = Instant::now();
        loop {
            let ended = self.ended()?;
            if ended.is_some() || start.elapsed() >= limit {
                return Ok(ended);
            }
            std::thread::sleep(PERIOD);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.ended(), Ok(None)) && self.stop().is_err() {
            eprintln!("{} had to be killed", self.name);
        }
    }
}

/// The processes that any thread of `pid` has started and that still run (proc(5)).
pub fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let parse = |list: String| {
        list.split_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .collect::<Vec<_>>()
    };
    lists.flat_map(parse).collect()
}
