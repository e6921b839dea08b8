//! HTTP: media for viewers, the proof that a tracker asks for, and a look inside for whoever runs the box.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use program::http::error;
use program::media::{Busy, Media, Meter};
use program::store::Store;
use program::window::SegmentName;
use wire::Version;
use wire::id::TrackKind;
use wire::key::SecretKey;
use wire::proof::{self, NONCE_BYTES, Proof};

use crate::budget::Uplink;
use crate::counts::Counts;
use crate::mesh::Mesh;

/// How long a viewer is held for a segment that a neighbour promised.
const PROMISED: Duration = Duration::from_millis(300);

/// The longest `Host` that is signed.
const MAX_AUTHORITY_BYTES: usize = 256;

/// What is served from.
#[derive(Clone)]
pub(crate) struct Surroundings {
    /// This box's key.
    pub(crate) secret: SecretKey,
    /// Where chunks are kept.
    pub(crate) store: Store,
    /// Where promised chunks come from.
    pub(crate) mesh: Mesh,
    /// What may be sent.
    pub(crate) uplink: Uplink,
    /// What viewers are sent.
    pub(crate) viewers: Meter,
    /// What is counted.
    pub(crate) counts: Counts,
}

/// Everything that a box answers.
pub(crate) fn routes(around: Surroundings) -> Router {
    let Surroundings {
        store,
        mesh,
        uplink,
        viewers,
        ..
    } = around.clone();
    let pacer = mesh.pacer();
    let door = {
        let pacer = pacer.clone();
        move |segment: &SegmentName| {
            let room = uplink.room_for_viewers(Instant::now());
            let is_sound = segment.track.kind() == TrackKind::Audio;
            let room = room.and_then(|()| pacer.room_for_viewers(is_sound));
            room.map_err(|retry_after| Busy { retry_after })
        }
    };
    let media = Media::new(store, viewers)
        .behind(Arc::new(door))
        .by_turns(Arc::new(pacer))
        .waiting(Arc::new(move |name| {
            let mesh = mesh.clone();
            Box::pin(async move {
                if mesh.wish(name).await {
                    PROMISED
                } else {
                    Duration::ZERO
                }
            })
        }));
    let own = Router::new()
        .route(&format!("{}{{nonce}}", proof::PATH), get(prove))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics))
        .with_state(around);
    media.routes().merge(own)
}

/// Signs a tracker's nonce and the address that it asked at: this box is where it says.
async fn prove(
    State(around): State<Surroundings>,
    Path(nonce): Path<String>,
    headers: HeaderMap,
) -> Response {
    let mut bytes = [0; NONCE_BYTES];
    if hex::decode_to_slice(&nonce, &mut bytes).is_err() {
        return error(StatusCode::BAD_REQUEST, "a nonce is 32 hexadecimal digits");
    }
    let authority = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(authority) = authority.filter(|host| host.len() <= MAX_AUTHORITY_BYTES) else {
        return error(
            StatusCode::BAD_REQUEST,
            "the Host of the request cannot be signed",
        );
    };
    let proof = Proof {
        version: Version,
        nonce: bytes,
        authority: authority.into(),
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/cose")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, proof.sign(&around.secret)).into_response()
}

/// The counters, in the text format of Prometheus.
async fn metrics(State(around): State<Surroundings>) -> Response {
    let held = Held {
        memory: around.store.bytes().await as u64,
        disk: around.store.disk_bytes().await as u64,
    };
    let text = text(&around, &held, Instant::now());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// Bytes of media here.
struct Held {
    memory: u64,
    disk: u64,
}

fn text(around: &Surroundings, held: &Held, now: Instant) -> String {
    let mut page = Page::default();
    let (neighbours, banned) = around.counts.neighbours();
    let (from_origins, from_neighbours) = around.counts.accepted();
    let uplink = &around.uplink;
    page.gauge("window_bytes", "Bytes of media in memory.", held.memory);
    page.gauge("disk_bytes", "Bytes of media on disk.", held.disk);
    page.gauge(
        "viewers",
        "Viewers that asked for media here lately, about.",
        around.viewers.viewers().into(),
    );
    page.gauge("neighbours", "Boxes connected.", neighbours);
    page.gauge(
        "upload_bits_per_second",
        "What may be sent.",
        uplink.rate().bits_per_second(),
    );
    page.gauge(
        "sending_bits_per_second",
        "What is sent now.",
        uplink.sending_bits_per_second(now),
    );
    page.counter(
        "viewer_bytes_total",
        "Media bytes sent to viewers.",
        &[("", around.viewers.bytes())],
    );
    page.counter(
        "neighbour_bytes_total",
        "Media bytes sent to boxes.",
        &[("", around.counts.neighbour_bytes())],
    );
    page.counter(
        "neighbours_banned_total",
        "Boxes banned for handing on forgeries.",
        &[("", banned)],
    );
    let accepted = [
        ("{from=\"origin\"}", from_origins),
        ("{from=\"neighbour\"}", from_neighbours),
    ];
    page.counter("chunks_accepted_total", "Chunks verified and stored.", &accepted);
    let refused = around.counts.refusals();
    let refused: Vec<(String, u64)> = refused
        .into_iter()
        .map(|(reason, count)| (format!("{{reason=\"{reason}\"}}"), count))
        .collect();
    let refused: Vec<(&str, u64)> = refused
        .iter()
        .map(|(labels, count)| (labels.as_str(), *count))
        .collect();
    page.counter("chunks_refused_total", "Chunks and seals refused.", &refused);
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.tell(name, help, "gauge", &[("", value)]);
    }

    fn counter(&mut self, name: &str, help: &str, values: &[(&str, u64)]) {
        self.tell(name, help, "counter", values);
    }

    fn tell(&mut self, name: &str, help: &str, kind: &str, values: &[(&str, u64)]) {
        let name = format!("boxmesh_box_{name}");
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(self.0, "{name}{labels} {value}");
        }
    }
}
