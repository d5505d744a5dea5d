//! `--where`: what one field of a record must say.
//!
//! ```text
//! FIELD=VALUE  FIELD!=VALUE     the same text, or not
//! FIELD~PATTERN                 * is any run of characters, ? any one; case does not count
//! FIELD:lt:VALUE  le  gt  ge    numbers as numbers, times as times, anything else as text
//! FIELD:present  FIELD:absent   whether there is a value at all
//! ```
//!
//! A field is a path of member names with dots between them, through lists too. What must stay true:
//! `!=` and `absent` are the exact opposites of `=` and `present`.

use std::cmp::Ordering;

use crate::model::pattern::wildcard;
use crate::model::time::Time;
use crate::record::json::{Json, Kind};

/// More parts than this has no path of CloudTrail.
const PARTS_MAX: usize = 16;

/// Lists that lie in each other are followed this deep.
const LISTS_MAX: usize = 4;

/// What one field must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The path in lower case: the case of member names does not count.
    field: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Is(String),
    IsNot(String),
    /// In lower case.
    Like(String),
    /// The value lies so to the one that was typed.
    Ordered(&'static [Ordering], String),
    Present,
    Absent,
}

/// The operators between a field and a value; of those that begin at one place the longest first.
const OPERATORS: [&str; 7] = ["!=", "=", "~", ":lt:", ":le:", ":gt:", ":ge:"];

impl Term {
    /// Reads a term.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn parse(text: &str) -> Result<Term, String> {
        let found = OPERATORS.iter().filter_map(|operator| Some((text.find(operator)?, *operator)));
        let first = found.min_by_key(|(at, operator)| (*at, usize::MAX - operator.len()));
        let (field, test) = match first {
            Some((at, operator)) => (&text[..at], test(operator, &text[at + operator.len()..])),
            None => match (text.strip_suffix(":present"), text.strip_suffix(":absent")) {
                (Some(field), _) => (field, Test::Present),
                (_, Some(field)) => (field, Test::Absent),
                _ => return Err(EXPECTED.into()),
            },
        };
        let parts = field.split('.').count();
        if field.is_empty() || field.split('.').any(str::is_empty) || parts > PARTS_MAX {
            let what = "expected a path of member names such as requestParameters.keyId";
            return Err(format!("'{field}' is no field: {what}"));
        }
        Ok(Term { field: field.to_ascii_lowercase(), test })
    }

    /// The path that it asks, in lower case.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Whether a record holds what it says.
    pub fn holds(&self, record: Json<'_>) -> bool {
        let any = |fits: &dyn Fn(Json<'_>) -> bool| any_at(record, &self.field, &mut |v| fits(v));
        let is = |wanted: &str| any(&|value| value.scalar().is_some_and(|text| text == *wanted));
        let there = || any(&|value| !value.is_null());
        match &self.test {
            Test::Is(wanted) => is(wanted),
            Test::IsNot(wanted) => !is(wanted),
            Test::Present => there(),
            Test::Absent => !there(),
            Test::Like(pattern) => any(&|value| {
                let text = match value.kind() {
                    Kind::Null => return false,
                    Kind::Object | Kind::Array => value.raw().into(),
                    _ => value.scalar().unwrap_or_default(),
                };
                wildcard(pattern, &text.to_lowercase())
            }),
            Test::Ordered(fits, wanted) => any(&|value| {
                value.scalar().is_some_and(|text| fits.contains(&compare(&text, wanted)))
            }),
        }
    }

    /// The field, if one of several such terms of it is enough: no field is two things at once.
    pub fn choice(&self) -> Option<&str> {
        matches!(self.test, Test::Is(_) | Test::Like(_)).then_some(&self.field)
    }

    /// A text that stands in every record that holds it, if there is one worth looking for.
    pub fn literal(&self) -> Option<&str> {
        match &self.test {
            Test::Is(value) => Some(value),
            _ => None,
        }
    }
}

const EXPECTED: &str = "expected FIELD=VALUE, FIELD!=VALUE, FIELD~PATTERN, FIELD:lt:VALUE (also le, \
                        gt, ge), FIELD:present or FIELD:absent";

fn test(operator: &str, value: &str) -> Test {
    use Ordering::{Equal, Greater, Less};
    let value = value.to_owned();
    match operator {
        "=" => Test::Is(value),
        "!=" => Test::IsNot(value),
        "~" => Test::Like(value.to_lowercase()),
        ":lt:" => Test::Ordered(&[Less], value),
        ":le:" => Test::Ordered(&[Less, Equal], value),
        ":gt:" => Test::Ordered(&[Greater], value),
        _ => Test::Ordered(&[Greater, Equal], value),
    }
}

