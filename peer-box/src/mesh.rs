//! The mesh.

mod schedule;
