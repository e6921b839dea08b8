//! `tracker`: see `tracker --help`.

use std::process::ExitCode;

use program::lifecycle::Lifecycle;
use program::{listen, settings};
use tracker::Settings;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let settings: Settings = settings::load();
    let lifecycle = Lifecycle::start();
    let address = tracker::start(settings, &lifecycle).await?;
    listen::announce("http", address);
    listen::ready();
    lifecycle.until_stopped().await;
    Ok(lifecycle.finish().await)
}
