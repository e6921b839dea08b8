//! Origins tell what is on air and hear whom to push to.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tracing::{debug, info, warn};
use wire::id::{BoxId, ChannelName};
use wire::presentation::{Presentation, PresentationReply, Seed};
use wire::seal::Signed;

use super::App;
use super::asked::{self, From};
use super::refusal::{Refused, check_clock};
use crate::clock::SECOND;
use crate::reach::Caller;
use crate::registry::{ChannelRecord, Claim, Heard, Silence};
use crate::roster::{News, View};
use crate::select;

/// An origin's clock may differ by this much.
const MAX_CLOCK_ERROR: u64 = 60 * SECOND;

/// The most channels that a tracker keeps.
const MAX_CHANNELS: usize = 256;

/// How many boxes an origin is named for a channel: the most that it may be told to push to. It takes as
/// many as it was told, from the front.
const SEEDS: usize = 16;

/// A seed found silent is none again for this long.
const SILENT_FOR: u64 = 30 * SECOND;

/// How many silent seeds of a channel are remembered.
const MAX_SILENT: usize = 64;

/// `POST /api/v1/presentations`
pub(super) async fn present(State(app): State<Arc<App>>, From(caller): From, body: Body) -> Response {
    let heard = async {
        let signed = asked::read(body, Presentation::MAX_BYTES).await?;
        app.take(signed, caller).await
    };
    match heard.await {
        Ok(reply) => Json(reply).into_response(),
        Err(refused) => {
            warn!(reason = refused.reason(), why = %refused, "presentation refused");
            app.metrics.presented(refused.reason());
            refused.answer(app.clock.now())
        }
    }
}

impl App {
    async fn take(&self, signed: Bytes, caller: Caller) -> Result<PresentationReply, Refused> {
        let presentation = Presentation::open(&signed)?;
        if !self.policy.trusted.contains(&presentation.key) {
            return Err(Refused::Untrusted(presentation.key.into()));
        }
        let now = self.clock.now();
        check_clock(presentation.sequence, now, MAX_CLOCK_ERROR, MAX_CLOCK_ERROR)?;
        let view = self.roster.view();
        check_succession(&view, &presentation)?;
        let (seeds, silent) = seeds(&view, &presentation, now);
        let heard = Heard {
            seen_from: caller.ip,
            at: now,
            seeds,
            silent,
        };
        let record = Arc::new(ChannelRecord::new(presentation, signed, heard)?);
        self.record(&record).await?;
        let caller = self.with_number(caller).await;
        let seeds = record
            .heard
            .seeds
            .iter()
            .filter_map(|id| seed(&view, *id, &caller))
            .collect();
        Ok(PresentationReply {
            time: self.clock.now(),
            seeds,
        })
    }

    async fn record(&self, record: &Arc<ChannelRecord>) -> Result<(), Refused> {
        let Presentation {
            channel,
            epoch,
            key,
            state,
            ..
        } = &record.presentation;
        let claim = self
            .registry
            .present(record.clone(), self.policy.trusted.clone())
            .await;
        let claim = claim.unwrap_or_else(|away| {
            debug!(%away, "presentation kept in memory only");
            self.claim_in_memory(record)
        });
        match claim {
            Claim::Owned(owner) => {
                return Err(Refused::Owned {
                    channel: channel.clone(),
                    owner: owner.into(),
                });
            }
            Claim::Stale => self.metrics.presented("stale"),
            Claim::Accepted => {
                let before = self
                    .roster
                    .view()
                    .channels
                    .get(channel)
                    .map(|before| (before.live, before.record.presentation.epoch));
                self.metrics.presented("accepted");
                self.roster.tell(News::Presented(record.clone())).await;
                match (before, state.is_on_air()) {
                    (Some((true, before)), true) if before == *epoch => {}
                    (_, true) => info!(%channel, %epoch, %key, "channel is on air"),
                    (Some((true, _)), false) => info!(%channel, %epoch, "channel went off air"),
                    (_, false) => {}
                }
            }
        }
        Ok(())
    }

    /// Whose channel it is as far as this tracker knows: for while the registry is away.
    fn claim_in_memory(&self, record: &ChannelRecord) -> Claim {
        let view = self.roster.view();
        let known = view.channels.get(&record.presentation.channel);
        let owner = known.map(|known| known.record.presentation.key);
        let other = owner.filter(|owner| *owner != record.presentation.key);
        match other.filter(|owner| self.policy.trusted.contains(owner)) {
            Some(owner) => Claim::Owned(owner),
            None => Claim::Accepted,
        }
    }
}

/// Epochs only grow, and one that was ended does not begin again.
fn check_succession(view: &View, offered: &Presentation) -> Result<(), Refused> {
    let Some(known) = view.channels.get(&offered.channel) else {
        let count = view.channels.len();
        return if count < MAX_CHANNELS {
            Ok(())
        } else {
            Err(Refused::TooManyChannels(count))
        };
    };
    let known = &known.record.presentation;
    if known.key != offered.key || known.sequence >= offered.sequence {
        // Whose it is, and whether this is news, is for the registry to say.
        return Ok(());
    }
    let ended = !known.state.is_on_air() && offered.state.is_on_air() && offered.epoch == known.epoch;
    if offered.epoch < known.epoch || ended {
        let channel: ChannelName = offered.channel.clone();
        return Err(Refused::Passed {
            channel,
            current: known.epoch,
            offered: offered.epoch,
        });
    }
    Ok(())
}

/// The seeds of the channel from now on, and the boxes that are not to be among them.
fn seeds(view: &View, offered: &Presentation, now: u64) -> (Vec<BoxId>, Vec<Silence>) {
    let before = view
        .channels
        .get(&offered.channel)
        .map(|known| &known.record.heard);
    let current = before.map_or(&[][..], |heard| &heard.seeds);
    let lasting = before.map_or(&[][..], |heard| &heard.silent).iter();
    let lasting = lasting.filter(|silence| silence.until > now && !offered.silent.contains(&silence.id));
    let reported = offered.silent.iter().map(|id| Silence {
        id: *id,
        until: now + SILENT_FOR,
    });
    let silent: Vec<Silence> = reported.chain(lasting.copied()).take(MAX_SILENT).collect();
    let silent_ids: Vec<BoxId> = silent.iter().map(|silence| silence.id).collect();
    let candidates: Vec<_> = view.listed().map(|listed| listed.candidate.clone()).collect();
    let salt = view.session_key.salt(&format!("seeds {}", offered.channel));
    let count = if offered.state.is_on_air() { SEEDS } else { 0 };
    (
        select::seeds(salt, current, &candidates, &silent_ids, count),
        silent,
    )
}

fn seed(view: &View, id: BoxId, caller: &Caller) -> Option<Seed> {
    let record = &view.boxes.get(&id)?.record;
    let host = caller.host(&record.announcement.http, record.seen_from);
    Some(Seed {
        id,
        zmq: format!("tcp://{host}:{}", record.announcement.zmq_port),
    })
}
