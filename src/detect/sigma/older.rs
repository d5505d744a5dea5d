//! Reads the documents of a file of rules, and says which of them are no rules for these logs.
//!
//! A folder of rules holds much else: rules for other logs, settings of other programs, templates, and
//! rules of ten years in older forms (`forms`). What must stay true: what is no rule for CloudTrail
//! costs nothing but a note, and a rule for CloudTrail that cannot be understood is told.

use rsigma_parser::{SigmaCollection, parse_sigma_yaml};
use yaml_serde::{Mapping, Value};

use super::forms::{self, Unfit};
use super::logs;
use super::name::canonical;
use super::stream;

/// Why a document in a folder of rules is passed over.
const FOREIGN: &str = "it is no Sigma: it has no detection, correlation or filter";

/// Why a file in a folder of rules is passed over.
const NO_YAML: &str = "it is no YAML, and does not look like a rule for these logs";
const EMPTY: &str = "it holds no rule";

/// What a file holds.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Its documents.
    pub collection: SigmaCollection,
    /// Documents that are not for these logs, or cannot be understood in one way only.
    pub passed_over: Vec<Named>,
    /// Documents that are for these logs and are left out.
    pub left_out: Vec<Named>,
    /// Documents of which a part means nothing.
    pub idle: Vec<Named>,
    /// What the user must mend before anything is evaluated.
    pub errors: Vec<String>,
    /// Whether its rules may have counts.
    pub counts: bool,
}

/// A document of which something is to be told.
#[derive(Debug)]
pub struct Named {
    /// Its title.
    pub title: Option<String>,
    /// The id, the name and the title, by which others may name it.
    pub names: Vec<String>,
    /// What, or why it becomes no rule.
    pub reason: String,
}

/// Parses the text of a built-in rule, which is of today.
pub fn parse_own(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    match parse_sigma_yaml(text) {
        Ok(collection) => parsed.take(collection),
        Err(error) => parsed.errors.push(error.to_string()),
    }
    parsed
}

/// Parses the text of a user's file. One that was `met` in a folder may be anything.
pub fn parse(text: &str, met: bool) -> Parsed {
    let mut parsed = Parsed { counts: true, ..Parsed::default() };
    let stream = match stream::documents(text) {
        Ok(stream) => stream,
        Err(_) if met && !logs::looks_like_ours(text) => {
            parsed.passed_over.push(Named::of(None, NO_YAML));
            return parsed;
        }
        Err(message) => {
            parsed.errors.push(message);
            return parsed;
        }
    };
    if stream.documents.is_empty() {
        match met {
            true => parsed.passed_over.push(Named::of(None, EMPTY)),
            false => parsed.errors.push("Document is not a YAML mapping".to_owned()),
        }
    }
    // Most files hold one document of today, and need not be written again.
    let as_written = (stream.as_written && stream.documents.len() == 1).then_some(text);
    for (_, document) in stream.documents {
        parsed.read(&document, as_written, met);
    }
    parsed
}

/// Why a file that was met in a folder is passed over whole: it is the file of some other program.
pub fn is_foreign(text: &str) -> bool {
    match stream::documents(text) {
        Ok(stream) => stream.documents.iter().all(|(_, document)| is_other(document)),
        Err(_) => !logs::looks_like_ours(text),
    }
}

/// Whether a document is none of Sigma.
fn is_other(document: &Value) -> bool {
    let Some(members) = document.as_mapping() else { return true };
    // Many programs have filters; one of Sigma is for some logs, or has a condition.
    let is_filter = members.get("filter").and_then(Value::as_mapping).is_some_and(|filter| {
        filter.contains_key("condition") || members.contains_key("logsource")
    });
    let is_sigma =
        is_filter || ["detection", "correlation"].iter().any(|name| members.contains_key(*name));
    // A rule that says for which logs it is, and not what it looks for, is a mistake.
    !is_sigma && !logs::names_cloudtrail(members)
}

