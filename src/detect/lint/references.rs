//! Checks that the rules that a correlation names exist.
//!
//! A correlation may name built-in rules, and rules in any file that is checked in the same run.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use super::cloudtrail::is_cloudtrail;
use super::flaw::{Flaw, Severity};
use super::names::field_flaw;
use super::tree::{File, Node};
use crate::detect::RuleSet;

/// The built-in rules, loaded when a correlation needs them.
static BUILTIN: LazyLock<Option<RuleSet>> =
    LazyLock::new(|| RuleSet::load(true, &[], &Arc::default()).ok().map(|loaded| loaded.rules));

/// The rules of some files, by id, name and title.
pub struct Known<'a> {
    /// For each rule, whether it is about CloudTrail; `None` for a correlation.
    rules: BTreeMap<&'a str, Option<bool>>,
}

impl<'a> Known<'a> {
    /// Collects the rules of `files`.
    pub fn new(files: &'a [File]) -> Known<'a> {
        let mut rules = BTreeMap::new();
        for document in files.iter().flat_map(|file| &file.documents) {
            let about = document.get("detection").map(|_| is_cloudtrail(document));
            for member in ["title", "name", "id"] {
                rules.extend(document.get(member).and_then(Node::text).map(|name| (name, about)));
            }
        }
        Known { rules }
    }

    /// The flaws in the references of a correlation, and in the fields that it counts by.
    pub fn flaws(&self, document: &Node) -> Vec<Flaw> {
        let Some(correlation) = document.get("correlation") else { return Vec::new() };
        let mut found = Vec::new();
        let mut elsewhere = false;
        for node in correlation.get("rules").map(Node::items).unwrap_or_default() {
            let Some(name) = node.text() else { continue };
            match self.rules.get(name) {
                Some(about) => elsewhere |= *about == Some(false),
                None => found.extend(unknown(name, node)),
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

fn unknown(name: &str, node: &Node) -> Option<Flaw> {
    let message = BUILTIN.as_ref()?.named(name).err()?;
    let flaw = Flaw::new(Severity::Error, "unknown-rule", node.place, message);
    Some(flaw.hint("look at its file together with this one, or use a built-in rule's id"))
}
