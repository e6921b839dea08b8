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

/// How long a box waits that needs longer for one copy than it lasts: whoever takes it from there has it late, and most have
/// it from others by then.
pub(super) const LATE: Duration = Duration::from_millis(500);

/// News that these neighbours will hear at some time.
#[derive(Debug)]
pub(super) struct Later {
    pub(super) at: Instant,
    id: ChunkId,
    seal: Seal,
    whom: Vec<BoxId>,
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

    /// These neighbours will hear of the chunk of so many bytes, which is here or has begun to come.
    pub(super) fn will_tell_of(
        &mut self,
        now: Instant,
        id: &ChunkId,
        seal: &Seal,
        bytes: usize,
        whom: impl Fn(BoxId) -> bool,
    ) {
        if id.is_init() {
            self.will_tell(now, id, seal, COMPANY, whom);
        } else if is_small(bytes) {
            self.will_tell(now, id, seal, COMPANY_OF_SMALL, whom);
        } else if !self.hands_on() {
            let all = self.neighbours.keys().copied();
            self.later.push_back(Later {
                at: now + LATE,
                id: id.clone(),
                seal: seal.clone(),
                whom: all.filter(|neighbour| whom(*neighbour)).collect(),
            });
        } else {
            self.will_tell(now, id, seal, COMPANY, whom);
        }
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
        while let Some(later) = self.later.pop_front_if(|later| later.at <= now) {
            for neighbour in later.whom {
                if let Some(neighbour) = self.neighbours.get_mut(&neighbour) {
                    neighbour.will_hear_of(later.id.clone(), later.seal.clone());
                }
            }
            self.tells_at = Some(now);
        }
        if self.tells_at.take_if(|at| *at <= now).is_some() {
            let ids: Vec<BoxId> = self.neighbours.keys().copied().collect();
            for neighbour in ids {
                self.tell(neighbour);
            }
        }
    }

    /// Whoever was told of the chunk hears that it does not come; whoever was not hears nothing of it.
    pub(super) fn seek(&mut self, id: &ChunkId) {
        let later = self.later.iter().position(|later| later.id == *id);
        let later = later.and_then(|at| self.later.remove(at));
        let untold = later.map(|later| later.whom).unwrap_or_default();
        for (neighbour, state) in &mut self.neighbours {
            if !state.will_not_hear_of(id) && !untold.contains(neighbour) {
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
