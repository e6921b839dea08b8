//! The plot of delay against the number of boxes: an SVG that is read on light pages and dark ones.

use std::fmt::Write;

/// One of the lines: its name, and how high it is at a point.
type Series = (&'static str, fn(&Point) -> f64);

/// What is drawn for one number of boxes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) boxes: usize,
    /// Milliseconds.
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 72.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 48.0;

/// Colours that keep their contrast follow the reader's; lines are told apart without them too.
const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #333 }
  .title { font-size: 15px; font-weight: 600 }
  .grid { stroke: #8886; stroke-width: 1 }
  .line { fill: none; stroke-width: 2.5 }
  .p50 { stroke: #2f7d4f } .p95 { stroke: #2b6cb0; stroke-dasharray: 7 4 } .p99 { stroke: #b7500f; stroke-dasharray: 2 4 }
  .dot { fill: #fff; stroke-dasharray: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd }
    .p50 { stroke: #6fcf97 } .p95 { stroke: #7ab8f5 } .p99 { stroke: #f2a36b }
    .dot { fill: #16181c }
  }";

/// Draws the points, which are in the order of their boxes.
pub(crate) fn svg(title: &str, points: &[Point]) -> String {
    let frame = Frame::round(points);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
         <title>{title}</title>\n<style>{STYLE}\n</style>\n"
    );
    text(&mut out, LEFT, 24.0, "class=\"title\"", title);
    for step in 0..=4 {
        let value = frame.highest * f64::from(step) / 4.0;
        let y = frame.y(value);
        let end = WIDTH - RIGHT;
        line(&mut out, &format!("M{LEFT} {y:.1}H{end}"), "grid");
        text(
            &mut out,
            LEFT - 8.0,
            y + 4.0,
            "text-anchor=\"end\"",
            &format!("{value:.0}"),
        );
    }
    text(&mut out, LEFT - 8.0, TOP - 10.0, "text-anchor=\"end\"", "ms");
    for point in points {
        let label = point.boxes.to_string();
        let at = HEIGHT - BOTTOM + 20.0;
        text(
            &mut out,
            frame.x(point.boxes),
            at,
            "text-anchor=\"middle\"",
            &label,
        );
    }
    let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
    text(&mut out, middle, HEIGHT - 8.0, "text-anchor=\"middle\"", "boxes");
    let series: [Series; 3] = [
        ("p50", |one| one.p50),
        ("p95", |one| one.p95),
        ("p99", |one| one.p99),
    ];
    for (name, of) in series {
        let at = |point: &Point| (frame.x(point.boxes), frame.y(of(point)));
        let path: Vec<String> = points
            .iter()
            .map(|point| format!("{:.1} {:.1}", at(point).0, at(point).1))
            .collect();
        if path.is_empty() {
            continue;
        }
        line(&mut out, &format!("M{}", path.join("L")), &format!("line {name}"));
        for point in points {
            let (x, y) = at(point);
            let value = of(point);
            let _ = writeln!(
                out,
                "<circle class=\"dot {name}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" stroke-width=\"2.5\">\
                 <title>{name}, {} boxes: {value:.0} ms</title></circle>",
                point.boxes
            );
        }
        if let Some(last) = points.last() {
            let (x, y) = at(last);
            text(
                &mut out,
                x + 10.0,
                y + 4.0,
                "",
                &format!("{name} {:.0}", of(last)),
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

/// What is where.
struct Frame {
    most: f64,
    highest: f64,
}

impl Frame {
    #[expect(clippy::cast_precision_loss, reason = "nobody runs 2^52 boxes")]
    fn round(points: &[Point]) -> Self {
        let most = points.iter().map(|point| point.boxes).max().unwrap_or(1) as f64;
        let highest = points.iter().map(|point| point.p99).fold(0.0, f64::max);
        // A multiple of 200 has a whole number at each of four lines.
        let highest = (highest / 200.0).ceil().max(1.0) * 200.0;
        Self { most, highest }
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody runs 2^52 boxes")]
    fn x(&self, boxes: usize) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * boxes as f64 / self.most
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.highest
    }
}

fn line(out: &mut String, path: &str, class: &str) {
    let _ = writeln!(out, "<path class=\"{class}\" d=\"{path}\"/>");
}

fn text(out: &mut String, x: f64, y: f64, attributes: &str, words: &str) {
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" {attributes}>{words}</text>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_percentile_of_every_point_is_in_the_picture() {
        let point = |boxes, p50, p95, p99| Point { boxes, p50, p95, p99 };
        let drawn = svg(
            "Delay",
            &[point(10, 100.0, 200.0, 300.0), point(60, 200.0, 300.0, 410.0)],
        );
        assert_eq!(drawn.matches("<circle").count(), 6);
        assert!(drawn.contains("p99 410") && drawn.contains(">600<"), "{drawn}");
        assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>\n"));
        assert!(svg("Nothing", &[]).contains("</svg>"));
    }
}
