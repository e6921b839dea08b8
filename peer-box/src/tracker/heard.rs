//! What each tracker makes of this box, for whoever runs it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use url::Url;

/// What one tracker said last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opinion {
    /// Where it is.
    pub(crate) url: String,
    /// Whether it answers.
    pub(crate) answers: bool,
    /// Whether it sends viewers here.
    pub(crate) listed: bool,
    /// Why it does not, or does not answer.
    pub(crate) why: Option<String>,
}

/// What all of them said last. Cheap to clone; all clones hear the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opinions(Arc<Mutex<BTreeMap<usize, Opinion>>>);

impl Opinions {
    /// A tracker is going to be asked.
    pub(super) fn expect(&self, tracker: usize, url: &Url) {
        let opinion = Opinion {
            url: url.to_string(),
            answers: false,
            listed: false,
            why: Some("it has not answered yet".into()),
        };
        self.lock().insert(tracker, opinion);
    }

    /// It answered.
    pub(super) fn heard(&self, tracker: usize, listed: bool, why: Option<String>) {
        self.note(tracker, true, listed, why);
    }

    /// It did not.
    pub(super) fn unheard(&self, tracker: usize, why: String) {
        self.note(tracker, false, false, Some(why));
    }

    /// What they said last, in the order in which they were named.
    pub(crate) fn all(&self) -> Vec<Opinion> {
        self.lock().values().cloned().collect()
    }

    fn note(&self, tracker: usize, answers: bool, listed: bool, why: Option<String>) {
        if let Some(opinion) = self.lock().get_mut(&tracker) {
            opinion.answers = answers;
            opinion.listed = listed;
            opinion.why = why;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Opinion>> {
        // What is behind the lock is words: readable, whatever happened to who held it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
