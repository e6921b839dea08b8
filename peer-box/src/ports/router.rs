//! Where the router is: the gateway of the default route, as Linux tells it, and where `UPnP`'s routers are called.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use super::gateway_at;

/// No line of a routing table that counts is beyond.
const MAX_LINES: usize = 1024;

/// Where routers are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Routers {
    /// On the network that this machine is in.
    OfNetwork,
    /// At these addresses: a gateway's, and where `UPnP`'s call goes to. For tests, which touch no network.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests bring their own routers"))]
    At(SocketAddrV4, SocketAddr),
}

impl Routers {
    /// The gateway, if there is one.
    pub(super) fn gateway(self) -> Option<SocketAddrV4> {
        match self {
            Self::At(gateway, _) => Some(gateway),
            Self::OfNetwork => {
                let routes = std::fs::read_to_string("/proc/net/route").ok()?;
                default_gateway(&routes).map(gateway_at)
            }
        }
    }

    /// From where `UPnP`'s routers are called, and at what address.
    pub(super) fn call(self) -> (SocketAddr, SocketAddr) {
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        match self {
            Self::At(_, call) => (SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), call),
            // Where UPnP listens for calls (UPnP Device Architecture 1.1 §1.3.2).
            Self::OfNetwork => (any, SocketAddr::from(([239, 255, 255, 250], 1900))),
        }
    }
}

/// The gateway of the default route with the lowest metric in `/proc/net/route`.
fn default_gateway(routes: &str) -> Option<Ipv4Addr> {
    let route = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().take(8).collect();
        let [_, "00000000", gateway, flags, _, _, metric, "00000000"] = fields[..] else {
            return None;
        };
        let is_by_gateway = u16::from_str_radix(flags, 16).ok()? & 0x3 == 0x3;
        // The kernel prints the number as it lies in memory.
        let gateway = u32::from_str_radix(gateway, 16).ok()?.to_ne_bytes();
        is_by_gateway.then_some((metric.parse::<u32>().ok()?, Ipv4Addr::from(gateway)))
    };
    let routes = routes.lines().take(MAX_LINES).filter_map(route);
    routes.min().map(|(_, gateway)| gateway)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_is_that_of_the_best_default_route() {
        let one = Ipv4Addr::new(192, 168, 1, 1);
        let other = Ipv4Addr::new(10, 0, 0, 1);
        let hex = |ip: Ipv4Addr| format!("{:08X}", u32::from_ne_bytes(ip.octets()));
        let (one_hex, other_hex) = (hex(one), hex(other));
        let table = format!(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
             wlan0\t00000000\t{other_hex}\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
             eth0\t00000000\t{one_hex}\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
             eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
        );
        assert_eq!(default_gateway(&table), Some(one));
        for none in [
            "",
            "Iface",
            "eth0\t00000000\tzz\t0003\t0\t0\t1\t00000000\n",
            "a b c d e f g h",
        ] {
            assert_eq!(default_gateway(none), None, "{none:?}");
        }
    }
}
