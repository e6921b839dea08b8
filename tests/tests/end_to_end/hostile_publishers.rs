//! Publishers who mean harm, some of them with a good key: the good publisher beside them does not notice.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;
use tests::{
    mesh::Mesh,
    plan::Plan,
    publisher::{
        Clip, RawPublisher,
        raw::{COMMAND, SET_CHUNK_SIZE, VIDEO},
    },
    turn::Turn,
};

use crate::hostile::survives;

/// The key of a second channel, which the attackers have.
const KEY: &str = "a-key-in-bad-hands";

/// So many connections stay open at once.
const IDLE: usize = 1000;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_that_say_nothing_keep_nobody_out() -> Result<()> {
    let (_turn, mesh) = mesh().await?;
    let address = mesh.origin().address("rtmp");
    let attack = Box::pin(async {
        let mut idle = Vec::with_capacity(IDLE);
        for number in 0..IDLE {
            let Ok(mut publisher) = RawPublisher::connect(address).await else {
                continue;
            };
            // A third says nothing, a third half of the handshake, a third all of it.
            match number % 3 {
                0 => {}
                1 => drop(publisher.bytes(&[3; 700]).await),
                _ => drop(publisher.bytes(&[3; 1537]).await),
            }
            idle.push(publisher);
        }
        // Nobody waits for them for ever.
        for publisher in &idle {
            publisher
                .closed(Duration::from_secs(25))
                .await
                .expect("it hangs up");
        }
    });
    survives(&mesh, mesh.origin(), attack).await
}

#[tokio::test(flavor = "multi_thread")]
async fn chunk_streams_without_end_take_no_memory() -> Result<()> {
    let (_turn, mesh) = mesh().await?;
    let address = mesh.origin().address("rtmp");
    let attack = Box::pin(async {
        for publish in [false, true] {
            // 65,000 messages that begin and never end, each on a chunk stream of its own.
            let mut bytes = Vec::new();
            for stream in 0_u16..65_000 {
                bytes.push(1);
                bytes.extend(stream.to_le_bytes());
                bytes.extend([0, 0, 0, 0xFF, 0xFF, 0xFE, VIDEO, 1, 0, 0, 0]);
                bytes.extend([0; 128]);
            }
            send(address, publish, &bytes).await;
        }
    });
    survives(&mesh, mesh.origin(), attack).await
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_that_lie_take_no_memory() -> Result<()> {
    let (_turn, mesh) = mesh().await?;
    let address = mesh.origin().address("rtmp");
    let attack = Box::pin(async {
        for publish in [false, true] {
            for size in [0_u32, 1, 0x7FFF_FFFF, 0xFFFF_FFFF] {
                let mut bytes = vec![2, 0, 0, 0, 0, 0, 4, SET_CHUNK_SIZE, 0, 0, 0, 0];
                bytes.extend(size.to_be_bytes());
                for stream in 3..19 {
                    bytes.extend([stream, 0, 0, 0, 0xFF, 0xFF, 0xFE, VIDEO, 1, 0, 0, 0]);
                    bytes.extend([0x17; 4096]);
                }
                send(address, publish, &bytes).await;
            }
        }
    });
    survives(&mesh, mesh.origin(), attack).await
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_nest_or_refer_without_end_take_no_memory() -> Result<()> {
    let (_turn, mesh) = mesh().await?;
    let address = mesh.origin().address("rtmp");
    let attack = Box::pin(async {
        let nested = [3, 0, 1, b'a'].repeat(1_000_000);
        // An array, then arrays of references to the one before: each twice as large as the last.
        let mut bomb = vec![10, 0, 0, 0, 2, 5, 5];
        for reference in 0..40_u8 {
            bomb.extend([10, 0, 0, 0, 2, 7, 0, reference, 7, 0, reference]);
        }
        for publish in [false, true] {
            for body in [&nested, &bomb] {
                let Some(mut publisher) = connect(address, publish).await else {
                    continue;
                };
                let _ = publisher.message(3, COMMAND, 0, 0, body).await;
                let _ = publisher.closed(Duration::from_secs(1)).await;
            }
        }
    });
    survives(&mesh, mesh.origin(), attack).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_nonsense_under_a_good_key_stays_its_own_trouble() -> Result<()> {
    let (_turn, mesh) = mesh().await?;
    let address = mesh.origin().address("rtmp");
    let attack = Box::pin(async {
        let clip = Clip::built_in();
        for round in 0_u32..8 {
            let Some(mut publisher) = connect(address, true).await else {
                continue;
            };
            let _ = publisher.introduce(0, &clip).await;
            for number in 0_u32..2000 {
                // Times that jump wildly, pictures without end before a keyframe, tags cut short.
                let time = number.wrapping_mul(0x9E37_79B9).rotate_left(round);
                let (mut tag, kept) = (vec![0x27, 1, 0, 0, 0], (number % 7) as usize);
                tag.extend(vec![0xAA; (number as usize * 37) % 4000]);
                let tag = if number % 11 == 0 {
                    &tag[..kept.min(4)]
                } else {
                    &tag[..]
                };
                if publisher.video(time, tag).await.is_err() || publisher.is_closed() {
                    break;
                }
            }
        }
    });
    survives(&mesh, mesh.origin(), attack).await
}

async fn mesh() -> Result<(Turn, Mesh)> {
    let turn = Turn::light().await;
    let origin_arguments = vec!["--stream-key".into(), format!("other={KEY}")];
    let mesh = Mesh::launch(Plan {
        boxes: 1,
        origin_arguments,
        ..Plan::default()
    });
    Ok((turn, mesh.await?))
}

/// A connection past its handshake, or past `publish`; none where the origin will not have it just now.
async fn connect(address: SocketAddr, publish: bool) -> Option<RawPublisher> {
    if publish {
        return RawPublisher::publish(address, KEY).await.ok();
    }
    let mut publisher = RawPublisher::connect(address).await.ok()?;
    publisher.shake_hands().await.ok()?;
    Some(publisher)
}

/// Being hung up on is what ought to happen.
async fn send(address: SocketAddr, publish: bool, bytes: &[u8]) {
    if let Some(mut publisher) = connect(address, publish).await {
        let _ = publisher.bytes(bytes).await;
        let _ = publisher.closed(Duration::from_secs(1)).await;
    }
}
