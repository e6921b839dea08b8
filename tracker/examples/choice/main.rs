//! How well viewers are spread over boxes when a crowd comes at once. Prints a table, and draws the first row of it into the
//! file that is named, if one is; the same each time.

mod crowd;
mod plot;

use std::time::Instant;

use crowd::{Plan, run};

fn main() -> std::io::Result<()> {
    let mut drawn = std::env::args_os().nth(1);
    let plan = Plan {
        boxes: 300,
        crowded: 0,
        crowd_seconds: 60,
        seconds: 300,
        boasting: 0,
        slow: 0,
        viewers: None,
    };
    let boasting = Plan { boasting: 30, ..plan };
    let some_slow = Plan { slow: 60, ..plan };
    let most_slow = Plan { slow: 180, ..plan };
    let crowded = Plan {
        crowded: 1000,
        ..plan
    };
    let many = Plan {
        boxes: 10_000,
        viewers: Some(100_000),
        ..plan
    };
    println!(
        "| boxes | viewers | on overloaded boxes | worst load \
         | at one /24 | at boasting boxes | at slow boxes | near | at the origin | seconds |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (name, plan) in [
        ("300", plan),
        ("300, and 1,000 in one /24", crowded),
        ("300, a tenth of them boasting", boasting),
        ("300, 20 % of them slow", some_slow),
        ("300, 60 % of them slow", most_slow),
        ("10,000", many),
    ] {
        let started = Instant::now();
        let came = run(plan, 1);
        if let Some(file) = drawn.take() {
            let title = "300 boxes, a crowd within a minute: loads by what boxes can send";
            std::fs::write(file, plot::svg(title, &came.loads))?;
        }
        println!(
            "| {name} | {} | {:.2} % | {:.2} | {:.2} % | {:.2} % | {:.2} % | {:.1} % | {:.2} % | {:.1} |",
            came.viewers,
            came.overloaded * 100.0,
            came.worst,
            came.crowded * 100.0,
            came.boasting * 100.0,
            came.slow * 100.0,
            came.near * 100.0,
            came.unserved * 100.0,
            started.elapsed().as_secs_f64()
        );
    }
    Ok(())
}
