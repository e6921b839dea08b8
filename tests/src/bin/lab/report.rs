//! What is printed: every figure of a run, and beside those that have one, the goal.

use tests::measure::goal::{AtLeast, AtMost};

use crate::measure::Figures;

/// What a run should show.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Goals {
    /// The 99th percentile of delay, in milliseconds.
    pub(crate) p99_ms: Option<f64>,
    /// Bytes moved ÷ ideal.
    pub(crate) moved_over_ideal: Option<f64>,
}

/// Goals met and missed so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    met: usize,
    missed: Vec<String>,
}

impl Tally {
    /// Prints a figure with its goal.
    pub(crate) fn judge(&mut self, what: &str, figure: AtMost) {
        println!("  {what:34} {figure}");
        self.note(what, figure.is_met());
    }

    /// The same for one that should not be small.
    pub(crate) fn judge_least(&mut self, what: &str, figure: AtLeast) {
        println!("  {what:34} {figure}");
        self.note(what, figure.is_met());
    }

    fn note(&mut self, what: &str, is_met: bool) {
        if is_met {
            self.met += 1;
        } else {
            self.missed.push(what.to_owned());
        }
    }

    /// Prints a figure that has a goal only sometimes.
    fn judge_or_print(&mut self, what: &str, figure: f64, goal: Option<f64>, unit: &'static str) {
        match goal {
            Some(goal) => self.judge(what, AtMost { figure, goal, unit }),
            None => println!("  {what:34} {figure:7.2} {unit}"),
        }
    }

    /// Prints how many goals were met; whether all were.
    pub(crate) fn conclude(&self) -> bool {
        let all = self.met + self.missed.len();
        println!("\n{} of {all} goals met.", self.met);
        for missed in &self.missed {
            println!("  missed: {missed}");
        }
        self.missed.is_empty()
    }
}

/// Prints the figures of a run.
#[expect(clippy::cast_precision_loss, reason = "bytes of a minute are far below 2^52")]
pub(crate) fn print(title: &str, figures: &Figures, goals: Goals, tally: &mut Tally) {
    println!("\n{title}, {} s", figures.span.as_secs());
    println!(
        "  {:34} {:7.3} %  ({} of {} not)",
        "delivered",
        figures.delivered_percent(),
        figures.missing,
        figures.expected
    );
    let missing = 100.0 - figures.delivered_percent();
    tally.judge(
        "not delivered",
        AtMost {
            figure: missing,
            goal: 0.0,
            unit: "%",
        },
    );
    println!("  {:34} {}", "delay from origin to box", figures.delays);
    tally.judge_or_print("  its p99", figures.delays.millis(99), goals.p99_ms, "ms");
    tally.judge_or_print(
        "bytes moved ÷ ideal",
        figures.moved_over_ideal,
        goals.moved_over_ideal,
        "",
    );
    println!(
        "  {:34} {:7.2} ",
        "  ÷ media without packets' headers", figures.moved_over_media
    );
    println!(
        "  {:34} {:7.2} MB, {:.2} of the stream",
        "bytes that left the origin",
        figures.origin_sent as f64 / 1e6,
        figures.origin_over_stream
    );
    println!(
        "  {:34} {:7.2} s",
        "processor time per delivered GB", figures.cpu_seconds_per_gigabyte
    );
    println!(
        "  {:34} {:7.1} %",
        "the machine's processors idle", figures.idle_percent
    );
}
