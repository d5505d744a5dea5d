//! The cases of a period.
//!
//! A case of several reports is one, and some of its findings were undone or suppressed since it was told.
//! What must stay true: a case has the level of a finding that it has, and of one that is open, if any
//! is.

use std::collections::{BTreeSet, HashMap};

use crate::model::case::{Case, LISTED, Names};
use crate::model::finding::Finding;
use crate::model::undo::{Effect, Fate};

/// Whether what a finding is about still holds, as far as anybody knows.
pub fn is_open(finding: &Finding) -> bool {
    finding.effect.as_ref().is_none_or(|effect| effect.fate == Fate::Open)
}

/// Makes cases tell of the findings that there are, in the order of the report; a case without any is none.
/// Findings of the rules `chains` are about events that others tell of.
pub fn settle(cases: &mut Vec<Case>, findings: &[Finding], chains: &BTreeSet<String>) {
    let places: HashMap<&str, usize> =
        findings.iter().enumerate().map(|(at, one)| (one.fingerprint.as_str(), at)).collect();
    for case in &mut *cases {
        let of = case.findings.iter().filter_map(|name| places.get(name.as_str()).copied());
        let of: BTreeSet<usize> = of.collect();
        let of: Vec<&Finding> = of.iter().filter_map(|at| findings.get(*at)).collect();
        case.findings = of.iter().map(|finding| finding.fingerprint.clone()).collect();
        let gravest = of.iter().max_by_key(|finding| (is_open(finding), finding.level));
        if let Some(gravest) = gravest {
            let same =
                |one: &&&Finding| (is_open(one), one.level) == (is_open(gravest), gravest.level);
            // Of several the first of the report.
            let first = of.iter().find(same).unwrap_or(gravest);
            case.level = first.level;
            case.title.clone_from(&first.told.title);
        }
        case.effect = effect(&of, case.effect.take(), chains);
    }
    cases.retain(|case| !case.findings.is_empty());
    let undone = |case: &Case| case.effect.as_ref().is_some_and(|effect| effect.fate != Fate::Open);
    cases.sort_by(|a, b| {
        (b.level, undone(a), a.rank, b.first_seen, &a.id).cmp(&(
            a.level,
            undone(b),
            b.rank,
            a.first_seen,
            &b.id,
        ))
    });
    (1..).zip(cases).for_each(|(rank, case)| case.rank = rank);
}

/// What became of all findings of a case, of which its reports `said` something.
fn effect(of: &[&Finding], said: Option<Effect>, chains: &BTreeSet<String>) -> Option<Effect> {
    let effects = of.iter().filter_map(|finding| finding.effect.clone());
    let all = effects.reduce(Effect::with);
    let tells = |finding: &&Finding| {
        finding.effect.is_some() || finding.attempt || chains.contains(&finding.rule)
    };
    match of.iter().all(tells) || all.as_ref().is_some_and(|all| all.fate == Fate::Open) {
        true => all,
        false => said.filter(|said| said.fate != Fate::Open),
    }
}

/// The names of both, each once.
fn names(a: Names, b: Names) -> Names {
    let has: BTreeSet<String> = a.first.iter().cloned().collect();
    let more = b.first.into_iter().filter(|name| !has.contains(name));
    let first: Vec<String> = a.first.into_iter().chain(more).take(LISTED).collect();
    Names { count: (first.len() as u64).max(a.count).max(b.count), first }
}

/// One case of what two reports tell of it, under the id of the later one. Findings of both may be there
/// twice until they are settled.
pub fn joined(known: Case, mut later: Case) -> Case {
    later.findings.extend(known.findings);
    Case {
        title: if known.level > later.level { known.title } else { later.title },
        level: known.level.max(later.level),
        rank: known.rank.min(later.rank),
        actors: names(known.actors, later.actors),
        hit: names(known.hit, later.hit),
        credentials: names(known.credentials, later.credentials),
        source_ips: names(known.source_ips, later.source_ips),
        keys: names(known.keys, later.keys),
        // Each says it of its own findings.
        effect: known.effect.zip(later.effect).map(|(one, other)| one.with(other)),
        tactics: known.tactics.max(later.tactics),
        first_seen: [known.first_seen, later.first_seen].into_iter().flatten().min(),
        last_seen: known.last_seen.max(later.last_seen),
        ..later
    }
}
