//! What is held of too much, and what goes by several names.

use super::*;
use crate::model::origin::Origin;
use crate::model::time::Time;
use crate::tags::change::{Tags, Value};
use crate::tags::timeline::{State, Why};

const NAME: &str = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders";

fn change(what: What) -> Change {
    let source = Source::File("x".into());
    Change { evidence: Arc::new(Evidence { time: Time(0), source }), what: Arc::new(what) }
}

fn owner() -> What {
    What::Set(Tags::from([("Owner".to_owned(), Value::Text("a".to_owned()))]))
}

/// Who sets the owner of what, at this second.
fn set(book: &mut Book, (account, role): (&str, &str), arns: &[String], second: i64, fresh: bool) {
    let source = Source::Record {
        id: None,
        name: "CreateTags".into(),
        principal: Some(format!("arn:aws:iam::{account}:role/{role}")),
        origin: Origin::record("x", second.unsigned_abs()),
    };
    let evidence = Arc::new(Evidence { time: Time::from_secs(second), source });
    let what = Arc::new(owner());
    let changes = arns.iter().map(|arn| (arn.clone(), Arc::clone(&what)));
    book.record(&evidence, changes.collect(), fresh);
}

fn state(book: &Book, arn: &str, second: i64) -> Option<State> {
    book.timeline(arn).index().all_at(Time::from_secs(second)).0.remove("Owner")
}

fn is_known(book: &Book, arn: &str, second: i64) -> bool {
    matches!(state(book, arn, second), Some(State::Known(..)))
}

fn bucket(name: impl std::fmt::Display) -> String {
    format!("arn:aws:s3:::example-{name}")
}

#[test]
fn a_secret_goes_by_its_name_unless_two_had_it() {
    let mut book = Book::new(10);
    let (first, second) = (format!("{NAME}-a1B2c3"), format!("{NAME}-d4E5f6"));
    book.file(NAME.to_owned(), change(owner()));
    book.file(first.clone(), change(What::Gone));
    assert!(!is_known(&book, &first, 9), "made in the same second");
    let evidence = Evidence { time: Time(5_000_000), source: Source::File("x".into()) };
    let later = Change { evidence: Arc::new(evidence), what: Arc::new(owner()) };
    book.file(NAME.to_owned(), later);
    assert!(is_known(&book, &first, 9));
    book.file(second.clone(), change(What::Gone));
    assert!(!is_known(&book, &first, 9) && !is_known(&book, &second, 9));
}

#[test]
fn names_of_two_things_are_none() {
    let mut book = Book::new(1);
    book.join("db-A".to_owned(), "arn:aws:rds:::db:a".to_owned());
    assert_eq!(book.named("db-A"), Named::Arn("arn:aws:rds:::db:a".to_owned()));
    book.join("db-A".to_owned(), "arn:aws:rds:::db:b".to_owned());
    assert_eq!(book.named("db-A"), Named::Several);
    assert_eq!(book.named("db-B"), Named::Nothing);
}

#[test]
fn a_flood_costs_only_whoever_makes_it() {
    let flood = |book: &mut Book| {
        for second in 100..200 {
            let arns: Vec<String> = (0..4).map(|n| bucket(second * 4 + n)).collect();
            set(book, ("111122223333", "flooder"), &arns, second, true);
        }
    };
    let others = |book: &mut Book| {
        for second in 0..20 {
            set(book, ("111122223333", "deploy"), &[bucket(format!("own-{second}"))], second, true);
            set(book, ("444455556666", "app"), &[bucket(format!("far-{second}"))], second, true);
        }
        // The flooder touches what is another's, early and late.
        set(book, ("444455556666", "app"), &[bucket("both")], 1, true);
        for second in [105, 195] {
            set(book, ("111122223333", "flooder"), &[bucket("both")], second, true);
        }
    };
    let (mut one, mut two) = (Book::new(300), Book::new(300));
    others(&mut one);
    flood(&mut one);
    flood(&mut two);
    let mut more = Book::new(300);
    others(&mut more);
    two.merge(more);
    for book in [&mut one, &mut two] {
        book.fit();
        assert!(book.room <= 300, "{}", book.room);
        for name in (0..20).flat_map(|n| [format!("own-{n}"), format!("far-{n}")]) {
            assert!(is_known(book, &bucket(&name), 400), "{name}");
        }
        assert!(is_known(book, &bucket(799), 400), "the latest stay");
        let early = bucket(400);
        assert_eq!(state(book, &early, 400), None, "nothing names it");
        let rest = book.timeline(&early).index().course(None).at(Time::from_secs(400)).clone();
        assert_eq!(rest, State::Unknown(Why::NoRoom));
        let both = bucket("both");
        assert!(is_known(book, &both, 50), "what was before the flood is as true as ever");
        assert_eq!(state(book, &both, 150), Some(State::Unknown(Why::NoRoom)));
        assert!(is_known(book, &both, 400), "and what came behind it is");
        let cut: Vec<String> = book.cut_short().into_iter().collect();
        assert_eq!(cut, ["arn:aws:iam::111122223333:role/flooder"]);
    }
    assert_eq!(one.arns(), two.arns(), "whatever the order");
}

#[test]
fn what_earlier_runs_have_read_is_said_once() {
    let mut book = Book::new(20);
    for second in 0..50 {
        let who = ("111122223333", "flooder");
        set(&mut book, who, &[bucket(second)], second, second == 49);
    }
    book.fit();
    assert!(is_known(&book, &bucket(49), 60) && !is_known(&book, &bucket(0), 60));
    assert!(book.cut_short().is_empty());
}

#[test]
fn a_flood_takes_no_room_from_files_and_files_have_their_own() {
    let mut book = Book::new(40);
    for second in 0..50 {
        set(&mut book, ("111122223333", "flooder"), &[bucket(second)], second, true);
    }
    let mut files = Book::new(40);
    (0..21).for_each(|n| files.file(bucket(format!("file-{n}")), change(owner())));
    assert_eq!(files.unfiled(), 1);
    book.merge(files);
    book.fit();
    assert!(is_known(&book, &bucket("file-0"), 60));
}

#[test]
fn volumes_get_the_tags_that_their_request_asked_for() {
    let volume = |name: &str| format!("arn:aws:ec2:eu-central-1:111122223333:volume/vol-{name}");
    let request = "request:r1".to_owned();
    let mut book = Book::new(10);
    set(&mut book, ("111122223333", "app"), std::slice::from_ref(&request), 5, true);
    set(&mut book, ("111122223333", "app"), &["request:r2".to_owned()], 5, true);
    for name in ["a", "b"] {
        book.join(request.clone(), volume(name));
    }
    book.place_requests();
    book.fit();
    assert!(is_known(&book, &volume("a"), 9) && is_known(&book, &volume("b"), 9));
    assert!(!is_known(&book, &volume("c"), 9));
    assert_eq!(book.arns().len(), 2, "the id of a request is no resource");
    assert!(book.joins().is_empty());
}
