//! Loads rules, and says what a report must tell of them.
//!
//! What must stay true: whatever keeps a rule from finding what it would find by itself is told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::rule::{Narrower, Rule};
use super::wiring::Wiring;
use super::{RuleError, RuleSet, registry, sigma};
use crate::model::estate::Estate;
use crate::model::notes::RunNote;
use crate::model::origin::Origin;
use crate::model::problem::Problem;

/// How many rules a note names, and how many filters there are notes of.
const NAMED: usize = 5;
const FILTERS: usize = 20;

/// The result of [`RuleSet::load`].
#[derive(Debug, Default)]
pub struct Loaded {
    /// The rules.
    pub rules: RuleSet,
    /// Documents that were skipped, for example because they are for another log source: `PATH:
    /// why`.
    pub skipped: Vec<String>,
    /// Rules that are for these logs and were left out: several with one id, and what rests on them.
    pub problems: Vec<Problem>,
    /// Built-in rules that a user's rule replaces.
    pub replaced: Vec<Replaced>,
    /// What was said of each document that became no rule, by its id, name and title.
    pub reasons: BTreeMap<String, String>,
    /// What in rules means nothing.
    pub remarks: Vec<RunNote>,
}

/// A built-in rule that a user's rule replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The path of the user's rule.
    pub origin: String,
    /// The id of the built-in rule.
    pub id: String,
}

impl fmt::Display for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: replaces {}", self.origin, self.id)
    }
}

impl Loaded {
    /// What a report says of the rules: which built-in rules others replace, and which rules filters
    /// narrow.
    pub fn notes(&self) -> Vec<RunNote> {
        let note = |message: String, origin: &str| RunNote {
            message,
            records: 0,
            origin: Origin::blob(origin),
        };
        let is_there = |one: &&Replaced| self.rules.named(&one.id).is_ok();
        let replaced = self.replaced.iter().filter(is_there).map(|Replaced { origin, id }| {
            note(format!("A rule of yours replaces the built-in rule {id}."), origin)
        });
        let filters = self.rules.filters();
        let more = filters.len().saturating_sub(FILTERS);
        let told = filters.iter().take(FILTERS).map(|(filter, rules)| {
            let mut named = rules[..rules.len().min(NAMED)].join(", ");
            match rules.len().saturating_sub(NAMED) {
                0 => {}
                more => named += &format!(" and {more} more"),
            }
            let Narrower { origin, title, .. } = filter;
            note(format!("The Sigma filter '{title}' narrows {named}."), origin)
        });
        let more =
            (more > 0).then(|| note(format!("{more} more Sigma filters narrow rules."), "*"));
        replaced.chain(told).chain(more).chain(self.remarks()).collect()
    }
}

impl Loaded {
    /// What in the rules that are evaluated means nothing: the first of it.
    fn remarks(&self) -> impl Iterator<Item = RunNote> {
        let origins: BTreeSet<&str> =
            self.rules.reported().map(|meta| meta.origin.as_str()).collect();
        let is_there = move |note: &&RunNote| origins.contains(&*note.origin.blob);
        self.remarks.iter().filter(is_there).take(FILTERS).cloned()
    }
}

impl RuleSet {
    /// Loads the built-in rules, if `builtin`, and the rules at `paths`. A path is a file, or a
    /// folder that is searched for `*.yml` and `*.yaml`. `estate` holds the settings that native
    /// rules use.
    ///
    /// A user's rule replaces the built-in rule that has its Sigma `id` or `name`. Every finding of
    /// a user's rule has the level of the rule (default `medium`), also for failed calls. Of several
    /// copies of a user's rule there is one; different rules with one id are left out.
    ///
    /// # Errors
    /// All errors at once: a path that does not exist or cannot be read; a rule that is not valid
    /// YAML or Sigma, or does not compile.
    pub fn load(
        builtin: bool,
        paths: &[PathBuf],
        estate: &Arc<Estate>,
    ) -> Result<Loaded, Vec<RuleError>> {
        RuleSet::load_some(|_| builtin, paths, estate)
    }

