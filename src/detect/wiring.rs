//! Connects rules with the stateful rules that use their matches, and orders the stateful rules.
//!
//! A correlation names the rules whose matches it counts. A named rule may itself be a correlation,
//! which must then decide first. A correlation that only means "any of these" (`event_count` of at
//! least 1) is replaced by the rules that it names.
//!
//! What must stay true: every rule that a kept rule needs is kept and evaluated. It is reported
//! only if it was selected itself. Correlations rest on one another to a small depth only, so that what is
//! done for each of them stays little, whoever wrote them.

use std::collections::{BTreeMap, BTreeSet};

use super::RuleError;
use super::meant::Meant;
use super::rule::{Body, Rule};
use super::stateful::{By, Compare, Correlation, Kind, Limit, Verdict, least};

/// Correlations may rest on one another so deep.
const DEPTH: usize = 64;

/// Where the matches of a rule go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feed {
    /// Index of the stateful rule in [`Wiring::order`].
    pub stateful: u32,
    /// The step of the stateful rule, 0-based, or [`ADJUSTS`].
    pub step: u32,
}

/// The connections between the rules of a set.
#[derive(Debug, Default)]
pub struct Wiring {
    /// Indexes of the stateful rules. A rule comes after the rules that feed it.
    pub order: Vec<usize>,
    /// For each stateful rule, the index of the rule whose findings it makes or changes.
    pub about: Vec<usize>,
    /// For each stateful rule, whether it makes those findings, and does not only change them.
    makes: Vec<bool>,
    /// For each stateful rule, how many of its steps must be made at least; more than there are for all.
    needs: Vec<usize>,
    /// For each rule, where its matches go.
    pub feeds: Vec<Vec<Feed>>,
    /// For each rule, its position in `order`, if it is stateful.
    pub stateful: Vec<Option<u32>>,
    /// The rules over the whole log, each with the index of the rule whose findings it makes or
    /// changes.
    pub whole_log: Vec<(usize, usize)>,
    /// For each rule, how deep the correlations are that it rests on.
    depth: Vec<usize>,
    /// For each rule, whether something is wrong with it or what it rests on.
    broken: Vec<bool>,
    /// For each rule, whether its findings are reported.
    pub reported: Vec<bool>,
    /// For each rule, whether a history changes its findings. Such findings must not be merged
    /// before the history decides.
    pub adjusted: Vec<bool>,
}

/// The fields that the findings of a stateful rule have.
pub const KNOWN: &[&str] =
    &["recipientAccountId", "awsRegion", "keytrail.principal", "keytrail.key", "keytrail.resource"];

impl Wiring {
    /// Connects `rules`. `wanted` says, for each rule, whether it is reported.
    ///
    /// # Errors
    /// A correlation names a rule that does not exist, depends on itself, or groups by a field that
    /// its rules do not have.
    pub fn new(rules: &[Rule], wanted: &[bool]) -> Result<Wiring, Vec<RuleError>> {
        let (wiring, errors) = Wiring::of(rules, wanted);
        if errors.is_empty() { Ok(wiring) } else { Err(errors.into_values().collect()) }
    }

    /// What is wrong with how rules rest on one another, by the index of the rule with which it is, and
    /// of some that rest on it.
    pub fn broken(rules: &[Rule]) -> BTreeMap<usize, RuleError> {
        let (wiring, mut errors) = Wiring::of(rules, &vec![true; rules.len()]);
        for (at, rule) in rules.iter().enumerate().filter(|(at, _)| wiring.broken[*at]) {
            let message = "it rests on a correlation that is not evaluated";
            errors.entry(at).or_insert_with(|| RuleError::new(&rule.meta.origin, message));
        }
        errors
    }

