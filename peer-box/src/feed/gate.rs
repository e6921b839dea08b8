//! The gate: libzmq asks it about every connection before it takes a message (ZeroMQ RFC 27, ZAP).
//!
//! The size of a frame is bounded by libzmq, the number of frames in a message is not. So only addresses that
//! a tracker named as origins' come in at all. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// The frames of a request that matter here.
const VERSION: usize = 0;
const REQUEST_ID: usize = 1;
const ADDRESS: usize = 3;

/// The most frames that a request has: six, and credentials.
pub(super) const MAX_FRAMES: usize = 16;

/// Whether the connection that this request asks about comes from one of the origins.
pub(super) fn is_origin(request: &[Vec<u8>], origins: &BTreeSet<IpAddr>) -> bool {
    let address = request
        .get(ADDRESS)
        .and_then(|address| std::str::from_utf8(address).ok());
    let address = address.and_then(|address| address.parse::<IpAddr>().ok());
    address.is_some_and(|address| origins.contains(&address.to_canonical()))
}

/// The frames that answer a request; none, if it is no request.
pub(super) fn answer(request: &[Vec<u8>], is_origin: bool) -> Option<Vec<Vec<u8>>> {
    let version = request.get(VERSION).filter(|version| **version == b"1.0")?;
    let id = request.get(REQUEST_ID)?;
    // 300 is "not now": after 400 a libzmq peer would never try again, and addresses change.
    let (code, text) = if is_origin {
        ("200", "OK")
    } else {
        ("300", "no known origin's address")
    };
    let [code, text] = [code, text].map(|text| text.as_bytes().to_vec());
    Some(vec![
        version.clone(),
        id.clone(),
        code,
        text,
        Vec::new(),
        Vec::new(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(address: &str) -> Vec<Vec<u8>> {
        ["1.0", "7", "feed", address, "", "NULL"]
            .map(|frame| frame.as_bytes().to_vec())
            .into()
    }

    fn code(address: &str, origins: &[&str]) -> String {
        let origins = origins.iter().map(|origin| origin.parse().unwrap()).collect();
        let request = request(address);
        let answer = answer(&request, is_origin(&request, &origins)).unwrap();
        assert_eq!((answer.len(), &answer[..2]), (6, &request[..2]));
        String::from_utf8(answer[2].clone()).unwrap()
    }

    #[test]
    fn only_addresses_of_origins_come_in() {
        assert_eq!(code("192.0.2.1", &["192.0.2.1"]), "200");
        assert_eq!(code("::ffff:192.0.2.1", &["192.0.2.1"]), "200");
        assert_eq!(code("192.0.2.2", &["192.0.2.1"]), "300");
        assert_eq!(
            code("127.0.0.1", &[]),
            "300",
            "before any tracker answered, nobody"
        );
        assert_eq!(code("nonsense", &["192.0.2.1"]), "300");
    }

    #[test]
    fn what_is_no_request_gets_no_answer() {
        assert_eq!(answer(&[], true), None);
        assert_eq!(answer(&[b"2.0".to_vec(), b"1".to_vec()], true), None);
        assert!(!is_origin(&[], &BTreeSet::new()));
    }
}
