//! HTTP: the window for viewers whom no box could serve, and a look inside for whoever runs the origin.

use std::fmt::Write;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use program::media::{Media, Meter};
use program::store::Store;

use crate::counts::Counts;

/// Everything that the origin answers.
pub(crate) fn routes(store: Store, meter: Meter, counts: Counts) -> Router {
    let media = Media::new(store.clone(), meter.clone()).routes();
    let metrics = move || {
        let (store, meter, counts) = (store.clone(), meter.clone(), counts.clone());
        async move { metrics(store.bytes().await, &meter, &counts) }
    };
    media
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics))
}

/// The counters, in the text format of Prometheus.
fn metrics(window_bytes: usize, meter: &Meter, counts: &Counts) -> Response {
    let mut text = String::new();
    let mut tell = |name: &str, kind: &str, help: &str, value: u64| {
        let name = format!("boxmesh_origin_{name}");
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
        );
    };
    let gauge = "gauge";
    tell(
        "channels_live",
        gauge,
        "Channels with a publisher.",
        counts.channels_live.get(),
    );
    tell(
        "window_bytes",
        gauge,
        "Bytes of media in memory.",
        window_bytes as u64,
    );
    tell(
        "viewers",
        gauge,
        "Viewers that asked for media here lately, about.",
        meter.viewers().into(),
    );
    tell("seeds", gauge, "Boxes that are pushed to.", counts.seeds.get());
    let counter = "counter";
    tell(
        "chunks_sealed_total",
        counter,
        "Chunks sealed.",
        counts.chunks_sealed.get(),
    );
    tell(
        "viewer_bytes_total",
        counter,
        "Media bytes sent to viewers.",
        meter.bytes(),
    );
    tell(
        "seed_bytes_total",
        counter,
        "Media bytes sent to seeds.",
        counts.seed_bytes.get(),
    );
    tell(
        "seed_receipts_total",
        counter,
        "Receipts of seeds.",
        counts.seed_receipts.get(),
    );
    tell(
        "seed_refusals_total",
        counter,
        "Chunks that seeds refused.",
        counts.seed_refusals.get(),
    );
    tell(
        "seeds_given_up_total",
        counter,
        "Seeds given up as silent or slow.",
        counts.seeds_silent.get(),
    );
    let refused = counts.publishers_refused.get();
    tell(
        "publishers_refused_total",
        counter,
        "Publishers whose stream was of no use.",
        refused,
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
