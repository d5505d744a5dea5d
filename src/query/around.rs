//! `--around`: what a finding or a case of a report is about, so that everything near it can be shown.
//!
//! A report is a file from outside: whatever in it does not read is as if it were not there.

use std::collections::BTreeSet;
use std::io::Read;

use serde_json::Value;

use super::key::{AskedKey, Naming, naming};
use crate::model::arn::Arn;
use crate::model::time::Time;
use crate::record::kms::View;

/// The largest report that is read (256 MiB).
const REPORT_MAX: u64 = 256 << 20;

/// What some findings are about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Around {
    /// Of users and roles, their ARNs; of others what the report names them by.
    pub principals: BTreeSet<String>,
    /// Ids of access keys.
    pub access_keys: BTreeSet<String>,
    /// Addresses as records have them.
    pub addresses: BTreeSet<String>,
    /// Ids of keys.
    pub keys: BTreeSet<String>,
    /// From the first event to the last.
    pub seen: Option<(Time, Time)>,
}

impl Around {
    /// What the findings of that fingerprint or case are about. Of a fingerprint its beginning is
    /// enough, if no other begins so.
    ///
    /// # Errors
    /// A report that is none, and a name that it does not have, or has for several findings.
    pub fn read(report: impl Read, wanted: &str) -> Result<Around, String> {
        let document: Value = serde_json::from_reader(report.take(REPORT_MAX))
            .map_err(|error| format!("no JSON report: {error}"))?;
        let findings = list(&document, "findings");
        if document.get("findings").is_none() {
            return Err("no report: expected what keytrail scan -f json wrote".into());
        }
        let chosen = choose(&document, &findings, wanted)?;
        let mut around = Around::default();
        chosen.into_iter().for_each(|finding| around.add(finding));
        Ok(around)
    }

    fn add(&mut self, finding: &Value) {
        let text = |path: &str| finding.pointer(path).and_then(Value::as_str).map(str::to_owned);
        self.principals.extend(text("/principal/arn"));
        let service = |text: &String| !text.ends_with(".amazonaws.com") && text != "AWS Internal";
        self.addresses.extend(text("/source_ip").filter(service));
        let id = |arn: String| Some(Arn::parse(&arn)?.resource.strip_prefix("key/")?.to_owned());
        self.keys.extend(text("/key/arn").and_then(id));
        self.credentials(finding);
        let events = list(finding, "events");
        let times = events.iter().filter_map(|event| event.get("time"));
        let ends = ["first_seen", "last_seen"].into_iter().filter_map(|name| finding.get(name));
        for time in times.chain(ends).filter_map(Value::as_str).filter_map(Time::parse) {
            let (first, last) = self.seen.unwrap_or((time, time));
            self.seen = Some((first.min(time), last.max(time)));
        }
    }

    /// Notes every id of an access key, wherever the finding has it.
    fn credentials(&mut self, finding: &Value) {
        let mut left = vec![finding];
        while let Some(value) = left.pop() {
            match value {
                Value::String(text) if is_access_key(text) => {
                    self.access_keys.insert(text.clone());
                }
                Value::Array(values) => left.extend(values),
                Value::Object(members) => left.extend(members.values()),
                _ => {}
            }
        }
    }

    /// Whether a call is near: by one of the principals or access keys, from one of the addresses, or
    /// on one of the keys.
    pub fn has(&self, view: &View<'_>) -> bool {
        let in_set = |set: &BTreeSet<String>, text: Option<&str>| {
            text.is_some_and(|text| set.contains(text))
        };
        in_set(&self.principals, view.principal_arn().as_deref())
            || in_set(&self.access_keys, view.access_key())
            || in_set(&self.addresses, view.source_ip().as_deref())
            || naming(&self.asked_keys(), view) == Naming::Yes
    }

    fn asked_keys(&self) -> Vec<AskedKey> {
        self.keys.iter().cloned().map(AskedKey::Id).collect()
    }

