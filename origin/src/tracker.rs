//! Telling a tracker what is live, and hearing which boxes to push to.
//!
//! One task for each channel and tracker, so that a tracker that is away delays nobody. Several trackers usually
//! share a registry; should they not, the first of them that answers chooses the seeds.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use minicbor::bytes::ByteVec;
use program::lifecycle::now_ms;
use program::media::Meter;
use program::tracker::{Tracker, Unanswered};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use wire::Version;
use wire::address::HttpBase;
use wire::id::ChannelName;
use wire::key::SecretKey;
use wire::presentation::{PATH, Presentation, PresentationReply, State};

use crate::channel::{Gist, Ordered, Report};
use crate::seed::{Seeds, Wanted};

/// How often a channel is presented when nothing is new.
const PERIOD: Duration = Duration::from_secs(3);

/// How often it is presented at most: chunks of several tracks come at about the same time.
const SHORTEST_PERIOD: Duration = Duration::from_millis(100);

/// How often one that ended a while ago is: nothing is new of it, but there may be orders.
const PERIOD_AFTER_END: Duration = Duration::from_secs(10);

/// At shutdown: how long the last chunks may take, and then the last word to a tracker.
const LAST_CHUNKS: Duration = Duration::from_secs(1);
const LAST_WORD: Duration = Duration::from_secs(2);

/// For how long a tracker's choice of seeds counts before that of a tracker behind it.
const CHOICE: Duration = Duration::from_secs(10);

/// When each of the trackers last chose seeds, for one channel.
#[derive(Clone, Debug)]
pub(crate) struct Choices(Arc<Mutex<Vec<Option<Instant>>>>);

impl Choices {
    /// For so many trackers, the most trusted first.
    pub(crate) fn of(trackers: usize) -> Self {
        Self(Arc::new(Mutex::new(vec![None; trackers])))
    }

    /// Notes a choice of the tracker at that place, and tells whether it counts.
    fn note(&self, place: usize, now: Instant) -> bool {
        let mut chosen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = chosen.get_mut(place) {
            *own = Some(now);
        }
        let recent = |then: &Option<Instant>| then.is_some_and(|then| now.duration_since(then) < CHOICE);
        !chosen.iter().take(place).any(recent)
    }
}

/// Tells one tracker of one channel.
pub(crate) struct Teller {
    pub(crate) tracker: Tracker,
    /// Its place among the trackers.
    pub(crate) place: usize,
    pub(crate) choices: Choices,
    pub(crate) channel: ChannelName,
    pub(crate) secret: SecretKey,
    /// How that key came to follow the one that trackers trust.
    pub(crate) successions: Vec<ByteVec>,
    pub(crate) http: HttpBase,
    pub(crate) meter: Meter,
    pub(crate) reports: watch::Receiver<Option<Report>>,
    /// What the trackers' operators ordered.
    pub(crate) ordered: Arc<watch::Sender<Ordered>>,
    /// Whether the tracker knows the channel by a presentation of ours.
    pub(crate) introduced: bool,
    pub(crate) seeds: Seeds,
    pub(crate) clock: Clock,
    /// Whether the tracker wants to hear of each part, and not only of each segment.
    pub(crate) parts: bool,
}

/// The time that presentations carry: the tracker's as far as known, and only growing.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// The tracker's clock less ours, in milliseconds.
    ahead: i64,
    last: u64,
}

impl Clock {
    fn sequence(&self, now_ms: u64) -> u64 {
        now_ms
            .saturating_add_signed(self.ahead)
            .max(self.last.saturating_add(1))
    }

    /// A presentation was taken, under that sequence and at that time of the tracker.
    fn taken(&mut self, sequence: u64, theirs_ms: u64, now_ms: u64) {
        self.last = sequence;
        self.correct(theirs_ms, now_ms);
    }

    /// A presentation was refused for its time. A sequence that was ahead of the tracker's clock as it is now need not be
    /// surpassed: the clock was set back.
    fn refused(&mut self, theirs_ms: u64, now_ms: u64) {
        self.last = self.last.min(theirs_ms);
        self.correct(theirs_ms, now_ms);
    }

    fn correct(&mut self, theirs_ms: u64, now_ms: u64) {
        // Clocks that are further apart than an i64 of milliseconds do not exist.
        self.ahead = i64::try_from(i128::from(theirs_ms) - i128::from(now_ms)).unwrap_or(0);
    }
}

