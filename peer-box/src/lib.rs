//! Boxmesh: peer-box.
