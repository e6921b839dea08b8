//! Doing wrong, for the lab: a box that hands on altered bytes, or promises and hands on nothing.
//!
//! Compiled for the lab's `stranger` alone. The program `peer-box` is built without this.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;
use wire::exchange::Response;

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

/// What becomes of an answer to a neighbour.
pub(crate) async fn spoil(response: Response) -> Response {
    match response {
        Response::Here(bytes) if POLLUTES.load(Ordering::Relaxed) => {
            let mut altered = BytesMut::from(&bytes[..]);
            if let Some(byte) = altered.get_mut(bytes.len() / 2) {
                *byte ^= 0x10;
            }
            Response::Here(altered.freeze())
        }
        Response::Here(_) if IS_SILENT.load(Ordering::Relaxed) => std::future::pending().await,
        other => other,
    }
}
