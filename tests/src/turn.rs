//! Turns: how many meshes, and how many browsers, may run at once on this machine.
//!
//! A mesh with an encoder takes about half a core, one with a browser that decodes video more
//! than a whole one. Tests that judge stalls must not starve each other, so each takes its share of the cores first.

use std::{sync::LazyLock, thread::available_parallelism};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Shares of one core.
const SHARES: u32 = 2;

static CORES: LazyLock<u32> = LazyLock::new(|| {
    let cores = available_parallelism().map_or(2, std::num::NonZero::get);
    u32::try_from(cores.clamp(2, 16)).expect("16 fits")
});
static TURNS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new((*CORES * SHARES) as usize));

/// A place on this machine, given back when dropped.
#[derive(Debug)]
pub struct Turn {
    _permit: SemaphorePermit<'static>,
}

impl Turn {
    /// For a test without a browser: one core.
    pub async fn light() -> Self {
        Self::take(SHARES).await
    }

    /// For a test with a browser: two cores, which is all that a small machine has.
    pub async fn browser() -> Self {
        Self::take(2 * SHARES).await
    }

    async fn take(shares: u32) -> Self {
        let permit = TURNS.acquire_many(shares.min(*CORES * SHARES)).await;
        Self {
            _permit: permit.expect("the turns are never closed"),
        }
    }
}
