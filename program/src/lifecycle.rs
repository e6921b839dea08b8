//! The life of a program: logs, tasks that all hear one stop, an end with a deadline.

use std::num::NonZeroU16;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

/// How long tasks may take to end.
const DRAIN: Duration = Duration::from_millis(4500);

/// What is logged unless `RUST_LOG` says otherwise. libp2p warns of whatever a stranger does wrong, and would let
/// strangers fill the log: its warnings are ours to give.
const LOGGED: &str = "info,libp2p=error";

/// Files and connections that a program may have open, if the system lets it: the usual 1024 are fewer than the
/// viewers that it serves.
const OPEN_FILES: u64 = 16_384;

/// Everything that runs in a program, and the word to stop.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    /// Every task of the program.
    pub tasks: TaskTracker,
    /// Cancelled when the program should end.
    pub stop: CancellationToken,
    /// Whether the word to stop came from within.
    failed: Arc<AtomicBool>,
}

/// Runs a program on a runtime of its own, with a thread for each processor. What still blocks a thread at its end,
/// such as a name server that does not answer, is not waited for.
pub fn run<T>(program: impl Future<Output = T>) -> T {
    run_on(Builder::new_multi_thread(), program)
}

/// Runs a program as [`run`] does, on so many threads. On one alone nothing is handed from thread to thread: where many
/// small things arrive, that is a good part of the work.
pub fn run_on_threads<T>(threads: NonZeroU16, program: impl Future<Output = T>) -> T {
    match threads.get() {
        1 => run_on(Builder::new_current_thread(), program),
        many => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(many.into());
            run_on(builder, program)
        }
    }
}

fn run_on<T>(mut builder: Builder, program: impl Future<Output = T>) -> T {
    let runtime = builder
        .enable_all()
        .build()
        .expect("the system gives a program threads");
    let result = runtime.block_on(program);
    runtime.shutdown_background();
    result
}

impl Lifecycle {
    /// Starts logging to standard error, as much as `RUST_LOG` says, events of level info otherwise.
    pub fn start() -> Self {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOGGED));
        let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(ansi)
            .init();
        open_more_files();
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
            () = self.stop.cancelled() => {
                self.failed.store(true, Ordering::Relaxed);
                "an error"
            }
        };
        info!(reason, "stopping");
    }

    /// Tells every task to end and waits for it, 4.5 s at most: the verdict is logged and is the exit code.
    pub async fn finish(self) -> ExitCode {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(DRAIN, self.tasks.wait()).await.is_ok() {
            info!("stopped");
            if self.failed.load(Ordering::Relaxed) {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            }
        } else {
            warn!(tasks = self.tasks.len(), "stopped before every task had ended");
            ExitCode::FAILURE
        }
    }
}

fn open_more_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let most = maximum.map_or(OPEN_FILES, |maximum| maximum.min(OPEN_FILES));
    let wanted = Rlimit {
        current: Some(most),
        maximum,
    };
    if current.is_some_and(|current| current < most)
        && let Err(error) = setrlimit(Resource::Nofile, wanted)
    {
        warn!(%error, "failed to raise the limit of open files");
    }
}

/// The milliseconds since 1970, as every message counts them.
pub fn now_ms() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_end_does_not_wait_for_a_thread_that_blocks() {
        let (hang_up, held) = std::sync::mpsc::channel::<()>();
        let began = Instant::now();
        run(async {
            let (tell, blocks) = tokio::sync::oneshot::channel();
            tokio::task::spawn_blocking(move || {
                let _ = tell.send(());
                let _ = held.recv_timeout(Duration::from_mins(1));
            });
            blocks.await.unwrap();
        });
        assert!(began.elapsed() < Duration::from_secs(30));
        drop(hang_up);
    }

    #[tokio::test]
    async fn a_program_that_stops_by_itself_has_failed() {
        let life = Lifecycle::default();
        life.stop.cancel();
        life.until_stopped().await;
        assert_eq!(life.finish().await, ExitCode::FAILURE);
        assert_eq!(Lifecycle::default().finish().await, ExitCode::SUCCESS);
    }

    #[test]
    fn as_many_files_as_the_system_allows_may_be_open() {
        open_more_files();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let most = maximum.map_or(OPEN_FILES, |maximum| maximum.min(OPEN_FILES));
        assert!(current.is_none_or(|current| current >= most));
    }
}