impl Parsed {
    /// Reads one document; `text` is what the file holds, if that is all.
    fn read(&mut self, document: &Value, text: Option<&str>, met: bool) {
        let Some(members) = document.as_mapping() else {
            return self.refuse(None, "Document is not a YAML mapping", met);
        };
        let foreign = reason_of_logs(members);
        let is_rule = !is_other(document) && (met || members.contains_key("title"));
        // Nothing is made of rules for other logs.
        if let Some(reason) = foreign.as_ref().filter(|_| is_rule) {
            return self.passed_over.push(Named::of(Some(members), reason));
        }
        let mut newer = members.clone();
        match (forms::of_today(&mut newer), foreign) {
            (Ok(idle), None) => {
                self.idle.extend(idle.map(|idle| Named::of(Some(members), idle)));
            }
            (Ok(_), Some(_)) => {}
            (Err(_), Some(reason)) | (Err(Unfit::PassOver(reason)), None) => {
                return self.passed_over.push(Named::of(Some(members), &reason));
            }
            (Err(Unfit::LeaveOut(reason)), None) => {
                return self.left_out.push(Named::of(Some(members), &reason));
            }
        }
        let text = text.filter(|_| newer == *members);
        let parsed = match text {
            Some(text) => parse_sigma_yaml(text),
            None => parse_sigma_yaml(&yaml_serde::to_string(&newer).unwrap_or_default()),
        };
        match parsed {
            Ok(collection) => {
                match collection.errors.iter().find(|message| !is_harmless(message)).cloned() {
                    Some(message) => self.refuse(Some(members), &message, met),
                    None => self.take(collection),
                }
            }
            Err(error) => self.refuse(Some(members), &error.to_string(), met),
        }
    }

    /// Notes a document that the parser does not accept.
    fn refuse(&mut self, members: Option<&Mapping>, message: &str, met: bool) {
        let other = members.is_none_or(|members| is_other(&Value::Mapping(members.clone())));
        let is_correlation = members.is_some_and(|members| members.contains_key("correlation"));
        let reason = match met && other {
            true => FOREIGN,
            false if is_correlation && (met || forms::is_of_tomorrow(message)) => message,
            false => return self.errors.push(message.to_owned()),
        };
        self.passed_over.push(Named::of(members, reason));
    }

    fn take(&mut self, collection: SigmaCollection) {
        let SigmaCollection { rules, correlations, filters, errors, .. } = collection;
        let all = &mut self.collection;
        all.rules.extend(rules);
        all.correlations.extend(correlations);
        all.filters.extend(filters);
        self.errors.extend(errors.into_iter().filter(|message| !is_harmless(message)));
    }
}

impl Named {
    fn of(members: Option<&Mapping>, reason: &str) -> Named {
        let text = |name: &str| members?.get(name).and_then(Value::as_str).map(str::to_owned);
        let names = ["id", "name", "title"].into_iter().filter_map(text);
        let names = names.flat_map(|name| [canonical(&name).into_owned(), name]).collect();
        Named { title: text("title"), names, reason: reason.to_owned() }
    }
}

/// Why a document is for other logs. A correlation is for those of its rules.
fn reason_of_logs(members: &Mapping) -> Option<String> {
    let is_ours = members.contains_key("correlation")
        || (members.contains_key("filter") && !members.contains_key("logsource"));
    (!is_ours).then(|| logs::reason_of_members(members)).flatten()
}

/// Whether a message is about a member that does not affect what the rule matches.
fn is_harmless(message: &str) -> bool {
    message.starts_with("invalid status:")
        || message.starts_with("related[")
        || message.starts_with("'related'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_sigma_is_told_from_what_is_broken() {
        let ours = "logsource: {product: aws, service: cloudtrail}\n";
        let foreign = [
            "",
            "---\n",
            "# nothing\n",
            "- a\n",
            "text\n",
            "a: [\n",
            "{{- if .Values.aws }}\nkind: X\n{{- end }}\n",
            "title: x\nsteps: []\n",
            "title: x\nlogsource: {product: aws}\n",
            "action: allow\n",
            "services:\n  web: {}\n",
            "---\na: 1\n---\n---\nb: 2\n",
            "title: x\nlogsource: {product: windows}\ndetection: [\n",
        ];
        for text in foreign {
            assert!(is_foreign(text), "{text:?}");
            let parsed = parse(text, true);
            assert_eq!((parsed.errors.len(), parsed.left_out.len()), (0, 0), "{text:?}");
            assert!(!parsed.passed_over.is_empty(), "{text:?}");
            assert!(!parse(text, false).errors.is_empty(), "{text:?}");
        }
        for text in [
            "title: x\ndetection: [\n".to_owned() + ours,
            "correlation: [\n".to_owned(),
            "title: x\n".to_owned() + ours,
            "title: x\ndetection: {a: {b: c}, condition: a AND}\n".to_owned() + ours,
        ] {
            assert!(!is_foreign(&text), "{text:?}");
            assert_eq!(parse(&text, true).errors.len(), 1, "{text:?}");
        }
    }
}