    fn of(rules: &[Rule], wanted: &[bool]) -> (Wiring, BTreeMap<usize, RuleError>) {
        let whole_log = |(at, rule): (usize, &Rule)| Some((at, about_whole_log(rules, rule, at)?));
        let mut wiring = Wiring {
            whole_log: rules.iter().enumerate().filter_map(whole_log).collect(),
            feeds: vec![Vec::new(); rules.len()],
            stateful: vec![None; rules.len()],
            depth: vec![0; rules.len()],
            broken: vec![false; rules.len()],
            adjusted: vec![false; rules.len()],
            reported: wanted.to_vec(),
            ..Wiring::default()
        };
        let meant = Meant::new(rules);
        let mut errors = BTreeMap::new();
        for at in 0..rules.len() {
            let mut open = BTreeSet::new();
            if let Err((at, error)) = wiring.place(&meant, at, &mut open) {
                errors.insert(at, error);
                // What rests on one that is told of is not told of too.
                open.iter().for_each(|at| wiring.broken[*at] = true);
            }
        }
        wiring.hide(&meant);
        (wiring, errors)
    }

    /// Puts a stateful rule into the order, after the rules that feed it.
    fn place(
        &mut self,
        meant: &Meant<'_>,
        at: usize,
        open: &mut BTreeSet<usize>,
    ) -> Result<(), (usize, RuleError)> {
        if self.stateful[at].is_some() || self.broken[at] {
            return Ok(());
        }
        let rules = meant.rules;
        let rule = &rules[at];
        let steps = match &rule.body {
            Body::Correlation(correlation, _) => {
                if !open.insert(at) {
                    let message = "the correlation rests on itself";
                    return Err((at, RuleError::new(&rule.meta.origin, message)));
                }
                if open.len() > DEPTH {
                    return Err((at, too_deep(rule)));
                }
                let steps = steps(meant, at, correlation).map_err(|error| (at, error))?;
                for member in steps.iter().flatten() {
                    self.place(meant, *member, open)?;
                    let below = if self.broken[*member] { 0 } else { self.depth[*member] };
                    self.depth[at] = self.depth[at].max(below + 1);
                }
                if self.depth[at] > DEPTH {
                    return Err((at, too_deep(rule)));
                }
                open.remove(&at);
                steps
            }
            Body::History(..) => Vec::new(),
            Body::Sigma(_) | Body::Native(..) | Body::WholeLog(..) => return Ok(()),
        };
        let number = u32::try_from(self.order.len()).unwrap_or(u32::MAX);
        self.stateful[at] = Some(number);
        self.order.push(at);
        self.about.push(about(rules, at).map_err(|error| (at, error))?);
        self.needs.push(match &rule.body {
            Body::Correlation(correlation, _) => match &correlation.kind {
                Kind::Temporal(limits) => {
                    usize::try_from(least(limits)).unwrap_or(usize::MAX).max(1)
                }
                _ => usize::MAX,
            },
            _ => usize::MAX,
        });
        self.makes.push(match &rule.body {
            Body::Correlation(correlation, _) => !matches!(correlation.verdict, Verdict::Raises(_)),
            Body::History(_, history) => history.adjusts().is_none(),
            _ => false,
        });
        for (step, members) in (0..).zip(steps) {
            for member in members {
                self.feeds[member].push(Feed { stateful: number, step });
            }
        }
        if let Body::History(_, history) = &rule.body
            && history.adjusts().is_some()
        {
            let changed = *self.about.last().unwrap_or(&at);
            self.adjusted[changed] = true;
            self.feeds[changed].push(Feed { stateful: number, step: ADJUSTS });
        }
        Ok(())
    }

    /// For each rule, itself and all rules whose matches make its findings. Those of a correlation
    /// count only if `some` is true of the rules of each of its steps, or of so many as it asks for.
    pub fn feeders(&self, some: impl Fn(&BTreeSet<u32>) -> bool) -> Vec<BTreeSet<u32>> {
        let mut all: Vec<BTreeSet<u32>> =
            (0u32..).take(self.feeds.len()).map(|at| [at].into()).collect();
        let fed = self.fed();
        // What feeds a rule may be made by another that comes later, so until nothing is added.
        loop {
            let before: usize = all.iter().map(BTreeSet::len).sum();
            for (number, about) in
                (0u32..).zip(&self.about).filter(|(n, _)| self.makes[*n as usize])
            {
                let steps = self.steps_of(number, &fed, &all);
                let made = steps.values().filter(|step| some(step)).count();
                if made >= self.needs[number as usize].min(steps.len()) {
                    all[*about].extend(steps.into_values().flatten());
                }
            }
            if all.iter().map(BTreeSet::len).sum::<usize>() == before {
                return all;
            }
        }
    }

