//! What an operator asks of a tracker that runs, from the command line.

use std::io::{self, Write};
use std::time::Duration;

use program::tls::{Authorities, BadCertificate};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::settings::{At, By, ChannelCommand, Instead};
use crate::token::{BadToken, line_of};

const PATIENCE: Duration = Duration::from_secs(10);

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum Undone {
    /// There is no token in the file.
    #[error(transparent)]
    Token(#[from] BadToken),
    /// Nobody can be trusted by that file.
    #[error("--tracker-ca: {0}")]
    Authorities(#[from] BadCertificate),
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
            for channel in Asked::of(&at)?.channels().await? {
                let word = |key: &str| channel[key].as_str().unwrap_or_default().to_owned();
                say(format!("{} {} {}", word("name"), word("state"), word("title")).trim_end());
            }
        }
        ChannelCommand::Show { channel, at } => {
            let mut known = Asked::of(&at)?.channels().await?.into_iter();
            let found = known.find(|known| known["name"] == channel.as_str());
            say(&format!("{:#}", found.ok_or(Undone::Unknown(channel))?));
        }
        ChannelCommand::TakeDown {
            channel,
            epoch,
            why,
            by,
        } => {
            let epoch = epoch.map(|epoch| format!("/epochs/{epoch}")).unwrap_or_default();
            let path = format!("/api/v1/channels/{channel}{epoch}/takedown");
            by.order(Method::PUT, &path, &json!({"why": why})).await?;
        }
        ChannelCommand::Allow { channel, by } => {
            let path = format!("/api/v1/channels/{channel}/takedown");
            by.order(Method::DELETE, &path, &Value::Null).await?;
        }
        ChannelCommand::Set { channel, title, by } => {
            let title = Some(title).filter(|title| !title.is_empty());
            let path = format!("/api/v1/channels/{channel}");
            by.order(Method::PUT, &path, &json!({"title": title})).await?;
        }
    }
    Ok(())
}

impl By {
    /// Gives an order.
    async fn order(&self, method: Method, path: &str, body: &Value) -> Result<(), Undone> {
        let request = Asked::of(&self.at)?.request(method, path);
        let request = request.bearer_auth(line_of(&self.token_file)?);
        let answer = request.body(body.to_string()).send().await?;
        if answer.status().is_success() {
            return Ok(());
        }
        let status = answer.status();
        let words: Value = answer.json().await.unwrap_or_default();
        let words = words["error"].as_str().map(str::to_owned);
        Err(Undone::Refused(words.unwrap_or_else(|| status.to_string())))
    }
}

/// A tracker that is asked.
struct Asked {
    client: Client,
    url: String,
}

impl Asked {
    fn of(at: &At) -> Result<Self, Undone> {
        let authorities = Authorities::load_any(at.tracker_ca.as_deref())?;
        Ok(Self {
            client: authorities.teach(Client::builder().timeout(PATIENCE)).build()?,
            url: at.tracker.to_string(),
        })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    async fn channels(&self) -> Result<Vec<Value>, Undone> {
        let answer = self.request(Method::GET, "/api/v1/channels").send().await?;
        let mut body: Value = answer.error_for_status()?.json().await?;
        let channels = body["channels"].as_array_mut().map(std::mem::take);
        Ok(channels.unwrap_or_default())
    }
}

/// Whoever closed standard output does not want it, which is no error.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
