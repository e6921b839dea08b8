//! Boxmesh: origin.

pub mod media;
