//! Posters are kept beside the media, and move nothing.

use super::super::samples::{poster, segment, video};
use super::super::{Refused, Verdict, Window};
use super::{after, has, insert_all};

/// A window of a stream that has posters.
fn window_with_posters(segments: u32) -> Window {
    let mut window = Window::default();
    for number in 1..=segments {
        insert_all(&mut window, segment(&video(number)), after(number));
        if number % 5 == 0 {
            insert_all(&mut window, vec![poster(number / 5)], after(number));
        }
    }
    window
}

#[test]
fn the_newest_few_posters_are_kept_and_older_ones_do_not_come_back() {
    let mut window = window_with_posters(50);
    let here = |window: &Window, number| window.chunk(poster(number).id()).is_some();
    assert!((1..=7).all(|number| !here(&window, number)));
    assert!((8..=10).all(|number| here(&window, number)));
    assert_eq!(window.insert(poster(10), after(50)), Ok(Verdict::Duplicate));
    assert_eq!(window.insert(poster(7), after(50)), Err(Refused::Stale));
    assert!(
        window.segment(&video(21)).is_some(),
        "what a poster says of its end makes nothing old"
    );
}

#[test]
fn posters_grow_old_with_the_media() {
    let mut window = window_with_posters(5);
    for number in 6..=40 {
        insert_all(&mut window, segment(&video(number)), after(number));
    }
    assert!(window.chunk(poster(1).id()).is_none());
    assert_eq!(window.insert(poster(1), after(40)), Err(Refused::Stale));
}

#[test]
fn what_is_whole_does_not_wait_for_posters() {
    let newest = |window: &Window| window.carried().first().map(|carried| carried.newest);
    assert_eq!(newest(&window_with_posters(50)), Some(50));

    let mut window = Window::default();
    insert_all(&mut window, vec![poster(1)], after(1));
    assert_eq!(newest(&window), None, "a poster alone is no stream");
}

#[test]
fn a_poster_that_comes_first_keeps_nothing_out() {
    let mut window = Window::default();
    // Two hours into the epoch.
    insert_all(&mut window, vec![poster(720)], after(3600));
    insert_all(&mut window, segment(&video(3600)), after(3600));
    assert!(has(&window, 3600));

    let absurd = poster(720 + 20);
    assert_eq!(window.insert(absurd, after(3600)), Err(Refused::TooFarAhead));
}
