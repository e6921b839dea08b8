//! The life of a program: logs, tasks that all hear one stop, an end with a deadline.

use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

/// How long tasks may take to end.
const DRAIN: Duration = Duration::from_millis(4500);

/// Everything that runs in a program, and the word to stop.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    /// Every task of the program.
    pub tasks: TaskTracker,
    /// Cancelled when the program should end.
    pub stop: CancellationToken,
}

impl Lifecycle {
    /// Starts logging to standard error, as much as `RUST_LOG` says, events of level info otherwise.
    pub fn start() -> Self {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(ansi)
            .init();
        Self::default()
    }

    /// Waits until the program is told to end: SIGTERM, Ctrl-C, or `stop` from within.
    pub async fn until_stopped(&self) {
        let mut terminate =
            signal(SignalKind::terminate()).expect("no handler was installed by another library");
        let mut interrupt =
            signal(SignalKind::interrupt()).expect("no handler was installed by another library");
        let reason = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "Ctrl-C",
            () = self.stop.cancelled() => "an error",
        };
        info!(reason, "stopping");
    }

    /// Tells every task to end and waits for it, 4.5 s at most: the verdict is logged and is the exit code.
    pub async fn finish(self) -> ExitCode {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(DRAIN, self.tasks.wait()).await.is_ok() {
            info!("stopped");
            ExitCode::SUCCESS
        } else {
            warn!(tasks = self.tasks.len(), "stopped before every task had ended");
            ExitCode::FAILURE
        }
    }
}

/// The milliseconds since 1970, as every message counts them.
pub fn now_ms() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
