//! The tracker over real sockets, with real signatures and boxes that answer for themselves.

mod boxes;
mod compat;
mod crews;
mod hostile;
mod keys;
mod openapi;
mod orders;
mod origins;
mod players;
mod playlists;
mod proxied;
mod reports;
mod rig;
mod shared;
mod site;
mod states;
mod steering;
mod viewers;
mod wishes;
