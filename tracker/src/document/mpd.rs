//! An origin's MPD, checked and ready to be spliced.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

const NAMESPACE: &str = "urn:mpeg:dash:schema:mpd:2011";
const MAX_DEPTH: usize = 16;
const MAX_TAG_BYTES: usize = 4 << 10;

/// What the tracker adds by itself, and what an origin may therefore not say.
const OURS: [&str; 5] = [
    "BaseURL",
    "Location",
    "PatchLocation",
    "ContentSteering",
    "UTCTiming",
];

/// The children of `MPD` that stand before `BaseURL` (ISO/IEC 23009-1 §5.3.1.3).
const BEFORE_BASES: &str = "ProgramInformation";

/// The last children of `MPD` that stand before `UTCTiming`.
const BEFORE_CLOCK: [&str; 4] = ["Period", "Metrics", "EssentialProperty", "SupplementalProperty"];

/// Why a text is no MPD that viewers could be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MpdError {
    /// Not well-formed.
    #[error("the MPD is not well-formed XML: {0}")]
    Xml(String),
    /// The outermost element is another.
    #[error("the document is not an MPD in the namespace {NAMESPACE}")]
    NotAnMpd,
    /// An MPD needs one.
    #[error("the MPD has no Period")]
    NoPeriod,
    /// Something that the tracker adds.
    #[error("the MPD has a {0}, which is for the tracker to add")]
    Ours(&'static str),
    /// A document type definition, which nothing here needs.
    #[error("the MPD has a DOCTYPE")]
    DocType,
    /// Elements within elements within elements.
    #[error("the MPD has elements more than {MAX_DEPTH} deep")]
    TooDeep,
    /// One tag takes more than any needs.
    #[error("the MPD has a tag of more than {MAX_TAG_BYTES} bytes")]
    LongTag,
}

/// A checked MPD and the places where it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mpd {
    text: String,
    bases_at: usize,
    clock_at: usize,
}

impl Mpd {
    /// Checks an MPD and finds where it is to be opened.
    pub fn parse(text: String) -> Result<Self, MpdError> {
        let mut scan = Scan::default();
        let mut reader = Reader::from_str(&text);
        loop {
            let start = position(&reader);
            let event = reader
                .read_event()
                .map_err(|error| MpdError::Xml(error.to_string()))?;
            let end = position(&reader);
            match event {
                Event::Start(tag) => {
                    scan.opened(&tag, start..end)?;
                    scan.depth += 1;
                }
                Event::Empty(tag) => {
                    scan.opened(&tag, start..end)?;
                    scan.closed(tag.name().as_ref(), end);
                }
                Event::End(tag) => {
                    scan.depth = scan.depth.saturating_sub(1);
                    scan.closed(tag.name().as_ref(), end);
                }
                Event::DocType(_) => return Err(MpdError::DocType),
                Event::Text(text) if scan.depth == 0 && !text.trim_ascii().is_empty() => {
                    return Err(MpdError::Xml("text outside of the document".into()));
                }
                Event::Eof => break,
                _ => {}
            }
        }
        let (bases_at, clock_at) = scan.places()?;
        Ok(Self {
            text,
            bases_at,
            clock_at,
        })
    }

    /// The three pieces: before the base URLs, between them and the clock, behind the clock.
    pub(super) fn pieces(&self) -> (&str, &str, &str) {
        let (head, rest) = self.text.split_at(self.bases_at);
        let (body, tail) = rest.split_at(self.clock_at - self.bases_at);
        (head, body, tail)
    }
}

/// What is known of an MPD while it is read.
#[derive(Default)]
struct Scan {
    depth: usize,
    documents: usize,
    bases_at: usize,
    clock_at: Option<usize>,
    periods: usize,
    past_bases: bool,
}

