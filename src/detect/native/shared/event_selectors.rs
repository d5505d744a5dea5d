//! Decides what a trail or event data store still logs, from its event selectors.
//!
//! A trail logs an event if any selector admits it. Basic and advanced selectors give the same kind
//! of answer. What must stay true: a selector that is not understood counts as one that admits
//! everything, so that a rule never reports a gap that may not exist.

use crate::record::event::Event;
use crate::record::json::{Json, Kind};
use crate::record::kms::SOURCE;
use crate::record::shape::{at, each, text_at};

/// Which of some events are logged: reads, others, or both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Halves {
    /// Events with `readOnly: true`.
    pub reads: bool,
    /// All others.
    pub writes: bool,
}

/// What is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Management events of services other than KMS.
    pub management: Halves,
    /// Management events of KMS.
    pub kms: Halves,
    /// Whether the selectors can select management events at all. Those of an event data store for
    /// configuration items, for example, cannot.
    pub of_events: bool,
}

impl Halves {
    fn add(&mut self, other: Halves) {
        self.reads |= other.reads;
        self.writes |= other.writes;
    }
}

/// What the selectors in the request admit. `None` if the request has no selectors and so changes
/// nothing.
pub fn coverage(event: &Event<'_>) -> Option<Coverage> {
    let request = event.get("requestParameters")?;
    let list = |name| at(request, &[name]).into_iter().flat_map(each).filter(is_object);
    let mut all = Coverage::default();
    let mut any = false;
    let basic = list("eventSelectors").map(basic);
    for selector in basic.chain(list("advancedEventSelectors").map(advanced)) {
        any = true;
        all.management.add(selector.management);
        all.kms.add(selector.kms);
        all.of_events |= selector.of_events;
    }
    any.then_some(all)
}

pub(super) fn is_object(value: &Json<'_>) -> bool {
    value.kind() == Kind::Object
}

/// A missing member has the default of the API, which admits everything.
fn basic(selector: Json<'_>) -> Coverage {
    let included = at(selector, &["includeManagementEvents"]).and_then(Json::as_bool);
    let kind = text_at(selector, &["readWriteType"]).unwrap_or_default();
    let management = match included {
        Some(false) => Halves::default(),
        _ => Halves {
            reads: !kind.eq_ignore_ascii_case("WriteOnly"),
            writes: !kind.eq_ignore_ascii_case("ReadOnly"),
        },
    };
    let excluded = at(selector, &["excludeManagementEventSources"]);
    let no_kms = excluded.into_iter().flat_map(each).any(|source| is(source, SOURCE));
    let kms = if no_kms { Halves::default() } else { management };
    Coverage { management, kms, of_events: true }
}

/// The conditions of an advanced selector on a field.
pub(super) fn conditions_on<'a>(selector: Json<'a>, field: &str) -> impl Iterator<Item = Json<'a>> {
    let conditions = at(selector, &["fieldSelectors"]).into_iter().flat_map(each);
    conditions
        .filter(move |c| text_at(*c, &["field"]).is_some_and(|f| f.eq_ignore_ascii_case(field)))
}

fn advanced(selector: Json<'_>) -> Coverage {
    let admits = |field: &str, value: &str| {
        conditions_on(selector, field).all(|condition| fits(condition, value))
    };
    let events = ["Management", "Data", "NetworkActivity"];
    let of_events = events.iter().any(|category| admits("eventCategory", category));
    if !admits("eventCategory", "Management") {
        return Coverage { of_events, ..Coverage::default() };
    }
    let management =
        Halves { reads: admits("readOnly", "true"), writes: admits("readOnly", "false") };
    let kms = if admits("eventSource", SOURCE) { management } else { Halves::default() };
    // Other services: a selector that lists sources may list KMS alone. It neither adds to nor
    // takes from what other selectors admit.
    Coverage { management, kms, of_events }
}

