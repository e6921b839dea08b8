//! A connection whose other end has to read: what is sent to nobody is held in memory all the while.
//!
//! Patience is a credit of time. Waiting for the other end spends it, and what the other end takes earns it back, so that
//! one byte now and then buys no more than its own share.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How slowly the other end of a connection may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long it may take nothing at all.
    pub longest: Duration,
    /// Bytes that it has to take in a second of waiting, in the long run.
    pub bytes_per_second: u32,
}

impl Patience {
    /// What is left of a credit after a wait that ended in so many bytes.
    fn left(self, credit: Duration, waited: Duration, taken: usize) -> Duration {
        let taken = u32::try_from(taken).unwrap_or(u32::MAX);
        let earned = Duration::from_secs(taken.into()) / self.bytes_per_second.max(1);
        credit
            .saturating_sub(waited)
            .saturating_add(earned)
            .min(self.longest)
    }
}

/// A stream that breaks when what is written to it goes nowhere for too long, or too slowly.
pub(super) struct MustRead<S> {
    stream: S,
    patience: Patience,
    credit: Duration,
    /// Since when a write waits.
    waiting: Option<Instant>,
    /// Runs out with the credit while a write waits.
    end: Pin<Box<Sleep>>,
}

impl<S> MustRead<S> {
    pub(super) fn within(patience: Patience, stream: S) -> Self {
        Self {
            stream,
            patience,
            credit: patience.longest,
            waiting: None,
            end: Box::pin(sleep(patience.longest)),
        }
    }

    /// Passes on what a write came to, `taken` bytes of it, unless that has taken too long.
    fn judge<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
        taken: impl FnOnce(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        match &written {
            Poll::Ready(done) => {
                let waited = self
                    .waiting
                    .take()
                    .map_or(Duration::ZERO, |since| since.elapsed());
                let taken = done.as_ref().map_or(0, taken);
                self.credit = self.patience.left(self.credit, waited, taken);
                written
            }
            Poll::Pending => {
                if self.waiting.is_none() {
                    let now = Instant::now();
                    self.waiting = Some(now);
                    self.end.as_mut().reset(now + self.credit);
                }
                ready!(self.end.as_mut().poll(context));
                Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the other end does not read, or too slowly",
                )))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for MustRead<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MustRead<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written, |taken| *taken)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.judge(context, written, |taken| *taken)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(context, flushed, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PATIENCE: Patience = Patience {
        longest: Duration::from_secs(20),
        bytes_per_second: 2000,
    };

    #[test]
    fn a_byte_now_and_then_buys_no_patience() {
        let mut credit = PATIENCE.longest;
        credit = PATIENCE.left(credit, 19 * SECOND, 1);
        assert!(credit < 2 * SECOND, "{credit:?}");
        let mut credit = PATIENCE.longest;
        for _ in 0..100 {
            credit = PATIENCE.left(credit, 10 * SECOND, 20_000);
            assert_eq!(credit, PATIENCE.longest, "slow, and fast enough");
        }
        for _ in 0..100 {
            credit = PATIENCE.left(credit, SECOND, 1999);
        }
        assert!(credit < PATIENCE.longest, "a little too slow");
    }

    #[tokio::test]
    async fn who_drips_is_left_and_who_reads_slowly_is_not() {
        let patience = Patience {
            longest: Duration::from_millis(300),
            bytes_per_second: 10_000,
        };
        let now_and_then = Duration::from_millis(20);
        let (near, mut far) = duplex(512);
        let media = vec![1; 30_000];
        let mut near = MustRead::within(patience, near);
        let (written, ()) = tokio::join!(near.write_all(&media), async {
            for _ in 0..30 {
                tokio::time::sleep(now_and_then).await;
                far.read_exact(&mut [0; 1000]).await.unwrap();
            }
        });
        assert!(written.is_ok());

        let drips = async {
            for _ in 0..500 {
                tokio::time::sleep(now_and_then).await;
                far.read_exact(&mut [0; 1]).await.unwrap();
            }
        };
        let error = tokio::select! {
            written = near.write_all(&media) => written.unwrap_err(),
            () = drips => panic!("a viewer that drips keeps its connection"),
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
