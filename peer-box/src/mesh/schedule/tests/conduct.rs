//! What becomes of neighbours that do not deliver.

use super::*;

#[test]
fn who_does_not_deliver_loses_its_place_for_longer_each_time() {
    let mut now = Instant::now();
    let mut schedule = with_neighbours(1..2);
    let mut rests = Vec::new();
    for chunk in 0..3 {
        told(&mut schedule, now, 1, chunk);
        assert_eq!(wants(&mut schedule, now).len(), 1);
        schedule.failed(now, neighbour(1), &id_of(chunk));
        let until = schedule.wakes_at().expect("it rests");
        rests.push((until - now).as_secs());
        now = until;
        schedule.unwanted(&id_of(chunk));
    }
    assert_eq!(rests, [1, 2, 4]);

    told(&mut schedule, now, 1, 9);
    assert_eq!(wants(&mut schedule, now).len(), 1);
    schedule.arrived(now, neighbour(1), &id_of(9), BYTES);
    schedule.stored(now, &id_of(9), &seal_of(&id_of(9)), BYTES);
    told(&mut schedule, now, 1, 10);
    assert_eq!(
        wants(&mut schedule, now).len(),
        1,
        "who delivers has its place back"
    );
}

#[test]
fn who_withholds_again_and_again_gives_its_place_to_another() {
    let mut now = Instant::now();
    let mut schedule = with_neighbours(1..3);
    let mut unanswered = 0;
    let left = (0..100).find_map(|chunk| {
        told(&mut schedule, now, 1, chunk);
        let actions = all(&mut schedule, now);
        unanswered += actions
            .iter()
            .filter(|action| matches!(action, Action::Want(..)))
            .count();
        now += Duration::from_secs(1);
        actions
            .into_iter()
            .find(|action| matches!(action, Action::Leave(_)))
    });
    assert_eq!(left, Some(Action::Leave(neighbour(1))));
    assert_eq!(unanswered, 4);
    told(&mut schedule, now, 1, 200);
    assert_eq!(wants(&mut schedule, now), [], "nothing more is asked of it");
    told(&mut schedule, now, 2, 200);
    assert_eq!(wants(&mut schedule, now).len(), 1, "who did nothing wrong stays");
}

#[test]
fn the_last_neighbour_keeps_its_place() {
    let mut now = Instant::now();
    let mut schedule = with_neighbours(1..2);
    let mut unanswered = 0;
    for chunk in 0..1000 {
        told(&mut schedule, now, 1, chunk);
        for action in all(&mut schedule, now) {
            assert!(!matches!(action, Action::Leave(_)), "after {unanswered} failures");
            unanswered += usize::from(matches!(action, Action::Want(..)));
        }
        now += Duration::from_secs(1);
    }
    assert!(unanswered > 4, "it is asked again: {unanswered}");
    schedule.joined(neighbour(2), []);
    let left = all(&mut schedule, now);
    assert!(left.contains(&Action::Leave(neighbour(1))), "{left:?}");
}

#[test]
fn who_promises_only_what_is_gone_gives_its_place_to_another() {
    let mut now = Instant::now();
    let mut schedule = with_neighbours(1..3);
    let mut asked = 0;
    for chunk in 0..60 {
        told(&mut schedule, now, 1, chunk);
        for action in all(&mut schedule, now) {
            match action {
                Action::Want(of, id) => {
                    asked += 1;
                    schedule.gone(now, of, &id);
                }
                Action::Leave(left) => {
                    assert_eq!(left, neighbour(1));
                    assert_eq!(asked, 20);
                    return;
                }
                _ => {}
            }
        }
        now += Duration::from_secs(1);
    }
    panic!("it keeps its place, asked {asked} times");
}
