//! What a player asks for: the manifest of a channel, with the viewer's boxes in it.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use program::http::error;
use url::form_urlencoded;
use wire::id::ChannelName;

use super::App;
use super::asked::{From, InPath};
use crate::manifest::{Base, Splice};
use crate::reach::Caller;
use crate::roster::{ChannelView, View};
use crate::session::{Session, renewed};

const MPD: &str = "application/dash+xml";

/// `GET /live/{channel}/manifest.mpd[?session=…]`
pub(super) async fn mpd(
    State(app): State<Arc<App>>,
    From(caller): From,
    InPath(name): InPath,
    RawQuery(query): RawQuery,
) -> Response {
    let view = app.roster.view();
    let found = name
        .parse::<ChannelName>()
        .ok()
        .and_then(|name| view.channels.get_key_value(&name));
    let Some((name, channel)) = found else {
        let shown: String = name.chars().take(48).collect();
        return error(StatusCode::NOT_FOUND, format!("there is no channel {shown:?}"));
    };
    if !channel.live {
        return error(StatusCode::NOT_FOUND, format!("channel {name} is off air"));
    }
    let Some(tracker) = app.policy.public_url.as_ref().or(caller.used.as_ref()) else {
        return error(
            StatusCode::BAD_REQUEST,
            "the request has no Host that could lead back here",
        );
    };
    let session = query
        .as_deref()
        .and_then(token)
        .and_then(|token| Session::read(&token, &view.session_key, name));
    let session = renewed(
        session,
        &channel.carriers,
        channel.bits_per_viewer(),
        app.clock.now(),
        &mut rand::rng(),
    );
    let token = session.token(&view.session_key, name);
    let manifest = channel.record.template.splice(&Splice {
        channel: name,
        bases: &bases(&view, channel, &session, &caller),
        location: &format!("{tracker}/live/{name}/manifest.mpd?session={token}"),
        clock: &format!("{tracker}/time"),
    });
    app.metrics.manifest_served();
    (
        [(header::CONTENT_TYPE, MPD), (header::CACHE_CONTROL, "no-store")],
        manifest,
    )
        .into_response()
}

fn token(query: &str) -> Option<String> {
    let session = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "session");
    session.map(|(_, token)| token.into_owned())
}

/// The session's boxes, and the origin as the last resort.
fn bases(view: &View, channel: &ChannelView, session: &Session, caller: &Caller) -> Vec<Base> {
    let boxes = session
        .boxes
        .iter()
        .filter_map(|id| view.boxes.get(id))
        .map(|alive| {
            let record = &alive.record;
            let http = caller.base(&record.announcement.http, record.seen_from);
            Base {
                location: record.id.to_string(),
                http,
            }
        });
    let origin = &channel.record;
    let http = caller.base(&origin.presentation.http, origin.heard.seen_from);
    boxes
        .chain([Base {
            location: "origin".into(),
            http,
        }])
        .collect()
}
