//! Sets of hours, however they are merged and carried.

use proptest::prelude::*;

use super::*;

fn place(number: usize) -> Place {
    Place { account: format!("{number:012}"), region: "eu-west-1".into() }
}

fn seen(hours: &[Hour], kind: Kind) -> Seen {
    let mut seen = Seen { regional: true, ..Seen::default() };
    for hour in hours {
        let (day, hour) = split(*hour);
        let mut bits = Day::default();
        bits.set(kind, hour);
        seen.hours.add(day, bits);
    }
    seen
}

#[test]
fn hours_come_back_within_any_range() {
    let hours = [-25, -24, -1, 0, 23, 24, 1_000_000];
    let all = seen(&hours, Kind::Reads).hours;
    let of = |range| all.of(Kind::Reads, range).collect::<Vec<_>>();
    assert_eq!(of(i64::MIN..i64::MAX), hours);
    assert_eq!(of(-24..24), [-24, -1, 0, 23]);
    assert_eq!(all.of(Kind::Reads, -24..24).next_back(), Some(23));
    assert_eq!(of(5..5), [0; 0]);
    assert_eq!(all.of(Kind::Files, i64::MIN..i64::MAX).count(), 0);
    let mut coverage = Coverage::default();
    coverage.add(place(1), &seen(&[5, 30], Kind::Files));
    coverage.add(place(2), &seen(&[40], Kind::Events));
    let since = |hour| coverage.read_since(start_of(hour)).len();
    assert_eq!((since(0), since(30), since(31)), (1, 1, 0));
    let ends = [Time(i64::MIN), Time(i64::MAX)].map(hour_of);
    assert_eq!(seen(&ends, Kind::Files).hours.of(Kind::Files, i64::MIN..i64::MAX).count(), 2);
}

#[test]
fn what_is_kept_of_too_much_does_not_depend_on_the_order() {
    let days: Vec<Hour> = (0..DAYS_MAX as i64 + 2).map(|day| day * 24).collect();
    let turned: Vec<Hour> = days.iter().rev().copied().collect();
    let kept = |days: &[Hour]| {
        let mut coverage = Coverage::default();
        for day in days {
            coverage.add(place(0), &seen(&[*day], Kind::Files));
        }
        assert!(coverage.is_cut());
        coverage
    };
    assert_eq!(kept(&days), kept(&turned));
    let hours: Vec<Hour> = {
        let kept = kept(&days);
        let (_, seen) = kept.places().next().unwrap();
        seen.hours.of(Kind::Files, i64::MIN..i64::MAX).collect()
    };
    assert_eq!(hours, days[2..], "the latest");

    let one = seen(&[7], Kind::Files);
    let of = |numbers: &mut dyn Iterator<Item = usize>| {
        let mut coverage = Coverage::default();
        numbers.for_each(|number| coverage.add(place(number), &one));
        coverage
    };
    let (up, down) = (of(&mut (0..PLACES_MAX + 2)), of(&mut (0..PLACES_MAX + 2).rev()));
    assert!(up == down && up.is_cut() && up.places().count() == PLACES_MAX);
    assert!(!of(&mut (0..PLACES_MAX)).is_cut());
}

#[test]
fn what_is_carried_ages_by_the_last_day_that_is_not_to_come() {
    let of = |days: &[i64]| {
        let hours: Vec<Hour> = days.iter().map(|day| day * 24).collect();
        let mut coverage = Coverage::default();
        coverage.add(place(0), &seen(&hours, Kind::Files));
        coverage.add(place(1), &seen(&hours[..1], Kind::Files));
        coverage
    };
    let kept = |days: &[i64], today| {
        let mut coverage = of(days);
        coverage.age(today);
        let days = |(place, seen): (&Place, &Seen)| {
            (place.account.clone(), seen.hours.days().map(|(day, _)| day).collect::<Vec<_>>())
        };
        coverage.places().map(days).map(|(_, days)| days).collect::<Vec<_>>()
    };
    assert_eq!(kept(&[1_000, 1_400], 2_000), [vec![1_000, 1_400], vec![1_000]]);
    assert_eq!(kept(&[999, 1_400], 2_000), [vec![1_400]], "a place without days is none");
    assert_eq!(kept(&[1_000, 1_400, 9_999], 1_400)[0], [1_000, 1_400, 9_999]);
    assert_eq!(kept(&[1_000, 1_400], 900)[0], [1_000, 1_400], "the clock is wrong");
    let mut none = Coverage::default();
    none.age(0);
    assert_eq!(none, Coverage::default());
}

#[test]
fn what_is_carried_is_bounded() {
    let hours: Vec<Hour> = (1_000..1_400).map(|day| day * 24).collect();
    let seen = seen(&hours, Kind::Files);
    let places = CARRIED_MAX / hours.len() + 100;
    let mut coverage = Coverage::default();
    (0..places).for_each(|number| coverage.add(place(number), &seen));
    coverage.age(1_399);
    let days: usize = coverage.places().map(|(_, seen)| seen.hours.days().count()).sum();
    assert!(days <= CARRIED_MAX && days + places > CARRIED_MAX, "{days}");
    assert!(
        coverage.places().all(|(_, seen)| seen
            .hours
            .days()
            .last()
            .is_some_and(|(day, _)| day == 1_399))
    );
    assert!(!coverage.is_cut());
}

proptest! {
    /// Whatever way parts are merged, the hours are the same; and so they are after a journey
    /// as text.
    #[test]
    fn merging_is_a_union_and_survives_being_carried(
        parts in prop::collection::vec((0..4usize, -60..200i64, 0..4usize), 0..40),
        turn in 0..40usize,
    ) {
        let kinds = [Kind::Files, Kind::Events, Kind::Reads, Kind::Writes];
        let of = |parts: &[(usize, i64, usize)]| {
            let mut coverage = Coverage::default();
            for (at, hour, kind) in parts {
                coverage.add(place(*at), &seen(&[*hour], kinds[*kind]));
            }
            coverage
        };
        let whole = of(&parts);
        let (left, right) = parts.split_at(turn % (parts.len() + 1));
        let mut merged = of(right);
        merged.merge(of(left));
        merged.merge(of(left));
        prop_assert_eq!(&merged, &whole);
        let text = serde_json::to_string(&whole).unwrap();
        let carried: Coverage = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&carried, &whole);
        let mut later = of(left);
        later.merge_earlier(&carried);
        prop_assert_eq!(&later, &whole);
    }
}
