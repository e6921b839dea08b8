//! Announcements on their way to Redis: those that come while some are under way go together, in two commands' time.
//!
//! Where many come they are gathered for a moment: what a command costs is mostly that two programs wake each other. Two
//! thousand of them a second cost Redis less than a tenth of what they would cost one by one, and one that comes alone does
//! not wait.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::redis::{cmd, pipe};
use tokio::sync::{Mutex as Gate, oneshot};
use tokio::time::{Instant, sleep_until};

use super::super::{Away, BoxRecord, Outcome};
use super::{BOX, BOXES, Redis};

/// So many go together at most.
const TOGETHER: usize = 512;

/// How long after the last ones those that come are gathered.
const GATHERED: Duration = Duration::from_millis(5);

#[derive(Default)]
pub(super) struct Announcing {
    waiting: Mutex<Vec<Waiting>>,
    /// Whoever holds it sends what waits, its own announcement and those of others; and from when on it may.
    gate: Gate<Option<Instant>>,
}

struct Waiting {
    record: Arc<BoxRecord>,
    done: oneshot::Sender<Result<Outcome, Away>>,
}

impl Announcing {
    pub(super) async fn announce(&self, redis: &Redis, record: Arc<BoxRecord>) -> Result<Outcome, Away> {
        loop {
            let (done, mut outcome) = oneshot::channel();
            let record = record.clone();
            self.waiting().push(Waiting { record, done });
            loop {
                let mut gate = self.gate.lock().await;
                match outcome.try_recv() {
                    Ok(outcome) => return outcome,
                    Err(oneshot::error::TryRecvError::Empty) => {
                        if let Some(next) = *gate {
                            sleep_until(next).await;
                        }
                        *gate = Some(Instant::now() + GATHERED);
                        self.send(redis).await;
                    }
                    // Who sent it was gone before it heard what came of it.
                    Err(oneshot::error::TryRecvError::Closed) => break,
                }
            }
        }
    }

    /// Sends what waits, the oldest first.
    async fn send(&self, redis: &Redis) {
        let batch: Vec<Waiting> = {
            let mut waiting = self.waiting();
            let count = waiting.len().min(TOGETHER);
            waiting.drain(..count).collect()
        };
        let records: Vec<_> = batch.iter().map(|waiting| waiting.record.clone()).collect();
        let outcomes = redis.announce_all(&records).await;
        for (place, Waiting { done, .. }) in batch.into_iter().enumerate() {
            let outcome = match &outcomes {
                Ok(outcomes) => Ok(outcomes.get(place).copied().unwrap_or(Outcome::Stale)),
                Err(away) => Err(away.clone()),
            };
            // Who announced may have gone.
            let _ = done.send(outcome);
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Redis {
    /// Which of these are the newest word of their boxes; those are written.
    async fn announce_all(&self, records: &[Arc<BoxRecord>]) -> Result<Vec<Outcome>, Away> {
        let mut commands = pipe();
        for record in records {
            let announcement = &record.announcement;
            // Who was never here cannot leave.
            let known = announcement.leaving.then_some("XX");
            let add = commands.cmd("ZADD").arg(BOXES).arg(known).arg("GT").arg("CH");
            add.arg(announcement.sequence).arg(record.id.to_string());
        }
        let changed: Vec<u8> = self.link.ask(&commands).await?;
        if changed.len() != records.len() {
            return Err(self.link.nonsense("ZADD answered another number of times"));
        }
        let is_news = |changed: &u8| *changed == 1;
        let mut write = cmd("HSET");
        write.arg(BOX);
        for (record, _) in records
            .iter()
            .zip(&changed)
            .filter(|(_, changed)| is_news(changed))
        {
            write.arg(record.id.to_string()).arg(record.to_bytes());
        }
        if changed.iter().any(is_news) {
            let mut commands = pipe();
            commands.add_command(write).ignore();
            let () = self.link.ask(&commands).await?;
        }
        let mut boxes = self.boxes.lock().unwrap_or_else(PoisonError::into_inner);
        let outcomes = records.iter().zip(&changed).map(|(record, changed)| {
            if is_news(changed) {
                boxes.insert(record.id, record.clone());
                Outcome::Accepted
            } else {
                Outcome::Stale
            }
        });
        Ok(outcomes.collect())
    }
}
