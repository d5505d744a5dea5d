//! Compares the one walk over an object that many rules need with a search for each member.

use proptest::prelude::*;

use super::load::Found;
use crate::detect::{Asked, RuleSet};
use crate::record::event::Event;
use crate::record::kms::View;
use crate::record::scan::{Index, plain};

fn rules() -> RuleSet {
    let mut found = Found::default();
    for (number, name) in ["a", "b", "c", "long-name"].iter().enumerate() {
        for (form, test) in [("", "x"), ("|contains", "X"), ("|exists", "true")] {
            found.add_text(
                &format!("r{number}{form}"),
                &format!("title: any\nid: 00000000-0000-4000-8000-0000000000{number}{}\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n  s:\n    eventName: Call\n    requestParameters.{name}{form}: {test}\n  condition: s\n", form.len()),
            );
        }
    }
    found.finish();
    assert_eq!(found.errors, []);
    let wanted = vec![true; found.rules.len()];
    RuleSet::new(found.rules, &wanted).unwrap()
}

fn record() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c", "long-name", r"\u0061", "other", ""]);
    let value = prop::sample::select(vec![
        r#""x""#,
        r#""axe""#,
        r#""\u0078""#,
        "null",
        "1",
        "[]",
        r#"{"a":"x"}"#,
    ]);
    let member = (name, value).prop_map(|(name, value)| format!("\"{name}\":{value}"));
    let object = prop::collection::vec(member, 0..7)
        .prop_map(|members| format!("{{{}}}", members.join(" , ")));
    let other = prop::sample::select(vec!["null", "[]", r#"[{"a":"x"}]"#, "\"x\"", "1"]);
    let parent = prop_oneof![4 => object, 1 => other.prop_map(str::to_owned)];
    let dotted = prop::sample::select(vec!["", r#","requestParameters.b":"x""#]);
    (parent, dotted).prop_map(|(parent, dotted)| {
        format!(r#"{{"eventName":"Call","requestParameters":{parent}{dotted}}}"#)
    })
}

proptest! {
    #[test]
    fn a_walk_finds_what_a_search_finds(records in prop::collection::vec(record(), 1..6)) {
        let rules = rules();
        let mut asked = Asked::default();
        for record in &records {
            let mut index = Index::default();
            plain::scan(record.as_bytes(), &mut index).unwrap();
            let event = Event::new(record, &index);
            let view = View::new(&event);
            asked.next();
            for (number, rule) in (0u32..).zip(&rules.rules) {
                let alone = rule.compiled().unwrap().may_match(&event, &view);
                let together = rules.may_match(number, &mut asked, &event, &view);
                prop_assert_eq!(alone, together, "{} of {}", number, record);
            }
        }
    }
}
