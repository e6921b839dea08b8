//! What this box says to one neighbour, and what it has asked that neighbour for.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;
use wire::exchange::{Answer, Want, WantNumber, Word};
use wire::id::ChunkId;
use wire::seal::Refusal;

/// Words that may wait for one neighbour: a `done` for each chunk of some seconds, and what the schedule lets go of `have`s.
pub(super) const WORDS: usize = 128;
/// Parts that have had their turn, and wait until the one before is on its way.
const PARTS: usize = 1;
/// Parts that came, and wait to be checked.
const TO_CHECK: usize = 8;

/// The way to a neighbour. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::mesh) struct Line {
    words: mpsc::Sender<Word>,
    parts: mpsc::Sender<Word>,
    wants: Arc<Mutex<Wants>>,
}

/// What is said on a line, for whoever writes it on the stream.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) words: mpsc::Receiver<Word>,
    pub(super) parts: mpsc::Receiver<Word>,
}

/// What the neighbour was asked for.
#[derive(Debug, Default)]
struct Wants {
    next: WantNumber,
    open: BTreeMap<WantNumber, mpsc::Sender<Told>>,
    /// Bytes that may be on their way though nobody waits for them any more.
    may_come: usize,
}

/// What a neighbour says to a want.
#[derive(Debug)]
pub(in crate::mesh) enum Told {
    Answer(Answer),
    Part(Bytes),
}

/// A want, open until this is dropped.
#[derive(Debug)]
pub(in crate::mesh) struct Asked {
    number: WantNumber,
    line: Line,
    told: mpsc::Receiver<Told>,
    /// How many bytes it may be answered with yet.
    to_come: usize,
}

impl Line {
    pub(super) fn new() -> (Self, Said) {
        let (words, words_said) = mpsc::channel(WORDS);
        let (parts, parts_said) = mpsc::channel(PARTS);
        let line = Self {
            words,
            parts,
            wants: Arc::default(),
        };
        let said = Said {
            words: words_said,
            parts: parts_said,
        };
        (line, said)
    }

    /// Says something. Fails when the neighbour does not listen.
    pub(in crate::mesh) fn say(&self, word: Word) -> io::Result<()> {
        self.words
            .try_send(word)
            .map_err(|_| io::ErrorKind::NotConnected.into())
    }

    /// Sends a part after the one before.
    pub(in crate::mesh) async fn give(&self, number: WantNumber, part: Bytes) -> io::Result<()> {
        let sent = self.parts.send(Word::Part(number, part)).await;
        sent.map_err(|_| io::ErrorKind::NotConnected.into())
    }

    /// Asks for a chunk of which so many parts are here, and so many bytes may come.
    pub(in crate::mesh) fn want(
        &self,
        id: ChunkId,
        here: u16,
        hands_on: bool,
        to_come: usize,
    ) -> io::Result<Asked> {
        let (tell, told) = mpsc::channel(TO_CHECK);
        let number = self.wants().open(tell);
        let asked = Asked {
            number,
            line: self.clone(),
            told,
            to_come,
        };
        let want = Want {
            number,
            id,
            here,
            hands_on,
        };
        self.say(Word::Want(want)).map(|()| asked)
    }

    /// Hands what the neighbour said to whoever asked. Fails when nobody did.
    pub(super) async fn hears(&self, number: WantNumber, told: Told) -> Result<(), Refusal> {
        let asked = self.wants().open.get(&number).cloned();
        let unheard = match asked {
            Some(asked) => match asked.send(told).await {
                Ok(()) => return Ok(()),
                Err(unheard) => unheard.0,
            },
            None => told,
        };
        self.wants().is_unheard(number, &unheard)
    }

    fn wants(&self) -> MutexGuard<'_, Wants> {
        // Nothing is left half done where a panic could leave it.
        self.wants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wants {
    fn open(&mut self, tell: mpsc::Sender<Told>) -> WantNumber {
        let number = self.next;
        self.next = number.wrapping_add(1);
        self.open.insert(number, tell);
        number
    }

    /// What was on its way when it was told to stop may come; more than that was never asked for.
    fn is_unheard(&mut self, number: WantNumber, told: &Told) -> Result<(), Refusal> {
        let left = match told {
            Told::Answer(_) if number < self.next => return Ok(()),
            Told::Answer(_) => None,
            Told::Part(part) => self.may_come.checked_sub(part.len()),
        };
        let unasked = || Refusal::malformed("word", "a reply to no want");
        self.may_come = left.ok_or_else(unasked)?;
        Ok(())
    }
}

impl Asked {
    /// What is said next. Nothing once the neighbour is gone.
    pub(in crate::mesh) async fn next(&mut self) -> Option<Told> {
        let told = self.told.recv().await;
        match &told {
            Some(Told::Part(part)) => self.to_come = self.to_come.saturating_sub(part.len()),
            Some(Told::Answer(Answer::Busy | Answer::Gone)) => self.to_come = 0,
            _ => {}
        }
        told
    }

    /// Takes what was offered, from the part of that number on; so many bytes may come.
    pub(in crate::mesh) fn take(&mut self, here: u16, to_come: usize) -> io::Result<()> {
        self.to_come = to_come;
        self.line.say(Word::Take(self.number, here))
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let mut wants = self.line.wants();
        wants.open.remove(&self.number);
        wants.may_come = wants.may_come.saturating_add(self.to_come);
        drop(wants);
        if self.to_come > 0 {
            // Who does not listen is let go, and sends nothing then.
            let _ = self.line.say(Word::Stop(self.number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::demo;

    const PART: Bytes = Bytes::from_static(&[7; 100]);

    #[tokio::test]
    async fn what_a_neighbour_says_reaches_who_asked() {
        let (line, mut said) = Line::new();
        let mut first = line.want(demo(1, 0), 0, true, 100).unwrap();
        let mut second = line.want(demo(1, 1), 0, true, 100).unwrap();
        let numbers = [0, 1].map(|_| match said.words.try_recv() {
            Ok(Word::Want(want)) => want.number,
            other => panic!("{other:?}"),
        });
        line.hears(numbers[1], Told::Part(PART)).await.unwrap();
        line.hears(numbers[0], Told::Answer(Answer::Busy)).await.unwrap();
        assert!(matches!(first.next().await, Some(Told::Answer(Answer::Busy))));
        assert!(matches!(second.next().await, Some(Told::Part(part)) if part == PART));
        drop((first, second));
        assert!(said.words.try_recv().is_err(), "nothing is to be stopped");
    }

    #[tokio::test]
    async fn what_is_on_its_way_at_the_stop_may_come_and_no_more_than_that() {
        let (line, mut said) = Line::new();
        let mut asked = line.want(demo(1, 0), 0, true, 300).unwrap();
        line.hears(0, Told::Part(PART)).await.unwrap();
        asked.next().await;
        drop(asked);
        assert!(matches!(said.words.try_recv(), Ok(Word::Want(_))));
        assert!(matches!(said.words.try_recv(), Ok(Word::Stop(0))));
        for _ in 0..2 {
            line.hears(0, Told::Part(PART)).await.unwrap();
        }
        line.hears(0, Told::Answer(Answer::Gone)).await.unwrap();
        assert!(line.hears(0, Told::Part(PART)).await.is_err());
        assert!(line.hears(1, Told::Answer(Answer::Gone)).await.is_err());
    }
}
