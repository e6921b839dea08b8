//! The lab's networks: each program in a network namespace of its own, all joined by bridges in one more.
//!
//! ```text
//! [box: eth0 ─ tbf]──veth──[p1 ┐
//! [box: eth0 ─ tbf]──veth──[p2 ┤ bridge, in a namespace that nothing else is in]
//! [lab: eth0      ]──veth──[p0 ┘
//! ```
//!
//! The names hold the process id of the lab that made them: two labs never meet, and what a dead one left
//! behind is known by it and removed.

mod command;
mod sweep;
mod switch;

use std::{
    fs::{File, OpenOptions},
    net::Ipv4Addr,
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::fs::OFlags;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use command::{ip, ip_batch, ip_in, tc_in};
pub(crate) use sweep::sweep;
pub(crate) use switch::Switch;

/// What the names of all namespaces begin with.
const PREFIX: &str = "boxmesh-lab-";

/// Where `ip netns` keeps them.
const NAMESPACES: &str = "/run/netns";

/// How long a packet may wait for a shaped uplink: longer ones are dropped, as a modem does.
const QUEUE: &str = "400ms";

/// What an uplink may send at once: two full packets of a fast network card, so that the rate holds at small scale too.
const BURST: &str = "16kb";

/// The host that the lab itself is.
const LAB: u16 = 0;

/// One more than the highest number that a host may have.
const HOSTS: u16 = 256;

/// Where lost packets go: a cable that leads nowhere.
const SINK: &str = "sink";

/// The two sides of a split, each with a bridge of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Where everything is at first.
    Home,
    /// The other.
    Away,
}

impl Side {
    fn bridge(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Away => "away",
        }
    }
}

/// A rate of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mbit(pub(crate) u32);

/// A place for a program: one namespace with one address.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// The name of its namespace.
    pub(crate) namespace: String,
    /// Its address.
    pub(crate) address: Ipv4Addr,
    number: u16,
}

/// What passed at a host's one interface since it was made, in bytes, with the headers of Ethernet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passed {
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

/// The bridges and all hosts. Gone when dropped.
#[derive(Debug)]
pub(crate) struct Network {
    prefix: String,
    made: Vec<String>,
}

impl Network {
    /// Makes the bridges, and takes this thread, and all threads and programs that it starts, into a host of its
    /// own among the others.
    pub(crate) fn enter() -> Result<Self> {
        let mut network = Self {
            prefix: format!("{PREFIX}{}-", std::process::id()),
            made: Vec::new(),
        };
        let middle = network.middle();
        network.add_namespace(&middle)?;
        for bridge in [Side::Home, Side::Away].map(Side::bridge) {
            ip_in(&middle, &["link", "add", bridge, "type", "bridge"])?;
            ip_in(&middle, &["link", "set", bridge, "up"])?;
        }
        let nowhere = format!("{SINK}-end");
        ip_in(
            &middle,
            &["link", "add", SINK, "type", "veth", "peer", "name", &nowhere],
        )?;
        ip_in(&middle, &["link", "set", SINK, "up"])?;
        ip_in(&middle, &["link", "set", &nowhere, "up"])?;
        let lab = network.add(LAB, "lab", None)?;
        let path = Path::new(NAMESPACES).join(&lab.namespace);
        let namespace = File::open(&path).with_context(|| path.display().to_string())?;
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        Ok(network)
    }

    /// A host with the number, above 0, that its address is made of. What it sends is shaped to `uplink`.
    pub(crate) fn host(&mut self, number: u16, name: &str, uplink: Option<Mbit>) -> Result<Host> {
        self.add(number, name, uplink)
    }

    fn add(&mut self, number: u16, name: &str, uplink: Option<Mbit>) -> Result<Host> {
        let namespace = format!("{}{name}", self.prefix);
        let address = address_of(number);
        self.add_namespace(&namespace)?;
        let port = port_of(number);
        ip_batch(
            &self.middle(),
            &[
                format!(
                    "link add {port} type veth peer name eth0 address {} netns {namespace}",
                    hardware_of(number)
                ),
                format!("link set {port} master {} up", Side::Home.bridge()),
            ],
        )?;
        ip_batch(
            &namespace,
            &[
                "link set lo up".into(),
                format!("addr add {address}/16 dev eth0"),
                "link set eth0 up".into(),
                // Some programs look whether there is a way out at all.
                format!("route add default via {}", address_of(LAB)),
            ],
        )?;
        ip_batch(&namespace, &known_to(number))?;
        if let Some(Mbit(rate)) = uplink {
            let rate = format!("{rate}mbit");
            let shaper = ["tbf", "rate", &rate, "burst", BURST, "latency", QUEUE];
            tc_in(
                &namespace,
                &[&["qdisc", "add", "dev", "eth0", "root"][..], &shaper].concat(),
            )?;
        }
        Ok(Host {
            namespace,
            address,
            number,
        })
    }

