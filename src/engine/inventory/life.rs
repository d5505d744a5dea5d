//! The life of a key, as its dossier tells it: administrative calls, policies, grants, use by day, and
//! what was refused since the last change.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use super::grants::Grants;
use super::policies::Policies;
use super::seen::Seen;
use super::texts::{Texts, cut};
use crate::engine::partial::touch::Touch;
use crate::model::days::Day;
use crate::model::keys::dossier::{DayUse, Dossier, LifeEvent, Refused};
use crate::model::keys::listed::{Listed, Tally};
use crate::model::time::Time;
use crate::record::json::Json;

/// Administrative calls that are kept; the latest.
const EVENTS: usize = 10_000;

/// Days that are kept; the latest.
const DAYS: usize = 4_000;

/// Kinds of refusals that are told apart.
const REFUSALS: usize = 1_000;

/// Kinds of refusals that are listed.
const REFUSED: usize = 100;

/// Names in one text.
const NAMES: usize = 8;

/// A day, in microseconds.
const DAY: i64 = 86_400_000_000;

/// The life of one key.
#[derive(Debug, Default)]
pub struct Life {
    events: VecDeque<LifeEvent>,
    count: u64,
    pub policies: Policies,
    pub grants: Grants,
    days: BTreeMap<u16, (u64, u64)>,
    days_count: u64,
    /// By event, error and caller.
    refused: BTreeMap<[String; 3], Tally>,
    refused_cut: bool,
    since: Option<Touch>,
    used_since: Option<Time>,
}

impl Life {
    /// Takes in the next call; `changed` if it changed the state of the key.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn take(
        &mut self,
        arn: &str,
        seen: &Seen,
        (changed, alias): (bool, Option<&str>),
        texts: &mut Texts<'_>,
    ) -> io::Result<()> {
        let mut says = None;
        if seen.ok() {
            says = self.policies.take(arn, seen, texts)?;
            self.grants.take(seen, texts)?;
        }
        if changed || says.is_some() {
            (self.since, self.used_since) = (Some(seen.touch), None);
            self.refused.clear();
            self.refused_cut = false;
        }
        if seen.is_change() {
            let says = match (says, told(seen, alias)) {
                (Some(policy), Some(other)) => Some(format!("{other}; {policy}")),
                (one, other) => one.or(other),
            };
            self.add(seen, says, texts)?;
        }
        if seen.is_reported() {
            self.count_use(seen);
        }
        if !seen.ok() {
            self.refuse(seen);
        }
        Ok(())
    }

    fn add(&mut self, seen: &Seen, says: Option<String>, texts: &mut Texts<'_>) -> io::Result<()> {
        self.count += 1;
        let session = seen.detail.as_ref().and_then(|detail| detail.session.as_deref());
        self.events.push_back(LifeEvent {
            proof: texts.proof(&seen.touch)?,
            session: session.map(|session| cut(session).to_owned()),
            from: texts.plain(seen.touch.from)?.map(|from| from.to_string()),
            says: says.map(|says| cut(&says).to_owned()),
        });
        if self.events.len() > EVENTS {
            self.events.pop_front();
        }
        Ok(())
    }

    fn count_use(&mut self, seen: &Seen) {
        if !seen.is_use() {
            return;
        }
        if seen.ok() {
            self.used_since = Some(seen.time());
        }
        let day = Day::of(seen.time()).to_number();
        self.days_count += u64::from(!self.days.contains_key(&day));
        let (ok, refused) = self.days.entry(day).or_default();
        *(if seen.ok() { ok } else { refused }) += 1;
        if self.days.len() > DAYS {
            self.days.pop_first();
        }
    }

    fn refuse(&mut self, seen: &Seen) {
        let kind = [seen.name(), seen.error().unwrap_or("failed"), &*seen.caller.name];
        let kind = kind.map(|text| cut(text).to_owned());
        if self.refused.len() < REFUSALS || self.refused.contains_key(&kind) {
            self.refused.entry(kind).or_default().add(seen.time(), false);
        } else {
            self.refused_cut = true;
        }
    }

    /// Writes down what is known.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn finish(self, texts: &mut Texts<'_>) -> io::Result<Dossier> {
        let refused_since = self.since.map(|touch| texts.proof(&touch)).transpose()?;
        let days = self.days.into_iter().map(|(day, (ok, refused))| {
            let day = Time((i64::from(day) - 1) * DAY);
            DayUse { day, ok, refused }
        });
        let refused_count = self.refused.len() as u64;
        let mut refused: Vec<Refused> = self
            .refused
            .into_iter()
            .map(|([event, error, by], tally)| Refused { event, error, by, tally })
            .collect();
        // Those of one count stay in the order of their names.
        refused.sort_by_key(|one| std::cmp::Reverse(one.tally.refused));
        refused.truncate(REFUSED);
        let (left_out, dropped) = (self.grants.left_out, self.grants.dropped);
        let (open, ended): (Vec<_>, Vec<_>) =
            self.grants.all().into_iter().partition(|grant| grant.ended.is_none());
        Ok(Dossier {
            life: Listed { count: self.count, cut: false, first: self.events.into() },
            policies: self.policies.all(),
            grants: Listed { count: open.len() as u64 + left_out, cut: left_out > 0, first: open },
            grants_ended: ended.len() as u64 + dropped,
            days: Listed { count: self.days_count, cut: false, first: days.collect() },
            refused: Listed { count: refused_count, cut: self.refused_cut, first: refused },
            refused_since,
            used_since: self.used_since,
            access: None,
        })
    }
}

