//! Origins tell what is on air and hear whom to push to.

mod seeding;

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::{Json, extract};
use bytes::Bytes;
use tracing::{debug, info, warn};
use wire::id::{BoxId, ChannelName};
use wire::key::PublicKey;
use wire::presentation::{Presentation, PresentationReply, Seed, State};
use wire::seal::Signed;

use seeding::Seeding;

use super::App;
use super::asked::{self, From};
use super::refusal::{Refused, check_clock};
use crate::clock::{SECOND, iso8601};
use crate::reach::Caller;
use crate::registry::{self, BadRecord, ChannelRecord, Claim, Heard, Past};
use crate::roster::{ChannelView, News, View};
use crate::succession::{Chain, trusts};

/// An origin's clock may differ by this much.
const MAX_CLOCK_ERROR: u64 = 60 * SECOND;

/// The most channels that a tracker keeps.
const MAX_CHANNELS: usize = 256;

/// How many epochs of a channel are remembered after others followed them.
const MAX_PAST: usize = 8;

/// `POST /api/v1/presentations`
pub(super) async fn present(
    extract::State(app): extract::State<Arc<App>>,
    From(caller): From,
    body: Body,
) -> Response {
    let heard = async {
        let signed = asked::read(body, Presentation::MAX_BYTES).await?;
        app.take(signed, caller).await
    };
    match heard.await {
        Ok(reply) => Json(reply).into_response(),
        Err(refused) => {
            let (reason, now) = (refused.reason(), app.clock.now());
            if let Some(unsaid) = app.said.again(reason, now) {
                warn!(reason, why = %refused, unsaid, "presentation refused");
            }
            app.metrics.presented(reason);
            refused.answer(now)
        }
    }
}

impl App {
    async fn take(&self, signed: Bytes, caller: Caller) -> Result<PresentationReply, Refused> {
        let presentation = Presentation::open(&signed)?;
        let now = self.clock.now();
        let view = self.roster.view();
        let chain = Chain::of(&presentation).map_err(BadRecord::from)?;
        self.check_trust(&view, &presentation, &chain, now)?;
        check_clock(presentation.sequence, now, MAX_CLOCK_ERROR, MAX_CLOCK_ERROR)?;
        check_order(&view, &presentation, &chain)?;
        let heard = heard(&view, &presentation, caller.ip, now);
        let record = Arc::new(ChannelRecord::new(presentation, signed, heard)?);
        self.record(&record).await?;
        let caller = self.with_number(caller).await;
        let seeds = record
            .heard
            .seeds
            .iter()
            .filter_map(|id| seed(&view, *id, &caller))
            .collect();
        let now = self.clock.now();
        Ok(PresentationReply {
            time: now,
            seeds,
            parts: self.following.is_followed(&record.presentation.channel, now),
            taken_down: self.roster.view().orders.taken_down(&record.presentation.channel),
        })
    }

    /// Refuses a key that no trusted one leads to, and one that was followed by another.
    fn check_trust(
        &self,
        view: &View,
        offered: &Presentation,
        chain: &Chain,
        now: u64,
    ) -> Result<(), Refused> {
        if view.retired(&offered.key, now) {
            return Err(Refused::Retired(offered.key.into()));
        }
        // Who stole a key may name successors too, but not after it was followed.
        let trusted = self.policy.trusted.iter().copied();
        let trusted: Vec<PublicKey> = trusted.filter(|key| !view.retired(key, now)).collect();
        if trusts(&trusted, &offered.key, chain, now) {
            Ok(())
        } else {
            Err(Refused::Untrusted(offered.key.into()))
        }
    }