    /// Removes hosts whose programs have ended.
    pub(crate) fn remove<'a>(&mut self, hosts: impl IntoIterator<Item = &'a Host>) {
        for host in hosts {
            self.made.retain(|name| *name != host.namespace);
            // With its namespace it would go too, but only some time later; the next host may be given its name before.
            let _ = ip_in(&self.middle(), &["link", "delete", &port_of(host.number)]);
            sweep::remove(&host.namespace);
        }
    }

    /// Plugs a host into the other bridge: from then on it reaches only who is there too.
    pub(crate) fn plug(&self, host: &Host, side: Side) -> Result<()> {
        ip_in(
            &self.middle(),
            &["link", "set", &port_of(host.number), "master", side.bridge()],
        )?;
        Ok(())
    }

    /// Of every hundred packets at a host's link, in either direction, so many are lost, by lot.
    pub(crate) fn lose(&self, host: &Host, percent: u32) -> Result<()> {
        // Whole packets are lost, not the bundles of dozens that one machine hands over to itself.
        ip_in(&host.namespace, &["link", "set", "eth0", "gso_max_segs", "1"])?;
        let (middle, port) = (self.middle(), port_of(host.number));
        ip_in(&middle, &["link", "set", &port, "gso_max_segs", "1"])?;
        tc_in(&middle, &["qdisc", "add", "dev", &port, "clsact"])?;
        let lot = command::one_of_a_hundred_times(percent);
        for direction in ["ingress", "egress"] {
            let filter = [
                "filter", "add", "dev", &port, direction, "protocol", "all", "prio", "1", "bpf", "bytecode",
                &lot,
            ];
            let away = ["action", "mirred", "egress", "redirect", "dev", SINK];
            tc_in(&middle, &[&filter[..], &away].concat())?;
        }
        Ok(())
    }

    /// Takes these hosts, and the lab, off their bridge, and joins them by a switch in which every frame takes so long.
    pub(crate) fn set_apart(&self, hosts: &[&Host], delay: Duration) -> Result<Switch> {
        let numbers = hosts.iter().map(|host| host.number).chain([LAB]);
        let taps = numbers.map(|number| Ok((number, self.tap(number)?)));
        Switch::join(taps.collect::<Result<_>>()?, delay)
    }

    /// Ends a host's cable in this program.
    fn tap(&self, number: u16) -> Result<File> {
        let (middle, port, tap) = (self.middle(), port_of(number), format!("t{number}"));
        // The file's name follows from the index, and is the same for all namespaces.
        let index = (std::process::id() << 8 | u32::from(number)) & 0x7FFF_FFFF;
        ip_batch(
            &middle,
            &[
                format!("link set {port} nomaster"),
                format!("link add link {port} name {tap} index {index} type macvtap mode passthru"),
                format!("link set {tap} up"),
            ],
        )?;
        let path = format!("/dev/tap{index}");
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        options.open(&path).context(path)
    }

    /// What passed at each of these hosts so far.
    pub(crate) fn passed(&self, hosts: &[&Host]) -> Result<Vec<Passed>> {
        let text = ip_in(&self.middle(), &["-json", "-stats", "link", "show"])?;
        let links: Vec<command::Link> = serde_json::from_str(&text).context("ip tells of its links")?;
        let of = |host: &&Host| {
            let port = port_of(host.number);
            let link = links.iter().find(|link| link.name == port);
            // What a host sends, the bridge's end of its cable receives.
            link.map(|link| Passed {
                sent: link.stats.rx.bytes,
                received: link.stats.tx.bytes,
            })
            .with_context(|| format!("no {port}"))
        };
        hosts.iter().map(of).collect()
    }

    fn middle(&self) -> String {
        format!("{}net", self.prefix)
    }

    fn add_namespace(&mut self, name: &str) -> Result<()> {
        ip(&["netns", "add", name])?;
        self.made.push(name.to_owned());
        Ok(())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in self.made.drain(..).rev() {
            sweep::remove(&name);
        }
    }
}

fn address_of(number: u16) -> Ipv4Addr {
    let [high, low] = (number + 1).to_be_bytes();
    Ipv4Addr::new(10, 77, high, low)
}

/// Every other host's hardware address, so that nobody asks for it: all namespaces of a machine share one table for the
/// answers, and sixty hosts that speak to each other do not fit into it. What is told for good does not count.
fn known_to(number: u16) -> Vec<String> {
    let others = (0..HOSTS).filter(|other| *other != number);
    let entry = |other| {
        let (address, hardware) = (address_of(other), hardware_of(other));
        format!("neigh add {address} lladdr {hardware} dev eth0 nud permanent")
    };
    others.map(entry).collect()
}

/// Always the same, since it is told before the host is there.
fn hardware_of(number: u16) -> String {
    let [high, low] = number.to_be_bytes();
    format!("02:00:0a:4d:{high:02x}:{low:02x}")
}

fn port_of(number: u16) -> String {
    format!("p{number}")
}
