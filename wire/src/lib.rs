//! Boxmesh: wire.