impl Scan {
    fn opened(&mut self, tag: &BytesStart<'_>, span: std::ops::Range<usize>) -> Result<(), MpdError> {
        if span.len() > MAX_TAG_BYTES {
            return Err(MpdError::LongTag);
        }
        let attributes: Vec<_> = tag
            .attributes()
            .collect::<Result<_, _>>()
            .map_err(|error| MpdError::Xml(error.to_string()))?;
        let name = tag.local_name();
        if let Some(ours) = OURS.into_iter().find(|ours| *ours == name.as_ref()) {
            return Err(MpdError::Ours(ours));
        }
        match self.depth {
            0 => {
                let is_ours = |attribute: &quick_xml::events::attributes::Attribute<'_>| {
                    attribute.key.as_ref() == "xmlns" && *attribute.value == *NAMESPACE
                };
                self.documents += 1;
                // A prefix would leave our own elements, which have none, without a namespace.
                if tag.name().as_ref() != "MPD" || self.documents > 1 || !attributes.iter().any(is_ours) {
                    return Err(MpdError::NotAnMpd);
                }
                self.bases_at = span.end;
            }
            1 => {
                self.past_bases |= tag.name().as_ref() != BEFORE_BASES;
                self.periods += usize::from(tag.name().as_ref() == "Period");
            }
            MAX_DEPTH.. => return Err(MpdError::TooDeep),
            _ => {}
        }
        Ok(())
    }

    fn closed(&mut self, name: &str, end: usize) {
        if self.depth != 1 {
            return;
        }
        if !self.past_bases {
            self.bases_at = end;
        }
        if BEFORE_CLOCK.contains(&name) {
            self.clock_at = Some(end);
        }
    }

    fn places(self) -> Result<(usize, usize), MpdError> {
        if self.documents == 0 {
            return Err(MpdError::NotAnMpd);
        }
        if self.depth != 0 {
            return Err(MpdError::Xml(
                "the document ends in the middle of an element".into(),
            ));
        }
        match self.clock_at {
            Some(clock_at) if self.periods > 0 => Ok((self.bases_at, clock_at)),
            _ => Err(MpdError::NoPeriod),
        }
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).expect("a position in a text in memory fits")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mpd(inner: &str) -> String {
        format!(r#"<?xml version="1.0"?><MPD xmlns="{NAMESPACE}" profiles="p">{inner}</MPD>"#)
    }

    fn refusal(inner: &str) -> MpdError {
        Mpd::parse(mpd(inner)).unwrap_err()
    }

    #[test]
    fn the_pieces_of_an_mpd_make_it_whole_again() {
        let text = mpd("\n  <ProgramInformation/><ServiceDescription/>\n <Period/>\n");
        let mpd = Mpd::parse(text.clone()).unwrap();
        let (head, body, tail) = mpd.pieces();
        assert_eq!([head, body, tail].concat(), text);
        assert!(head.ends_with("<ProgramInformation/>"));
        assert!(body.ends_with("<Period/>"));
        assert_eq!(tail, "\n</MPD>");
    }

    #[test]
    fn the_clock_stands_behind_the_properties_and_before_leap_seconds() {
        let text = mpd("<Period><SupplementalProperty/></Period><Metrics></Metrics><LeapSecondInformation/>");
        let mpd = Mpd::parse(text).unwrap();
        let (head, body, tail) = mpd.pieces();
        assert!(head.ends_with(r#"profiles="p">"#));
        assert!(body.ends_with("</Metrics>"));
        assert_eq!(tail, "<LeapSecondInformation/></MPD>");
    }

    #[test]
    fn what_the_tracker_adds_is_not_taken_from_an_origin() {
        for (inner, name) in [
            ("<BaseURL>http://evil/</BaseURL><Period/>", "BaseURL"),
            (
                "<Period><AdaptationSet><BaseURL/></AdaptationSet></Period>",
                "BaseURL",
            ),
            ("<Location>x</Location><Period/>", "Location"),
            ("<Period/><UTCTiming/>", "UTCTiming"),
        ] {
            assert_eq!(refusal(inner), MpdError::Ours(name));
        }
    }

    #[test]
    fn what_is_no_mpd_is_refused() {
        assert_eq!(refusal(""), MpdError::NoPeriod);
        assert_eq!(refusal("<Metrics/>"), MpdError::NoPeriod);
        assert!(matches!(refusal("<Period>"), MpdError::Xml(_)));
        assert!(matches!(refusal("<Period a='1' a='2'/>"), MpdError::Xml(_)));
        assert_eq!(refusal(&"<a>".repeat(MAX_DEPTH + 1)), MpdError::TooDeep);
        assert_eq!(
            refusal(&format!("<Period id='{}'/>", "x".repeat(MAX_TAG_BYTES))),
            MpdError::LongTag
        );
        let whole = mpd("<Period/>");
        assert!(Mpd::parse(whole.clone()).is_ok(), "the witness");
        for (text, why) in [
            (String::new(), "not an MPD"),
            ("<html/>".into(), "not an MPD"),
            ("<MPD><Period/></MPD>".into(), "not an MPD"),
            (whole.replace("MPD", "mpd:MPD"), "not an MPD"),
            (whole.clone() + "<MPD/>", "not an MPD"),
            (whole.clone() + "tail", "not well-formed"),
            (whole.replace("</MPD>", ""), "not well-formed"),
            ("<!DOCTYPE MPD>".to_owned() + &whole, "DOCTYPE"),
        ] {
            let refusal = Mpd::parse(text.clone()).unwrap_err().to_string();
            assert!(refusal.contains(why), "{text}: {refusal}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_without_harm(text in "[<>/?!a-zA-Z=\"' &;\\PC]{0,200}") {
            let _ = Mpd::parse(text);
        }

        #[test]
        fn any_mpd_cut_or_stuffed_is_parsed_without_harm(at in 0usize..200, stuffing in "[<>/\"a&é-]{0,20}") {
            let mut text = mpd("<ProgramInformation/><Period id='1'><AdaptationSet/></Period><Metrics/>");
            let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            text.insert_str(at, &stuffing);
            if let Ok(mpd) = Mpd::parse(text.clone()) {
                let (head, body, tail) = mpd.pieces();
                prop_assert_eq!([head, body, tail].concat(), text);
            }
        }
    }
}
