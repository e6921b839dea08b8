//! The network falls into two halves for a while, and is healed: the half without the origin has to catch up.

use std::{collections::HashMap, time::Duration};

use ::tests::measure::goal::AtMost;
use anyhow::Result;

use crate::{Lab, measure::now, network::Side, plan::Plan, record::Kept, run::Run};

const SETTLE: Duration = Duration::from_secs(12);
const SPLIT: Duration = Duration::from_secs(10);
const AFTERWARDS: Duration = Duration::from_secs(30);

/// A mesh is whole while every chunk is everywhere after so long.
const IN_TIME: Duration = Duration::from_secs(2);

pub(crate) async fn measure(lab: &mut Lab) -> Result<()> {
    let count = usize::from(lab.settings.faulty);
    let plan = Plan::of(count, lab.settings.seeds);
    let mut run = Run::launch(lab, &plan).await?;
    tokio::time::sleep(SETTLE).await;
    for member in run.boxes.iter().skip(count / 2) {
        lab.network.plug(&member.host, Side::Away)?;
    }
    let split = now();
    tokio::time::sleep(SPLIT).await;
    for member in run.boxes.iter().skip(count / 2) {
        lab.network.plug(&member.host, Side::Home)?;
    }
    let healed = now();
    tokio::time::sleep(AFTERWARDS).await;
    let end = now();
    let (origin, boxes) = run.records();
    run.end(&mut lab.network)?;

    println!("\n{count} boxes, half of them cut off for {} s", SPLIT.as_secs());
    let until = end.saturating_sub(micros(IN_TIME) * 2);
    let whole = whole_from(&origin, &boxes, healed, until);
    lab.tally.judge(
        "whole again after the healing",
        AtMost {
            figure: seconds(whole.saturating_sub(healed)),
            goal: 3.0,
            unit: "s",
        },
    );
    let missed: Vec<&Kept> = origin
        .iter()
        .filter(|kept| (split..healed).contains(&kept.at))
        .collect();
    let caught_up = boxes.iter().filter(|kept| {
        let at: HashMap<&str, u64> = kept.iter().map(|kept| (kept.chunk.as_str(), kept.at)).collect();
        missed.iter().all(|chunk| at.contains_key(chunk.chunk.as_str()))
    });
    println!(
        "  {:34} {} of {count} boxes, after {} s",
        "had all that they had missed",
        caught_up.count(),
        seconds(end - healed).round()
    );
    Ok(())
}

/// From when on every chunk that was sealed was everywhere in time, looking from `from` to `until`.
fn whole_from(origin: &[Kept], boxes: &[Vec<Kept>], from: u64, until: u64) -> u64 {
    let arrivals: Vec<HashMap<&str, u64>> = boxes
        .iter()
        .map(|kept| kept.iter().map(|kept| (kept.chunk.as_str(), kept.at)).collect())
        .collect();
    let late = origin
        .iter()
        .filter(|kept| (from..until).contains(&kept.at))
        .filter(|sealed| {
            arrivals.iter().any(|at| {
                at.get(sealed.chunk.as_str())
                    .is_none_or(|at| at.saturating_sub(sealed.at) > micros(IN_TIME))
            })
        });
    late.map(|sealed| sealed.at + 1).max().unwrap_or(from)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a run")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mesh_is_whole_from_the_last_chunk_on_that_was_late_somewhere() {
        let kept = |at, chunk: &str| Kept {
            at,
            chunk: chunk.into(),
            bytes: 1,
        };
        let second = 1_000_000;
        let origin = [
            kept(0, "a"),
            kept(second, "b"),
            kept(2 * second, "c"),
            kept(3 * second, "d"),
        ];
        let boxes = [
            vec![
                kept(1, "a"),
                kept(second, "b"),
                kept(9 * second, "c"),
                kept(3 * second, "d"),
            ],
            vec![
                kept(1, "a"),
                kept(second, "b"),
                kept(2 * second, "c"),
                kept(3 * second, "d"),
            ],
        ];
        assert_eq!(whole_from(&origin, &boxes, 0, 4 * second), 2 * second + 1);
        assert_eq!(whole_from(&origin, &boxes, 0, 2 * second), 0);
    }
}
