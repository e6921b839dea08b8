//! Doing wrong, for the lab: a box that hands on altered bytes, or promises and hands on nothing.
//!
//! Compiled for the lab's `stranger` alone. The program `peer-box` is built without this.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};

static POLLUTES: AtomicBool = AtomicBool::new(false);
static IS_SILENT: AtomicBool = AtomicBool::new(false);

/// From now on every chunk that neighbours are given has one bit altered.
pub fn pollute() {
    POLLUTES.store(true, Ordering::Relaxed);
}

/// From now on no neighbour is answered that wants a chunk, though it was promised.
pub fn fall_silent() {
    IS_SILENT.store(true, Ordering::Relaxed);
}

/// What becomes of a part on its way to a neighbour.
pub(crate) async fn spoil(part: Bytes) -> Bytes {
    if IS_SILENT.load(Ordering::Relaxed) {
        return std::future::pending().await;
    }
    if !POLLUTES.load(Ordering::Relaxed) {
        return part;
    }
    let mut altered = BytesMut::from(&part[..]);
    if let Some(byte) = altered.get_mut(part.len() / 2) {
        *byte ^= 0x10;
    }
    altered.freeze()
}
