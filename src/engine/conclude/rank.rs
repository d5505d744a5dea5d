//! The order of the report: what a reader should look at first.
//!
//! Findings are sorted by level; of one level, by these in turn:
//!
//! 1. new before ongoing;
//! 2. what people and workloads do before what automation does;
//! 3. how many actors have a finding of this rule at this level: what few do comes first, whatever
//!    number of findings each of them has;
//! 4. of how many rules the actor has findings at this level: an actor of which several rules tell
//!    comes first;
//! 5. the gravest tactic of the rule;
//! 6. the latest.
//!
//! What must stay true: the order follows from all findings of the report together, and is the same
//! whatever the order in which they come.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use crate::model::actor_kind::ActorKind;
use crate::model::estate::Estate;
use crate::model::finding::Finding;
use crate::model::level::Level;

/// Sorts findings, and gives each its rank, counted from 1.
pub fn rank(findings: &mut [Finding], estate: &Estate) {
    let known = Known::of(findings, estate);
    findings.sort_by_cached_key(|finding| known.order(finding));
    for (rank, finding) in (1..).zip(findings) {
        finding.rank = Some(rank);
    }
}

/// What the order rests on beside the finding itself.
struct Known<'a> {
    estate: &'a Estate,
    /// How many actors have findings of a rule at a level.
    actors: HashMap<(String, Level), usize>,
    /// Of how many rules an actor has findings at a level.
    rules: HashMap<(Option<String>, Level), usize>,
}

impl<'a> Known<'a> {
    fn of(findings: &[Finding], estate: &'a Estate) -> Known<'a> {
        let mut pairs = HashSet::new();
        let mut known = Known { estate, actors: HashMap::new(), rules: HashMap::new() };
        for finding in findings {
            let (actor, rule) = (actor(finding), finding.rule.clone());
            if pairs.insert((actor.clone(), rule.clone(), finding.level)) {
                *known.actors.entry((rule, finding.level)).or_default() += 1;
                *known.rules.entry((actor, finding.level)).or_default() += 1;
            }
        }
        known
    }

    fn order(&self, finding: &Finding) -> impl Ord + use<> {
        let Finding { level, status, told, last_seen, rule, fingerprint, .. } = finding;
        let actors = self.actors.get(&(rule.clone(), *level)).copied();
        let rules = self.rules.get(&(actor(finding), *level)).copied();
        let automation = ActorKind::of(&finding.principal, self.estate) == ActorKind::Automation;
        (
            (Reverse(*level), *status, automation, actors, Reverse(rules)),
            (told.tactic, Reverse(*last_seen), rule.clone(), fingerprint.clone()),
        )
    }
}

/// Who a finding is about: the principal, else the key.
fn actor(finding: &Finding) -> Option<String> {
    let principal = finding.principal.identity().map(|identity| identity.into_owned());
    principal.or_else(|| Some(finding.key.as_ref()?.arn.clone()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::finding::{Status, Told};
    use crate::model::pattern::Patterns;
    use crate::model::principal::Principal;
    use crate::model::time::Time;

    fn finding(rule: &str, actor: &str, level: Level, time: i64) -> Finding {
        Finding {
            fingerprint: format!("{rule}{actor}{time}"),
            rule: rule.to_owned(),
            level,
            attempt: false,
            count: 1,
            first_seen: Some(Time(time)),
            last_seen: Some(Time(time)),
            status: Status::New,
            fresh: true,
            rank: None,
            account: None,
            region: None,
            principal: Principal { arn: Some(actor.to_owned()), ..Principal::nobody() },
            source_ip: None,
            user_agent: None,
            key: None,
            resource: None,
            claimed: false,
            folded: 0,
            events: Vec::new(),
            details: Default::default(),
            told: Arc::default(),
        }
    }

    fn ranked(findings: &[Finding]) -> Vec<(Option<u64>, &str)> {
        findings.iter().map(|finding| (finding.rank, finding.fingerprint.as_str())).collect()
    }

    #[test]
    fn what_few_actors_do_comes_first_of_a_level() {
        let high = Level::High;
        let tactic = |finding, tactic| Finding {
            told: Arc::new(Told { tactic, ..Told::default() }),
            ..finding
        };
        let findings = [
            finding("critical", "z", Level::Critical, 1),
            // Many findings of one actor are as rare as one.
            finding("rare", "a", high, 4),
            finding("rare", "a", high, 3),
            // Two rules tell of this actor.
            finding("rare2", "a", high, 2),
            tactic(finding("grave", "c", high, 1), 0),
            tactic(finding("slight", "d", high, 9), 5),
            finding("usual", "e", high, 9),
            finding("usual", "f", high, 8),
            finding("by-a-pipeline", "arn:aws:iam::111122223333:role/deploy", high, 9),
            Finding { status: Status::Ongoing, ..finding("known", "g", high, 9) },
            finding("low", "h", Level::Low, 9),
        ];
        let automation_roles = Patterns::new(["*:role/deploy"]);
        let estate = Estate { automation_roles, ..Estate::default() };
        let mut all = findings.to_vec();
        rank(&mut all, &estate);
        let expected: Vec<(Option<u64>, &str)> =
            (1..).map(Some).zip(findings.iter().map(|f| f.fingerprint.as_str())).collect();
        assert_eq!(ranked(&all), expected);
        let mut turned: Vec<Finding> = findings.iter().rev().cloned().collect();
        rank(&mut turned, &estate);
        assert_eq!(ranked(&turned), expected);
    }
}