/// What a call did, beyond its name.
fn told(seen: &Seen, alias: Option<&str>) -> Option<String> {
    let asked = |name: &str| seen.asked(name);
    match seen.name() {
        "CreateKey" => {
            let spec = seen.answered(&["keyMetadata", "keySpec"]);
            let origin = seen.answered(&["keyMetadata", "origin"]).or_else(|| asked("origin"));
            let parts: Vec<_> = spec.into_iter().chain(origin).collect();
            (!parts.is_empty()).then(|| parts.join(", "))
        }
        "ScheduleKeyDeletion" => {
            let date = seen.answered(&["deletionDate"]);
            let days = seen.request(&["pendingWindowInDays"]).and_then(Json::text);
            let date = date.map(|date| format!("on {date}"));
            date.or_else(|| days.map(|days| format!("in {days} days")))
        }
        "ImportKeyMaterial" => Some(match asked("validTo") {
            Some(date) => format!("expires {date}"),
            None => "does not expire".to_owned(),
        }),
        "EnableKeyRotation" => {
            let days = seen.request(&["rotationPeriodInDays"]).and_then(Json::text)?;
            Some(format!("every {days} days"))
        }
        "CreateAlias" | "UpdateAlias" | "DeleteAlias" => alias.map(str::to_owned),
        "CreateGrant" => {
            let grantee = asked("granteePrincipal").or_else(|| asked("granteeServicePrincipal"))?;
            let operations = seen.request(&["operations"]).into_iter().flat_map(Json::elements);
            let operations: Vec<_> = operations.filter_map(Json::text).take(NAMES).collect();
            Some(format!("to {grantee}: {}", operations.join(", ")))
        }
        "RetireGrant" | "RevokeGrant" => {
            let id = asked("grantId").or_else(|| seen.more(&["grantId"]).and_then(Json::text))?;
            Some(format!("grant {id}"))
        }
        "ReplicateKey" => asked("replicaRegion").map(|region| format!("to {region}")),
        "UpdatePrimaryRegion" => asked("primaryRegion").map(|region| format!("to {region}")),
        "UpdateKeyDescription" => asked("description").map(|text| format!("\"{text}\"")),
        "TagResource" => {
            let tags = seen.request(&["tags"]).into_iter().flat_map(Json::elements);
            let pair = |tag: Json<'_>| {
                let of = |name: &str| tag.get(name).and_then(Json::text);
                Some(format!("{}={}", of("tagKey")?, of("tagValue").unwrap_or_default()))
            };
            let pairs: Vec<String> = tags.filter_map(pair).take(NAMES).collect();
            (!pairs.is_empty()).then(|| pairs.join(", "))
        }
        "UntagResource" => {
            let keys = seen.request(&["tagKeys"]).into_iter().flat_map(Json::elements);
            let keys: Vec<_> = keys.filter_map(Json::text).take(NAMES).collect();
            (!keys.is_empty()).then(|| keys.join(", "))
        }
        _ => None,
    }
}
