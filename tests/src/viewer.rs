//! A viewer: the page in a real Chromium, driven through a small Node script.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::eventually::eventually;

/// Chromium's first start on a busy machine takes seconds.
const START_LIMIT: Duration = Duration::from_mins(1);
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// A page that somebody watches. The browser ends when this is dropped.
#[derive(Debug)]
pub struct Viewer {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
}

impl Viewer {
    /// Opens `url`, logging the page's console into `folder`.
    ///
    /// # Errors
    /// When Node, its packages or Chromium are missing, or the page does not load.
    pub async fn open(url: &str, folder: &Path) -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/viewer.mjs");
        let log = folder.join(format!("viewer-{:08x}.log", rand::random::<u32>()));
        let mut child = Command::new("node")
            .arg(script)
            .arg(url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log)?)
            .kill_on_drop(true)
            .spawn()
            .context("failed to start node")?;
        let commands = child.stdin.take().context("no stdin")?;
        let answers = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        let mut viewer = Self {
            child,
            commands,
            answers,
            log,
        };
        let ready = viewer.hear(START_LIMIT).await;
        ready.context("the browser did not start; `make test` installs what it needs")?;
        Ok(viewer)
    }

    /// What the viewer sees now.
    ///
    /// # Errors
    /// When the browser has gone.
    pub async fn state(&mut self) -> Result<Sight> {
        let answer = self.ask("state").await?;
        serde_json::from_str(&answer).with_context(|| answer)
    }

    /// Waits for `wanted` and returns the sight that had it.
    ///
    /// # Errors
    /// When it does not come, with what was seen last and the page's console.
    pub async fn until(
        &mut self,
        what: &str,
        limit: Duration,
        mut wanted: impl FnMut(&Sight) -> bool,
    ) -> Result<Sight> {
        let mut last = None;
        let found = eventually(what, limit, async || {
            let sight = self.state().await?;
            last = Some(sight.clone());
            Ok(wanted(&sight).then_some(sight))
        });
        let found = found.await;
        found.with_context(|| format!("last seen: {last:#?}\n{}", self.console()))
    }

    /// Waits until pictures are moving.
    ///
    /// # Errors
    /// When they are not in time.
    pub async fn plays(&mut self) -> Result<Sight> {
        let limit = Duration::from_secs(30);
        self.until("the first moving pictures", limit, |sight| {
            sight
                .video
                .as_ref()
                .is_some_and(|video| video.pictures > 5 && !video.paused)
                && sight.page.as_ref().is_some_and(|page| page.state == "playing")
        })
        .await
    }

    /// Waits until `span` more of the video has been shown. The limit leaves room for a
    /// stall, which is for the caller to judge.
    ///
    /// # Errors
    /// When playback stands still.
    pub async fn watches(&mut self, span: Duration) -> Result<Sight> {
        let from = self.state().await?.position();
        let limit = span * 2 + Duration::from_secs(10);
        self.until("the video to go on", limit, |sight| {
            sight.position() >= from + span.as_secs_f64()
        })
        .await
    }

    /// Saves a picture of the page.
    ///
    /// # Errors
    /// When the browser has gone or `path` cannot be written.
    pub async fn screenshot(&mut self, path: &Path) -> Result<()> {
        self.ask(&format!("screenshot {}", path.display())).await?;
        Ok(())
    }

    /// Goes to another page.
    ///
    /// # Errors
    /// When it does not load.
    pub async fn go_to(&mut self, url: &str) -> Result<()> {
        self.ask(&format!("open {url}")).await?;
        Ok(())
    }

    /// Presses what `selector` names, which has no spaces.
    ///
    /// # Errors
    /// When there is none on the page, or something lies over it.
    pub async fn click(&mut self, selector: &str) -> Result<()> {
        self.ask(&format!("click {selector}")).await?;
        Ok(())
    }

    /// Prefers `light` or `dark` from now on.
    ///
    /// # Errors
    /// When the browser has gone.
    pub async fn prefers(&mut self, colours: &str) -> Result<()> {
        self.ask(&format!("colours {colours}")).await?;
        Ok(())
    }

    /// The hosts, with their ports, that were asked for anything since this was asked last.
    ///
    /// # Errors
    /// When the browser has gone.
    pub async fn asked(&mut self) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Asked {
            hosts: Vec<String>,
        }
        let answer: Asked = serde_json::from_str(&self.ask("asked").await?)?;
        Ok(answer.hosts)
    }

    /// The serious and critical violations that axe-core finds on the page.
    ///
    /// # Errors
    /// When the browser has gone, or axe-core is not installed.
    pub async fn violations(&mut self) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Found {
            violations: Vec<String>,
        }
        let answer: Found = serde_json::from_str(&self.ask("axe").await?)?;
        Ok(answer.violations)
    }

    /// What the page has said on its console.
    pub fn console(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Closes the browser.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn close(mut self) -> Result<()> {
        self.commands.write_all(b"stop\n").await?;
        timeout(ANSWER_LIMIT, self.child.wait()).await??;
        Ok(())
    }

    async fn ask(&mut self, command: &str) -> Result<String> {
        self.commands.write_all(format!("{command}\n").as_bytes()).await?;
        let answer = self.hear(ANSWER_LIMIT).await;
        let answer = answer.with_context(|| format!("{command}\n{}", self.console()))?;
        if answer.starts_with(r#"{"error""#) {
            bail!("{command}: {answer}\n{}", self.console());
        }
        Ok(answer)
    }

    async fn hear(&mut self, limit: Duration) -> Result<String> {
        let line = timeout(limit, self.answers.next_line()).await;
        let line = line.context("the browser does not answer")??;
        line.with_context(|| format!("the browser ended\n{}", self.console()))
    }
}

