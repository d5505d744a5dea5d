//! Which rules there are, which of them could match a record, and whether they do.
//!
//! ```text
//! registry    the built-in rules, embedded
//! sigma       Sigma YAML, built-in or the user's: load, compile, ask
//! native      rules in code, where Sigma cannot say it: one file a rule, a folder a group
//! router      from (eventSource, eventName) and case to the rules that could match
//! case        who acted, and how it ended
//! lint        what is wrong with a user's rules before they are trusted
//! whitepaper  the statements that rules answer
//! ```
//!
//! [`RuleSet`] is all that other layers need. What must stay true: a rule that matches a record is
//! among the record's candidates, and nothing here depends on the order of files or rules.

pub mod case;
pub mod error;
pub mod field;
pub mod lint;
pub mod native;
pub mod registry;
pub mod router;
mod rule;
mod select;
mod sigma;
pub mod stateful;
pub mod whitepaper;
mod wiring;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::model::rule_meta::RuleMeta;
use crate::record::event::{Event, Header};
use crate::record::kms::View;

use case::Cases;
pub use error::RuleError;
pub use native::Foreign;
pub use router::Candidates;
use router::{Router, Routes};
use rule::{Body, Rule};
pub use sigma::demands::Asked;
use sigma::demands::Demands;
pub use sigma::load::DEFAULT_LEVEL;
use stateful::{Correlation, History};
use wiring::Wiring;
pub use wiring::{ADJUSTS, Feed, KNOWN};

/// What a rule found in one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The rule: index into [`RuleSet::metas`].
    pub rule: usize,
    /// How serious it is; of an attempt, one level below the same call that succeeded.
    pub level: Level,
    /// Whether the call failed or was refused. Always `false` for the user's own rules, and for
    /// rules that look for failed calls.
    pub attempt: bool,
    /// What the rule has to say beside the finding's own members.
    pub details: BTreeMap<String, Value>,
    /// What the level rests on, if it rests on whose accounts these are.
    pub foreign: Option<Foreign>,
}

/// The rules of a run, by id.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    metas: Vec<RuleMeta>,
    router: Router,
    demands: Demands,
    wiring: Wiring,
}

/// A rule over many records.
#[derive(Clone, Copy)]
pub struct Stateful<'a> {
    /// The rule: index into [`RuleSet::metas`].
    pub rule: usize,
    /// The rule whose findings it makes or changes.
    pub about: usize,
    /// What it asks.
    pub code: Over<'a>,
}

/// What a rule over many records asks.
#[derive(Clone, Copy)]
pub enum Over<'a> {
    /// A Sigma correlation.
    Correlation(&'a Correlation),
    /// Code.
    History(&'a dyn History),
}

/// What [`RuleSet::load`] gives.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The rules.
    pub rules: RuleSet,
    /// What was read and is no rule for us: `PATH: why`.
    pub skipped: Vec<String>,
    /// Built-in rules that a rule of the user's replaces: `PATH: replaces ID`.
    pub replaced: Vec<String>,
}

impl RuleSet {
    /// Loads the built-in rules, if `builtin`, and those at `paths`: files, and folders that are
    /// searched for `*.yml` and `*.yaml`. `estate` is what the built-in ones ask about.
    ///
    /// A user's rule whose Sigma `id` or `name` is that of a built-in rule replaces it. A user's
    /// rule is taken as it is: its level (`medium` when it has none) also for failed calls.
    ///
    /// # Errors
    /// Everything that is wrong, at once: a path that does not exist or cannot be read, a rule
    /// that is no YAML, no Sigma or does not compile, an id that two of the user's rules share.
    pub fn load(
        builtin: bool,
        paths: &[PathBuf],
        estate: &Arc<Estate>,
    ) -> Result<Loaded, Vec<RuleError>> {
        RuleSet::load_some(|_| builtin, paths, estate)
    }

