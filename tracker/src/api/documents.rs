//! What a player asks for: the manifests and playlists of a channel.
//!
//! A manifest of DASH holds the viewer's boxes. `compat.mpd` and playlists are for players that would ask only the
//! first of them: they lead to the tracker, which sends each request on.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use wire::address::HttpBase;
use wire::id::ChannelName;
use wire::presentation;

use super::App;
use super::asked::{From, InPath};
use super::held::Held;
use super::steering::{DASH, HLS};
use super::unserved::Unserved;
use crate::document::{Asked, Document, Mpd, ORIGIN, Place, Splice, Way};
use crate::query::Query;
use crate::reach::{Caller, Network};
use crate::roster::{ChannelView, View};
use crate::select::Newcomer;
use crate::session::{Session, renewed};

const MPD: &str = "application/dash+xml";
const PLAYLIST: &str = "application/vnd.apple.mpegurl";

/// The manifest whose media is asked of the tracker.
const COMPAT: &str = "compat.mpd";

/// `GET /live/{channel}/{document}[?session=…|?_HLS_msn=…[&_HLS_part=…]]`
pub(super) async fn document(
    State(app): State<Arc<App>>,
    From(caller): From,
    InPath((channel, name)): InPath<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    answer(&app, &channel, &name, query.as_deref(), &caller).await
}

/// The answer to who asks for that document.
pub(super) async fn answer(
    app: &App,
    channel: &str,
    name: &str,
    query: Option<&str>,
    caller: &Caller,
) -> Response {
    let query = Query::read(query.unwrap_or_default());
    match app.document(channel, name, &query, caller).await {
        Ok(answer) => answer,
        Err(unserved) => unserved.into_response(),
    }
}

impl App {
    async fn document(
        &self,
        channel: &str,
        name: &str,
        query: &Query<'_>,
        caller: &Caller,
    ) -> Result<Response, Unserved> {
        let mut view = self.roster.view();
        let channel = known(&view, channel)?;
        let tracker = self.at(caller)?;
        let asked = awaited(find(&view, &channel, name)?, query)?;
        if let Some((asked, patience)) = asked {
            self.wait_for(&channel, name, asked, patience, caller).await?;
            view = self.roster.view();
        }
        let document = find(&view, &channel, name)?;
        let shown = shown(&view, &channel)?;
        let (kind, text) = match document {
            Document::Playlist(playlist) => {
                self.following.note(&channel, self.clock.now());
                let at = query
                    .at
                    .and_then(|at| Self::media_at(&view, (&channel, shown), at, caller));
                let text = match at {
                    Some(http) => playlist.splice(&Way::box_at(format!("{http}/live/{channel}/"))),
                    None => playlist.splice(&Way::through(
                        compat(tracker, &channel),
                        format!("{tracker}{HLS}{channel}"),
                    )),
                };
                (PLAYLIST, text.into())
            }
            Document::Mpd(mpd) if name == COMPAT => (MPD, for_everybody(mpd, tracker, &channel)),
            Document::Mpd(mpd) => {
                let viewer = Viewer {
                    caller,
                    tracker,
                    session: query.session,
                };
                (MPD, self.for_viewer(mpd, name, &view, (&channel, shown), &viewer))
            }
        };
        self.metrics.manifest_served();
        let mut answer = Response::new(Body::from(text));
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(answer)
    }

    /// Waits until a playlist holds what was asked for, or until nobody should wait any longer.
    async fn wait_for(
        &self,
        channel: &ChannelName,
        name: &str,
        asked: Asked,
        patience: Duration,
        caller: &Caller,
    ) -> Result<(), Unserved> {
        let place = self.waiting.enter(caller.ip).ok_or(Unserved::Crowded)?;
        let holds = |known: &ChannelView| match known.record.documents.get(name) {
            Some(Document::Playlist(playlist)) => {
                playlist.progress().is_none_or(|progress| progress.holds(asked))
            }
            _ => true,
        };
        let held = self
            .hold(&place, channel, patience, |known| !known.shown || holds(known))
            .await;
        // Nothing comes while the publisher is away: who waited for it is better off with what there was before.
        let away =
            || shown(&self.roster.view(), channel).is_ok_and(|it| it.state == presentation::State::Away);
        match held {
            Held::Came => Ok(()),
            Held::InVain if away() => Ok(()),
            Held::InVain => Err(Unserved::InVain),
        }
    }

    /// The MPD with the boxes of one viewer.
    fn for_viewer(
        &self,
        mpd: &Mpd,
        document: &str,
        view: &View,
        (name, channel): (&ChannelName, &ChannelView),
        viewer: &Viewer<'_>,
    ) -> Bytes {
        let (token, session) = self.renew(viewer.session, view, (name, channel), viewer.caller);
        mpd.splice(&Splice {
            places: &places(view, channel, &session, viewer.caller),
            path: &["/live/", name.as_str(), "/"].concat(),
            tracker: &viewer.tracker.to_string(),
            location: Some(&["/live/", name.as_str(), "/", document, "?session=", &token].concat()),
            steering: Some(&[DASH, name.as_str(), "?session=", &token].concat()),
        })
    }

