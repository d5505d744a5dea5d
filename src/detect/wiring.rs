//! Which rule's matches feed which stateful rule, and in what order those conclude.
//!
//! A correlation names the rules it looks at. One of them may be a correlation itself, which then
//! concludes first; one that merely says "any of these" (an `event_count` of at least 1) is taken
//! apart, and its rules make the step.
//!
//! What must stay true: every rule that a kept rule needs is kept, asked, and reported only if it
//! was chosen itself.

use std::collections::BTreeSet;

use super::RuleError;
use super::rule::{Body, Rule};
use super::stateful::{Compare, Correlation, Kind, Limit, Verdict};

/// What the matches of a rule feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feed {
    /// The stateful rule: index into [`Wiring::order`].
    pub stateful: u32,
    /// The step of it.
    pub step: u32,
}

/// How the rules of a set hang together.
#[derive(Debug, Default)]
pub struct Wiring {
    /// The stateful rules, each after those that feed it: indexes of rules.
    pub order: Vec<usize>,
    /// Of each stateful rule, the rule whose findings it makes or changes.
    pub about: Vec<usize>,
    /// Of each rule, what its matches feed.
    pub feeds: Vec<Vec<Feed>>,
    /// Of each rule, its place in `order`.
    pub stateful: Vec<Option<u32>>,
    /// Of each rule, whether its findings are reported.
    pub reported: Vec<bool>,
    /// Of each rule, whether a history changes its findings, so that each is kept apart until then.
    pub adjusted: Vec<bool>,
}

/// Fields that are known of a stateful rule's findings.
pub const KNOWN: &[&str] =
    &["recipientAccountId", "awsRegion", "keytrail.principal", "keytrail.key", "keytrail.resource"];

impl Wiring {
    /// The wiring of `rules`; those of `wanted` are reported.
    ///
    /// # Errors
    /// A correlation that names no rule, or itself, or groups by what its rules do not tell.
    pub fn new(rules: &[Rule], wanted: &[bool]) -> Result<Wiring, Vec<RuleError>> {
        let mut wiring = Wiring {
            feeds: vec![Vec::new(); rules.len()],
            stateful: vec![None; rules.len()],
            adjusted: vec![false; rules.len()],
            reported: wanted.to_vec(),
            ..Wiring::default()
        };
        let mut errors = Vec::new();
        let mut open = BTreeSet::new();
        for at in 0..rules.len() {
            if let Err(error) = wiring.place(rules, at, &mut open) {
                errors.push(error);
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        wiring.hide(rules);
        Ok(wiring)
    }

    /// Gives a stateful rule its place, after those that feed it.
    fn place(
        &mut self,
        rules: &[Rule],
        at: usize,
        open: &mut BTreeSet<usize>,
    ) -> Result<(), RuleError> {
        if self.stateful[at].is_some() {
            return Ok(());
        }
        let rule = &rules[at];
        let steps = match &rule.body {
            Body::Correlation(correlation, _) => {
                if !open.insert(at) {
                    return Err(RuleError::new(
                        &rule.meta.origin,
                        "the correlation rests on itself",
                    ));
                }
                let steps = steps(rules, at, correlation)?;
                for member in steps.iter().flatten() {
                    self.place(rules, *member, open)?;
                }
                open.remove(&at);
                steps
            }
            Body::History(..) => Vec::new(),
            Body::Sigma(_)
            | Body::Native(..)
            | Body::Tagging(_)
            | Body::Coverage(_)
            | Body::Integrity(_) => {
                return Ok(());
            }
        };
        let number = u32::try_from(self.order.len()).unwrap_or(u32::MAX);
        self.stateful[at] = Some(number);
        self.order.push(at);
        self.about.push(about(rules, at)?);
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

    /// Rules that are there for others only are not reported.
    fn hide(&mut self, rules: &[Rule]) {
        for (at, rule) in rules.iter().enumerate() {
            if rule.part {
                self.reported[at] = false;
            }
            // Sigma: the rules of a correlation are silent unless it says `generate`. Ours stand
            // for themselves.
            if let Body::Correlation(correlation, false) = &rule.body
                && rule.meta.group.is_none()
            {
                for name in correlation.steps.iter().flatten() {
                    let member = rules.iter().position(|rule| rule.is_named(name));
                    if let Some(member) = member.filter(|at| rules[*at].meta.group.is_none()) {
                        self.reported[member] = false;
                    }
                }
            }
        }
    }
}

/// The step of a feed that only says which finding a history may change.
pub const ADJUSTS: u32 = u32::MAX;

/// The rule whose findings a stateful rule makes or changes.
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

/// The rules of each step.
fn steps(
    rules: &[Rule],
    at: usize,
    correlation: &Correlation,
) -> Result<Vec<Vec<usize>>, RuleError> {
    let origin = &rules[at].meta.origin;
    let mut all = Vec::new();
    for names in &correlation.steps {
        let mut step = Vec::new();
        for name in names {
            let found = rules.iter().position(|rule| rule.is_named(name));
            let Some(found) = found else {
                let message = format!("the correlation names '{name}', which is no rule");
                let hint = "rules are named by their `name` or `id`";
                return Err(RuleError::new(origin, message).with_hint(hint));
            };
            step.extend(taken_apart(rules, found, &mut BTreeSet::new()));
        }
        step.sort_unstable();
        step.dedup();
        all.push(step);
    }
    let stateful =
        |rule: &usize| matches!(rules[*rule].body, Body::Correlation(..) | Body::History(..));
    if all.iter().flatten().any(stateful)
        && let Some(by) = correlation.by.iter().find(|by| !KNOWN.contains(&by.name.as_str()))
    {
        let message = format!("a correlation over correlations cannot group by '{}'", by.name);
        return Err(RuleError::new(origin, message).with_hint(format!("use {}", KNOWN.join(", "))));
    }
    Ok(all)
}

/// The rules that a rule stands for: itself, or those of which it wants any one.
fn taken_apart(rules: &[Rule], at: usize, open: &mut BTreeSet<usize>) -> Vec<usize> {
    const ANY: Limit = Limit { than: Compare::MoreOrEqual, number: 1 };
    match &rules[at].body {
        Body::Correlation(correlation, _)
            if correlation.kind == Kind::EventCount(vec![ANY]) && open.insert(at) =>
        {
            let names = correlation.steps.iter().flatten();
            let found = names.filter_map(|name| rules.iter().position(|rule| rule.is_named(name)));
            found.flat_map(|found| taken_apart(rules, found, open)).collect()
        }
        _ => vec![at],
    }
}

/// The rules of `chosen` and all that they need: the rules they look at, and the parts that make
/// or change their findings.
pub fn needed(rules: &[Rule], chosen: &[bool]) -> Vec<bool> {
    let mut kept = chosen.to_vec();
    loop {
        let before = kept.clone();
        for (at, rule) in rules.iter().enumerate() {
            let of_kept = match &rule.body {
                Body::Correlation(..) | Body::History(..) => {
                    about(rules, at).is_ok_and(|about| about != at && kept[about])
                }
                _ => false,
            };
            kept[at] |= of_kept;
            if let (true, Body::Correlation(correlation, _)) = (kept[at], &rule.body) {
                for name in correlation.steps.iter().flatten() {
                    for (member, other) in rules.iter().enumerate() {
                        kept[member] |= other.is_named(name);
                    }
                }
            }
        }
        if kept == before {
            return kept;
        }
    }
}
