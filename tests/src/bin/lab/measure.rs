//! The figures of one run: counters read at its beginning and its end, and the programs' own records of chunks.

use std::{collections::HashMap, fs, ops::Range, time::Duration};

use ::tests::measure::{cpu, spread::Spread};
use anyhow::{Context, Result};

use crate::{network::Network, record::Kept, run::Run};

/// Everything that is counted, at one moment.
pub(crate) struct Look {
    /// In microseconds since 1970.
    pub(crate) at: u64,
    origin_sent: u64,
    boxes_received: u64,
    boxes_took: Duration,
    machine: Machine,
}

/// What the machine's processors did, in ticks of all of them together (proc(5), `/proc/stat`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    idle: u64,
    all: u64,
}

impl Look {
    /// Looks at all programs of `run`.
    pub(crate) fn at(run: &mut Run, network: &Network) -> Result<Self> {
        let at = now();
        let machine = Machine::now()?;
        let mut boxes_took = Duration::ZERO;
        for member in &mut run.boxes {
            boxes_took += cpu::time_of(member.node.process().pid())?;
        }
        let (origin, boxes) = run.passed(network)?;
        Ok(Self {
            at,
            origin_sent: origin.sent,
            boxes_received: boxes.iter().map(|passed| passed.received).sum(),
            boxes_took,
            machine,
        })
    }
}

/// What came of the chunks that were sealed while it was measured.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    /// Chunks times boxes.
    pub(crate) expected: usize,
    /// Chunk bytes that the origin sealed.
    pub(crate) stream_bytes: u64,
    /// Chunk bytes that boxes kept.
    pub(crate) kept_bytes: u64,
    /// From the origin to a box, for each chunk that came.
    pub(crate) delays: Vec<Duration>,
}

impl Deliveries {
    /// Follows the chunks that the origin sealed within `span` to all boxes, however late they came.
    pub(crate) fn of(origin: &[Kept], boxes: &[Vec<Kept>], span: Range<u64>) -> Self {
        let sealed: HashMap<&str, &Kept> = origin
            .iter()
            .filter(|kept| span.contains(&kept.at))
            .map(|kept| (kept.chunk.as_str(), kept))
            .collect();
        let mut deliveries = Self {
            expected: sealed.len() * boxes.len(),
            stream_bytes: sealed.values().map(|kept| kept.bytes).sum(),
            ..Self::default()
        };
        for kept in boxes.iter().flatten() {
            if let Some(sealed) = sealed.get(kept.chunk.as_str()) {
                deliveries.kept_bytes += kept.bytes;
                let delay = Duration::from_micros(kept.at.saturating_sub(sealed.at));
                deliveries.delays.push(delay);
            }
        }
        deliveries
    }

    /// Chunks that a box never had.
    pub(crate) fn missing(&self) -> usize {
        self.expected.saturating_sub(self.delays.len())
    }
}

/// The figures of a run.
pub(crate) struct Figures {
    pub(crate) boxes: usize,
    pub(crate) missing: usize,
    pub(crate) expected: usize,
    pub(crate) delays: Spread,
    /// What the boxes' interfaces received, for each byte that each of them needed in full packets.
    pub(crate) moved_over_ideal: f64,
    /// The same for each byte of media alone: not even one packet a chunk could reach 1.
    pub(crate) moved_over_media: f64,
    /// Processor time of all boxes for each gigabyte of media that they kept.
    pub(crate) cpu_seconds_per_gigabyte: f64,
    /// What left the origin's interface, for each byte of media sealed.
    pub(crate) origin_over_stream: f64,
    pub(crate) origin_sent: u64,
    pub(crate) span: Duration,
    /// The machine's processors' time that nobody needed.
    pub(crate) idle_percent: f64,
}

/// What a byte takes that comes in a full packet of TCP: with the headers of Ethernet, IPv4 and TCP, which are 66 bytes of 1514.
const FULL_PACKET: f64 = 1514.0 / 1448.0;

impl Figures {
    /// What happened between two looks, given what the records tell.
    #[expect(clippy::cast_precision_loss, reason = "bytes of a minute are far below 2^52")]
    pub(crate) fn between(before: &Look, after: &Look, boxes: usize, deliveries: Deliveries) -> Self {
        let media = deliveries.stream_bytes as f64 * boxes as f64;
        let moved = after.boxes_received.saturating_sub(before.boxes_received);
        let took = after.boxes_took.saturating_sub(before.boxes_took);
        let origin_sent = after.origin_sent.saturating_sub(before.origin_sent);
        Self {
            boxes,
            missing: deliveries.missing(),
            expected: deliveries.expected,
            moved_over_ideal: moved as f64 / (media * FULL_PACKET),
            moved_over_media: moved as f64 / media,
            cpu_seconds_per_gigabyte: took.as_secs_f64() / (deliveries.kept_bytes as f64 / 1e9),
            origin_over_stream: origin_sent as f64 / deliveries.stream_bytes as f64,
            origin_sent,
            span: Duration::from_micros(after.at - before.at),
            idle_percent: after.machine.idle_since(before.machine),
            delays: Spread::of(deliveries.delays),
        }
    }

    /// How much of what should have come did.
    #[expect(clippy::cast_precision_loss, reason = "chunks of a minute are far below 2^52")]
    pub(crate) fn delivered_percent(&self) -> f64 {
        100.0 * (self.expected - self.missing) as f64 / self.expected.max(1) as f64
    }
}

impl Machine {
    pub(crate) fn now() -> Result<Self> {
        Self::parse(&fs::read_to_string("/proc/stat")?).context("/proc/stat")
    }

    fn parse(stat: &str) -> Option<Self> {
        let fields = stat.lines().next()?.strip_prefix("cpu ")?;
        // user nice system idle iowait irq softirq steal; guests are counted within these.
        let ticks: Vec<u64> = fields
            .split_whitespace()
            .take(8)
            .map_while(|one| one.parse().ok())
            .collect();
        Some(Self {
            idle: ticks.get(3)? + ticks.get(4)?,
            all: ticks.iter().sum(),
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "ticks of a minute are far below 2^52")]
    pub(crate) fn idle_since(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all).max(1);
        100.0 * self.idle.saturating_sub(before.idle) as f64 / all as f64
    }
}

/// Microseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(at: u64, chunk: &str) -> Kept {
        Kept {
            at,
            chunk: chunk.into(),
            bytes: 10,
        }
    }

    #[test]
    fn a_chunk_counts_by_when_it_was_sealed_however_late_it_came() {
        let origin = [kept(5, "before"), kept(10, "a"), kept(19, "b"), kept(20, "after")];
        let boxes = [
            vec![kept(12, "a"), kept(99, "b"), kept(6, "before")],
            vec![kept(13, "a")],
        ];
        let deliveries = Deliveries::of(&origin, &boxes, 10..20);
        assert_eq!((deliveries.expected, deliveries.missing()), (4, 1));
        assert_eq!((deliveries.stream_bytes, deliveries.kept_bytes), (20, 30));
        let micros: Vec<_> = deliveries.delays.iter().map(Duration::as_micros).collect();
        assert_eq!(micros, [2, 80, 3]);
    }

    #[test]
    fn idle_is_what_nobody_needed() {
        let before = Machine::parse("cpu  10 0 10 70 10 0 0 0 0 0\ncpu0 1").unwrap();
        let after = Machine::parse("cpu  60 0 60 120 60 0 0 0 0 0\ncpu0 1").unwrap();
        assert!((after.idle_since(before) - 50.0).abs() < 1e-9);
        assert_eq!(Machine::parse("intr 1"), None);
    }
}