    /// The same, with those of the built-in rules whose ids are wanted.
    ///
    /// # Errors
    /// As [`load`](RuleSet::load).
    pub fn load_some(
        wanted: impl Fn(&str) -> bool,
        paths: &[PathBuf],
        estate: &Arc<Estate>,
    ) -> Result<Loaded, Vec<RuleError>> {
        let mut users = sigma::load::Found::default();
        let mut seen = BTreeSet::new();
        for path in paths {
            users.add_path(path, &mut seen);
        }
        users.pass_over_correlations();
        users.skipped.sort();
        let native = registry::native(estate).into_iter().collect();
        let mut own = sigma::load::Found { native, ..Default::default() };
        let builtin = registry::RULES.iter().filter(|embedded| wanted(embedded.id));
        builtin.for_each(|embedded| own.add_embedded(embedded));
        let mut errors = own.errors;
        errors.extend(users.errors);
        errors.extend(duplicates(&users.rules));
        if !errors.is_empty() {
            return Err(errors);
        }
        let (mut rules, replaced) = replace(own.rules, &mut users.rules);
        rules.extend(users.rules);
        let mut skipped = own.skipped;
        skipped.extend(users.skipped);
        let wanted = vec![true; rules.len()];
        Ok(Loaded { rules: RuleSet::new(rules, &wanted)?, skipped, replaced })
    }

    /// The rules of these texts, by id: as if they were built in, or the user's.
    #[cfg(test)]
    pub fn of_texts(own: bool, texts: &[(&'static str, String)]) -> RuleSet {
        let mut found = sigma::load::Found::default();
        for (id, text) in texts {
            if own {
                let yaml = Box::leak(text.clone().into_boxed_str());
                let embedded = registry::Embedded {
                    id,
                    group: "made",
                    origin: id,
                    yaml,
                    explanation: "",
                    code: &[],
                };
                found.add_embedded(&embedded);
            } else {
                found.add_text(id, text);
            }
        }
        assert!(found.errors.is_empty() && found.skipped.is_empty(), "{:?}", found.skipped);
        let wanted = vec![true; found.rules.len()];
        RuleSet::new(found.rules, &wanted).unwrap()
    }

    /// The set of `rules`, of which those of `wanted` are reported.
    fn new(rules: Vec<Rule>, wanted: &[bool]) -> Result<RuleSet, Vec<RuleError>> {
        let mut rules: Vec<(Rule, bool)> = rules.into_iter().zip(wanted.iter().copied()).collect();
        rules.sort_by(|(a, _), (b, _)| a.meta.id.cmp(&b.meta.id));
        let (rules, wanted): (Vec<Rule>, Vec<bool>) = rules.into_iter().unzip();
        let routes: Vec<Routes> = rules.iter().map(asked_about).collect();
        Ok(RuleSet {
            metas: rules.iter().map(|rule| rule.meta.clone()).collect(),
            router: Router::new(&routes),
            demands: Demands::new(rules.iter().map(|rule| Some(rule.compiled()?.guards()))),
            wiring: Wiring::new(&rules, &wanted)?,
            rules,
        })
    }

    /// The rules that any of `select` names (all, if it is empty) and none of `ignore` does: by
    /// id, group, tag or level. What they rest on is asked as well, and not reported.
    ///
    /// # Errors
    /// What is wrong, one message each: a selector that names no rule, or no rule left.
    pub fn select(self, select: &[String], ignore: &[String]) -> Result<RuleSet, Vec<String>> {
        let chosen = select::choose(&self.rules, select, ignore)?;
        let needed = wiring::needed(&self.rules, &chosen);
        let rules = self.rules.into_iter().zip(chosen).zip(needed);
        let kept = rules.filter(|(_, needed)| *needed).map(|(rule, _)| rule);
        let (rules, wanted): (Vec<Rule>, Vec<bool>) = kept.unzip();
        RuleSet::new(rules, &wanted)
            .map_err(|errors| errors.into_iter().map(|error| error.message).collect())
    }

    /// The id of the rule that goes by `name`: one of these, or one that is built in and left out.
    ///
    /// # Errors
    /// That there is none, and which may have been meant.
    pub fn id_of(&self, name: &str) -> Result<String, String> {
        if let Some(rule) = self.rules.iter().find(|rule| rule.is_named(name)) {
            return Ok(rule.meta.id.clone());
        }
        match registry::RULES.iter().any(|embedded| embedded.id == name) {
            true => Ok(name.to_owned()),
            false => Err(select::unknown_rule(&self.rules, name)),
        }
    }

    /// How many rules are reported.
    pub fn len(&self) -> usize {
        self.wiring.reported.iter().filter(|reported| **reported).count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is known of each rule that is reported, by id.
    pub fn reported(&self) -> impl Iterator<Item = &RuleMeta> {
        let reported = self.metas.iter().zip(&self.wiring.reported);
        reported.filter(|(_, reported)| **reported).map(|(meta, _)| meta)
    }

    /// Whether a rule is reported, and not only there for others.
    pub fn is_reported(&self, rule: usize) -> bool {
        self.wiring.reported.get(rule).is_some_and(|reported| *reported)
    }

    /// What is known of each rule that is asked, by id.
    pub fn metas(&self) -> &[RuleMeta] {
        &self.metas
    }

    /// The explanation of a built-in rule, Markdown.
    pub fn explanation(&self, id: &str) -> Option<&'static str> {
        self.rules.iter().find(|rule| rule.is_named(id))?.explanation
    }

    /// The rule that goes by `name`: its id, or another name of it.
    ///
    /// # Errors
    /// There is none; the message names those that may have been meant.
    pub fn named(&self, name: &str) -> Result<&RuleMeta, String> {
        let found = self.rules.iter().find(|rule| !rule.part && rule.is_named(name));
        found.map(|rule| &rule.meta).ok_or_else(|| select::unknown_rule(&self.rules, name))
    }

    /// The YAML file that a rule was read from.
    pub fn text(&self, id: &str) -> Option<&str> {
        self.rules.iter().find(|rule| rule.is_named(id)).map(|rule| &*rule.text)
    }

    /// Digest of the ids and texts of the rules, `sha256:…`. The code of native
    /// rules is covered by the program's version.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for rule in &self.rules {
            for text in [rule.meta.id.as_str(), &rule.text] {
                hasher.update((text.len() as u64).to_le_bytes());
                hasher.update(text);
            }
        }
        let mut digest = "sha256:".to_owned();
        for byte in hasher.finalize() {
            // Writing to a string does not fail.
            let _ = write!(digest, "{byte:02x}");
        }
        digest
    }

