//! One run: tracker, origin and boxes as real processes, each on a host of its own, and a publisher.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tests::{
    eventually::until,
    mesh::client,
    node::{Node, Place, Program},
    plan::CHANNEL,
    process::STOP_LIMIT,
    publisher::Replay,
    status::{BoxStatus, Boxes, ChannelStatus, Channels},
};

use crate::{
    Lab,
    network::{Host, Network, Passed, Switch},
    plan::{BoxPlan, Plan},
    record::{self, Kept, LOGGED},
};

/// Where each kind of program is.
const TRACKER: u16 = 1;
const ORIGIN: u16 = 2;
const FIRST_BOX: u16 = 10;

const TRACKER_PORT: u16 = 8080;
const RTMP_PORT: u16 = 1935;

/// The publisher's: any will do within these walls.
const STREAM_KEY: &str = "a-key-for-the-lab";

/// All boxes announce within seconds; a busy machine takes longer to start them.
const LISTED_LIMIT: Duration = Duration::from_mins(2);
const LIVE_LIMIT: Duration = Duration::from_mins(1);

/// A box on its host.
pub(crate) struct Member {
    pub(crate) host: Host,
    pub(crate) node: Node,
    pub(crate) plan: BoxPlan,
}

/// A mesh under way. It ends when dropped.
pub(crate) struct Run {
    pub(crate) boxes: Vec<Member>,
    pub(crate) http: reqwest::Client,
    pub(crate) origin: Node,
    tracker: Node,
    origin_host: Host,
    hosts: Vec<Host>,
    started: usize,
    folder: TempDir,
    _publisher: Replay,
    _switch: Option<Switch>,
}

impl Run {
    /// Launches what `plan` says, waits until viewers could be sent to every box, and begins to publish the clip.
    pub(crate) async fn launch(lab: &mut Lab, plan: &Plan) -> Result<Self> {
        let folder = lab.settings.folder()?;
        let (network, clip) = (&mut lab.network, lab.clip.clone());
        let tracker_host = network.host(TRACKER, "tracker", None)?;
        let origin_host = network.host(ORIGIN, "origin", None)?;
        let tracker = start_tracker(&tracker_host, folder.path()).await?;
        let origin = start_origin(&origin_host, &tracker_host, plan.seeds, folder.path()).await?;
        let publish_to = SocketAddr::from((origin_host.address, RTMP_PORT));
        let (mut boxes, plan_loss) = (Vec::new(), plan.loss_percent);
        for (number, plan) in (0_u16..).zip(&plan.boxes) {
            let host = network.host(FIRST_BOX + number, &format!("box-{number}"), Some(plan.uplink))?;
            let name = format!("box-{number}");
            let node = start_box(&host, &tracker_host, plan, &name, folder.path()).await?;
            if plan_loss > 0 {
                network.lose(&host, plan_loss)?;
            }
            let plan = plan.clone();
            boxes.push(Member { host, node, plan });
        }
        let ends: Vec<&Host> = boxes.iter().map(|member| &member.host).collect();
        let hosts = [&ends[..], &[&tracker_host, &origin_host]].concat();
        let switch = if plan.round_trip.is_zero() {
            None
        } else {
            Some(network.set_apart(&hosts, plan.round_trip / 2)?)
        };
        let http = client()?;
        listed(&http, &tracker_host, boxes.len()).await?;
        let publisher = Replay::start(publish_to, STREAM_KEY, clip).await?;
        let started = boxes.len();
        let run = Self {
            boxes,
            http,
            origin,
            tracker,
            origin_host,
            hosts: vec![tracker_host],
            folder,
            started,
            _publisher: publisher,
            _switch: switch,
        };
        until("the channel to be on air", LIVE_LIMIT, async || {
            Ok(run.channel().await?.is_some_and(|channel| channel.newest >= 2))
        })
        .await?;
        Ok(run)
    }

    /// Ends everything and removes the hosts.
    pub(crate) fn end(mut self, network: &mut Network) -> Result<()> {
        let stopped = self.stop();
        let boxes = self.boxes.iter().map(|member| &member.host);
        network.remove(boxes.chain(&self.hosts).chain([&self.origin_host]));
        stopped
    }

    /// What passed at the origin and at each box.
    pub(crate) fn passed(&self, network: &Network) -> Result<(Passed, Vec<Passed>)> {
        let boxes = self.boxes.iter().map(|member| &member.host);
        let hosts: Vec<&Host> = boxes.chain([&self.origin_host]).collect();
        let mut passed = network.passed(&hosts)?;
        let origin = passed.pop().context("the origin is among them")?;
        Ok((origin, passed))
    }

    /// The chunks that the origin sealed, and those that each box kept, so far.
    pub(crate) fn records(&mut self) -> (Vec<Kept>, Vec<Vec<Kept>>) {
        let origin = record::read(&self.origin.process().stderr());
        let boxes = self.boxes.iter_mut();
        let boxes = boxes.map(|member| record::read(&member.node.process().stderr()));
        (origin, boxes.collect())
    }

    /// A box's process ends without a word.
    pub(crate) fn kill(&mut self, number: usize) -> Result<()> {
        let member = self.boxes.get_mut(number).context("no such box")?;
        Ok(member.node.process().kill()?)
    }

    /// Other boxes begin in the places of those that have ended.
    pub(crate) async fn replace_dead(&mut self) -> Result<()> {
        for member in &mut self.boxes {
            if member.node.process().ended()?.is_some() {
                let name = format!("box-{}", self.started);
                self.started += 1;
                let folder = self.folder.path();
                member.node = start_box(&member.host, &self.hosts[0], &member.plan, &name, folder).await?;
            }
        }
        Ok(())
    }

