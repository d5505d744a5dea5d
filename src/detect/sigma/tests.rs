//! Compares our evaluation of rules with the plain one: `rsigma_eval` over a `serde_json::Value`.

use proptest::prelude::*;
use rsigma_eval::{Event as _, EventValue, JsonEvent};
use serde_json::{Map, Value, json};

use super::event::SigmaEvent;
use super::load::Found;
use super::text::{AS_TEXT, searching, texts};
use crate::detect::RuleSet;
use crate::detect::case::Case;
use crate::detect::field::ACTOR;
use crate::record::event::{Event, Marked};
use crate::record::kms::View;
use crate::record::scan::{self, Index};

/// Calls `check` with the header and event of a record.
fn with<T>(text: &str, check: impl FnOnce(Marked<'_>, Event<'_>) -> T) -> T {
    let mut index = Index::default();
    scan::plain::scan(text.as_bytes(), &mut index).expect("an object");
    check(Marked::new(text.as_bytes(), &index), Event::new(text, &index))
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..4).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["", "a", "x\"y", "\u{212a}ms", "true", "7", "\\", "\u{1f600}"])
            .prop_map(Value::from),
    ]
}

fn tree() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[ab\\[\\].\\\\]{0,3}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Generates the text of an object, in which a member may occur more than once.
fn object_text(members: &[(String, Value)]) -> String {
    let member = |(name, value): &(String, Value)| format!("{}: {value}", json!(name));
    format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn fields_read_as_the_plain_twin_reads_them(
        members in prop::collection::vec(("[ab\\[\\].\\\\]{0,3}", tree()), 0..6),
        paths in prop::collection::vec(r"(a|b|a\.b|a\[0\]|b\[-1\]|a\\\[b\\\]|\.|)(\.(a|b|a\[1\]|))?(\.(a|b))?", 8),
    ) {
        let text = object_text(&members);
        let value: Value = serde_json::from_str(&text).unwrap();
        let plain = JsonEvent::borrow(&value);
        with(&text, |_, event| {
            let view = View::new(&event);
            let ours = SigmaEvent::new(&event, &view);
            let mut paths = paths;
            paths.extend(members.iter().map(|(name, _)| name.clone()));
            for path in &paths {
                let (ours, plain) = (ours.get_field(path), plain.get_field(path));
                assert_eq!(ours, plain, "{path} of {text}");
            }
            let mut strings = plain.all_string_values();
            strings.sort();
            let seen = std::cell::RefCell::new(Vec::new());
            ours.any_string_value(&|text| { seen.borrow_mut().push(text.to_owned()); false });
            let mut seen = seen.into_inner();
            seen.sort();
            assert_eq!(seen, strings);
            assert_eq!(ours.to_json(), value);
        });
    }
}

#[test]
fn the_actor_is_ours_to_say() {
    let text = r#"{"keytrail.actor":"service","keytrail":{"actor":"service"},"userIdentity":{"type":"Root"}}"#;
    with(text, |_, event| {
        let view = View::new(&event);
        let ours = SigmaEvent::new(&event, &view);
        assert_eq!(ours.get_field(ACTOR), Some(EventValue::Str("direct".into())));
    });
}

#[test]
fn values_nested_too_deep_are_null_on_every_way() {
    let deep = format!("{}7{}", "[".repeat(80), "]".repeat(80));
    let text = format!(r#"{{"a":{{"b":{deep}}},"s":{deep}}}"#);
    with(&text, |_, event| {
        let view = View::new(&event);
        let ours = SigmaEvent::new(&event, &view);
        let value = event.json().to_value();
        let plain = JsonEvent::borrow(&value);
        for path in ["a", "a.b", "s", "s.x"] {
            assert_eq!(ours.get_field(path), plain.get_field(path));
        }
    });
}

const FIELDS: &[&str] = &[
    "eventSource",
    "eventSource",
    "eventName",
    "eventName",
    "eventName",
    "errorCode",
    "userIdentity.type",
    "requestParameters.a",
    "requestParameters.a.b",
    "resources.ARN",
    "flat.name",
];
const TEXTS: &[&str] = &[
    "kms.amazonaws.com",
    "KMS.amazonaws.com",
    "s3.amazonaws.com",
    "Decrypt",
    "decrypt",
    "DisableKey",
    "",
    "Root",
    "kelvin",
    "1",
    "true",
    "\u{e9}t\u{e9}",
];

fn pick(from: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(from).prop_map(String::from)
}

fn rule_value() -> impl Strategy<Value = Value> {
    let one = prop_oneof![
        6 => pick(TEXTS).prop_map(Value::from),
        1 => pick(&["*crypt", "De?rypt", "kms*", "*"]).prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!(1)),
        1 => Just(json!(true)),
    ];
    prop_oneof![
        3 => one.clone(),
        2 => prop::collection::vec(one, 0..4).prop_map(Value::from),
    ]
}

