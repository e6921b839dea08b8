//! What a request asks of a whole segment: all of it, a part, or whether it changed (RFC 9110 §13, §14).

use std::fmt::Write;

use axum::http::{HeaderMap, Method, header};

/// Bytes of a segment, from `start` to before `end`. Never empty, apart from the part that is all of nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) start: u64,
    pub(super) end: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Whole,
    Part(Part),
    Unchanged,
    Unsatisfiable,
}

/// A request for a segment whose strong entity tag is `tag`.
pub(super) struct Conditions<'a> {
    pub(super) method: &'a Method,
    pub(super) headers: &'a HeaderMap,
    pub(super) tag: &'a str,
}

/// The entity tag that says which content this is: its hash, in hexadecimal digits and quotes.
pub(super) fn entity_tag(hash: &[u8]) -> String {
    let mut tag = String::with_capacity(2 + 2 * hash.len());
    tag.push('"');
    for byte in hash {
        // Writing to a String cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

impl Conditions<'_> {
    /// What to answer, in the order of precedence of RFC 9110 §13.2.2.
    pub(super) fn judge(&self, size: u64) -> Verdict {
        if self.viewer_has_it() {
            return Verdict::Unchanged;
        }
        // A range means something to GET alone (§14.2).
        match self.text(header::RANGE) {
            Some(range) if self.method == Method::GET && self.range_applies() => part(range, size),
            _ => Verdict::Whole,
        }
    }

    fn viewer_has_it(&self) -> bool {
        let lines = self
            .headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok());
        // A weak comparison (§13.1.2). A comma inside a tag splits it, and then it is none of ours.
        let matches = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.tag;
        lines
            .flat_map(|line| line.split(','))
            .any(|tag| matches(tag.trim()))
    }

    /// `If-Range` holds for the very same content only; there is no date to compare with (§13.1.5).
    fn range_applies(&self) -> bool {
        !self.headers.contains_key(header::IF_RANGE) || self.text(header::IF_RANGE) == Some(self.tag)
    }

    fn text(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }
}

/// The single range of a `Range` header. What is malformed, or asks for several, is answered with all of it,
/// as §14.2 allows.
fn part(header: &str, size: u64) -> Verdict {
    let Some((unit, range)) = header.split_once('=') else {
        return Verdict::Whole;
    };
    let Some((first, last)) = range.trim().split_once('-') else {
        return Verdict::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") || range.contains(',') {
        return Verdict::Whole;
    }
    match (number(first), number(last)) {
        (Number::None, Number::Some(0)) => Verdict::Unsatisfiable,
        (Number::None, Number::Some(suffix)) if size > 0 => Verdict::Part(Part {
            start: size.saturating_sub(suffix),
            end: size,
        }),
        (Number::Some(first), Number::Some(last)) if last < first => Verdict::Whole,
        (Number::Some(first), Number::None | Number::Some(_)) if first >= size => Verdict::Unsatisfiable,
        (Number::Some(first), Number::None) => Verdict::Part(Part {
            start: first,
            end: size,
        }),
        (Number::Some(first), Number::Some(last)) => Verdict::Part(Part {
            start: first,
            end: last.saturating_add(1).min(size),
        }),
        _ => Verdict::Whole,
    }
}

enum Number {
    None,
    Some(u64),
    Wrong,
}

fn number(text: &str) -> Number {
    match text.trim() {
        "" => Number::None,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            // A number too large to read is larger than any segment.
            Number::Some(digits.parse().unwrap_or(u64::MAX))
        }
        _ => Number::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"abc\"";

    fn judge(method: &Method, headers: &[(header::HeaderName, &'static str)]) -> Verdict {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        Conditions {
            method,
            headers: &headers,
            tag: TAG,
        }
        .judge(1000)
    }

    #[test]
    fn a_range_is_the_bytes_that_it_says() {
        let range = |value| judge(&Method::GET, &[(header::RANGE, value)]);
        let part = |start, end| Verdict::Part(Part { start, end });

        assert_eq!(range("bytes=0-0"), part(0, 1));
        assert_eq!(range("bytes=10-19"), part(10, 20));
        assert_eq!(range("bytes=990-"), part(990, 1000));
        assert_eq!(range("bytes=990-5000"), part(990, 1000));
        assert_eq!(range("bytes=0-99999999999999999999999"), part(0, 1000));
        assert_eq!(range("Bytes = -10"), part(990, 1000));
        assert_eq!(range("bytes=-5000"), part(0, 1000));
        for none in ["bytes=1000-", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(range(none), Verdict::Unsatisfiable, "{none}");
        }
        for ignored in [
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-4",
            "bytes=a-b",
            "bytes=+1-2",
            "lines=1-2",
            "bytes=0-1,5-6",
        ] {
            assert_eq!(range(ignored), Verdict::Whole, "{ignored}");
        }
    }

    #[test]
    fn a_range_is_for_get_and_for_the_content_it_was_meant_for() {
        let range = (header::RANGE, "bytes=0-9");
        assert_eq!(judge(&Method::HEAD, std::slice::from_ref(&range)), Verdict::Whole);
        let same = judge(&Method::GET, &[range.clone(), (header::IF_RANGE, TAG)]);
        assert_eq!(same, Verdict::Part(Part { start: 0, end: 10 }));
        for other in ["\"abd\"", "W/\"abc\"", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(
                judge(&Method::GET, &[range.clone(), (header::IF_RANGE, other)]),
                Verdict::Whole
            );
        }
    }

    #[test]
    fn a_viewer_that_has_it_is_told_so() {
        for has in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            let verdict = judge(
                &Method::GET,
                &[(header::IF_NONE_MATCH, has), (header::RANGE, "bytes=0-9")],
            );
            assert_eq!(verdict, Verdict::Unchanged, "{has}");
        }
        assert_eq!(
            judge(&Method::GET, &[(header::IF_NONE_MATCH, "\"abd\"")]),
            Verdict::Whole
        );
    }
}