    /// The rules that could match a record of this `eventSource` and `eventName`: indexes,
    /// ascending, by the case of the record. Pass the strings with escapes undone, empty where the member is missing; for a
    /// member that is no string use [`candidates_of`](RuleSet::candidates_of).
    pub fn candidates(&self, source: &[u8], name: &[u8]) -> &Candidates {
        self.router.candidates(source, name)
    }

    /// The rules that could match a record with this header, whatever shape it has.
    pub fn candidates_of(&self, header: &Header<'_>) -> &Candidates {
        self.router.candidates_of(header)
    }

    /// What the matches of a rule feed.
    pub fn feeds(&self, rule: usize) -> &[Feed] {
        self.wiring.feeds.get(rule).map_or(&[], Vec::as_slice)
    }

    /// Whether the findings of a rule may be changed by a history, so that each is kept apart.
    pub fn is_adjusted(&self, rule: usize) -> bool {
        self.wiring.adjusted.get(rule).is_some_and(|adjusted| *adjusted)
    }

    /// The stateful rules, each after those that feed it.
    pub fn stateful(&self) -> impl Iterator<Item = Stateful<'_>> {
        let rules = self.wiring.order.iter().zip(&self.wiring.about);
        rules.filter_map(|(&rule, &about)| {
            let code = match &self.rules.get(rule)?.body {
                Body::Correlation(correlation, _) => Over::Correlation(correlation),
                Body::History(_, history) => Over::History(history.as_ref()),
                _ => return None,
            };
            Some(Stateful { rule, about, code })
        })
    }

    /// The history that a rule is, with its number among the stateful rules.
    pub fn history(&self, rule: usize) -> Option<(u32, &dyn History)> {
        match &self.rules.get(rule)?.body {
            Body::History(_, history) => Some((self.wiring.stateful[rule]?, history.as_ref())),
            _ => None,
        }
    }

    /// The rule of this id that the engine decides once all is read, if it is reported.
    pub fn decided_late(&self, id: &str) -> Option<usize> {
        let late = |rule: &Rule| matches!(rule.body, Body::Tagging(_) | Body::Coverage(_));
        let of = |rule: &Rule| late(rule) && rule.meta.id == id;
        self.rules.iter().position(of).filter(|rule| self.is_reported(*rule))
    }

    /// The rule that is about files which do not verify, if it is reported.
    pub fn integrity(&self) -> Option<&RuleMeta> {
        let of = |rule: &Rule| matches!(rule.body, Body::Integrity(_));
        let found = self.rules.iter().position(of).filter(|rule| self.is_reported(*rule))?;
        self.metas.get(found)
    }

    /// Whether any rule that compares tags is reported.
    pub fn compares_tags(&self) -> bool {
        let mut rules = self.rules.iter().enumerate();
        rules.any(|(at, rule)| matches!(rule.body, Body::Tagging(_)) && self.is_reported(at))
    }

    /// Whether a record passes the quick demands of a rule: only then the rule has to be asked.
    /// `asked` is what was asked of this record already.
    pub fn may_match(
        &self,
        rule: u32,
        asked: &mut Asked,
        event: &Event<'_>,
        view: &View<'_>,
    ) -> bool {
        self.demands.pass(rule as usize, asked, event, view)
    }

    /// What a rule and those of its other names are called in correlations.
    pub fn is_named(&self, rule: usize, name: &str) -> bool {
        self.rules.get(rule).is_some_and(|rule| rule.is_named(name))
    }

    /// What one rule finds in a record of which nothing was asked yet.
    #[cfg(test)]
    pub fn check_alone(&self, rule: u32, event: &Event<'_>, view: &View<'_>) -> Option<Hit> {
        let passes = self.may_match(rule, &mut Asked::default(), event, view);
        passes.then(|| self.check(rule, event, view)).flatten()
    }

    /// Asks one rule about a record that [`Self::may_match`]. A rule that has a fault may panic.
    pub fn check(&self, rule: u32, event: &Event<'_>, view: &View<'_>) -> Option<Hit> {
        let index = rule as usize;
        let rule = self.rules.get(index)?;
        let found = rule.check(event, view)?;
        let attempt = rule.lowers_attempts && view.attempt();
        let level = if attempt { found.level.lowered() } else { found.level };
        let lowered = |foreign: Foreign| Foreign {
            otherwise: foreign.otherwise.map(|l| if attempt { l.lowered() } else { l }),
            ..foreign
        };
        let foreign = found.foreign.map(lowered);
        Some(Hit { rule: index, level, attempt, details: found.details, foreign })
    }
}

