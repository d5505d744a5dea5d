//! Finds the KMS events that advanced selectors leave out by other fields than source and `readOnly`.
//!
//! An event data store can leave out single calls, callers, kinds of events, or what is done at the
//! console, while it goes on to log KMS. Each field is probed by itself. What must stay true: a value
//! counts as left out only if no selector admits it, whatever the other fields say.

use std::collections::BTreeSet;

use super::event_selectors::{conditions_on, fits, is_object};
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::{ADMIN, CRYPTO, READ, SOURCE, UNASKED, is_admin, is_crypto, is_unasked};
use crate::record::shape::{at, each};

/// What selectors leave out by one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The field, as CloudTrail spells it.
    pub field: &'static str,
    /// The values that are left out.
    pub lost: Vec<String>,
    /// Whether it is left out by an exception (`notEquals`, …), not because other values are listed.
    pub by_exception: bool,
    /// How much is lost.
    pub weight: Weight,
}

/// How much is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Calls that only read about keys.
    Reads,
    /// Events that KMS does not write, such as sign-ins.
    Others,
    /// Uses and changes of keys.
    Keys,
}

const NAME: &str = "eventName";
const CALLER: &str = "userIdentity.arn";
const KIND: &str = "eventType";
const CONSOLE: &str = "sessionCredentialFromConsole";

/// The kinds of management events, those of KMS first.
const KINDS: [&str; 4] = ["AwsApiCall", "AwsServiceEvent", "AwsConsoleAction", "AwsConsoleSignIn"];
/// How many of them KMS writes.
const KINDS_OF_KMS: usize = 2;

/// A caller whom no selector names.
const ANYBODY: &str = "arn:aws:iam::000000000000:user/-";

/// How many callers in exceptions are probed: a hostile request names thousands.
const CALLERS_MAX: usize = 50;

/// What the selectors in the request leave out, field by field.
pub fn gaps(event: &Event<'_>) -> Vec<Gap> {
    let Some(request) = event.get("requestParameters") else { return Vec::new() };
    // Basic selectors do not know these fields, so they leave out nothing by them.
    if at(request, &["eventSelectors"]).into_iter().flat_map(each).any(|one| is_object(&one)) {
        return Vec::new();
    }
    let all = at(request, &["advancedEventSelectors"]).into_iter().flat_map(each);
    let logs_kms = |selector: &Json<'_>| {
        let admits = |field, value| conditions_on(*selector, field).all(|c| fits(c, value));
        is_object(selector)
            && admits("eventCategory", "Management")
            && admits("eventSource", SOURCE)
    };
    let selectors: Vec<Json<'_>> = all.filter(logs_kms).collect();
    let fields = [names(&selectors), callers(&selectors), kinds(&selectors), console(&selectors)];
    fields.into_iter().flatten().collect()
}

/// The values among `probes` that no selector admits.
fn lost<'p>(
    selectors: &[Json<'_>],
    field: &str,
    probes: impl IntoIterator<Item = &'p str>,
) -> Vec<&'p str> {
    let admitted = |value: &str| {
        selectors.iter().any(|one| conditions_on(*one, field).all(|c| fits(c, value)))
    };
    match selectors.is_empty() {
        // Another rule tells that nothing of KMS is logged.
        true => Vec::new(),
        false => probes.into_iter().filter(|value| !admitted(value)).collect(),
    }
}

fn gap(
    selectors: &[Json<'_>],
    field: &'static str,
    lost: Vec<&str>,
    weight: Weight,
) -> Option<Gap> {
    let excepts = |condition: Json<'_>| exceptions(condition).next().is_some();
    let by_exception = selectors.iter().any(|one| conditions_on(*one, field).any(excepts));
    let lost: Vec<String> = lost.into_iter().map(str::to_owned).collect();
    (!lost.is_empty()).then_some(Gap { field, lost, by_exception, weight })
}

/// The values that a condition leaves out by name.
fn exceptions<'a>(condition: Json<'a>) -> impl Iterator<Item = String> + 'a {
    let operators = ["notEquals", "notStartsWith", "notEndsWith"];
    let values = operators.into_iter().filter_map(move |operator| at(condition, &[operator]));
    values.flat_map(each).filter_map(Json::scalar).map(std::borrow::Cow::into_owned)
}

