//! Where a program is reached: seen from the tracker, and seen from whoever asks.
//!
//! A program bound to every interface says `0.0.0.0`, and stands for the address it is seen to
//! come from. Where that is loopback, it runs on the tracker's own machine: whichever loopback address
//! it is bound to is its own, and whoever asks reaches it by the host that reached the tracker.

use std::net::{IpAddr, Ipv4Addr};

use wire::address::{Host, HttpBase};

/// Who asks, as far as the answer depends on it.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Where the request came from.
    pub ip: IpAddr,
    /// The tracker as the caller wrote it into `Host`, if that is a host.
    pub used: Option<HttpBase>,
}

impl Caller {
    /// The caller with this address and this `Host` header, inside TLS or not. What proxies add is not believed.
    pub fn new(ip: IpAddr, host_header: Option<&str>, tls: bool) -> Self {
        let scheme = if tls { "https" } else { "http" };
        let used = host_header.and_then(|host| format!("{scheme}://{host}").parse().ok());
        Self {
            ip: ip.to_canonical(),
            used,
        }
    }

    /// Where viewers of this caller's kind reach a program that says `http` and is seen from `seen_from`.
    pub fn base(&self, http: &HttpBase, seen_from: IpAddr) -> HttpBase {
        let beside_us = self.base_beside(http, seen_from);
        beside_us.unwrap_or_else(|| found_at(http, seen_from))
    }

    /// The same, where that depends on who asks: for a program on the tracker's own machine. All others are where the
    /// tracker itself finds them.
    pub fn base_beside(&self, http: &HttpBase, seen_from: IpAddr) -> Option<HttpBase> {
        let used = self
            .used
            .as_ref()
            .filter(|used| is_beside_us(http, seen_from) && !self.misses(used, http));
        used.map(|used| http.at(used.host.clone()))
    }

    /// Whether this caller, itself on the tracker's machine, came by IPv6 and the program has IPv4 only.
    fn misses(&self, used: &HttpBase, http: &HttpBase) -> bool {
        let came_by_v6 = matches!(used.host, Host::Ip(IpAddr::V6(_)));
        self.ip.is_loopback() && came_by_v6 && matches!(http.host, Host::Ip(IpAddr::V4(_)))
    }

    /// The host at which this caller, itself a program, reaches another program's ports. It is never
    /// one that the other merely claims: nobody can send the mesh to a third party.
    pub fn host(&self, http: &HttpBase, seen_from: IpAddr) -> Host {
        let address = address(http, seen_from);
        match &self.used {
            Some(used) if http.is_unspecified() && address.is_loopback() && !self.ip.is_loopback() => {
                used.host.clone()
            }
            _ => Host::Ip(address),
        }
    }
}

/// Whether a program that says `http` and is seen from `seen_from` is on the tracker's machine, at all of its addresses.
pub fn is_beside_us(http: &HttpBase, seen_from: IpAddr) -> bool {
    http.is_unspecified() && seen_from.to_canonical().is_loopback()
}

/// Where the tracker itself reaches a program that says `http` and is seen from `seen_from`.
pub fn found_at(http: &HttpBase, seen_from: IpAddr) -> HttpBase {
    http.seen_from(address(http, seen_from))
}

/// The address of a program that says `http` and is seen from `seen_from`. Only one that is on the
/// tracker's machine is believed where on loopback it is.
pub fn address(http: &HttpBase, seen_from: IpAddr) -> IpAddr {
    let seen_from = seen_from.to_canonical();
    match http.host {
        Host::Ip(said) if seen_from.is_loopback() && said.to_canonical().is_loopback() => said.to_canonical(),
        // What is bound to all of IPv4 does not hear IPv6, even if it speaks it.
        Host::Ip(said) if seen_from.is_loopback() && said == Ipv4Addr::UNSPECIFIED => {
            Ipv4Addr::LOCALHOST.into()
        }
        _ => seen_from,
    }
}

/// A host and a TCP port as a multiaddress.
pub fn multiaddress(host: &Host, port: u16) -> String {
    match host {
        Host::Ip(IpAddr::V4(ip)) => format!("/ip4/{ip}/tcp/{port}"),
        Host::Ip(IpAddr::V6(ip)) => format!("/ip6/{ip}/tcp/{port}"),
        Host::Name(name) => format!("/dns/{name}/tcp/{port}"),
    }
}

/// Whether an address belongs to a network that the internet does not reach. Loopback is not meant.
pub fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let shared = Ipv4Addr::new(100, 64, 0, 0);
            let carrier = u32::from(ip) >> 22 == u32::from(shared) >> 22;
            ip.is_private() || ip.is_link_local() || carrier
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Whether no limits per address and per network hold there: on the tracker's own machine, and within a private mesh.
pub fn is_exempt(ip: IpAddr, allow_private: bool) -> bool {
    ip.to_canonical().is_loopback() || (allow_private && is_private(ip))
}

