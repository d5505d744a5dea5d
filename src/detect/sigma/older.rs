//! Older and looser forms of Sigma, put into the form of today before they are parsed.
//!
//! Public collections hold rules of ten years. Three things in them are not Sigma of today and yet
//! have one meaning only: levels with capitals, documents that are empty, and conditions that end
//! in a count (`| count() by userName > 5`), which correlations have replaced. What must stay true:
//! a form that is not understood is not guessed; it is passed over, with the reason.

use std::collections::HashMap;

use rsigma_parser::{SigmaCollection, Timespan, parse_sigma_yaml};
use serde::Deserialize;
use yaml_serde::{Deserializer, Mapping, Value};

use crate::detect::stateful::{Compare, Kind, Limit};

/// The member that holds the count of a condition once it was taken out of it.
const COUNT: &str = "keytrail.count";

/// How long the events of a count may be apart if it has no `timeframe`, which Sigma leaves open.
const SPAN: &str = "1d";

/// The name of a member that stands for the members of another mapping.
const MERGE: &str = "<<";

/// Members of which every Sigma document has one.
const SIGMA: [&str; 6] = ["title", "logsource", "detection", "correlation", "filter", "action"];

/// What a file holds.
#[derive(Debug)]
pub struct Parsed {
    /// Its documents.
    pub collection: SigmaCollection,
    /// Documents that cannot be understood in one way only.
    pub passed_over: Vec<PassedOver>,
    /// Whether its rules may have counts.
    pub is_older: bool,
}

/// A document that cannot be understood in one way only.
#[derive(Debug)]
pub struct PassedOver {
    /// Its title.
    pub title: Option<String>,
    /// The id, the name and the title, by which others may name it.
    pub names: Vec<String>,
    /// Why.
    pub reason: String,
}

/// Parses the text of a rule file.
///
/// # Errors
/// Documents that cannot be merged.
pub fn parse(text: &str) -> Result<Parsed, String> {
    let parse = |text: &str| parse_sigma_yaml(text).map_err(|error| error.to_string());
    let collection = parse(text)?;
    // Most files are of today, and need not be read twice.
    let nameless = collection.rules.iter().any(|rule| rule.id.is_none())
        || collection.correlations.iter().any(|rule| rule.id.is_none());
    let is_of_today = collection.errors.is_empty()
        && collection.filters.is_empty()
        && !text.contains(MERGE)
        && !(nameless && text.contains("id:"));
    if is_of_today {
        return Ok(Parsed { collection, passed_over: Vec::new(), is_older: false });
    }
    let mut passed_over = Vec::new();
    match of_today(text, &mut passed_over) {
        // All that it holds was passed over.
        Some(text) if text.is_empty() && !passed_over.is_empty() => {
            Ok(Parsed { collection: SigmaCollection::new(), passed_over, is_older: true })
        }
        Some(text) => Ok(Parsed { collection: parse(&text)?, passed_over, is_older: true }),
        None => Ok(Parsed { collection, passed_over, is_older: false }),
    }
}

/// Whether a file is YAML in which no document looks like Sigma: the settings of some other program.
pub fn is_foreign(text: &str) -> bool {
    let Some(documents) = documents(text) else { return false };
    let foreign = |document: &Value| {
        document
            .as_mapping()
            .is_some_and(|members| !SIGMA.iter().any(|name| members.contains_key(*name)))
    };
    !documents.is_empty() && documents.iter().all(foreign)
}

/// The documents of a file that are not empty; `None` if it is no YAML.
fn documents(text: &str) -> Option<Vec<Value>> {
    let values = Deserializer::from_str(text).map(Value::deserialize);
    let values: Vec<Value> = values.collect::<Result<_, _>>().ok()?;
    Some(values.into_iter().filter(|value| !value.is_null()).collect())
}

