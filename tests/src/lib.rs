//! Boxmesh: tests.