impl Teller {
    /// Tells until `stop`; then once more, that the channel has ended.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut trusted = true;
        loop {
            let report = self.reports.borrow_and_update().clone();
            let gist = report.as_ref().map(Report::gist);
            let is_news = report.as_ref().is_none_or(Report::is_news);
            let period = if is_news { PERIOD } else { PERIOD_AFTER_END };
            let told = match report {
                None => Ok(()),
                Some(report) => tokio::select! {
                    () = stop.cancelled() => break,
                    told = self.tell(&report) => told,
                },
            };
            self.note_trust(&mut trusted, told.as_ref().err());
            let waited = tokio::select! {
                () = stop.cancelled() => break,
                waited = self.wait(gist, period, told.is_err()) => waited,
            };
            if waited.is_none() {
                break;
            }
        }
        self.say_goodbye().await;
    }

    async fn tell(&mut self, report: &Report) -> Result<(), Unanswered> {
        if report.state == State::Ended {
            // When there is no room it is told with the next report.
            let _ = self.seeds.ended.try_send((self.channel.clone(), report.epoch));
        }
        let mut documents = report.documents(SystemTime::now());
        if documents.is_empty() && (report.state.is_on_air() || !self.introduced) {
            // No segment is whole yet: there is nothing to watch.
            return Ok(());
        }
        if !report.is_news() {
            documents.clear();
        }
        let sequence = self.clock.sequence(now_ms());
        let seeds = self.seeds.of(&self.channel);
        let presentation = Presentation {
            version: Version,
            key: self.secret.public(),
            sequence,
            channel: self.channel.clone(),
            epoch: report.epoch,
            state: report.state,
            http: self.http.clone(),
            documents,
            newest: report.presentation.newest().unwrap_or(0),
            viewer_bytes: self.meter.channel_bytes(&self.channel),
            tracks: report.presentation.tracks(),
            silent: self.seeds.silent.borrow_and_update().clone(),
            poster: report.poster,
            warnings: report.warnings.clone(),
            successions: self.successions.clone(),
            takedowns: report.takedowns.iter().map(|one| one.to_vec().into()).collect(),
            audience: self.meter.audience(&self.channel),
            seeds,
        };
        let reply = self
            .tracker
            .post::<PresentationReply>(PATH, presentation.sign(&self.secret))
            .await;
        match reply {
            Ok(PresentationReply {
                time,
                seeds,
                parts,
                taken_down,
            }) => {
                (self.parts, self.introduced) = (parts, true);
                self.ordered
                    .send_if_modified(|ordered| ordered.hear(self.place, taken_down));
                self.clock.taken(sequence, time, now_ms());
                if report.state.is_on_air() && self.choices.note(self.place, Instant::now()) {
                    let wanted = Wanted {
                        channel: self.channel.clone(),
                        seeds,
                    };
                    // Nobody keeps seeds any more: the origin is stopping.
                    let _ = self.seeds.wanted.send(wanted).await;
                }
                Ok(())
            }
            Err(unanswered) => {
                if let Unanswered::Refused { time: Some(time), .. } = &unanswered {
                    self.clock.refused(*time, now_ms());
                }
                Err(unanswered)
            }
        }
    }

    /// Says once what only the tracker's owner can put right.
    fn note_trust(&self, trusted: &mut bool, trouble: Option<&Unanswered>) {
        let (tracker, channel) = (self.tracker.url(), &self.channel);
        match trouble {
            Some(Unanswered::Refused { status: 403, why, .. }) if *trusted => {
                let key = self.secret.public();
                // The tracker's own words say which of the two it is: a key not trusted, or a channel of another's.
                error!(%tracker, %channel, %key, why, "tracker does not let this origin publish; to trust it: --trust-origin {key}");
                *trusted = false;
            }
            None if !*trusted => {
                info!(%tracker, %channel, "tracker lets this origin publish now");
                *trusted = true;
            }
            _ => {}
        }
    }

    /// Waits until there is something to tell: at once at news, without news for a period. After a failure not before
    /// the tracker's pause is over. `None`: there will be no more news.
    async fn wait(&mut self, told: Option<Gist>, period: Duration, failed: bool) -> Option<()> {
        if failed {
            sleep(self.tracker.pause()).await;
            return Some(());
        }
        let period = sleep(period);
        tokio::pin!(period);
        sleep(SHORTEST_PERIOD).await;
        loop {
            tokio::select! {
                news = self.reports.changed() => {
                    news.ok()?;
                    let gist = self.reports.borrow_and_update().as_ref().map(Report::gist);
                    if self.parts || gist != told {
                        return Some(());
                    }
                }
                silent = self.seeds.silent.changed() => return silent.ok(),
                () = &mut period => return Some(()),
            }
        }
    }

    async fn say_goodbye(&mut self) {
        let ended =
            |report: &Option<Report>| report.as_ref().is_none_or(|report| report.state == State::Ended);
        // Where its task is gone or late, the channel ends here.
        let _ = timeout(LAST_CHUNKS, self.reports.wait_for(ended)).await.is_ok();
        let last = self.reports.borrow().clone();
        if let Some(report) = last.filter(Report::is_news).map(Report::ended) {
            // A tracker that does not hear it finds out when nothing more comes.
            let _ = timeout(LAST_WORD, self.tell(&report)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_tracker_that_answers_chooses_the_seeds() {
        let choices = Choices::of(2);
        let start = Instant::now();
        assert!(choices.note(1, start), "the first is away");
        assert!(choices.note(0, start));
        assert!(!choices.note(1, start + Duration::from_secs(9)));
        assert!(choices.note(1, start + CHOICE));
    }

    #[test]
    fn sequences_follow_the_trackers_clock_and_grow() {
        let mut clock = Clock::default();
        assert_eq!(clock.sequence(10_000), 10_000);
        clock.taken(10_000, 15_000, 10_000);
        assert_eq!(clock.sequence(10_100), 15_100, "the tracker is 5 s ahead");
        clock.taken(15_100, 4000, 10_100);
        assert_eq!(clock.sequence(10_200), 15_101, "it was set back");
    }

    #[test]
    fn a_refused_sequence_need_not_be_surpassed() {
        let mut clock = Clock::default();
        assert_eq!(clock.sequence(90_000), 90_000, "we are far ahead");
        clock.refused(10_000, 90_000);
        assert_eq!(clock.sequence(90_100), 10_100);

        clock.taken(10_100, 10_100, 90_100);
        clock.refused(3000, 90_200);
        assert_eq!(
            clock.sequence(90_300),
            3100,
            "nor one that was taken before the clock was set back"
        );
    }
}
