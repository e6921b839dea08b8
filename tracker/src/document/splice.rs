//! What the tracker adds to an MPD for one viewer.

use std::borrow::Cow;
use std::cell::RefCell;

use bytes::{Bytes, BytesMut};

use super::Mpd;

/// The clock in the manifests: an ISO 8601 text over HTTP (ISO/IEC 23009-1 §5.8.4.11).
const HTTP_ISO: &str = "urn:mpeg:dash:utc:http-iso:2014";

/// What players call the origin.
pub const ORIGIN: &str = "origin";

/// Where the tracker tells the time.
const CLOCK: &str = "/time";

/// Manifests are written into pieces of memory of this size: many to a piece.
const SHEET: usize = 64 << 10;

thread_local! {
    /// What is left of the piece of memory that this thread writes into. Manifests are about as long as what allocators are
    /// slowest at, and thousands are written each second.
    static SPARE: RefCell<BytesMut> = RefCell::new(BytesMut::new());
}

/// Where media is, as the beginning of an element: what players call the place, a box id or `origin`, and its URL. What
/// is behind the URL's path is the same for all places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    text: String,
    is_beside_us: bool,
}

impl Place {
    /// A place with this name, if any, at this URL without a path.
    pub fn new(name: Option<&str>, url: &str) -> Self {
        let url = escape(url);
        let text = match name {
            Some(name) => format!("\n  <BaseURL serviceLocation=\"{}\">{url}", escape(name)),
            None => format!("\n  <BaseURL>{url}"),
        };
        Self {
            text,
            is_beside_us: false,
        }
    }

    /// The same, on the tracker's own machine or not: who asks reaches it there by the host that they used.
    #[must_use]
    pub fn beside_us(self, is_beside_us: bool) -> Self {
        Self { is_beside_us, ..self }
    }

    /// Whether it is another for who asks in another way.
    pub fn is_beside_us(&self) -> bool {
        self.is_beside_us
    }
}

/// What one viewer's manifest has and the origin's has not.
#[derive(Clone, Debug)]
pub struct Splice<'a> {
    /// Where the media are, the one to use first at the front: players take the first that works.
    pub places: &'a [Cow<'a, Place>],
    /// The path of the media at each place, with a slash at the end.
    pub path: &'a str,
    /// The tracker, without a path.
    pub tracker: &'a str,
    /// The path there at which the viewer asks for its next manifest, if not where it asked for this one.
    pub location: Option<&'a str>,
    /// The path there at which the viewer asks where it should go on, if it may.
    pub steering: Option<&'a str>,
}

impl Mpd {
    /// The manifest of one viewer.
    pub fn splice(&self, splice: &Splice<'_>) -> Bytes {
        let (head, body, tail) = self.pieces();
        let path = escape(splice.path);
        let tracker = escape(splice.tracker);
        let (location, steering) = (splice.location.map(escape), splice.steering.map(escape));
        SPARE.with_borrow_mut(|out| {
            let ours = splice
                .places
                .iter()
                .map(|place| place.text.len() + path.len() + 16);
            let asked = [&location, &steering].into_iter().flatten();
            let rest = asked.map(|path| path.len() + tracker.len() + 64).sum::<usize>() + tracker.len() + 128;
            let length = head.len() + body.len() + tail.len() + ours.sum::<usize>() + rest;
            if out.capacity() < length {
                out.reserve(length.max(SHEET));
            }
            let mut add = |text: &str| out.extend_from_slice(text.as_bytes());
            add(head);
            for place in splice.places {
                add(&place.text);
                add(&path);
                add("</BaseURL>");
            }
            if let Some(location) = &location {
                add("\n  <Location>");
                add(&tracker);
                add(location);
                add("</Location>");
            }
            if let Some(steering) = &steering {
                add("\n  <ContentSteering>");
                add(&tracker);
                add(steering);
                add("</ContentSteering>");
            }
            add(body);
            add("\n  <UTCTiming schemeIdUri=\"");
            add(HTTP_ISO);
            add("\" value=\"");
            add(&tracker);
            add(CLOCK);
            add("\"/>");
            add(tail);
            out.split().freeze()
        })
    }
}

