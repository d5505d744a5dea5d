//! Finds policies that name an alias where KMS only compares key ids.
//!
//! It covers key policies and IAM policies. An alias is correct for calls about aliases.

use crate::detect::native::shared::policy_document::{KeyPolicy, Told, iam_policy};
use crate::detect::native::{Detector, Found};
use crate::model::level::Level;
use crate::policy::condition::is_key_pattern;
use crate::policy::{Actions, Statement};
use crate::record::event::Event;
use crate::record::kms::View;

/// Condition keys with which whoever moves an alias also moves the access.
const ALIAS_KEYS: &[&str] = &["kms:requestalias", "kms:resourcealiases"];

/// Whether a resource of the statement is an alias, although none of the calls is about aliases.
fn names_alias(statement: &Statement) -> bool {
    let resources = statement.resources.patterns();
    let alias = |text: &String| text.contains(":kms:") && text.contains(":alias/");
    let for_aliases = statement.kms().meets(Actions::ALIAS);
    let has_key = resources.iter().any(|text| is_key_pattern(text));
    resources.iter().any(alias)
        && !statement.kms().without(Actions::ALIAS).is_empty()
        // A call about aliases needs the alias and the key, so a statement may name both.
        && !(for_aliases && has_key)
}

/// See `rules/policy/policy-alias-reference.md`.
#[derive(Debug)]
pub struct PolicyAliasReference;

impl Detector for PolicyAliasReference {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let key_policy = || KeyPolicy::of(event, view).map(|given| given.policy);
        let policy = iam_policy(event, view).or_else(key_policy)?;
        let (mut named, mut tested) = (Told::default(), Told::default());
        for statement in &policy.statements {
            if names_alias(statement) {
                named.add(statement, None, statement.kms().without(Actions::ALIAS));
            }
            if statement.conditions.iter().any(|condition| condition.is_about(ALIAS_KEYS)) {
                tested.add(statement, None, statement.kms());
            }
        }
        let idle = "the resource is an alias, which these calls never match";
        let moves = "whoever may change aliases can change what this allows";
        named.found(Level::Medium, idle).or_else(|| tested.found(Level::Low, moves))
    }
}
