//! `tracker`: see `tracker --help`.

use std::process::ExitCode;

use program::lifecycle::{self, Lifecycle};
use program::{listen, settings};
use tracker::Settings;

fn main() -> anyhow::Result<ExitCode> {
    lifecycle::run(track())
}

async fn track() -> anyhow::Result<ExitCode> {
    let settings: Settings = settings::load();
    let lifecycle = Lifecycle::start();
    let address = tracker::start(settings, &lifecycle).await?;
    listen::announce("http", address);
    listen::ready();
    lifecycle.until_stopped().await;
    Ok(lifecycle.finish().await)
}
