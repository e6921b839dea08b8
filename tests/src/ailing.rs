//! A box with a fault that can be put on and off: a relay in front of a real one, which hands on what comes as it comes.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Result;
use axum::{body::Body, http::Response};
use bytes::{Bytes, BytesMut};

use crate::{
    mesh::Mesh,
    relay::{Bound, Hand, Look, Relay},
};

/// Less of an answer is hardly in the middle of a chunk's media.
const WORTHWHILE_BYTES: usize = 1_500;

/// How long who drips keeps back each few bytes.
const DRIP: Duration = Duration::from_millis(200);

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every request for media is answered so.
    Answers(u16),
    /// Media comes a few bytes at a time, at less than a tenth of what any stream takes.
    Drips,
    /// Of whatever media it hands on one bit is altered, in the middle of what comes at once.
    Alters,
    /// What it hands on was sealed by the origin, in another place: a segment earlier.
    Replays,
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

    fn altered(&self, piece: Bytes) -> Bytes {
        let mut state = self.state();
        if state.fault != Some(Fault::Alters) || piece.len() < WORTHWHILE_BYTES {
            return piece;
        }
        state.shown += 1;
        let mut altered = BytesMut::from(&piece[..]);
        let middle = altered.len() / 2;
        altered[middle] ^= 0x10;
        altered.freeze()
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

    fn otherwise(&self, path: &str) -> Option<String> {
        let mut state = self.state();
        let earlier = earlier(path).filter(|_| state.fault == Some(Fault::Replays))?;
        state.shown += 1;
        Some(earlier)
    }

    fn flows(self: &Arc<Self>, _agent: &str, path: &str) -> Option<Look> {
        let (ails, media) = (self.clone(), is_media(path));
        Some(Box::new(
            move |piece| {
                if media { ails.altered(piece) } else { piece }
            },
        ))
    }

    fn keeps_back(&self, path: &str) -> Option<Duration> {
        let mut state = self.state();
        let drips = state.fault == Some(Fault::Drips) && is_media(path);
        drips.then(|| {
            state.shown += 1;
            DRIP
        })
    }
}

/// The path of the segment before, where `path` is that of a segment after the first.
fn earlier(path: &str) -> Option<String> {
    let (folder, file) = path.rsplit_once('/').filter(|_| is_media(path))?;
    let (number, ending) = file.split_once('.')?;
    let before = number.parse::<u32>().ok()?.checked_sub(1).filter(|it| *it > 0)?;
    Some(format!("{folder}/{before}.{ending}"))
}

fn is_media(path: &str) -> bool {
    matches!(path.rsplit_once('.'), Some((_, "m4v" | "m4a")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replayed_is_the_segment_before_of_the_same_track() {
        let before = |path| earlier(path);
        assert_eq!(
            before("/live/demo/9/v0/7.m4v").as_deref(),
            Some("/live/demo/9/v0/6.m4v")
        );
        assert_eq!(
            before("/live/demo/9/a0/7.2.m4a").as_deref(),
            Some("/live/demo/9/a0/6.2.m4a")
        );
        for other in [
            "/live/demo/9/v0/init.m4v",
            "/live/demo/9/v0/1.m4v",
            "/boxmesh/proof/1",
            "/status",
        ] {
            assert_eq!(before(other), None, "{other}");
        }
    }
}
