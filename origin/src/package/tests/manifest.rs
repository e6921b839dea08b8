//! Manifests and playlists tell what there is, and nothing else.

mod dash;
mod epochs;
mod hls;
mod properties;
mod reader;
mod schema;
mod stage;
