//! What is written is read; what is no state is refused.

use proptest::prelude::*;

use super::words::RECORD_MAX;
use super::*;
use crate::model::aftermath::Deed;
use crate::model::days::{Day, Days};
use crate::model::level::Level;
use crate::model::undo::Undone;

fn coverage(seed: u64) -> Coverage {
    let mut coverage = Coverage::default();
    for at in 0..seed % 4 {
        let region = format!("r-{at}");
        let mut seen = Seen { regional: seed.is_multiple_of(2), ..Seen::default() };
        for day in 0..seed % 9 {
            let bits = [1, 2, 3, 4].map(|kind| u32::try_from(seed % 255).unwrap() * kind);
            seen.hours.add(i32::try_from(day * at).unwrap(), HoursOfDay::of_bits(bits));
        }
        coverage.add(coverage::Place { account: "111122223333".into(), region }, &seen);
    }
    coverage.set_unjudged(
        Some(coverage::Gap { from: seed.cast_signed(), to: i64::MAX })
            .filter(|_| seed.is_multiple_of(3)),
    );
    coverage
}

fn cases(seed: u64) -> Vec<KnownCase> {
    let case = |at| KnownCase {
        first: Time(-1),
        id: "0123456789ab".into(),
        spans: vec![(at, Time(1), Time(-2))],
        findings: vec![[at, u64::MAX]],
    };
    (0..seed % 3).map(case).collect()
}

fn issued(seed: u64) -> Vec<Issued> {
    let row = |made: u64| Issued {
        made,
        vague: made == 0,
        maker: u64::MAX,
        maker_key: 0,
        lasting: made == 1,
        time: Time(-3),
    };
    (0..seed % 3).map(row).collect()
}

fn habits(seed: u64) -> Vec<Habit> {
    let habit = |at: u64| Habit {
        of: [at, seed],
        value: format!("private\n{at}"),
        days: Days::of_times(Time(0), Time(i64::try_from(at).unwrap() * 86_400_000_000)),
        last: Day::of(Time(seed.cast_signed() >> 1)),
    };
    (0..seed % 3).map(habit).collect()
}

fn lost_tags(seed: u64, all: Option<Time>) -> LostTags {
    LostTags {
        of: (0..seed % 3).map(|at| (at, (Time(1), Time(-2)))).collect(),
        alike: vec![("arn:aws:ec2".into(), (Time(3), Time(4)))],
        all: all.map(|at| (at, at)),
    }
}

fn doings(seed: u64) -> Vec<Doing> {
    let undone = |at: u64| Undone { at: Time(at.cast_signed()), by: Some("ann".into()) };
    let deed = |what: u64| Deed {
        time: Time(what.cast_signed()),
        what: seed,
        parts: u64::MAX,
        undone: what.is_multiple_of(2).then(|| undone(what)),
    };
    let doing = |number: u64| Doing {
        number: [number, seed],
        rule: "key-disabled".into(),
        level: Level::High,
        target: (number > 0).then(|| "arn:aws:kms:…".into()),
        deeds: (0..=number).map(deed).collect(),
    };
    (0..seed % 4).map(doing).collect()
}

fn undoing(seed: u64) -> Vec<KnownUndoing> {
    let one = |n: u64| {
        let by = (n > 0).then(|| "ann".into());
        KnownUndoing { time: Time(-2), what: seed, parts: n, cleared: seed, by }
    };
    (0..seed % 3).map(one).collect()
}

fn ids() -> impl Strategy<Value = Vec<(Id, u16)>> {
    prop::collection::vec((any::<[u64; 2]>(), any::<u16>()), 0..20)
}

fn times() -> impl Strategy<Value = Option<Time>> {
    prop::option::of(any::<i64>().prop_map(Time))
}

fn memory() -> impl Strategy<Value = Memory> {
    let records = (
        ".{0,9}",
        prop::option::of(0..9u64),
        prop::collection::vec(any::<u8>(), 0..30),
        times(),
        any::<u64>(),
    )
        .prop_map(|(blob, record, text, last, count)| Recalled {
            origin: Origin { blob: blob.into(), record },
            text,
            reported: count % 2 == 0,
            last,
            count,
        });
    (any::<u64>(), times(), ids(), prop::collection::vec(records, 0..9)).prop_map(
        |(seed, first_event, known, recalled)| Memory {
            seed,
            first_event,
            last_event: first_event,
            accounts: ["111122223333".to_owned()].into(),
            coverage: coverage(seed),
            expects: seed / 13,
            deliveries: deliveries(
                (0..seed % 3)
                    .map(|at| (format!("trail/{at}"), "key".into(), "logs".into(), [1, -2]))
                    .collect(),
            ),
            known: Dated::new(known),
            recalled,
            uses: Uses {
                blocks: (0..seed % 3).map(|at| vec![7; at as usize]).collect(),
                count: seed,
            },
            habits: habits(seed),
            cases: cases(seed),
            issued: issued(seed),
            doings: doings(seed),
            doings_forgotten: seed / 11,
            undoing: undoing(seed),
            lost_tags: lost_tags(seed, first_event),
            forgotten: 3,
            aged: seed / 2,
            copies_forgotten: seed / 3,
            cases_forgotten: seed / 5,
            issued_forgotten: seed / 7,
            left_out: first_event.map(|at| (at, at)),
        },
    )
}