/// What a viewer sees.
#[derive(Clone, Debug, Deserialize)]
pub struct Sight {
    /// What the page says about itself.
    pub page: Option<PageSight>,
    /// The video element.
    pub video: Option<VideoSight>,
    /// SHA-256 of the payload of each `mdat` that was given to the decoder, in order.
    pub media: Vec<String>,
    /// Whether the page is a secure context, which has WebCrypto.
    pub secure: bool,
    /// All that can be read on the page.
    pub text: String,
}

impl Sight {
    /// Where in the video it is, in seconds.
    pub fn position(&self) -> f64 {
        self.video.as_ref().map_or(0.0, |video| video.current_time)
    }

    /// What the page says about itself.
    ///
    /// # Panics
    /// When it is not our player.
    pub fn page(&self) -> &PageSight {
        self.page.as_ref().expect("the page has window.boxmesh")
    }
}

/// `window.boxmesh`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageSight {
    /// `loading`, `playing`, `waiting`, `away`, `off-air` or `error`.
    pub state: String,
    /// What it tells the viewer.
    pub message: String,
    /// Seconds behind live; none while that is not known.
    pub latency: Option<f64>,
    /// Interruptions after the first picture.
    pub stalls: Vec<Stall>,
    /// Media bytes by `serviceLocation`.
    pub bytes: BTreeMap<String, u64>,
    /// Refused segments by `serviceLocation`.
    pub refused: BTreeMap<String, u64>,
    /// Who is asked no more.
    pub banned: Vec<String>,
    /// Chunks whose seals were opened.
    pub verified_chunks: u64,
    /// Chunks that went to the decoder unopened.
    pub unverified_chunks: u64,
}

impl PageSight {
    /// Media bytes from boxes, and all media bytes.
    pub fn box_bytes(&self) -> (u64, u64) {
        let boxes = self.bytes.iter().filter(|(name, _)| name.starts_with("box-"));
        (boxes.map(|(_, bytes)| bytes).sum(), self.bytes.values().sum())
    }

    /// The longest interruption.
    pub fn longest_stall(&self) -> Duration {
        let longest = self.stalls.iter().map(|stall| stall.seconds).fold(0.0, f64::max);
        Duration::from_secs_f64(longest)
    }
}

/// An interruption.
#[derive(Clone, Debug, Deserialize)]
pub struct Stall {
    /// How long it was.
    pub seconds: f64,
}

/// The video element.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VideoSight {
    /// Seconds.
    pub current_time: f64,
    /// Whether it stands still by wish.
    pub paused: bool,
    /// Pictures decoded so far.
    pub pictures: u64,
    /// Width of the picture in pixels; 0 before there is one.
    pub width: u32,
    /// What the decoder complains about.
    pub error: Option<String>,
}
