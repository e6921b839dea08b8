//! Processors: how many may be used, and what a process and its children took of them (proc(5)).

use std::{fs, time::Duration};

use crate::process::children;
use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Keeps this thread, and all threads and programs that it starts, to `count` processors; answers how many it
/// has now, which is fewer where there are no more.
pub fn keep_to(count: usize) -> Result<usize> {
    let allowed = sched_getaffinity(None)?;
    let mut kept = CpuSet::new();
    for processor in (0..CpuSet::MAX_CPU)
        .filter(|one| allowed.is_set(*one))
        .take(count)
    {
        kept.set(processor);
    }
    sched_setaffinity(None, &kept)?;
    Ok(usize::try_from(kept.count())?)
}

/// Time in user and kernel mode that `pid` and all processes below it have taken so far.
pub fn time_of(pid: u32) -> Result<Duration> {
    let mut ticks = 0;
    let mut family = vec![pid];
    while let Some(member) = family.pop() {
        ticks += ticks_of(member)?;
        family.extend(children(member));
    }
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_micros(ticks * 1_000_000 / per_second))
}

/// `utime` and `stime`, fields 14 and 15, in clock ticks: over all threads.
fn ticks_of(pid: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name before them may hold spaces and parentheses.
    let (_, fields) = stat.rsplit_once(") ").context("no name in stat")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let field =
        |number: usize| -> Result<u64> { Ok(fields.get(number - 3).context("stat is too short")?.parse()?) };
    Ok(field(14)? + field(15)?)
}
