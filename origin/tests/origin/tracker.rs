//! A tracker that a test speaks for: it remembers what it is told, and chooses the seeds it is given.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use program::lifecycle::{Lifecycle, now_ms};
use tokio::net::TcpListener;
use tokio::sync::watch;
use wire::presentation::{PATH, Presentation, PresentationReply, Seed, TakenDown};

const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Clone)]
pub(crate) struct Tracker {
    pub(crate) url: String,
    inner: Arc<Inner>,
}

struct Inner {
    seeds: Mutex<Vec<Seed>>,
    taken_down: Mutex<TakenDown>,
    heard: watch::Sender<Vec<Presentation>>,
}

impl Tracker {
    pub(crate) async fn start(lifecycle: &Lifecycle) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner {
            seeds: Mutex::default(),
            taken_down: Mutex::default(),
            heard: watch::Sender::default(),
        });
        let routes = Router::new()
            .route(PATH, post(hear))
            .with_state(Arc::clone(&inner));
        let Lifecycle { tasks, stop, .. } = lifecycle;
        program::http::serve(
            listener,
            routes,
            program::http::Limits::default(),
            tasks,
            stop.clone(),
        );
        Self { url, inner }
    }

    /// Chooses these boxes from now on.
    pub(crate) fn choose(&self, seeds: impl IntoIterator<Item = Seed>) {
        *self.inner.seeds.lock().unwrap() = seeds.into_iter().collect();
    }

    /// Orders this from now on.
    pub(crate) fn take_down(&self, what: TakenDown) {
        *self.inner.taken_down.lock().unwrap() = what;
    }

    /// The first presentation, of all that came and will come, that is as it should be.
    pub(crate) async fn hears(&self, what: &str, wanted: impl Fn(&Presentation) -> bool) -> Presentation {
        let mut heard = self.inner.heard.subscribe();
        let found = heard.wait_for(|heard| heard.iter().any(&wanted));
        let found = tokio::time::timeout(PATIENCE, found)
            .await
            .unwrap_or_else(|_| panic!("never heard {what}"));
        found
            .unwrap()
            .iter()
            .find(|presentation| wanted(presentation))
            .unwrap()
            .clone()
    }
}

async fn hear(State(inner): State<Arc<Inner>>, body: Bytes) -> Json<PresentationReply> {
    let presentation = Presentation::open(&body).unwrap();
    inner.heard.send_modify(|heard| {
        assert!(heard.iter().all(|earlier| {
            earlier.channel != presentation.channel || earlier.sequence < presentation.sequence
        }));
        heard.push(presentation);
    });
    Json(PresentationReply {
        time: now_ms(),
        seeds: inner.seeds.lock().unwrap().clone(),
        parts: false,
        taken_down: inner.taken_down.lock().unwrap().clone(),
    })
}