/// The text with every document in the form of today; `None` if it is no YAML.
fn of_today(text: &str, passed_over: &mut Vec<PassedOver>) -> Option<String> {
    let mut newer = Vec::new();
    for mut document in documents(text)? {
        if let Some(members) = document.as_mapping_mut() {
            lower(members, "level");
            lower(members, "status");
            members.remove(COUNT);
            write_id(members);
            let merged =
                match members.iter().any(|(name, value)| merges(name, value)) {
                    true => Err("YAML merge keys (`<<`) are not supported: write the members out"
                        .to_owned()),
                    false => Ok(()),
                };
            if let Err(reason) = merged
                .and_then(|()| names_its_rules(members))
                .and_then(|()| take_count_out(members))
            {
                passed_over.push(PassedOver::new(members, reason));
                continue;
            }
        }
        newer.push(yaml_serde::to_string(&document).ok()?);
    }
    Some(newer.join("---\n"))
}

/// Writes the text of a member in lower case, as Sigma's words are.
fn lower(members: &mut Mapping, name: &str) {
    if let Some(Value::String(text)) = members.get_mut(name) {
        *text = text.trim().to_ascii_lowercase();
    }
}

/// Writes an id that is a number as text, as people mean it.
fn write_id(members: &mut Mapping) {
    if let Some(id) = members.get_mut("id")
        && let Value::Number(number) = id
    {
        *id = Value::String(number.to_string());
    }
}

/// Whether a member or one within it merges another mapping into its own. The parser does not, and would
/// look for a field of that name. How deep values are is limited where files are read.
fn merges(name: &Value, value: &Value) -> bool {
    name.as_str() == Some(MERGE)
        || match value {
            Value::Mapping(members) => members.iter().any(|(name, value)| merges(name, value)),
            Value::Sequence(items) => items.iter().any(|item| merges(&Value::Null, item)),
            _ => false,
        }
}

/// Whether a filter, if it is one, says which rules it narrows. The parser takes whatever it does not
/// understand there for all rules, which would hide what they find.
fn names_its_rules(members: &Mapping) -> Result<(), String> {
    let Some(Value::Mapping(filter)) = members.get("filter") else { return Ok(()) };
    let is_name = |value: &Value| value.as_str().is_some_and(|name| !name.trim().is_empty());
    let named = match filter.get("rules") {
        Some(Value::Sequence(names)) => !names.is_empty() && names.iter().all(is_name),
        Some(name) => is_name(name),
        None => false,
    };
    match named {
        true => Ok(()),
        false => Err("a filter names its rules as texts under `rules`, or says `any`".to_owned()),
    }
}

/// Takes a count out of the condition of a rule and notes it as a member of its own.
fn take_count_out(members: &mut Mapping) -> Result<(), String> {
    // Some rules have it one step too far out.
    let outer = members.get("timeframe").cloned();
    let Some(Value::Mapping(detection)) = members.get_mut("detection") else { return Ok(()) };
    let condition = match detection.get("condition") {
        Some(Value::Sequence(conditions)) => match &conditions[..] {
            [only] => only.as_str(),
            several => {
                let counts =
                    several.iter().filter_map(Value::as_str).any(|text| text.contains('|'));
                return if counts { Err(unclear("several conditions")) } else { Ok(()) };
            }
        },
        condition => condition.and_then(Value::as_str),
    };
    let Some((selected, count)) = condition.and_then(|text| text.split_once('|')) else {
        return Ok(());
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
    Ok(())
}

/// Why a count is not understood, and what to write instead.
fn unclear(what: &str) -> String {
    format!(
        "aggregations in a condition are not supported with {what}: write a Sigma correlation \
         over the rule instead"
    )
}

impl PassedOver {
    fn new(members: &Mapping, reason: String) -> PassedOver {
        let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
        let names = ["id", "name", "title"].into_iter().filter_map(text).collect();
        PassedOver { title: text("title"), names, reason }
    }
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
    /// The count of a rule, if [`parse`] took one out of its condition.
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

    #[test]
    fn what_is_no_sigma_is_told_from_what_is_broken() {
        assert!(is_foreign("services:\n  web: {}\n"));
        assert!(is_foreign("---\na: 1\n---\n---\nb: 2\n"));
        for text in ["", "---\n", "- a\n", "a: [\n", "a: 1\n---\ntitle: x\n", "logsource: {}\n"] {
            assert!(!is_foreign(text), "{text:?}");
        }
    }
}
