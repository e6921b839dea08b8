//! What viewers asked of whom, and what came of it: the figures that explain an interruption.

use std::{collections::BTreeMap, fmt, time::Instant};

use ::tests::measure::spread::Spread;

/// One attempt to fetch a segment.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    pub(crate) whom: String,
    /// Track and number.
    pub(crate) segment: String,
    pub(crate) what: What,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    Served,
    /// Another was faster.
    Beaten,
    Missing,
    Busy,
    /// No connection, or it broke, or no byte came.
    Failed,
    /// A seal did not open.
    Refused,
}

impl Asked {
    pub(crate) fn is_of_origin(&self) -> bool {
        !self.whom.starts_with("box-")
    }

    fn whom_and_what(&self) -> (&'static str, What) {
        let whom = if self.is_of_origin() { "origin" } else { "boxes" };
        (whom, self.what)
    }
}

/// How often what came of whom, and after how long.
pub(crate) struct Summary<'a>(pub(crate) &'a [Asked]);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut took: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for asked in self.0.iter().filter(|asked| asked.segment.starts_with('v')) {
            let took = took.entry(asked.whom_and_what()).or_default();
            took.push(asked.ended - asked.began);
        }
        for ((whom, what), took) in took {
            let head = format!("pictures of {whom}: {what:?}");
            writeln!(out, "    {head:32} {}", Spread::of(took))?;
        }
        Ok(())
    }
}

/// What was asked while a viewer waited, as a line each.
pub(crate) struct During<'a> {
    pub(crate) asked: &'a [Asked],
    pub(crate) from: Instant,
    pub(crate) until: Instant,
}

impl fmt::Display for During<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = |asked: &&Asked| asked.ended >= self.from && asked.began <= self.until;
        for asked in self.asked.iter().filter(within) {
            let since = asked.began.saturating_duration_since(self.from).as_secs_f64();
            let before = self.from.saturating_duration_since(asked.began).as_secs_f64();
            let took = (asked.ended - asked.began).as_secs_f64();
            writeln!(
                out,
                "      {:+6.2} s, for {took:5.2} s: {:8} {:?} by {}",
                since - before,
                asked.segment,
                asked.what,
                asked.whom
            )?;
        }
        Ok(())
    }
}
