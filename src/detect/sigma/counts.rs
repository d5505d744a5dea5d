//! Conditions that end in a count (`| count() by userName > 5`), which correlations have replaced.
//!
//! What must stay true: a count that is not understood is not guessed; its rule is passed over, with
//! the reason.

use std::collections::HashMap;

use rsigma_parser::Timespan;
use yaml_serde::{Mapping, Value};

use crate::detect::stateful::{Compare, Kind, Limit};

/// The member that holds the count of a condition once it was taken out of it.
pub const COUNT: &str = "keytrail.count";

/// How long the events of a count may be apart if it has no `timeframe`, which Sigma leaves open.
const SPAN: &str = "1d";

/// Takes a count out of the condition of a rule and notes it as a member of its own. Returns whether
/// the rule has a `timeframe` without a count, which means nothing and is taken out too.
///
/// # Errors
/// Why the count is not understood.
pub fn take_count_out(members: &mut Mapping) -> Result<bool, String> {
    // Some rules have it one step too far out.
    let outer = members.get("timeframe").cloned();
    let Some(Value::Mapping(detection)) = members.get_mut("detection") else { return Ok(false) };
    let condition = match detection.get("condition") {
        Some(Value::Sequence(conditions)) => match &conditions[..] {
            [only] => only.as_str(),
            several => {
                if several.iter().filter_map(Value::as_str).any(|text| text.contains('|')) {
                    return Err(unclear("several conditions"));
                }
                None
            }
        },
        condition => condition.and_then(Value::as_str),
    };
    let Some((selected, count)) = condition.and_then(|text| text.split_once('|')) else {
        return match condition.filter(|text| counts_nothing(text)) {
            Some(text) => Err(unclear(&format!("`{}` and no detection before it", text.trim()))),
            None => Ok(detection.remove("timeframe").is_some()),
        };
    };
    let (selected, count) = (selected.trim().to_owned(), count.trim().to_owned());
    let span = match detection.get("timeframe").or(outer.as_ref()) {
        Some(span) => span.as_str().ok_or_else(|| unclear("a `timeframe` without a unit"))?,
        None => SPAN,
    };
    let count = Count::parse(&count, span)?.text();
    detection.remove("timeframe");
    detection.insert("condition".into(), selected.into());
    members.insert(COUNT.into(), count.into());
    Ok(false)
}

/// Whether a condition is a count without the detection that it counts.
fn counts_nothing(condition: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let condition = condition.trim_start();
    let (name, rest) = condition.split_at(condition.find(|c| !word(c)).unwrap_or(condition.len()));
    let is = |known: &&str| name.eq_ignore_ascii_case(known);
    match ["count", "sum", "min", "max", "avg"].iter().any(is) {
        true => rest.trim_start().starts_with('('),
        false => is(&"near") && rest.starts_with(char::is_whitespace),
    }
}

/// Why a count is not understood, and what to write instead.
fn unclear(what: &str) -> String {
    format!(
        "aggregations in a condition are not supported with {what}: write a Sigma correlation \
         over the rule instead"
    )
}

/// The count at the end of an older condition: `count(FIELD) by FIELDS > NUMBER`, in a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The field whose different values are counted; without it the events are.
    of: Option<String>,
    /// What the events have in common.
    pub by: Vec<String>,
    limit: Limit,
    /// How long the events may be apart, in seconds.
    pub secs: u64,
}

impl Count {
    /// The count of a rule, if [`take_count_out`] took one out of its condition.
    pub fn in_members(members: &HashMap<String, Value>) -> Option<Count> {
        let (span, text) = members.get(COUNT)?.as_str()?.split_once(' ')?;
        Count::parse(text, span).ok()
    }

