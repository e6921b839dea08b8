//! What every program of Boxmesh does alike: reads its settings, keeps its key, listens, talks to the tracker,
//! ends; and what origin and box share: the window of chunks, and serving it to viewers.

pub mod clock;
pub mod disk;
pub mod folder;
pub mod http;
pub mod lifecycle;
pub mod listen;
pub mod media;
pub mod quantity;
pub mod settings;
pub mod store;
pub mod tls;
pub mod tracker;
pub mod window;
