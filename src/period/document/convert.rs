//! What a report says, as the model has it.
//!
//! What must stay true: what is not understood is left out and never taken for something else; whoever
//! adds it up says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    Case, Coverage, Event, Finding, Later, Note, Outcome, Problem, Rule, Suppression, Verify,
};
use crate::model::aftermath::Aftermath;
use crate::model::case;
use crate::model::control::ControlName;
use crate::model::coverage::{Counts, Covered, Gap, Place, hour_of};
use crate::model::finding::{self, EventRef, Status, Told};
use crate::model::night::Verdicts;
use crate::model::origin::Origin;
use crate::model::principal::Principal;
use crate::model::problem;
use crate::model::request::Request;
use crate::model::rule_meta::RuleMeta;
use crate::model::suppression::{self, Day};
use crate::model::undo::{Effect, Fate, Undone};
use crate::model::verified::{DigestVerdict, LogVerdict, Verdict};

fn origin(text: &str) -> Origin {
    let numbered = text.rsplit_once('#').and_then(|(blob, n)| Some((blob, n.parse().ok()?)));
    match numbered {
        Some((blob, record)) => Origin::record(blob, record),
        None => Origin::blob(text),
    }
}

impl From<Outcome> for Option<Effect> {
    fn from(told: Outcome) -> Option<Effect> {
        let fate = [Fate::Open, Fate::Reversed, Fate::Refused];
        let fate = fate.into_iter().find(|fate| fate.as_str() == told.state)?;
        let undone = told.at.map(|at| Undone { at, by: told.by });
        Some(Effect { fate, undone, due: told.due })
    }
}

impl Later {
    /// What became of it; `None` if that is not understood.
    pub fn into_model(self) -> Option<Aftermath> {
        let Later { fingerprint, rule, level, target, outcome } = self;
        let effect = Option::<Effect>::from(outcome)?;
        Some(Aftermath { fingerprint, rule, level, target, effect })
    }
}

impl Verify {
    /// How many files have each verdict that is known.
    pub fn verdicts(&self) -> Verdicts {
        fn known<V: Verdict>(told: &BTreeMap<String, u64>) -> BTreeMap<&'static str, u64> {
            let all = V::ALL.into_iter().map(Verdict::as_str);
            all.filter_map(|name| Some((name, *told.get(name)?))).collect()
        }
        let (logs, digests) =
            (known::<LogVerdict>(&self.logs), known::<DigestVerdict>(&self.digests));
        Verdicts { logs, digests }
    }

    /// Whether some verdict is none that is known.
    pub fn is_odd(&self) -> bool {
        fn odd<V: Verdict>(told: &BTreeMap<String, u64>) -> bool {
            told.keys().any(|name| !V::ALL.into_iter().any(|known| known.as_str() == name))
        }
        odd::<LogVerdict>(&self.logs) || odd::<DigestVerdict>(&self.digests)
    }
}

impl Event {
    fn into_ref(self, actor: &Principal) -> EventRef {
        let principal = Principal { arn: self.principal, session: self.session, ..actor.clone() };
        let request = self.event_source.map(|service| {
            Arc::new(Request {
                id: self.request_id,
                service,
                principal,
                access_key: self.access_key_id,
                source_ip: self.source_ip,
                user_agent: self.user_agent,
                error: self.error,
                ..Request::of_nobody()
            })
        });
        EventRef {
            time: self.time,
            id: self.id,
            name: self.name,
            origin: origin(&self.origin),
            shared: None,
            request,
            undone: self.undone.map(|at| Undone { at, by: None }),
        }
    }
}

impl Finding {
    /// The finding, without its case: that is told by the cases of the period.
    pub fn into_model(self) -> finding::Finding {
        let principal = self.principal;
        let told = Told {
            title: self.title,
            attack: self.attack,
            references: self.references,
            advice: self.advice,
            ..Told::default()
        };
        finding::Finding {
            events: self.events.into_iter().map(|event| event.into_ref(&principal)).collect(),
            fingerprint: self.fingerprint,
            rule: self.rule,
            level: self.level,
            attempt: self.attempt,
            count: self.count,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            status: Status::New,
            fresh: true,
            rank: self.rank,
            account: self.account,
            region: self.region,
            principal,
            source_ip: self.source_ip,
            user_agent: self.user_agent,
            key: self.key,
            resource: self.resource,
            claimed: false,
            folded: 0,
            members: Vec::new(),
            effect: self.outcome.and_then(Option::from),
            case: None,
            details: self.details,
            told: Arc::new(told),
        }
    }
}

impl Note {
    /// Where the first of its records is.
    pub fn origin(&self) -> Origin {
        origin(&self.origin)
    }
}

impl From<Problem> for problem::Problem {
    fn from(told: Problem) -> problem::Problem {
        problem::Problem::new(origin(&told.origin), told.stage, told.message)
    }
}

impl Suppression {
    /// What it did; `None` if its last day is no day.
    pub fn into_model(self) -> Option<suppression::Applied> {
        Some(suppression::Applied {
            expires: Day::parse(&self.expires)?,
            rule: self.rule,
            reason: self.reason,
            owner: self.owner,
            ticket: self.ticket,
            fitted: self.fitted,
            state: self.state,
            count: self.count,
        })
    }
}

impl From<Coverage> for Covered {
    fn from(told: Coverage) -> Covered {
        let gap = |from, to| Gap { from: hour_of(from), to: hour_of(to) };
        Covered {
            place: Place { account: told.account, region: told.region },
            range: gap(told.from, told.to),
            counts: Counts {
                files: told.files,
                records: told.records,
                kms_reads: told.kms_reads,
                kms_writes: told.kms_writes,
            },
            hours_covered: told.hours_covered,
            gap_count: told.gap_count,
            gaps: told.gaps.iter().map(|hours| gap(hours.from, hours.to)).collect(),
            kms_reads_missing: told.kms_reads_missing,
        }
    }
}

impl Case {
    /// The case, with the id that it has in this report.
    pub fn into_model(self) -> case::Case {
        let names = |first: Vec<String>| case::Names { count: first.len() as u64, first };
        case::Case {
            id: self.id.into(),
            merged: self.merged.into_iter().map(Arc::from).collect(),
            title: self.title,
            level: self.level,
            rank: self.rank,
            status: Status::New,
            actors: names(self.actors),
            hit: case::Names::default(),
            credentials: names(self.credentials),
            source_ips: names(self.source_ips),
            keys: names(self.keys),
            effect: self.outcome.and_then(Option::from),
            tactics: self.tactics,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            findings: self.findings,
        }
    }
}

impl From<Rule> for RuleMeta {
    fn from(told: Rule) -> RuleMeta {
        RuleMeta {
            controls: told.controls.iter().filter_map(|name| ControlName::parse(name)).collect(),
            tags: told.tags,
            ..RuleMeta::new(&told.id, told.level)
        }
    }
}

impl Outcome {
    /// Whether it is a state that is known.
    pub fn is_understood(&self) -> bool {
        Option::<Effect>::from(Outcome { state: self.state.clone(), at: None, by: None, due: None })
            .is_some()
    }
}
