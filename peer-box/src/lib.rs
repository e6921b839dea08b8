//! Boxmesh: peer-box.

mod budget;
mod clock;
mod counts;
mod feed;
mod mesh;
mod news;
mod nudge;
#[cfg(test)]
mod samples;
