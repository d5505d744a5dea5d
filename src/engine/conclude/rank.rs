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
use std::collections::HashMap;

use crate::engine::store::hash::HashKey;
use crate::model::actor_kind::ActorKind;
use crate::model::estate::Estate;
use crate::model::finding::{Finding, Status};
use crate::model::level::Level;
use crate::model::time::Time;

/// What the order rests on, of one finding. There may be a million of them.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What stands for who it is about.
    actor: [u64; 2],
    fingerprint: [u64; 2],
    last_seen: Option<Time>,
    /// The place of the rule among all, by id.
    rule: u32,
    level: Level,
    status: Status,
    automation: bool,
    tactic: u8,
}

impl Entry {
    /// Of a finding whose rule has this place among all.
    pub fn of(finding: &Finding, rule: u32, estate: &Estate, hash_key: HashKey) -> Entry {
        let automation = ActorKind::of(&finding.principal, estate) == ActorKind::Automation;
        Entry {
            actor: actor(finding, hash_key),
            fingerprint: finding.number().unwrap_or_default(),
            last_seen: finding.last_seen,
            rule,
            level: finding.level,
            status: finding.status,
            automation,
            tactic: finding.told.tactic,
        }
    }
}

/// Who a finding is about: the principal, else the key.
fn actor(finding: &Finding, hash_key: HashKey) -> [u64; 2] {
    let principal = finding.principal.identity();
    let key = || finding.key.as_ref().map(|key| key.arn.as_str());
    match principal.as_deref().or_else(key) {
        Some(text) => hash_key.long(&[text.as_bytes()]),
        None => hash_key.long(&[]),
    }
}

/// The numbers of all entries in the order of the report.
pub fn ranked(entries: &[Entry]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..).take(entries.len()).collect();
    let at = |number: &u32| &entries[*number as usize];
    // How many actors have findings of a rule at a level.
    let mut actors: HashMap<(u32, Level), u32> = HashMap::new();
    // Of how many rules the actor of an entry has findings at its level.
    let mut rules: Vec<u32> = vec![0; entries.len()];
    order.sort_unstable_by_key(|number| {
        let Entry { actor, level, rule, .. } = at(number);
        (*actor, *level, *rule)
    });
    let same_actor = |a: &u32, b: &u32| (at(a).actor, at(a).level) == (at(b).actor, at(b).level);
    for of_actor in order.chunk_by(same_actor) {
        let mut count = 0;
        for of_rule in of_actor.chunk_by(|a, b| at(a).rule == at(b).rule) {
            let Some(first) = of_rule.first().map(at) else { continue };
            *actors.entry((first.rule, first.level)).or_default() += 1;
            count += 1;
        }
        of_actor.iter().for_each(|number| rules[*number as usize] = count);
    }
    order.sort_by_key(|number| {
        let Entry { level, status, automation, tactic, last_seen, rule, fingerprint, .. } =
            at(number);
        let actors = actors.get(&(*rule, *level)).copied();
        let rules = rules.get(*number as usize).copied();
        (
            (Reverse(*level), *status, *automation, actors, Reverse(rules)),
            (*tactic, Reverse(*last_seen), *rule, *fingerprint),
        )
    });
    order
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
        let name = format!("{rule}{actor}{time}");
        Finding {
            fingerprint: format!("{:x}", HashKey::of_seed(0).short(name.as_bytes())),
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
            members: Vec::new(),
            events: Vec::new(),
            effect: None,
            case: None,
            details: Default::default(),
            told: Arc::default(),
        }
    }

    /// The fingerprints of findings, the first of the report first.
    fn in_order<'a>(findings: &'a [Finding], estate: &Estate) -> Vec<&'a str> {
        let mut ids: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
        ids.sort_unstable();
        let entry = |finding: &Finding| {
            let rule = ids.partition_point(|id| *id < finding.rule.as_str());
            Entry::of(finding, rule as u32, estate, HashKey::of_seed(9))
        };
        let entries: Vec<Entry> = findings.iter().map(entry).collect();
        let order = ranked(&entries);
        order.iter().map(|at| findings[*at as usize].fingerprint.as_str()).collect()
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
        let expected: Vec<&str> = findings.iter().map(|f| f.fingerprint.as_str()).collect();
        assert_eq!(in_order(&findings, &estate), expected);
        let turned: Vec<Finding> = findings.iter().rev().cloned().collect();
        assert_eq!(in_order(&turned, &estate), expected);
    }
}
