//! Quantities as people write them in settings: `8mbit`, `50GB`, `30s`.
//!
//! A number, a unit, nothing in between but perhaps a space. Units of bytes are powers of ten, as disks and data caps
//! are sold; `GiB` and its like are powers of two.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a text is no quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what}: write a number and one of {units}, for example {example}")]
pub struct BadQuantity {
    text: String,
    what: &'static str,
    units: &'static str,
    example: &'static str,
}

/// Bits in a second: `800k`, `8mbit`, `1.5gbit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bitrate(pub u64);

/// A number of bytes: `50GB`, `512MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(pub u64);

/// A length of time: `500ms`, `30s`, `5m`, `12h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

const BITRATES: [(&str, f64); 12] = [
    ("", 1.0),
    ("bit", 1.0),
    ("k", 1e3),
    ("kbit", 1e3),
    ("m", 1e6),
    ("mbit", 1e6),
    ("g", 1e9),
    ("gbit", 1e9),
    ("kbps", 1e3),
    ("mbps", 1e6),
    ("kbyte", 8e3),
    ("mbyte", 8e6),
];

const SIZES: [(&str, f64); 10] = [
    ("", 1.0),
    ("b", 1.0),
    ("kb", 1e3),
    ("mb", 1e6),
    ("gb", 1e9),
    ("tb", 1e12),
    ("kib", 1024.0),
    ("mib", 1_048_576.0),
    ("gib", 1_073_741_824.0),
    ("tib", 1_099_511_627_776.0),
];

const SPANS: [(&str, f64); 5] = [
    ("ms", 1.0),
    ("s", 1e3),
    ("m", 60e3),
    ("h", 3600e3),
    ("d", 86_400e3),
];

impl FromStr for Bitrate {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let bits = read(text, &BITRATES).filter(|bits| *bits > 0);
        bits.map(Self).ok_or_else(|| BadQuantity {
            text: text.into(),
            what: "a bitrate",
            units: "kbit, mbit, gbit",
            example: "8mbit",
        })
    }
}

impl FromStr for Size {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        read(text, &SIZES).map(Self).ok_or_else(|| BadQuantity {
            text: text.into(),
            what: "a size",
            units: "kB, MB, GB, TB, MiB, GiB",
            example: "50GB",
        })
    }
}

impl FromStr for Span {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let millis = read(text, &SPANS);
        millis
            .map(|millis| Self(Duration::from_millis(millis)))
            .ok_or_else(|| BadQuantity {
                text: text.into(),
                what: "a length of time",
                units: "ms, s, m, h, d",
                example: "30s",
            })
    }
}

/// A number and its unit, in the smallest unit. Beyond 2^53 a number is not read: it could not be exact.
fn read(text: &str, units: &[(&str, f64)]) -> Option<u64> {
    let text = text.trim();
    let unit_at = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let unit = unit.trim_start().to_ascii_lowercase();
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    let value = (number.parse::<f64>().ok()? * factor).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is a whole number between 0 and 2^53"
    )]
    (0.0..=9_007_199_254_740_992.0)
        .contains(&value)
        .then_some(value as u64)
}

/// The largest unit that shows `value` as a whole number.
fn show(out: &mut fmt::Formatter<'_>, value: u64, units: &[(&str, u64)]) -> fmt::Result {
    let fits = |(_, size): &&(&str, u64)| value >= *size && value.is_multiple_of(*size);
    match units.iter().find(fits) {
        Some((unit, size)) => write!(out, "{}{unit}", value / size),
        None => write!(out, "{value}{}", units.last().map_or("", |(unit, _)| unit)),
    }
}

impl fmt::Display for Bitrate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            ("gbit", 1_000_000_000),
            ("mbit", 1_000_000),
            ("kbit", 1000),
            ("bit", 1),
        ];
        show(out, self.0, &units)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            ("TB", 1_000_000_000_000),
            ("GB", 1_000_000_000),
            ("MB", 1_000_000),
            ("kB", 1000),
            ("B", 1),
        ];
        show(out, self.0, &units)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            ("d", 86_400_000),
            ("h", 3_600_000),
            ("m", 60_000),
            ("s", 1000),
            ("ms", 1),
        ];
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        show(out, millis, &units)
    }
}

macro_rules! written_as_text {
    ($($quantity:ident),*) => {$(
        impl TryFrom<String> for $quantity {
            type Error = BadQuantity;

            fn try_from(text: String) -> Result<Self, BadQuantity> {
                text.parse()
            }
        }

        impl From<$quantity> for String {
            fn from(quantity: $quantity) -> Self {
                quantity.to_string()
            }
        }
    )*};
}

written_as_text!(Bitrate, Size, Span);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_people_write_them() {
        for (text, bits) in [
            ("800k", 800_000),
            ("8mbit", 8_000_000),
            ("1.5 Gbit", 1_500_000_000),
            ("64000", 64_000),
        ] {
            assert_eq!(text.parse(), Ok(Bitrate(bits)), "{text}");
        }
        for (text, bytes) in [
            ("50GB", 50_000_000_000),
            ("512MiB", 512 << 20),
            ("0.5 kB", 500),
            ("7", 7),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("1.5m", 90_000),
            ("7d", 604_800_000),
        ] {
            assert_eq!(text.parse(), Ok(Span(Duration::from_millis(millis))), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused_with_an_example() {
        for text in [
            "",
            "k",
            "-1k",
            "1e9",
            "8 miles",
            "1.2.3k",
            "99999999999g",
            "0k",
            "nank",
        ] {
            let refusal = text.parse::<Bitrate>().unwrap_err().to_string();
            assert!(refusal.contains("8mbit"), "{text}: {refusal}");
        }
        assert!("30".parse::<Span>().is_err(), "30 of what?");
        assert!("30 parsecs".parse::<Span>().is_err());
        assert!("5 lightyears".parse::<Size>().is_err());
    }

    #[test]
    fn quantities_are_shown_as_they_are_read() {
        for text in ["800kbit", "8mbit", "1500mbit", "1bit"] {
            assert_eq!(text.parse::<Bitrate>().unwrap().to_string(), text);
        }
        for text in ["50GB", "1MB", "512B"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        for text in ["30s", "90s", "7d", "2h", "1500ms"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
    }
}
