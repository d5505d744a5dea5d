//! A row of a table with a column for each member of a record: what Athena, CloudTrail Lake, Glue and
//! Steampipe make of CloudTrail logs. It is turned back into the text of a record.
//!
//! Columns are told by their names, whatever their case, with or without underscores. What must stay
//! true: a member that has no column is listed as unknown in the record, so that no rule takes it for
//! absent. A column that is empty is a member that the record does not have.
//!
//! Source: Athena user guide, "Create a table for CloudTrail logs in Athena"; CloudTrail user guide,
//! "Supported event schemas for CloudTrail Lake"; Steampipe, table `aws_cloudtrail_trail_event`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::struct_text;
use crate::model::columns::{MEMBERS, RARE, WHOLE, plain};
use crate::record::json::{Json, Kind};
use crate::record::unknown;

/// A value of a row.
#[derive(Debug, Clone)]
pub enum Cell<'a> {
    /// As CSV has it.
    Text(Cow<'a, str>),
    /// As JSON has it.
    Json(Json<'a>),
}

/// What a row holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// The whole record in one of its columns, as text.
    Whole(String),
    /// A record, as text, made of its columns.
    Record(String),
    /// No record.
    NoRecord,
}

/// What a member of a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Text,
    Flag,
    /// An object or a list, whose names CloudTrail chooses.
    Nested,
    /// An object or a list, whose names the called service chooses. They keep their case.
    Free,
}

impl Member {
    fn of(name: &str) -> Member {
        match name {
            "readOnly" | "managementEvent" | "sessionCredentialFromConsole" => Member::Flag,
            "userIdentity" | "resources" | "tlsDetails" => Member::Nested,
            "requestParameters"
            | "responseElements"
            | "additionalEventData"
            | "serviceEventDetails" => Member::Free,
            name if RARE.contains(&name) => Member::Free,
            _ => Member::Text,
        }
    }
}

/// How many names a path may have. What follows is part of the last one.
const DEEPEST_PATH: usize = 8;

/// Names inside of [`Member::Nested`], which tables have in lower case.
const NESTED: [&str; 30] = [
    "principalId",
    "accountId",
    "accessKeyId",
    "userName",
    "sessionContext",
    "mfaAuthenticated",
    "creationDate",
    "sessionIssuer",
    "sourceIdentity",
    "invokedBy",
    "identityProvider",
    "webIdFederationData",
    "federatedProvider",
    "ec2RoleDelivery",
    "assumedRoot",
    "onBehalfOf",
    "userId",
    "identityStoreArn",
    "inScopeOf",
    "issuerType",
    "credentialsIssuedTo",
    "credentialId",
    "sourceArn",
    "sourceAccount",
    "identityCenterApplication",
    "tlsVersion",
    "cipherSuite",
    "clientProvidedHostHeader",
    "sessionToken",
    "keyExchange",
];

/// Reads a row.
pub fn read(cells: Vec<(Cow<'_, str>, Cell<'_>)>) -> Row {
    let columns: Vec<(String, Cell<'_>)> =
        cells.into_iter().map(|(name, cell)| (plain(&name), cell)).collect();
    for name in WHOLE {
        let text = columns.iter().find(|(column, _)| column == name).and_then(|(_, cell)| {
            let text = match cell {
                Cell::Text(text) => text.to_string(),
                Cell::Json(json) if json.kind() == Kind::Object => json.raw().to_owned(),
                Cell::Json(json) => json.text()?.into_owned(),
            };
            (!text.trim().is_empty()).then_some(text)
        });
        if let Some(text) = text {
            return Row::Whole(text);
        }
    }
    let (mut record, mut missing) = (Map::new(), Vec::new());
    for member in MEMBERS.into_iter().chain(RARE) {
        let (name, kind) = (member.to_ascii_lowercase(), Member::of(member));
        match columns.iter().find(|(column, _)| *column == name) {
            None if RARE.contains(&member) => {}
            None => missing.push(member),
            Some((_, cell)) => {
                let value = value(member, kind, cell);
                if !value.is_null() {
                    record.insert(member.to_owned(), value);
                }
            }
        }
    }
    match record.contains_key("eventName") && record.contains_key("eventSource") {
        true => Row::Record(unknown::with(&missing, record)),
        false => Row::NoRecord,
    }
}

/// A part of a record, under the names that CloudTrail gives its members: with what is missing. Names
/// with dots are paths.
pub fn part(record: Json<'_>) -> String {
    let mut members = Map::new();
    for (name, value) in record.members() {
        let name = name.text();
        let is_path = name.split('.').next().is_some_and(|first| MEMBERS.contains(&first));
        match is_path {
            true => put(&mut members, &name, value.to_value()),
            false => drop(members.insert(name.into_owned(), value.to_value())),
        }
    }
    let is_missing = |name: &&str| !members.contains_key(*name);
    let mut missing: Vec<&str> = MEMBERS.into_iter().filter(is_missing).collect();
    let identity = members.get("userIdentity").and_then(Value::as_object);
    if identity.is_some_and(|identity| !identity.contains_key("sessionContext")) {
        missing.push("userIdentity.sessionContext");
    }
    unknown::with(&missing, members)
}

/// Puts a value at a path, names with dots between them, unless something is there.
pub fn put(members: &mut Map<String, Value>, path: &str, value: Value) {
    let mut inner = members;
    let mut names = path.splitn(DEEPEST_PATH, '.').peekable();
    while let Some(name) = names.next() {
        if names.peek().is_none() {
            inner.entry(name).or_insert(value);
            return;
        }
        match inner.entry(name).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(next) => inner = next,
            _ => return,
        }
    }
}

