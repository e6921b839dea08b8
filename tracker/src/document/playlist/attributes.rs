//! The attribute lists of tags (RFC 8216bis §4.2): `NAME=value,NAME="quoted"`.

/// One of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    /// Without its quotes.
    pub(super) value: &'a str,
    pub(super) quoted: bool,
    /// Where the value begins within the list.
    pub(super) at: usize,
}

/// The attributes of a list; the last is `None` if what is left of the list is malformed.
pub(super) fn attributes(list: &str) -> impl Iterator<Item = Option<Attribute<'_>>> {
    let mut at = 0;
    let mut whole = true;
    std::iter::from_fn(move || {
        if !whole || at == list.len() && at > 0 {
            return None;
        }
        let read = read(list, at);
        match read {
            Some((_, next)) => at = next,
            None => whole = false,
        }
        Some(read.map(|(attribute, _)| attribute))
    })
}

/// The attribute that begins at `at`, and where the next one does: behind a comma, or nowhere.
fn read(list: &str, at: usize) -> Option<(Attribute<'_>, usize)> {
    let (name, rest) = list.get(at..)?.split_once('=')?;
    let allowed = |byte: u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'-');
    if name.is_empty() || !name.bytes().all(allowed) {
        return None;
    }
    let start = at + name.len() + 1;
    let (value, quoted, after) = match rest.strip_prefix('"') {
        Some(inner) => {
            let (value, after) = inner.split_once('"')?;
            (value, true, after)
        }
        None => {
            let end = rest.find(',').unwrap_or(rest.len());
            let (value, after) = rest.split_at(end);
            if value.is_empty() || value.contains(['"', ' ', '=']) {
                return None;
            }
            (value, false, after)
        }
    };
    let next = match after.strip_prefix(',') {
        Some("") => return None,
        Some(more) => list.len() - more.len(),
        None if after.is_empty() => list.len(),
        None => return None,
    };
    let attribute = Attribute {
        name,
        value,
        quoted,
        at: start + usize::from(quoted),
    };
    Some((attribute, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_with_commas_in_quotes_and_knows_where_values_begin() {
        let list = r#"TYPE=PART,NAME="URI=",URI="1/v0/2.0.m4v",CODECS="a,b""#;
        let found: Vec<_> = attributes(list).map(Option::unwrap).collect();
        let pairs: Vec<_> = found.iter().map(|found| (found.name, found.value)).collect();
        assert_eq!(
            pairs,
            [
                ("TYPE", "PART"),
                ("NAME", "URI="),
                ("URI", "1/v0/2.0.m4v"),
                ("CODECS", "a,b")
            ]
        );
        for attribute in found {
            assert!(list[attribute.at..].starts_with(attribute.value));
        }
    }

    #[test]
    fn what_is_no_list_ends_in_nothing() {
        for list in [
            "", ",", "A", "A=", "=B", "a=B", "A=B,", "A=\"B", "A=\"B\"C", "A=B C", "A=B\"", "A=B,,C=D",
        ] {
            assert_eq!(attributes(list).last(), Some(None), "{list}");
        }
    }
}
