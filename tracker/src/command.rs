//! What an operator asks of a tracker that runs, from the command line.

use std::io::{self, Write};
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::settings::{ChannelCommand, Instead};
use crate::token::{BadToken, line_of};

const PATIENCE: Duration = Duration::from_secs(10);

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum Undone {
    /// There is no token in the file.
    #[error(transparent)]
    Token(#[from] BadToken),
    /// The tracker does not answer.
    #[error("the tracker does not answer: {0}")]
    Unanswered(#[from] reqwest::Error),
    /// The tracker refuses.
    #[error("the tracker refuses: {0}")]
    Refused(String),
    /// It knows no such channel.
    #[error("the tracker knows no channel {0}")]
    Unknown(wire::id::ChannelName),
}

/// Does what was asked for. Answers go to standard output.
pub async fn run(instead: Instead) -> Result<(), Undone> {
    let Instead::Channel(command) = instead;
    match command {
        ChannelCommand::List(at) => {
            for channel in channels(&at.tracker.to_string()).await? {
                let word = |key: &str| channel[key].as_str().unwrap_or_default().to_owned();
                say(format!("{} {} {}", word("name"), word("state"), word("title")).trim_end());
            }
        }
        ChannelCommand::Show { channel, at } => {
            let mut known = channels(&at.tracker.to_string()).await?.into_iter();
            let found = known.find(|known| known["name"] == channel.as_str());
            say(&format!("{:#}", found.ok_or(Undone::Unknown(channel))?));
        }
        ChannelCommand::Set {
            channel,
            title,
            token_file,
            at,
        } => {
            let title = Some(title).filter(|title| !title.is_empty());
            let url = url(&at.tracker.to_string(), &format!("/api/v1/channels/{channel}"));
            let request = client()?.request(Method::PUT, url);
            let request = request.bearer_auth(line_of(&token_file)?);
            let answer = request.body(json!({"title": title}).to_string()).send().await?;
            if !answer.status().is_success() {
                let status = answer.status();
                let words: Value = answer.json().await.unwrap_or_default();
                let words = words["error"].as_str().map(str::to_owned);
                return Err(Undone::Refused(words.unwrap_or_else(|| status.to_string())));
            }
        }
    }
    Ok(())
}

async fn channels(tracker: &str) -> Result<Vec<Value>, Undone> {
    let answer = client()?.get(url(tracker, "/api/v1/channels")).send().await?;
    let mut body: Value = answer.error_for_status()?.json().await?;
    let channels = body["channels"].as_array_mut().map(std::mem::take);
    Ok(channels.unwrap_or_default())
}

fn url(tracker: &str, path: &str) -> String {
    format!("{}{path}", tracker.trim_end_matches('/'))
}

fn client() -> Result<Client, reqwest::Error> {
    Client::builder().timeout(PATIENCE).build()
}

/// Whoever closed standard output does not want it, which is no error.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