/// A named detection: a map of items, or a list of maps, or keywords.
fn rule_detection() -> impl Strategy<Value = Value> {
    let modifier = prop_oneof![
        8 => Just(""),
        1 => prop::sample::select(vec![
            "|contains", "|startswith", "|endswith", "|exists", "|neq", "|cased", "|contains|all", "|gte", "|re", "|fieldref",
        ]),
    ];
    let item = (pick(FIELDS), modifier, rule_value())
        .prop_map(|(field, modifier, value)| (format!("{field}{modifier}"), value));
    let map = prop::collection::vec(item, 1..4)
        .prop_map(|items| Value::Object(items.into_iter().collect::<Map<_, _>>()))
        .boxed();
    prop_oneof![
        6 => map.clone(),
        2 => prop::collection::vec(map, 1..3).prop_map(Value::from),
        1 => prop::collection::vec(pick(&["Decrypt", "Root"]), 1..3).prop_map(|texts| json!(texts)),
    ]
}

fn rule_condition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => pick(&["s0", "s1", "s2"]),
        2 => pick(&["1 of s*", "all of s*", "2 of s*", "all of them", "1 of them"]),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

/// A rule as JSON, which is YAML.
fn rule() -> impl Strategy<Value = String> {
    (prop::collection::vec(rule_detection(), 3), rule_condition()).prop_map(|(parts, condition)| {
        let [first, second, third] = &parts[..] else { unreachable!() };
        json!({
            "title": "any", "logsource": {"product": "aws", "service": "cloudtrail"},
            "detection": {"s0": first, "s1": second, "s2": third, "condition": condition},
        })
        .to_string()
    })
}

fn record_value() -> impl Strategy<Value = Value> {
    let text = || pick(TEXTS).prop_map(Value::from);
    prop_oneof![
        12 => text(),
        1 => Just(json!("\u{212a}elvin")),
        1 => Just(json!("\u{212a}MS.amazonaws.com")),
        1 => Just(Value::Null),
        1 => Just(json!(1)),
        1 => Just(json!(true)),
        1 => prop::collection::vec(text(), 0..3).prop_map(Value::from),
        1 => text().prop_map(|value| json!({"b": value})),
        1 => text().prop_map(|value| json!([{"b": value}, null])),
    ]
}

fn record() -> impl Strategy<Value = String> {
    let maybe = || prop::option::weighted(0.8, record_value());
    let members = (maybe(), maybe(), maybe(), maybe(), maybe(), maybe(), maybe());
    (members, 0..8u8).prop_map(|((source, name, error, kind, a, arn, flat), spelling)| {
        let mut record = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                record.insert(name.to_owned(), value);
            }
        };
        set("eventSource", source);
        set("eventName", name);
        set("errorCode", error);
        set("userIdentity", kind.map(|kind| json!({"type": kind})));
        set("requestParameters", a.map(|a| json!({"a": a})));
        set("resources", arn.map(|arn| json!([{"ARN": arn}])));
        match spelling {
            0 => set("flat.name", flat),
            1 => set("flat", flat.map(|flat| json!({"name": flat}))),
            2 => set("requestParameters.a", flat),
            _ => {}
        }
        let text = Value::Object(record).to_string();
        match spelling {
            3 => text.replace("eventName", r"event\u004eame"),
            4 => text.replace("ecrypt", r"\u0065crypt"),
            _ => text,
        }
    })
}

/// A record as the plain twin reads it, and objects as text.
struct Plain<'v>(JsonEvent<'v>);