    async fn record(&self, record: &Arc<ChannelRecord>) -> Result<(), Refused> {
        let channel = &record.presentation.channel;
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
            Claim::Stale => {
                self.metrics.presented("stale");
                // Another tracker was told a moment later; until the registry is asked it may be news here.
                let view = self.roster.view();
                let known = view
                    .channels
                    .get(channel)
                    .map(|known| known.record.presentation.sequence);
                if known < Some(record.presentation.sequence) {
                    self.roster.tell(News::Presented(record.clone())).await;
                }
            }
            Claim::Accepted => {
                let before = self.roster.view().channels.get(channel).cloned();
                self.metrics.presented("accepted");
                self.roster.tell(News::Presented(record.clone())).await;
                self.note(before.as_ref(), record);
            }
        }
        Ok(())
    }

    /// Says in the log what changed about a channel.
    fn note(&self, before: Option<&ChannelView>, record: &ChannelRecord) {
        let Presentation {
            channel,
            epoch,
            key,
            state,
            ..
        } = &record.presentation;
        let last = before.map(|before| &before.record.presentation);
        let went_on = last.is_some_and(|last| last.epoch == *epoch && last.key == *key);
        match (before.map(|before| before.state), state) {
            (Some(before), after) if before == *after && went_on => {}
            (_, State::Live) => info!(%channel, %epoch, %key, "channel is on air"),
            (_, State::Away) => info!(%channel, %epoch, "publisher is away"),
            (None | Some(State::Ended), State::Ended) => {}
            (_, State::Ended) => info!(%channel, %epoch, "channel went off air"),
        }
        let news = last.is_none_or(|last| last.key != *key);
        if news && !self.policy.trusted.contains(key) {
            let until = record.chain.trusted_until(&self.policy.trusted);
            let until = until.map(iso8601).unwrap_or_default();
            warn!(%channel, %key, %until, "key counts because a trusted one names it: add it with --trust-origin");
        }
    }

    /// Whose channel it is as far as this tracker knows: for while the registry is away.
    fn claim_in_memory(&self, record: &ChannelRecord) -> Claim {
        let view = self.roster.view();
        let known = view.channels.get(&record.presentation.channel);
        let owner = known.map(|known| known.record.presentation.key);
        let kept = |owner: &PublicKey| {
            let known = known.map(|known| &*known.record);
            registry::keeps(owner, known, record, &self.policy.trusted)
        };
        match owner.filter(kept) {
            Some(owner) => Claim::Owned(owner),
            None => Claim::Accepted,
        }
    }
}

/// Epochs only grow, and one that was ended does not begin again.
fn check_order(view: &View, offered: &Presentation, chain: &Chain) -> Result<(), Refused> {
    let Some(known) = view.channels.get(&offered.channel) else {
        let count = view.channels.len();
        return if count < MAX_CHANNELS {
            Ok(())
        } else {
            Err(Refused::TooManyChannels(count))
        };
    };
    let known = &known.record.presentation;
    let same_origin = known.key == offered.key || chain.follows(&known.key);
    if !same_origin || known.sequence >= offered.sequence {
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

/// How a presentation is heard, given what was heard before it.
fn heard(view: &View, offered: &Presentation, seen_from: IpAddr, now: u64) -> Heard {
    let before = view.channels.get(&offered.channel).map(|known| &*known.record);
    let seeding = Seeding::of(view, offered, now);
    let same = before.filter(|before| before.presentation.epoch == offered.epoch);
    let ended = same.and_then(|before| before.heard.ended);
    let followed = before.filter(|before| before.presentation.epoch < offered.epoch);
    let followed = followed.map(|before| Past {
        epoch: before.presentation.epoch,
        newest: before.presentation.newest,
    });
    let earlier = before.map_or(&[][..], |before| &before.heard.past);
    Heard {
        seen_from,
        at: now,
        seeds: seeding.seeds,
        since: seeding.since,
        silent: seeding.silent,
        ended: (!offered.state.is_on_air()).then(|| ended.unwrap_or(now)),
        past: followed
            .into_iter()
            .chain(earlier.iter().copied())
            .take(MAX_PAST)
            .collect(),
    }
}

fn seed(view: &View, id: BoxId, caller: &Caller) -> Option<Seed> {
    let record = &view.boxes.get(&id)?.record;
    let host = caller.host(&record.announcement.http, record.seen_from);
    Some(Seed {
        id,
        zmq: format!("tcp://{host}:{}", record.announcement.zmq_port),
    })
}