    /// Reads what stands behind the `|` of a condition.
    fn parse(text: &str, span: &str) -> Result<Count, String> {
        let unclear = || unclear(&format!("`{text}`"));
        let (of, rest) = text
            .get(..5)
            .filter(|word| word.eq_ignore_ascii_case("count"))
            .and_then(|_| text[5..].trim_start().strip_prefix('(')?.split_once(')'))
            .ok_or_else(unclear)?;
        let at = rest.find(['<', '>', '=']).ok_or_else(unclear)?;
        let (by, limit) = rest.split_at(at);
        let by = match by.trim() {
            "" => Vec::new(),
            by => {
                let fields = by.get(..3).filter(|word| word.eq_ignore_ascii_case("by "));
                fields.ok_or_else(unclear)?;
                by[3..].split(',').map(|field| field.trim().to_owned()).collect()
            }
        };
        let number = limit.trim_start_matches(['<', '>', '=']);
        let than = match &limit[..limit.len() - number.len()] {
            "<" => Compare::Less,
            "<=" => Compare::LessOrEqual,
            ">" => Compare::More,
            ">=" => Compare::MoreOrEqual,
            "=" | "==" => Compare::Equal,
            _ => return Err(unclear()),
        };
        let is_field = |field: &String| !field.is_empty() && !field.contains(char::is_whitespace);
        if !by.iter().all(is_field) || of.trim().contains(char::is_whitespace) {
            return Err(unclear());
        }
        let number = number.trim().parse().map_err(|_| unclear())?;
        let secs = Timespan::parse(span.trim()).map_err(|error| error.to_string())?.seconds;
        let of = Some(of.trim().to_owned()).filter(|of| !of.is_empty());
        Ok(Count { of, by, limit: Limit { than, number }, secs })
    }

    /// The count as text that [`Count::in_members`] reads.
    fn text(&self) -> String {
        let Count { of, by, limit, secs } = self;
        let than = match limit.than {
            Compare::Less => "<",
            Compare::LessOrEqual => "<=",
            Compare::More => ">",
            Compare::MoreOrEqual => ">=",
            Compare::Equal | Compare::NotEqual => "=",
        };
        let by = if by.is_empty() { String::new() } else { format!(" by {}", by.join(",")) };
        format!("{secs}s count({}){by} {than} {}", of.as_deref().unwrap_or_default(), limit.number)
    }

    /// What a correlation asks in its place.
    pub fn kind(&self) -> Kind {
        let limits = vec![self.limit];
        match &self.of {
            None => Kind::EventCount(limits),
            Some(field) => Kind::ValueCount(limits, vec![field.clone()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_nothing_are_told_from_names() {
        for text in ["count() > 2 by a", " COUNT (a) > 2", "sum(x) > 5", "near a and b"] {
            assert!(counts_nothing(text), "{text}");
        }
        for text in ["", "count", "count and a", "counted(a)", "near", "not count(a)"] {
            assert!(!counts_nothing(text), "{text}");
        }
    }

    #[test]
    fn counts_are_read_in_every_spelling() {
        let count = Count::parse("count() > 5", "10m").unwrap();
        assert_eq!((count.by.len(), count.secs, &count.of), (0, 600, &None));
        let count = Count::parse("COUNT( a.b )By x , y.z>=7", "1h").unwrap();
        assert_eq!(count.by, ["x", "y.z"]);
        assert_eq!(count.kind(), Kind::ValueCount(vec![count.limit], vec!["a.b".to_owned()]));
        for text in ["count() > 5", "count(a) by b,c == 1", "count() by b <= 0"] {
            let count = Count::parse(text, "2d").unwrap();
            let members = HashMap::from([(COUNT.to_owned(), count.text().into())]);
            assert_eq!(Count::in_members(&members), Some(count));
        }
        for text in [
            "",
            "near b",
            "sum(x) > 5",
            "count > 5",
            "count() 5",
            "count() by > 5",
            "count() by a b > 5",
            "count() > x",
            "count() => 5",
            "count(a b) > 5",
            "c\u{f6}unt() > 1",
        ] {
            let reason = Count::parse(text, "10m").unwrap_err();
            assert!(reason.starts_with("aggregations in a condition are not supported"), "{text}");
        }
        assert!(Count::parse("count() > 5", "soon").is_err());
    }
}
