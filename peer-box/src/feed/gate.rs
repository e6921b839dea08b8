//! The gate: libzmq asks it about every connection before it takes a message (ZeroMQ RFC 27, ZAP). Pure.
//!
//! The size of a frame is bounded by libzmq, the number of frames in a message is not. So only addresses that
//! a tracker named as origins' come in at all. An origin that has just begun may be a moment ahead of the
//! tracker's word: whoever is not known is kept waiting that long, and only then turned away.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The most frames that a question has: an envelope of two, six, and credentials.
pub(super) const MAX_FRAMES: usize = 16;

/// How long an address may wait to become known. Less than libzmq waits for a handshake.
const HOLD: Duration = Duration::from_secs(1);

/// Who may wait at a time; the one that came first makes room.
const MAX_WAITING: usize = 64;

/// Where the frames of a question are, behind the routing id and the empty frame that lead the answer back.
const ENVELOPE: usize = 2;
const VERSION: usize = 2;
const REQUEST_ID: usize = 3;
const ADDRESS: usize = 5;

/// Frames.
type Message = Vec<Vec<u8>>;

/// Who waits to be let in.
#[derive(Debug, Default)]
pub(super) struct Gate {
    waiting: VecDeque<Knock>,
}

#[derive(Debug)]
struct Knock {
    question: Message,
    address: Option<IpAddr>,
    since: Instant,
}

impl Gate {
    /// libzmq asks about a connection. What is no such question gets no answer.
    pub(super) fn knock(&mut self, now: Instant, question: Message) {
        if question.len() <= ADDRESS || question[VERSION] != b"1.0" {
            return;
        }
        let address = std::str::from_utf8(&question[ADDRESS])
            .ok()
            .and_then(|text| text.parse().ok());
        self.waiting.push_back(Knock {
            address: address.as_ref().map(IpAddr::to_canonical),
            question,
            since: now,
        });
    }

    /// The answers that can be given now.
    pub(super) fn answers(&mut self, now: Instant, origins: &BTreeSet<IpAddr>) -> Vec<Message> {
        let mut answers = Vec::new();
        let mut too_many = self.waiting.len().saturating_sub(MAX_WAITING);
        self.waiting.retain(|knock| {
            let is_origin = knock.address.is_some_and(|address| origins.contains(&address));
            let waits = !is_origin && too_many == 0 && now.saturating_duration_since(knock.since) < HOLD;
            if !waits {
                too_many = too_many.saturating_sub(1);
                answers.push(answer(&knock.question, is_origin));
            }
            waits
        });
        answers
    }

    /// Whether somebody waits whom no tracker has named.
    pub(super) fn has_strangers(&self) -> bool {
        !self.waiting.is_empty()
    }
}

fn answer(question: &[Vec<u8>], is_origin: bool) -> Message {
    // 300 is "not now": after 400 a libzmq peer would never try again, and addresses change.
    let (code, text) = if is_origin {
        ("200", "OK")
    } else {
        ("300", "not the address of a known origin")
    };
    let mut answer = question[..ENVELOPE].to_vec();
    answer.extend([question[VERSION].clone(), question[REQUEST_ID].clone()]);
    answer.extend([code, text, "", ""].map(|text| text.as_bytes().to_vec()));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(id: &str, address: &str) -> Message {
        ["route", "", "1.0", id, "feed", address, "", "NULL"]
            .map(|frame| frame.as_bytes().to_vec())
            .into()
    }

    fn origins(addresses: &[&str]) -> BTreeSet<IpAddr> {
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }

    /// Request ids and codes of what is answered.
    fn codes(answers: &[Message]) -> Vec<(String, String)> {
        let text = |frame: &[u8]| String::from_utf8(frame.to_vec()).unwrap();
        let code = |answer: &Message| {
            assert_eq!((&answer[..3], answer.len()), (&question("", "")[..3], 8));
            (text(&answer[3]), text(&answer[4]))
        };
        answers.iter().map(code).collect()
    }

    #[test]
    fn only_addresses_of_origins_come_in() {
        let now = Instant::now();
        let mut gate = Gate::default();
        for (id, address) in [
            ("1", "192.0.2.1"),
            ("2", "::ffff:192.0.2.1"),
            ("3", "192.0.2.2"),
            ("4", "?"),
        ] {
            gate.knock(now, question(id, address));
        }
        let known = origins(&["192.0.2.1"]);
        let pair = |id: &str, code: &str| (id.to_owned(), code.to_owned());
        assert_eq!(
            codes(&gate.answers(now, &known)),
            [pair("1", "200"), pair("2", "200")]
        );
        assert!(gate.has_strangers());
        assert_eq!(
            codes(&gate.answers(now + HOLD, &known)),
            [pair("3", "300"), pair("4", "300")]
        );
        assert!(!gate.has_strangers());
    }

    #[test]
    fn who_becomes_known_while_it_waits_comes_in() {
        let now = Instant::now();
        let mut gate = Gate::default();
        gate.knock(now, question("1", "127.0.0.1"));
        assert_eq!(gate.answers(now, &origins(&[])), [] as [Message; 0]);
        let answers = gate.answers(now + HOLD / 2, &origins(&["127.0.0.1"]));
        assert_eq!(codes(&answers)[0].1, "200");
    }

    #[test]
    fn few_may_wait() {
        let now = Instant::now();
        let mut gate = Gate::default();
        for _ in 0..MAX_WAITING + 3 {
            gate.knock(now, question("1", "192.0.2.9"));
        }
        assert_eq!(gate.answers(now, &origins(&[])).len(), 3);
        assert_eq!(gate.waiting.len(), MAX_WAITING);
    }

    #[test]
    fn what_is_no_question_gets_no_answer() {
        let now = Instant::now();
        let mut gate = Gate::default();
        for bad in [
            vec![],
            question("1", "192.0.2.1")[..5].to_vec(),
            vec![b"2.0".to_vec(); 8],
        ] {
            gate.knock(now, bad);
        }
        assert!(!gate.has_strangers());
    }
}
