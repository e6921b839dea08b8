//! A connection that is read when there is something to open.
//!
//! Noise seals what is sent in frames of up to 64 KiB, and none of a frame can be opened before all of it is here. A home's
//! uplink delivers it packet by packet, so the system is told how much is missing (`SO_RCVLOWAT`) and says nothing before.
//! The end of a connection is heard at once all the same.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};
use libp2p::tcp::tokio::TcpStream;
use nix::sys::socket::setsockopt;
use nix::{getsockopt_impl, libc, setsockopt_impl, sockopt_impl};

sockopt_impl!(
    /// How many bytes have to be there before a socket is ready.
    ReadyAt,
    Both,
    libc::SOL_SOCKET,
    libc::SO_RCVLOWAT,
    usize
);

/// What both sides say before the first frame, by `multistream-select`.
const GREETING: &[u8] = b"\x13/multistream/1.0.0\n\x07/noise\n";

/// What is missing less is not worth two calls: it comes with the next packet or two.
const LITTLE: usize = 2 << 10;
/// What is missing more is taken in parts: the system's own buffer has to have room for them, and for what comes next.
const MUCH: usize = 16 << 10;

/// Where in the frames that come in the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// So many bytes of the greeting are here.
    Greeting(usize),
    /// Before a frame, or after the first byte of its length.
    Length(Option<u8>),
    /// So much of a frame is missing.
    Frame(usize),
    /// What comes is something else.
    Unknown,
}

impl Place {
    const START: Self = Self::Greeting(0);

    /// The place after these bytes.
    fn after(self, mut bytes: &[u8]) -> Self {
        let mut place = self;
        while let Some((&first, rest)) = bytes.split_first() {
            (place, bytes) = match place {
                Self::Greeting(seen) if GREETING.get(seen) == Some(&first) => (Self::greeted(seen + 1), rest),
                Self::Greeting(_) | Self::Unknown => return Self::Unknown,
                Self::Length(None) => (Self::Length(Some(first)), rest),
                Self::Length(Some(high)) => (Self::misses(u16::from_be_bytes([high, first]).into()), rest),
                Self::Frame(missing) => {
                    let read = missing.min(bytes.len());
                    (Self::misses(missing - read), &bytes[read..])
                }
            };
        }
        place
    }

    fn greeted(seen: usize) -> Self {
        if seen == GREETING.len() {
            Self::Length(None)
        } else {
            Self::Greeting(seen)
        }
    }

    fn misses(missing: usize) -> Self {
        if missing == 0 {
            Self::Length(None)
        } else {
            Self::Frame(missing)
        }
    }

    /// How many more bytes are worth being told of.
    fn ready_at(self) -> usize {
        match self {
            Self::Frame(missing) if missing >= LITTLE => missing.min(MUCH),
            _ => 1,
        }
    }
}

/// A connection whose whole frames count.
#[derive(Debug)]
pub(super) struct Frames {
    socket: TcpStream,
    place: Place,
    ready_at: usize,
}

impl Frames {
    /// From the first byte on.
    pub(super) fn new(socket: TcpStream) -> Self {
        Self {
            socket,
            place: Place::START,
            ready_at: 1,
        }
    }

    /// All that is here was taken: says when there will be more to do.
    fn waits(&mut self) {
        let ready_at = self.place.ready_at();
        if ready_at != self.ready_at && setsockopt(&self.socket.0, ReadyAt, &ready_at).is_ok() {
            self.ready_at = ready_at;
        }
    }
}

impl AsyncRead for Frames {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = Pin::new(&mut self.socket).poll_read(cx, buf);
        match read {
            Poll::Ready(Ok(bytes)) => {
                self.place = self.place.after(&buf[..bytes]);
                if bytes < buf.len() {
                    self.waits();
                }
            }
            Poll::Pending => self.waits(),
            Poll::Ready(Err(_)) => {}
        }
        read
    }
}

impl AsyncWrite for Frames {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::AsyncReadExt;
    use nix::sys::socket::getsockopt;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    const LONG: usize = 10_000;
    const SOON: Duration = Duration::from_secs(10);

    fn frame(bytes: usize) -> Vec<u8> {
        let length = u16::try_from(bytes).unwrap();
        [&length.to_be_bytes()[..], &vec![7; bytes]].concat()
    }

    #[test]
    fn the_place_does_not_depend_on_how_the_bytes_came() {
        let all = [GREETING.to_vec(), frame(LONG), frame(0), frame(300)].concat();
        for cut in 0..=all.len() {
            let place = Place::START.after(&all[..cut]).after(&all[cut..]);
            assert_eq!(place, Place::Length(None));
        }
        let begun = &all[..GREETING.len() + 2 + 1000];
        assert_eq!(Place::START.after(begun), Place::Frame(LONG - 1000));
        assert_eq!(Place::START.after(begun).ready_at(), LONG - 1000);
    }

    #[test]
    fn what_is_not_known_is_read_as_it_comes() {
        let other = [b"\x13/multistream/1.0.0\n\x03na\n", &[0xff; 100][..]].concat();
        assert_eq!(Place::START.after(&other), Place::Unknown);
        assert_eq!(Place::Unknown.ready_at(), 1);
        assert_eq!(Place::Frame(LITTLE - 1).ready_at(), 1);
        assert_eq!(Place::Frame(60_000).ready_at(), MUCH);
    }

    async fn pair() -> (Frames, tokio::net::TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = tokio::net::TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (here, _) = listener.accept().await.unwrap();
        (Frames::new(TcpStream(here)), there)
    }

    /// Reads all that comes, up to `whole`; answers how many times something came.
    async fn read(here: &mut Frames, whole: usize) -> usize {
        let (mut read, mut times, mut buf) = (0, 0, [0; 8 << 10]);
        while read < whole {
            read += timeout(SOON, here.read(&mut buf)).await.unwrap().unwrap();
            times += 1;
        }
        times
    }

    #[tokio::test]
    async fn a_frame_that_is_half_here_wakes_nobody() {
        let (mut here, mut there) = pair().await;
        there.write_all(GREETING).await.unwrap();
        read(&mut here, GREETING.len()).await;
        let sent = frame(LONG);
        there.write_all(&sent[..2]).await.unwrap();
        read(&mut here, 2).await;
        assert_eq!(getsockopt(&here.socket.0, ReadyAt), Ok(LONG));
        let (reads, writes) = tokio::join!(read(&mut here, LONG), async {
            for part in sent[2..].chunks(500) {
                there.write_all(part).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let () = writes;
        assert_eq!(reads, 2, "it is read at once, as far as one read goes");
    }

    #[tokio::test]
    async fn the_end_is_heard_in_the_middle_of_a_frame() {
        let (mut here, mut there) = pair().await;
        there.write_all(GREETING).await.unwrap();
        there.write_all(&frame(LONG)[..3000]).await.unwrap();
        read(&mut here, GREETING.len() + 3000).await;
        drop(there);
        let mut buf = [0; 10];
        assert_eq!(timeout(SOON, here.read(&mut buf)).await.unwrap().unwrap(), 0);
    }
}
