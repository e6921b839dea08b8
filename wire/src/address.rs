//! Where viewers reach a program: a scheme, a host and a port.
//!
//! A program that listens on every interface does not know its own address. It says `0.0.0.0` or
//! `[::]`, which stands for "where you see me come from".

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::travels_as_text;

/// The longest base URL, in bytes.
pub const MAX_BASE_BYTES: usize = 256;

const MAX_HOST_BYTES: usize = 253;

/// Why a text is no base URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not http://HOST[:PORT] or https://HOST[:PORT] without a path")]
pub struct BadBase(String);

/// A host: a number, or a name to be resolved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// An address.
    Ip(IpAddr),
    /// A DNS name.
    Name(String),
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V6(ip)) => write!(out, "[{ip}]"),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(out),
            Self::Name(name) => out.write_str(name),
        }
    }
}

impl FromStr for Host {
    type Err = BadBase;

    fn from_str(text: &str) -> Result<Self, BadBase> {
        let bad = || BadBase(text.chars().take(64).collect());
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return inner
                .parse::<Ipv6Addr>()
                .map(|ip| Self::Ip(ip.into()))
                .map_err(|_| bad());
        }
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Ip(ip.into()));
        }
        let label = |label: &str| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        // A name whose last label is a number would be read as an address by browsers (WHATWG URL).
        let last_is_name = text
            .rsplit('.')
            .next()
            .is_some_and(|last| !last.starts_with(|first: char| first.is_ascii_digit()));
        if text.len() <= MAX_HOST_BYTES && last_is_name && text.split('.').all(label) {
            Ok(Self::Name(text.to_ascii_lowercase()))
        } else {
            Err(bad())
        }
    }
}

/// `http://HOST:PORT` or `https://HOST:PORT`, nothing behind it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HttpBase {
    /// Whether the scheme is https.
    pub tls: bool,
    /// The host; an unspecified address stands for "where you see me come from".
    pub host: Host,
    /// The port.
    pub port: u16,
}

impl HttpBase {
    /// Plain http at an address.
    pub fn plain(address: SocketAddr) -> Self {
        Self {
            tls: false,
            host: Host::Ip(address.ip()),
            port: address.port(),
        }
    }

    /// Whether its host stands for "where you see me come from".
    pub fn is_unspecified(&self) -> bool {
        matches!(self.host, Host::Ip(ip) if ip.is_unspecified())
    }

    /// The same with the host filled in, if it was left open.
    #[must_use]
    pub fn seen_from(&self, ip: IpAddr) -> Self {
        if self.is_unspecified() {
            self.at(Host::Ip(ip.to_canonical()))
        } else {
            self.clone()
        }
    }

    /// The same at another host.
    #[must_use]
    pub fn at(&self, host: Host) -> Self {
        Self { host, ..self.clone() }
    }

    /// `HOST:PORT` as an HTTP client writes it into `Host`: without the scheme's own port.
    pub fn authority(&self) -> String {
        Authority(self).to_string()
    }
}

impl fmt::Display for HttpBase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.tls { "https://" } else { "http://" })?;
        Authority(self).fmt(out)
    }
}

/// The host, and the port unless it is the scheme's own.
struct Authority<'a>(&'a HttpBase);

impl fmt::Display for Authority<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HttpBase { tls, host, port } = self.0;
        host.fmt(out)?;
        let usual = if *tls { 443 } else { 80 };
        if *port == usual {
            Ok(())
        } else {
            write!(out, ":{port}")
        }
    }
}

impl FromStr for HttpBase {
    type Err = BadBase;

    fn from_str(text: &str) -> Result<Self, BadBase> {
        let read = || {
            let (tls, rest) = match text.split_once("://")? {
                ("http", rest) => (false, rest),
                ("https", rest) => (true, rest),
                _ => return None,
            };
            let authority = rest.strip_suffix('/').unwrap_or(rest);
            // A colon inside brackets belongs to an IPv6 address.
            let (host, port) = match authority.rsplit_once(':') {
                Some((host, port)) if !port.ends_with(']') => {
                    (host, port.parse().ok().filter(|port| *port != 0)?)
                }
                _ => (authority, if tls { 443 } else { 80 }),
            };
            Some(Self {
                tls,
                host: host.parse().ok()?,
                port,
            })
        };
        let short = text.len() <= MAX_BASE_BYTES;
        read()
            .filter(|_| short)
            .ok_or_else(|| BadBase(text.chars().take(MAX_BASE_BYTES).collect()))
    }
}

travels_as_text!(BadBase: HttpBase);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_reads_back_as_it_was_written() {
        for text in [
            "http://192.0.2.1:8090",
            "https://box.example",
            "http://[2001:db8::1]:1",
            "http://0.0.0.0:8090",
        ] {
            assert_eq!(text.parse::<HttpBase>().unwrap().to_string(), text);
        }
        assert_eq!(
            "http://box.example:80/".parse::<HttpBase>().unwrap().to_string(),
            "http://box.example"
        );
    }

    #[test]
    fn what_could_lead_a_viewer_elsewhere_is_refused() {
        let bad = [
            "ftp://a",
            "http://",
            "http://a/b",
            "http://a?b",
            "http://u@a",
            "http://a:0",
            "http://a:99999",
            "http://a b",
            "http://a\"><x",
            "http://1.2.3",
            "http://0x7f000001",
            "http://a..b",
            "http://[::1",
            "javascript:1",
        ];
        for text in bad {
            assert!(text.parse::<HttpBase>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_open_host_is_filled_in_and_a_given_one_kept() {
        let seen = IpAddr::from([198, 51, 100, 7]);
        let open: HttpBase = "http://0.0.0.0:8090".parse().unwrap();
        let given: HttpBase = "https://box.example".parse().unwrap();
        assert_eq!(open.seen_from(seen).to_string(), "http://198.51.100.7:8090");
        assert_eq!(given.seen_from(seen), given);
    }
}
