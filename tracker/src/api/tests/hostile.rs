//! Announcements of those who mean harm: old ones said again, and addresses that are somebody else's.

use wire::key::SecretKey;

use super::rig::Rig;
use crate::testing::{self, RedisServer};

const HTTP: &str = "http://0.0.0.0:8090";

/// How many boxes are heard before their words are said again.
const HEARD: u32 = 50;

fn secret(n: u32) -> SecretKey {
    let mut seed = [3; 32];
    seed[..4].copy_from_slice(&n.to_be_bytes());
    SecretKey::from_seed(seed)
}

fn signed(n: u32, sequence: u64, http: &str) -> Vec<u8> {
    let secret = secret(n);
    let mut announcement = testing::announcement(1, sequence, http);
    announcement.key = secret.public();
    announcement.sign(&secret).to_vec()
}

async fn counted(rig: &Rig, what: &str) -> u32 {
    let metrics = rig.get("/metrics").await.text().await.unwrap();
    let name = format!("boxmesh_tracker_{what} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |count| count.parse().unwrap())
}

/// Says again, so often, what was said before and accepted, to two trackers on one Redis by turns.
async fn replays_change_nothing(count: u32) {
    const ACCEPTED: &str = "announcements_total{result=\"accepted\"}";
    let redis = RedisServer::start();
    let (one, other) = (Rig::on(&redis).await, Rig::on(&redis).await);
    let now = one.now();
    let mut said = Vec::new();
    for n in 0..HEARD {
        for sequence in [now, now + 1] {
            let words = signed(n, sequence, HTTP);
            assert_eq!(one.post(wire::announcement::PATH, words.clone()).await.0, 200);
            said.push(words);
        }
    }
    assert_eq!(counted(&one, ACCEPTED).await, 2 * HEARD, "the witness");
    let before = one.boxes().await;
    for (n, words) in (0..count).zip(said.iter().cycle()) {
        let rig = if n % 3 == 0 { &other } else { &one };
        assert_eq!(rig.post(wire::announcement::PATH, words.clone()).await.0, 200);
    }
    assert_eq!(counted(&one, ACCEPTED).await, 2 * HEARD);
    assert_eq!(counted(&other, ACCEPTED).await, 0);
    let stale = "announcements_total{result=\"stale\"}";
    assert_eq!(counted(&one, stale).await + counted(&other, stale).await, count);
    let after = one.boxes().await;
    let ids = |boxes: &serde_json::Value| boxes.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(ids(&after), ids(&before));
}

#[tokio::test]
async fn an_announcement_that_is_said_again_is_never_accepted() {
    replays_change_nothing(1000).await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn of_a_hundred_thousand_announcements_that_are_said_again_none_is_accepted() {
    replays_change_nothing(100_000).await;
}

/// Where a box says that it is, although somebody else is there.
fn victim(n: u32) -> String {
    let [_, high, middle, low] = n.to_be_bytes();
    match n % 5 {
        0 => format!("http://10.{high}.{middle}.{low}:80"),
        1 => format!("http://192.168.{middle}.{low}:22"),
        2 => format!("http://198.51.100.{low}:443"),
        3 => format!("http://[fd00::{n:x}]:6379"),
        // The service that tells machines in a cloud their secrets.
        _ => "http://169.254.169.254:80".into(),
    }
}

type Asked = Result<reqwest::Result<reqwest::Response>, tokio::task::JoinError>;

async fn is_left_out(answer: Option<Asked>) {
    let answer = answer.unwrap().unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    let reply: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(reply["listed"], false, "{reply}");
    assert!(
        reply["why"].as_str().unwrap().contains("it speaks from"),
        "{reply}"
    );
}

/// So many boxes say that they are where somebody else is.
async fn third_parties_are_left_alone(count: u32) {
    let rig = Rig::start().await;
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..count {
        let said = signed(n, rig.now(), &victim(n));
        let request = rig
            .client
            .post(format!("{}{}", rig.base, wire::announcement::PATH));
        asked.spawn(request.body(said).send());
        // Whoever is new waits for the next view: many may wait for the same.
        if asked.len() >= 100 {
            is_left_out(asked.join_next().await).await;
        }
    }
    while let Some(answer) = asked.join_next().await {
        is_left_out(Some(answer)).await;
    }
    // The witness: whoever is where it says is gone to, and was considered behind all of those.
    rig.add_box(1).await;
    let proved = counted(&rig, "probes_total{result=\"proved\"}").await;
    let metrics = rig.get("/metrics").await.text().await.unwrap();
    let probes = metrics
        .lines()
        .filter(|line| line.starts_with("boxmesh_tracker_probes_total{"));
    assert_eq!((proved, probes.count()), (1, 1), "{metrics}");
    assert_eq!(counted(&rig, "boxes_listed").await, 1);
}

#[tokio::test]
async fn nobody_is_visited_where_another_says_that_it_is() {
    third_parties_are_left_alone(500).await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn nobody_is_visited_where_ten_thousand_others_say_that_they_are() {
    third_parties_are_left_alone(9_999).await;
}