    /// Like [`load`](RuleSet::load), with only the built-in rules whose id satisfies `wanted`.
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
        users.finish();
        let native = registry::native(estate).into_iter().collect();
        let mut own = sigma::load::Found::with_code(native);
        let builtin = registry::RULES.iter().filter(|embedded| wanted(embedded.id));
        builtin.for_each(|embedded| own.add_embedded(embedded));
        own.finish();
        users.leave_out_strangers(|name| own.rules.iter().any(|rule| rule.is_named(name)));
        let mut errors = own.errors;
        errors.append(&mut users.errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let (mut rules, replaced) = replace(own.rules, &mut users.rules);
        rules.append(&mut users.rules);
        let rules = without_broken(rules, &mut users)?;
        let mut skipped = own.skipped;
        skipped.append(&mut users.skipped);
        let wanted = vec![true; rules.len()];
        let rules = RuleSet::new(rules, &wanted)?;
        let sigma::load::Found { problems, reasons, remarks, .. } = users;
        Ok(Loaded { rules, skipped, problems, replaced, reasons, remarks })
    }

    /// The filters that narrow rules, each with the ids of these.
    fn filters(&self) -> BTreeMap<&Narrower, Vec<&str>> {
        let mut all: BTreeMap<&Narrower, Vec<&str>> = BTreeMap::new();
        for rule in &self.rules {
            for filter in &rule.narrowed {
                all.entry(filter).or_default().push(reported_as(rule));
            }
        }
        all
    }

    /// The filters that narrow a rule: the title of each, and the path of its file.
    pub fn filters_of(&self, id: &str) -> impl Iterator<Item = (&str, &str)> {
        let of_rule = self.rules.iter().filter(move |rule| reported_as(rule) == id);
        let filters = of_rule.flat_map(|rule| &rule.narrowed);
        filters.map(|filter| (filter.title.as_str(), filter.origin.as_str()))
    }
}

/// The id under which a rule is reported. Of one that counts matches, a part looks for these.
fn reported_as(rule: &Rule) -> &str {
    let id = rule.meta.id.as_str();
    id.strip_suffix(sigma::make::MATCHES).filter(|_| rule.part).unwrap_or(id)
}

/// How often it is asked what rests on a rule that was left out.
const ROUNDS: usize = 100;

/// The rules that rest on one another as they should. A correlation in a file that was met in a folder
/// costs only itself and what rests on it.
///
/// # Errors
/// What is wrong with others.
fn without_broken(
    mut rules: Vec<Rule>,
    users: &mut sigma::load::Found,
) -> Result<Vec<Rule>, Vec<RuleError>> {
    for _ in 0..ROUNDS {
        let broken = Wiring::broken(&rules);
        if !broken.values().all(|error| users.met.contains(&error.origin)) {
            return Err(broken.into_values().collect());
        }
        if broken.is_empty() {
            break;
        }
        for (at, error) in &broken {
            let title = &rules[*at].meta.title;
            let message = format!("'{title}' is not evaluated: {}", error.message);
            let names = rules[*at].called().map(str::to_owned).collect();
            users.problem(&error.origin, message, names);
        }
        let kept = rules.into_iter().enumerate().filter(|(at, _)| !broken.contains_key(at));
        rules = kept.map(|(_, rule)| rule).collect();
    }
    Ok(rules)
}

/// The built-in rules that no user's rule replaces. A replacement takes over the names of the rule
/// that it replaces, so that options such as `--ignore` still find it.
fn replace(own: Vec<Rule>, users: &mut [Rule]) -> (Vec<Rule>, Vec<Replaced>) {
    let mut replaced = Vec::new();
    let mut kept = Vec::new();
    for rule in own {
        let names: Vec<&String> = [&rule.meta.id].into_iter().chain(&rule.names).collect();
        let by = users.iter_mut().find(|user| names.iter().any(|name| user.is_named(name)));
        let Some(user) = by else {
            kept.push(rule);
            continue;
        };
        replaced.push(Replaced { origin: user.meta.origin.clone(), id: rule.meta.id.clone() });
        for name in names {
            if !user.is_named(name) {
                user.names.push(name.clone());
            }
        }
    }
    (kept, replaced)
}
