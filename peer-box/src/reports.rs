//! Reports: the trackers are told of neighbours that were banned, with what they handed over.
//!
//! The mesh never waits for this. What finds no place is left out: others have met the same neighbour, and report it.

use std::time::Duration;

use futures::future::join_all;
use program::lifecycle::Lifecycle;
use program::tracker::Tracker;
use serde::de::IgnoredAny;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::{Instrument, debug, info_span};
use wire::Version;
use wire::id::BoxId;
use wire::key::SecretKey;
use wire::report::{PATH, Report};

use crate::clock::Clock;

/// Reports that wait.
const MAILBOX: usize = 16;

/// Trackers take one in two seconds.
const PAUSE: Duration = Duration::from_millis(2200);

/// Tells of neighbours. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Reports(mpsc::Sender<Accusation>);

/// What there is to report.
#[derive(Debug)]
pub(crate) struct Reported(mpsc::Receiver<Accusation>);

/// What is said of one neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accusation {
    pub(crate) accused: BoxId,
    /// Why, in one word.
    pub(crate) reason: &'static str,
    /// The beginning of what it handed over.
    pub(crate) proof: Vec<u8>,
}

/// Who reports, to whom.
pub(crate) struct Reporter {
    pub(crate) secret: SecretKey,
    /// The time, by the trackers' answers.
    pub(crate) clock: Clock,
    pub(crate) trackers: Vec<Tracker>,
}

impl Reports {
    /// A handle, and where what is said by it comes out.
    pub(crate) fn new() -> (Self, Reported) {
        let (tell, told) = mpsc::channel(MAILBOX);
        (Self(tell), Reported(told))
    }

    /// Does not wait.
    pub(crate) fn tell(&self, accused: BoxId, reason: &'static str, bytes: &[u8]) {
        let accusation = Accusation {
            accused,
            reason,
            proof: Report::proof_of(bytes),
        };
        if self.0.try_send(accusation).is_err() {
            debug!(neighbour = %accused, "not reported: others are, and wait");
        }
    }
}

impl Reported {
    /// The next one; nothing when nobody is left to tell of any.
    pub(crate) async fn next(&mut self) -> Option<Accusation> {
        self.0.recv().await
    }
}

impl Reporter {
    /// Starts the task. It ends at the stop of `life`.
    pub(crate) fn spawn(self, reported: Reported, life: &Lifecycle) {
        let reporting = self.run(reported).instrument(info_span!("reports"));
        life.tasks
            .spawn(life.stop.clone().run_until_cancelled_owned(reporting));
    }

    async fn run(self, mut reported: Reported) {
        while let Some(accusation) = reported.next().await {
            let report = self.sign(accusation);
            join_all(self.trackers.iter().map(async |tracker| {
                if let Err(why) = tracker.post::<IgnoredAny>(PATH, report.clone()).await {
                    debug!(tracker = %tracker.url(), %why, "report not heard");
                }
            }))
            .await;
            sleep(PAUSE).await;
        }
    }

    fn sign(&self, accusation: Accusation) -> bytes::Bytes {
        let report = Report {
            version: Version,
            key: self.secret.public(),
            at: self.clock.now_ms(),
            accused: accusation.accused,
            reason: accusation.reason.into(),
            proof: accusation.proof,
        };
        report.sign(&self.secret)
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::post;
    use bytes::Bytes;
    use tokio::net::TcpListener;
    use url::Url;

    use super::*;
    use crate::samples::secret;

    /// A tracker that keeps the reports it is sent.
    async fn tracker(life: &Lifecycle) -> (Url, mpsc::Receiver<Bytes>) {
        let (keep, kept) = mpsc::channel(8);
        let take = post(move |body: Bytes| async move {
            keep.send(body).await.unwrap();
            "{\"time\": 1}"
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        program::http::serve(
            listener,
            Router::new().route(PATH, take),
            program::http::Limits::default(),
            &life.tasks,
            life.stop.clone(),
        );
        (url.parse().unwrap(), kept)
    }

    #[tokio::test]
    async fn every_tracker_hears_of_a_neighbour_with_the_proof_though_one_is_away() {
        let life = Lifecycle::default();
        let _end = life.stop.clone().drop_guard();
        let ((one, mut by_one), (other, mut by_other)) = (tracker(&life).await, tracker(&life).await);
        let (reports, reported) = Reports::new();
        let informer = Reporter {
            secret: secret(1),
            clock: Clock::default(),
            trackers: [one, "http://127.0.0.1:1".parse().unwrap(), other]
                .map(Tracker::new)
                .into(),
        };
        informer.spawn(reported, &life);
        let accused = BoxId::of(&secret(2).public());
        reports.tell(accused, "forged", &[7; 5000]);
        for heard in [&mut by_one, &mut by_other] {
            let heard = tokio::time::timeout(Duration::from_secs(10), heard.recv()).await;
            let report = Report::open(&heard.unwrap().unwrap()).unwrap();
            assert_eq!(
                (report.id(), report.accused),
                (BoxId::of(&secret(1).public()), accused)
            );
            assert_eq!((&*report.reason, &*report.proof), ("forged", &[7; 1024][..]));
        }
    }

    #[tokio::test]
    async fn who_tells_never_waits() {
        let (reports, mut reported) = Reports::new();
        let accused = BoxId::of(&secret(2).public());
        for _ in 0..=MAILBOX {
            reports.tell(accused, "forged", &[]);
        }
        drop(reports);
        for _ in 0..MAILBOX {
            assert!(reported.next().await.is_some());
        }
        assert!(reported.next().await.is_none(), "the last one found no place");
    }
}
