//! The publish hook: an operator's own program hears of each publisher, and may refuse it.
//!
//! ```text
//! POST URL  {"event": "publish", "channel": "demo", "address": "192.0.2.1", "id": "…"}
//!   2xx     let in
//!   4xx     refused; the first line of the body is what the encoder shows
//! ```
//!
//! `unpublish` follows with the same id, and nobody waits for what is answered to it. Any other answer, and none
//! within [`TIMEOUT`], is a hook that is away: [`WhenAway`] says what that means.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;
use wire::id::ChannelName;

use super::ended::Ended;

/// How long the hook has for an answer.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Publishers that left and that the hook has not heard of yet. Beyond, it does not hear.
const GOODBYES: usize = 64;
/// How long goodbyes are still said after the origin was told to end.
const LAST_GOODBYES: Duration = Duration::from_secs(2);
/// As much of a refusal as is read, and as is shown.
const MAX_BODY_BYTES: usize = 1024;
const MAX_REASON_CHARS: usize = 200;

/// What becomes of a publisher while the hook gives no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum WhenAway {
    /// It is refused: the hook is there to keep some out.
    Closed,
    /// It is let in: the hook is there to be told.
    Open,
}

/// The hook, for every connection. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    url: Url,
    client: Client,
    when_away: WhenAway,
    goodbyes: mpsc::Sender<Notice>,
}

/// What the hook is told.
#[derive(Clone, Debug, Serialize)]
struct Notice {
    event: &'static str,
    channel: ChannelName,
    address: IpAddr,
    id: String,
}

/// A publisher that the hook has heard of. Dropping it tells the hook that the publisher is gone.
#[derive(Debug)]
pub(super) struct Visit {
    goodbye: Option<Notice>,
    goodbyes: mpsc::Sender<Notice>,
}

impl Hook {
    /// The hook at `url`, and its task that says goodbyes.
    pub(crate) fn spawn(
        url: Url,
        when_away: WhenAway,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .build()?;
        let (goodbyes, waiting) = mpsc::channel(GOODBYES);
        tasks.spawn(say(waiting, client.clone(), url.clone(), stop));
        Ok(Self {
            url,
            client,
            when_away,
            goodbyes,
        })
    }

    /// Asks whether `address` may publish the channel; `id` names this publish.
    pub(super) async fn ask(&self, channel: ChannelName, address: IpAddr, id: u64) -> Result<Visit, Ended> {
        let notice = Notice {
            event: "publish",
            channel,
            address: address.to_canonical(),
            id: format!("{id:016x}"),
        };
        let posted = post(&self.client, &self.url, &notice).await;
        let away = match posted {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) if answer.status().is_client_error() => {
                return Err(Ended::Refused(reason(answer).await));
            }
            Ok(answer) => Some(answer.status().to_string()),
            Err(error) => Some(error),
        };
        if let Some(error) = away {
            let admitted = self.when_away == WhenAway::Open;
            warn!(%error, admitted, "the publish hook gave no answer");
            if !admitted {
                return Err(Ended::NoHook);
            }
        }
        let goodbye = Notice {
            event: "unpublish",
            ..notice
        };
        Ok(Visit {
            goodbye: Some(goodbye),
            goodbyes: self.goodbyes.clone(),
        })
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(goodbye) = self.goodbye.take()
            && self.goodbyes.try_send(goodbye).is_err()
        {
            warn!("the publish hook does not hear of a publisher's end: too many wait");
        }
    }
}

/// Says goodbyes, one after another, until every publisher and the door are gone.
async fn say(mut waiting: mpsc::Receiver<Notice>, client: Client, url: Url, stop: CancellationToken) {
    let all = async {
        while let Some(notice) = waiting.recv().await {
            match post(&client, &url, &notice).await {
                Ok(answer) if answer.status().is_success() => {}
                Ok(answer) => {
                    warn!(status = %answer.status(), "the publish hook did not take a publisher's end");
                }
                Err(error) => warn!(%error, "the publish hook did not hear of a publisher's end"),
            }
        }
    };
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(LAST_GOODBYES).await;
    };
    tokio::select! {
        () = all => {}
        () = late => {}
    }
}

/// The error has no URL in it: operators put secrets there.
async fn post(client: &Client, url: &Url, notice: &Notice) -> Result<Response, String> {
    let sent = client.post(url.clone()).json(notice).send().await;
    sent.map_err(|error| {
        let error = error.without_url();
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        format!("{error}{}", cause.unwrap_or_default())
    })
}

/// Why the hook refuses, in words that fit in a log line and an encoder's message box.
async fn reason(mut answer: Response) -> String {
    let status = answer.status();
    let mut body = Vec::new();
    while body.len() < MAX_BODY_BYTES {
        match answer.chunk().await {
            Ok(Some(more)) => body.extend_from_slice(&more[..more.len().min(MAX_BODY_BYTES - body.len())]),
            Ok(None) | Err(_) => break,
        }
    }
    let line = printable(&String::from_utf8_lossy(&body));
    if line.is_empty() {
        format!("the publish hook answered {status}")
    } else {
        line
    }
}

/// The first line of what a stranger said, without what a terminal would obey.
fn printable(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let shown = line
        .chars()
        .filter(|letter| !letter.is_control() && *letter != char::REPLACEMENT_CHARACTER);
    shown.take(MAX_REASON_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_line_that_no_terminal_obeys() {
        assert_eq!(
            printable("\n  your plan has ended \r\nmore"),
            "your plan has ended "
        );
        assert_eq!(printable("\u{1b}[31mred\u{7}"), "[31mred");
        assert_eq!(printable(&"ä".repeat(1000)).chars().count(), MAX_REASON_CHARS);
        assert_eq!(printable(" \n "), "");
    }
}
