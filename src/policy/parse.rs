//! Reads documents into the model, in every spelling that AWS accepts, and in some that it should not.
//!
//! Documents come as text (KMS and IAM; percent-encoded in older IAM records) or as an object (S3). A
//! refused call logs its document too, so a document can have any shape.
//!
//! What must stay true: what cannot be read is said in [`Policy::unread`] and hides nothing else. Of
//! an Allow what can be read counts, a Deny counts only if it is read whole. Where a member is given
//! more than once, an Allow counts in each way it can be read.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::condition::Condition;
use super::document::{Effect, Policy, Scope, Statement};
use super::lenient::{self, Node, is_blank};
use super::principal::{Principal, Who};
use crate::record::json::{Json, Kind};

/// The longest document that is read, in bytes; white space does not count. KMS and IAM take
/// 131,072 characters, and their quotas (32 KB and less) do not count white space.
pub const SIZE_MAX: usize = 1024 * 1024;

/// How many ways there are to read a statement that gives a member more than once.
const READINGS_MAX: usize = 4;

/// How often a document may be encoded.
const WRAPPED_MAX: usize = 3;

const TWICE: &str = "a member is given more than once, and readers differ in which of them counts";

/// Why something is no policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// Longer than [`SIZE_MAX`].
    #[error("it is longer than {SIZE_MAX} bytes, white space not counted")]
    TooLong,
    /// No JSON.
    #[error("it is no JSON: {0}")]
    Json(String),
    /// JSON, but no document.
    #[error("it is no object with statements")]
    NoDocument,
}

impl Policy {
    /// Reads the text of a document; text that is encoded once more as well.
    ///
    /// # Errors
    /// What makes it no policy.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        let text = unwrapped(text);
        let size: usize = text.split(is_blank).map(str::len).sum();
        if size > SIZE_MAX {
            return Err(PolicyError::TooLong);
        }
        let lenient::Read { root, fault } = lenient::read(&text);
        let Node::Object(document) = &root else {
            return Err(fault.map_or(PolicyError::NoDocument, PolicyError::Json));
        };
        let mut lists: Vec<&Node> = all(document, "Statement").collect();
        lists.retain(|list| matches!(list, Node::List(_) | Node::Object(_)));
        if lists.is_empty() {
            return Err(fault.map_or(PolicyError::NoDocument, PolicyError::Json));
        }
        let mut unread: Vec<String> = fault.into_iter().collect();
        let several = all(document, "Statement").count() > 1;
        unread.extend(several.then(|| TWICE.to_owned()));
        let version = all(document, "Version").find_map(text_of);
        let mut policy = Policy { version, statements: Vec::new(), unread };
        for (number, node) in (1..).zip(lists.into_iter().flat_map(items)) {
            policy.add(number, node);
        }
        if several {
            policy.statements.retain(Statement::allows);
        }
        Ok(policy)
    }

    /// Reads a member of a record: text, or the document itself.
    ///
    /// # Errors
    /// What makes it no policy.
    pub fn read(value: Json<'_>) -> Result<Policy, PolicyError> {
        match value.kind() {
            Kind::String => Policy::parse(&value.as_str().unwrap_or_default()),
            Kind::Object => Policy::parse(value.raw()),
            _ => Err(PolicyError::NoDocument),
        }
    }

    /// Adds a statement, in each way that it can be read.
    fn add(&mut self, number: usize, node: &Node) {
        let repeated = most_alike(node);
        let mut faults: BTreeSet<&str> = BTreeSet::new();
        if repeated > 1 {
            faults.insert(TWICE);
        }
        let mut readings: Vec<Statement> = Vec::new();
        for nth in 0..repeated.clamp(1, READINGS_MAX) {
            let mut reading = Reading { nth, faults: BTreeSet::new() };
            let statement = reading.statement(number, node);
            let whole = reading.faults.is_empty();
            faults.append(&mut reading.faults);
            let counts = |one: &Statement| one.allows() || (whole && repeated == 1);
            if let Some(one) = statement.filter(|one| counts(one) && !readings.contains(one)) {
                readings.push(one);
            }
        }
        self.statements.append(&mut readings);
        self.unread.extend(faults.into_iter().map(|what| format!("statement {number}: {what}")));
    }
}