/// The text as XML has it. Hardly anything of ours has to be written otherwise, and to look is quicker than to search.
fn escape(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| !matches!(byte, b'<' | b'>' | b'&' | b'"' | b'\'');
    if text.bytes().all(is_plain) {
        Cow::Borrowed(text)
    } else {
        quick_xml::escape::escape(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MPD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" profiles="urn:mpeg:dash:profile:isoff-live:2011">
  <ProgramInformation/>
  <Period id="1" start="PT0S"/>
</MPD>
"#;

    fn place(name: &str, url: &str) -> Cow<'static, Place> {
        Cow::Owned(Place::new(Some(name), url))
    }

    fn splice(splice: &Splice<'_>) -> String {
        let spliced = Mpd::parse(MPD.into()).unwrap().splice(splice);
        String::from_utf8(spliced.into()).unwrap()
    }

    #[test]
    fn boxes_come_before_the_origin_and_everything_in_the_order_of_the_schema() {
        let spliced = splice(&Splice {
            places: &[
                place("box-1", "http://192.0.2.1:8090"),
                place("origin", "https://origin.example"),
            ],
            path: "/live/demo/",
            tracker: "http://t",
            location: Some("/live/demo/manifest.mpd?session=a&b"),
            steering: Some("/steering/dash/demo?session=a&b"),
        });

        let expected = MPD
            .replace(
                "  <ProgramInformation/>\n",
                r#"  <ProgramInformation/>
  <BaseURL serviceLocation="box-1">http://192.0.2.1:8090/live/demo/</BaseURL>
  <BaseURL serviceLocation="origin">https://origin.example/live/demo/</BaseURL>
  <Location>http://t/live/demo/manifest.mpd?session=a&amp;b</Location>
  <ContentSteering>http://t/steering/dash/demo?session=a&amp;b</ContentSteering>
"#,
            )
            .replace(
                "</MPD>",
                "  <UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" value=\"http://t/time\"/>\n</MPD>",
            );
        assert_eq!(spliced, expected);
    }

    #[test]
    fn a_manifest_for_everybody_has_one_base_and_no_location() {
        let spliced = splice(&Splice {
            places: &[Cow::Owned(Place::new(None, "http://t"))],
            path: "/compat/live/demo/",
            tracker: "http://t",
            location: None,
            steering: None,
        });
        assert!(spliced.contains("\n  <BaseURL>http://t/compat/live/demo/</BaseURL>\n  <Period"));
        assert!(!spliced.contains("<Location"));
    }

    #[test]
    fn nothing_spliced_in_can_break_out_of_its_place() {
        let hostile = r#""><Period id="evil">&'<"#;
        let spliced = splice(&Splice {
            places: &[place(hostile, hostile)],
            path: hostile,
            tracker: hostile,
            location: Some(hostile),
            steering: Some(hostile),
        });
        assert_eq!(spliced.matches("<Period").count(), 1);
        assert!(!spliced.contains("\"evil\""));
    }

    #[test]
    fn manifests_that_share_a_piece_of_memory_are_whole_and_so_is_one_that_is_longer() {
        let long = MPD.replace("PT0S", &"x".repeat(2 * SHEET));
        let of = |text: &str, tracker: &str| {
            let mpd = Mpd::parse(text.into()).unwrap();
            mpd.splice(&Splice {
                places: &[],
                path: "/",
                tracker,
                location: None,
                steering: None,
            })
        };
        let spliced: Vec<Bytes> = (0..500).map(|n| of(MPD, &n.to_string())).collect();
        for (n, spliced) in spliced.iter().enumerate() {
            let text = std::str::from_utf8(spliced).unwrap();
            assert!(text.contains(&format!("value=\"{n}/time\"")) && text.ends_with("</MPD>\n"));
        }
        assert!(Mpd::parse(long.clone()).is_err() || of(&long, "c").len() > SHEET);
    }
}
