//! The mesh when things go wrong, by a seed: what was done to it, and what its boxes and viewers had of that.

pub(crate) mod killed;
pub(crate) mod loss;
pub(crate) mod polluters;
pub(crate) mod silent;
pub(crate) mod split;
