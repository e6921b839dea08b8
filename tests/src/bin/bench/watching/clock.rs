//! A published picture that carries its own clock, to be read by a program from what a player shows.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    process::Command,
    time::{Duration, UNIX_EPOCH},
};

use ::tests::process::Process;
use anyhow::Result;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    time::interval,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

const WIDTH: usize = 640;
const HEIGHT: usize = 360;
const PICTURES_A_SECOND: usize = 25;

/// Each bit is a square of so many pixels, light for 1: the clock is a row of them, the highest first.
const SIDE: usize = 16;
const BITS: usize = WIDTH / SIDE;
const LIGHT: u8 = 235;
const DARK: u8 = 16;

const BITS_A_SECOND: &str = "800k";

/// ffmpeg that encodes such pictures, with a tone, and pushes them to several addresses. It ends when this is dropped.
pub(super) struct Clock {
    _encoder: Process,
    _stop: DropGuard,
}

impl Clock {
    /// Begins to publish.
    pub(super) async fn publish(urls: &[String], folder: &Path) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let encoder = Process::start("ffmpeg", encoder(listener.local_addr()?, urls), folder)?;
        let stop = CancellationToken::new();
        let showing = async move {
            let (stream, _) = listener.accept().await?;
            show(stream).await
        };
        TaskTracker::new().spawn(stop.clone().run_until_cancelled_owned(showing));
        Ok(Self {
            _encoder: encoder,
            _stop: stop.drop_guard(),
        })
    }
}

/// Gives the encoder a picture whenever it is time for one.
async fn show(mut encoder: TcpStream) -> io::Result<()> {
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(PICTURES_A_SECOND).unwrap_or(1));
    let mut picture = vec![0; WIDTH * HEIGHT];
    for number in 0.. {
        ticks.tick().await;
        let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
        draw(&mut picture, number, u64::try_from(now).unwrap_or(u64::MAX));
        encoder.write_all(&picture).await?;
    }
    Ok(())
}

/// The clock in the first row of squares, its opposite in the second, and below something that moves.
fn draw(picture: &mut [u8], number: usize, millis: u64) {
    for (y, line) in picture.chunks_exact_mut(WIDTH).enumerate() {
        for (x, pixel) in line.iter_mut().enumerate() {
            let bit = millis >> (BITS - 1 - x / SIDE) & 1 == 1;
            *pixel = match y / SIDE {
                0 if bit => LIGHT,
                1 if !bit => LIGHT,
                0 | 1 => DARK,
                _ => u8::try_from((x + y + 4 * number) % 192).unwrap_or(0) + 32,
            };
        }
    }
}

fn encoder(pictures: SocketAddr, urls: &[String]) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "warning", "-nostdin"]);
    command.args(["-f", "rawvideo", "-pixel_format", "gray"]);
    command.args(["-video_size", &format!("{WIDTH}x{HEIGHT}")]);
    command.args(["-framerate", &PICTURES_A_SECOND.to_string()]);
    command.args(["-i", &format!("tcp://{pictures}")]);
    command.args(["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]);
    command.args(["-map", "0:v", "-map", "1:a"]);
    command.args(["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"]);
    let keyframes = (2 * PICTURES_A_SECOND).to_string();
    command.args([
        "-pix_fmt",
        "yuv420p",
        "-b:v",
        BITS_A_SECOND,
        "-maxrate",
        BITS_A_SECOND,
        "-bufsize",
        BITS_A_SECOND,
    ]);
    command.args(["-g", &keyframes, "-keyint_min", &keyframes, "-sc_threshold", "0"]);
    command.args(["-c:a", "aac", "-b:a", "96k", "-ac", "2"]);
    let outputs: Vec<String> = urls.iter().map(|url| format!("[f=flv]{url}")).collect();
    command.args(["-flags", "+global_header", "-f", "tee", &outputs.join("|")]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_in_the_first_squares_and_its_opposite_below() {
        let mut picture = vec![0; WIDTH * HEIGHT];
        let millis = 0b1011;
        draw(&mut picture, 3, millis);
        let square = |column: usize, row: usize| picture[(row * SIDE + 8) * WIDTH + column * SIDE + 8];
        let read = |row| {
            (0..BITS).fold(0, |read, column| {
                read << 1 | u64::from(square(column, row) == LIGHT)
            })
        };
        assert_eq!(read(0), millis);
        assert_eq!(read(1), !millis & ((1 << BITS) - 1));
    }
}
