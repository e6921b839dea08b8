//! Media for the players that know no boxes: each request is sent on to a box that is live, or else to the origin.
//!
//! Such a player often asks for a segment before it is there, and goes on to the next when it hears that it
//! is not. So an early request is held until the segment is there, and who asks for what is not there too often is slowed down.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use program::http::error;
use program::http::misses::TooOften;
use wire::address::HttpBase;
use wire::id::ChannelName;

use super::App;
use super::asked::{From, InPath};
use super::documents::{known, origin, shown};
use super::unserved::Unserved;
use crate::document::{MediaFile, MediaPath};
use crate::edge::{self, Presence, presence};
use crate::reach::Caller;
use crate::roster::{ChannelView, View};

/// A box is asked for what is at most so many segments ahead of what it said that it has: it says so
/// every few seconds, and holds who comes a little too early.
const NEAR_SEGMENTS: u32 = 3;

/// Who asks too often for what is not there waits for his answer.
const SLOW_DOWN: Duration = Duration::from_secs(1);

/// For how long a segment, and a part of one, keeps the uplink of a box busy, compared with the time between two
/// reports of its load: about 2 s, or 0.25 s, of 3 s.
const SEGMENT_SHARE: (u64, u64) = (2, 3);
const PART_SHARE: (u64, u64) = (1, 12);

/// `GET /compat/live/{channel}/{epoch}/{track}/{file}`
pub(super) async fn media(
    State(app): State<Arc<App>>,
    From(caller): From,
    InPath((channel, epoch, track, file)): InPath<(String, String, String, String)>,
) -> Response {
    let path = format!("{epoch}/{track}/{file}");
    match app.lead(&channel, &path, &caller).await {
        Ok(answer) => answer,
        Err(missing) if missing.status() == StatusCode::NOT_FOUND => app.missed(missing, &caller).await,
        Err(busy) => busy.into_response(),
    }
}

impl App {
    async fn lead(&self, channel: &str, path: &str, caller: &Caller) -> Result<Response, Unserved> {
        let channel = known(&self.roster.view(), channel)?;
        let path = MediaPath::asked(path)?;
        let mut found = find(&self.roster.view(), &channel, &path)?;
        if found == Presence::Soon {
            self.wait_for_media(&channel, &path, caller).await?;
            found = find(&self.roster.view(), &channel, &path)?;
        }
        match found {
            Presence::There => {
                let view = self.roster.view();
                let to = self.choose(&view, shown(&view, &channel)?, &channel, &path, caller);
                Ok(redirect(&to, &channel, &path))
            }
            Presence::Soon => Err(Unserved::Late),
            Presence::Missing(missing) => Err(missing.into()),
        }
    }

    async fn wait_for_media(
        &self,
        channel: &ChannelName,
        path: &MediaPath,
        caller: &Caller,
    ) -> Result<(), Unserved> {
        let place = self.waiting.enter(caller.ip).ok_or(Unserved::Crowded)?;
        let patience = edge::patience(&shown(&self.roster.view(), channel)?.record);
        let decided = |known: &ChannelView| {
            presence(&known.record, known.state, path) != Presence::Soon || !known.shown
        };
        self.hold(&place, channel, patience, decided).await;
        Ok(())
    }

    /// Where the caller finds the media.
    fn choose(
        &self,
        view: &View,
        channel: &ChannelView,
        name: &ChannelName,
        path: &MediaPath,
        caller: &Caller,
    ) -> HttpBase {
        let wanted = edge::segment(path);
        let has_it = |id: &_| {
            let carried = view.boxes.get(id).map(|known| &known.record.announcement.carried);
            let mut carried = carried.into_iter().flatten().filter(|it| it.channel == *name);
            carried.any(|it| {
                let behind = channel.record.behind((it.epoch, it.newest), wanted);
                behind.is_some_and(|behind| behind <= NEAR_SEGMENTS)
            })
        };
        let newcomer = self.newcomer(caller, cost(channel, path));
        let chosen = channel.carriers.choose_one(&mut rand::rng(), newcomer, has_it);
        match chosen.and_then(|id| view.boxes.get(&id)) {
            Some(alive) => {
                self.metrics.redirected("box");
                caller.base(&alive.record.announcement.http, alive.record.seen_from)
            }
            None => {
                self.metrics.redirected("origin");
                origin(channel, caller)
            }
        }
    }

    /// The answer to who asked for what is not there.
    async fn missed(&self, missing: Unserved, caller: &Caller) -> Response {
        let Err(TooOften { retry_after }) = self.misses.note(caller.ip, self.clock.now()) else {
            self.metrics.redirected("missing");
            return missing.into_response();
        };
        self.metrics.redirected("limited");
        if let Some(_place) = self.waiting.enter(caller.ip) {
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(SLOW_DOWN) => {}
            }
        }
        let why = format!("{missing}, and you ask too often for what is not there");
        let mut response = no_store(error(StatusCode::TOO_MANY_REQUESTS, why));
        let seconds = HeaderValue::from(retry_after.as_secs().saturating_add(1));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
        response
    }
}

fn find(view: &View, channel: &ChannelName, path: &MediaPath) -> Result<Presence, Unserved> {
    if view.orders.is_down(channel, path.epoch) {
        return Err(Unserved::TakenDown(channel.clone()));
    }
    let channel = shown(view, channel)?;
    Ok(presence(&channel.record, channel.state, path))
}

/// What a request costs whoever answers it, in bits per second over the time between two reports.
fn cost(channel: &ChannelView, path: &MediaPath) -> u64 {
    let tracks = &channel.record.presentation.tracks;
    let (share, of) = match path.file {
        MediaFile::Segment(_) => SEGMENT_SHARE,
        MediaFile::Part(_) => PART_SHARE,
        MediaFile::Init | MediaFile::Poster(_) => return 0,
    };
    let track = tracks.iter().find(|track| track.track == path.track);
    let bits = track.map_or_else(|| channel.bits_per_viewer(), |track| track.bits_per_second);
    bits.saturating_mul(share) / of
}

fn redirect(to: &HttpBase, channel: &ChannelName, path: &MediaPath) -> Response {
    let location = format!("{to}/live/{channel}/{path}");
    let location = HeaderValue::try_from(location).expect("bases and names are printable ASCII");
    no_store((StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response())
}

fn no_store(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
