//! Routers on loopback that hear one way each.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use program::lifecycle::Lifecycle;
use tokio::net::UdpSocket;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

const FAR_SIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);

/// What a router was asked for: whether by UDP, which port, and for how long.
type Asked = Arc<Mutex<Vec<(bool, u16, u32)>>>;

/// A gateway that answers so, and what it was asked.
async fn gateway(
    life: &Lifecycle,
    answers: impl Fn(&[u8], &Asked) -> Option<Vec<u8>> + Send + 'static,
) -> (SocketAddrV4, Asked) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let SocketAddr::V4(address) = socket.local_addr().unwrap() else {
        panic!("it is bound to IPv4");
    };
    let asked = Asked::default();
    let book = asked.clone();
    life.tasks.clone().spawn(async move {
        let mut bytes = [0; 1200];
        while let Ok((count, from)) = socket.recv_from(&mut bytes).await {
            if let Some(answer) = answers(&bytes[..count], &book) {
                socket.send_to(&answer, from).await.unwrap();
            }
        }
    });
    (address, asked)
}

fn number(bytes: &[u8]) -> u16 {
    u16::from_be_bytes(bytes.try_into().unwrap())
}

fn seconds(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().unwrap())
}

/// A router of PCP. It grants a minute.
fn pcp(question: &[u8], asked: &Asked) -> Option<Vec<u8>> {
    if question[0] != 2 {
        return None;
    }
    let wished = seconds(&question[4..8]);
    asked
        .lock()
        .unwrap()
        .push((question[36] == 17, number(&question[40..42]), wished));
    let mut answer = question[..60].to_vec();
    answer[1] |= 0x80;
    answer[4..8].copy_from_slice(&wished.min(60).to_be_bytes());
    answer[8..24].fill(0);
    answer[44..60].copy_from_slice(&FAR_SIDE.to_ipv6_mapped().octets());
    Some(answer)
}

/// A router of NAT-PMP, which answers other versions that they are.
#[expect(clippy::unnecessary_wraps, reason = "other routers may not answer")]
fn nat_pmp(question: &[u8], asked: &Asked) -> Option<Vec<u8>> {
    let mut answer = vec![0, question[1] | 0x80, 0, 0, 0, 0, 0, 9];
    match (question[0], question[1]) {
        (0, 0) => answer.extend(FAR_SIDE.octets()),
        (0, 1 | 2) => {
            let wished = seconds(&question[8..12]);
            asked
                .lock()
                .unwrap()
                .push((question[1] == 1, number(&question[4..6]), wished));
            answer.extend(&question[4..12]);
        }
        _ => answer[3] = 1,
    }
    Some(answer)
}

fn ports() -> Vec<Port> {
    let at = |port| SocketAddr::from(([192, 168, 1, 7], port));
    of_box(at(8090), at(8091), at(8092))
}

/// Nobody hears `UPnP`'s call there.
async fn nobody() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

async fn told(mut mappings: Mappings) -> Vec<Mapping> {
    let told = mappings.wait_for(|mappings| !mappings.is_empty());
    let told = tokio::time::timeout(PATIENCE, told).await;
    told.expect("the router answers").unwrap().clone()
}

async fn ends(life: Lifecycle) {
    life.stop.cancel();
    life.tasks.close();
    tokio::time::timeout(PATIENCE, life.tasks.wait())
        .await
        .expect("every task ends at the stop");
}

/// All ports are mapped by that way, and taken back at the stop.
async fn maps_and_takes_back(way: Way, answers: impl Fn(&[u8], &Asked) -> Option<Vec<u8>> + Send + 'static) {
    let routers = Lifecycle::default();
    let (address, asked) = gateway(&routers, answers).await;
    let (_silent, call) = nobody().await;
    let life = Lifecycle::default();
    let mappings = told(spawn(ports(), Routers::At(address, call), &life)).await;
    for (mapping, port) in mappings.iter().zip(ports()) {
        let state = State::Mapped(way, Some(FAR_SIDE.into()));
        assert_eq!(*mapping, Mapping { port, state }, "{mapping}");
    }
    assert_eq!(mappings.len(), 4);

    ends(life).await;
    let asked = asked.lock().unwrap().clone();
    for port in ports() {
        let is_udp = port.transport == Transport::Udp;
        assert!(asked.contains(&(is_udp, port.number, 7200)), "{asked:?}");
        assert!(asked.contains(&(is_udp, port.number, 0)), "{asked:?}");
    }
}

#[tokio::test]
async fn a_router_of_pcp_passes_the_ports_on_until_the_stop() {
    maps_and_takes_back(Way::Pcp, pcp).await;
}

#[tokio::test]
async fn a_router_of_nat_pmp_passes_the_ports_on_until_the_stop() {
    maps_and_takes_back(Way::NatPmp, nat_pmp).await;
}

#[test]
fn a_mapping_is_renewed_at_half_of_its_time_and_not_all_the_time() {
    assert_eq!(renewed_after(Duration::from_mins(2)), Duration::from_mins(1));
    assert_eq!(renewed_after(LIFETIME), Duration::from_hours(1));
    assert_eq!(renewed_after(Duration::MAX), Duration::from_hours(1));
    assert_eq!(renewed_after(Duration::ZERO), SOONEST);
}

#[tokio::test]
async fn another_number_than_the_announced_one_is_refused_and_given_back() {
    let routers = Lifecycle::default();
    let elsewhere = |question: &[u8], asked: &Asked| {
        let mut answer = nat_pmp(question, asked)?;
        if let Some(port) = answer.get_mut(10..12).filter(|_| question[1] == 2) {
            port.copy_from_slice(&9999_u16.to_be_bytes());
        }
        Some(answer)
    };
    let (address, asked) = gateway(&routers, elsewhere).await;
    let (_silent, call) = nobody().await;
    let life = Lifecycle::default();
    let mappings = told(spawn(ports(), Routers::At(address, call), &life)).await;
    let State::Refused(why) = &mappings[0].state else {
        panic!("{}", mappings[0]);
    };
    assert!(why.contains("9999"), "{why}");
    assert!(
        matches!(mappings[3].state, State::Mapped(..)),
        "UDP came as asked"
    );
    assert!(asked.lock().unwrap().contains(&(false, 8090, 0)));
}

#[tokio::test]
async fn what_is_no_answer_is_passed_over_and_a_refusal_is_told_in_words() {
    let routers = Lifecycle::default();
    let refuses = |question: &[u8], _: &Asked| {
        let mut answer = question.get(..60)?.to_vec();
        answer[1] |= 0x80;
        answer[3] = 11;
        Some(answer)
    };
    let (address, _) = gateway(&routers, refuses).await;
    let (_silent, call) = nobody().await;
    let life = Lifecycle::default();
    let mappings = told(spawn(ports(), Routers::At(address, call), &life)).await;
    let words = mappings[0].to_string();
    assert!(
        words.contains("viewers' port 8090 (TCP)") && words.contains("the port is taken"),
        "{words}"
    );
}
