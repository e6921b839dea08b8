//! What the benchmarks and the lab share: a stream of a steady rate, and figures with their goals.

pub mod cpu;
pub mod goal;
pub mod metrics;
pub mod spread;
pub mod stream;
