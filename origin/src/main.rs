//! The origin's program: settings, start, and a signal to end.

use std::process::ExitCode;

use origin::settings::{Command, Instead};
use origin::{BadSetting, Identity, key};
use program::folder::Folder;
use program::lifecycle::{self, Lifecycle};
use program::{listen, settings};

fn main() -> ExitCode {
    lifecycle::run(run())
}

async fn run() -> ExitCode {
    let Command { instead, settings } = settings::load::<Command>();
    if let Some(Instead::Key) = instead {
        let secret = Folder::open(&settings.data_dir).and_then(|folder| key::origin_key(&folder));
        let secret = secret.unwrap_or_else(|error| settings::refuse::<Command>(BadSetting::from(error)));
        println!("{}", secret.public());
        return ExitCode::SUCCESS;
    }
    let identity = Identity::of(&settings).unwrap_or_else(|error| settings::refuse::<Command>(error));
    let made = identity.made.clone();
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
    }
    listen::announce("rtmp", running.rtmp);
    listen::announce("http", running.http);
    listen::ready();
    lifecycle.until_stopped().await;
    lifecycle.finish().await
}