fn state() -> impl Strategy<Value = State> {
    (times(), any::<u64>(), ids(), ids(), memory()).prop_map(
        |(written, runs, objects, reported, memory)| State {
            written,
            runs,
            asked: "sha256:r".into(),
            rules: BTreeMap::from([("key-created".into(), "sha256:s".into())]),
            objects: Dated::new(objects),
            reported: Dated::new(reported),
            memory,
        },
    )
}

/// What the first version wrote: all places in the first line, and at first no rules one by one.
#[test]
fn states_of_earlier_versions_are_read() {
    let head = serde_json::json!({"schema": FIRST, "tool": "0.1.0", "written": 1, "runs": 3,
        "rules": "sha256:r", "seed": 7, "first_event": null, "last_event": 2,
        "accounts": ["111122223333"], "coverage": [{"account": "111122223333",
            "region": "eu-central-1", "regional": true, "days": [[20_000, [1, 2, 3, 4]]]}],
        "forgotten": 0, "objects": 1, "reported": 0, "known": 0, "recalled": 0});
    let with_rules = {
        let mut head = head.clone();
        head["rule_digests"] = serde_json::json!({"key-created": "sha256:s"});
        head
    };
    for (head, rules) in [(head, 0), (with_rules, 1)] {
        let mut bytes = format!("{head}\n").into_bytes();
        bytes.extend([1; 18]);
        let state = decode(&zstd::encode_all(&bytes[..], LEVEL).unwrap()).unwrap();
        assert_eq!((state.runs, state.rules.len()), (3, rules));
        assert_eq!(state.objects.rows(), [([0x0101_0101_0101_0101; 2], 0x0101)]);
        let (place, seen) = state.memory.coverage.places().next().unwrap();
        assert_eq!((place.account.as_str(), seen.regional), ("111122223333", true));
        let days: Vec<_> = seen.hours.days().collect();
        assert_eq!(days, [(20_000, HoursOfDay::of_bits([1, 2, 3, 4]))]);
        // It goes on in the form of this version.
        let written = encode(&state).unwrap();
        assert_eq!(decode(&written), Ok(state));
    }
}

#[test]
fn what_could_not_be_read_back_is_not_written() {
    let long = "x".repeat(usize::try_from(RECORD_MAX).unwrap() + 1);
    let mut state = State::default();
    let origin = Origin { blob: long.into(), record: None };
    let recalled = Recalled { origin, text: vec![], reported: true, last: None, count: 1 };
    state.memory.recalled.push(recalled);
    let refused = encode(&state).unwrap_err().to_string();
    assert!(refused.starts_with("what is to be written is damaged"), "{refused}");
}

proptest! {
    #[test]
    fn what_is_written_is_read(state in state()) {
        let bytes = encode(&state).unwrap();
        prop_assert_eq!(decode(&bytes), Ok(state));
    }

    #[test]
    fn damage_is_always_seen(state in state(), at in any::<prop::sample::Index>(), bit in 0..8u8, cut in any::<prop::sample::Index>()) {
        let mut bytes = encode(&state).unwrap();
        prop_assert!(decode(&bytes[..cut.index(bytes.len())]).is_err());
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        // A few bits of zstd's header mean nothing; whatever is read then must be the same.
        if let Ok(read) = decode(&bytes) {
            prop_assert_eq!(read, state);
        }
    }

    #[test]
    fn numbers_that_lie_are_no_state(counts in any::<[u64; 5]>(), rest in prop::collection::vec(any::<u8>(), 0..200)) {
        let head = serde_json::json!({"schema": SCHEMA, "tool": "x", "written": 1, "runs": 1,
            "rules": "", "seed": 1, "first_event": null, "last_event": null, "accounts": [],
            "forgotten": 0, "places": counts[4], "objects": counts[0], "reported": counts[1], "known": counts[2],
            "recalled": counts[3]});
        let mut text = format!("{head}\n").into_bytes();
        text.extend(rest);
        let bytes = zstd::encode_all(text.as_slice(), 1).unwrap();
        prop_assert!(decode(&bytes).is_err());
    }
}

#[test]
fn other_files_are_refused_in_words() {
    let text = |bytes: &[u8]| decode(&zstd::encode_all(bytes, 1).unwrap()).unwrap_err();
    assert_eq!(text(b"{}\n"), "is no state that --state wrote");
    assert!(decode(b"{\"schema\":1}").unwrap_err().starts_with("is "));
    let bytes = encode(&State::default()).unwrap();
    let other = zstd::decode_all(bytes.as_slice()).unwrap();
    let other = String::from_utf8(other).unwrap().replace("state/v3", "state/v9");
    assert!(text(other.as_bytes()).contains("keytrail.state/v9"));
}
