//! Processors: how many may be used, and what a process and its children took of them (proc(5)).

use std::{fs, time::Duration};

use crate::process::children;
use anyhow::{Context, Result};
use rustix::process::Pid;
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

/// While this is there, what this thread starts is kept to one processor, and all else in this process to the others.
#[derive(Debug)]
pub struct Apart {
    all: CpuSet,
    one: CpuSet,
    others: CpuSet,
}

impl Apart {
    /// Leaves the first processor to what is to be measured; where there is one only, all share it.
    pub fn new() -> Result<Self> {
        let all = sched_getaffinity(None)?;
        let one = only(&all, 0)?;
        let others = only(&all, 1).unwrap_or(one);
        set_all(std::process::id(), &others)?;
        Ok(Self { all, one, others })
    }

    /// What is started from here on is measured: it has a processor for itself.
    pub fn begin(&self) -> Result<()> {
        Ok(sched_setaffinity(None, &self.one)?)
    }

    /// What is started from here on has the other.
    pub fn end(&self) -> Result<()> {
        Ok(sched_setaffinity(None, &self.others)?)
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // What is measured next would only be slower.
        let _ = set_all(std::process::id(), &self.all);
    }
}

/// The processor that is `nth` among those.
fn only(among: &CpuSet, nth: usize) -> Result<CpuSet> {
    let mut one = CpuSet::new();
    let found = (0..CpuSet::MAX_CPU).filter(|cpu| among.is_set(*cpu)).nth(nth);
    one.set(found.context("there is no such processor")?);
    Ok(one)
}

fn set_all(pid: u32, processors: &CpuSet) -> Result<()> {
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let id: i32 = thread?.file_name().to_string_lossy().parse()?;
        // One that has ended meanwhile needs no processor.
        let _ = sched_setaffinity(Pid::from_raw(id), processors);
    }
    Ok(())
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