    /// For each stateful rule, its steps and the rules whose matches go there.
    fn fed(&self) -> Vec<Vec<(u32, usize)>> {
        let mut fed = vec![Vec::new(); self.order.len()];
        for (at, feeds) in self.feeds.iter().enumerate() {
            for feed in feeds.iter().filter(|feed| feed.step != ADJUSTS) {
                fed[feed.stateful as usize].push((feed.step, at));
            }
        }
        fed
    }

    /// The rules of each step of a stateful rule; a history is its own step.
    fn steps_of(
        &self,
        number: u32,
        fed: &[Vec<(u32, usize)>],
        feeders: &[BTreeSet<u32>],
    ) -> BTreeMap<u32, BTreeSet<u32>> {
        let mut steps: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for (step, at) in &fed[number as usize] {
            steps.entry(*step).or_default().extend(&feeders[*at]);
        }
        let at = self.order.get(number as usize).filter(|_| steps.is_empty());
        steps.extend(at.and_then(|at| Some((0, feeders.get(*at)?.clone()))));
        steps
    }

    /// Marks rules as not reported that are only there for other rules.
    fn hide(&mut self, meant: &Meant<'_>) {
        let rules = meant.rules;
        for (at, rule) in rules.iter().enumerate() {
            if rule.part {
                self.reported[at] = false;
            }
            // In Sigma, the rules of a correlation are silent unless it says `generate`. Built-in
            // rules are reported on their own, whether or not a correlation names them.
            if let Body::Correlation(correlation, false) = &rule.body
                && rule.meta.group.is_none()
            {
                for name in correlation.steps.iter().flatten() {
                    let member = meant.by(at, name);
                    if let Some(member) = member.filter(|at| rules[*at].meta.group.is_none()) {
                        self.reported[member] = false;
                    }
                }
            }
        }
    }
}

fn too_deep(rule: &Rule) -> RuleError {
    let message = format!("it rests on correlations that rest on others, more than {DEPTH} deep");
    RuleError::new(&rule.meta.origin, message).with_hint("let it name the rules that they count")
}

/// The step of a feed to a history that changes the findings of the rule.
pub const ADJUSTS: u32 = u32::MAX;

/// The index of the rule whose findings a stateful rule makes or changes.
fn about(rules: &[Rule], at: usize) -> Result<usize, RuleError> {
    let rule = &rules[at];
    let id = match &rule.body {
        Body::Correlation(correlation, _) => match &correlation.verdict {
            Verdict::Finding => return Ok(at),
            Verdict::FindingOf(id) | Verdict::Raises(id) => id.as_str(),
        },
        Body::History(_, history) => match history.adjusts().or(history.finding_of()) {
            Some(id) => id,
            None => return Ok(at),
        },
        _ => return Ok(at),
    };
    let found = rules.iter().position(|rule| rule.is_named(id));
    found.ok_or_else(|| RuleError::new(&rule.meta.origin, format!("there is no rule '{id}'")))
}

/// The index of the rule whose findings a rule over the whole log makes or changes; `None` of any
/// other rule. A user's rule in the place of that rule keeps the level that it states, unless it took
/// over the id too.
fn about_whole_log(rules: &[Rule], rule: &Rule, at: usize) -> Option<usize> {
    let Body::WholeLog(_, code) = &rule.body else { return None };
    match code.adjusts() {
        Some(id) => rules.iter().position(|rule| rule.meta.id == id),
        None => Some(at),
    }
}

