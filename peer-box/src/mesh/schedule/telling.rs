//! Who is told of what: each neighbour of each chunk that it does not know, a little later, with others.

use std::time::{Duration, Instant};

use wire::chunk::Seal;
use wire::id::{BoxId, ChunkId};

use super::promise::is_small;
use super::{Action, Schedule};

/// How long news of a chunk waits for more, to go with it: a little; news of a small chunk until the picture
/// comes that it belongs to, about one transfer later.
pub(super) const COMPANY: Duration = Duration::from_millis(5);
const COMPANY_OF_SMALL: Duration = Duration::from_millis(100);

/// How long news of a chunk of so many bytes waits.
pub(super) fn company_of(id: &ChunkId, bytes: usize) -> Duration {
    if is_small(bytes) && !id.is_init() {
        COMPANY_OF_SMALL
    } else {
        COMPANY
    }
}

impl Schedule {
    /// The neighbour has answered a `have`, or will not.
    pub(crate) fn heard(&mut self, by: BoxId) {
        if let Some(neighbour) = self.neighbours.get_mut(&by) {
            neighbour.heard();
            self.tell(by);
        }
    }

    /// A chunk that a neighbour told of does not come to it: it is told of it again.
    pub(crate) fn sought(&mut self, by: BoxId, id: &ChunkId) {
        self.does_not_have(by, id);
    }

    /// By its own word a neighbour does not hold a chunk that it told of.
    pub(super) fn does_not_have(&mut self, by: BoxId, id: &ChunkId) {
        if let Some(seal) = self.held.unlearn(by, id).cloned()
            && let Some(neighbour) = self.neighbours.get_mut(&by)
        {
            neighbour.will_hear_of(id.clone(), seal);
            self.tell(by);
        }
        self.does_not_hold(by, id);
    }

    /// These neighbours will hear of the chunk, in company.
    pub(super) fn will_tell(
        &mut self,
        now: Instant,
        id: &ChunkId,
        seal: &Seal,
        company: Duration,
        whom: impl Fn(BoxId) -> bool,
    ) {
        for (_, neighbour) in self.neighbours.iter_mut().filter(|(id, _)| whom(**id)) {
            neighbour.will_hear_of(id.clone(), seal.clone());
        }
        let at = now + company;
        self.tells_at = Some(self.tells_at.map_or(at, |sooner| sooner.min(at)));
    }

    /// Tells those whose time has come.
    pub(super) fn tell_in_time(&mut self, now: Instant) {
        if self.tells_at.take_if(|at| *at <= now).is_some() {
            let ids: Vec<BoxId> = self.neighbours.keys().copied().collect();
            for neighbour in ids {
                self.tell(neighbour);
            }
        }
    }

    /// Whoever was told of the chunk hears that it does not come; whoever was not hears nothing of it.
    pub(super) fn seek(&mut self, id: &ChunkId) {
        for (neighbour, state) in &mut self.neighbours {
            if !state.will_not_hear_of(id) {
                self.actions.push_back(Action::Seek(*neighbour, id.clone()));
            }
        }
    }

    pub(super) fn tell(&mut self, id: BoxId) {
        let Some(neighbour) = self.neighbours.get_mut(&id) else {
            return;
        };
        let knows = |chunk: &ChunkId| self.held.is_known_to(id, chunk);
        while let Some(seals) = neighbour.next_have(knows) {
            self.actions.push_back(Action::Have(id, seals));
        }
    }
}
