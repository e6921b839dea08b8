//! Until when a certificate is good (RFC 5280 §4.1.2.5): the one field of it that its owner has to see in time.

use std::time::Duration;

use crate::clock;

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version, which the oldest certificates leave out.
const VERSION: u8 = 0xA0;

/// The end of a certificate's validity, since 1970. `None` for what is no certificate.
pub(super) fn until(der: &[u8]) -> Option<Duration> {
    let certificate = Reader(der).take(SEQUENCE)?;
    let mut fields = Reader(Reader(certificate).take(SEQUENCE)?);
    if fields.next_is(VERSION) {
        fields.element()?;
    }
    // The serial number, the algorithm of the signature, the issuer.
    for _ in 0..3 {
        fields.element()?;
    }
    let mut validity = Reader(fields.take(SEQUENCE)?);
    validity.element()?;
    let (tag, text) = validity.element()?;
    time(tag, text)
}

/// DER (ITU-T X.690 §10), element by element.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn next_is(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// The content of the next element, if that is of this kind.
    fn take(&mut self, wanted: u8) -> Option<&'a [u8]> {
        let (tag, content) = self.element()?;
        (tag == wanted).then_some(content)
    }

    fn element(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>()?;
        let (length, rest) = match first {
            0..=0x7F => (usize::from(first), rest),
            // Four bytes of length are more than any certificate has.
            0x81..=0x84 => {
                let (length, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
                let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`; two digits of a year from 50 on are of the last century.
fn time(tag: u8, text: &[u8]) -> Option<Duration> {
    let digits = text.strip_suffix(b"Z")?;
    let number = |digits: &[u8]| -> Option<u64> {
        let text = std::str::from_utf8(digits).ok()?;
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok())?
    };
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year = number(year)?;
            (year + if year < 50 { 2000 } else { 1900 }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = digits.split_at_checked(4)?;
            (number(year)?, rest)
        }
        _ => return None,
    };
    let parts: Vec<u64> = rest.chunks(2).map(number).collect::<Option<_>>()?;
    let &[month, day, hour, minute, second] = &parts[..] else {
        return None;
    };
    let is_time = hour < 24 && minute < 60 && second < 60 && rest.len() == 10;
    let days = clock::days(year, month, day).filter(|_| is_time)?;
    Some(Duration::from_secs(
        ((days * 24 + hour) * 60 + minute) * 60 + second,
    ))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn made_until(year: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(["tracker.example".to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 2, 28);
        let signed = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        signed.der().to_vec()
    }

    #[test]
    fn the_end_is_read_in_both_ways_of_writing_it() {
        for (year, at) in [
            (1999, "1999-02-28T00:00:00Z"),
            (2049, "2049-02-28T00:00:00Z"),
            (2051, "2051-02-28T00:00:00Z"),
        ] {
            let found = until(&made_until(year)).map(clock::date_time);
            assert_eq!(found.as_deref(), Some(at));
        }
    }

    #[test]
    fn a_certificate_that_is_cut_off_anywhere_is_none() {
        let whole = made_until(2040);
        for cut in 0..whole.len() {
            assert_eq!(until(&whole[..cut]), None, "{cut}");
        }
        let mut damaged = whole.clone();
        for at in 0..whole.len().min(200) {
            for value in [0, 0x80, 0x84, 0xFF] {
                damaged[at] = value;
                let _ = until(&damaged);
            }
            damaged[at] = whole[at];
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for bad in [
            "",
            "Z",
            "270231000000Z",
            "270101240000Z",
            "27010100000Z",
            "2701010000+0Z",
            "270101000000",
        ] {
            assert_eq!(time(UTC_TIME, bad.as_bytes()), None, "{bad}");
        }
        assert!(time(UTC_TIME, b"270228235959Z").is_some(), "the witness");
    }
}