/// The rules of each step.
fn steps(
    meant: &Meant<'_>,
    at: usize,
    correlation: &Correlation,
) -> Result<Vec<Vec<usize>>, RuleError> {
    let rules = meant.rules;
    let origin = &rules[at].meta.origin;
    let mut all = Vec::new();
    for names in &correlation.steps {
        let mut step = Vec::new();
        for name in names {
            let Some(found) = meant.by(at, name) else {
                let message = format!("the correlation names '{name}', which is no rule");
                let hint = "rules are named by their `id`, `name` or title";
                return Err(RuleError::new(origin, message).with_hint(hint));
            };
            step.extend(taken_apart(meant, found).ok_or_else(|| too_deep(&rules[at]))?);
        }
        step.sort_unstable();
        step.dedup();
        all.push(step);
    }
    let stateful =
        |rule: &usize| matches!(rules[*rule].body, Body::Correlation(..) | Body::History(..));
    for member in all.iter().flatten().filter(|rule| stateful(rule)).map(|rule| &rules[*rule]) {
        if let Some(by) = correlation.by.iter().find(|by| !has(member, by)) {
            let Rule { meta, .. } = member;
            let message =
                format!("it cannot group by '{}', by which '{}' does not", by.name, meta.title);
            let hint = format!("use what the other groups by, or {}", KNOWN.join(", "));
            return Err(RuleError::new(origin, message).with_hint(hint));
        }
    }
    if let Kind::ValueCount(_, fields) = &correlation.kind
        && all.iter().flatten().any(stateful)
        && !matches!(fields.as_slice(), [field] if KNOWN.contains(&field.as_str()))
    {
        let message =
            "a correlation over correlations can count the values of one known field only";
        return Err(RuleError::new(origin, message).with_hint(format!("use {}", KNOWN.join(", "))));
    }
    Ok(all)
}

/// Whether the findings of a stateful rule have a field that a correlation over them groups by.
fn has(rule: &Rule, by: &By) -> bool {
    let name = by.name_of(|name| rule.called().any(|called| called == name));
    let Body::Correlation(correlation, _) = &rule.body else { return KNOWN.contains(&name) };
    KNOWN.contains(&name) || correlation.by.iter().any(|by| by.name == name)
}

/// The rules that a named rule stands for: itself, or the members of an "any of these" correlation. `None`
/// if those name others in turn, too deep.
fn taken_apart(meant: &Meant<'_>, at: usize) -> Option<Vec<usize>> {
    const ANY: Limit = Limit { than: Compare::MoreOrEqual, number: 1 };
    let (mut found, mut open, mut next) = (Vec::new(), BTreeSet::new(), vec![at]);
    for _ in 0..=DEPTH {
        for at in std::mem::take(&mut next) {
            match &meant.rules[at].body {
                Body::Correlation(correlation, _)
                    if correlation.kind == Kind::EventCount(vec![ANY]) && open.insert(at) =>
                {
                    let names = correlation.steps.iter().flatten();
                    next.extend(names.filter_map(|name| meant.by(at, name)));
                }
                _ => found.push(at),
            }
        }
        if next.is_empty() {
            return Some(found);
        }
    }
    None
}

/// The chosen rules and everything they need: the rules that they name, and the parts that make or
/// change their findings.
pub fn needed(rules: &[Rule], chosen: &[bool]) -> Vec<bool> {
    let meant = Meant::new(rules);
    let mut kept = chosen.to_vec();
    loop {
        let before = kept.clone();
        for (at, rule) in rules.iter().enumerate() {
            let of_kept = match &rule.body {
                Body::Correlation(..) | Body::History(..) => {
                    about(rules, at).is_ok_and(|about| about != at && kept[about])
                }
                Body::WholeLog(..) => {
                    about_whole_log(rules, rule, at).is_some_and(|about| about != at && kept[about])
                }
                _ => false,
            };
            kept[at] |= of_kept;
            if let (true, Body::Correlation(correlation, _)) = (kept[at], &rule.body) {
                let names = correlation.steps.iter().flatten();
                for member in names.filter_map(|name| meant.by(at, name)) {
                    kept[member] = true;
                }
            }
        }
        if kept == before {
            return kept;
        }
    }
}
