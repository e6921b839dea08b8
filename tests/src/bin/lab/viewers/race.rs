//! Asking one after another without waiting for the dead, as the page's player does (`web-player/src/fetch/race.ts`).
//!
//! Attempts start in order. The next one starts when the one before failed, fell silent, or takes longer than a segment
//! may; the first to succeed ends all others. No more than two are asked because they are slow: where both are, the one
//! of which less came gives its place to the next. And where two are late, or one in a hurry, the next is the last resort.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::task::{AbortHandle, Id, JoinSet};

/// Without a byte for this long, another is asked as well.
const SILENCE: Duration = Duration::from_millis(500);
/// Bytes come, but not the end: after this long another is asked as well.
const SLOW: Duration = Duration::from_secs(2);
/// Without a byte for this long, an attempt has failed.
const HANGING: Duration = Duration::from_secs(4);

/// An attempt tells of every sign of life.
#[derive(Clone, Debug)]
pub(super) struct Heard(Arc<Mutex<Life>>);

#[derive(Clone, Copy, Debug)]
struct Life {
    last: Instant,
    received: u64,
    total: Option<u64>,
}

/// Whom to ask when others are late.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resort<D> {
    /// Its place among the attempts.
    pub(super) number: Option<usize>,
    /// How long it is until the answer has to be here.
    pub(super) due: D,
}

/// Due sooner than this, the last resort is asked when the first is late; and than that, when it failed.
const HURRY: Duration = Duration::from_secs(4);
const GREAT_HURRY: Duration = Duration::from_secs(2);

/// What became of an attempt.
#[derive(Debug)]
pub(super) enum Fate<E> {
    Served,
    Failed(E),
    /// Another succeeded; whether that one was asked because this one was silent or slow.
    Beaten {
        late: bool,
    },
    Hanging,
}

struct Running {
    number: usize,
    began: Instant,
    heard: Heard,
    late: bool,
    slow: Duration,
    handle: AbortHandle,
}

impl Heard {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Life {
            last: Instant::now(),
            received: 0,
            total: None,
        })))
    }

    /// So many bytes are here, of how many if that is known.
    pub(super) fn now(&self, received: u64, total: Option<u64>) {
        let last = Instant::now();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Life {
            last,
            received,
            total,
        };
    }

    fn life(&self) -> Life {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first success of so many attempts, each begun by its number; none when all failed. What became of each is told
/// as soon as it is known.
pub(super) async fn race<T, E, F>(
    (count, resort): (usize, Resort<impl Fn() -> Duration>),
    attempt: impl Fn(usize, Heard) -> F,
    mut tell: impl FnMut(usize, Fate<E>),
) -> Option<T>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    let mut running: HashMap<Id, Running> = HashMap::new();
    let mut waiting: BTreeSet<usize> = (0..count).collect();
    let next = |waiting: &BTreeSet<usize>, late: bool, running: usize| {
        let is_due = (resort.due)() < if late { HURRY } else { GREAT_HURRY };
        let resort = resort.number.filter(|_| is_due || late && running > 1);
        let resort = resort.filter(|number| waiting.contains(number));
        resort.or_else(|| waiting.first().copied())
    };
    let start = |number: Option<usize>,
                 waiting: &mut BTreeSet<usize>,
                 tasks: &mut JoinSet<_>,
                 running: &mut HashMap<_, _>| {
        let Some(number) = number else { return };
        waiting.remove(&number);
        let heard = Heard::new();
        let handle = tasks.spawn(attempt(number, heard.clone()));
        let one = Running {
            number,
            began: Instant::now(),
            heard,
            late: false,
            // Half of the time that there is, for the one that is asked then needs some too.
            slow: ((resort.due)() / 2).clamp(SILENCE, SLOW),
            handle: handle.clone(),
        };
        running.insert(handle.id(), one);
    };
    start(waiting.first().copied(), &mut waiting, &mut tasks, &mut running);
    while !running.is_empty() {
        let wakes = running.values().map(|one| one.next((resort.due)())).min();
        tokio::select! {
            Some(joined) = tasks.join_next_with_id() => {
                let (id, result) = match joined {
                    Ok((id, result)) => (id, Some(result)),
                    Err(error) => (error.id(), None),
                };
                let Some(one) = running.remove(&id) else { continue };
                match result {
                    Some(Ok(value)) => {
                        tell(one.number, Fate::Served);
                        for loser in running.values() {
                            tell(loser.number, Fate::Beaten { late: loser.late });
                        }
                        return Some(value);
                    }
                    Some(Err(why)) => tell(one.number, Fate::Failed(why)),
                    None => tell(one.number, Fate::Hanging),
                }
                start(next(&waiting, false, 0), &mut waiting, &mut tasks, &mut running);
            }
            () = tokio::time::sleep_until(wakes.unwrap_or_else(Instant::now).into()) => {
                let now = Instant::now();
                for one in running.values().filter(|one| now >= one.heard.life().last + HANGING) {
                    one.handle.abort();
                }
                let late = running.values_mut().find(|one| !one.late && now >= one.next((resort.due)()));
                let Some(late) = late else { continue };
                late.late = true;
                let is_slow = now < late.heard.life().last + SILENCE;
                let at = next(&waiting, true, running.len());
                // Where the viewer's own line is slow, one helper is enough: more would only slow it further.
                if is_slow && running.len() > 1 && at.is_some() {
                    let slowest = running.iter().min_by_key(|(_, one)| one.heard.life().received);
                    let slowest = slowest.map(|(id, _)| *id).and_then(|id| running.remove(&id));
                    if let Some(slowest) = slowest {
                        slowest.handle.abort();
                        tell(slowest.number, Fate::Beaten { late: true });
                    }
                }
                start(at, &mut waiting, &mut tasks, &mut running);
            }
        }
    }
    None
}

