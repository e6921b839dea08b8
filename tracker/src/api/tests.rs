//! The tracker over real sockets, with real signatures and boxes that answer for themselves.

mod boxes;
mod origins;
mod rig;
mod shared;
mod site;
mod viewers;
