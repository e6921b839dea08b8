//! `peer-box`: see `peer-box --help`.

use std::io::Write;
use std::process::ExitCode;

use peer_box::{Action, Command, Look, Settings, StartError};
use program::lifecycle::{self, Lifecycle};
use program::{listen, settings};

fn main() -> anyhow::Result<ExitCode> {
    match settings::load::<Command>().action {
        Action::Join(settings) => lifecycle::run_on_threads(settings.threads, join(*settings)),
        Action::Status(look) => Ok(lifecycle::run(show(&look))),
    }
}

async fn join(settings: Settings) -> anyhow::Result<ExitCode> {
    let life = Lifecycle::start();
    let running = match peer_box::start(settings, &life).await {
        Err(
            error @ (StartError::Homeless(_)
            | StartError::Folder(_)
            | StartError::Storage(_)
            | StartError::Authorities(_)),
        ) => settings::refuse::<Command>(error),
        started => started?,
    };
    listen::first_line(format_args!("id {}", running.id));
    listen::announce("http", running.http);
    listen::announce("zmq", running.zmq);
    listen::announce("p2p", running.p2p);
    listen::announce("page", running.page);
    listen::ready();
    listen::first_line(format_args!("{}", running.welcome));
    running.tell_reach(&life);
    life.until_stopped().await;
    Ok(life.finish().await)
}

async fn show(look: &Look) -> ExitCode {
    match peer_box::status(look).await {
        Ok(status) => {
            listen::first_line(format_args!("{}", status.trim_end()));
            ExitCode::SUCCESS
        }
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "{why}");
            ExitCode::FAILURE
        }
    }
}
