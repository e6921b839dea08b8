//! Seeds: the few boxes that the origin pushes every chunk to, over ZeroMQ.
//!
//! ```text
//! tracker's choice → keeper ─ plan: which boxes, and which of them has gone silent
//!     store's news → keeper → outbox: a bounded queue for each box → post: one thread, one DEALER a box
//! ```
//!
//! The plan is pure. The keeper is a task and never waits for a box; whatever a box does, it costs a bounded
//! queue, and its place among the seeds.

mod keeper;
mod link;
mod outbox;
mod plan;
mod post;
#[cfg(test)]
mod samples;
mod standing;
mod turns;

pub(crate) use keeper::{Seeds, Wanted};
