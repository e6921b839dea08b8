//! The table by which boxes find each other while trackers are away, and only then asked.
//!
//! By itself Kademlia looks itself up whenever it hears of somebody, and dials whoever it is told of: soon every box
//! would be connected to every other. So it may dial only while this box looks for others.

use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::kad;
use libp2p::kad::store::MemoryStore;
use libp2p::swarm::behaviour::DialFailure;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, DialError, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};

type Kad = kad::Behaviour<MemoryStore>;

pub(in super::super) struct Table {
    pub(in super::super) kad: Kad,
    may_dial: bool,
}

impl Table {
    pub(super) fn new(kad: Kad) -> Self {
        Self { kad, may_dial: false }
    }

    /// Whether this box looks for others: only then anybody is dialled for the table's sake.
    pub(in super::super) fn may_dial(&mut self, may_dial: bool) {
        self.may_dial = may_dial;
    }

    /// Who was to be dialled is not.
    fn gives_up(&mut self, dial: &DialOpts) {
        self.kad.on_swarm_event(FromSwarm::DialFailure(DialFailure {
            peer_id: dial.get_peer_id(),
            error: &DialError::Aborted,
            connection_id: dial.connection_id(),
        }));
    }
}

impl NetworkBehaviour for Table {
    type ConnectionHandler = <Kad as NetworkBehaviour>::ConnectionHandler;
    type ToSwarm = kad::Event;

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.kad
            .handle_pending_outbound_connection(id, peer, addresses, role)
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.kad
            .handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.kad
            .handle_established_outbound_connection(id, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        self.kad.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        self.kad.on_connection_handler_event(peer, id, event);
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<ToSwarm<kad::Event, THandlerInEvent<Self>>> {
        loop {
            match self.kad.poll(context) {
                Poll::Ready(ToSwarm::Dial { opts }) if !self.may_dial => self.gives_up(&opts),
                other => return other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::future::{Either, select};

    use super::*;

    /// Waits until the table has somebody dialled: it has heard of one box.
    async fn dials(may_dial: bool) {
        let mut table = super::super::table(PeerId::random());
        table.may_dial(may_dial);
        let address = "/ip4/192.0.2.7/tcp/8092".parse().unwrap();
        table.kad.add_address(&PeerId::random(), address);
        while !matches!(
            std::future::poll_fn(|context| table.poll(context)).await,
            ToSwarm::Dial { .. }
        ) {}
    }

    #[tokio::test]
    async fn nobody_is_dialled_for_the_table_unless_this_box_looks_for_others() {
        let (quiet, looking) = (Box::pin(dials(false)), Box::pin(dials(true)));
        assert!(matches!(select(quiet, looking).await, Either::Right(_)));
    }
}
