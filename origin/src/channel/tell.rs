//! What a channel tells: how its encoder does, its posters, the state that it is in.

use std::sync::Arc;
use std::time::Instant;

use tracing::{info, warn};
use wire::chunk::Chunk;
use wire::presentation::{State, Warning};

use super::on_air::keep;
use super::{Report, Task, Visit};
use crate::poster::Poster;
use crate::seal::Sealer;

impl Task {
    /// Looks after the encoder's health: what is new is logged, told to trackers and counted.
    pub(super) fn look(&mut self) {
        let Some(Visit { stream, .. }) = &mut self.publisher else {
            return;
        };
        let warnings = stream.warnings(Instant::now());
        self.channel
            .counts
            .encoders
            .tell(&self.channel.name, stream.vitals(), &warnings);
        if warnings == self.warnings {
            return;
        }
        for Warning { code, text } in &warnings {
            if !self.warnings.iter().any(|before| before.code == *code) {
                warn!(code, "{text}");
            }
        }
        for Warning { code, .. } in &self.warnings {
            if !warnings.iter().any(|still| still.code == *code) {
                info!(code, "the encoder's trouble is over");
            }
        }
        self.warnings = warnings;
        self.report();
    }

    /// Seals a poster and keeps it, if its epoch is still on air.
    pub(super) async fn show(&mut self, poster: Poster) {
        let publisher = self.publisher.as_ref().map(|visit| &visit.stream);
        let mut streams = publisher
            .into_iter()
            .chain(self.played.as_ref().map(|played| &played.stream));
        let on_air = streams.find_map(|stream| stream.on_air.as_ref());
        let Some(on_air) = on_air else {
            return;
        };
        let Sealer {
            secret,
            channel,
            epoch,
        } = &on_air.sealer;
        if poster.epoch != *epoch {
            return;
        }
        match Chunk::sealed_poster(secret, poster.facts(channel.clone()), &poster.jpeg) {
            Ok(chunk) => {
                keep(&self.channel.store, chunk).await;
                self.poster = poster.number;
                self.report();
            }
            Err(refusal) => warn!(%refusal, "no poster"),
        }
    }

    pub(super) fn enter(&mut self, state: State) {
        if self.state != state {
            self.state = state;
            self.since = Instant::now();
            self.report();
        }
    }

    /// Tells everybody how the channel stands, once there is something to tell of.
    pub(super) fn report(&self) {
        let Some(epoch) = self.epoch else { return };
        let report = Report {
            epoch,
            presentation: Arc::new(self.presentation.clone()),
            state: self.state,
            since: self.since,
            poster: self.poster,
            warnings: self.warnings.clone(),
            takedowns: self.takedowns.values().cloned().collect(),
        };
        self.channel.reports.send_replace(Some(report));
    }
}
