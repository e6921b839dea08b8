//! How often one box may report others. Pure but for the lock.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use wire::id::BoxId;

use crate::clock::SECOND;

/// At least so long lies between two reports of one box, in milliseconds.
const PAUSE: u64 = 2 * SECOND;

/// Who reported within the last pause. Only boxes that are known, so these are few.
#[derive(Debug, Default)]
pub struct Reports(Mutex<HashMap<BoxId, u64>>);

impl Reports {
    /// Whether the box may report now; then it may not again before the pause is over.
    pub fn admit(&self, reporter: BoxId, now: u64) -> bool {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.retain(|_, at| now.saturating_sub(*at) < PAUSE);
        if latest.contains_key(&reporter) {
            return false;
        }
        latest.insert(reporter, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, box_id};

    #[test]
    fn a_box_reports_once_a_pause_and_is_forgotten_after_it() {
        let reports = Reports::default();
        assert!(reports.admit(box_id(1), NOW));
        assert!(!reports.admit(box_id(1), NOW + PAUSE - 1));
        assert!(reports.admit(box_id(2), NOW + 1), "another's pause is its own");
        assert!(reports.admit(box_id(1), NOW + 2 * PAUSE));
        assert_eq!(reports.0.lock().unwrap().len(), 1);
    }
}
