//! The model of a policy document: statements, in order.
//!
//! Texts are kept as written, for findings. Comparisons fold case when they are made. The KMS calls
//! of a statement are the exception: they are computed once.

use std::collections::BTreeSet;

use super::action::Actions;
use super::condition::Condition;
use super::pattern::is_all;
use super::principal::{Principal, Who};
use crate::model::pattern::wildcard;

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `Version`, as written.
    pub version: Option<String>,
    /// The statements, in order. One that can be read in several ways is there more than once.
    pub statements: Vec<Statement>,
    /// What could not be read, in words. No statement above is made up of it.
    pub unread: Vec<String>,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// `Allow`
    Allow,
    /// `Deny`
    Deny,
}

/// Patterns of actions or of resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// `Action`, `Resource`
    Only(Vec<String>),
    /// `NotAction`, `NotResource`
    AllBut(Vec<String>),
    /// Neither.
    Unsaid,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// `Sid`, unless it is empty.
    pub sid: Option<String>,
    /// Its place among the statements, from 1.
    pub number: usize,
    /// `Effect`
    pub effect: Effect,
    /// `Principal`, `NotPrincipal`
    pub who: Who,
    /// `Action`, `NotAction`
    pub actions: Scope,
    /// `Resource`, `NotResource`
    pub resources: Scope,
    /// `Condition`: all of them must hold.
    pub conditions: Vec<Condition>,
    kms: Actions,
}

impl Scope {
    /// The patterns, whichever way they are meant.
    pub fn patterns(&self) -> &[String] {
        match self {
            Scope::Only(patterns) | Scope::AllBut(patterns) => patterns,
            Scope::Unsaid => &[],
        }
    }
}

impl Statement {
    /// A statement; its KMS calls are worked out here.
    pub fn new(
        (sid, number): (Option<String>, usize),
        effect: Effect,
        who: Who,
        (actions, resources): (Scope, Scope),
        conditions: Vec<Condition>,
    ) -> Statement {
        let named = || {
            let sets = actions.patterns().iter().map(|pattern| Actions::matching(pattern));
            sets.fold(Actions::NONE, Actions::with)
        };
        let kms = match &actions {
            Scope::Only(_) => named(),
            Scope::AllBut(_) => Actions::ALL.without(named()),
            Scope::Unsaid => Actions::NONE,
        };
        Statement { sid, number, effect, who, actions, resources, conditions, kms }
    }

    /// The KMS calls that it is about.
    pub fn kms(&self) -> Actions {
        self.kms
    }

    /// Whether it allows.
    pub fn allows(&self) -> bool {
        self.effect == Effect::Allow
    }

    /// Its `Sid`, else its number: how a finding names it.
    pub fn label(&self) -> String {
        self.sid.clone().unwrap_or_else(|| format!("statement {}", self.number))
    }

    /// Whether it applies to the key of this ARN. Where that is not known, an Allow is taken to
    /// apply and a Deny only if it is for every resource.
    pub fn applies_to(&self, key: Option<&str>) -> bool {
        let any = |patterns: &[String]| {
            patterns.iter().any(|pattern| match key {
                Some(key) => wildcard(pattern, key),
                None => self.allows() || is_all(pattern),
            })
        };
        match &self.resources {
            Scope::Only(patterns) => any(patterns),
            Scope::AllBut(patterns) => match key {
                Some(_) => !any(patterns),
                None => self.allows(),
            },
            // KMS wants the member; without it there is nothing the statement could spare.
            Scope::Unsaid => true,
        }
    }
}

impl Policy {
    /// Whether all of the document was read, so that what is not in it is not there.
    pub fn is_whole(&self) -> bool {
        self.unread.is_empty()
    }

    /// The statements that allow.
    pub fn allows(&self) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(|statement| statement.allows())
    }

    /// The statements that deny.
    pub fn denies(&self) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(|statement| !statement.allows())
    }

    /// Whether it is the policy that KMS gives a key of `account` when nobody writes one: one
    /// statement that allows the account everything.
    pub fn is_default(&self, account: &str) -> bool {
        let [only] = self.statements.as_slice() else { return false };
        let mut named = only.who.named();
        self.is_whole()
            && only.allows()
            && only.conditions.is_empty()
            && only.kms() == Actions::ALL
            && matches!(&only.actions, Scope::Only(_))
            && matches!(&only.resources, Scope::Only(patterns) if patterns.iter().any(|p| is_all(p)))
            && named.next().is_some_and(|one| one.is_account(account))
            && named.next().is_none()
    }

    /// Every principal that an Allow names, once.
    pub fn allowed_principals(&self) -> Vec<&Principal> {
        let named = self.allows().flat_map(|statement| statement.who.named());
        let unique: BTreeSet<&Principal> = named.collect();
        unique.into_iter().collect()
    }
}
