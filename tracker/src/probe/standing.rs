//! Why viewers are not sent to a box, in words that its owner understands.

use wire::address::Host;
use wire::announcement::{Reach, Seen};

use crate::clock::SECOND;
use crate::reach::{address, is_private};
use crate::registry::{BoxRecord, Verdict};

/// A proof is good for this long.
const GOOD_FOR: u64 = 15 * 60 * SECOND;

/// Why viewers are not sent to a box, given what came of proving the address that it now has.
fn why_unlisted(
    record: &BoxRecord,
    verdict: Option<&Verdict>,
    allow_private: bool,
    now: u64,
) -> Option<String> {
    objection(record, allow_private).or_else(|| match verdict {
        Some(Verdict {
            refusal: Some(why), ..
        }) => Some(why.clone()),
        Some(verdict) if now < verdict.at.saturating_add(GOOD_FOR) => None,
        _ => Some(format!("it has not been found at {} yet", record.http())),
    })
}

/// What was seen of a box's ports, given what came of proving the address that it now has.
pub fn reach(record: &BoxRecord, verdict: Option<&Verdict>, allow_private: bool, now: u64) -> Reach {
    let seen = |why: Option<String>| why.map_or_else(Seen::yes, Seen::no);
    let fresh = verdict.filter(|verdict| now < verdict.at.saturating_add(GOOD_FOR));
    let objection = objection(record, allow_private);
    let port = |port| match (&objection, fresh) {
        (Some(objection), _) => Seen::no(objection),
        (None, Some(verdict)) => verdict
            .of_port(port)
            .map_or_else(Seen::default, |found| seen(found.refusal.clone())),
        (None, None) => Seen::default(),
    };
    Reach {
        http: seen(why_unlisted(record, verdict, allow_private, now)),
        zmq: port(record.announcement.zmq_port),
        p2p: port(record.announcement.p2p_port),
    }
}

/// What speaks against a box before anybody goes to see.
pub(super) fn objection(record: &BoxRecord, allow_private: bool) -> Option<String> {
    let seen_from = record.seen_from;
    if is_private(seen_from) && !allow_private {
        return Some(format!(
            "its address {seen_from} is private; a tracker started with --allow-private-boxes lists it"
        ));
    }
    match record.http().host {
        Host::Ip(ip) if ip.to_canonical() != address(&record.announcement.http, seen_from) => {
            Some(format!("it says it is at {ip}, but it speaks from {seen_from}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::PortVerdict;
    use crate::testing;

    const NOW: u64 = testing::NOW;

    fn why(http: &str, seen_from: &str, allow_private: bool) -> Option<String> {
        let record = testing::box_record(1, NOW, http, seen_from);
        let verdict = Verdict {
            http: record.http(),
            at: NOW,
            refusal: None,
            ports: vec![],
        };
        why_unlisted(&record, Some(&verdict), allow_private, NOW)
    }

    #[test]
    fn a_proved_box_is_listed_until_its_proof_is_old() {
        let record = testing::box_record(1, NOW, "http://0.0.0.0:80", "127.0.0.1");
        let verdict = Verdict {
            http: record.http(),
            at: NOW,
            refusal: None,
            ports: vec![],
        };
        assert_eq!(why_unlisted(&record, Some(&verdict), false, NOW), None);
        assert!(why_unlisted(&record, Some(&verdict), false, NOW + GOOD_FOR).is_some());
        assert!(why_unlisted(&record, None, false, NOW).is_some());
    }

    #[test]
    fn each_port_is_told_of_by_itself_until_that_is_old() {
        let record = testing::box_record(1, NOW, "http://0.0.0.0:80", "127.0.0.1");
        let refusal = Some("nothing listens there".to_owned());
        let [zmq, p2p] = [None, refusal.clone()];
        let ports = [(8091, zmq), (8092, p2p)].map(|(port, refusal)| PortVerdict { port, refusal });
        let verdict = Verdict {
            http: record.http(),
            at: NOW,
            refusal: Some("connection refused".into()),
            ports: ports.into(),
        };
        let seen = reach(&record, Some(&verdict), false, NOW);
        assert_eq!(seen.http, Seen::no("connection refused"));
        assert_eq!((seen.zmq, seen.p2p.why), (Seen::yes(), refusal));
        assert_eq!(
            reach(&record, Some(&verdict), false, NOW + GOOD_FOR).zmq,
            Seen::default()
        );
        assert_eq!(reach(&record, None, false, NOW).zmq, Seen::default());

        let moved = Verdict {
            ports: vec![],
            ..verdict
        };
        assert_eq!(reach(&record, Some(&moved), false, NOW).zmq, Seen::default());
        let private = testing::box_record(1, NOW, "http://0.0.0.0:80", "192.168.1.2");
        assert!(!reach(&private, None, false, NOW).p2p.ok);
    }

    #[test]
    fn a_box_at_a_private_address_is_listed_only_where_that_is_allowed() {
        assert_eq!(
            why("http://0.0.0.0:80", "127.0.0.1", false),
            None,
            "loopback always"
        );
        assert!(
            why("http://0.0.0.0:80", "192.168.1.2", false)
                .unwrap()
                .contains("--allow-private-boxes")
        );
        assert_eq!(why("http://0.0.0.0:80", "192.168.1.2", true), None);
    }

    #[test]
    fn a_box_that_names_another_address_than_its_own_is_not_listed() {
        assert_eq!(why("http://198.51.100.7:80", "198.51.100.7", false), None);
        assert!(
            why("http://198.51.100.8:80", "198.51.100.7", false)
                .unwrap()
                .contains("198.51.100.8")
        );
        assert!(why("http://127.0.0.1:80", "198.51.100.7", false).is_some());
        assert!(why("http://198.51.100.7:80", "127.0.0.1", false).is_some());
        assert_eq!(
            why("http://127.0.0.2:80", "127.0.0.1", false),
            None,
            "all of loopback is here"
        );
    }
}
