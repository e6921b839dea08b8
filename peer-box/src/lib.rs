//! Boxmesh: peer-box.

mod budget;
mod counts;
mod mesh;
mod news;
#[cfg(test)]
mod samples;
