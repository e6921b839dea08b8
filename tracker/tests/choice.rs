//! Whom viewers are sent to, in the small; `make simulate-tracker` does it in the large.

#[path = "../examples/choice/crowd.rs"]
mod crowd;

use crowd::{Plan, run};

const PLAN: Plan = Plan {
    boxes: 150,
    crowded: 0,
    crowd_seconds: 20,
    seconds: 60,
    viewers: None,
};

#[test]
fn a_crowd_that_comes_at_once_overloads_nobody() {
    for seed in 1..=3 {
        let came = run(PLAN, seed);
        assert!(came.overloaded <= 0.015, "{came:?}");
        assert!(came.worst <= 1.25, "{came:?}");
        assert!(came.unserved == 0.0, "{came:?}");
    }
}

#[test]
fn boxes_of_one_network_get_few_viewers_however_many_they_are_and_whatever_they_say() {
    let came = run(
        Plan {
            crowded: 1000,
            ..PLAN
        },
        1,
    );
    assert!(came.crowded <= 0.05, "{came:?}");
    assert!(
        came.crowded > 0.0,
        "they serve well, and get their share: {came:?}"
    );
}
