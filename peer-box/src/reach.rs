//! Which of this box's ports are reached from outside: the trackers' word, never its own.
//!
//! It comes with each answer to an announcement and stands in [`crate::news::News`], which whoever needs it follows.

pub(crate) use wire::announcement::{Reach, Seen};

/// Adds what another tracker saw. What one of them reached is reached; else the first one that tried tells why not.
pub(crate) fn add(reach: &mut Reach, told: &Reach) {
    for (known, told) in [
        (&mut reach.http, &told.http),
        (&mut reach.zmq, &told.zmq),
        (&mut reach.p2p, &told.p2p),
    ] {
        let is_told_more = !known.ok && (told.ok || *known == Seen::default());
        if is_told_more {
            *known = told.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_tracker_reached_is_reached() {
        let mut reach = Reach::default();
        add(
            &mut reach,
            &Reach {
                http: Seen::no("refused"),
                zmq: Seen::yes(),
                p2p: Seen::default(),
            },
        );
        add(
            &mut reach,
            &Reach {
                http: Seen::yes(),
                zmq: Seen::no("refused"),
                p2p: Seen::no("silent"),
            },
        );
        let expected = Reach {
            http: Seen::yes(),
            zmq: Seen::yes(),
            p2p: Seen::no("silent"),
        };
        assert_eq!(reach, expected);
        add(&mut reach, &Reach::default());
        assert_eq!(reach, expected);
    }
}