impl Running {
    /// When something is to be done about it if nothing happens.
    fn next(&self, due: Duration) -> Instant {
        let life = self.heard.life();
        if self.late {
            return life.last + HANGING;
        }
        let more = if self.is_nearly_there(life, due) {
            SLOW / 2
        } else {
            Duration::ZERO
        };
        (life.last + SILENCE).min(self.began + self.slow + more)
    }

    /// Whether the rest will be here soon, going on like this.
    #[expect(clippy::cast_precision_loss, reason = "a segment is far below 2^52 bytes")]
    fn is_nearly_there(&self, life: Life, due: Duration) -> bool {
        let Some(total) = life.total.filter(|_| life.received > 0) else {
            return false;
        };
        let to_go = total.saturating_sub(life.received) as f64 / life.received as f64;
        self.began.elapsed().as_secs_f64() * to_go <= (SLOW / 2).min(due).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs attempts that answer after so many milliseconds, or never; who won, and what became of all.
    async fn run(attempts: &'static [Option<u64>]) -> (Option<usize>, Vec<String>) {
        let mut fates = vec![String::new(); attempts.len()];
        let attempt = |number: usize, _: Heard| async move {
            match attempts[number] {
                Some(0) => Err("refused"),
                Some(millis) => {
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                    Ok(number)
                }
                None => std::future::pending().await,
            }
        };
        let no_hurry = Resort {
            number: None,
            due: || Duration::MAX,
        };
        let won = race((attempts.len(), no_hurry), attempt, |number, fate: Fate<&str>| {
            fates[number] = format!("{fate:?}");
        });
        (won.await, fates)
    }

    #[tokio::test]
    async fn who_is_silent_costs_a_moment_and_who_fails_nothing() {
        let began = Instant::now();
        let (won, fates) = run(&[None, Some(0), Some(20)]).await;
        assert!(began.elapsed() < SILENCE * 2);
        assert_eq!(won, Some(2));
        assert_eq!(fates, ["Beaten { late: true }", "Failed(\"refused\")", "Served"]);
    }

    #[tokio::test]
    async fn who_is_in_time_is_asked_alone() {
        let (won, fates) = run(&[Some(20), Some(10)]).await;
        assert_eq!((won, fates), (Some(0), vec!["Served".into(), String::new()]));
    }
}