/// One way to read a statement: of members of one name, the `nth` counts, from 0.
struct Reading {
    nth: usize,
    faults: BTreeSet<&'static str>,
}

impl Reading {
    fn statement(&mut self, number: usize, node: &Node) -> Option<Statement> {
        let Node::Object(members) = node else {
            self.faults.insert("it is no object");
            return None;
        };
        let effect = match self.member(members, "Effect").and_then(text_of) {
            Some(text) if text.eq_ignore_ascii_case("Allow") => Effect::Allow,
            Some(text) if text.eq_ignore_ascii_case("Deny") => Effect::Deny,
            _ => {
                self.faults.insert("Effect is neither Allow nor Deny");
                return None;
            }
        };
        let who = match self.one_of(members, "Principal", "NotPrincipal")? {
            Some((named, true)) => Who::Named(self.principals(named)),
            Some((spared, false)) => Who::AllBut(self.principals(spared)),
            None => Who::Holder,
        };
        let actions = self.scope(members, "Action", "NotAction")?;
        let resources = self.scope(members, "Resource", "NotResource")?;
        let sid = self.member(members, "Sid").and_then(text_of);
        let sid = sid.filter(|sid| !sid.trim().is_empty());
        let conditions = self.conditions(self.member(members, "Condition"));
        Some(Statement::new((sid, number), effect, who, (actions, resources), conditions))
    }

    /// The member of this name, whatever its case.
    fn member<'n>(&self, members: &'n [(String, Node)], name: &str) -> Option<&'n Node> {
        let last = all(members, name).count().checked_sub(1)?;
        all(members, name).nth(self.nth.min(last))
    }

    /// One of two members that exclude each other, and whether it is the first. `None` if both are
    /// there.
    fn one_of<'n>(
        &mut self,
        members: &'n [(String, Node)],
        one: &str,
        other: &str,
    ) -> Option<Option<(&'n Node, bool)>> {
        match (self.member(members, one), self.member(members, other)) {
            (Some(_), Some(_)) => {
                self.faults.insert("it has a member and the opposite of the member");
                None
            }
            (Some(node), None) => Some(Some((node, true))),
            (None, other) => Some(other.map(|node| (node, false))),
        }
    }

    fn scope(&mut self, members: &[(String, Node)], only: &str, all_but: &str) -> Option<Scope> {
        const EXPECTED: &str = "actions and resources are neither text nor lists of text";
        Some(match self.one_of(members, only, all_but)? {
            Some((patterns, true)) => Scope::Only(self.texts(patterns, EXPECTED)),
            Some((patterns, false)) => Scope::AllBut(self.texts(patterns, EXPECTED)),
            None => Scope::Unsaid,
        })
    }

    fn principals(&mut self, node: &Node) -> BTreeSet<Principal> {
        const EXPECTED: &str = "Principal is neither \"*\" nor lists of text by kind";
        let Node::Object(kinds) = node else {
            let texts = self.texts(node, EXPECTED);
            return texts.iter().map(|text| Principal::read("AWS", text)).collect();
        };
        let mut found = BTreeSet::new();
        for (kind, texts) in self.distinct(kinds) {
            let texts = self.texts(texts, EXPECTED);
            found.extend(texts.iter().map(|text| Principal::read(kind, text)));
        }
        found
    }

    /// The conditions, sorted, since their order means nothing. One that is not understood stands
    /// there as one that limits nothing.
    fn conditions(&mut self, node: Option<&Node>) -> Vec<Condition> {
        const EXPECTED: &str = "Condition is not operators, keys and values";
        let mut found = Vec::new();
        let empty = Node::Object(Vec::new());
        let operators = node.unwrap_or(&empty);
        for (operator, keys) in self.objects(operators, EXPECTED, &mut found) {
            for (key, values) in self.objects(keys, EXPECTED, &mut found) {
                let (operator, key) = (operator.to_owned(), key.to_owned());
                found.push(match texts(values) {
                    Some(values) => Condition { operator, key, values },
                    None => self.unknown(EXPECTED),
                });
            }
        }
        found.sort();
        found
    }

    /// The members of an object; for anything else, a condition that is not known.
    fn objects<'n>(
        &mut self,
        node: &'n Node,
        expected: &'static str,
        found: &mut Vec<Condition>,
    ) -> Vec<(&'n str, &'n Node)> {
        let Node::Object(members) = node else {
            found.push(self.unknown(expected));
            return Vec::new();
        };
        self.distinct(members)
    }

    /// The members of an object, one of each name.
    fn distinct<'n>(&self, members: &'n [(String, Node)]) -> Vec<(&'n str, &'n Node)> {
        let mut alike: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
        for (name, node) in members {
            alike.entry(name).or_default().push(node);
        }
        let pick = |nodes: Vec<&'n Node>| nodes.get(self.nth).or(nodes.last()).copied();
        alike.into_iter().filter_map(|(name, nodes)| Some((name, pick(nodes)?))).collect()
    }

    /// One text or a list of them, as far as they are texts.
    fn texts(&mut self, node: &Node, expected: &'static str) -> Vec<String> {
        texts(node).unwrap_or_else(|| {
            self.faults.insert(expected);
            items(node).iter().filter_map(text_of).collect()
        })
    }

    /// A condition of which nothing is known but that it is there.
    fn unknown(&mut self, expected: &'static str) -> Condition {
        self.faults.insert(expected);
        Condition { operator: String::new(), key: String::new(), values: Vec::new() }
    }
}

