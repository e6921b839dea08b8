//! Which country an address is in, by a file (`.mmdb`) that the operator gives.

use std::net::IpAddr;
use std::path::Path;

use maxminddb::{MaxMindDbError, Reader, path};

/// A country by its two letters (ISO 3166-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Country([u8; 2]);

impl Country {
    /// The country with this code, if it looks like one.
    pub fn read(code: &[u8]) -> Option<Self> {
        let letters: [u8; 2] = code.try_into().ok()?;
        letters
            .iter()
            .all(u8::is_ascii_uppercase)
            .then_some(Self(letters))
    }
}

/// Knows countries, or knows of none.
#[derive(Debug, Default)]
pub struct Geography(Option<Reader<Vec<u8>>>);

impl Geography {
    /// Reads a file such as `GeoLite2-Country.mmdb`, all of it.
    pub fn open(file: &Path) -> Result<Self, MaxMindDbError> {
        Ok(Self(Some(Reader::open_readfile(file)?)))
    }

    /// The country that an address is in, if it is known.
    pub fn country(&self, address: IpAddr) -> Option<Country> {
        let found = self.0.as_ref()?.lookup(address.to_canonical()).ok()?;
        let code: Option<&str> = found.decode_path(&path!["country", "iso_code"]).ok()?;
        Country::read(code?.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text in the file's own notation: its length in the byte before it, with the mark of its kind.
    fn text(out: &mut Vec<u8>, text: &str) {
        out.push(0x40 | u8::try_from(text.len()).unwrap());
        out.extend(text.as_bytes());
    }

    fn number(out: &mut Vec<u8>, name: &str, value: u8) {
        text(out, name);
        out.extend([0xA1, value]);
    }

    /// A file in which the lower half of all IPv4 addresses is in Portugal.
    fn portugal() -> Vec<u8> {
        // One node: left the data, which begins behind 16 zeros, right nothing.
        let mut file = vec![0, 0, 17, 0, 0, 1];
        file.extend([0; 16]);
        file.push(0xE1);
        text(&mut file, "country");
        file.push(0xE1);
        text(&mut file, "iso_code");
        text(&mut file, "PT");
        file.extend(b"\xAB\xCD\xEFMaxMind.com");
        file.push(0xE9);
        number(&mut file, "binary_format_major_version", 2);
        number(&mut file, "binary_format_minor_version", 0);
        number(&mut file, "ip_version", 4);
        number(&mut file, "record_size", 24);
        text(&mut file, "node_count");
        file.extend([0xC1, 1]);
        text(&mut file, "build_epoch");
        file.extend([0x01, 0x02, 1]);
        text(&mut file, "database_type");
        text(&mut file, "Test");
        text(&mut file, "description");
        file.push(0xE0);
        text(&mut file, "languages");
        file.extend([0x00, 0x04]);
        file
    }

    #[test]
    fn an_address_is_in_the_country_that_the_file_says() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("countries.mmdb");
        std::fs::write(&file, portugal()).unwrap();
        let geography = Geography::open(&file).unwrap();
        let country = |address: &str| geography.country(address.parse().unwrap());
        assert_eq!(country("81.2.3.4"), Country::read(b"PT"));
        assert_eq!(country("::ffff:81.2.3.4"), Country::read(b"PT"));
        assert_eq!(country("198.51.100.7"), None);
        assert_eq!(country("2001:db8::1"), None, "the file has IPv4 only");
        assert_eq!(Geography::default().country("81.2.3.4".parse().unwrap()), None);
    }

    #[test]
    fn a_file_that_is_none_is_refused_and_one_that_is_damaged_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("countries.mmdb");
        assert!(Geography::open(&file).is_err());
        let whole = portugal();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xFF;
            std::fs::write(&file, damaged).unwrap();
            if let Ok(geography) = Geography::open(&file) {
                let _ = geography.country("81.2.3.4".parse().unwrap());
            }
        }
        for code in [&b""[..], b"P", b"PTX", b"pt", b"\xFF\xFF"] {
            assert_eq!(Country::read(code), None);
        }
    }
}
