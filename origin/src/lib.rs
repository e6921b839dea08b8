//! Boxmesh: origin.
