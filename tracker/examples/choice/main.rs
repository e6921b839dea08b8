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
        slow: 0,
        viewers: None,
    };
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
        "| boxes | viewers | on overloaded boxes (at most 1.5 %) | worst load (at most 1.25) \
         | at one /24 (at most 5 %) | at slow boxes | at the origin | seconds |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (name, plan) in [
        ("300", plan),
        ("300, and 1,000 in one /24", crowded),
        ("300, 20 % of them slow", some_slow),
        ("300, 60 % of them slow", most_slow),
        ("10,000", many),
    ] {
        let started = Instant::now();
        let came = run(plan, 1);
        println!(
            "| {name} | {} | {:.2} % | {:.2} | {:.2} % | {:.2} % | {:.2} % | {:.1} |",
            came.viewers,
            came.overloaded * 100.0,
            came.worst,
            came.crowded * 100.0,
            came.slow * 100.0,
            came.unserved * 100.0,
            started.elapsed().as_secs_f64()
        );
    }
}
