//! Builds again when the web player was built: its pages become part of the tracker.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // A path that is not there would count as changed for ever; its folder changes when it comes.
    let built = "../web-player/dist";
    let watched = if Path::new(built).exists() {
        built
    } else {
        "../web-player"
    };
    println!("cargo:rerun-if-changed={watched}");
}
