//! Frames on a substream: a length (u32, big-endian), then what `wire::exchange` reads and writes.
//!
//! The length is compared with the bound before a byte is allocated. What came but is no message is handed on as
//! the reason why it is none: libp2p would drop it in silence, and whoever sent it would stay.

use std::io;

use bytes::{Bytes, BytesMut};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::StreamProtocol;
use libp2p::request_response::Codec;
use wire::exchange::{MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES, Request, Response};
use wire::seal::Refusal;

/// Reads and writes the messages of the exchange.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ExchangeCodec;

impl Codec for ExchangeCodec {
    type Protocol = StreamProtocol;
    type Request = Result<Request, Refusal>;
    type Response = Result<Response, Refusal>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Self::Request>
    where
        T: AsyncRead + Unpin + Send,
    {
        let frame = read_frame(io, "request", MAX_REQUEST_BYTES).await?;
        Ok(frame.and_then(|frame| Request::decode(&frame)))
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Self::Response>
    where
        T: AsyncRead + Unpin + Send,
    {
        let frame = read_frame(io, "response", MAX_RESPONSE_BYTES).await?;
        Ok(frame.and_then(|frame| Response::decode(&frame)))
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        request: Self::Request,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_frame(io, &request.map_err(io::Error::other)?.encode()).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        response: Self::Response,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let response = response.map_err(io::Error::other)?;
        #[cfg(feature = "faults")]
        let response = crate::faults::spoil(response).await;
        write_frame(io, &response.encode()).await
    }
}

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

async fn write_frame<T: AsyncWrite + Unpin>(io: &mut T, frame: &Bytes) -> io::Result<()> {
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
    io.write_all(&length.to_be_bytes()).await?;
    io.write_all(frame).await?;
    io.flush().await
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use futures::io::Cursor;
    use wire::chunk::Seal;
    use wire::id::{ChunkId, Epoch, TrackId};

    use super::*;

    const PROTOCOL: StreamProtocol = StreamProtocol::new(wire::exchange::PROTOCOL);

    fn id() -> ChunkId {
        ChunkId {
            channel: "demo".parse().unwrap(),
            epoch: Epoch(7),
            track: TrackId::AUDIO,
            segment: 3,
            index: 1,
        }
    }

    fn requests() -> Vec<Request> {
        let seals = (0..100)
            .map(|number| Seal::new(vec![number; 300].into()))
            .collect();
        vec![Request::Have(seals), Request::Want(id()), Request::Done(id())]
    }

    #[tokio::test]
    async fn what_is_written_is_read() {
        for request in requests() {
            let mut stream = Cursor::new(Vec::new());
            ExchangeCodec
                .write_request(&PROTOCOL, &mut stream, Ok(request.clone()))
                .await
                .unwrap();
            stream.set_position(0);
            assert_eq!(
                ExchangeCodec.read_request(&PROTOCOL, &mut stream).await.unwrap(),
                Ok(request)
            );
        }
        let chunk = Bytes::from(vec![5; 70_000]);
        for response in [
            Response::Ok,
            Response::Here(chunk),
            Response::Busy,
            Response::Gone,
        ] {
            let mut stream = Cursor::new(Vec::new());
            ExchangeCodec
                .write_response(&PROTOCOL, &mut stream, Ok(response.clone()))
                .await
                .unwrap();
            stream.set_position(0);
            assert_eq!(
                ExchangeCodec.read_response(&PROTOCOL, &mut stream).await.unwrap(),
                Ok(response)
            );
        }
    }

    #[tokio::test]
    async fn a_frame_that_ends_early_is_an_error() {
        for request in requests() {
            let mut stream = Cursor::new(Vec::new());
            ExchangeCodec
                .write_request(&PROTOCOL, &mut stream, Ok(request))
                .await
                .unwrap();
            let whole = stream.into_inner();
            for end in [0, 3, 4, 5, whole.len() - 1] {
                let mut cut = Cursor::new(&whole[..end]);
                let error = ExchangeCodec.read_request(&PROTOCOL, &mut cut).await.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{end}");
            }
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
        let over = |limit: usize| u32::try_from(limit + 1).unwrap().to_be_bytes();
        for length in [over(MAX_REQUEST_BYTES), u32::MAX.to_be_bytes()] {
            let mut stream = LengthOnly(Some(length));
            let read = ExchangeCodec.read_request(&PROTOCOL, &mut stream).await.unwrap();
            assert_eq!(read.unwrap_err().reason(), "too-large");
        }
        let mut stream = LengthOnly(Some(over(MAX_RESPONSE_BYTES)));
        let read = ExchangeCodec.read_response(&PROTOCOL, &mut stream).await.unwrap();
        assert_eq!(read.unwrap_err().reason(), "too-large");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            futures::executor::block_on(async {
                drop(ExchangeCodec.read_request(&PROTOCOL, &mut Cursor::new(&bytes)).await);
                drop(ExchangeCodec.read_response(&PROTOCOL, &mut Cursor::new(&bytes)).await);
            });
        }
    }
}
