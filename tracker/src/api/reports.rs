//! Boxes tell of neighbours that hand on what no origin sealed. It is counted and said in the log, and condemns nobody
//! yet: a report shows what was seen, not who sent it.

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
        app.take_report(&signed)
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
    fn take_report(&self, signed: &Bytes) -> Result<(), Refused> {
        let report = Report::open(signed)?;
        let now = self.clock.now();
        check_clock(report.at, now, MAX_AWAY, MAX_AWAY)?;
        let reporter = report.id();
        if !self.roster.view().boxes.contains_key(&reporter) {
            return Err(Refused::Stranger(reporter));
        }
        if !self.reports.admit(reporter, now) {
            return Err(Refused::TooOften);
        }
        if report.reason == FORGED && self.is_genuine(&report.proof, now) {
            return Err(Refused::Unfounded);
        }
        warn!(%reporter, accused = %report.accused, reason = report.reason, "a box reports another");
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