impl rsigma_eval::Event for Plain<'_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        match path.strip_prefix(AS_TEXT) {
            Some(path) => self.0.get_field(path).map(texts),
            None => self.0.get_field(path),
        }
    }

    fn any_string_value(&self, pred: &dyn Fn(&str) -> bool) -> bool {
        self.0.any_string_value(pred)
    }

    fn all_string_values(&self) -> Vec<std::borrow::Cow<'_, str>> {
        self.0.all_string_values()
    }

    fn to_json(&self) -> Value {
        self.0.to_json()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn routed_and_guarded_is_what_asking_every_rule_gives(
        texts in prop::collection::vec(rule(), 1..5),
        records in prop::collection::vec(record(), 1..12),
    ) {
        let mut found = Found::default();
        let mut plain = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            let before = found.rules.len();
            found.add_text(&format!("r{number}"), text);
            found.finish();
            let parsed = rsigma_parser::parse_sigma_yaml(text).unwrap();
            let compiled =
                parsed.rules.first().and_then(|rule| rsigma_eval::compile_rule(&searching(rule)).ok());
            assert_eq!(found.rules.len() > before, compiled.is_some(), "{text}: {:?}", found.errors);
            plain.extend(compiled);
        }
        let wanted = vec![true; found.rules.len()];
        let rules = RuleSet::new(found.rules, &wanted).unwrap();
        let mut asked = crate::detect::Asked::default();
        for record in &records {
            let value: Value = serde_json::from_str(record).unwrap();
            let wanted: Vec<usize> = (0..plain.len())
                .filter(|&at| rsigma_eval::evaluate_rule(&plain[at], &Plain(JsonEvent::borrow(&value))).is_some())
                .collect();
            let given: Vec<usize> = with(record, |marked, event| {
                let view = View::new(&event);
                let candidates = rules.candidates_of(&marked.header());
                asked.next();
                let mut hits = Vec::new();
                for &rule in candidates.of(|| Case::of(&view)) {
                    if rules.may_match(rule, &mut asked, &event, &view) {
                        hits.extend(rules.check(rule, &event, &view).map(|hit| hit.rule));
                    }
                    let alone = rules.rules[rule as usize].compiled().unwrap();
                    assert_eq!(
                        alone.may_match(&event, &view),
                        rules.may_match(rule, &mut asked, &event, &view),
                    );
                }
                hits
            });
            prop_assert_eq!(given, wanted, "{} on {:?}", record, texts);
        }
    }
}