/// How a value lies to the one that was typed.
fn compare(value: &str, wanted: &str) -> Ordering {
    if let (Ok(value), Ok(wanted)) = (value.parse::<f64>(), wanted.parse::<f64>())
        && let Some(order) = value.partial_cmp(&wanted)
    {
        return order;
    }
    match (Time::parse(value), Time::parse(wanted)) {
        (Some(value), Some(wanted)) => value.cmp(&wanted),
        _ => value.cmp(wanted),
    }
}

/// Whether any value behind a path fits. A member's name may hold dots itself, as those of encryption
/// contexts do.
fn any_at(value: Json<'_>, path: &str, fits: &mut dyn FnMut(Json<'_>) -> bool) -> bool {
    match value.kind() {
        Kind::Object => {
            // Of several members of one name the last one counts.
            let dots = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
            for at in dots {
                let Some(member) = value.get_any_case(&path[..at]) else { continue };
                let rest = path[at..].trim_start_matches('.');
                if any_in(member, rest, LISTS_MAX, fits) {
                    return true;
                }
            }
            false
        }
        _ => false,
    }
}

/// The same of what lies in a value, which may be a list.
fn any_in(
    value: Json<'_>,
    path: &str,
    lists: usize,
    fits: &mut dyn FnMut(Json<'_>) -> bool,
) -> bool {
    if path.is_empty() && fits(value) {
        return true;
    }
    match value.kind() {
        Kind::Array if lists > 0 => {
            value.elements().any(|element| any_in(element, path, lists - 1, fits))
        }
        Kind::Object if !path.is_empty() => any_at(value, path, fits),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"eventName":"Decrypt","n":7,"when":"2026-03-11T02:00:00Z",
        "requestParameters":{"keyId":"alias/pay","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::b/k",
        "a.b":"dots"},"none":null,"list":[{"x":"one"},{"x":"two"}],"size":"12"}}"#;

    fn holds(term: &str) -> bool {
        Term::parse(term).unwrap().holds(Json::new(RECORD))
    }

    #[test]
    fn each_operator_says_what_it_means() {
        for term in [
            "eventName=Decrypt",
            "eventname=Decrypt",
            "eventName!=Encrypt",
            "nowhere!=x",
            "eventName~dec*",
            "eventName~?ecrypt",
            "requestParameters~*ALIAS/PAY*",
            "n=7",
            "n:lt:10",
            "n:ge:7",
            "requestParameters.size:gt:9",
            "when:lt:2026-03-11T03:00:00+00:30",
            "requestParameters.encryptionContext.aws:s3:arn=arn:aws:s3:::b/k",
            "requestParameters.encryptionContext.a.b=dots",
            "requestParameters.list.x=two",
            "requestParameters.list:present",
            "requestParameters.none:absent",
            "requestParameters.keyId.more:absent",
        ] {
            assert!(holds(term), "{term}");
        }
        for term in [
            "eventName=decrypt",
            "eventName!=Decrypt",
            "eventName~ecrypt",
            "n:gt:7",
            "requestParameters.size:lt:9",
            "requestParameters.none:present",
            "requestParameters.list.x=three",
            "requestParameters.list.x!=one",
            "eventName.x=Decrypt",
        ] {
            assert!(!holds(term), "{term}");
        }
    }

    #[test]
    fn what_is_no_term_is_refused() {
        for text in
            ["", "eventName", "=x", "a..b=x", "eventName:lt", &format!("{}a=1", "a.".repeat(16))]
        {
            assert!(Term::parse(text).is_err(), "{text}");
        }
        // The first operator counts, so that a value may hold any.
        assert_eq!(Term::parse("a=b!=c:lt:d").unwrap().literal(), Some("b!=c:lt:d"));
        assert_eq!(Term::parse("a=b~c").unwrap().literal(), Some("b~c"));
    }

    #[test]
    fn lists_in_lists_are_followed_so_far_and_no_further() {
        let nested =
            |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
        let term = Term::parse("a=1").unwrap();
        assert!(term.holds(Json::new(&nested(LISTS_MAX))));
        assert!(!term.holds(Json::new(&nested(LISTS_MAX + 1))));
        assert!(!term.holds(Json::new(&nested(100_000))));
    }
}
