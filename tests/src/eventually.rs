//! Waiting without sleeping: a condition, a deadline, and words for when it was missed.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a condition is looked at.
const PERIOD: Duration = Duration::from_millis(20);

/// Asks `probe` until it answers `Some`.
///
/// # Errors
/// When `limit` has passed without an answer, naming `what` was waited for; an error of the probe itself ends the wait at once.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = probe().await? {
            return Ok(found);
        }
        if start.elapsed() > limit {
            bail!("waited {limit:?} in vain for {what}");
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// Waits until `probe` is true.
///
/// # Errors
/// As [`eventually`].
pub async fn until(what: &str, limit: Duration, mut probe: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    eventually(what, limit, async || Ok(probe().await?.then_some(()))).await
}

/// Watches that `probe` stays true for the whole of `span`.
///
/// # Errors
/// As soon as it is not, naming `what` should have held.
pub async fn throughout(
    what: &str,
    span: Duration,
    mut probe: impl AsyncFnMut() -> Result<bool>,
) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < span {
        if !probe().await? {
            bail!("after {:?} it was no longer so that {what}", start.elapsed());
        }
        tokio::time::sleep(PERIOD).await;
    }
    Ok(())
}