/// The records that a rule is asked about. That CloudTrail encrypts its own files is most of what
/// KMS logs and nobody's doing, so no built-in rule looks at it; a user's rule does as it says.
fn asked_about(rule: &Rule) -> Routes {
    match rule.meta.group {
        Some(_) => rule.routes.clone().without(Cases::DELIVERED),
        None => rule.routes.clone(),
    }
}

/// An error for each rule whose id an earlier one has.
fn duplicates(rules: &[Rule]) -> Vec<RuleError> {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    let mut errors = Vec::new();
    for RuleMeta { id, origin, .. } in rules.iter().map(|rule| &rule.meta) {
        if let Some(other) = first.get(id.as_str()) {
            let message = format!("the id '{id}' is that of a rule in {other} already");
            errors.push(RuleError::new(origin, message).with_hint("give each rule its own id"));
        } else {
            first.insert(id, origin);
        }
    }
    errors
}

/// The built-in rules that no user's rule replaces. One that does answers to the names of what it
/// replaces, so that `--ignore` and the like go on working.
fn replace(own: Vec<Rule>, users: &mut [Rule]) -> (Vec<Rule>, Vec<String>) {
    let mut replaced = Vec::new();
    let mut kept = Vec::new();
    for rule in own {
        let names: Vec<&String> = [&rule.meta.id].into_iter().chain(&rule.names).collect();
        let by = users.iter_mut().find(|user| names.iter().any(|name| user.is_named(name)));
        let Some(user) = by else {
            kept.push(rule);
            continue;
        };
        replaced.push(format!("{}: replaces {}", user.meta.origin, rule.meta.id));
        for name in names {
            if !user.is_named(name) {
                user.names.push(name.clone());
            }
        }
    }
    (kept, replaced)
}

#[cfg(test)]
mod tests;