/// Whether `value` satisfies all operators of one field selector.
pub(super) fn fits(condition: Json<'_>, value: &str) -> bool {
    let any = |operator: &str, test: &dyn Fn(&str) -> bool| {
        let list = at(condition, &[operator])?;
        let mut texts = each(list).filter_map(Json::scalar).peekable();
        // The API treats an empty list like a missing operator.
        texts.peek()?;
        Some(texts.any(|text| test(&text.to_ascii_lowercase())))
    };
    let value = value.to_ascii_lowercase();
    let equals = |text: &str| text == value;
    let starts = |text: &str| value.starts_with(text);
    let ends = |text: &str| value.ends_with(text);
    any("equals", &equals) != Some(false)
        && any("startsWith", &starts) != Some(false)
        && any("endsWith", &ends) != Some(false)
        && any("notEquals", &equals) != Some(true)
        && any("notStartsWith", &starts) != Some(true)
        && any("notEndsWith", &ends) != Some(true)
}

fn is(value: Json<'_>, text: &str) -> bool {
    value.scalar().is_some_and(|found| found.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::scan::{self, Index};

    /// Asserts reads and writes of management events, then those of KMS.
    fn logged(request: &str) -> Option<[bool; 4]> {
        let text = format!(r#"{{"requestParameters":{request}}}"#);
        let mut index = Index::default();
        scan::plain::scan(text.as_bytes(), &mut index).unwrap();
        let found = coverage(&Event::new(&text, &index))?;
        let Halves { reads, writes } = found.management;
        Some([reads, writes, found.kms.reads, found.kms.writes])
    }

    #[test]
    fn basic_selectors_add_up() {
        let some = |request| logged(request).unwrap();
        assert_eq!(some(r#"{"eventSelectors":[{}]}"#), [true; 4]);
        assert_eq!(some(r#"{"eventSelectors":[{"includeManagementEvents":false}]}"#), [false; 4]);
        let one = r#"{"eventSelectors":[{"ReadWriteType":"writeonly"}]}"#;
        assert_eq!(some(one), [false, true, false, true]);
        let two = r#"{"eventSelectors":[{"readWriteType":"WriteOnly"},
            {"readWriteType":"ReadOnly","excludeManagementEventSources":["kms.amazonaws.com"]}]}"#;
        assert_eq!(some(two), [true, true, false, true]);
    }

    #[test]
    fn advanced_selectors_add_up() {
        let selector = |rest: &str| {
            let category = r#"{"field":"eventCategory","equals":["Management"]}"#;
            let text = format!(
                r#"{{"advancedEventSelectors":[{{"fieldSelectors":[{category}{rest}]}}]}}"#
            );
            logged(&text).unwrap()
        };
        let source = |operator: &str, value: &str| {
            selector(&format!(r#",{{"Field":"eventSource","{operator}":["{value}"]}}"#))
        };
        assert_eq!(selector(""), [true; 4]);
        assert_eq!(source("notEquals", "kms.amazonaws.com"), [true, true, false, false]);
        assert_eq!(source("NotEquals", "rdsdata.amazonaws.com"), [true; 4]);
        assert_eq!(source("equals", "ec2.amazonaws.com"), [true, true, false, false]);
        assert_eq!(source("notStartsWith", "kms"), [true, true, false, false]);
        assert_eq!(
            selector(r#",{"field":"readOnly","equals":["false"]}"#),
            [false, true, false, true]
        );
    }

    #[test]
    fn odd_shapes_change_nothing() {
        for request in [
            "null",
            "{}",
            "[]",
            r#"{"eventSelectors":[]}"#,
            r#"{"eventSelectors":null,"advancedEventSelectors":"x"}"#,
            r#"{"omitted":true}"#,
        ] {
            assert_eq!(logged(request), None, "{request}");
        }
        let odd = r#"{"advancedEventSelectors":{"fieldSelectors":[1,{"field":2,"equals":{}}]}}"#;
        assert_eq!(logged(odd), Some([true; 4]));
    }
}
