//! Who asks, where proxies stand in between.
//!
//! What a proxy says of whom it speaks for (`X-Forwarded-For`, or `Forwarded` of RFC 7239) counts if the operator trusts that
//! proxy, and no further than the last address that is none of those: whatever stands before that, the client may have
//! written itself.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, header};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A block of addresses: `192.0.2.0/24`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    address: IpAddr,
    bits: u8,
}

/// Why a text is no block of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it should be an address or a block of addresses such as 192.0.2.0/24: {0:?}")]
pub struct BadBlock(String);

impl FromStr for Block {
    type Err = BadBlock;

    fn from_str(text: &str) -> Result<Self, BadBlock> {
        let bad = || BadBlock(text.into());
        let (address, bits) = text
            .split_once('/')
            .map_or((text, None), |(it, bits)| (it, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(all), str::parse).map_err(|_| bad())?;
        if bits > all {
            return Err(bad());
        }
        Ok(Self { address, bits })
    }
}

impl Block {
    /// Whether an address is in it.
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(mine), IpAddr::V4(it)) => {
                same(mine.to_bits().into(), it.to_bits().into(), 32 - self.bits)
            }
            (IpAddr::V6(mine), IpAddr::V6(it)) => same(mine.to_bits(), it.to_bits(), 128 - self.bits),
            _ => false,
        }
    }
}

fn same(one: u128, other: u128, without: u8) -> bool {
    (one ^ other).checked_shr(without.into()).unwrap_or(0) == 0
}

/// The proxies that are trusted. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<[Block]>);

impl From<Vec<Block>> for Proxies {
    fn from(blocks: Vec<Block>) -> Self {
        Self(blocks.into())
    }
}

impl Proxies {
    /// Whether such an address is that of a trusted proxy.
    pub fn hold(&self, address: IpAddr) -> bool {
        self.0.iter().any(|block| block.holds(address))
    }

    /// Who asks: whoever connected, or the one for whom trusted proxies say that they ask.
    pub fn client(&self, connected: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.hold(connected) {
            return connected;
        }
        let by = |name, read: fn(&str) -> Option<IpAddr>| {
            let asks = headers.contains_key(&name);
            asks.then(|| self.last_untrusted(connected, &chain(headers, &name), read))
        };
        match (by(X_FORWARDED_FOR, address), by(header::FORWARDED, forwarded)) {
            (Some(one), Some(other)) if one == other => one,
            // A proxy writes one of them and hands the other on, as the client sent it: nobody knows which.
            (Some(_), Some(_)) | (None, None) => connected,
            (Some(one), None) | (None, Some(one)) => one,
        }
    }

    fn last_untrusted(&self, connected: IpAddr, chain: &str, read: fn(&str) -> Option<IpAddr>) -> IpAddr {
        let mut last = connected;
        for hop in chain.rsplit(',') {
            let Some(address) = read(hop.trim()) else {
                return last;
            };
            last = address;
            if !self.hold(last) {
                return last;
            }
        }
        last
    }
}

/// All lines of a header as one.
fn chain(headers: &HeaderMap, name: &HeaderName) -> String {
    let lines = headers.get_all(name).iter();
    // A line that is no text keeps its place, and ends the search there.
    let lines: Vec<&str> = lines.map(|line| line.to_str().unwrap_or("?")).collect();
    lines.join(",")
}

/// An address, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .map(|(it, _)| it);
    let address = bare.and_then(|it| it.parse().ok()).or_else(|| text.parse().ok());
    let address = address.or_else(|| text.rsplit_once(':')?.0.parse().ok());
    address.map(|it: IpAddr| it.to_canonical())
}

/// The `for` of an element of `Forwarded`.
fn forwarded(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    address(value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn client(connected: &str, lines: &[(&'static str, &str)]) -> String {
        let proxies = Proxies::from(vec![
            "10.0.0.0/8".parse().unwrap(),
            "2001:db8::/32".parse().unwrap(),
        ]);
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        proxies.client(connected.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_trusted_proxy_says_for_whom_it_asks() {
        assert_eq!(client(PROXY, &[("x-forwarded-for", "192.0.2.7")]), "192.0.2.7");
        assert_eq!(
            client("2001:db8::9", &[("x-forwarded-for", "192.0.2.7:5000")]),
            "192.0.2.7"
        );
        assert_eq!(
            client(PROXY, &[("forwarded", "for=192.0.2.7;proto=https")]),
            "192.0.2.7"
        );
        assert_eq!(
            client(PROXY, &[("forwarded", "For=\"[2001:db9::1]:47\"")]),
            "2001:db9::1"
        );
        assert_eq!(
            client("::ffff:10.0.0.1", &[("x-forwarded-for", "::ffff:192.0.2.7")]),
            "192.0.2.7"
        );
    }

    #[test]
    fn nobody_else_is_believed() {
        assert_eq!(
            client("192.0.2.1", &[("x-forwarded-for", "127.0.0.1")]),
            "192.0.2.1"
        );
        assert_eq!(
            client("192.0.2.1", &[("forwarded", "for=127.0.0.1")]),
            "192.0.2.1"
        );
        let none = Proxies::default();
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "192.0.2.7".parse().unwrap());
        assert_eq!(none.client(PROXY.parse().unwrap(), &headers).to_string(), PROXY);
    }

    #[test]
    fn what_a_client_wrote_before_it_came_to_a_trusted_proxy_does_not_count() {
        let said = [("x-forwarded-for", "198.51.100.9, 192.0.2.7, 10.0.0.2")];
        assert_eq!(client(PROXY, &said), "192.0.2.7");
        let lines = [
            ("x-forwarded-for", "198.51.100.9"),
            ("x-forwarded-for", "192.0.2.7"),
        ];
        assert_eq!(client(PROXY, &lines), "192.0.2.7");
        let both = [
            ("x-forwarded-for", "192.0.2.7"),
            ("forwarded", "for=198.51.100.9"),
        ];
        assert_eq!(client(PROXY, &both), PROXY, "one of them is the client's own");
    }

    #[test]
    fn what_is_no_address_ends_the_search() {
        assert_eq!(client(PROXY, &[("x-forwarded-for", "unknown")]), PROXY);
        assert_eq!(
            client(PROXY, &[("x-forwarded-for", "192.0.2.7, , 10.0.0.2")]),
            "10.0.0.2"
        );
        assert_eq!(client(PROXY, &[("forwarded", "for=_hidden")]), PROXY);
        assert_eq!(
            client(PROXY, &[("x-forwarded-for", "10.0.0.3")]),
            "10.0.0.3",
            "all are trusted"
        );
    }

    #[test]
    fn blocks_are_read_strictly() {
        let holds =
            |block: &str, address: &str| block.parse::<Block>().unwrap().holds(address.parse().unwrap());
        assert!(holds("192.0.2.0/24", "192.0.2.255") && !holds("192.0.2.0/24", "192.0.3.0"));
        assert!(holds("0.0.0.0/0", "198.51.100.1") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("::/0", "2001:db8::1") && holds("127.0.0.1", "127.0.0.1"));
        for bad in ["", "a", "192.0.2.0/33", "192.0.2.0/", "192.0.2/24", "::/129"] {
            assert!(bad.parse::<Block>().is_err(), "{bad}");
        }
    }
}
