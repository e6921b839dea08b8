//! How well viewers are spread over boxes when a crowd comes at once. Prints a table; the same each time.

mod crowd;

use std::time::Instant;

use crowd::{Plan, run};

fn main() {
    let plan = Plan {
        boxes: 300,
        crowded: 0,
        crowd_seconds: 60,
        seconds: 300,
        viewers: None,
    };
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
        "| boxes | viewers | on overloaded boxes (at most 1.5 %) | worst load (at most 1.25) \
         | at one /24 (at most 5 %) | without a box | seconds |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, plan) in [
        ("300", plan),
        ("300, and 1,000 in one /24", crowded),
        ("10,000", many),
    ] {
        let started = Instant::now();
        let came = run(plan, 1);
        println!(
            "| {name} | {} | {:.2} % | {:.2} | {:.2} % | {:.2} % | {:.1} |",
            came.viewers,
            came.overloaded * 100.0,
            came.worst,
            came.crowded * 100.0,
            came.unserved * 100.0,
            started.elapsed().as_secs_f64()
        );
    }
}
