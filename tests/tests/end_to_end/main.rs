//! The promises of Boxmesh, kept by the real programs: one file for each.

mod away;
mod clocks;
mod crews;
mod demo;
mod faults;
mod forgery;
mod handover;
mod hostile;
mod hostile_publishers;
mod ladder;
mod low_latency;
mod operating;
mod refusals;
mod restart;
mod rotation;
mod same_bytes;
mod settings;
mod soft_state;
mod stopping;
mod storage;
mod support;
mod takedown;
mod timeline;
mod tls;
mod volunteer;
mod watching;
