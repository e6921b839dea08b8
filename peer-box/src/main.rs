//! `peer-box`: see `peer-box --help`.

use std::process::ExitCode;

use peer_box::{Action, Command, StartError};
use program::lifecycle::{self, Lifecycle};
use program::{listen, settings};

fn main() -> anyhow::Result<ExitCode> {
    lifecycle::run(join())
}

async fn join() -> anyhow::Result<ExitCode> {
    let Action::Join(settings) = settings::load::<Command>().action;
    let life = Lifecycle::start();
    let running = match peer_box::start(settings, &life).await {
        Err(error @ (StartError::Homeless(_) | StartError::Folder(_) | StartError::Storage(_))) => {
            settings::refuse::<Command>(error)
        }
        started => started?,
    };
    listen::first_line(format_args!("id {}", running.id));
    listen::announce("http", running.http);
    listen::announce("zmq", running.zmq);
    listen::announce("p2p", running.p2p);
    listen::ready();
    life.until_stopped().await;
    Ok(life.finish().await)
}
