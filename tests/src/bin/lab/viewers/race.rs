//! Asking one after another without waiting for the dead, as the page's player does (`web-player/src/fetch/race.ts`).
//!
//! Attempts start in order. The next one starts when the one before failed, fell silent, or takes longer than a segment
//! may; the first to succeed ends all others.

use std::{
    collections::HashMap,
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
pub(super) struct Heard(Arc<Mutex<Instant>>);

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
    handle: AbortHandle,
}

impl Heard {
    pub(super) fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first success of so many attempts, each begun by its number; none when all failed. What became of each is told
/// as soon as it is known.
pub(super) async fn race<T, E, F>(
    count: usize,
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
    let mut numbers = 0..count;
    let mut start_next = |tasks: &mut JoinSet<_>, running: &mut HashMap<_, _>| {
        let Some(number) = numbers.next() else { return };
        let heard = Heard(Arc::new(Mutex::new(Instant::now())));
        let handle = tasks.spawn(attempt(number, heard.clone()));
        let one = Running {
            number,
            began: Instant::now(),
            heard,
            late: false,
            handle: handle.clone(),
        };
        running.insert(handle.id(), one);
    };
    start_next(&mut tasks, &mut running);
    while !running.is_empty() {
        let next = running.values().map(Running::next).min();
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
                start_next(&mut tasks, &mut running);
            }
            () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now).into()) => {
                let now = Instant::now();
                let mut asks = 0;
                let at_once = running.len();
                for one in running.values_mut() {
                    if now >= one.heard.last() + HANGING {
                        one.handle.abort();
                    } else if !one.late && now >= one.next() {
                        one.late = true;
                        // Where the viewer's own line is slow, one helper is enough: more would only slow it further.
                        let is_silent = now >= one.heard.last() + SILENCE;
                        asks += usize::from(is_silent || at_once < 2);
                    }
                }
                for _ in 0..asks {
                    start_next(&mut tasks, &mut running);
                }
            }
        }
    }
    None
}

impl Running {
    /// When something is to be done about it if nothing happens.
    fn next(&self) -> Instant {
        if self.late {
            self.heard.last() + HANGING
        } else {
            (self.heard.last() + SILENCE).min(self.began + SLOW)
        }
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
        let won = race(attempts.len(), attempt, |number, fate: Fate<&str>| {
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
