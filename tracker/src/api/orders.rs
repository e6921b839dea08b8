//! Operators give orders, with a token; each is told to the log's target `audit`.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use program::http::error;
use serde::{Deserialize, Serialize};
use tracing::{debug, info};
use wire::id::{BoxId, ChannelName, Epoch};

use super::App;
use super::asked::{self, InPath};
use crate::orders::{About, MAX_WORDS_BYTES, Order, check};
use crate::roster::News;

/// Each of its characters may be written as six.
const MAX_BODY_BYTES: usize = 6 * MAX_WORDS_BYTES + 100;

/// The answer to what is no order, or not from one who may give it.
type Refusal = Box<Response>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Title {
    title: Option<String>,
}

/// Why a box is banned, or something taken down.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    why: String,
}

#[derive(Serialize)]
struct Bans {
    bans: Vec<Banned>,
}

#[derive(Serialize)]
struct Banned {
    id: BoxId,
    why: String,
    /// In milliseconds since 1970.
    at: u64,
}

#[derive(Serialize)]
struct Takedowns {
    takedowns: Vec<TakenDown>,
}

#[derive(Serialize)]
struct TakenDown {
    channel: ChannelName,
    /// Null where it is all of the channel.
    epoch: Option<Epoch>,
    why: String,
    /// In milliseconds since 1970.
    at: u64,
}

/// `PUT /api/v1/channels/{channel}`: `{"title": "…"}`, or null for none.
pub(super) async fn set_channel(
    State(app): State<Arc<App>>,
    InPath(channel): InPath<ChannelName>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let order = async {
        app.check_token(&headers)?;
        let Title { title } = app.read_order(body).await?;
        app.order(About::Channel(channel), title).await
    };
    order.await.unwrap_or_else(|refusal| *refusal)
}

/// `PUT /api/v1/channels/{channel}/takedown`: `{"why": "…"}`. The epochs that are known of it stay taken down when the
/// channel is allowed again.
pub(super) async fn take_down(
    State(app): State<Arc<App>>,
    InPath(channel): InPath<ChannelName>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let order = async {
        app.check_token(&headers)?;
        let Reason { why } = app.read_order(body).await?;
        let done = app.order(About::Down(channel.clone()), Some(why.clone())).await?;
        for epoch in app.epochs_of(&channel) {
            app.order(About::DownEpoch(channel.clone(), epoch), Some(why.clone()))
                .await?;
        }
        Ok(done)
    };
    order.await.unwrap_or_else(|refusal: Refusal| *refusal)
}

/// `DELETE /api/v1/channels/{channel}/takedown`
pub(super) async fn allow(
    State(app): State<Arc<App>>,
    InPath(channel): InPath<ChannelName>,
    headers: HeaderMap,
) -> Response {
    let order = async {
        app.check_token(&headers)?;
        app.order(About::Down(channel), None).await
    };
    order.await.unwrap_or_else(|refusal| *refusal)
}

/// `PUT /api/v1/channels/{channel}/epochs/{epoch}/takedown`: `{"why": "…"}`. Boxes have let go of it by then: there is no
/// way back.
pub(super) async fn take_down_epoch(
    State(app): State<Arc<App>>,
    InPath((channel, epoch)): InPath<(ChannelName, Epoch)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let order = async {
        app.check_token(&headers)?;
        let Reason { why } = app.read_order(body).await?;
        app.order(About::DownEpoch(channel, epoch), Some(why)).await
    };
    order.await.unwrap_or_else(|refusal| *refusal)
}

/// `GET /api/v1/takedowns`
pub(super) async fn takedowns(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if let Err(refusal) = app.check_token(&headers) {
        return *refusal;
    }
    let view = app.roster.view();
    let down = view.orders.iter().filter_map(|(about, order)| {
        let (channel, epoch) = match about {
            About::Down(channel) => (channel, None),
            About::DownEpoch(channel, epoch) => (channel, Some(*epoch)),
            About::Box(_) | About::Channel(_) => return None,
        };
        Some(TakenDown {
            channel: channel.clone(),
            epoch,
            why: order.words.clone()?,
            at: order.at,
        })
    });
    let takedowns = down.collect();
    (
        [(header::CACHE_CONTROL, "no-store")],
        Json(Takedowns { takedowns }),
    )
        .into_response()
}