/// What is in a list, or the one thing that stands where a list could be.
fn items(node: &Node) -> &[Node] {
    match node {
        Node::List(nodes) => nodes,
        one => std::slice::from_ref(one),
    }
}

/// One text or a list of them; `None` if anything else is there.
fn texts(node: &Node) -> Option<Vec<String>> {
    items(node).iter().map(text_of).collect()
}

/// The members of this name, whatever their case; null counts as absent.
fn all<'n>(members: &'n [(String, Node)], name: &str) -> impl Iterator<Item = &'n Node> {
    let named = members.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name));
    named.map(|(_, node)| node).filter(|node| **node != Node::Nothing)
}

/// How often a name occurs in one object of a statement, at most.
fn most_alike(statement: &Node) -> usize {
    let Node::Object(members) = statement else { return 1 };
    let folded = members.iter().filter(|(_, node)| *node != Node::Nothing);
    let most = most_of(folded.map(|(name, _)| name.to_ascii_lowercase()));
    members.iter().map(|(_, node)| most_within(node)).fold(most, usize::max)
}

/// The same within a member of a statement, where case matters.
fn most_within(node: &Node) -> usize {
    let Node::Object(members) = node else { return 1 };
    let most = most_of(members.iter().map(|(name, _)| name.as_str()));
    members.iter().map(|(_, node)| most_within(node)).fold(most, usize::max)
}

fn most_of<T: Ord>(names: impl Iterator<Item = T>) -> usize {
    let mut names: Vec<T> = names.collect();
    names.sort();
    names.chunk_by(|one, other| one == other).map(<[T]>::len).max().unwrap_or(1)
}

/// Text, a number or a boolean, as text: `true` and `"true"` mean the same to IAM.
fn text_of(node: &Node) -> Option<String> {
    match node {
        Node::Text(text) => Some(text.clone()),
        Node::Nothing | Node::List(_) | Node::Object(_) | Node::Unread => None,
    }
}

/// The text of a document that may be percent-encoded, or a JSON string.
fn unwrapped(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..WRAPPED_MAX {
        let inner = match text.trim_start_matches(is_blank) {
            // No JSON starts with a percent sign.
            encoded if encoded.starts_with('%') => percent_decoded(encoded),
            string if string.starts_with('"') => match lenient::read(string).root {
                Node::Text(inner) => inner,
                _ => break,
            },
            _ => break,
        };
        text = Cow::Owned(inner);
    }
    text
}

/// Undoes percent-encoding (RFC 3986, section 2.1); `+` stays, as IAM writes `%20`.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
