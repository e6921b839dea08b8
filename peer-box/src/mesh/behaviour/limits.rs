//! The bounds that libp2p keeps by itself, whatever the door decides: wider than the door's, and hard.

use std::time::Duration;

use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::{memory_connection_limits, relay};

/// Connections past their handshakes: the eight neighbours that are wished for, those that dialled at the same
/// moment, and strangers at the door.
const MAX_INBOUND: u32 = 28;
const MAX_OUTBOUND: u32 = 20;

/// One is the rule; two boxes that met through a relay may dial each other at once, and one more finds out whether an
/// address is good.
const MAX_OF_PEER: u32 = 4;

/// Connections that are not past their handshakes, each way.
const MAX_HANDSHAKES: u32 = 64;

/// Above this much memory of the whole program no further connection is taken. A window takes half a gibibyte.
const MAX_MEMORY: usize = 1536 << 20;

/// What a relay does for others: signalling, never media.
const MAX_RESERVATIONS: usize = 32;
const MAX_CIRCUITS: usize = 16;
const MAX_OF_ONE: usize = 2;
const MAX_CIRCUIT_BYTES: u64 = 64 << 10;
const MAX_CIRCUIT: Duration = Duration::from_mins(1);

pub(super) fn connections() -> connection_limits::Behaviour {
    connection_limits::Behaviour::new(
        ConnectionLimits::default()
            .with_max_pending_incoming(Some(MAX_HANDSHAKES))
            .with_max_pending_outgoing(Some(MAX_HANDSHAKES))
            .with_max_established_incoming(Some(MAX_INBOUND))
            .with_max_established_outgoing(Some(MAX_OUTBOUND))
            .with_max_established_per_peer(Some(MAX_OF_PEER)),
    )
}

pub(super) fn memory() -> memory_connection_limits::Behaviour {
    memory_connection_limits::Behaviour::with_max_bytes(MAX_MEMORY)
}

pub(super) fn relay() -> relay::Config {
    relay::Config {
        max_reservations: MAX_RESERVATIONS,
        max_reservations_per_peer: MAX_OF_ONE,
        max_circuits: MAX_CIRCUITS,
        max_circuits_per_peer: MAX_OF_ONE,
        max_circuit_duration: MAX_CIRCUIT,
        max_circuit_bytes: MAX_CIRCUIT_BYTES,
        ..relay::Config::default()
    }
}
