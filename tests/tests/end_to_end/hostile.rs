//! Hostile bytes cost the connection that they came on: the good ones go on, and memory stays bounded.

use std::{future::Future, net::SocketAddr, pin::Pin, time::Duration};

use anyhow::Result;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tests::{mesh::Mesh, node::Node, publisher::Session, turn::Turn};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// A program under attack may take this much more than before, in bytes.
const MOST_GROWTH: u64 = 64 << 20;

/// How many connections attack at once, and how much each has to say.
const ATTACKERS: usize = 20;
const VOLLEY: usize = 2 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn noise_on_the_rtmp_port_disturbs_no_publisher() -> Result<()> {
    let _turn = Turn::light().await;
    let mesh = Mesh::of(1).await?;
    let address = mesh.origin().address("rtmp");
    let attack = Box::pin(async {
        for seed in 0..4 {
            volleys(address, b"", seed).await;
            // Past the handshake's first byte, and past the handshake as a whole.
            volleys(address, &[3], seed).await;
            volleys(address, &[[3].as_slice(), &[0; 1536], &[0; 1536]].concat(), seed).await;
        }
        // A chunk stream's header that promises 16 MiB, on every one of 64 chunk streams.
        let mut promises = [[3].as_slice(), &[0; 1536], &[0; 1536]].concat();
        for stream in 3..64 {
            promises.extend([stream, 0, 0, 0, 0xFF, 0xFF, 0xFF, 9, 1, 0, 0, 0]);
            promises.extend([0; 128]);
        }
        volleys(address, &promises, 9).await;
        // A thousand levels of objects before anything is published.
        let mut nested = [[3].as_slice(), &[0; 1536], &[0; 1536]].concat();
        let body: Vec<u8> = [3, 0, 1, b'a'].repeat(16_000);
        nested.extend([3, 0, 0, 0, 0, 0xF8, 0, 20, 0, 0, 0, 0]);
        nested.extend(body);
        volleys(address, &nested, 10).await;
        Session::open(address, "a-wrong-stream-key").await.err();
    });
    survives(&mesh, mesh.origin(), attack).await
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_on_the_feed_disturbs_no_seed() -> Result<()> {
    let _turn = Turn::light().await;
    let mesh = Mesh::of(2).await?;
    let address = mesh.boxes[0].address("zmq");
    let attack = Box::pin(async {
        for seed in 0..4 {
            volleys(address, b"", seed).await;
            // A ZMTP greeting, then noise instead of the handshake.
            volleys(address, &greeting(), seed).await;
        }
        let strangers = tokio::task::spawn_blocking(move || strangers(address));
        strangers.await.expect("no panic").expect("ZeroMQ works");
    });
    survives(&mesh, &mesh.boxes[0], attack).await
}

/// ZMTP 3.0 §3.2: signature, version, mechanism NULL.
fn greeting() -> Vec<u8> {
    let mut greeting = vec![0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0];
    greeting.extend(b"NULL");
    greeting.resize(64, 0);
    greeting
}

/// Those who speak ZeroMQ and have not said a valid hello: their megabytes are turned away.
fn strangers(address: SocketAddr) -> Result<(), zmq::Error> {
    let context = zmq::Context::new();
    for _ in 0..4 {
        let socket = context.socket(zmq::DEALER)?;
        socket.set_linger(0)?;
        socket.set_sndtimeo(500)?;
        socket.set_rcvtimeo(500)?;
        socket.connect(&format!("tcp://{address}"))?;
        for _ in 0..20 {
            // The box may hang up at any of them.
            let _ = socket.send_multipart([vec![0xD2; 400], vec![0; 1 << 20]], 0);
        }
        let _ = socket.send_multipart(vec![vec![0; 1 << 18]; 64], 0);
        let _ = socket.send(vec![0xFF; 8 << 20], 0);
        while let Ok(answer) = socket.recv_bytes(0) {
            assert!(answer.len() <= wire::feed::MAX_ANSWER_BYTES);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_on_the_exchange_disturbs_no_neighbour() -> Result<()> {
    let _turn = Turn::light().await;
    let mesh = Mesh::of(2).await?;
    let address = mesh.boxes[0].address("p2p");
    let attack = Box::pin(async {
        for seed in 0..4 {
            volleys(address, b"", seed).await;
            volleys(address, b"\x13/multistream/1.0.0\n", seed).await;
            volleys(address, b"\x13/multistream/1.0.0\n\x07/noise\n", seed).await;
        }
    });
    survives(&mesh, &mesh.boxes[0], attack).await
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_on_the_http_ports_disturbs_no_viewer() -> Result<()> {
    let _turn = Turn::light().await;
    let mesh = Mesh::of(1).await?;
    for node in [&mesh.trackers[0], mesh.origin(), &mesh.boxes[0]] {
        let address = node.address("http");
        let attack = Box::pin(async {
            volleys(address, b"", 1).await;
            volleys(address, b"GET /", 2).await;
            volleys(address, b"GET / HTTP/1.1\r\nhost: a\r\nx: ", 3).await;
            let post =
                b"POST /api/v1/announcements HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999\r\n\r\n";
            volleys(address, post, 4).await;
            let ranges = "0-0,".repeat(1000);
            let range =
                format!("GET /live/demo/1/v0/1.m4v HTTP/1.1\r\nhost: a\r\nrange: bytes={ranges}\r\n\r\n");
            volleys(address, range.as_bytes(), 5).await;
        });
        survives(&mesh, node, attack).await?;
    }
    Ok(())
}

/// The stream goes on during and after the attack, and the victim stays small.
pub(crate) async fn survives(
    mesh: &Mesh,
    victim: &Node,
    mut attack: Pin<Box<impl Future<Output = ()>>>,
) -> Result<()> {
    let publisher = mesh.replay().await?;
    let newest = mesh
        .on_air(2, mesh.boxes.len().min(3))
        .await?
        .track("v0")
        .newest();
    let before = victim.resident_bytes()?;
    let mut most = before;
    while timeout(Duration::from_millis(50), &mut attack).await.is_err() {
        most = most.max(victim.resident_bytes()?);
    }
    most = most.max(victim.resident_bytes()?);
    // The window itself grows while it fills.
    let grown = most.saturating_sub(before);
    assert!(grown < MOST_GROWTH, "it grew from {before} to {most} bytes");

    let after = mesh.on_air(newest + 2, mesh.boxes.len().min(3)).await?;
    for peer_box in &mesh.boxes {
        let track = after.track("v0");
        let (_, relative) = &track.segments[track.segments.len() - 2];
        crate::support::fetch(mesh, peer_box, relative).await?;
    }
    assert!(publisher.is_running(), "the publisher was cut off");
    Ok(publisher.stop().await?)
}

/// Many connections at once that say `opening`, then noise, and hang up when they are let.
async fn volleys(address: SocketAddr, opening: &[u8], seed: u64) {
    let tasks = tokio_util::task::TaskTracker::new();
    for attacker in 0..ATTACKERS {
        let opening = opening.to_vec();
        tasks.spawn(async move {
            let mut noise = StdRng::seed_from_u64(seed * 1000 + attacker as u64);
            // Being hung up on is what ought to happen.
            let _ = timeout(Duration::from_secs(3), volley(address, &opening, &mut noise)).await;
        });
    }
    tasks.close();
    tasks.wait().await;
}

async fn volley(address: SocketAddr, opening: &[u8], noise: &mut StdRng) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(opening).await?;
    let mut bytes = vec![0; 64 << 10];
    for _ in 0..VOLLEY / bytes.len() {
        noise.fill(&mut bytes[..]);
        stream.write_all(&bytes).await?;
    }
    stream.shutdown().await?;
    stream.read_to_end(&mut bytes).await?;
    Ok(())
}
