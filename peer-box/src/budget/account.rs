//! What a box gave this month and today, and what of its quota is left. Pure: files are written by [`super::keeper`].
//!
//! What is sent is counted before it is on disk, so each time it is written some bytes more are written as *ahead*: what a
//! killed box may have sent since. Who reads that after a crash takes them for sent, so a quota is never exceeded
//! by crashing, and one costs no more than what was ahead.
//!
//! Months and days only follow each other. A clock that is set back goes on in the month that it left; one that is not
//! confirmed by a tracker begins none.

use serde::{Deserialize, Serialize};

use super::calendar::Date;

/// Ahead at most: this part of a quota.
const AHEAD_PART: u64 = 400;

/// Ahead at most: what is sent at the full rate in so many seconds.
const AHEAD_SECONDS: u64 = 60;

/// What was given to whom, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Given {
    /// Media for viewers.
    pub(crate) viewers: u64,
    /// Media for other boxes.
    pub(crate) neighbours: u64,
    /// Everything else, and what may have been sent just before a crash.
    pub(crate) besides: u64,
}

impl Given {
    /// All of it.
    pub(crate) fn total(&self) -> u64 {
        self.viewers
            .saturating_add(self.neighbours)
            .saturating_add(self.besides)
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            viewers: self.viewers.saturating_sub(before.viewers),
            neighbours: self.neighbours.saturating_sub(before.neighbours),
            besides: self.besides.saturating_sub(before.besides),
        }
    }

    fn add(&mut self, more: &Self) {
        self.viewers = self.viewers.saturating_add(more.viewers);
        self.neighbours = self.neighbours.saturating_add(more.neighbours);
        self.besides = self.besides.saturating_add(more.besides);
    }
}

/// The account as it is kept in the data folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Which month it is, as 202611; 0 before a tracker told the time.
    month: u64,
    /// Which day, as 20261122.
    day: u64,
    this_month: Given,
    today: Given,
    /// How much more may have been sent by now.
    ahead: u64,
}

/// What was given, up to this moment.
#[derive(Clone, Debug)]
pub(super) struct Account {
    quota: Option<u64>,
    ahead: u64,
    kept: Kept,
    /// All that was sent since the program started, when it was last looked at.
    sent: Given,
    /// What of the month was on disk when it was last written.
    written: u64,
    /// How much more than that is on disk as ahead.
    written_ahead: u64,
}

impl Account {
    /// Goes on from what was kept; nothing was sent yet.
    pub(super) fn new(quota: Option<u64>, bytes_per_second: u64, kept: Option<Kept>) -> Self {
        let mut kept = kept.unwrap_or_default();
        let lost = std::mem::take(&mut kept.ahead);
        kept.this_month.besides = kept.this_month.besides.saturating_add(lost);
        let ahead = quota.map_or(0, |quota| {
            (quota / AHEAD_PART).min(bytes_per_second.saturating_mul(AHEAD_SECONDS))
        });
        Self {
            quota,
            ahead,
            written: kept.this_month.total(),
            kept,
            sent: Given::default(),
            written_ahead: 0,
        }
    }

    /// Takes notice of all that was sent since the program started.
    pub(super) fn count(&mut self, sent: Given) {
        let more = sent.since(&self.sent);
        self.kept.this_month.add(&more);
        self.kept.today.add(&more);
        self.sent = sent;
    }

    /// A tracker confirmed the date. Whether another month or day has begun.
    pub(super) fn turn_to(&mut self, date: Date) -> bool {
        let (month, day) = (date.month_number(), date.day_number());
        if day <= self.kept.day {
            return false;
        }
        // What was counted before the first date was told belongs to it.
        if self.kept.day > 0 {
            self.kept.today = Given::default();
        }
        self.kept.day = day;
        if month > self.kept.month {
            if self.kept.month > 0 {
                self.kept.this_month = Given::default();
                self.written = 0;
            }
            self.kept.month = month;
        }
        true
    }

    /// Whether more than half of what was written ahead is used up.
    pub(super) fn should_be_kept(&self) -> bool {
        self.quota.is_some() && self.unwritten() > self.written_ahead / 2
    }

    /// Whether there is anything to keep.
    pub(super) fn has_news(&self) -> bool {
        self.unwritten() > 0
    }