    /// What the tracker says about the channel.
    pub(crate) async fn channel(&self) -> Result<Option<ChannelStatus>> {
        let channels: Channels = get(&self.http, &self.tracker_url("/api/v1/channels")).await?;
        Ok(channels.channels.into_iter().find(|one| one.name == CHANNEL))
    }

    /// The boxes that viewers are sent to.
    pub(crate) async fn listed(&self) -> Result<Vec<BoxStatus>> {
        boxes(&self.http, &self.tracker_url("/api/v1/boxes")).await
    }

    /// A URL at the tracker.
    pub(crate) fn tracker_url(&self, path: &str) -> String {
        url(&self.hosts[0], path)
    }

    /// Whether everything still runs that should.
    pub(crate) fn all_running(&mut self) -> Result<()> {
        let boxes = self.boxes.iter_mut().map(|member| &mut member.node);
        for process in boxes
            .chain([&mut self.origin, &mut self.tracker])
            .map(Node::process)
        {
            if let Some(status) = process.ended()? {
                bail!("{} ended: {status}\n{}", process.name(), process.tail());
            }
        }
        Ok(())
    }

    /// All at once: sixty boxes that are waited for one by one take minutes.
    fn stop(&mut self) -> Result<()> {
        let asked = Instant::now();
        let boxes = self.boxes.iter_mut().map(|member| &mut member.node);
        let nodes = boxes.chain([&mut self.origin, &mut self.tracker]);
        let mut stopping: Vec<_> = nodes.map(Node::process).collect();
        for process in &mut stopping {
            process.terminate()?;
        }
        for process in &mut stopping {
            // The machine may be busier than the promise has it: who is late here is no fault of the mesh.
            if process
                .joined((STOP_LIMIT * 2).saturating_sub(asked.elapsed()))?
                .is_none()
            {
                process.kill()?;
            }
        }
        Ok(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("{error:#}");
        }
    }
}

async fn start_tracker(host: &Host, folder: &Path) -> Result<Node> {
    let arguments = vec![
        "--http".into(),
        format!("0.0.0.0:{TRACKER_PORT}"),
        "--trust-origin".into(),
        origin_key(folder).await?,
        "--allow-private-boxes".into(),
    ];
    Node::start_in(place(host), Program::Tracker, "tracker", arguments, folder).await
}

async fn start_origin(host: &Host, tracker: &Host, seeds: u8, folder: &Path) -> Result<Node> {
    let arguments = vec![
        "--tracker".into(),
        url(tracker, ""),
        "--data-dir".into(),
        origin_folder(folder),
        "--stream-key".into(),
        format!("{CHANNEL}={STREAM_KEY}"),
        "--rtmp".into(),
        format!("0.0.0.0:{RTMP_PORT}"),
        "--seeds".into(),
        seeds.to_string(),
        "--no-posters".into(),
    ];
    Node::start_in(place(host), Program::Origin, "origin", arguments, folder).await
}

async fn start_box(host: &Host, tracker: &Host, plan: &BoxPlan, name: &str, folder: &Path) -> Result<Node> {
    let mut arguments = Vec::from_iter(plan.fault.map(str::to_owned));
    arguments.extend([
        "join".to_owned(),
        url(tracker, ""),
        "--data-dir".into(),
        folder.join(name).to_string_lossy().into_owned(),
        "--upload".into(),
        format!("{}mbit", plan.uplink.0),
        // Homes are not on one network, though the lab's bridge is.
        "--no-lan".into(),
    ]);
    let place = Place {
        stand_in: plan.fault.map(|_| "stranger".to_owned()),
        ..place(host)
    };
    Node::start_in(place, Program::PeerBox, name, arguments, folder).await
}

async fn origin_key(folder: &Path) -> Result<String> {
    let mut command = Program::Origin.command()?;
    command.args(["key", "--data-dir", &origin_folder(folder)]);
    let output = tokio::process::Command::from(command).output().await?;
    if !output.status.success() {
        bail!("origin key: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn origin_folder(folder: &Path) -> String {
    folder.join("origin").to_string_lossy().into_owned()
}

fn place(host: &Host) -> Place {
    Place {
        namespace: Some(host.namespace.clone()),
        logged: Some(LOGGED.into()),
        stand_in: None,
    }
}

fn url(tracker: &Host, path: &str) -> String {
    format!("http://{}:{TRACKER_PORT}{path}", tracker.address)
}

async fn listed(http: &reqwest::Client, tracker: &Host, count: usize) -> Result<()> {
    let url = url(tracker, "/api/v1/boxes");
    let mut last = 0;
    let what = format!("{count} listed boxes");
    let listed = until(&what, LISTED_LIMIT, async || {
        last = boxes(http, &url).await?.len();
        Ok(last == count)
    });
    let listed = listed.await;
    listed.with_context(|| format!("the tracker lists {last}"))
}

async fn boxes(http: &reqwest::Client, url: &str) -> Result<Vec<BoxStatus>> {
    let boxes: Boxes = get(http, url).await?;
    Ok(boxes.boxes.into_iter().filter(|one| one.listed).collect())
}

async fn get<T: serde::de::DeserializeOwned>(http: &reqwest::Client, url: &str) -> Result<T> {
    let answer = http.get(url).send().await?.error_for_status()?;
    answer.json().await.with_context(|| url.to_owned())
}
