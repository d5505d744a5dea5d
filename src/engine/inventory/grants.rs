//! The grants of a key over time.
//!
//! What must stay true: a grant is open until a record ends it. Grants that were made before the log
//! begins are not known, since nothing logs what `ListGrants` answers.

use std::collections::BTreeMap;
use std::io;

use super::seen::Seen;
use super::texts::{Texts, cut};
use crate::model::keys::dossier::OpenGrant;
use crate::model::time::Time;
use crate::record::json::{Json, Kind};

/// Grants that are kept of one key; the first ones, since services make and retire them all day.
const GRANTS: usize = 10_000;

/// Texts of one grant that are kept, each.
const EACH: usize = 32;

/// The grants of one key.
#[derive(Debug, Default)]
pub struct Grants {
    known: BTreeMap<String, OpenGrant>,
    /// How many had no room.
    pub left_out: u64,
    /// Records that end a grant which the log does not have.
    pub ended_unknown: u64,
}

impl Grants {
    /// Takes in a call that succeeded.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn take(&mut self, seen: &Seen, texts: &mut Texts<'_>) -> io::Result<()> {
        match seen.name() {
            "CreateGrant" => self.made(seen, texts)?,
            "RetireGrant" | "RevokeGrant" => {
                let id = seen.asked("grantId");
                let id = id.or_else(|| seen.more(&["grantId"]).and_then(Json::text));
                match id.and_then(|id| self.known.get_mut(cut(&id))) {
                    Some(grant) => grant.ended = grant.ended.or(Some(seen.time())),
                    None => self.ended_unknown += 1,
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn made(&mut self, seen: &Seen, texts: &mut Texts<'_>) -> io::Result<()> {
        let Some(id) = seen.answered(&["grantId"]) else { return Ok(()) };
        // The same request made twice gives the same grant.
        if let Some(known) = self.known.get_mut(cut(&id)) {
            known.ended = None;
            return Ok(());
        }
        if self.known.len() >= GRANTS {
            self.left_out += 1;
            return Ok(());
        }
        let either = |one: &str, other: &str| {
            seen.asked(one).or_else(|| seen.asked(other)).map(|text| cut(&text).to_owned())
        };
        let operations = seen.request(&["operations"]).into_iter().flat_map(Json::elements);
        let grant = OpenGrant {
            id: cut(&id).to_owned(),
            name: seen.asked("name").map(|name| cut(&name).to_owned()),
            grantee: either("granteePrincipal", "granteeServicePrincipal"),
            retiring: either("retiringPrincipal", "retiringServicePrincipal"),
            operations: operations
                .filter_map(Json::text)
                .take(EACH)
                .map(|one| cut(&one).to_owned())
                .collect(),
            constraints: constraints(seen),
            proof: texts.proof(&seen.touch)?,
            ended: None,
        };
        self.known.insert(grant.id.clone(), grant);
        Ok(())
    }

    /// A copy of all grants.
    pub fn all_known(&self) -> Vec<OpenGrant> {
        self.known.values().cloned().collect()
    }

    /// All grants, in the order of time.
    pub fn all(self) -> Vec<OpenGrant> {
        let mut all: Vec<OpenGrant> = self.known.into_values().collect();
        all.sort_by(|a, b| (a.proof.time, &a.id).cmp(&(b.proof.time, &b.id)));
        all
    }
}

/// What a call under the grant must fulfil, in words.
fn constraints(seen: &Seen) -> Vec<String> {
    let mut all = Vec::new();
    let members = seen.request(&["constraints"]).into_iter().flat_map(Json::members);
    for (name, value) in members.take(EACH) {
        let name = name.text();
        match value.kind() {
            Kind::Object => {
                let pairs = value.members().take(EACH).filter_map(|(pair, value)| {
                    Some(format!("{name} {} = {}", pair.text(), value.text()?))
                });
                all.extend(pairs);
            }
            Kind::Null => {}
            _ => all.extend(value.text().map(|text| format!("{name} = {text}"))),
        }
    }
    all.iter().map(|one| cut(one).to_owned()).collect()
}

/// The grants that were open at a time.
pub fn open_at(grants: &[OpenGrant], at: Time) -> impl Iterator<Item = &OpenGrant> {
    grants
        .iter()
        .filter(move |grant| grant.proof.time <= at && grant.ended.is_none_or(|ended| ended > at))
}
