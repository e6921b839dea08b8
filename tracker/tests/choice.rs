//! Whom viewers are sent to, in the small; `make simulate-tracker` does it in the large.

#[path = "../examples/choice/crowd.rs"]
mod crowd;

use crowd::{Plan, run};

const PLAN: Plan = Plan {
    boxes: 150,
    crowded: 0,
    crowd_seconds: 20,
    seconds: 60,
    boasting: 0,
    slow: 0,
    viewers: None,
};

#[test]
fn a_crowd_that_comes_at_once_overloads_nobody() {
    for seed in 1..=3 {
        let came = run(PLAN, seed);
        assert!(came.overloaded <= 0.015, "{came:?}");
        assert!(came.worst <= 1.25, "{came:?}");
        assert!(came.unserved == 0.0, "{came:?}");
        assert!(came.near > 0.1, "a tenth would be near by chance: {}", came.near);
        let is_ordered = |loads: &crowd::Loads| loads.median <= loads.p95 && loads.p95 <= loads.worst;
        assert!(
            came.loads
                .iter()
                .all(|loads| is_ordered(loads) && loads.all < 0.75)
        );
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

#[test]
fn boxes_that_boast_do_not_get_most_viewers() {
    let came = run(Plan { boasting: 15, ..PLAN }, 1);
    assert!(came.boasting < 0.25, "a tenth of all boxes: {}", came.boasting);
}

#[test]
fn slow_boxes_get_nobody_while_they_are_few_and_the_origin_helps_when_they_are_most() {
    let few = run(Plan { slow: 30, ..PLAN }, 1);
    assert!(few.slow == 0.0 && few.unserved == 0.0, "{few:?}");
    let most = run(Plan { slow: 90, ..PLAN }, 1);
    assert!((0.1..0.35).contains(&most.unserved), "{most:?}");
}
