//! Talking to a tracker: signed bytes go there, JSON comes back, and being away is said once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Client, Response, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tracing::{info, warn};
use wire::tracker_id::TrackerId;

use crate::tls::Authorities;

const TIMEOUT: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
const MAX_REPLY_BYTES: usize = 1 << 20;

/// Why a tracker gave no answer that we can use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// No connection, or none in time.
    #[error("not reachable: {0}")]
    Unreachable(String),
    /// The tracker said no, and why.
    #[error("refused ({status}): {why}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The tracker's words.
        why: String,
        /// The tracker's clock in milliseconds since 1970, where the refusal is about time.
        time: Option<u64>,
        /// What the tracker calls itself, where the refusal is about that.
        tracker: Option<TrackerId>,
    },
    /// An answer that is none.
    #[error("answered something unreadable: {0}")]
    Unreadable(String),
}

/// One tracker. Cheap to clone.
#[derive(Clone)]
pub struct Tracker {
    url: Url,
    client: Client,
    mood: Arc<Mutex<Mood>>,
}

/// How the last request went: only a change is worth a log line.
#[derive(Default)]
struct Mood {
    trouble: Option<Unanswered>,
    failures: u32,
    /// Whether it told its name since it last took anything.
    named: bool,
}

#[derive(Default, Deserialize)]
struct RefusalBody {
    #[serde(default)]
    error: String,
    time: Option<u64>,
    tracker: Option<TrackerId>,
}

impl Tracker {
    /// A tracker at that URL. Nothing is sent yet.
    pub fn new(url: Url) -> Self {
        Self::trusting(url, &Authorities::default())
    }

    /// The same, known to these authorities too.
    pub fn trusting(url: Url, authorities: &Authorities) -> Self {
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("boxmesh/", env!("CARGO_PKG_VERSION")));
        let client = authorities
            .teach(client)
            .build()
            .expect("a client was made of these authorities when they were read");
        Self {
            url,
            client,
            mood: Arc::default(),
        }
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Posts signed bytes and reads the JSON that comes back.
    pub async fn post<R: DeserializeOwned>(&self, path: &str, body: Bytes) -> Result<R, Unanswered> {
        let answer = self.exchange(path, body).await;
        self.note(answer.as_ref().err());
        answer
    }

    /// How long to wait after a failure before the next try: longer each time, up to 8 s.
    pub fn pause(&self) -> Duration {
        let failures = self.mood.lock().unwrap_or_else(PoisonError::into_inner).failures;
        LONGEST_PAUSE.min(FIRST_PAUSE * 2_u32.pow(failures.saturating_sub(1).min(8)))
    }

    async fn exchange<R: DeserializeOwned>(&self, path: &str, body: Bytes) -> Result<R, Unanswered> {
        let url = self
            .url
            .join(path)
            .map_err(|error| Unanswered::Unreachable(error.to_string()))?;
        let response = self
            .client
            .post(url)
            .body(body)
            .send()
            .await
            .map_err(|error| unreachable(&error))?;
        let status = response.status();
        let body = read(response).await?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| Unanswered::Unreadable(error.to_string()));
        }
        let RefusalBody { error, time, tracker } = serde_json::from_slice(&body).unwrap_or_default();
        let why = if error.is_empty() {
            status.to_string()
        } else {
            error
        };
        Err(Unanswered::Refused {
            status: status.as_u16(),
            why,
            time,
            tracker,
        })
    }

    fn note(&self, trouble: Option<&Unanswered>) {
        let mut mood = self.mood.lock().unwrap_or_else(PoisonError::into_inner);
        let tells_its_name = matches!(trouble, Some(Unanswered::Refused { tracker: Some(_), .. }));
        if tells_its_name && !mood.named {
            // It only wants to be spoken to by its name, which whoever asked has now; that is no trouble, nor the end of one.
            mood.named = true;
            return;
        }
        mood.named &= trouble.is_some();
        mood.failures = if trouble.is_some() {
            mood.failures.saturating_add(1)
        } else {
            0
        };
        // A refusal that repeats with another time in it is no news.
        let changed =
            mood.trouble.as_ref().map(std::mem::discriminant) != trouble.map(std::mem::discriminant);
        if changed {
            match trouble {
                Some(trouble) => {
                    warn!(tracker = %self.url, %trouble, "tracker does not take what we say, trying on");
                }
                None => info!(tracker = %self.url, "tracker answers again"),
            }
        }
        mood.trouble = trouble.cloned();
    }
}

async fn read(mut response: Response) -> Result<Bytes, Unanswered> {
    let mut body = BytesMut::new();
    while let Some(part) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + part.len() > MAX_REPLY_BYTES {
            return Err(Unanswered::Unreadable(format!(
                "more than {MAX_REPLY_BYTES} bytes"
            )));
        }
        body.extend_from_slice(&part);
    }
    Ok(body.freeze())
}

/// The innermost cause: "connection refused" says more than "error sending request".
fn unreachable(error: &reqwest::Error) -> Unanswered {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Unanswered::Unreachable(cause.to_string())
}
