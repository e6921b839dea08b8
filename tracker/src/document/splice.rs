//! What the tracker adds to an MPD for one viewer.

use std::fmt::Write;

use quick_xml::escape::escape;

use super::Mpd;

/// The clock in the manifests: an ISO 8601 text over HTTP (ISO/IEC 23009-1 §5.8.4.11).
const HTTP_ISO: &str = "urn:mpeg:dash:utc:http-iso:2014";

/// A place from which a viewer may take the media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// What players call it, and report about: a box id, or `origin`.
    pub location: Option<String>,
    /// Where it is, with a slash at the end.
    pub url: String,
}

/// What one viewer's manifest has and the origin's has not.
#[derive(Clone, Debug)]
pub struct Splice<'a> {
    /// Where the media are, the one to use first at the front: players take the first that works.
    pub bases: &'a [Base],
    /// Where the viewer asks for its next manifest, if not where it asked for this one.
    pub location: Option<&'a str>,
    /// Where the viewer asks for the time.
    pub clock: &'a str,
}

impl Mpd {
    /// The manifest of one viewer.
    pub fn splice(&self, splice: &Splice<'_>) -> String {
        let (head, body, tail) = self.pieces();
        let mut out = String::with_capacity(head.len() + body.len() + tail.len() + 1024);
        out.push_str(head);
        for Base { location, url } in splice.bases {
            let url = escape(url);
            match location {
                Some(location) => line(
                    &mut out,
                    format_args!(
                        r#"<BaseURL serviceLocation="{}">{url}</BaseURL>"#,
                        escape(location)
                    ),
                ),
                None => line(&mut out, format_args!("<BaseURL>{url}</BaseURL>")),
            }
        }
        if let Some(location) = splice.location {
            line(
                &mut out,
                format_args!("<Location>{}</Location>", escape(location)),
            );
        }
        out.push_str(body);
        let clock = escape(splice.clock);
        line(
            &mut out,
            format_args!(r#"<UTCTiming schemeIdUri="{HTTP_ISO}" value="{clock}"/>"#),
        );
        out.push_str(tail);
        out
    }
}

fn line(out: &mut String, element: std::fmt::Arguments<'_>) {
    write!(out, "\n  {element}").expect("writing to a String cannot fail");
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

    fn base(location: &str, url: &str) -> Base {
        Base {
            location: Some(location.into()),
            url: url.into(),
        }
    }

    #[test]
    fn boxes_come_before_the_origin_and_everything_in_the_order_of_the_schema() {
        let mpd = Mpd::parse(MPD.into()).unwrap();
        let spliced = mpd.splice(&Splice {
            bases: &[
                base("box-1", "http://192.0.2.1:8090/live/demo/"),
                base("origin", "https://origin.example/live/demo/"),
            ],
            location: Some("http://t/live/demo/manifest.mpd?session=a&b"),
            clock: "http://t/time",
        });

        let expected = MPD
            .replace(
                "  <ProgramInformation/>\n",
                r#"  <ProgramInformation/>
  <BaseURL serviceLocation="box-1">http://192.0.2.1:8090/live/demo/</BaseURL>
  <BaseURL serviceLocation="origin">https://origin.example/live/demo/</BaseURL>
  <Location>http://t/live/demo/manifest.mpd?session=a&amp;b</Location>
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
        let mpd = Mpd::parse(MPD.into()).unwrap();
        let spliced = mpd.splice(&Splice {
            bases: &[Base {
                location: None,
                url: "http://t/compat/live/demo/".into(),
            }],
            location: None,
            clock: "http://t/time",
        });
        assert!(spliced.contains("\n  <BaseURL>http://t/compat/live/demo/</BaseURL>\n  <Period"));
        assert!(!spliced.contains("<Location"));
    }

    #[test]
    fn nothing_spliced_in_can_break_out_of_its_place() {
        let hostile = r#""><Period id="evil">&'<"#;
        let mpd = Mpd::parse(MPD.into()).unwrap();
        let spliced = mpd.splice(&Splice {
            bases: &[base(hostile, hostile)],
            location: Some(hostile),
            clock: hostile,
        });
        assert_eq!(spliced.matches("<Period").count(), 1);
        assert!(!spliced.contains("\"evil\""));
    }
}
