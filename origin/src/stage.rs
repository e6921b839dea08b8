//! What all channels share, and how one of them is started.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use minicbor::bytes::ByteVec;
use program::folder::Folder;
use program::lifecycle::Lifecycle;
use program::media::Meter;
use program::store::Store;
use program::tracker::Tracker;
use tokio::sync::{mpsc, watch};
use wire::address::HttpBase;
use wire::id::{ChannelName, Epoch};
use wire::key::SecretKey;

use crate::channel::{Channel, Ordered};
use crate::counts::Counts;
use crate::epoch::Epochs;
use crate::ffmpeg::Ffmpeg;
use crate::filler::Filler;
use crate::ingest::Publisher;
use crate::ladder::LadderSettings;
use crate::poster::{self, Posters};
use crate::record::Recorder;
use crate::seed::Seeds;
use crate::settings::ChannelSettings;
use crate::tracker::{Choices, Clock, Teller};

/// Publishers that may wait for their channel.
const PUBLISHERS: usize = 2;

/// What all channels share.
pub(crate) struct Stage {
    pub(crate) trackers: Vec<Tracker>,
    pub(crate) http: HttpBase,
    pub(crate) secret: SecretKey,
    /// How that key came to follow the one that trackers trust.
    pub(crate) successions: Vec<ByteVec>,
    pub(crate) folder: Arc<Folder>,
    pub(crate) store: Store,
    pub(crate) meter: Meter,
    pub(crate) counts: Counts,
    pub(crate) seeds: Seeds,
    /// How long a channel waits for a publisher that went away.
    pub(crate) wait: Duration,
    /// What makes posters, if any are made.
    pub(crate) posters: Option<Ffmpeg>,
    /// What ladders are made of, but for their renditions.
    pub(crate) ladder: LadderSettings,
    pub(crate) recorder: Option<Recorder>,
    /// What plays into channels while no publisher does.
    pub(crate) fillers: HashMap<ChannelName, Filler>,
    /// What the settings say of single channels.
    pub(crate) channels: Vec<ChannelSettings>,
    /// Epochs that whoever runs the origin takes down.
    pub(crate) take_down: Vec<(ChannelName, Epoch)>,
}

impl Stage {
    /// Starts the tasks of a channel: its own, and one for each tracker that hears of it.
    pub(crate) fn open(
        &self,
        name: &ChannelName,
        Lifecycle { tasks, stop, .. }: &Lifecycle,
    ) -> mpsc::Sender<Publisher> {
        let (publishers, waiting) = mpsc::channel(PUBLISHERS);
        let (reports, news) = watch::channel(None);
        let (order, ordered) = watch::channel(Ordered::default());
        let order = Arc::new(order);
        let take_down = self.take_down.iter().filter(|(of, _)| of == name);
        let posters = self.posters.clone();
        let task = Channel {
            name: name.clone(),
            secret: self.secret.clone(),
            epochs: Epochs::recall(Arc::clone(&self.folder), name),
            store: self.store.clone(),
            reports,
            counts: self.counts.clone(),
            wait: self.wait,
            ladder: self.ladder_of(name),
            filler: self.fillers.get(name).cloned(),
            recorder: self.recorder.clone(),
            ordered,
            take_down: take_down.map(|(_, epoch)| *epoch).collect(),
            seeds: self.seeds.clone(),
            posters: posters.map(|ffmpeg| Posters::spawn(tasks, stop.clone(), ffmpeg, poster::EVERY)),
        };
        tasks.spawn(task.run(waiting, tasks.clone(), stop.clone()));
        let choices = Choices::of(self.trackers.len());
        for (place, tracker) in self.trackers.iter().enumerate() {
            let teller = Teller {
                tracker: tracker.clone(),
                place,
                choices: choices.clone(),
                channel: name.clone(),
                secret: self.secret.clone(),
                successions: self.successions.clone(),
                http: self.http.clone(),
                meter: self.meter.clone(),
                reports: news.clone(),
                ordered: order.clone(),
                introduced: false,
                seeds: self.seeds.clone(),
                clock: Clock::default(),
                parts: false,
            };
            tasks.spawn(teller.run(stop.clone()));
        }
        publishers
    }

    fn ladder_of(&self, name: &ChannelName) -> Option<LadderSettings> {
        let renditions = &self
            .channels
            .iter()
            .find(|channel| channel.name == *name)?
            .rendition;
        (!renditions.is_empty()).then(|| LadderSettings {
            renditions: renditions.clone(),
            ..self.ladder.clone()
        })
    }
}
