//! How long an encoder is waited for, and how it waits for us, over a pipe instead of a socket.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::encoder::{Encoder, KEY, KEYFRAME, VIDEO_CONFIG};
use super::log::{self, Log};
use super::origin::{ring, soon};
use crate::counts::Counts;
use crate::ingest::Publisher;
use crate::ingest::connection::{Ask, Host, serve};
use crate::ingest::desk::Desk;
use crate::ingest::places::Places;
use crate::ingest::publisher::BACKLOG;
use crate::ingest::refusals::Refusals;
use crate::ingest::session::Patience;

const LONG: Duration = Duration::from_mins(10);
const SHORT: Duration = Duration::from_millis(20);

/// One connection, served with `patience`.
struct Line {
    pipe: DuplexStream,
    encoder: Encoder,
    publishers: mpsc::Receiver<Publisher>,
    tasks: TaskTracker,
}

impl Line {
    fn open(patience: Patience) -> Self {
        log::prepare();
        let (pipe, socket) = duplex(64 * 1024);
        let (asks, mut questions) = mpsc::channel::<Ask>(1);
        let (to_origin, publishers) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let host = Host {
            asks,
            publishers: to_origin,
            limits: Arc::new(HashMap::new()),
            hook: None,
            patience,
            refusals: Refusals::new(Counts::default()),
            stop,
        };
        let peer = [127, 0, 0, 1].into();
        let place = Places::default().take(peer).unwrap();
        let tasks = TaskTracker::new();
        tasks.spawn(serve(socket, peer, host, place));
        tasks.spawn(async move {
            let mut desk = Desk::default();
            while let Some(Ask { peer, key, answer }) = questions.recv().await {
                answer
                    .send(desk.judge(&ring(), peer, &key, Instant::now()))
                    .unwrap();
            }
        });
        tasks.close();
        Self {
            pipe,
            encoder: Encoder::publisher(KEY),
            publishers,
            tasks,
        }
    }

    async fn publish(&mut self) -> Publisher {
        soon("publishing", async {
            let mut buffer = [0; 4096];
            loop {
                self.pipe
                    .write_all(&std::mem::take(&mut self.encoder.outbox))
                    .await
                    .unwrap();
                if self.encoder.publishing {
                    return self.publishers.recv().await.unwrap();
                }
                let length = self.pipe.read(&mut buffer).await.unwrap();
                self.encoder.hear(&buffer[..length]);
            }
        })
        .await
    }

    /// Waits until the connection is given up, and reads why.
    async fn given_up(mut self) -> Option<String> {
        let mut answer = Vec::new();
        soon("the other end", self.pipe.read_to_end(&mut answer))
            .await
            .unwrap();
        drop(self.pipe);
        soon("the end of its tasks", self.tasks.wait()).await;
        if answer.is_empty() {
            return None;
        }
        self.encoder.hear(&answer);
        self.encoder
            .refusal()
            .map(|(_, description)| description.to_owned())
    }
}

#[tokio::test]
async fn an_unfinished_handshake_is_given_up() {
    let log = Log::capture();
    let mut line = Line::open(Patience {
        handshake: SHORT,
        publish: LONG,
        silence: LONG,
        quiet: LONG,
    });
    line.pipe.write_all(&line.encoder.outbox[..1000]).await.unwrap();
    assert_eq!(line.given_up().await, None);
    assert_eq!(
        log.events(),
        ["connection refused reason=no handshake within 0 s"]
    );
}

#[tokio::test]
async fn who_connects_and_never_publishes_is_given_up() {
    let log = Log::capture();
    let mut line = Line::open(Patience {
        handshake: LONG,
        publish: SHORT,
        silence: LONG,
        quiet: LONG,
    });
    line.pipe.write_all(&line.encoder.outbox).await.unwrap();
    let mut greeting = vec![0; 1 + 2 * 1536];
    line.pipe.read_exact(&mut greeting).await.unwrap();
    line.encoder.outbox.clear();
    line.encoder.hear(&greeting);
    // The handshake's end, and nothing of what should follow.
    line.pipe.write_all(&line.encoder.outbox[..1536]).await.unwrap();
    assert_eq!(line.given_up().await.unwrap(), "nothing published within 0 s");
    assert_eq!(
        log.events(),
        ["connection refused reason=nothing published within 0 s"]
    );
}

#[tokio::test]
async fn a_publisher_that_falls_silent_is_gone() {
    let log = Log::capture();
    let mut line = Line::open(Patience {
        handshake: LONG,
        publish: LONG,
        silence: SHORT,
        quiet: LONG,
    });
    let mut publisher = line.publish().await;
    assert_eq!(line.given_up().await.unwrap(), "no media for 0 s");
    assert!(publisher.units.recv().await.is_none());
    assert_eq!(
        log.events()[1..],
        ["publisher gone channel=demo reason=no media for 0 s"]
    );
}

#[tokio::test]
async fn a_slow_origin_slows_the_encoder_and_loses_nothing() {
    const PICTURES: usize = 300;
    let mut line = Line::open(Patience {
        handshake: LONG,
        publish: LONG,
        silence: LONG,
        quiet: LONG,
    });
    let mut publisher = line.publish().await;
    line.encoder.video(0, VIDEO_CONFIG);
    for picture in 0..PICTURES {
        line.encoder.video(
            u32::try_from(picture).unwrap(),
            &[KEYFRAME, &[7; 10_000]].concat(),
        );
    }

    let (mut pipe, bytes) = (line.pipe, std::mem::take(&mut line.encoder.outbox));
    let (done, mut sent) = tokio::sync::oneshot::channel();
    line.tasks.spawn(async move {
        pipe.write_all(&bytes).await.unwrap();
        done.send(pipe).unwrap();
    });
    soon("a full backlog", async {
        while publisher.units.len() < BACKLOG {
            yield_now().await;
        }
    })
    .await;
    for _ in 0..100 {
        yield_now().await;
    }
    assert!(sent.try_recv().is_err(), "the encoder waits");

    let units = async {
        for _ in 0..=PICTURES {
            publisher.units.recv().await.unwrap();
        }
    };
    soon("every picture", units).await;
    drop(soon("the encoder", &mut sent).await.unwrap());
    assert!(soon("the end", publisher.units.recv()).await.is_none());
}

#[tokio::test]
async fn what_waits_to_be_packaged_is_bounded_by_its_bytes_too() {
    const LARGE: usize = 3 << 20;
    let mut line = Line::open(Patience {
        handshake: LONG,
        publish: LONG,
        silence: LONG,
        quiet: LONG,
    });
    let mut publisher = line.publish().await;
    line.encoder.video(0, VIDEO_CONFIG);
    for time in 1..=8 {
        line.encoder.video(time, &[KEYFRAME, &vec![7; LARGE]].concat());
    }
    let (mut pipe, bytes) = (line.pipe, std::mem::take(&mut line.encoder.outbox));
    line.tasks.spawn(async move {
        pipe.write_all(&bytes).await.unwrap();
    });
    soon("as many as fit", async {
        while publisher.units.len() < 1 + 5 {
            yield_now().await;
        }
    })
    .await;
    for _ in 0..100 {
        yield_now().await;
    }
    assert_eq!(
        publisher.units.len(),
        6,
        "5 of 3 MiB are within 16 MiB, and 6 are not"
    );
    let units = async {
        for _ in 0..=8 {
            publisher.units.recv().await.unwrap();
        }
    };
    soon("every picture", units).await;
}
