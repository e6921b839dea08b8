//! The built-in publisher: the clip, over and over, in real time, until it is stopped.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Clip, Session, SessionError, Unit};

/// A running replay. It ends when dropped.
#[derive(Debug)]
pub struct Replay {
    stop: CancellationToken,
    task: JoinHandle<Result<(), SessionError>>,
}

impl Replay {
    /// Connects to an origin and begins to replay `clip` under `key`.
    ///
    /// # Errors
    /// When the origin would not have it.
    pub async fn start(address: SocketAddr, key: &str, clip: Clip) -> Result<Self, SessionError> {
        Self::observed(address, key, clip, |_, _, _| ()).await
    }

    /// As [`Replay::start`], telling `sent` of every unit: its time, when the
    /// last of its bytes was given to the socket, and the unit itself.
    ///
    /// # Errors
    /// As [`Replay::start`].
    pub async fn observed(
        address: SocketAddr,
        key: &str,
        clip: Clip,
        sent: impl FnMut(Duration, Instant, &Unit) + Send + 'static,
    ) -> Result<Self, SessionError> {
        let session = Session::open(address, key).await?;
        let stop = CancellationToken::new();
        let task = TaskTracker::new().spawn(replay(session, clip, stop.clone(), sent));
        Ok(Self { stop, task })
    }

    /// Ends the publish and says how it went.
    ///
    /// # Errors
    /// When the connection had broken.
    pub async fn stop(mut self) -> Result<(), SessionError> {
        self.stop.cancel();
        (&mut self.task).await.expect("the replay does not panic")
    }

    /// Waits until the origin hangs up, and says how.
    pub async fn ended(mut self) -> Result<(), SessionError> {
        (&mut self.task).await.expect("the replay does not panic")
    }

    /// Whether it is still publishing.
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn replay(
    mut session: Session,
    clip: Clip,
    stop: CancellationToken,
    mut sent: impl FnMut(Duration, Instant, &Unit) + Send,
) -> Result<(), SessionError> {
    session.introduce(&clip).await?;
    let start = tokio::time::Instant::now();
    for (time, unit) in clip.replay() {
        let pause = tokio::time::sleep_until(start + time);
        if stop.run_until_cancelled(pause).await.is_none() {
            break;
        }
        session.publish(time, unit).await?;
        sent(time, Instant::now(), unit);
    }
    session.close().await
}
