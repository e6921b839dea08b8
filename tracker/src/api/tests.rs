//! The tracker over real sockets, with real signatures and boxes that answer for themselves.

mod boxes;
mod compat;
mod hostile;
mod keys;
mod origins;
mod players;
mod playlists;
mod reports;
mod rig;
mod shared;
mod site;
mod states;
mod viewers;
mod wishes;
