//! The way in for a fuzzer: built only with `--cfg fuzzing`.

use std::time::{Duration, Instant};

use super::session::{Event, Patience, Session};

/// Pieces of this size are read from a socket one after another.
const PIECE: usize = 61;

/// What one connection may keep: its input, the chunk streams in flight, and what it has to say.
const MOST_OUTPUT: usize = 1 << 20;

/// One encoder's conversation, to whatever end it has. Everybody's key is good.
pub fn converse(bytes: &[u8]) {
    let now = Instant::now();
    let mut session = Session::new(now, Patience::default());
    // Past the handshake there is more to find: every other conversation begins there.
    let greeted = bytes.first().is_some_and(|first| first & 1 == 1);
    if greeted {
        let greeting = [&[3][..], &[0; 1536], &[0; 1536]].concat();
        session.push(&greeting);
        while let Ok(Some(_)) = session.next(now) {}
    }
    for (number, piece) in (0..).zip(bytes.get(1..).unwrap_or_default().chunks(PIECE)) {
        let now = now + Duration::from_millis(number);
        session.push(piece);
        loop {
            match session.next(now) {
                Ok(Some(Event::Asks(_))) => session.accept(now),
                Ok(Some(Event::Unit(_))) => {}
                Ok(None) => break,
                Err(ended) => {
                    session.part(&ended);
                    assert!(session.output().len() <= MOST_OUTPUT);
                    return;
                }
            }
        }
        assert!(session.output().len() <= MOST_OUTPUT);
        session.output().clear();
    }
}
