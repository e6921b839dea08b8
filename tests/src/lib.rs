//! The harness: a whole Boxmesh on one machine, made of the real programs.
//!
//! A [`Mesh`](mesh::Mesh) starts tracker, origin and boxes from the binaries that were built, each on ports
//! of its own and in a temporary folder, and ends them when it is dropped. Around it stand the people of the
//! story: a [`publisher`], a [viewer](viewer::Viewer) in a real browser, a box that [lies](liar::Liar).
//!
//! Nothing here sleeps: whoever waits, waits for a condition with a deadline ([`eventually::eventually`]).

pub mod ailing;
pub mod balancer;
pub mod certificates;
pub mod eventually;
pub mod liar;
pub mod manifest;
pub mod measure;
pub mod mesh;
pub mod node;
pub mod plan;
pub mod process;
pub mod publisher;
pub mod redis;
pub mod relay;
pub mod segment;
pub mod status;
pub mod stock;
pub mod turn;
pub mod viewer;
