//! Boxes tell what they carry and hear whom to know.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tracing::{debug, info};
use wire::address::Host;
use wire::announcement::{
    Announcement, AnnouncementReply, ChannelNews, MAX_CARRIED, MAX_TAKEDOWNS, Neighbour, Takedown,
};
use wire::id::BoxId;
use wire::seal::Signed;

use super::App;
use super::asked::{self, From};
use super::refusal::{Refused, check_clock};
use crate::clock::SECOND;
use crate::reach::{Caller, multiaddress};
use crate::registry::{ALIVE, BoxRecord, ChannelRecord, Outcome};
use crate::roster::{ChannelView, News, View};

/// An announcement this far ahead of the tracker's clock would outlive its box.
const MAX_AHEAD: u64 = 2 * SECOND;

/// A channel that went off air is still in boxes' windows for this long.
const WINDOW: u64 = 60 * SECOND;

const LOOPBACK_V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const LOOPBACK_V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// `POST /api/v1/announcements`
pub(super) async fn announce(State(app): State<Arc<App>>, From(caller): From, body: Body) -> Response {
    let heard = async {
        let signed = asked::read(body, Announcement::MAX_BYTES).await?;
        app.hear(signed, caller).await
    };
    match heard.await {
        Ok(reply) => Json(reply).into_response(),
        Err(refused) => {
            debug!(reason = refused.reason(), why = %refused, "announcement refused");
            app.metrics.announced(refused.reason());
            refused.answer_to_box(app.clock.now(), app.roster.view().tracker)
        }
    }
}

impl App {
    async fn hear(&self, signed: Bytes, caller: Caller) -> Result<AnnouncementReply, Refused> {
        let announcement = Announcement::open(&signed)?;
        let (now, view) = (self.clock.now(), self.roster.view());
        check_clock(announcement.sequence, now, ALIVE, MAX_AHEAD)?;
        if announcement.tracker != view.tracker {
            return Err(Refused::OtherTracker(view.tracker));
        }
        let record = Arc::new(BoxRecord::new(announcement, signed, caller.ip));
        view.room.admit(record.id, record.seen_from)?;
        let known = view.boxes.contains_key(&record.id);
        // With the registry away the box is known here, and to others when the registry is back.
        let outcome = self
            .registry
            .announce(record.clone())
            .await
            .unwrap_or_else(|away| {
                debug!(%away, "announcement kept in memory only");
                Outcome::Accepted
            });
        match outcome {
            Outcome::Stale => self.metrics.announced("stale"),
            Outcome::Accepted => {
                self.metrics.announced("accepted");
                let news = News::Heard(record.clone());
                if known && view.is_large() {
                    // It hears how it stood a moment ago: if all waited for the next view, all would be answered at once.
                    self.roster.mention(news).await;
                } else {
                    self.roster.tell(news).await;
                }
                self.prober.consider(&record);
                match (known, record.announcement.leaving) {
                    (_, true) => info!(id = %record.id, "box said goodbye"),
                    (false, false) => info!(id = %record.id, http = %record.http(), "box arrived"),
                    (true, false) => {}
                }
            }
        }
        let caller = self.with_number(caller).await;
        Ok(reply(&self.roster.view(), &record, &caller, self.clock.now()))
    }
}

/// What a box is told: how it stands, what to carry, whom to connect to.
fn reply(view: &View, record: &BoxRecord, caller: &Caller, now: u64) -> AnnouncementReply {
    let known = view.boxes.get(&record.id);
    let why = match known {
        Some(alive) => alive.why.clone(),
        None if record.announcement.leaving => Some("it said goodbye".into()),
        None => Some("it is not known here yet".into()),
    };
    let mine = &record.announcement;
    let is_useful = |id: &BoxId| {
        let other = || view.boxes.get(id).map(|alive| &alive.record.announcement);
        mine.channels.is_empty() || other().is_some_and(|other| other.may_share_with(mine))
    };
    let named = if view.is_ejected(&record.id) {
        Vec::new()
    } else {
        let of_crews = view.crews.named(record.id);
        of_crews.unwrap_or_else(|| view.neighbourhood.named(record.id, is_useful))
    };
    let neighbours = named.iter().filter_map(|id| view.boxes.get(id)).map(|near| {
        let Announcement {
            key, http, p2p_port, ..
        } = &near.record.announcement;
        let host = caller.host(http, near.record.seen_from);
        Neighbour {
            id: near.record.id,
            key: *key,
            p2p: multiaddress(&host, *p2p_port),
        }
    });
    let hands_on = |id: &BoxId| view.boxes.get(id).is_some_and(|alive| alive.candidate.gives);
    let met = record.announcement.met.iter().map(|met| met.id);
    let giving = met.filter(hands_on);
    let channels = channels(view, &record.id);
    AnnouncementReply {
        takedowns: takedowns(view, &channels),
        time: now,
        id: record.id,
        listed: why.is_none(),
        why,
        channels,
        neighbours: neighbours.collect(),
        origins: origins(view, caller),
        reach: known.map(|alive| alive.reach.clone()).unwrap_or_default(),
        giving: giving.collect(),
    }
}

/// The channels on air, and those that were a moment ago; those that this box is to carry first, and those that are over last.
fn channels(view: &View, me: &BoxId) -> Vec<ChannelNews> {
    let wanted = |channel: &ChannelView| {
        let ChannelRecord {
            heard, presentation, ..
        } = &*channel.record;
        let at = heard.ended.unwrap_or(heard.at);
        // Takedowns are opened with the channel's keys.
        channel.live() || at.saturating_add(WINDOW) > view.at || !presentation.takedowns.is_empty()
    };
    let mut channels: Vec<ChannelNews> = view
        .channels
        .iter()
        .filter(|(_, channel)| wanted(channel))
        .map(|(name, channel)| ChannelNews {
            name: name.clone(),
            live: channel.live(),
            epoch: channel.record.presentation.epoch,
            keys: channel.record.keys(view.at),
            // What is over it keeps until its window has passed.
            carry: !channel.live() || view.crews.has(name, me),
        })
        .collect();
    channels.sort_by_key(|channel| (!channel.live, !channel.carry));
    channels.truncate(MAX_CARRIED);
    channels
}

/// What boxes are to let go of, as origins signed it; those of channels that are told of first.
fn takedowns(view: &View, told: &[ChannelNews]) -> Vec<Takedown> {
    let of = |news: &ChannelNews| view.channels.get(&news.name);
    let records = told.iter().filter_map(of).map(|channel| &channel.record);
    let signed = records.flat_map(|record| &record.presentation.takedowns);
    let signed = signed.map(|signed| Takedown(Bytes::copy_from_slice(signed)));
    signed.take(MAX_TAKEDOWNS).collect()
}

fn origins(view: &View, caller: &Caller) -> Vec<IpAddr> {
    let live = view.channels.values().filter(|channel| channel.live());
    let mut origins: Vec<IpAddr> = live
        .flat_map(|channel| {
            let record = &channel.record;
            match caller.host(&record.presentation.http, record.heard.seen_from) {
                // Which of them it comes from depends on where it goes.
                Host::Ip(ip) if ip.is_loopback() => vec![ip, LOOPBACK_V4, LOOPBACK_V6],
                Host::Ip(ip) => vec![ip],
                Host::Name(_) => vec![],
            }
        })
        .collect();
    origins.sort_unstable();
    origins.dedup();
    origins
}
