//! Viewers who ask at a steady rate, whether they are answered or not: what each waits counts from when it meant to ask.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use tokio_util::task::TaskTracker;

use super::line::Line;
use crate::spread::Spread;

/// So many connections ask in turns. One that is not answered in time is late for its next question as well.
const CONNECTIONS: u32 = 100;

/// How long answers to so many questions a second take, those of these paths in turns.
pub(super) async fn ask(tracker: SocketAddr, paths: &[String], rate: u32, span: Duration) -> Result<Spread> {
    let paths: Arc<[String]> = paths.into();
    let tasks = TaskTracker::new();
    let begin = Instant::now() + Duration::from_millis(200);
    let asking: Vec<_> = (0..CONNECTIONS)
        .map(|one| {
            let (paths, first) = (Arc::clone(&paths), begin + Duration::from_secs(1) * one / rate);
            tasks.spawn(one_line(
                tracker,
                paths,
                one,
                first,
                Duration::from_secs(1) * CONNECTIONS / rate,
                begin + span,
            ))
        })
        .collect();
    let mut times = Vec::new();
    for one in asking {
        times.extend(one.await??);
    }
    Ok(Spread::of(times))
}

async fn one_line(
    tracker: SocketAddr,
    paths: Arc<[String]>,
    one: u32,
    mut next: Instant,
    period: Duration,
    end: Instant,
) -> Result<Vec<Duration>> {
    let mut line = Line::connect(IpAddr::V4(Ipv4Addr::LOCALHOST), tracker).await?;
    let mut times = Vec::new();
    let mut paths = paths.iter().cycle().skip(usize::try_from(one)?);
    while next < end {
        tokio::time::sleep_until(next.into()).await;
        if let Some(path) = paths.next() {
            line.get(path).await?;
        }
        times.push(next.elapsed());
        next += period;
    }
    Ok(times)
}
