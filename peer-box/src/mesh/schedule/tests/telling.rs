//! Who is told of a chunk, when, and what is done when it does not come after all.

use super::*;

#[test]
fn a_neighbour_hears_of_a_chunk_once_and_not_of_what_it_told() {
    let now = Instant::now();
    let mut schedule = with_neighbours(1..3);
    told(&mut schedule, now, 1, 0);
    wants(&mut schedule, now);
    schedule.arrived(now, neighbour(1), &id_of(0), BYTES);
    schedule.stored(now, &id_of(0), &seal_of(&id_of(0)), BYTES);
    schedule.stored(now, &id_of(0), &seal_of(&id_of(0)), BYTES);
    assert_eq!(all(&mut schedule, now), [Action::Done(neighbour(1), id_of(0))]);
    let soon = schedule.wakes_at().expect("neighbours are to hear of it");
    let told = [Action::Have(neighbour(2), vec![seal_of(&id_of(0))])];
    assert_eq!(all(&mut schedule, soon), told);
}

#[test]
fn who_leaves_a_channel_hears_nothing_of_it_and_who_takes_it_again_of_all_that_is_here() {
    let now = Instant::now();
    let mut schedule = schedule();
    let held = |chunk| (id_of(chunk), seal_of(&id_of(chunk)));
    let left = BTreeSet::from([id_of(0).channel]);
    schedule.joined(neighbour(1), []);
    assert_eq!(schedule.leaves(neighbour(1), left.clone()), BTreeSet::new());
    schedule.stored(now, &id_of(0), &seal_of(&id_of(0)), BYTES);
    schedule.tell_again(neighbour(1), vec![held(0)]);
    assert_eq!(all(&mut schedule, now + COMPANY), []);

    let other = BTreeSet::from(["another".parse().unwrap()]);
    assert_eq!(schedule.leaves(neighbour(1), other), left, "it takes it again");
    schedule.tell_again(neighbour(1), vec![held(1), held(0)]);
    let told = [Action::Have(
        neighbour(1),
        vec![seal_of(&id_of(1)), seal_of(&id_of(0))],
    )];
    assert_eq!(all(&mut schedule, now + COMPANY), told);
}

#[test]
fn haves_are_bounded_and_what_comes_up_meanwhile_goes_together() {
    let now = Instant::now();
    let mut schedule = schedule();
    let window = (0..1000)
        .rev()
        .map(|chunk| (id_of(chunk), seal_of(&id_of(chunk))));
    schedule.joined(neighbour(1), window);
    let batches = all(&mut schedule, now);
    assert_eq!(batches.len(), 4);
    let Action::Have(_, newest) = &batches[0] else {
        panic!("{batches:?}")
    };
    assert_eq!(newest.len(), MAX_HAVE);
    assert_eq!(newest[0], seal_of(&id_of(999)));

    schedule.stored(now, &id_of(1000), &seal_of(&id_of(1000)), BYTES);
    assert_eq!(all(&mut schedule, now + COMPANY), []);
    schedule.heard(neighbour(1));
    let next = all(&mut schedule, now);
    let [Action::Have(_, seals)] = &next[..] else {
        panic!("{next:?}")
    };
    assert_eq!(seals[0], seal_of(&id_of(1000)), "what is new goes first");
}

/// Neighbour 1 promised chunk 0 and has given the first part of it.
fn with_one_coming(now: Instant, neighbours: std::ops::Range<u8>) -> Schedule {
    let mut schedule = with_neighbours(neighbours);
    told(&mut schedule, now, 1, 0);
    assert_eq!(wants(&mut schedule, now), [(neighbour(1), id_of(0))]);
    schedule.comes(now, neighbour(1), &id_of(0));
    schedule
}

#[test]
fn a_chunk_is_told_of_with_its_first_part_and_given_while_it_comes() {
    let now = Instant::now();
    let mut schedule = with_one_coming(now, 1..3);
    let have = Action::Have(neighbour(2), vec![seal_of(&id_of(0))]);
    assert_eq!(all(&mut schedule, now + COMPANY), std::slice::from_ref(&have));
    assert!(!schedule.holds(&id_of(0)) && schedule.awaits(&id_of(0)));
    assert_eq!(schedule.wanted(now, neighbour(2), &id_of(0), BYTES), Turn::Now);
    assert_eq!(
        schedule.wanted(now, neighbour(1), &id_of(0), BYTES),
        Turn::Busy,
        "it comes from there"
    );
    schedule.joined(neighbour(3), []);
    assert!(matches!(&all(&mut schedule, now)[..], [Action::Have(to, _)] if *to == neighbour(3)));

    schedule.stored(now, &id_of(0), &seal_of(&id_of(0)), BYTES);
    assert!(schedule.holds(&id_of(0)) && !schedule.awaits(&id_of(0)));
    assert_eq!(
        all(&mut schedule, now + 2 * COMPANY),
        [],
        "nobody hears of it twice"
    );
}