/// A row as a list of its cells: `[{"field":NAME,"value":VALUE},…]` (Logs Insights), or an object for
/// each column (CloudTrail Lake).
pub fn of_list(list: Json<'_>) -> Row {
    let mut cells = Vec::new();
    for cell in list.elements() {
        match (cell.get("field").and_then(Json::as_str), cell.get("value")) {
            (Some(name), Some(value)) => cells.push((name, Cell::Json(value))),
            _ => cells.extend(cell.members().map(|(name, value)| (name.text(), Cell::Json(value)))),
        }
    }
    read(cells)
}

fn value(member: &str, kind: Member, cell: &Cell<'_>) -> Value {
    let value = match cell {
        Cell::Json(json) if json.kind() != Kind::String => json.to_value(),
        Cell::Json(json) => of_text(kind, &json.as_str().unwrap_or_default()),
        Cell::Text(text) => of_text(kind, text),
    };
    match kind {
        Member::Nested => named(value, member == "resources"),
        _ => value,
    }
}

fn of_text(kind: Member, text: &str) -> Value {
    match (kind, text.trim()) {
        (_, "" | "null") => Value::Null,
        (Member::Flag, flag) if flag.eq_ignore_ascii_case("true") => Value::Bool(true),
        (Member::Flag, flag) if flag.eq_ignore_ascii_case("false") => Value::Bool(false),
        (Member::Text | Member::Flag, _) => Value::String(text.to_owned()),
        (Member::Nested | Member::Free, _) => struct_text::value(text),
    }
}

/// The same value with the names that CloudTrail has, and without what is null.
fn named(value: Value, of_resources: bool) -> Value {
    match value {
        Value::Object(members) => {
            let rename = |(name, value): (String, Value)| {
                let name = match NESTED
                    .iter()
                    .find(|known| known.eq_ignore_ascii_case(&plain(&name)))
                {
                    Some(known) => (*known).to_owned(),
                    None if of_resources && name.eq_ignore_ascii_case("arn") => "ARN".to_owned(),
                    None => name,
                };
                (!value.is_null()).then(|| (name, named(value, of_resources)))
            };
            Value::Object(members.into_iter().filter_map(rename).collect())
        }
        Value::Array(elements) => {
            elements.into_iter().map(|element| named(element, of_resources)).collect()
        }
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of_text(cells: &[(&'static str, &'static str)]) -> Row {
        read(
            cells.iter().map(|(name, text)| ((*name).into(), Cell::Text((*text).into()))).collect(),
        )
    }

    fn record(row: Row) -> Value {
        match row {
            Row::Record(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn columns_become_members_and_missing_ones_are_unknown() {
        let row = record(of_text(&[
            ("eventname", "Decrypt"),
            ("event_source", "kms.amazonaws.com"),
            (
                "useridentity",
                "{type=IAMUser, principalid=AIDA, sessioncontext={attributes={mfaauthenticated=false}}}",
            ),
            ("errorcode", ""),
            ("readonly", "true"),
            ("requestparameters", "{\"keyId\":\"k\",\"encryptionContext\":{\"a\":\"b\"}}"),
            ("resources", "[{arn=arn:x, accountid=111122223333, type=AWS::KMS::Key}]"),
        ]));
        let unknown: Vec<&str> =
            row[unknown::MEMBER].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(unknown.contains(&"responseElements") && unknown.contains(&"eventID"));
        assert!(!unknown.contains(&"errorCode") && !unknown.contains(&"requestParameters"));
        assert_eq!(row["userIdentity"]["principalId"], "AIDA");
        assert_eq!(
            row["userIdentity"]["sessionContext"]["attributes"]["mfaAuthenticated"],
            "false"
        );
        assert_eq!(row["readOnly"], true);
        assert_eq!(row["requestParameters"]["encryptionContext"]["a"], "b");
        assert_eq!(
            row["resources"][0],
            json!({"ARN":"arn:x","accountId":"111122223333","type":"AWS::KMS::Key"})
        );
        assert!(row.get("errorCode").is_none());
    }

    #[test]
    fn a_column_with_the_whole_record_is_taken_as_it_is() {
        let row = of_text(&[("eventname", "x"), ("eventsource", "y"), ("eventJson", "{\"a\":1}")]);
        assert_eq!(row, Row::Whole("{\"a\":1}".into()));
        assert_eq!(of_text(&[("a", "b")]), Row::NoRecord);
        let lake = "[{\"eventName\":\"Decrypt\"},{\"eventSource\":\"kms.amazonaws.com\"}]";
        assert_eq!(record(of_list(Json::new(lake)))["eventName"], "Decrypt");
        let insights = "[{\"field\":\"@timestamp\",\"value\":\"x\"},{\"field\":\"@message\",\"value\":\"{}\"}]";
        assert_eq!(of_list(Json::new(insights)), Row::Whole("{}".into()));
    }
}
