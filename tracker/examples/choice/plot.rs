//! The loads of boxes while a crowd comes, as an SVG that is read on light pages and dark ones.

use std::fmt::Write;

use crate::crowd::Loads;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 104.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 48.0;

/// The highest load that is drawn, and the goal.
const HIGHEST: f64 = 1.5;
const GOAL: f64 = 1.25;

/// Colours that keep their contrast follow the reader's; lines are told apart without them too.
const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #333 }
  .title { font-size: 15px; font-weight: 600 }
  .grid { stroke: #8886; stroke-width: 1 } .goal { stroke: #b7500f; stroke-width: 1.5; stroke-dasharray: 10 5 }
  .line { fill: none; stroke-width: 2 }
  .all { stroke: #777; stroke-dasharray: 1 3 } .median { stroke: #2f7d4f } .p95 { stroke: #2b6cb0; stroke-dasharray: 7 4 }
  .worst { stroke: #b7500f; stroke-dasharray: 2 4 }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .all { stroke: #aaa } .median { stroke: #6fcf97 } .p95 { stroke: #7ab8f5 }
    .worst, .goal { stroke: #f2a36b }
  }";

/// One of the lines: its name and class, and how high it is at a moment.
type Series = (&'static str, &'static str, fn(&Loads) -> f64);

const SERIES: [Series; 4] = [
    ("worst", "worst", |loads| loads.worst),
    ("95 % of boxes", "p95", |loads| loads.p95),
    ("all uplinks", "all", |loads| loads.all),
    ("half of boxes", "median", |loads| loads.median),
];

/// Draws what each second was like.
pub(crate) fn svg(title: &str, seconds: &[Loads]) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
         <title>{title}</title>\n<style>{STYLE}\n</style>\n"
    );
    text(&mut out, (LEFT, 24.0), "class=\"title\"", title);
    let end = WIDTH - RIGHT;
    for quarter in 0..=6 {
        let load = f64::from(quarter) * 0.25;
        let at = y(load);
        line(&mut out, &format!("M{LEFT} {at:.1}H{end}"), "grid");
        let percent = format!("{:.0} %", load * 100.0);
        text(&mut out, (LEFT - 8.0, at + 4.0), "text-anchor=\"end\"", &percent);
    }
    line(&mut out, &format!("M{LEFT} {:.1}H{end}", y(GOAL)), "goal");
    for minute in 0..=(seconds.len() / 60) {
        let at = (x(minute * 60, seconds.len()), HEIGHT - BOTTOM + 20.0);
        text(&mut out, at, "text-anchor=\"middle\"", &(minute * 60).to_string());
    }
    let middle = (f64::midpoint(LEFT, end), HEIGHT - 8.0);
    text(&mut out, middle, "text-anchor=\"middle\"", "seconds");
    let mut below = 0.0;
    for (name, class, of) in SERIES {
        let points = seconds.iter().enumerate();
        let path: Vec<String> = points
            .map(|(n, loads)| format!("{:.1} {:.1}", x(n, seconds.len()), y(of(loads))))
            .collect();
        let Some(last) = seconds.last() else { continue };
        line(
            &mut out,
            &format!("M{}", path.join("L")),
            &format!("line {class}"),
        );
        // Names keep their distance where lines do not.
        below = f64::max(below + 16.0, y(of(last)) + 4.0);
        text(&mut out, (end + 8.0, below), "", name);
    }
    out.push_str("</svg>\n");
    out
}

#[expect(clippy::cast_precision_loss, reason = "nobody waits for 2^52 seconds")]
fn x(second: usize, seconds: usize) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * second as f64 / seconds.max(1) as f64
}

fn y(load: f64) -> f64 {
    HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * load.min(HIGHEST) / HIGHEST
}

fn line(out: &mut String, path: &str, class: &str) {
    let _ = writeln!(out, "<path class=\"{class}\" d=\"{path}\"/>");
}

fn text(out: &mut String, (x, y): (f64, f64), attributes: &str, words: &str) {
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" {attributes}>{words}</text>");
}