/// `PUT /api/v1/boxes/{id}/ban`: `{"why": "…"}`.
pub(super) async fn ban(
    State(app): State<Arc<App>>,
    InPath(id): InPath<BoxId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let order = async {
        app.check_token(&headers)?;
        let Reason { why } = app.read_order(body).await?;
        app.order(About::Box(id), Some(why)).await
    };
    order.await.unwrap_or_else(|refusal| *refusal)
}

/// `DELETE /api/v1/boxes/{id}/ban`
pub(super) async fn lift_ban(
    State(app): State<Arc<App>>,
    InPath(id): InPath<BoxId>,
    headers: HeaderMap,
) -> Response {
    let order = async {
        app.check_token(&headers)?;
        app.order(About::Box(id), None).await
    };
    order.await.unwrap_or_else(|refusal| *refusal)
}

/// `GET /api/v1/bans`
pub(super) async fn bans(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if let Err(refusal) = app.check_token(&headers) {
        return *refusal;
    }
    let view = app.roster.view();
    let banned = view.orders.iter().filter_map(|(about, order)| match about {
        About::Box(id) => Some(Banned {
            id: *id,
            why: order.words.clone()?,
            at: order.at,
        }),
        _ => None,
    });
    let bans = banned.collect();
    ([(header::CACHE_CONTROL, "no-store")], Json(Bans { bans })).into_response()
}

impl App {
    /// The epochs of a channel that somebody may still have, as far as they are known.
    fn epochs_of(&self, channel: &ChannelName) -> Vec<Epoch> {
        let view = self.roster.view();
        let record = view.channels.get(channel).map(|known| &known.record);
        let epochs = record.into_iter().flat_map(|record| {
            let past = record.heard.past.iter().map(|past| past.epoch);
            past.chain([record.presentation.epoch])
        });
        epochs.collect()
    }

    /// Whether whoever sends these headers may give orders.
    fn check_token(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = &self.policy.token else {
            return Err(refuse(
                StatusCode::FORBIDDEN,
                "orders are taken by trackers that were started with --admin-token-file",
            ));
        };
        let shown = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
        let shown = shown.and_then(|it| it.strip_prefix("Bearer "));
        if shown.is_some_and(|shown| token.is(shown)) {
            return Ok(());
        }
        info!(target: "audit", "order refused: not the right token");
        let mut refusal = refuse(
            StatusCode::UNAUTHORIZED,
            "this takes the right token: Authorization: Bearer TOKEN",
        );
        let scheme = header::HeaderValue::from_static("Bearer");
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        Err(refusal)
    }

    async fn read_order<T: serde::de::DeserializeOwned>(&self, body: Body) -> Result<T, Refusal> {
        let body = asked::read(body, MAX_BODY_BYTES).await;
        let body = body.map_err(|refused| Box::new(refused.answer(self.clock.now())))?;
        serde_json::from_slice(&body).map_err(|why| refuse(StatusCode::BAD_REQUEST, why.to_string()))
    }

    async fn order(&self, about: About, words: Option<String>) -> Result<Response, Refusal> {
        if let Some(why) = words.as_deref().and_then(|words| check(words).err()) {
            return Err(refuse(StatusCode::BAD_REQUEST, why.to_string()));
        }
        let view = self.roster.view();
        if view.orders.is_full_for(&about) {
            return Err(refuse(
                StatusCode::CONFLICT,
                "there are as many orders as are kept",
            ));
        }
        let at = view.orders.next_at(&about, self.clock.now());
        info!(target: "audit", %about, words, "order given");
        let order = Order { at, words };
        if let Err(away) = self.registry.order(about.clone(), order.clone()).await {
            debug!(%away, "order kept in memory until the registry is back");
        }
        self.roster.tell(News::Ordered(about, order)).await;
        Ok(StatusCode::NO_CONTENT.into_response())
    }
}

#[expect(clippy::unnecessary_box_returns, reason = "errors as large as this are boxed")]
fn refuse(status: StatusCode, why: impl Into<String>) -> Refusal {
    Box::new(error(status, why))
}
