//! HTTP: the window for viewers whom no box could serve, and a look inside for whoever runs the origin.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use program::media::{Media, Meter};
use program::store::Store;
use wire::id::ChannelName;

use crate::counts::{Counts, Encoder};
use crate::health::Vitals;

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
    let (window_bytes, viewers) = (window_bytes as u64, u64::from(meter.viewers()));
    let gauges = [
        (
            "channels_live",
            "Channels with a publisher.",
            counts.channels_live.get(),
        ),
        ("window_bytes", "Bytes of media in memory.", window_bytes),
        (
            "viewers",
            "Viewers that asked for media here lately, about.",
            viewers,
        ),
        ("seeds", "Boxes that are pushed to.", counts.seeds.get()),
    ];
    let counters = [
        (
            "chunks_sealed_total",
            "Chunks sealed.",
            counts.chunks_sealed.get(),
        ),
        (
            "viewer_bytes_total",
            "Media bytes sent to viewers.",
            meter.bytes(),
        ),
        (
            "seed_bytes_total",
            "Media bytes sent to seeds.",
            counts.seed_bytes.get(),
        ),
        (
            "seed_receipts_total",
            "Receipts of seeds.",
            counts.seed_receipts.get(),
        ),
        (
            "seed_refusals_total",
            "Chunks that seeds refused.",
            counts.seed_refusals.get(),
        ),
        (
            "seeds_given_up_total",
            "Seeds given up as silent, slow or worse.",
            counts.seeds_silent.get(),
        ),
        (
            "connections_refused_total",
            "RTMP connections that ended before they published anything.",
            counts.connections_refused.get(),
        ),
        (
            "wrong_keys_total",
            "Connections with a wrong stream key.",
            counts.wrong_keys.get(),
        ),
        (
            "publishers_refused_total",
            "Publishers whose channel was taken, or whose stream was of no use.",
            counts.publishers_refused.get(),
        ),
    ];
    let gauges = gauges.map(|gauge| ("gauge", gauge));
    let mut text = String::new();
    for (kind, (name, help, value)) in gauges
        .into_iter()
        .chain(counters.map(|counter| ("counter", counter)))
    {
        let name = format!("boxmesh_origin_{name}");
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
        );
    }
    encoders(&mut text, &counts.encoders.all());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// A gauge: its name, what it is, how it is read.
type Gauge<'a> = (&'a str, &'a str, &'a dyn Fn(&Vitals) -> Option<f64>);

/// How the encoders do, channel by channel.
fn encoders(text: &mut String, encoders: &BTreeMap<ChannelName, Encoder>) {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    let drift = |ms: Option<i64>| {
        ms.and_then(|ms| i32::try_from(ms).ok())
            .map(|ms| f64::from(ms) / 1000.0)
    };
    let gauges: [Gauge; 5] = [
        ("bits_per_second", "Bitrate of the encoder.", &|vitals| {
            u32::try_from(vitals.bits_per_second).ok().map(f64::from)
        }),
        ("frames_per_second", "Pictures in a second.", &|vitals| {
            Some(vitals.frames_per_second)
        }),
        (
            "keyframe_interval_seconds",
            "From keyframe to keyframe.",
            &|vitals| seconds(vitals.keyframe_interval),
        ),
        (
            "behind_wall_seconds",
            "How far media has fallen behind the clock.",
            &|vitals| drift(vitals.clocks.behind_wall_ms),
        ),
        (
            "sound_behind_seconds",
            "How far sound has fallen behind pictures.",
            &|vitals| drift(vitals.clocks.sound_behind_ms),
        ),
    ];
    // Writing to a String cannot fail.
    for (name, help, value) in gauges {
        let name = format!("boxmesh_origin_encoder_{name}");
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (channel, encoder) in encoders {
            if let Some(value) = value(&encoder.vitals) {
                let _ = writeln!(text, "{name}{{channel=\"{channel}\"}} {value}");
            }
        }
    }
    let name = "boxmesh_origin_encoder_trouble";
    let _ = writeln!(
        text,
        "# HELP {name} What is wrong with the encoder.\n# TYPE {name} gauge"
    );
    for (channel, encoder) in encoders {
        for code in &encoder.troubles {
            let _ = writeln!(text, "{name}{{channel=\"{channel}\",code=\"{code}\"}} 1");
        }
    }
}
