//! What every program promises, over real sockets, one file a promise.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod serving;
mod tls;
mod tracker;
