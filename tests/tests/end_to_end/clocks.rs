//! A box whose clock is wrong is told the right time, and goes by it at its next try.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use anyhow::{Result, ensure};
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use bytes::Bytes;
use tests::{
    eventually::until,
    mesh::Mesh,
    node::{Node, Program},
    relay::{Bound, Hand},
    turn::Turn,
};

const ANNOUNCEMENTS: &str = "/api/v1/announcements";
const TEN_MINUTES: Duration = Duration::from_mins(10);

/// Sets the box's clock ahead once, and from then on takes down what the tracker says.
#[derive(Default)]
struct Misled {
    done: AtomicBool,
    heard: Mutex<Vec<String>>,
}

impl Hand for Misled {
    fn instead(&self, path: &str) -> Option<Response<Body>> {
        if path != ANNOUNCEMENTS || self.done.swap(true, Ordering::Relaxed) {
            return None;
        }
        let time = SystemTime::UNIX_EPOCH.elapsed().ok()? + TEN_MINUTES;
        let body = serde_json::json!({"error": "your clock is behind", "time": time.as_millis()});
        let mut answer = Response::new(Body::from(body.to_string()));
        *answer.status_mut() = StatusCode::CONFLICT;
        Some(answer)
    }

    fn answer(&self, _agent: &str, path: &str, body: Bytes) -> Bytes {
        if path == ANNOUNCEMENTS {
            let words = String::from_utf8_lossy(&body).into_owned();
            self.heard.lock().expect("nobody panics with it").push(words);
        }
        body
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_whose_clock_is_ten_minutes_off_is_heard_at_its_next_try() -> Result<()> {
    let _turn = Turn::light().await;
    let mesh = Mesh::of(0).await?;
    let misled = Arc::new(Misled::default());
    let bound = Bound::new().await?;
    let url = bound.url()?;
    let _relay = bound.relay(mesh.trackers[0].address("http"), misled.clone())?;
    let mut arguments = vec!["join".to_owned(), url, "--data-dir".into(), mesh.data_dir("box")];
    for port in ["--http", "--zmq", "--p2p"] {
        arguments.extend([port.to_owned(), "127.0.0.1:0".into()]);
    }
    let _box = Node::start(Program::PeerBox, "box", arguments, mesh.folder()).await?;
    until("the box to be heard", Duration::from_secs(20), async || {
        Ok(mesh.listed_boxes(0).await?.len() == 1)
    })
    .await?;
    let heard = misled.heard.lock().expect("nobody panics with it").clone();
    ensure!(
        heard[0].contains("ahead of the tracker's"),
        "the witness: {}",
        heard[0]
    );
    ensure!(heard[1].contains("\"listed\""), "{}", heard[1]);
    Ok(())
}
