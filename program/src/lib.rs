//! Boxmesh: program.