    /// Texts of which one stands in every record that is near.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        let last = |text: &'_ String| text.rfind(['/', ':']).map_or(0, |at| at + 1);
        let names = self.principals.iter().map(move |text| &text[last(text)..]);
        let others = [&self.access_keys, &self.addresses, &self.keys];
        names.chain(others.into_iter().flatten().map(String::as_str))
    }

    /// Whether there is nothing that a record could be near to.
    pub fn is_empty(&self) -> bool {
        self.literals().next().is_none()
    }
}

fn list<'v>(value: &'v Value, name: &str) -> Vec<&'v Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten().collect()
}

/// The findings that are meant.
fn choose<'v>(
    document: &'v Value,
    findings: &[&'v Value],
    wanted: &str,
) -> Result<Vec<&'v Value>, String> {
    let is = |value: &Value, name: &str| value.get(name).and_then(Value::as_str) == Some(wanted);
    let listed: BTreeSet<&str> = list(document, "cases")
        .into_iter()
        .filter(|case| is(case, "id"))
        .flat_map(|case| list(case, "findings"))
        .filter_map(Value::as_str)
        .collect();
    let fingerprint = |finding: &Value| {
        finding.get("fingerprint").and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut chosen = findings.to_vec();
    chosen.retain(|finding| is(finding, "case") || listed.contains(&*fingerprint(finding)));
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    chosen = findings.to_vec();
    chosen.retain(|finding| !wanted.is_empty() && fingerprint(finding).starts_with(wanted));
    let different: BTreeSet<String> = chosen.iter().map(|finding| fingerprint(finding)).collect();
    match different.len() {
        0 => Err(format!("no finding and no case of this report is called '{wanted}'")),
        1 => Ok(chosen),
        more => Err(format!("{more} fingerprints of this report begin with '{wanted}'")),
    }
}

/// Whether a text is the id of an access key, long-term or temporary.
fn is_access_key(text: &str) -> bool {
    let kind = text.starts_with("AKIA") || text.starts_with("ASIA");
    let made_of = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    kind && (16..=128).contains(&text.len()) && text.bytes().all(made_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"{"findings":[
        {"fingerprint":"ab12","case":"c1","first_seen":"2026-03-11T02:00:00Z","last_seen":"2026-03-11T03:00:00Z",
         "principal":{"arn":"arn:aws:iam::111122223333:user/ann"},"source_ip":"198.51.100.7",
         "key":{"arn":"arn:aws:kms:r:111122223333:key/k-1"},"details":{"x":["AKIAIOSFODNN7EXAMPLE"]}},
        {"fingerprint":"ab34","case":null,"principal":{"arn":"arn:aws:iam::111122223333:user/ben"},
         "source_ip":"s3.amazonaws.com","events":[{"time":"2026-03-12T00:00:00Z"}]}],
        "cases":[{"id":"c2","findings":["ab34","ab12"]}]}"#;

    fn read(wanted: &str) -> Result<Around, String> {
        Around::read(REPORT.as_bytes(), wanted)
    }

    #[test]
    fn findings_and_cases_are_found_by_their_names() {
        let one = read("c1").unwrap();
        assert_eq!(one, read("ab1").unwrap());
        let texts: Vec<&str> = one.literals().collect();
        assert_eq!(texts, ["ann", "AKIAIOSFODNN7EXAMPLE", "198.51.100.7", "k-1"]);
        let both = read("c2").unwrap();
        assert_eq!(both.principals.len(), 2);
        assert_eq!(both.addresses.len(), 1);
        let (first, last) = both.seen.unwrap();
        assert_eq!(
            [first.to_string(), last.to_string()],
            ["2026-03-11T02:00:00Z", "2026-03-12T00:00:00Z"]
        );
    }

    #[test]
    fn what_is_not_there_is_said() {
        assert!(read("ab").unwrap_err().contains("2 fingerprints"));
        assert!(read("").is_err() && read("x").unwrap_err().contains("'x'"));
        for text in ["", "[]", "{}", "{\"findings\":1", "null"] {
            assert!(Around::read(text.as_bytes(), "ab12").is_err(), "{text}");
        }
        assert!(Around::read(&b"{\"findings\":1}"[..], "ab12").is_err());
    }
}