/// The address that stands for all of one subscriber's line: of IPv6, whoever has one has a /64.
pub fn line(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The part of an address that neighbouring lines share: a /24, or a /48.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The network of an address; none for addresses that say nothing about distance.
    pub fn of(ip: IpAddr) -> Option<Self> {
        let ip = ip.to_canonical();
        if ip.is_loopback() || is_private(ip) {
            return None;
        }
        Some(Self(match ip {
            IpAddr::V4(ip) => IpAddr::V4((u32::from(ip) & !0xFF).into()),
            IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) >> 80 << 80).into()),
        }))
    }

    /// The network of an address, or the address where that says nothing about distance.
    pub fn or_address(ip: IpAddr) -> IpAddr {
        Self::of(ip).map_or(ip.to_canonical(), |Self(network)| network)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const FAR: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

    fn base(text: &str) -> HttpBase {
        text.parse().unwrap()
    }

    #[test]
    fn a_program_on_the_trackers_machine_is_reached_by_the_host_that_reached_the_tracker() {
        let viewer = Caller::new(FAR, Some("tracker.example:8080"), false);
        let open = base("http://0.0.0.0:8090");
        assert_eq!(viewer.base(&open, LOOPBACK), base("http://tracker.example:8090"));
        assert_eq!(viewer.base(&open, FAR), base("http://198.51.100.7:8090"));
        assert_eq!(
            viewer.base(&base("http://127.0.0.1:8090"), LOOPBACK),
            base("http://127.0.0.1:8090")
        );
        assert_eq!(
            viewer.base(&base("https://box.example"), FAR),
            base("https://box.example")
        );
    }

    #[test]
    fn inside_tls_the_tracker_is_at_https() {
        for (host, tls, used) in [
            ("t.example", true, "https://t.example"),
            ("t.example:8443", true, "https://t.example:8443"),
            ("t.example:443", true, "https://t.example"),
            ("t.example", false, "http://t.example"),
        ] {
            let caller = Caller::new(FAR, Some(host), tls);
            assert_eq!(caller.used, Some(base(used)), "{host}");
            let beside = caller.base(&base("http://0.0.0.0:8090"), LOOPBACK);
            assert!(!beside.tls, "a box does not speak TLS because the tracker does");
        }
    }

    #[test]
    fn programs_on_one_machine_meet_on_loopback() {
        let beside = Caller::new(LOOPBACK, Some("tracker.example"), false);
        let far = Caller::new(FAR, Some("tracker.example"), false);
        let open = base("http://0.0.0.0:8090");
        assert_eq!(beside.host(&open, LOOPBACK), Host::Ip(LOOPBACK));
        assert_eq!(far.host(&open, LOOPBACK), Host::Name("tracker.example".into()));
        assert_eq!(
            far.host(&base("http://127.0.0.1:1"), LOOPBACK),
            Host::Ip(LOOPBACK)
        );
    }

    #[test]
    fn all_of_loopback_is_one_machine() {
        let (v4, v6) = (LOOPBACK, IpAddr::from(Ipv6Addr::LOCALHOST));
        for (said, seen_from, found) in [
            ("http://127.0.0.2:80", v4, "http://127.0.0.2"),
            ("http://127.0.0.1:80", v6, "http://127.0.0.1"),
            ("http://[::1]:80", v4, "http://[::1]"),
            ("http://0.0.0.0:80", v6, "http://127.0.0.1"),
            ("http://[::]:80", v6, "http://[::1]"),
            ("http://127.0.0.1:80", FAR, "http://127.0.0.1"),
        ] {
            assert_eq!(
                found_at(&base(said), seen_from),
                base(found),
                "{said} from {seen_from}"
            );
        }
        let other = Host::Ip(IpAddr::from([127, 0, 0, 2]));
        let beside = Caller::new(v6, Some("[::1]:8080"), false);
        assert_eq!(beside.host(&base("http://127.0.0.2:80"), v4), other);
        assert_eq!(
            beside.base(&base("http://0.0.0.0:1"), v4),
            base("http://127.0.0.1:1")
        );
        assert_eq!(beside.base(&base("http://[::]:1"), v4), base("http://[::1]:1"));
        assert_eq!(
            beside.host(&base("http://127.0.0.1:80"), FAR),
            Host::Ip(FAR),
            "others are not believed"
        );
    }

    #[test]
    fn a_claimed_host_never_leads_programs_to_a_third_party() {
        let caller = Caller::new(LOOPBACK, Some("localhost"), false);
        assert_eq!(caller.host(&base("http://192.0.2.99:80"), FAR), Host::Ip(FAR));
        assert_eq!(caller.host(&base("http://victim.example"), FAR), Host::Ip(FAR));
    }

    #[test]
    fn a_host_header_that_is_no_host_is_not_believed() {
        for hostile in [
            "",
            "a b",
            "x\"><script>",
            "u@h",
            "h/p",
            "h:0",
            "h?x",
            &"h".repeat(300),
        ] {
            let caller = Caller::new(FAR, Some(hostile), false);
            assert_eq!(caller.used, None, "{hostile:?}");
            assert_eq!(
                caller.base(&base("http://0.0.0.0:1"), LOOPBACK),
                base("http://127.0.0.1:1")
            );
        }
    }

    #[test]
    fn an_ipv4_address_is_known_in_its_ipv6_clothes() {
        let caller = Caller::new("::ffff:127.0.0.1".parse().unwrap(), None, false);
        assert!(caller.ip.is_loopback());
        assert!(is_private("::ffff:10.1.2.3".parse().unwrap()));
        assert_eq!(
            Network::of("::ffff:198.51.100.9".parse().unwrap()),
            Network::of(FAR)
        );
    }

    #[test]
    fn networks_tell_households_apart_and_leave_private_addresses_out() {
        assert_ne!(Network::of("198.51.101.7".parse().unwrap()), Network::of(FAR));
        assert_eq!(
            Network::of("2001:db8:1:2::3".parse().unwrap()),
            Network::of("2001:db8:1:9::9".parse().unwrap())
        );
        for private in [
            "127.0.0.1",
            "10.0.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "fe80::1",
            "fd00::1",
            "::1",
        ] {
            assert_eq!(Network::of(private.parse().unwrap()), None, "{private}");
        }
    }
}
