//! The player: samples are read a little before they are due, and handed on when they are.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::tour::Tour;
use crate::media::{Millis, Unit};

/// How much is read at once, while what was read before is played.
const AHEAD: Duration = Duration::from_millis(500);
const AHEAD_BYTES: usize = 1 << 20;

/// Plays until nobody listens, or until `stop`.
pub(super) async fn run(
    mut tour: Tour,
    units: mpsc::Sender<Unit>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let round = &tour.film().round;
    info!(length = ?round.length(), "the filler plays");
    let lanes = round.video.iter().chain(&round.audio);
    let configs: Vec<_> = lanes
        .map(|lane| Unit::Config(lane.track.id, lane.track.config.clone()))
        .collect();
    for config in configs {
        if units.send(config).await.is_err() {
            return;
        }
    }

    let began = Instant::now();
    let mut until = Millis(0);
    let mut reading = read(&tasks, tour, until);
    loop {
        let (next, batch) = match reading.await {
            Ok(read) => read,
            Err(error) => {
                warn!(%error, "the filler ends: reading it broke off");
                return;
            }
        };
        tour = next;
        let batch = match batch {
            Ok(batch) if !batch.is_empty() => batch,
            Ok(_) => return,
            Err(error) => {
                warn!(%error, "the filler ends: its file cannot be read any more");
                return;
            }
        };
        until = batch.last().map_or(until, |last| last.decode_time) + AHEAD;
        reading = read(&tasks, tour, until);
        for unit in batch {
            let due = began + Duration::from_millis(unit.decode_time.0);
            let play = async {
                sleep_until(due).await;
                units.send(Unit::Sample(unit)).await.is_ok()
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = units.closed() => return,
                goes_on = play => if !goes_on { return },
            }
        }
    }
}

type Read = (Tour, std::io::Result<Vec<crate::media::AccessUnit>>);

fn read(tasks: &TaskTracker, mut tour: Tour, until: Millis) -> tokio::task::JoinHandle<Read> {
    tasks.spawn_blocking(move || {
        let batch = tour.read(until, AHEAD_BYTES);
        (tour, batch)
    })
}
