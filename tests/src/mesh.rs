//! A whole Boxmesh: trackers, an origin and boxes, each a real program on free ports of 127.0.0.1.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::{
    eventually::{eventually, until},
    manifest::Manifest,
    node::{Node, Place, Program},
    plan::{ANYWHERE, CHANNEL, Plan},
    process::{Process, STOP_LIMIT},
    publisher::{Clip, Encoder, Picture, Replay},
    status::{BoxStatus, Boxes, ChannelStatus, Channels},
};

/// Two announcements, and a probe, fit in here many times over.
const LISTED_LIMIT: Duration = Duration::from_secs(20);

/// After this long the trackers are stopped too, whoever is still talking to them.
const GOODBYE_LIMIT: Duration = Duration::from_millis(400);

/// A running mesh. It ends, and tells how it went, when dropped.
#[derive(Debug)]
pub struct Mesh {
    /// All trackers.
    pub trackers: Vec<Node>,
    /// The origin.
    pub origin: Option<Node>,
    /// All boxes, also those that were killed.
    pub boxes: Vec<Node>,
    /// Speaks HTTP to all of them.
    pub http: reqwest::Client,
    plan: Plan,
    folder: TempDir,
    stopped: bool,
}

impl Mesh {
    /// Launches `boxes` boxes round one tracker, the registry in memory.
    ///
    /// # Errors
    /// As [`Mesh::launch`].
    pub async fn of(boxes: usize) -> Result<Self> {
        Self::launch(Plan {
            boxes,
            ..Plan::default()
        })
        .await
    }

    /// Launches what `plan` says and waits until every box is listed for viewers.
    ///
    /// # Errors
    /// When a program does not come up, with the end of its log.
    pub async fn launch(plan: Plan) -> Result<Self> {
        let boxes = plan.boxes;
        let mut mesh = Self::prepare(plan)?;
        mesh.start_trackers().await?;
        mesh.start_origin().await?;
        for _ in 0..boxes {
            mesh.add_box(&[]).await?;
        }
        mesh.listed(boxes).await?;
        Ok(mesh)
    }

    /// A mesh in which nothing runs yet.
    ///
    /// # Errors
    /// When no temporary folder can be made.
    pub fn prepare(plan: Plan) -> Result<Self> {
        Ok(Self {
            trackers: Vec::new(),
            origin: None,
            boxes: Vec::new(),
            http: client()?,
            plan,
            folder: TempDir::with_prefix("boxmesh-")?,
            stopped: false,
        })
    }

    /// Starts the trackers, trusting this mesh's origin.
    ///
    /// # Errors
    /// When one does not come up.
    pub async fn start_trackers(&mut self) -> Result<()> {
        let key = self.origin_key().await?;
        for number in 0..self.plan.trackers {
            let http = if number == 0 {
                self.plan.tracker_http
            } else {
                ANYWHERE
            };
            let mut arguments = vec![
                "--http".into(),
                http.to_string(),
                "--trust-origin".into(),
                key.clone(),
            ];
            if let Some(redis) = &self.plan.redis {
                arguments.extend(["--redis".into(), redis.clone()]);
            }
            arguments.extend(self.plan.tracker_arguments.clone());
            let name = format!("tracker-{number}");
            let node = Node::start(Program::Tracker, &name, arguments, self.folder()).await?;
            self.trackers.push(node);
        }
        Ok(())
    }

