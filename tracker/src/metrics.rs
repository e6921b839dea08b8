//! What `/metrics` says, in the text format of Prometheus.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::roster::View;

/// Counts since the tracker started. Labels are words of ours only, so their number is bounded.
#[derive(Debug, Default)]
pub struct Metrics {
    manifests: AtomicU64,
    counts: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
}

const ANNOUNCEMENTS: &str = "announcements";
const LOOKS: &str = "looks";
const PRESENTATIONS: &str = "presentations";
const PROBES: &str = "probes";
const REDIRECTS: &str = "redirects";
const REPORTS: &str = "reports";

/// The longest code of a warning that becomes a label.
const MAX_CODE_BYTES: usize = 32;

impl Metrics {
    /// A manifest was served.
    pub fn manifest_served(&self) {
        self.manifests.fetch_add(1, Ordering::Relaxed);
    }

    /// An announcement came: `accepted`, `stale`, or the reason for its refusal.
    pub fn announced(&self, result: &'static str) {
        self.count(ANNOUNCEMENTS, result);
    }

    /// A presentation came: `accepted`, `stale`, or the reason for its refusal.
    pub fn presented(&self, result: &'static str) {
        self.count(PRESENTATIONS, result);
    }

    /// A box was asked for a proof: `proved`, or why not.
    pub fn probed(&self, result: &'static str) {
        self.count(PROBES, result);
    }

    /// A box reported another: `accepted`, or the reason for its refusal.
    pub fn reported(&self, result: &'static str) {
        self.count(REPORTS, result);
    }

    /// A box was looked at as a viewer would: `sound`, `bad`, `slow`, or `nothing` was there.
    pub fn looked(&self, result: &'static str) {
        self.count(LOOKS, result);
    }

    /// Media was asked of the tracker: sent on to a `box` or the `origin`, `missing`, or `limited`.
    pub fn redirected(&self, result: &'static str) {
        self.count(REDIRECTS, result);
    }

    fn count(&self, what: &'static str, result: &'static str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((what, result)).or_default() += 1;
    }

    /// Everything, with what the view shows.
    pub fn text(&self, view: &View, held: usize) -> String {
        let mut page = Page::default();
        let live = view.channels.values().filter(|channel| channel.live()).count();
        page.gauge(
            "boxes_alive",
            "Boxes heard of in the last 10 s.",
            view.boxes.len(),
        );
        page.gauge(
            "boxes_listed",
            "Boxes that viewers are sent to.",
            view.listed().count(),
        );
        let ejected = view.boxes.values().filter(|alive| alive.is_ejected).count();
        page.gauge(
            "boxes_ejected",
            "Boxes left out for what they handed on.",
            ejected,
        );
        page.gauge("channels_live", "Channels on air.", live);
        page.gauge(
            "registry_away",
            "1 while the registry does not answer.",
            usize::from(view.away),
        );
        page.gauge(
            "requests_held",
            "Requests held until there is what they ask for.",
            held,
        );
        page.warnings(view);
        page.head("manifests_total", "Manifests and playlists served.", "counter");
        page.line("manifests_total", "", self.manifests.load(Ordering::Relaxed));
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (what, help) in [
            (ANNOUNCEMENTS, "Announcements by what became of them."),
            (PRESENTATIONS, "Presentations by what became of them."),
            (PROBES, "Proofs asked of boxes by what came of them."),
            (REPORTS, "Reports of boxes by what became of them."),
            (LOOKS, "Looks at what boxes hand out by what came of them."),
            (
                REDIRECTS,
                "Media asked of the tracker by where it was sent on to.",
            ),
        ] {
            let name = format!("{what}_total");
            page.head(&name, help, "counter");
            for ((_, result), count) in counts.iter().filter(|((counted, _), _)| *counted == what) {
                page.line(&name, &format!("{{result=\"{result}\"}}"), *count);
            }
        }
        page.0
    }
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn gauge(&mut self, name: &str, help: &str, value: usize) {
        self.head(name, help, "gauge");
        self.line(name, "", value);
    }

    /// What is wrong with the streams on air. Origins choose the codes: few a channel, and none that is no word.
    fn warnings(&mut self, view: &View) {
        const NAME: &str = "channel_warnings";
        self.head(NAME, "1 for what is wrong with a channel's stream.", "gauge");
        for (channel, known) in view.channels.iter().filter(|(_, known)| known.live()) {
            let warnings = known.record.presentation.warnings.iter();
            let codes: BTreeSet<&str> = warnings.map(|warning| label(&warning.code)).collect();
            for code in codes {
                self.line(NAME, &format!("{{channel=\"{channel}\",code=\"{code}\"}}"), 1);
            }
        }
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let head = format!("# HELP boxmesh_tracker_{name} {help}\n# TYPE boxmesh_tracker_{name} {kind}\n");
        self.0.push_str(&head);
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        writeln!(self.0, "boxmesh_tracker_{name}{labels} {value}").expect("writing to a String cannot fail");
    }
}

fn label(code: &str) -> &str {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let is_word = !code.is_empty() && code.len() <= MAX_CODE_BYTES && code.bytes().all(allowed);
    if is_word { code } else { "other" }
}
