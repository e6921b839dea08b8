//! Keeps the account in the data folder, and looks at the clock: whether the box may serve, and for how many more
//! viewers there is room.

use std::sync::Arc;
use std::time::{Duration, Instant};

use program::folder::{Folder, FolderError};
use program::lifecycle::{Lifecycle, now_ms};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info, info_span, warn};

use super::account::Kept;
use super::{Closed, Turn, Uplink};
use crate::nudge::Nudge;

/// The file of the account.
const FILE: &str = "given.json";

/// How often the clock, the account and the room are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// How often the account is written through to the disk. In between it is written for the case that this program
/// crashes, not the machine.
const WRITE: Duration = Duration::from_secs(10);

/// How long the last answers may be on their way out before the account is closed.
const LAST_ANSWERS: Duration = Duration::from_millis(3500);

/// What the data folder tells of this month.
pub(crate) fn recall(folder: &Folder) -> Result<Option<Kept>, FolderError> {
    let Some(text) = folder.recall(FILE)? else {
        return Ok(None);
    };
    let kept = serde_json::from_str(&text);
    kept.map(Some)
        .map_err(|_| folder.damaged(FILE, "what was given this month; remove it to count from nothing"))
}

/// Looks after the budget.
pub(crate) struct Keeper {
    pub(crate) uplink: Uplink,
    pub(crate) folder: Arc<Folder>,
    /// Trackers are told at once when there is room for nobody, or again.
    pub(crate) nudge: Nudge,
}

impl Keeper {
    /// Starts the task. It ends at the stop of `life`, and writes what was sent until then.
    pub(crate) fn spawn(self, life: &Lifecycle) {
        let (tasks, stop) = (life.tasks.clone(), life.stop.clone());
        // Before anybody is served, or a tracker is told that somebody might be.
        self.look();
        life.tasks
            .spawn(self.run(stop, tasks).instrument(info_span!("budget")));
    }

    async fn run(self, stop: CancellationToken, tasks: tokio_util::task::TaskTracker) {
        let mut written = Instant::now();
        let mut failing = false;
        let mut was_open = true;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                // Whoever is served may find that the account should be written now.
                _ = timeout(LOOK, self.uplink.pressed()) => {}
            }
            let turn = self.look();
            let is_open = self.uplink.room(Instant::now()) > 0;
            if turn.is_some() || is_open != was_open {
                self.nudge.give();
            }
            was_open = is_open;
            let due = written.elapsed() >= WRITE;
            if let Some(kept) = due.then(|| self.uplink.to_keep(due)).flatten() {
                written = Instant::now();
                failing = !self.write(kept, failing).await;
            } else if let Some(kept) = self.uplink.to_keep(false) {
                let text = text(&kept);
                // Some bytes in a page of memory. Whatever is wrong with the disk is told when it has to take them.
                if self.folder.keep_at_once(FILE, &text).is_ok() {
                    self.uplink.was_kept(&kept);
                }
            }
        }
        // The last answers are still on their way out: this is written when they are.
        let stopped = Instant::now();
        while tasks.len() > 1 && stopped.elapsed() < LAST_ANSWERS {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.write(self.uplink.to_keep_at_last(), failing).await;
    }

    /// Looks at the clocks.
    fn look(&self) -> Option<Turn> {
        let turn = self.uplink.look(now_ms(), local_second_of_day());
        match turn {
            Some(Turn::Closes(Closed { why, .. })) => info!(why, "nobody is served"),
            Some(Turn::Opens) => info!("whoever comes is served again"),
            None => {}
        }
        turn
    }

    /// Whether it was written.
    async fn write(&self, kept: Kept, failing: bool) -> bool {
        let text = text(&kept);
        let folder = self.folder.clone();
        let write = move || folder.keep(FILE, &text);
        let error = match tokio::task::spawn_blocking(write).await {
            Ok(Ok(())) => {
                self.uplink.was_kept(&kept);
                return true;
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        if !failing {
            warn!(error, "failed to keep what was given: a crash would forget it");
        }
        false
    }
}

fn text(kept: &Kept) -> String {
    serde_json::to_string(kept).expect("numbers are always JSON")
}

/// The time of day where this machine is, in seconds.
fn local_second_of_day() -> u32 {
    let time = jiff::Zoned::now().time();
    let number = |part: i8| u32::from(part.unsigned_abs());
    number(time.hour()) * 3600 + number(time.minute()) * 60 + number(time.second())
}
