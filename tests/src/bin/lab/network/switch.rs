//! A switch in this program: every frame waits in it before it goes on, as if the hosts were far apart. A shaper of the
//! kernel's own for that (`netem`) is not everywhere.
//!
//! Each host's cable ends in a macvtap device. What is read there begins with a header that says how much of the frame's
//! checksums and cutting into packets was put off; written to another device with it, the frame goes on as it was.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Write},
    sync::Arc,
    time::Duration,
};

use anyhow::Result;
use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// The header (`struct virtio_net_hdr`), and where the receiver's address begins.
const HEADER: usize = 10;

/// A frame that is not cut into packets yet, with its header.
const LONGEST: usize = HEADER + 14 + (64 << 10);

/// Frames on their way: more are lost.
const ON_THEIR_WAY: usize = 4096;

type Taps = Arc<BTreeMap<u16, AsyncFd<File>>>;

/// The switch. It ends when dropped.
#[derive(Debug)]
pub(crate) struct Switch {
    _end: DropGuard,
}

#[derive(Debug)]
struct Passing {
    due: Instant,
    from: u16,
    frame: Vec<u8>,
}

impl Switch {
    /// Joins the cables of these hosts, open and not blocking. Every frame takes so long.
    pub(super) fn join(files: BTreeMap<u16, File>, delay: Duration) -> Result<Self> {
        let taps = files.into_iter().map(|(host, file)| Ok((host, watched(file)?)));
        let taps: Taps = Arc::new(taps.collect::<Result<_>>()?);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (pass, passing) = mpsc::channel(ON_THEIR_WAY);
        for &host in taps.keys() {
            let taking = take(taps.clone(), host, delay, pass.clone());
            tasks.spawn(stop.clone().run_until_cancelled_owned(taking));
        }
        tasks.spawn(stop.clone().run_until_cancelled_owned(hand_on(taps, passing)));
        Ok(Self {
            _end: stop.drop_guard(),
        })
    }
}

#[expect(
    deprecated,
    reason = "a file's descriptor is its own for as long as it lives, which is what the other way wants promised"
)]
fn watched(file: File) -> Result<AsyncFd<File>> {
    Ok(AsyncFd::with_interest(file, Interest::READABLE)?)
}

/// Takes what a host sends.
async fn take(taps: Taps, from: u16, delay: Duration, pass: mpsc::Sender<Passing>) {
    let Some(tap) = taps.get(&from) else { return };
    let mut buffer = vec![0; LONGEST];
    while let Ok(mut ready) = tap.readable().await {
        match ready.try_io(|tap| tap.get_ref().read(&mut buffer)) {
            Ok(Ok(bytes)) => {
                let frame = buffer[..bytes].to_vec();
                let due = Instant::now() + delay;
                // Where there is no room it is lost, as in any switch.
                let _ = pass.try_send(Passing { due, from, frame });
            }
            // The host is gone.
            Ok(Err(_)) => return,
            Err(_would_block) => {}
        }
    }
}

/// Hands on what was taken, when it is time. All frames take equally long: they come in the order in which they go.
async fn hand_on(taps: Taps, mut passing: mpsc::Receiver<Passing>) {
    while let Some(Passing { due, from, frame }) = passing.recv().await {
        sleep_until(due).await;
        let to = receiver(&frame);
        let meant = |host: &u16| *host != from && to.is_none_or(|to| to == *host);
        for (_, tap) in taps.iter().filter(|(host, _)| meant(host)) {
            // What a cable does not take is lost.
            let _ = tap.get_ref().write(&frame);
        }
    }
}

/// Which host a frame is for, by the address that hosts have here; none: for all.
fn receiver(frame: &[u8]) -> Option<u16> {
    let address = frame.get(HEADER..HEADER + 6)?;
    let is_for_all = address[0] & 1 == 1;
    (!is_for_all).then(|| u16::from_be_bytes([address[4], address[5]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_for_one_host_or_for_all() {
        let frame = |address: [u8; 6]| [&[0; HEADER][..], &address].concat();
        assert_eq!(receiver(&frame([2, 0, 0x0a, 0x4d, 1, 2])), Some(0x0102));
        assert_eq!(receiver(&frame([0xff; 6])), None);
        assert_eq!(receiver(&[0; HEADER]), None);
    }
}
