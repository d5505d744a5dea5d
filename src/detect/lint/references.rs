//! Checks that the rules that a correlation names exist.
//!
//! A correlation may name built-in rules, and rules in any file that is checked in the same run.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use super::cloudtrail::is_cloudtrail;
use super::flaw::{Flaw, Severity};
use super::names::field_flaw;
use super::tree::{File, Node};
use crate::detect::RuleSet;
use crate::detect::select::close;
use crate::detect::sigma::name::canonical;

/// The members of a correlation that are read.
const MEMBERS: [&str; 10] = [
    "aliases",
    "condition",
    "gap",
    "generate",
    "group-by",
    "rules",
    "timeframe",
    "timespan",
    "type",
    "window",
];

/// The built-in rules, loaded when a correlation needs them.
static BUILTIN: LazyLock<Option<RuleSet>> =
    LazyLock::new(|| RuleSet::load(true, &[], &Arc::default()).ok().map(|loaded| loaded.rules));

/// The rules of some files, by id, name and title.
pub struct Known<'a> {
    /// For each rule, whether it is about CloudTrail; `None` for a correlation.
    rules: BTreeMap<Cow<'a, str>, Option<bool>>,
}

impl<'a> Known<'a> {
    /// Collects the rules of `files`.
    pub fn new(files: &'a [File]) -> Known<'a> {
        let mut rules = BTreeMap::new();
        for document in files.iter().flat_map(|file| &file.documents) {
            let about = document.get("detection").map(|_| is_cloudtrail(document));
            for member in ["title", "name", "id"] {
                let name = document.get(member).and_then(Node::text);
                rules.extend(name.map(|name| (canonical(name), about)));
            }
        }
        Known { rules }
    }

    /// The flaws in the references of a correlation, and in the fields that it counts by.
    pub fn flaws(&self, document: &Node) -> Vec<Flaw> {
        let Some(correlation) = document.get("correlation") else { return Vec::new() };
        let mut found: Vec<Flaw> = correlation.entries().iter().filter_map(unread).collect();
        let mut elsewhere = false;
        for node in correlation.get("rules").map(Node::items).unwrap_or_default() {
            let Some(name) = node.text().map(canonical) else { continue };
            match self.rules.get(&name) {
                Some(about) => elsewhere |= *about == Some(false),
                None => found.extend(unknown(&name, node)),
            }
        }
        if elsewhere || correlation.get("aliases").is_some() {
            return found;
        }
        let groups = correlation.get("group-by").map(Node::items).unwrap_or_default();
        let counted = correlation.get("condition").and_then(|node| node.get("field"));
        let counted = counted.map(Node::items).unwrap_or_default();
        found
            .extend(groups.iter().chain(counted).filter_map(|node| field_flaw(node.text()?, node)));
        found
    }
}

/// The flaw of a member of a correlation that nobody reads.
fn unread((key, _): &(Node, Node)) -> Option<Flaw> {
    let name = key.text().filter(|name| !MEMBERS.contains(name))?;
    let message = format!("a correlation has no member '{name}'");
    let flaw = Flaw::new(Severity::Warning, "unknown-key", key.place, message);
    let known = BTreeSet::from(MEMBERS);
    let close = match MEMBERS.contains(&&*name.replace('_', "-")) {
        true => vec![name.replace('_', "-")],
        false => close(name, &known).into_iter().map(str::to_owned).collect(),
    };
    Some(match close.is_empty() {
        true => flaw,
        false => flaw.hint(format!("did you mean {}?", close.join(", "))),
    })
}

fn unknown(name: &str, node: &Node) -> Option<Flaw> {
    let message = BUILTIN.as_ref()?.named(name).err()?;
    let flaw = Flaw::new(Severity::Error, "unknown-rule", node.place, message);
    Some(flaw.hint("look at its file together with this one, or use a built-in rule's id"))
}
