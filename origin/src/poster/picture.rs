//! One picture: a keyframe goes into an ffmpeg, a JPEG comes out.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wire::chunk::MAX_POSTER_BYTES;

use super::Still;
use crate::ffmpeg::{self, Complaints, Ffmpeg, NotStarted, Running};

/// The largest picture, with room for the box around it.
const MOST_BYTES: u64 = MAX_POSTER_BYTES as u64 - 64;

/// How long a picture may take.
const LIMIT: Duration = Duration::from_secs(5);

/// One picture of square pixels, at most 640 of them wide; `-q:v 5` is good enough to choose by.
const ARGUMENTS: [&str; 21] = [
    "-threads",
    "1",
    "-f",
    "mp4",
    "-i",
    "pipe:0",
    "-map",
    "0:v:0",
    "-frames:v",
    "1",
    "-vf",
    "scale=iw*sar:ih,setsar=1,scale='min(640,iw)':-2",
    "-pix_fmt",
    "yuvj420p",
    "-c:v",
    "mjpeg",
    "-q:v",
    "5",
    "-f",
    "image2pipe",
    "pipe:1",
];

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoPicture {
    #[error(transparent)]
    NotStarted(#[from] NotStarted),
    #[error("the origin is stopping")]
    Stopping,
    #[error("ffmpeg took longer than {} s", LIMIT.as_secs())]
    Late,
    #[error("ffmpeg made a picture of more than {MOST_BYTES} bytes")]
    TooLarge,
    #[error("ffmpeg made none: {}", .0.as_deref().unwrap_or("it did not say why"))]
    None(Option<String>),
    #[error("reading from ffmpeg: {0}")]
    Pipe(io::Error),
}

/// The picture of a keyframe.
pub(super) async fn of(ffmpeg: &Ffmpeg, still: &Still, stop: &CancellationToken) -> Result<Bytes, NoPicture> {
    let Running {
        child,
        mut input,
        output,
        complaints: mut pipe,
    } = ffmpeg.start(ARGUMENTS)?;
    let mut complaints = Complaints::default();
    let mut jpeg = Vec::new();
    let feed = async move {
        // It may have its picture, and end, before it has read everything.
        if input.write_all(&still.init).await.is_ok() {
            let _ = input.write_all(&still.fragment).await;
        }
    };
    let mut output = output.take(MOST_BYTES + 1);
    let listen = async {
        tokio::join!(feed, complaints.hear(&mut pipe));
        pending::<Infallible>().await
    };
    let taken = tokio::select! {
        () = stop.cancelled() => Err(NoPicture::Stopping),
        taken = timeout(LIMIT, output.read_to_end(&mut jpeg)) => match taken {
            Ok(taken) => taken.map_err(NoPicture::Pipe),
            Err(_) => Err(NoPicture::Late),
        },
        never = listen => match never {},
    };
    ffmpeg::end(child, pipe, &mut complaints).await;
    taken?;
    match jpeg.len() as u64 {
        0 => Err(NoPicture::None(complaints.last())),
        1..=MOST_BYTES => Ok(jpeg.into()),
        _ => Err(NoPicture::TooLarge),
    }
}
