//! Boxmesh: tracker.