#[test]
fn who_cannot_send_one_copy_in_time_tells_of_a_chunk_late_and_only_those_who_lack_it_then() {
    let now = Instant::now();
    let limits = Limits {
        uplink: 100_000,
        ..Limits::default()
    };
    let mut schedule = Schedule::new(limits, StdRng::seed_from_u64(1));
    for number in 1..4 {
        schedule.joined(neighbour(number), []);
    }
    told(&mut schedule, now, 1, 0);
    assert_eq!(wants(&mut schedule, now), [(neighbour(1), id_of(0))]);
    schedule.comes(now, neighbour(1), &id_of(0));
    told(&mut schedule, now, 2, 0);
    assert_eq!(all(&mut schedule, now + COMPANY), []);
    schedule.stored(now, &id_of(0), &seal_of(&id_of(0)), BYTES);
    let have = Action::Have(neighbour(3), vec![seal_of(&id_of(0))]);
    assert_eq!(all(&mut schedule, now + LATE), [have]);
}

#[test]
fn who_hands_nothing_on_in_time_is_served_after_the_others_by_its_own_word() {
    let now = Instant::now();
    let mut schedule = with_neighbours(1..4);
    schedule.give_first(BTreeSet::from([1, 2, 3].map(neighbour)));
    schedule.stored(now, &id_of(0), &seal_of(&id_of(0)), BYTES);
    assert_eq!(schedule.wanted(now, neighbour(1), &id_of(0), BYTES), Turn::Now);
    for (number, hands_on) in [(2, false), (3, true)] {
        schedule.says_that_it_hands_on(neighbour(number), hands_on);
        assert!(schedule.worth_of(neighbour(number), &id_of(0)).only_takes != hands_on);
        schedule.wanted(now, neighbour(number), &id_of(0), BYTES);
    }
    schedule.done(neighbour(1), &id_of(0));
    let next = all(&mut schedule, now).into_iter();
    let served: Vec<_> = next
        .filter(|action| matches!(action, Action::Serve(..)))
        .collect();
    assert_eq!(served, [Action::Serve(neighbour(3), id_of(0))]);
}

#[test]
fn what_comes_no_further_is_soon_asked_of_another_for_the_rest() {
    let now = Instant::now();
    let mut schedule = with_one_coming(now, 1..3);
    told(&mut schedule, now, 2, 0);
    let later = now + Duration::from_millis(100);
    schedule.comes(later, neighbour(1), &id_of(0));
    let (at, second) = next_wants(&mut schedule, later);
    assert_eq!(second, [(neighbour(2), id_of(0))]);
    let waited = at - later;
    assert!(
        waited < Duration::from_millis(250),
        "{waited:?} after the last part"
    );
}

#[test]
fn what_was_coming_and_does_not_is_sought_and_told_of_again() {
    let now = Instant::now();
    let mut schedule = with_one_coming(now, 1..3);
    all(&mut schedule, now + COMPANY);
    schedule.left(neighbour(1));
    assert!(!schedule.awaits(&id_of(0)));
    assert_eq!(all(&mut schedule, now), [Action::Seek(neighbour(2), id_of(0))]);

    let mut other = with_neighbours(1..3);
    told(&mut other, now, 1, 0);
    other.stored(now, &id_of(0), &seal_of(&id_of(0)), BYTES);
    other.heard(neighbour(2));
    all(&mut other, now + COMPANY);
    other.sought(neighbour(1), &id_of(0));
    let have = Action::Have(neighbour(1), vec![seal_of(&id_of(0))]);
    assert_eq!(all(&mut other, now), [have]);
    other.sought(neighbour(1), &id_of(0));
    assert_eq!(all(&mut other, now), [], "whoever asks again hears nothing new");
}
