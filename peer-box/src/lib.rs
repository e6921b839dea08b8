//! Boxmesh: peer-box.

mod mesh;
