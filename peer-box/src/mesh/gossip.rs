//! The gossip: the rare, small news of origins, passed from box to box. What they say is judged in [`super::tidings`].

use std::time::Duration;

use libp2p::gossipsub::{
    self, ConfigBuilder, IdentTopic, IdentityTransform, MessageAuthenticity, MessageId, ValidationMode,
    Version, WhitelistSubscriptionFilter,
};
use sha2::{Digest, Sha256};

/// The gossip's behaviour: there is one topic, and a neighbour that speaks of others is not heard.
pub(super) type Gossip = gossipsub::Behaviour<IdentityTransform, WhitelistSubscriptionFilter>;

/// The name of the protocol, and what is spoken of.
const PROTOCOL: &str = "/boxmesh/gossip/1";
const TOPIC: &str = "news";

/// The largest message, its envelope included. None that is genuine comes near.
const MAX_BYTES: usize = 8 << 10;

/// Who begins to listen is heard of soon: the first news of a box may be its first minute's only ones.
const FIRST_HEARTBEAT: Duration = Duration::from_millis(200);
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How long news that was heard is known again.
const REMEMBERED: Duration = Duration::from_mins(2);

/// What waits to be sent to one neighbour.
const QUEUE: usize = 64;

pub(super) fn topic() -> IdentTopic {
    IdentTopic::new(TOPIC)
}

pub(super) fn behaviour() -> Gossip {
    let config = ConfigBuilder::default()
        .protocol_id(PROTOCOL, Version::V1_1)
        .max_transmit_size(MAX_BYTES)
        .heartbeat_initial_delay(FIRST_HEARTBEAT)
        .heartbeat_interval(HEARTBEAT)
        .duplicate_cache_time(REMEMBERED)
        .connection_handler_queue_len(QUEUE)
        .flood_publish(false)
        // Each message is judged here before it goes on, and has its origin's signature inside: who passed it on
        // needs no name of its own.
        .validate_messages()
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(|message| MessageId::new(&Sha256::digest(&message.data)))
        .build()
        .expect("these bounds agree with each other");
    let filter = WhitelistSubscriptionFilter([topic().hash()].into());
    let mut gossip = Gossip::new_with_subscription_filter(MessageAuthenticity::Anonymous, config, filter)
        .expect("no signatures are asked for, and none are made");
    gossip
        .subscribe(&topic())
        .expect("the filter lets the one topic pass");
    gossip
}