    /// What to write now, some bytes ahead.
    pub(super) fn to_keep(&self) -> Kept {
        Kept {
            ahead: self.ahead,
            ..self.kept
        }
    }

    /// What to write when nothing more will be sent.
    pub(super) fn to_keep_at_last(&self) -> Kept {
        self.kept
    }

    /// That was written.
    pub(super) fn was_kept(&mut self, kept: &Kept) {
        if kept.month == self.kept.month {
            self.written = kept.this_month.total();
            self.written_ahead = kept.ahead;
        }
    }

    /// What was given this month, and today.
    pub(super) fn given(&self) -> (Given, Given) {
        (self.kept.this_month, self.kept.today)
    }

    /// The quota, and what is left of it.
    pub(super) fn quota(&self) -> Option<(u64, u64)> {
        let quota = self.quota?;
        Some((quota, quota.saturating_sub(self.kept.this_month.total())))
    }

    fn unwritten(&self) -> u64 {
        self.kept.this_month.total().saturating_sub(self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: u64 = 1_000_000;
    const RATE: u64 = 2_500_000;

    fn viewers(viewers: u64) -> Given {
        Given {
            viewers,
            ..Given::default()
        }
    }

    fn date(year: u64, month: u64, day: u64) -> Date {
        Date { year, month, day }
    }

    /// The account of a box that is killed and started again.
    fn after_a_kill(disk: Kept) -> Account {
        Account::new(Some(QUOTA), RATE, Some(disk))
    }

    #[test]
    fn a_kill_costs_less_than_a_hundredth_of_the_quota_and_gives_nothing_away() {
        let mut account = Account::new(Some(QUOTA), RATE, None);
        account.turn_to(date(2026, 11, 22));
        let mut disk = account.to_keep_at_last();
        let mut sent = 0;
        for _ in 0..300 {
            sent += 1000;
            account.count(viewers(sent));
            if account.should_be_kept() {
                disk = account.to_keep();
                account.was_kept(&disk);
            }
            let (_, left) = after_a_kill(disk).quota().unwrap();
            let counted = QUOTA - left;
            assert!(counted >= sent, "{counted} of {sent}");
            assert!(counted - sent <= QUOTA / 100, "{counted} of {sent}");
        }
    }

    #[test]
    fn kills_without_anything_sent_between_them_cost_nothing() {
        let mut account = Account::new(Some(QUOTA), RATE, None);
        account.turn_to(date(2026, 11, 22));
        account.count(viewers(5000));
        let mut disk = account.to_keep();
        let (_, left) = after_a_kill(disk).quota().unwrap();
        for _ in 0..10 {
            let mut again = after_a_kill(disk);
            assert_eq!(again.quota().unwrap().1, left);
            assert!(!again.should_be_kept() && !again.has_news());
            disk = again.to_keep_at_last();
            again.was_kept(&disk);
        }
    }

    #[test]
    fn a_clean_end_costs_nothing() {
        let mut account = Account::new(Some(QUOTA), RATE, None);
        account.turn_to(date(2026, 11, 22));
        account.count(viewers(5000));
        let again = Account::new(Some(QUOTA), RATE, Some(account.to_keep_at_last()));
        assert_eq!(again.quota(), Some((QUOTA, QUOTA - 5000)));
        assert_eq!(again.given().1.viewers, 5000, "today");
    }

    #[test]
    fn a_month_begins_anew_and_a_clock_set_back_does_not() {
        let mut account = Account::new(Some(QUOTA), RATE, None);
        account.count(viewers(100));
        assert!(account.turn_to(date(2026, 11, 22)));
        assert_eq!(account.given().0.viewers, 100, "counted before the time was told");
        account.count(viewers(1000));

        assert!(!account.turn_to(date(2026, 10, 1)));
        assert!(!account.turn_to(date(1970, 1, 1)));
        assert_eq!(account.given().0.viewers, 1000);

        assert!(account.turn_to(date(2026, 11, 23)));
        assert_eq!((account.given().0.viewers, account.given().1.viewers), (1000, 0));

        assert!(account.turn_to(date(2026, 12, 1)));
        assert_eq!(account.quota(), Some((QUOTA, QUOTA)));
        account.count(viewers(1001));
        assert_eq!(account.given().0.viewers, 1);
    }
}
