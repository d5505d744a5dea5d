//! The grants of a key over time.
//!
//! What must stay true: a grant is open until a record ends it. Grants that were made before the log
//! begins are not known, since nothing logs what `ListGrants` answers. A grant ends after it is made:
//! where both have the same second, it has ended, whichever record comes first.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::seen::Seen;
use super::texts::{Texts, cut};
use crate::model::keys::dossier::OpenGrant;
use crate::model::time::Time;
use crate::record::hidden::is_hidden_text;
use crate::record::json::{Json, Kind};

/// Grants that are kept of one key. Services make and retire them all day: those that ended first give
/// way.
const GRANTS: usize = 10_000;

/// Texts of one grant that are kept, each.
const EACH: usize = 32;

/// The constraints of a grant that have another form than KMS gives them.
const UNREAD: &str = "its constraints hold, which cannot be read";

/// The grants of one key, and what is not known of them.
#[derive(Debug, Default)]
pub struct KnownGrants {
    pub all: Vec<OpenGrant>,
    left_out: u64,
    dropped: u64,
    dropped_until: Option<Time>,
    untold: u64,
}

impl KnownGrants {
    /// What is not known of a time, in words.
    pub fn lost(&self, at: Time) -> Vec<String> {
        let dropped = if self.dropped_until > Some(at) { self.dropped } else { 0 };
        let lost = [
            (self.left_out, "more grants than are kept of one key, some of which may be open"),
            (dropped, "grants that ended later, or before: there are more than are kept"),
            (self.untold, "grants that their records do not show whole"),
        ];
        let lost = lost.into_iter().filter(|(count, _)| *count > 0);
        lost.map(|(count, what)| format!("{count} {what}")).collect()
    }
}

/// The grants of one key.
#[derive(Debug, Default)]
pub struct Grants {
    known: BTreeMap<String, OpenGrant>,
    /// Those that ended, by when.
    ended: BTreeSet<(Time, String)>,
    /// How many open ones had no room.
    pub left_out: u64,
    /// How many that ended gave way,
    pub dropped: u64,
    /// and when the last of them ended.
    dropped_until: Option<Time>,
    /// Records that make a grant and do not tell its id.
    untold: u64,
    /// Records that end a grant which the log does not have.
    pub ended_unknown: u64,
    /// Of these, those of the second that is gone through: the grant may be made in it.
    early: Early,
}

/// Records of one second that end grants which are not known yet.
#[derive(Debug, Default)]
struct Early {
    time: Option<Time>,
    /// How many there are of each grant; of [`GRANTS`] at most.
    ends: BTreeMap<String, u64>,
}

impl Early {
    fn note(&mut self, time: Time, id: &str) {
        if self.time.replace(time) != Some(time) {
            self.ends.clear();
        }
        if self.ends.len() < GRANTS {
            *self.ends.entry(id.to_owned()).or_default() += 1;
        }
    }

    /// How many records of this second end the grant.
    fn take(&mut self, time: Time, id: &str) -> Option<u64> {
        self.ends.remove(id).filter(|_| self.time == Some(time))
    }
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
                match id.as_deref().and_then(|id| self.known.get_mut(cut(id))) {
                    Some(grant) => {
                        let ended = *grant.ended.get_or_insert(seen.time());
                        self.ended.insert((ended, grant.id.clone()));
                    }
                    None => {
                        self.ended_unknown += 1;
                        id.iter().for_each(|id| self.early.note(seen.time(), cut(id)));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn made(&mut self, seen: &Seen, texts: &mut Texts<'_>) -> io::Result<()> {
        let Some(id) = seen.answered(&["grantId"]) else {
            self.untold += 1;
            return Ok(());
        };
        // The same request made twice gives the same grant.
        if let Some(known) = self.known.get_mut(cut(&id)) {
            if let Some(ended) = known.ended.take_if(|ended| *ended < seen.time()) {
                self.ended.remove(&(ended, known.id.clone()));
            }
            return Ok(());
        }
        if self.known.len() >= GRANTS && !self.drop_ended() {
            self.left_out += 1;
            return Ok(());
        }
        let early = self.early.take(seen.time(), cut(&id));
        let either = |one: &str, other: &str| {
            let named = seen.asked(one).or_else(|| seen.asked(other));
            named.filter(|text| !is_hidden_text(text)).map(|text| cut(&text).to_owned())
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
            ended: early.map(|_| seen.time()),
        };
        self.ended_unknown -= early.unwrap_or_default();
        self.ended.extend(grant.ended.map(|ended| (ended, grant.id.clone())));
        self.known.insert(grant.id.clone(), grant);
        Ok(())
    }

    /// Makes room: the grant that ended first gives way. Whether there is one.
    fn drop_ended(&mut self) -> bool {
        let Some((ended, id)) = self.ended.pop_first() else { return false };
        self.known.remove(&id);
        self.dropped += 1;
        self.dropped_until = self.dropped_until.max(Some(ended));
        true
    }

    /// A copy of all that is known.
    pub fn known(&self) -> KnownGrants {
        KnownGrants {
            all: self.known.values().cloned().collect(),
            left_out: self.left_out,
            dropped: self.dropped,
            dropped_until: self.dropped_until,
            untold: self.untold,
        }
    }

    /// All grants, in the order of time.
    pub fn all(self) -> Vec<OpenGrant> {
        let mut all: Vec<OpenGrant> = self.known.into_values().collect();
        all.sort_by(|a, b| (a.proof.time, &a.id).cmp(&(b.proof.time, &b.id)));
        all
    }
}

/// What a call under the grant must fulfil, in words. What cannot be read is a condition too.
fn constraints(seen: &Seen) -> Vec<String> {
    let Some(given) = seen.request(&["constraints"]) else { return Vec::new() };
    if given.kind() != Kind::Object {
        return vec![UNREAD.to_owned()];
    }
    let mut all = Vec::new();
    for (name, value) in given.members().filter(|(_, value)| !value.is_null()) {
        let name = name.text();
        match (value.kind(), value.text()) {
            (Kind::Object, _) => all.extend(value.members().take(EACH + 1).map(|(pair, value)| {
                let value = value.text().unwrap_or("what cannot be read".into());
                format!("{name} {} = {value}", pair.text())
            })),
            (_, Some(text)) => all.push(format!("{name} = {text}")),
            (_, None) => all.push(format!("{name}, which cannot be read")),
        }
        if all.len() > EACH {
            all.truncate(EACH);
            all.push("more constraints, which are not listed".to_owned());
            break;
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
