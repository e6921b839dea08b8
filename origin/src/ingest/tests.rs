//! Ingest from outside: what an encoder sees of it, and what the rest of the origin gets.

mod encoder;
mod ffmpeg;
mod guessing;
mod hook;
mod log;
mod origin;
mod patience;
mod session;
mod sockets;
mod takeover;
mod talk;
mod tls;
