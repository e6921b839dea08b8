//! A box with a fault that can be put on and off: a relay in front of a real one, which hands on what comes as it comes.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use axum::{body::Body, http::Response};
use bytes::{Bytes, BytesMut};

use crate::{
    mesh::Mesh,
    relay::{Bound, Hand, Relay},
};

/// Less of an answer is hardly in the middle of a chunk's media.
const WORTHWHILE_BYTES: usize = 1_500;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every request for media is answered so.
    Answers(u16),
    /// Of whatever media it hands on one bit is altered, in the middle of what comes at once.
    Alters,
}

/// A box whose faults are ours. The relay ends when this is dropped.
#[derive(Debug)]
pub struct Ailing {
    ails: Arc<Ails>,
    _relay: Relay,
}

#[derive(Debug, Default)]
struct Ails {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    fault: Option<Fault>,
    shown: u64,
}

impl Ailing {
    /// Adds such a box to `mesh`; nothing is wrong with it yet.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn join(mesh: &mut Mesh) -> Result<Self> {
        let bound = Bound::new().await?;
        let number = mesh.add_box(&["--public-url", &bound.url()?]).await?;
        Self::before(bound, mesh.boxes[number].address("http"))
    }

    fn before(bound: Bound, target: SocketAddr) -> Result<Self> {
        let ails = Arc::new(Ails::default());
        let relay = bound.relay(target, ails.clone())?;
        Ok(Self { ails, _relay: relay })
    }

    /// From now on this is wrong with it, or nothing.
    pub fn set(&self, fault: Option<Fault>) {
        *self.ails.state() = State { fault, shown: 0 };
    }

    /// How often the fault of now was shown.
    pub fn shown(&self) -> u64 {
        self.ails.state().shown
    }
}

impl Ails {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hand for Ails {
    fn instead(&self, path: &str) -> Option<Response<Body>> {
        let mut state = self.state();
        let Some(Fault::Answers(status)) = state.fault.filter(|_| is_media(path)) else {
            return None;
        };
        state.shown += 1;
        Response::builder()
            .status(status)
            .header("access-control-allow-origin", "*")
            .body(Body::empty())
            .ok()
    }

    fn flows(&self) -> bool {
        true
    }

    fn piece(&self, path: &str, piece: Bytes) -> Bytes {
        let mut state = self.state();
        if state.fault != Some(Fault::Alters) || !is_media(path) || piece.len() < WORTHWHILE_BYTES {
            return piece;
        }
        state.shown += 1;
        let mut altered = BytesMut::from(&piece[..]);
        let middle = altered.len() / 2;
        altered[middle] ^= 0x10;
        altered.freeze()
    }
}

fn is_media(path: &str) -> bool {
    matches!(path.rsplit_once('.'), Some((_, "m4v" | "m4a")))
}