/// Rules that look for short texts, so that many of them overlap.
fn searching_rule() -> impl Strategy<Value = String> {
    let text = "[ab\u{212a}]{1,3}";
    let how = pick(&["|contains", "|startswith", "|endswith", "words", "*words*"]);
    (how, prop::collection::vec(text, 1..3)).prop_map(|(how, texts)| {
        let detection = match how.as_str() {
            "words" => json!(texts),
            "*words*" => json!(texts.iter().map(|text| format!("*{text}*")).collect::<Vec<_>>()),
            how => json!({ format!("x.y{how}"): texts }),
        };
        json!({
            "title": "any", "logsource": {"product": "aws", "service": "cloudtrail"},
            "detection": {"s": detection, "condition": "s"},
        })
        .to_string()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn texts_that_are_searched_together_are_found_as_each_alone(
        texts in prop::collection::vec(searching_rule(), 1..24),
        values in prop::collection::vec("[abAB\\\\c\u{212a}]{0,6}", 1..6),
        number in prop::option::of(any::<i8>()),
    ) {
        let mut found = Found::default();
        for (number, text) in texts.iter().enumerate() {
            found.add_text(&format!("r{number}"), text);
        }
        found.finish();
        assert_eq!(found.errors, []);
        let wanted = vec![true; found.rules.len()];
        let rules = RuleSet::new(found.rules, &wanted).unwrap();
        let mut asked = crate::detect::Asked::default();
        let mut records: Vec<Value> = values.iter().map(|v| json!({"x": {"y": v}})).collect();
        records.extend(values.iter().map(|v| json!({"x": {"y": number}, v: v})));
        for record in &records {
            let text = record.to_string();
            with(&text, |_, event| {
                let view = View::new(&event);
                asked.next();
                for rule in (0..).take(rules.rules.len()) {
                    let compiled = rules.rules[rule as usize].compiled().unwrap();
                    let may = rules.may_match(rule, &mut asked, &event, &view);
                    assert_eq!(may, compiled.may_match(&event, &view), "{text}");
                    let matches = compiled.matches(&SigmaEvent::new(&event, &view));
                    assert!(may || !matches, "{text}");
                }
            });
        }
    }
}

/// Counts how many random pairs match, to show that the test above tests something.
#[test]
fn guards_turn_away_most_of_what_does_not_match() {
    let mut found = Found::default();
    found.add_text(
        "kms",
        r"
title: any
logsource: {product: aws, service: cloudtrail}
detection:
  a: {eventSource: kms.amazonaws.com, eventName: [Encrypt, Decrypt], errorCode: AccessDenied}
  b: {eventName: StopLogging, 'requestParameters.name|contains': main}
  not_me: {userIdentity.type: AWSService}
  condition: 1 of a* or (b and not not_me)
",
    );
    found.finish();
    let wanted = vec![true; found.rules.len()];
    let rules = RuleSet::new(found.rules, &wanted).unwrap();
    assert_eq!(found.errors, []);
    let guarded = |record: &str| {
        with(record, |marked, event| {
            let candidates =
                rules.candidates_of(&marked.header()).of(|| Case::of(&View::new(&event))).len();
            let crate::detect::rule::Body::Sigma(rule) = &rules.rules[0].body else { panic!() };
            (candidates, rule.may_match(&event, &View::new(&event)))
        })
    };
    let kms = r#""eventSource":"kms.amazonaws.com","eventName":"Decrypt""#;
    assert_eq!(guarded(&format!("{{{kms}}}")), (0, false), "did not fail");
    assert_eq!(guarded(&format!(r#"{{{kms},"errorCode":"Throttled"}}"#)), (1, false));
    assert_eq!(guarded(&format!(r#"{{{kms},"errorCode":"ACCESSDENIED"}}"#)), (1, true));
    assert_eq!(guarded(&format!(r#"{{{kms},"errorCode":"Access\u0044enied"}}"#)), (1, true));
    assert_eq!(guarded(r#"{"eventSource":"kms.amazonaws.com","eventName":"Sign"}"#).0, 0);
    assert_eq!(guarded(r#"{"eventName":"StopLogging","requestParameters":null}"#), (1, false));
    assert_eq!(
        guarded(r#"{"eventName":"StopLogging","requestParameters":{"name":"the-Main-one"}}"#),
        (1, true)
    );
    assert_eq!(
        guarded(r#"{"eventName":"StopLogging","requestParameters":{"name":"x"}}"#),
        (1, false)
    );
}

/// Routes and guards must pass every record that the evaluator matches by a virtual field.
#[test]
fn cases_never_hide_what_the_evaluator_matches() {
    let conditions = [
        "keytrail.actor: direct",
        "keytrail.actor: [Via, service]",
        "keytrail.attempt: true",
        "keytrail.attempt: false",
        "keytrail.trail_delivery: true",
        "keytrail.trail_delivery: false",
        "keytrail.actor|contains: r",
        "keytrail.actor: nobody",
        "errorCode|exists: true",
        "errorMessage|contains: denied",
    ];
    let mut records = Vec::new();
    for identity in [
        r#"{"type":"AWSService","invokedBy":"cloudtrail.amazonaws.com"}"#,
        r#"{"type":"AWSService","invokedBy":"ec2.amazonaws.com"}"#,
        r#"{"type":"IAMUser","invokedBy":"cloudtrail.amazonaws.com"}"#,
        r#"{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/aws:ec2-infrastructure/i-1"}"#,
        r#"{"type":"IAMUser"}"#,
        r#"{"type":"AWSService","invokedBy":"cloudtrail.amazonaws.com","type":"IAMUser"}"#,
        r#"{"type":"AWSService","invokedBy":"cloudtrail\u002eamazonaws.com"}"#,
        r#"{"type":"AWSService","invokedBy":""}"#,
    ] {
        for error in ["null", r#""AccessDenied""#] {
            records.push(format!(
                r#"{{"eventSource":"kms.amazonaws.com","eventName":"Decrypt","userIdentity":{identity},"errorCode":{error},"errorMessage":{error}}}"#
            ));
        }
    }
    for condition in conditions {
        for form in ["a", "not a", "b and not a", "a or c", "not (a or c)"] {
            let mut found = Found::default();
            found.add_text(
                "cases",
                &format!("title: any\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n  a:\n    {condition}\n  b:\n    eventName: Decrypt\n  c:\n    errorCode: Other\n  condition: {form}\n"),
            );
            found.finish();
            assert_eq!(found.errors, []);
            let rules = RuleSet::new(found.rules, &[true]).unwrap();
            let crate::detect::rule::Body::Sigma(rule) = &rules.rules[0].body else { panic!() };
            for record in &records {
                let (asked, wanted) = with(record, |marked, event| {
                    let view = View::new(&event);
                    let candidates = rules.candidates_of(&marked.header());
                    let asked = candidates
                        .of(|| Case::of(&view))
                        .iter()
                        .any(|&rule| rules.check_alone(rule, &event, &view).is_some());
                    (asked, rule.matches(&SigmaEvent::new(&event, &view)))
                });
                assert_eq!(asked, wanted, "{condition}, {form}: {record}");
            }
        }
    }
}
