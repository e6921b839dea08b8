//! What is on air and who is there, as JSON for people and programs.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use serde::Serialize;
use wire::address::HttpBase;
use wire::announcement::{Load, Met, Served};
use wire::id::{BoxId, ChannelName, Epoch, TrackId};
use wire::key::PublicKey;
use wire::presentation::{self, Warning};

use super::App;
use super::asked::From;
use crate::reach::Caller;
use crate::roster::{BoxView, ChannelView, View};

const NO_STORE: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

#[derive(Serialize)]
struct Channels {
    channels: Vec<Channel>,
}

#[derive(Serialize)]
struct Channel {
    name: ChannelName,
    /// What its operator calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    live: bool,
    state: presentation::State,
    epoch: Epoch,
    keys: Vec<PublicKey>,
    /// The newest whole segment.
    newest: u32,
    /// Since when it is on air, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
    tracks: Vec<Track>,
    /// The path of its newest picture.
    poster: Option<String>,
    /// What is wrong with the encoder's stream.
    warnings: Vec<Warning>,
    origin: Origin,
    /// How many boxes its viewers may be sent to.
    boxes: usize,
    /// About how many watch it, from boxes and from the origin, as these say.
    viewers: u32,
}

#[derive(Serialize)]
struct Track {
    id: TrackId,
    codecs: String,
    bits_per_second: u64,
}

#[derive(Serialize)]
struct Origin {
    http: HttpBase,
    viewer_bytes: u64,
}

#[derive(Serialize)]
struct Boxes {
    boxes: Vec<Alive>,
}

#[derive(Serialize)]
struct Alive {
    id: BoxId,
    http: HttpBase,
    channels: Vec<ChannelName>,
    /// The channels whose origin pushes to it, as these say.
    seeds: Vec<ChannelName>,
    listed: bool,
    why: Option<String>,
    /// How many more viewers it would take.
    room: u32,
    /// The boxes that it is connected to, and whether they handed on media lately, as it says.
    neighbours: Vec<Met>,
    #[serde(flatten)]
    load: Load,
    #[serde(flatten)]
    served: Served,
    /// The time since it was last heard of.
    age_ms: u64,
}

/// `GET /api/v1/channels`
pub(super) async fn channels(State(app): State<Arc<App>>, From(caller): From) -> impl IntoResponse {
    let view = app.roster.view();
    let channels = view
        .channels
        .iter()
        .filter(|(name, known)| !view.orders.is_down(name, known.record.presentation.epoch))
        .map(|(name, known)| {
            let title = view.orders.title(name).map(str::to_owned);
            channel(name, title, known, &caller, view.at)
        })
        .collect();
    (NO_STORE, Json(Channels { channels }))
}

/// `GET /api/v1/boxes`
pub(super) async fn boxes(State(app): State<Arc<App>>, From(caller): From) -> impl IntoResponse {
    let (view, now) = (app.roster.view(), app.clock.now());
    let mut seeds = seeds(&view);
    let boxes = view.boxes.iter().map(|(id, known)| {
        let seeds = seeds.remove(id).unwrap_or_default();
        alive(known, seeds, &caller, now)
    });
    let boxes = boxes.collect();
    (NO_STORE, Json(Boxes { boxes }))
}

fn channel(
    name: &ChannelName,
    title: Option<String>,
    known: &ChannelView,
    caller: &Caller,
    now: u64,
) -> Channel {
    let presentation = &known.record.presentation;
    let (epoch, poster) = (presentation.epoch, presentation.poster);
    let tracks = presentation.tracks.iter().map(|summary| Track {
        id: summary.track,
        codecs: summary.codecs.clone(),
        bits_per_second: summary.bits_per_second,
    });
    Channel {
        name: name.clone(),
        title,
        live: known.live(),
        state: known.state,
        epoch,
        keys: known.record.keys(now),
        newest: presentation.newest,
        since: known.live().then_some(epoch.0),
        tracks: tracks.collect(),
        poster: (known.shown && poster > 0)
            .then(|| format!("/compat/live/{name}/{epoch}/poster/{poster}.jpg")),
        warnings: presentation.warnings.clone(),
        origin: Origin {
            http: caller.base(&presentation.http, known.record.heard.seen_from),
            viewer_bytes: presentation.viewer_bytes,
        },
        boxes: known.carriers.len(),
        viewers: known.audience.viewers,
    }
}

/// Which boxes origins push to, of the channels that are on air and not taken down.
fn seeds(view: &View) -> HashMap<BoxId, Vec<ChannelName>> {
    let mut seeds: HashMap<BoxId, Vec<ChannelName>> = HashMap::new();
    for (name, channel) in &view.channels {
        let presentation = &channel.record.presentation;
        if channel.live() && !view.orders.is_down(name, presentation.epoch) {
            for id in &presentation.seeds {
                seeds.entry(*id).or_default().push(name.clone());
            }
        }
    }
    seeds
}

fn alive(known: &BoxView, seeds: Vec<ChannelName>, caller: &Caller, now: u64) -> Alive {
    let announcement = &known.record.announcement;
    Alive {
        id: known.record.id,
        http: caller.base(&announcement.http, known.record.seen_from),
        channels: announcement
            .carried
            .iter()
            .map(|carried| carried.channel.clone())
            .collect(),
        seeds,
        listed: known.why.is_none(),
        why: known.why.clone(),
        room: announcement.room,
        neighbours: announcement.met.clone(),
        load: announcement.load,
        served: announcement.served,
        age_ms: now.saturating_sub(announcement.sequence),
    }
}
