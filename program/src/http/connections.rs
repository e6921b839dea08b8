//! Who has how many connections.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use super::Limits;

/// The connections that are open, counted by address.
pub(super) struct Connections {
    limits: Limits,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection's place among those allowed; dropping it frees the place.
pub(super) struct Place {
    address: IpAddr,
    open: Arc<Mutex<Open>>,
}

impl Connections {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: Arc::default(),
        }
    }

    /// A place for one more connection from this address, if there is one.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Place> {
        let is_exempt = self.limits.proxies.hold(address);
        let address = line(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let here = open.by_address.get(&address).copied().unwrap_or(0);
        let crowded = here >= self.limits.connections_per_address && !address.is_loopback() && !is_exempt;
        if crowded || open.all >= self.limits.connections {
            return None;
        }
        open.all += 1;
        open.by_address.insert(address, here + 1);
        Some(Place {
            address,
            open: self.open.clone(),
        })
    }
}

/// What counts as one address: of IPv6, the /64 that a single line is given.
pub(super) fn line(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(wide) if !wide.is_loopback() => {
            Ipv6Addr::from_bits(wide.to_bits() & !u128::from(u64::MAX)).into()
        }
        other => other,
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        if let Some(here) = open.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_one_ipv6_line_count_as_one() {
        let limits = Limits {
            connections: 9,
            connections_per_address: 1,
            ..Limits::default()
        };
        let connections = Connections::new(limits);
        let enter = |address: &str| connections.enter(address.parse().unwrap());
        let _place = enter("2001:db8::1").unwrap();
        assert!(enter("2001:db8::2").is_none());
        assert!(enter("2001:db8:0:1::2").is_some());
        assert!(enter("::1").is_some());
    }

    #[test]
    fn many_come_by_way_of_a_trusted_proxy() {
        let limits = Limits {
            connections: 3,
            connections_per_address: 1,
            proxies: vec!["192.0.2.1".parse().unwrap()].into(),
            ..Limits::default()
        };
        let connections = Connections::new(limits);
        let enter = |address: &str| connections.enter(address.parse().unwrap());
        let _places = [enter("192.0.2.1").unwrap(), enter("192.0.2.1").unwrap()];
        let _place = enter("192.0.2.2").unwrap();
        assert!(enter("192.0.2.2").is_none(), "another has one");
    }

    #[test]
    fn one_address_cannot_take_every_place_and_a_place_is_free_again_after_use() {
        let limits = Limits {
            connections: 3,
            connections_per_address: 2,
            ..Limits::default()
        };
        let connections = Connections::new(limits);
        let (greedy, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let places = [
            connections.enter(greedy).unwrap(),
            connections.enter(greedy).unwrap(),
        ];
        assert!(connections.enter(greedy).is_none());
        let _third = connections.enter(other).unwrap();
        assert!(connections.enter(other).is_none(), "three in all");
        drop(places);
        assert!(connections.enter(greedy).is_some());
    }
}
