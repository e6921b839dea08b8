//! Content steering: a player that is playing asks every few seconds which of its boxes to use, and is led away from one that is
//! dying, full or left out before that one fails it.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use wire::address::HttpBase;
use wire::id::{BoxId, ChannelName};

use super::App;
use super::asked::{From, InPath};
use super::documents::{known, origin, shown};
use super::unserved::Unserved;
use crate::document::ORIGIN;
use crate::query::Query;
use crate::reach::Caller;
use crate::roster::{ChannelView, News, View};
use crate::session::{MAX_BOXES, Session};
use crate::steering::{Steering, Where};

/// What players of DASH are told of, in the URL.
pub(super) const DASH: &str = "/steering/dash/";
/// The same for players of HLS.
pub(super) const HLS: &str = "/steering/hls/";

/// How much a player may tell at a time: of each of its boxes that it served, or failed.
const MAX_TOLD: usize = 2 * MAX_BOXES;

/// RFC 8216bis §7.1.
const STEERING_LIST: &str = "application/vnd.apple.steering-list";
const JSON: &str = "application/json";

/// `GET /steering/dash/{channel}?session=…[&now=…]`
pub(super) async fn dash(
    State(app): State<Arc<App>>,
    From(caller): From,
    InPath(channel): InPath,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Query::read(query.as_deref().unwrap_or_default());
    answer(JSON, app.steer_dash(&channel, &query, &caller))
}

/// `GET /steering/hls/{channel}[?session=…]`
pub(super) async fn hls(
    State(app): State<Arc<App>>,
    From(caller): From,
    InPath(channel): InPath,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Query::read(query.as_deref().unwrap_or_default());
    answer(STEERING_LIST, app.steer_hls(&channel, &query, &caller))
}

fn answer(kind: &'static str, steering: Result<Steering, Unserved>) -> Response {
    match steering {
        Ok(steering) => {
            let json = serde_json::to_vec(&steering).expect("texts and numbers are JSON");
            let headers: [(HeaderName, &str); 2] =
                [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")];
            (headers, json).into_response()
        }
        Err(unserved) => unserved.into_response(),
    }
}

impl App {
    /// What the manifest names stands in `session`; where the player was led since then, in `now`.
    fn steer_dash(&self, channel: &str, query: &Query<'_>, caller: &Caller) -> Result<Steering, Unserved> {
        let view = self.roster.view();
        let name = known(&view, channel)?;
        let (tracker, channel) = (self.at(caller)?, shown(&view, &name)?);
        let named = query
            .session
            .and_then(|token| Some((token, Session::read(token, &view.session_key, &name)?)));
        let read = |token| Session::read(token, &view.session_key, &name);
        let since = query.now.and_then(read);
        let known = [named.as_ref().map(|named| &named.1), since.as_ref()];
        self.listen(&view, query, known, caller);
        let (token, session) = self.renew(query.now.or(query.session), &view, (&name, channel), caller);
        let mut next = format!(
            "{tracker}{DASH}{name}?session={}",
            named.as_ref().map_or(&*token, |named| named.0)
        );
        if named.as_ref().is_some_and(|named| named.1 != session) {
            next = format!("{next}&now={token}");
        }
        // Without its manifest's session the player is known to know nobody but the origin.
        let before = named.map_or(Session::default(), |named| named.1);
        let places = |session| places(&view, channel, session, caller);
        Ok(Steering::dash(next, &places(&before), &places(&session)))
    }

    fn steer_hls(&self, channel: &str, query: &Query<'_>, caller: &Caller) -> Result<Steering, Unserved> {
        let view = self.roster.view();
        let name = known(&view, channel)?;
        let (tracker, channel) = (self.at(caller)?, shown(&view, &name)?);
        let before = query
            .session
            .and_then(|token| Session::read(token, &view.session_key, &name));
        self.listen(&view, query, [before.as_ref(), None], caller);
        let (token, session) = self.renew(query.session, &view, (&name, channel), caller);
        Ok(Steering::hls(
            format!("{tracker}{HLS}{name}?session={token}"),
            &session.boxes,
        ))
    }

    /// Takes in what a player tells of the boxes that it was sent to, and of no others.
    fn listen(&self, view: &View, query: &Query<'_>, sessions: [Option<&Session>; 2], caller: &Caller) {
        let was_sent_to = |id: &BoxId| {
            sessions
                .iter()
                .flatten()
                .any(|session| session.boxes.contains(id))
        };
        let told = query
            .told()
            .filter(|(id, _)| was_sent_to(id) && view.boxes.contains_key(id));
        for (id, told) in told.take(MAX_TOLD) {
            self.roster.hint(News::Told(id, caller.ip, told));
        }
    }

    /// Where the media of a playlist is that was asked for at a box: there, unless the box is not for this channel's viewers.
    pub(super) fn media_at(
        view: &View,
        (name, channel): (&ChannelName, &ChannelView),
        at: &str,
        caller: &Caller,
    ) -> Option<HttpBase> {
        let id = at.parse().ok()?;
        let alive = view.boxes.get(&id).filter(|_| channel.carriers.has(&id));
        let Some(alive) = alive else {
            tracing::debug!(channel = %name, %id, "box of a playlist does not carry its channel any more");
            return None;
        };
        Some(caller.base(&alive.record.announcement.http, alive.record.seen_from))
    }
}

/// The session's boxes, and the origin behind them.
fn places(view: &View, channel: &ChannelView, session: &Session, caller: &Caller) -> Vec<Where> {
    let boxes = session.boxes.iter().filter_map(|id| view.boxes.get(id));
    let boxes = boxes.map(|alive| Where {
        name: alive.record.id.to_string(),
        http: caller.base(&alive.record.announcement.http, alive.record.seen_from),
    });
    let origin = Where {
        name: ORIGIN.into(),
        http: origin(channel, caller),
    };
    boxes.chain([origin]).collect()
}
