//! Names, addresses and ports.

use libp2p::PeerId;
use tokio_util::task::TaskTracker;
use wire::id::BoxId;
use wire::key::SecretKey;

use super::*;

#[test]
fn a_boxs_id_follows_from_its_libp2p_name() {
    let key = SecretKey::from_seed([4; 32]).public();
    let peer = peer_of(&key).expect("an honest key");
    assert_eq!(box_of(&peer), Some(BoxId::of(&key)));
    assert_eq!(box_of(&PeerId::random()), None);
}

#[test]
fn only_an_address_and_a_port_are_dialled() {
    let read = |text: &str| address_in(&text.parse().unwrap());
    assert_eq!(
        read("/ip4/192.0.2.7/tcp/8092"),
        Some("192.0.2.7:8092".parse().unwrap())
    );
    assert_eq!(
        read("/ip6/2001:db8::1/tcp/1"),
        Some("[2001:db8::1]:1".parse().unwrap())
    );
    for other in [
        "/dns4/a.example/tcp/1",
        "/ip4/192.0.2.7/udp/1",
        "/ip4/192.0.2.7/tcp/1/ws",
        "/tcp/1",
    ] {
        assert_eq!(read(other), None, "{other}");
    }
}

#[test]
fn tcp_is_dialled_before_quic_at_the_same_number() {
    let dialled = dialled_addresses(&"/ip4/192.0.2.7/tcp/8092".parse().unwrap());
    let texts: Vec<_> = dialled.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        ["/ip4/192.0.2.7/tcp/8092", "/ip4/192.0.2.7/udp/8092/quic-v1"]
    );
}

#[test]
fn a_way_through_a_relay_has_one_form() {
    let relay = PeerId::random();
    let read = |text: String| relay_in(&text.parse().unwrap());
    let way = format!("/ip4/192.0.2.7/tcp/8092/p2p/{relay}/p2p-circuit");
    assert_eq!(read(way.clone()), Some(relay));
    assert_eq!(read(format!("{way}/p2p/{}", PeerId::random())), Some(relay));
    for other in [
        "/ip4/192.0.2.7/tcp/8092".to_owned(),
        "/p2p-circuit".to_owned(),
        format!("/dns4/a.example/tcp/1/p2p/{relay}/p2p-circuit"),
        format!("{way}/p2p/{relay}/p2p-circuit"),
    ] {
        assert_eq!(read(other.clone()), None, "{other}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_refused_with_the_setting_that_moves_it() {
    let tasks = TaskTracker::new();
    let any = "127.0.0.1:0".parse().unwrap();
    let (_swarm, address) = listen(&SecretKey::from_seed([1; 32]), any, &tasks).await.unwrap();
    let error = listen(&SecretKey::from_seed([2; 32]), address, &tasks)
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(error.to_string().contains("--p2p"), "{error}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[tokio::test]
async fn a_port_whose_udp_half_is_taken_is_refused_too() {
    let taken = loop {
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        if std::net::TcpListener::bind(udp.local_addr().unwrap()).is_ok() {
            break udp;
        }
    };
    let address = taken.local_addr().unwrap();
    let tasks = TaskTracker::new();
    let refused = listen(&SecretKey::from_seed([1; 32]), address, &tasks).await;
    assert!(refused.map(|_| ()).unwrap_err().to_string().contains("--p2p"));
    drop(taken);
    listen(&SecretKey::from_seed([1; 32]), address, &tasks)
        .await
        .unwrap();
}
