//! What viewers and looks tell of boxes.

use super::*;
use crate::roster::Told;

fn told(n: u8, network: u8, told: Told) -> News {
    News::Told(box_id(n), [198, 51, network, 7].into(), told)
}

fn ten_boxes() -> State {
    let mut state = state();
    state.learn(presented(NOW, 0), NOW);
    for n in 0..10 {
        state.learn(heard(n, NOW), NOW);
        state.learn(proved(n), NOW);
    }
    state
}

#[test]
fn a_box_at_which_viewers_of_three_networks_failed_is_left_out_and_of_two_is_not() {
    let mut state = ten_boxes();
    for network in [1, 2, 1, 2] {
        state.learn(told(3, network, Told::Failed), NOW);
    }
    assert_eq!(carriers(&state, NOW), 10);
    state.learn(told(3, 3, Told::Failed), NOW);
    assert_eq!(carriers(&state, NOW), 9);
    let shown = state.view(NOW).boxes[&box_id(3)].clone();
    assert!(shown.why.is_some() && !shown.is_ejected);
    for n in 4..9 {
        for network in 1..4 {
            state.learn(told(n, network, Told::Failed), NOW);
        }
    }
    assert_eq!(carriers(&state, NOW), 7, "three of ten at most, whoever says so");
}

#[test]
fn what_a_box_may_send_is_seen_by_the_tracker_or_by_viewers_of_three_networks() {
    let mut state = ten_boxes();
    let seen = |state: &State, n| state.view(NOW).boxes[&box_id(n)].candidate.seen;
    assert_eq!(seen(&state, 1), 0, "its own word is none");
    for (network, rate) in [(1, 9), (2, 8)] {
        state.learn(told(1, network, Told::Served(rate)), NOW);
    }
    assert_eq!(seen(&state, 1), 0);
    state.learn(told(1, 3, Told::Served(7)), NOW);
    assert_eq!(seen(&state, 1), 7);
    state.learn(News::Timed(box_id(1), 20), NOW);
    assert_eq!(seen(&state, 1), 20);
    assert_eq!(seen(&state, 2), 0, "the witness");
}