fn names(selectors: &[Json<'_>]) -> Option<Gap> {
    let probes = [ADMIN, CRYPTO, READ, UNASKED].into_iter().flatten().copied();
    let lost = lost(selectors, NAME, probes);
    let of_keys = |name: &&str| is_admin(name) || is_crypto(name) || is_unasked(name);
    let weight = if lost.iter().any(of_keys) { Weight::Keys } else { Weight::Reads };
    gap(selectors, NAME, lost, weight)
}

fn callers(selectors: &[Json<'_>]) -> Option<Gap> {
    let conditions = selectors.iter().flat_map(|one| conditions_on(*one, CALLER));
    let named: BTreeSet<String> = conditions.flat_map(exceptions).take(CALLERS_MAX).collect();
    let probes = named.iter().map(String::as_str).chain([ANYBODY]);
    let mut lost = lost(selectors, CALLER, probes);
    if let Some(last) = lost.last_mut().filter(|last| **last == ANYBODY) {
        *last = "everybody who is not listed";
    }
    gap(selectors, CALLER, lost, Weight::Keys)
}

fn kinds(selectors: &[Json<'_>]) -> Option<Gap> {
    let lost = lost(selectors, KIND, KINDS);
    let of_kms = lost.iter().any(|kind| KINDS[..KINDS_OF_KMS].contains(kind));
    gap(selectors, KIND, lost, if of_kms { Weight::Keys } else { Weight::Others })
}

fn console(selectors: &[Json<'_>]) -> Option<Gap> {
    gap(selectors, CONSOLE, lost(selectors, CONSOLE, ["true", "false"]), Weight::Keys)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::detector::with_record;

    /// What selectors with these conditions, beside those for management events, leave out.
    fn of(selectors: &[Value]) -> Vec<Gap> {
        let selectors: Vec<Value> = selectors
            .iter()
            .map(|conditions| {
                let mut all = vec![json!({"field": "eventCategory", "equals": ["Management"]})];
                all.extend(conditions.as_array().unwrap().iter().cloned());
                json!({"fieldSelectors": all})
            })
            .collect();
        let record = json!({"requestParameters": {"advancedEventSelectors": selectors}});
        with_record(&record, |event, _| gaps(event))
    }

    fn lost(field: &str, operator: &str, values: &[&str]) -> Option<(Vec<String>, bool, Weight)> {
        let all = of(&[json!([{"Field": field, operator: values}])]);
        assert!(all.len() < 2, "{all:?}");
        let gap = all.into_iter().next()?;
        assert_eq!(gap.field, field);
        Some((gap.lost, gap.by_exception, gap.weight))
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn calls_by_name() {
        let sign = Some((texts(&["Sign"]), true, Weight::Keys));
        assert_eq!(lost(NAME, "notEquals", &["Sign", "RunInstances"]), sign);
        let grants = Some((texts(&["ListGrants"]), true, Weight::Reads));
        assert_eq!(lost(NAME, "NotStartsWith", &["ListG"]), grants);
        assert_eq!(lost(NAME, "notEquals", &["RunInstances"]), None);
        let (some, by_exception, weight) = lost(NAME, "equals", &["Decrypt"]).unwrap();
        assert!(some.len() > 50 && !by_exception && weight == Weight::Keys);
    }

    #[test]
    fn callers_kinds_and_the_console() {
        let arn = "arn:aws:iam::111122223333:role/x";
        assert_eq!(lost(CALLER, "notEquals", &[arn]), Some((texts(&[arn]), true, Weight::Keys)));
        assert_eq!(
            lost(CALLER, "notEndsWith", &["/x"]),
            Some((texts(&["/x"]), true, Weight::Keys))
        );
        let others = Some((texts(&["everybody who is not listed"]), false, Weight::Keys));
        assert_eq!(lost(CALLER, "startsWith", &[arn]), others);
        let calls = Some((texts(&["AwsApiCall"]), true, Weight::Keys));
        assert_eq!(lost(KIND, "notEquals", &["AwsApiCall"]), calls);
        let sign_in = Some((texts(&["AwsConsoleSignIn"]), true, Weight::Others));
        assert_eq!(lost(KIND, "notEquals", &["AwsConsoleSignIn"]), sign_in);
        let console = Some((texts(&["true"]), true, Weight::Keys));
        assert_eq!(lost(CONSOLE, "notEquals", &["true"]), console);
        let rest = Some((texts(&["false"]), false, Weight::Keys));
        assert_eq!(lost(CONSOLE, "equals", &["true"]), rest);
    }

    #[test]
    fn what_another_selector_admits_is_not_lost() {
        let no_sign = json!([{"field": NAME, "notEquals": ["Sign"]}]);
        assert_eq!(of(&[no_sign.clone(), json!([{"field": NAME, "equals": ["Sign"]}])]), []);
        assert_eq!(of(&[no_sign.clone(), json!([])]), []);
        let no_kms = json!([{"field": "eventSource", "notEquals": [SOURCE]}]);
        assert_eq!(of(std::slice::from_ref(&no_kms)), [], "told of by the source");
        assert_eq!(of(&[no_sign, no_kms]).len(), 1);
        assert_eq!(of(&[]), []);
    }

    #[test]
    fn odd_shapes_and_very_many_callers() {
        for request in [json!(null), json!([]), json!({"advancedEventSelectors": [7, "x", null]})] {
            let record = json!({"requestParameters": request});
            assert_eq!(with_record(&record, |event, _| gaps(event)), [], "{record}");
        }
        let many: Vec<String> = (0..10_000).map(|n| format!("arn:{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let (some, ..) = lost(CALLER, "notEquals", &many).unwrap();
        assert_eq!(some.len(), CALLERS_MAX);
    }
}