    /// The session of a viewer who shows this token, and the token of that.
    pub(super) fn renew<'a>(
        &self,
        token: Option<&'a str>,
        view: &View,
        (name, channel): (&ChannelName, &ChannelView),
        caller: &Caller,
    ) -> (Cow<'a, str>, Session) {
        let key = &view.session_key;
        let before = token.and_then(|token| Some((token, Session::read(token, key, name)?)));
        let now = self.clock.now();
        match before {
            // The same session has the same token.
            Some((token, before)) if before.stands(&channel.carriers, now) => (Cow::Borrowed(token), before),
            before => {
                let before = before.map(|(_, before)| before);
                let newcomer = self.newcomer(caller, channel.bits_per_viewer());
                let session = renewed(before, &channel.carriers, newcomer, now, &mut rand::rng());
                (Cow::Owned(session.token(key, name)), session)
            }
        }
    }

    /// The caller as somebody who looks for a box.
    pub(super) fn newcomer(&self, caller: &Caller, bits_per_second: u64) -> Newcomer {
        Newcomer {
            bits_per_second,
            network: Network::of(caller.ip),
            country: self.geography.country(caller.ip),
        }
    }

    /// Where the caller reaches this tracker.
    pub(super) fn at<'a>(&'a self, caller: &'a Caller) -> Result<&'a HttpBase, Unserved> {
        let tracker = self.policy.public_url.as_ref().or(caller.used.as_ref());
        tracker.ok_or(Unserved::NoHost)
    }
}

/// Who a manifest is for.
struct Viewer<'a> {
    caller: &'a Caller,
    tracker: &'a HttpBase,
    session: Option<&'a str>,
}

/// The channel of that name, if it was ever heard of.
pub(super) fn known(view: &View, name: &str) -> Result<ChannelName, Unserved> {
    let known = view.channels.get_key_value(name);
    known.map_or_else(|| Err(Unserved::no_channel(name)), |(known, _)| Ok(known.clone()))
}

/// The channel, if it is on air or was a moment ago.
pub(super) fn shown<'a>(view: &'a View, name: &ChannelName) -> Result<&'a ChannelView, Unserved> {
    let known = view.channels.get(name);
    let channel = known.filter(|channel| channel.shown);
    channel.ok_or_else(|| {
        let epoch = known.map(|known| known.record.presentation.epoch);
        if epoch.is_some_and(|epoch| view.orders.is_down(name, epoch)) {
            Unserved::TakenDown(name.clone())
        } else {
            Unserved::OffAir(name.clone())
        }
    })
}

fn find<'a>(view: &'a View, channel: &ChannelName, name: &str) -> Result<&'a Document, Unserved> {
    let found = shown(view, channel)?.record.documents.get(name);
    found.ok_or_else(|| Unserved::no_document(channel, name))
}

/// What the player wants to find in the playlist and does not find there yet, and how long it may wait.
fn awaited(document: &Document, query: &Query<'_>) -> Result<Option<(Asked, Duration)>, Unserved> {
    let Document::Playlist(playlist) = document else {
        return Ok(None);
    };
    let Some(progress) = playlist.progress().filter(|progress| progress.blocks) else {
        return Ok(None);
    };
    let asked = Asked::read(query.segment, query.part)?;
    let Some(asked) = asked.filter(|asked| !progress.holds(*asked)) else {
        return Ok(None);
    };
    progress.check(asked)?;
    Ok(Some((asked, progress.patience())))
}

/// Where the tracker answers for the channel's media.
fn compat(tracker: &HttpBase, channel: &ChannelName) -> String {
    format!("{tracker}/compat/live/{channel}/")
}

/// The MPD with the tracker in the place of boxes. It is the same for ever, since some players never look again.
fn for_everybody(mpd: &Mpd, tracker: &HttpBase, channel: &ChannelName) -> Bytes {
    let tracker = tracker.to_string();
    mpd.splice(&Splice {
        places: &[Cow::Owned(Place::new(None, &tracker))],
        path: &format!("/compat/live/{channel}/"),
        tracker: &tracker,
        location: None,
        steering: None,
    })
}

/// The session's boxes, and the origin as the last resort.
fn places<'a>(
    view: &View,
    channel: &'a ChannelView,
    session: &Session,
    caller: &Caller,
) -> Vec<Cow<'a, Place>> {
    let mut places = Vec::with_capacity(session.boxes.len() + 1);
    for id in &session.boxes {
        let Some(place) = channel.carriers.place(id) else {
            continue;
        };
        let beside = Some(id)
            .filter(|_| place.is_beside_us())
            .and_then(|id| view.boxes.get(id))
            .and_then(|alive| caller.base_beside(&alive.record.announcement.http, alive.record.seen_from));
        places.push(match beside {
            Some(base) => Cow::Owned(Place::new(Some(&id.to_string()), &base.to_string())),
            None => Cow::Borrowed(place),
        });
    }
    let place = &*channel.origin;
    places.push(if place.is_beside_us() {
        Cow::Owned(Place::new(Some(ORIGIN), &origin(channel, caller).to_string()))
    } else {
        Cow::Borrowed(place)
    });
    places
}

/// Where the caller reaches the channel's origin.
pub(super) fn origin(channel: &ChannelView, caller: &Caller) -> HttpBase {
    let record = &channel.record;
    caller.base(&record.presentation.http, record.heard.seen_from)
}
