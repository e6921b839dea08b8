//! A thousand viewers at once, alone and beside connections that never finish a header.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tests::mesh::Mesh;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    time::{MissedTickBehavior, interval_at},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{SMALL, viewer::Viewer};
use crate::{goal::AtMost, spread::Spread};

const VIEWERS: u32 = 1000;
const STALLERS: u32 = 2000;

/// A segment is made so often.
const SEGMENT: Duration = Duration::from_secs(2);

const GOAL_MILLIS: f64 = 1000.0;
/// 256 MiB.
const GOAL_MEGABYTES: f64 = 268.0;

pub(super) async fn measure(mesh: &mut Mesh, number: usize, span: Duration) -> Result<()> {
    open_many_files()?;
    let address = mesh.boxes[number].address("http");
    let segment = Segment::follow(mesh, number).await?;
    println!(
        "  {VIEWERS} viewers who each take a segment every 2 s, for {} s",
        span.as_secs()
    );
    watch(mesh, number, &segment, span).await?;

    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let _end = stop.clone().drop_guard();
    for _ in 0..STALLERS {
        tasks.spawn(stop.clone().run_until_cancelled_owned(never_finish(address)));
    }
    println!("  the same beside {STALLERS} connections that never finish a header");
    watch(mesh, number, &segment, span).await
}

async fn watch(mesh: &Mesh, number: usize, segment: &Segment, span: Duration) -> Result<()> {
    let address = mesh.boxes[number].address("http");
    let tasks = TaskTracker::new();
    let begin = Instant::now();
    let viewers: Vec<_> = (0..VIEWERS)
        .map(|one| {
            let start = begin + SEGMENT * one / VIEWERS;
            tasks.spawn(view(address, segment.path.clone(), start, begin + span))
        })
        .collect();
    let (mut times, mut errors, mut first) = (Vec::new(), 0_u32, None);
    for viewer in viewers {
        let seen = viewer.await?;
        times.extend(seen.times);
        if let Some(error) = seen.error {
            errors += 1;
            first.get_or_insert(error);
        }
    }
    let spread = Spread::of(times);
    let p99 = AtMost {
        figure: spread.millis(99),
        goal: GOAL_MILLIS,
        unit: "ms",
    };
    let memory = AtMost {
        figure: super::megabytes(mesh.boxes[number].resident_bytes()?),
        goal: GOAL_MEGABYTES,
        unit: "MB",
    };
    let errors = AtMost {
        figure: errors.into(),
        goal: 0.0,
        unit: "",
    };
    println!("    a segment: {spread}");
    println!("    p99                          {p99}");
    println!("    resident                     {memory}");
    println!("    viewers who met an error     {errors}");
    if let Some(error) = first {
        println!("    the first: {error:#}");
    }
    Ok(())
}

/// What a viewer saw: how long each segment took, and what ended it before its time.
struct Seen {
    times: Vec<Duration>,
    error: Option<anyhow::Error>,
}

async fn view(address: SocketAddr, newest: watch::Receiver<Arc<str>>, start: Instant, end: Instant) -> Seen {
    let mut times = Vec::new();
    let error = async {
        tokio::time::sleep_until(start.into()).await;
        let mut viewer = Viewer::connect(address).await?;
        let mut ticks = interval_at(start.into(), SEGMENT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while Instant::now() < end {
            ticks.tick().await;
            let path = Arc::clone(&newest.borrow());
            let asked = Instant::now();
            viewer.fetch(&path).await?;
            times.push(asked.elapsed());
        }
        anyhow::Ok(())
    };
    let error = error.await.err();
    Seen { times, error }
}

/// Takes up a connection for as long as it is left, and then the next.
async fn never_finish(address: SocketAddr) {
    loop {
        let taken = async {
            let mut stream = TcpStream::connect(address).await?;
            stream
                .write_all(b"GET /live/ HTTP/1.1\r\nHost: box\r\nX-")
                .await?;
            stream.read(&mut [0; 64]).await
        };
        // However that ended, the next is tried.
        if taken.await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The path of the newest whole segment, told to all viewers.
struct Segment {
    path: watch::Receiver<Arc<str>>,
    _end: DropGuard,
}

impl Segment {
    async fn follow(mesh: &Mesh, number: usize) -> Result<Self> {
        let first = super::newest(mesh, number, SMALL.0).await?;
        let (epoch, newest) = split(&first)?;
        let (tell, path) = watch::channel(Arc::from(first));
        let stop = CancellationToken::new();
        let (client, base) = (mesh.http.clone(), mesh.boxes[number].url(""));
        let follow = async move {
            for next in newest + 1.. {
                let path = format!("{epoch}/{next}.m4v");
                // Early requests are held and segments in the making streamed: the answer ends when it is whole.
                loop {
                    let answer = client.get(format!("{base}{path}")).send().await;
                    if let Ok(answer) = answer
                        && answer.status().is_success()
                        && answer.bytes().await.is_ok()
                    {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                tell.send_replace(Arc::from(path));
            }
        };
        TaskTracker::new().spawn(stop.clone().run_until_cancelled_owned(follow));
        Ok(Self {
            path,
            _end: stop.drop_guard(),
        })
    }
}

/// A segment's path as the path of its track, and its number.
fn split(path: &str) -> Result<(String, u32)> {
    let split = path.strip_suffix(".m4v").and_then(|path| path.rsplit_once('/'));
    let (track, number) = split.ok_or_else(|| anyhow::anyhow!("{path} is no segment"))?;
    Ok((track.to_owned(), number.parse()?))
}

/// As many as the system allows: each viewer is a file.
pub(crate) fn open_many_files() -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?)
}
