//! A box that does wrong, or checks nothing: the real one in all else. For the lab alone.

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use peer_box::{Action, Command, faults};
use program::{
    lifecycle::{self, Lifecycle},
    listen,
};

/// A box with a fault.
#[derive(Debug, Parser)]
#[command(name = "stranger")]
struct Stranger {
    /// What is wrong with it.
    #[arg(value_enum)]
    fault: Fault,
    /// What a peer-box would be told.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    told: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Fault {
    /// Alters what it hands on.
    Pollutes,
    /// Promises, and hands nothing on.
    Silent,
    /// Takes in whatever it is given.
    Unverified,
}

fn main() -> anyhow::Result<ExitCode> {
    let stranger = Stranger::parse();
    match stranger.fault {
        Fault::Pollutes => faults::pollute(),
        Fault::Silent => faults::fall_silent(),
        Fault::Unverified => wire::faults::leave_unverified(),
    }
    let told = std::iter::once("peer-box".to_owned()).chain(stranger.told);
    lifecycle::run(join(Command::parse_from(told)))
}

async fn join(command: Command) -> anyhow::Result<ExitCode> {
    let Action::Join(settings) = command.action else {
        anyhow::bail!("a stranger can only join");
    };
    let life = Lifecycle::start();
    let running = peer_box::start(*settings, &life).await?;
    listen::first_line(format_args!("id {}", running.id));
    listen::announce("http", running.http);
    listen::announce("zmq", running.zmq);
    listen::announce("p2p", running.p2p);
    listen::ready();
    life.until_stopped().await;
    Ok(life.finish().await)
}
