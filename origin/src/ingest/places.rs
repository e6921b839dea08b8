//! Who is here: how many connections there are, and from where.
//!
//! A place is held by holding the value that [`Places::take`] gave out; dropping it gives the place back, so that
//! no way of ending a connection can forget to.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// How many connections an origin takes at once, whether they publish yet or not.
const MAX_CONNECTIONS: usize = 256;
/// How many of them may come from one address: enough for a studio behind one router.
const MAX_PER_ADDRESS: usize = 16;

/// Why a connection found no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Crowded {
    #[error("{MAX_CONNECTIONS} connections are open already")]
    Everywhere,
    #[error("{MAX_PER_ADDRESS} connections from the same address are open already")]
    There,
}

/// The places for connections.
#[derive(Debug, Default)]
pub(super) struct Places {
    all: Arc<()>,
    by_address: HashMap<IpAddr, Arc<()>>,
}

/// One connection's place.
#[derive(Debug)]
pub(super) struct Place {
    _everywhere: Arc<()>,
    _there: Arc<()>,
}

impl Places {
    /// A place for a connection from `peer`. Loopback has no limit of its own.
    pub(super) fn take(&mut self, peer: IpAddr) -> Result<Place, Crowded> {
        self.by_address.retain(|_, there| held(there) > 0);
        if held(&self.all) >= MAX_CONNECTIONS {
            return Err(Crowded::Everywhere);
        }
        let there = self.by_address.entry(neighbourhood(peer)).or_default();
        if held(there) >= MAX_PER_ADDRESS && !peer.to_canonical().is_loopback() {
            return Err(Crowded::There);
        }
        Ok(Place {
            _everywhere: Arc::clone(&self.all),
            _there: Arc::clone(there),
        })
    }
}

/// How many places are held, beside the one reference that keeps count.
fn held(count: &Arc<()>) -> usize {
    Arc::strong_count(count) - 1
}

/// What counts as one address: whoever has one of IPv6 has the 2^64 of its network.
pub(super) fn neighbourhood(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX)).into(),
        four @ IpAddr::V4(_) => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_takes_no_more_than_its_share_and_gets_it_back() {
        let mut places = Places::default();
        let crowd: Vec<_> = (0..MAX_PER_ADDRESS)
            .map(|_| places.take(address("192.0.2.1")).unwrap())
            .collect();

        assert_eq!(places.take(address("192.0.2.1")).unwrap_err(), Crowded::There);
        assert_eq!(
            places.take(address("::ffff:192.0.2.1")).unwrap_err(),
            Crowded::There
        );
        assert!(places.take(address("192.0.2.2")).is_ok());

        drop(crowd);
        assert!(places.take(address("192.0.2.1")).is_ok());
        assert_eq!(places.by_address.len(), 1, "addresses that left are forgotten");
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let mut places = Places::default();
        let crowd: Vec<_> = (0..MAX_PER_ADDRESS)
            .map(|host| places.take(address(&format!("2001:db8::{host:x}"))).unwrap())
            .collect();

        assert_eq!(
            places.take(address("2001:db8::ffff")).unwrap_err(),
            Crowded::There
        );
        assert!(places.take(address("2001:db8:0:1::1")).is_ok());
        drop(crowd);
    }

    #[test]
    fn loopback_is_limited_only_by_the_whole() {
        let mut places = Places::default();
        let crowd: Vec<_> = (0..MAX_CONNECTIONS)
            .map(|_| places.take(address("127.0.0.1")).unwrap())
            .collect();

        assert_eq!(
            places.take(address("127.0.0.1")).unwrap_err(),
            Crowded::Everywhere
        );
        assert_eq!(
            places.take(address("192.0.2.1")).unwrap_err(),
            Crowded::Everywhere
        );
        drop(crowd);
        assert!(places.take(address("192.0.2.1")).is_ok());
    }
}
