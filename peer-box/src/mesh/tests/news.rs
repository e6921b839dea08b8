//! What origins tell, passed from box to box.

use libp2p::swarm::dial_opts::DialOpts;
use wire::news::{News, Turn};

use super::super::{behaviour::multiaddr_of, gossip};
use super::*;
use crate::samples::secret;

fn says(turn: Turn) -> News {
    News {
        channel: demo(1, 0).channel,
        epoch: demo(1, 0).epoch,
        turn,
    }
}

/// Waits until the box has heard that the epoch was taken down.
async fn hears_of_takedown(member: &Member) {
    let deadline = Instant::now() + PATIENCE;
    let News { channel, epoch, .. } = says(Turn::TakenDown);
    while !member.store.is_taken_down(channel.clone(), epoch).await {
        assert!(Instant::now() < deadline, "it did not hear");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_is_taken_down_is_gone_from_every_box() {
    let a = Member::beside(1, &[]).await;
    let b = Member::beside(2, &[&a]).await;
    let c = Member::beside(3, &[&b]).await;
    b.has_neighbours(2).await;
    a.keeps(chunk(&origin(), &demo(1, 0))).await;
    c.gets(demo(1, 0)).await;

    let news = says(Turn::TakenDown).sign(&origin());
    a.tell.send(news).await.unwrap();
    for member in [&a, &b, &c] {
        hears_of_takedown(member).await;
        assert_eq!(member.store.held().await.len(), 0);
    }
    let again = c.store.insert(chunk(&origin(), &demo(1, 0))).await;
    assert_eq!(again, Err(program::window::Refused::TakenDown));
    assert_eq!(c.counts.neighbours(), (1, 0));
}

#[tokio::test]
async fn an_epoch_begins_in_boxes_that_have_its_init_segments() {
    let a = Member::beside(1, &[]).await;
    let b = Member::beside(2, &[&a]).await;
    let c = Member::beside(3, &[&b]).await;
    b.has_neighbours(2).await;
    let init = init(&origin());
    a.keeps(init.clone()).await;
    let begins = says(Turn::Begins(vec![init.seal().clone()]));
    a.tell.send(begins.sign(&origin())).await.unwrap();
    c.gets(demo_init()).await;

    let ends = says(Turn::TakenDown).sign(&origin());
    a.tell.send(ends).await.unwrap();
    hears_of_takedown(&c).await;
    assert_eq!(c.counts.neighbours(), (1, 0));
}

/// Somebody who says such things to that box.
async fn gossips(number: u8, message: Bytes, to: &Member) -> Lifecycle {
    let life = Lifecycle::default();
    let any = "127.0.0.1:0".parse().unwrap();
    let (mut swarm, _) = behaviour::listen(&secret(number), any, &life.tasks)
        .await
        .unwrap();
    let peer = peer_of(&to.secret.public()).unwrap();
    let address = vec![multiaddr_of(to.address)];
    swarm
        .dial(DialOpts::peer_id(peer).addresses(address).build())
        .unwrap();
    let stop = life.stop.clone();
    life.tasks.spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = swarm.select_next_some() => {
                    // In vain until the other is known to listen.
                    let _ = swarm.behaviour_mut().gossip.publish(gossip::topic(), message.clone());
                }
            }
        }
    });
    life
}

#[tokio::test]
async fn who_passes_on_what_is_no_news_is_banned() {
    let victim = Member::beside(1, &[]).await;
    let _life = gossips(2, Bytes::from_static(b"nonsense"), &victim).await;
    until("a ban", || victim.counts.neighbours() == (0, 1)).await;
    assert_eq!(victim.counts.refusals().get("malformed"), Some(&1));
}

#[tokio::test]
async fn who_passes_on_forged_news_is_banned_once_the_trackers_know_no_such_key() {
    let mut victim = Member::beside(1, &[]).await;
    victim.keeps(chunk(&origin(), &demo(1, 0))).await;
    let forged = says(Turn::TakenDown).sign(&secret(66));
    let _life = gossips(2, forged, &victim).await;
    victim.nudged.wait().await;
    assert_eq!(victim.counts.neighbours(), (1, 0), "trackers may know the key");
    let later = Instant::now() + Duration::from_secs(3);
    victim.desk.take(0, later, answer(&origin(), vec![]));
    until("a ban", || victim.counts.neighbours() == (0, 1)).await;
    assert_eq!(victim.counts.refusals().get("forged"), Some(&1));
    assert_eq!(victim.store.held().await.len(), 1);
}
