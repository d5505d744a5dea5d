//! What a page of evidence says of the program that made it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::detect::RuleSet;
use crate::model::rule_meta::RuleMeta;

/// Digest of the program's own file, `sha256:…`. `None` if the file cannot be read any more.
pub fn program() -> Option<String> {
    let mut digest = Sha256::new();
    io::copy(&mut File::open(std::env::current_exe().ok()?).ok()?, &mut digest).ok()?;
    Some(format!("sha256:{}", hex::encode(digest.finalize())))
}

/// The built-in rules that are not among those that were evaluated.
pub fn not_evaluated(evaluated: &[RuleMeta]) -> Vec<RuleMeta> {
    let all = RuleSet::load(true, &[], &Arc::default()).map(|loaded| loaded.rules);
    let all: Vec<RuleMeta> = all.iter().flat_map(RuleSet::reported).cloned().collect();
    let ids: BTreeSet<&str> = evaluated.iter().map(|rule| rule.id.as_str()).collect();
    all.into_iter().filter(|rule| !ids.contains(rule.id.as_str())).collect()
}
