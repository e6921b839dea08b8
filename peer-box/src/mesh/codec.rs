//! Frames on a stream: a length (u32, big-endian), then what `wire::exchange` reads and writes.
//!
//! The length is compared with the bound before a byte is allocated. What came but is no message is handed on as
//! the reason why it is none: who sent it is to answer for it.

use std::io;

use bytes::{Bytes, BytesMut};
use futures::{AsyncRead, AsyncReadExt};
use wire::seal::Refusal;

pub(super) async fn read_frame<T: AsyncRead + Unpin>(
    io: &mut T,
    what: &'static str,
    limit: usize,
) -> io::Result<Result<Bytes, Refusal>> {
    let mut length = [0; 4];
    io.read_exact(&mut length).await?;
    let bytes = u32::from_be_bytes(length) as usize;
    if bytes > limit {
        return Ok(Err(Refusal::TooLarge { what, bytes, limit }));
    }
    let mut frame = BytesMut::zeroed(bytes);
    io.read_exact(&mut frame).await?;
    Ok(Ok(frame.freeze()))
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use futures::io::Cursor;

    use super::*;

    const LIMIT: usize = 1000;

    /// A frame as it travels.
    fn framed(bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap();
        [&length.to_be_bytes()[..], bytes].concat()
    }

    #[tokio::test]
    async fn what_is_written_is_read() {
        for bytes in [0, 1, LIMIT] {
            let frame = Bytes::from(vec![7; bytes]);
            let mut stream = Cursor::new(framed(&frame));
            let read = read_frame(&mut stream, "frame", LIMIT).await.unwrap();
            assert_eq!(read, Ok(frame));
        }
    }

    #[tokio::test]
    async fn a_frame_that_ends_early_is_an_error() {
        let whole = framed(&[7; 100]);
        for end in [0, 3, 4, 5, whole.len() - 1] {
            let mut cut = Cursor::new(&whole[..end]);
            let error = read_frame(&mut cut, "frame", LIMIT).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{end}");
        }
    }

    /// Gives four bytes of length, and fails the test when more is asked for: by then it was allocated.
    struct LengthOnly(Option<[u8; 4]>);

    impl AsyncRead for LengthOnly {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            let length = self.0.take().expect("nothing is read past an oversized length");
            buffer[..4].copy_from_slice(&length);
            Poll::Ready(Ok(4))
        }
    }

    #[tokio::test]
    async fn a_length_over_the_bound_is_refused_before_anything_is_allocated() {
        let over = u32::try_from(LIMIT + 1).unwrap();
        for length in [over, u32::MAX] {
            let mut stream = LengthOnly(Some(length.to_be_bytes()));
            let read = read_frame(&mut stream, "frame", LIMIT).await.unwrap();
            assert_eq!(read.unwrap_err().reason(), "too-large");
        }
    }
}
