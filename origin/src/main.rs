//! The origin's program: settings, start, and a signal to end.

use std::process::ExitCode;

use origin::settings::{ChannelSettings, Command, Settings};
use origin::{Identity, command};
use program::lifecycle::{self, Lifecycle};
use program::{listen, settings};
use tracing::info;

fn main() -> ExitCode {
    let (Command { instead, settings }, channels) =
        settings::load_with_tables::<Command, ChannelSettings>("channel");
    if let Some(instead) = instead {
        return match command::run(instead, &settings.data_dir) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => settings::refuse::<Command>(error),
        };
    }
    let identity =
        Identity::of(&settings, channels).unwrap_or_else(|error| settings::refuse::<Command>(error));
    lifecycle::run_on_threads(settings.threads, run(settings, identity))
}

async fn run(settings: Settings, identity: Identity) -> ExitCode {
    let (made, keeps_keys) = (identity.made.clone(), identity.keeps_keys);
    let lifecycle = Lifecycle::start();
    let running = match origin::start(settings, identity, &lifecycle).await {
        Ok(running) => running,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    if let Some(assignment) = made {
        listen::first_line(format_args!(
            "stream-key {}={}",
            assignment.channel,
            assignment.key.reveal()
        ));
    } else if keeps_keys {
        info!("stream keys were shown when they were made: origin stream-key add CHANNEL makes another");
    }
    listen::announce("rtmp", running.rtmp);
    if let Some(address) = running.rtmps {
        listen::announce("rtmps", address);
    }
    listen::announce("http", running.http);
    listen::ready();
    lifecycle.until_stopped().await;
    lifecycle.finish().await
}
