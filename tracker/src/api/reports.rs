//! Boxes tell of neighbours that hand on what no origin sealed.
//!
//! A report shows what was seen, not who sent it, so one alone makes the tracker have a look for itself. Whom it, or three
//! networks, find out is left out for a while.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use tracing::{debug, warn};
use wire::chunk::{MAX_SEAL_BYTES, Seal};
use wire::report::Report;
use wire::seal::Signed;

use super::App;
use super::asked;
use super::refusal::{Refused, check_clock};
use crate::clock::SECOND;
use crate::roster::News;

/// How far a report's clock may be from the tracker's, in milliseconds.
const MAX_AWAY: u64 = 10 * SECOND;

/// The reason that says that nobody holding the channel's keys signed the proof.
const FORGED: &str = "forged";

#[derive(Serialize)]
struct Heard {
    time: u64,
}

/// `POST /api/v1/reports`
pub(super) async fn report(State(app): State<Arc<App>>, body: Body) -> Response {
    let heard = async {
        let signed = asked::read(body, Report::MAX_BYTES).await?;
        app.take_report(&signed).await
    };
    let time = app.clock.now();
    match heard.await {
        Ok(()) => {
            app.metrics.reported("accepted");
            Json(Heard { time }).into_response()
        }
        Err(refused) => {
            debug!(reason = refused.reason(), why = %refused, "report refused");
            app.metrics.reported(refused.reason());
            refused.answer(time)
        }
    }
}

impl App {
    async fn take_report(&self, signed: &Bytes) -> Result<(), Refused> {
        let report = Report::open(signed)?;
        let now = self.clock.now();
        check_clock(report.at, now, MAX_AWAY, MAX_AWAY)?;
        let reporter = report.id();
        let view = self.roster.view();
        let known = view.boxes.get(&reporter).filter(|known| !known.is_ejected);
        let from = known.ok_or(Refused::Stranger(reporter))?.record.seen_from;
        if !self.reports.admit(reporter, now) {
            return Err(Refused::TooOften);
        }
        if report.reason == FORGED && self.is_genuine(&report.proof, now) {
            return Err(Refused::Unfounded);
        }
        let accused = report.accused;
        warn!(%reporter, %accused, reason = report.reason, "a box reports another");
        if view.boxes.contains_key(&accused) && !view.is_ejected(&accused) {
            self.roster.tell(News::Reported(accused, from)).await;
            if self.roster.view().is_ejected(&accused) {
                warn!(%accused, "box left out: three networks report it");
            } else {
                self.prober.suspect(accused);
            }
        }
        Ok(())
    }

    /// Whether the bytes are a seal that a key of its channel opens: then nobody forged it.
    fn is_genuine(&self, proof: &[u8], now: u64) -> bool {
        if proof.len() > MAX_SEAL_BYTES {
            return false;
        }
        let seal = Seal::new(Bytes::copy_from_slice(proof));
        let Ok(claimed) = seal.claimed() else {
            return false;
        };
        let view = self.roster.view();
        let channel = view.channels.get(&claimed.id.channel);
        channel.is_some_and(|channel| seal.open(&channel.record.keys(now)).is_ok())
    }
}
