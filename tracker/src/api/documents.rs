//! What a player asks for: the manifests and playlists of a channel.
//!
//! A manifest of DASH holds the viewer's boxes. `compat.mpd` and playlists are for players that would ask only the
//! first of them: they lead to the tracker, which sends each request on.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use url::form_urlencoded;
use wire::address::HttpBase;
use wire::id::ChannelName;
use wire::presentation;

use super::App;
use super::asked::{From, InPath};
use super::held::Held;
use super::unserved::Unserved;
use crate::document::{Asked, Document, Mpd, Place, Splice};
use crate::reach::Caller;
use crate::roster::{ChannelView, View};
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
    let query = Query::read(query.as_deref().unwrap_or_default());
    match app.document(&channel, &name, &query, &caller).await {
        Ok(answer) => answer,
        Err(unserved) => unserved.into_response(),
    }
}

/// What a URL's query may say.
#[derive(Default)]
struct Query {
    session: Option<String>,
    segment: Option<String>,
    part: Option<String>,
}

impl Query {
    fn read(text: &str) -> Self {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let place = match &*name {
                "session" => &mut query.session,
                "_HLS_msn" => &mut query.segment,
                "_HLS_part" => &mut query.part,
                _ => continue,
            };
            place.get_or_insert_with(|| value.into_owned());
        }
        query
    }
}

impl App {
    async fn document(
        &self,
        channel: &str,
        name: &str,
        query: &Query,
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
                (PLAYLIST, playlist.splice(&compat(tracker, &channel)).into())
            }
            Document::Mpd(mpd) if name == COMPAT => (MPD, for_everybody(mpd, tracker, &channel)),
            Document::Mpd(mpd) => {
                let viewer = Viewer {
                    caller,
                    tracker,
                    session: query.session.as_deref(),
                };
                (MPD, self.for_viewer(mpd, name, &view, (&channel, shown), &viewer))
            }
        };
        self.metrics.manifest_served();
        let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")];
        Ok((headers, text).into_response())
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
        let before = viewer
            .session
            .and_then(|token| Some((token, Session::read(token, &view.session_key, name)?)));
        let session = renewed(
            before.as_ref().map(|(_, before)| before.clone()),
            &channel.carriers,
            channel.bits_per_viewer(),
            self.clock.now(),
            &mut rand::rng(),
        );
        // The same session has the same token.
        let token = match before {
            Some((token, before)) if before == session => Cow::Borrowed(token),
            _ => Cow::Owned(session.token(&view.session_key, name)),
        };
        let tracker = viewer.tracker.to_string();
        mpd.splice(&Splice {
            places: &places(view, channel, &session, viewer.caller),
            path: &format!("/live/{name}/"),
            location: Some(&format!("{tracker}/live/{name}/{document}?session={token}")),
            clock: &format!("{tracker}/time"),
        })
    }

    /// Where the caller reaches this tracker.
    fn at<'a>(&'a self, caller: &'a Caller) -> Result<&'a HttpBase, Unserved> {
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
    let known = name.parse().ok().filter(|name| view.channels.contains_key(name));
    known.ok_or_else(|| Unserved::no_channel(name))
}

/// The channel, if it is on air or was a moment ago.
pub(super) fn shown<'a>(view: &'a View, name: &ChannelName) -> Result<&'a ChannelView, Unserved> {
    let channel = view.channels.get(name).filter(|channel| channel.shown);
    channel.ok_or_else(|| Unserved::OffAir(name.clone()))
}

fn find<'a>(view: &'a View, channel: &ChannelName, name: &str) -> Result<&'a Document, Unserved> {
    let found = shown(view, channel)?.record.documents.get(name);
    found.ok_or_else(|| Unserved::no_document(channel, name))
}

/// What the player wants to find in the playlist and does not find there yet, and how long it may wait.
fn awaited(document: &Document, query: &Query) -> Result<Option<(Asked, Duration)>, Unserved> {
    let Document::Playlist(playlist) = document else {
        return Ok(None);
    };
    let Some(progress) = playlist.progress().filter(|progress| progress.blocks) else {
        return Ok(None);
    };
    let asked = Asked::read(query.segment.as_deref(), query.part.as_deref())?;
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
        location: None,
        clock: &format!("{tracker}/time"),
    })
}

/// The session's boxes, and the origin as the last resort.
fn places<'a>(
    view: &'a View,
    channel: &ChannelView,
    session: &Session,
    caller: &Caller,
) -> Vec<Cow<'a, Place>> {
    let boxes = session.boxes.iter().filter_map(|id| view.boxes.get(id));
    let boxes = boxes.map(|alive| {
        let record = &alive.record;
        match caller.base_beside(&record.announcement.http, record.seen_from) {
            Some(base) => Cow::Owned(Place::new(Some(&record.id.to_string()), &base.to_string())),
            None => Cow::Borrowed(&*alive.place),
        }
    });
    let origin = Place::new(Some("origin"), &origin(channel, caller).to_string());
    boxes.chain([Cow::Owned(origin)]).collect()
}

/// Where the caller reaches the channel's origin.
pub(super) fn origin(channel: &ChannelView, caller: &Caller) -> HttpBase {
    let record = &channel.record;
    caller.base(&record.presentation.http, record.heard.seen_from)
}
