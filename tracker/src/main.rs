//! `tracker`: see `tracker --help`.

use std::process::ExitCode;

use program::lifecycle::{self, Lifecycle};
use program::{listen, settings};
use tracker::settings::Command;
use tracker::{StartError, command};

/// Most of what a tracker does is to take and give back small pieces of memory.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<ExitCode> {
    lifecycle::run(track())
}

async fn track() -> anyhow::Result<ExitCode> {
    let Command { instead, settings } = settings::load();
    if let Some(instead) = instead {
        command::run(instead).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let lifecycle = Lifecycle::start();
    let drain = settings.drain.0;
    let running = match tracker::start(settings, &lifecycle).await {
        Err(bad @ (StartError::Token(_) | StartError::HalfTls | StartError::Certificate(_))) => {
            settings::refuse::<Command>(bad)
        }
        started => started?,
    };
    listen::announce(if running.tls { "https" } else { "http" }, running.address);
    listen::ready();
    lifecycle.until_stopped().await;
    running.leaving.cancel();
    if !drain.is_zero() {
        // Who is told so twice does not wait.
        let _ = tokio::time::timeout(drain, lifecycle.until_stopped()).await;
    }
    Ok(lifecycle.finish().await)
}