    /// Starts the origin.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_origin(&mut self) -> Result<()> {
        let mut arguments = vec![
            "--rtmp".into(),
            self.plan.rtmp.to_string(),
            "--http".into(),
            ANYWHERE.to_string(),
            "--data-dir".into(),
            self.data_dir("origin"),
        ];
        for tracker in &self.trackers {
            arguments.extend(["--tracker".into(), tracker.url("")]);
        }
        if let Some(key) = &self.plan.stream_key {
            arguments.extend(["--stream-key".into(), format!("{CHANNEL}={key}")]);
        }
        arguments.extend(self.plan.origin_arguments.clone());
        let node = Node::start(Program::Origin, "origin", arguments, self.folder()).await?;
        self.origin = Some(node);
        Ok(())
    }

    /// Starts one more box with `extra` arguments and returns its number.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn add_box(&mut self, extra: &[&str]) -> Result<usize> {
        self.add(Place::default(), &[], extra).await
    }

    /// Starts one more box that does wrong: it is built with the feature `strangers` alone.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn add_stranger(&mut self, fault: &str, extra: &[&str]) -> Result<usize> {
        let place = Place {
            stand_in: Some("stranger".into()),
            ..Place::default()
        };
        self.add(place, &[fault], extra).await
    }

    async fn add(&mut self, place: Place, before: &[&str], extra: &[&str]) -> Result<usize> {
        let number = self.boxes.len();
        let name = format!("box-{number}");
        let mut arguments: Vec<String> = before.iter().map(|&one| one.to_owned()).collect();
        arguments.push("join".to_owned());
        arguments.extend(self.trackers.iter().map(|tracker| tracker.url("")));
        for kind in ["--http", "--zmq", "--p2p"] {
            arguments.extend([kind.to_owned(), ANYWHERE.to_string()]);
        }
        arguments.extend(["--data-dir".to_owned(), self.data_dir(&name)]);
        arguments.extend(extra.iter().map(|&one| one.to_owned()));
        let node = Node::start_in(place, Program::PeerBox, &name, arguments, self.folder()).await?;
        self.boxes.push(node);
        Ok(number)
    }

    /// The number of the box of that id.
    ///
    /// # Errors
    /// When it is none of ours.
    pub fn number_of(&self, id: &str) -> Result<usize> {
        let is_it = |one: &Node| one.greeting().id.as_deref() == Some(id);
        let found = self.boxes.iter().position(is_it);
        found.with_context(|| format!("no box of ours is {id}"))
    }

    /// Waits until the first tracker lists exactly `count` boxes.
    ///
    /// # Errors
    /// When it does not in time, with what it says instead.
    pub async fn listed(&self, count: usize) -> Result<()> {
        let mut last = Vec::new();
        let what = format!("{count} listed boxes");
        let waited = until(&what, LISTED_LIMIT, async || {
            last = self.listed_boxes(0).await?;
            Ok(last.len() == count)
        });
        let waited = waited.await;
        waited.with_context(|| format!("the tracker lists {last:?}"))
    }

    /// The boxes that tracker `number` lists for viewers.
    ///
    /// # Errors
    /// When the tracker does not answer as the protocol says.
    pub async fn listed_boxes(&self, number: usize) -> Result<Vec<BoxStatus>> {
        let boxes = self.boxes_of(number).await?;
        Ok(boxes.into_iter().filter(|one| one.listed).collect())
    }

    /// All boxes that tracker `number` knows.
    ///
    /// # Errors
    /// When the tracker does not answer as the protocol says.
    pub async fn boxes_of(&self, number: usize) -> Result<Vec<BoxStatus>> {
        let boxes: Boxes = self.get_json(&self.trackers[number].url("/api/v1/boxes")).await?;
        Ok(boxes.boxes)
    }

    /// What the first tracker says about [`CHANNEL`].
    ///
    /// # Errors
    /// When the tracker does not answer as the protocol says.
    pub async fn channel(&self) -> Result<Option<ChannelStatus>> {
        Ok(self.channels().await?.into_iter().find(|one| one.name == CHANNEL))
    }

    /// What the first tracker says about all channels.
    ///
    /// # Errors
    /// When the tracker does not answer as the protocol says.
    pub async fn channels(&self) -> Result<Vec<ChannelStatus>> {
        let url = self.trackers[0].url("/api/v1/channels");
        let channels: Channels = self.get_json(&url).await?;
        Ok(channels.channels)
    }

    /// The manifest that a new viewer gets from tracker `number`.
    ///
    /// # Errors
    /// When there is none.
    pub async fn manifest_of(&self, number: usize) -> Result<Manifest> {
        let url = self.trackers[number].url(&format!("/live/{CHANNEL}/manifest.mpd"));
        let answer = self.http.get(&url).send().await?.error_for_status()?;
        Manifest::parse(&url, &answer.text().await?)
    }

    /// The manifest that a new viewer gets.
    ///
    /// # Errors
    /// When there is none.
    pub async fn manifest(&self) -> Result<Manifest> {
        self.manifest_of(0).await
    }

    /// Waits until the manifest has `segments` whole segments in every track and names `boxes` boxes.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn on_air(&self, segments: u32, boxes: usize) -> Result<Manifest> {
        let what = format!("a manifest of {segments} segments from {boxes} boxes");
        let limit = Duration::from_secs(30) + Duration::from_secs(2) * segments;
        let mut last = None;
        let found = eventually(&what, limit, async || {
            let manifest = match self.manifest().await {
                Ok(manifest) => manifest,
                Err(error) => {
                    last = Some(format!("{error:#}"));
                    return Ok(None);
                }
            };
            let whole =
                manifest.tracks.len() == 2 && manifest.tracks.iter().all(|track| track.newest() >= segments);
            last = Some(format!("{manifest:?}"));
            Ok((whole && manifest.boxes().count() >= boxes).then_some(manifest))
        });
        let found = found.await;
        found.with_context(|| format!("the tracker says {last:?}"))
    }

    /// The origin, which has to be running.
    ///
    /// # Panics
    /// When it was never started.
    pub fn origin(&self) -> &Node {
        self.origin.as_ref().expect("the origin was started")
    }

    /// The stream key of [`CHANNEL`].
    ///
    /// # Panics
    /// When neither the plan nor the origin has one.
    pub fn stream_key(&self) -> String {
        let given = self.plan.stream_key.clone();
        given.unwrap_or_else(|| self.origin().greeting().stream_keys[CHANNEL].clone())
    }

    /// The URL that encoders push to, with `key` in it.
    pub fn push_url(&self, key: &str) -> String {
        format!("rtmp://{}/live/{key}", self.origin().address("rtmp"))
    }

    /// The page on which viewers watch.
    pub fn watch_url(&self) -> String {
        self.trackers[0].url(&format!("/watch/{CHANNEL}"))
    }

    /// Publishes with ffmpeg.
    ///
    /// # Errors
    /// When ffmpeg cannot be started.
    pub fn publish(&self) -> Result<Encoder> {
        let url = self.push_url(&self.stream_key());
        Encoder::start(&url, &Picture::default(), self.folder())
    }

    /// Publishes with the built-in publisher.
    ///
    /// # Errors
    /// When the origin will not have it.
    pub async fn replay(&self) -> Result<Replay> {
        let address = self.origin().address("rtmp");
        Ok(Replay::start(address, &self.stream_key(), Clip::built_in()).await?)
    }

    /// The origin's public key, made if there is none yet.
    ///
    /// # Errors
    /// When `origin key` fails.
    pub async fn origin_key(&self) -> Result<String> {
        let mut command = Program::Origin.command()?;
        command.args(["key", "--data-dir", &self.data_dir("origin")]);
        let output = tokio::process::Command::from(command).output().await?;
        if !output.status.success() {
            bail!("origin key: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Where the data folders and logs are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder of what was started under that name.
    pub fn data_dir(&self, name: &str) -> String {
        let folder: PathBuf = self.folder().join(name);
        folder.to_string_lossy().into_owned()
    }

    async fn get_json<T: serde::de::DeserializeOwned>(&self, url: &str) -> Result<T> {
        let answer = self.http.get(url).send().await?.error_for_status()?;
        let text = answer.text().await?;
        serde_json::from_str(&text).with_context(|| format!("{url} answered {text}"))
    }

    /// Stops boxes and origin, and a moment later, when they have said goodbye to them, the trackers.
    ///
    /// # Errors
    /// Naming each program that did not end by itself, in time and with success.
    pub fn stop(&mut self) -> Result<()> {
        self.stopped = true;
        let asked = Instant::now();
        let mut stopping = Vec::new();
        for process in self.boxes.iter_mut().chain(&mut self.origin).map(Node::process) {
            if process.ended()?.is_none() {
                process.terminate()?;
                stopping.push((process, asked));
            }
        }
        for (process, _) in &mut stopping {
            process.joined(GOODBYE_LIMIT.saturating_sub(asked.elapsed()))?;
        }
        for process in self.trackers.iter_mut().map(Node::process) {
            if process.ended()?.is_none() {
                process.terminate()?;
                stopping.push((process, Instant::now()));
            }
        }
        let complaints: Vec<String> = stopping
            .into_iter()
            .filter_map(
                |(process, asked)| match process.join(STOP_LIMIT.saturating_sub(asked.elapsed())) {
                    Ok(status) if status.success() => None,
                    Ok(status) => Some(format!("{} ended with {status}", process.name())),
                    Err(error) => Some(error.to_string()),
                },
            )
            .collect();
        if complaints.is_empty() {
            return Ok(());
        }
        bail!(complaints.join("; "))
    }

    /// Whether everything that was started still runs.
    ///
    /// # Errors
    /// Naming the first program that has ended, with the end of its log.
    pub fn all_running(&mut self) -> Result<()> {
        for process in self.processes() {
            if let Some(status) = process.ended()? {
                bail!("{} ended: {status}\n{}", process.name(), process.tail());
            }
        }
        Ok(())
    }

    fn processes(&mut self) -> impl Iterator<Item = &mut Process> {
        let boxes = self.boxes.iter_mut();
        let nodes = boxes.chain(self.origin.as_mut()).chain(&mut self.trackers);
        nodes.map(Node::process)
    }
}

impl Drop for Mesh {
    /// Whoever stopped it has heard how that went. Otherwise this is the end of a test: the logs are shown
    /// when it fails, and it fails when a program did not stop cleanly.
    fn drop(&mut self) {
        if self.stopped {
            return;
        }
        let verdict = self.stop();
        for process in self.processes() {
            eprintln!("{}", process.tail());
        }
        if let Err(error) = verdict {
            assert!(std::thread::panicking(), "{error:#}");
        }
    }
}

/// A client that waits for nobody longer than a test can bear.
///
/// # Errors
/// When no client can be made.
pub fn client() -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder().timeout(Duration::from_secs(10));
    Ok(builder.no_proxy().build()?)
}
