//! Boxes that meet beside by the trackers' lists.

use wire::announcement::{AnnouncementReply, Reach, Seen};

use super::*;

/// What a tracker that has been away for a minute said last: these neighbours, and whether it reached this box.
fn heard_long_ago(member: &Member, neighbours: &[&Member], p2p: Seen) {
    let neighbours = neighbours.iter().map(|member| member.as_neighbour()).collect();
    let reach = Reach {
        p2p,
        ..Reach::default()
    };
    let long_ago = Instant::now().checked_sub(Duration::from_mins(1));
    let answer = AnnouncementReply {
        reach,
        ..answer(&origin(), neighbours)
    };
    let long_ago = long_ago.expect("this machine has run for a minute");
    member.desk.take(0, long_ago, answer);
}

#[tokio::test]
async fn a_box_that_tcp_does_not_reach_is_reached_by_quic() {
    let life = Lifecycle::default();
    let key = secret(1);
    let (mut swarm, address) = behaviour::listen_by_quic(&key, &life.tasks).await;
    let dials = Member::alone(2).await;
    let neighbour = Neighbour {
        id: BoxId::of(&key.public()),
        key: key.public(),
        p2p: format!("/ip4/127.0.0.1/tcp/{}", address.port()),
    };
    dials
        .desk
        .take(0, Instant::now(), answer(&origin(), vec![neighbour]));
    let met = async {
        loop {
            if let SwarmEvent::ConnectionEstablished { endpoint, .. } = swarm.select_next_some().await {
                return endpoint.get_remote_address().clone();
            }
        }
    };
    let from = tokio::time::timeout(PATIENCE, met).await.expect("it is dialled");
    assert!(from.to_string().ends_with("/quic-v1"), "{from}");
}

#[tokio::test]
async fn boxes_find_each_other_through_the_table_while_trackers_are_away() {
    let known = Member::alone(1).await;
    heard_long_ago(&known, &[], Seen::yes());
    let one = Member::alone(2).await;
    heard_long_ago(&one, &[&known], Seen::yes());
    known.has_neighbours(1).await;
    let other = Member::alone(3).await;
    heard_long_ago(&other, &[&known], Seen::yes());

    known.has_neighbours(2).await;
    one.has_neighbours(2).await;
    other.has_neighbours(2).await;
    one.keeps(chunk(&origin(), &demo(1, 0))).await;
    other.gets(demo(1, 0)).await;
}

#[tokio::test]
async fn who_cannot_be_dialled_is_met_through_a_relay_and_then_directly() {
    let relay = Meeting {
        relay: true,
        ..Meeting::default()
    };
    let relay = Member::meeting(1, relay).await;
    heard_long_ago(&relay, &[], Seen::yes());
    let closed = Member::alone(2).await;
    heard_long_ago(&closed, &[&relay], Seen::no("nothing gets through"));
    relay.has_neighbours(1).await;
    let other = Member::alone(3).await;
    heard_long_ago(&other, &[&relay], Seen::no("nothing gets through"));

    relay.has_neighbours(2).await;
    closed.has_neighbours(2).await;
    other.has_neighbours(2).await;
}
