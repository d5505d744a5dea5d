//! The life of a key, up to the call that takes it away from its users.
//!
//! Several rules ask whether anybody but the caller loses something with a key: when it is disabled
//! or scheduled for deletion, and when its alias goes. What must stay true:
//!
//! * In doubt nothing is lowered. The whole life of the key must be in the log for that.
//! * What the caller may write proves nothing: no tag, no name of an alias, no user agent alone.
//! * Data that came to the key from elsewhere counts, whoever put it there. Whoever creates a key,
//!   re-encrypts data under it and deletes it holds that data to ransom.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::actor::{is_attested, is_automation, is_remediation};
use super::timeline::{DAY, between, by_same, key_of, mark_key, of_kind, text, who};
use crate::detect::stateful::{Context, Decided, History, Mark, Noted, Use, Uses};
use crate::model::arn::Arn;
use crate::model::level::Level;
use crate::model::time::Time;
use crate::record::event::Event;
use crate::record::kms::View;

/// The key was taken away, or an alias of it was. The value is the rule's own.
pub const TAKEN: u32 = 100;
/// The key was created.
const CREATED: u32 = 101;
/// Data that had been elsewhere came under the key, or a trail did.
const FILLED: u32 = 102;
/// An alias was moved to the key.
const POINTED: u32 = 103;
/// The key was used.
const USED: u32 = 104;
/// The key was used, on a resource for which no other key was ever used.
const USED_ALONE: u32 = 105;
/// A resource was made under the key, empty. The value names the resource, as uses of the key do.
const MADE: u32 = 106;

/// A rule about calls that take a key away, judged by the life of the key.
pub trait TakesAway: Send + Sync {
    /// The rule whose findings it raises and lowers, if it has none of its own.
    fn adjusts(&self) -> Option<&'static str> {
        None
    }

    /// The kinds of marks without which a part gives nothing, as [`History::needs`] says.
    fn needs(&self) -> &[&[u32]] {
        &[&[TAKEN]]
    }

    /// Marks the calls, beside what else happens to a key.
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>);

    /// Decides over everything that was noted under one part, in the order of time.
    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided>;
}

/// Such a rule as a history: it sees the life of the key too.
#[derive(Debug)]
pub struct OfLife<T>(pub T);

impl<T: TakesAway> History for OfLife<T> {
    fn adjusts(&self) -> Option<&'static str> {
        self.0.adjusts()
    }

    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        self.0.note(event, view, marks);
        mark_life(event, view, marks);
    }

    fn uses(&self) -> Uses<'_> {
        Uses::OfMarkedKeys
    }

    fn asks_for_uses(&self, kind: u32) -> bool {
        kind == TAKEN
    }

    fn asks_for_other_keys(&self) -> bool {
        true
    }

    fn days(&self) -> u16 {
        DAYS
    }

    fn needs(&self) -> &[&[u32]] {
        self.0.needs()
    }

    fn note_use(&self, used: &Use<'_>, marks: &mut Vec<Mark>) {
        mark_use(used, marks);
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        self.0.conclude(notes, context)
    }
}

/// For how many days a record matters to a later one: a key that is older is nobody's own.
const DAYS: u16 = 14;
/// The same in microseconds.
const YOUNG: i64 = DAYS as i64 * DAY;

/// How recent a use must be for a key to be in use.
const RECENT: i64 = 30 * DAY;

/// Calls of other services that put data under a key which had been elsewhere, or make a trail
/// write under it.
const FILLING: &[&str] = &[
    "CopyObject",
    "UploadPartCopy",
    "CopySnapshot",
    "CopyImage",
    "CopyDBSnapshot",
    "CopyDBClusterSnapshot",
    "CopyBackup",
    "CreateDBInstanceReadReplica",
    "RestoreDBInstanceFromDBSnapshot",
    "RestoreDBInstanceToPointInTime",
    "RestoreDBInstanceFromS3",
    "RestoreDBClusterFromSnapshot",
    "RestoreDBClusterToPointInTime",
    "RestoreDBClusterFromS3",
    "RestoreTableFromBackup",
    "RestoreTableToPointInTime",
    "UpdateTable",
    "CreateTrail",
    "UpdateTrail",
];

/// Calls that make something to hold data, which is empty unless the request names a source.
const MAKING: &[&str] =
    &["CreateVolume", "CreateDBInstance", "CreateDBCluster", "CreateTable", "CreateFileSystem"];

/// Where such a request names what the data comes from.
const SOURCES: &[&str] =
    &["snapshotId", "sourceVolumeId", "backupId", "replicationSourceIdentifier"];

/// Where such a response names what was made as contexts name it.
const MADE_IDS: &[&str] = &["dbiResourceId", "dbClusterResourceId"];

/// Services whose resources may be copies of others: that a principal wrote there says nothing of
/// whose data it was.
const COPYING: &[&str] =
    &["s3", "ec2", "rds", "dynamodb", "elasticfilesystem", "fsx", "redshift", "backup"];

/// Marks a record of the life of a key, but for the call that takes it away.
fn mark_life(event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
    let Some(name) = view.name().filter(|_| !view.attempt()) else { return };
    let mut mark = |part: String, kind| marks.push(Mark { part, kind, value: String::new() });
    match (view.is_kms(), &*name) {
        (true, "CreateKey") => mark_key(view, CREATED, "", marks),
        (true, "UpdateAlias") => mark_key(view, POINTED, "", marks),
        // The key that it came from stands first.
        (true, "ReEncrypt") => {
            view.keys().last().into_iter().for_each(|key| mark(key.arn.clone(), FILLED));
        }
        (false, name) if FILLING.contains(&name) => {
            view.keys().iter().for_each(|key| mark(key.arn.clone(), FILLED));
            bare_key(event, view).into_iter().for_each(|key| mark(key, FILLED));
        }
        (false, name) if MAKING.contains(&name) => mark_making(event, view, marks),
        _ => {}
    }
}

/// Marks what is made under a key: empty, or filled from a source.
fn mark_making(event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
    let has_source = SOURCES.iter().any(|name| text(event, &["requestParameters", name]).is_some());
    let kind = if has_source { FILLED } else { MADE };
    let ids = MADE_IDS.iter().filter_map(|name| text(event, &["responseElements", name]));
    let ids: Vec<String> = ids.map(Cow::into_owned).collect();
    for pair in crate::tags::uses::of(view) {
        let named = pair.resource.map(|resource| resource.arn);
        marks.extend(named.into_iter().chain(ids.iter().cloned()).map(|value| Mark {
            part: pair.key.arn.clone(),
            kind,
            value,
        }));
    }
}

/// The key that a request of another service names by its id alone.
fn bare_key(event: &Event<'_>, view: &View<'_>) -> Option<String> {
    let id = text(event, &["requestParameters", "kmsKeyId"])?;
    let bare = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    bare.then(|| view.completed("kms", &format!("key/{id}")).arn)
}

/// Marks a use of a key.
fn mark_use(used: &Use<'_>, marks: &mut Vec<Mark>) {
    if let (Some(key), false) = (used.key, used.attempt) {
        let kind = if used.only_key { USED_ALONE } else { USED };
        marks.push(Mark { part: key.arn.clone(), kind, value: used.name.to_owned() });
    }
}

/// The life of one key, as its notes tell it.
pub struct Life<'n> {
    notes: &'n [Noted],
    context: Context<'n>,
    /// Its creation, if the log has it.
    created: Option<&'n Noted>,
    /// The first note of something that is not its creator's own.
    beyond: Option<usize>,
    /// The first note of anything under it.
    used: Option<usize>,
    /// Its uses by the time at which they began, each with the one of those until then that ended
    /// last.
    uses: Vec<(usize, usize)>,
}

impl<'n> Life<'n> {
    /// Reads the notes of one key.
    pub fn read(notes: &'n [Noted], context: &Context<'n>) -> Life<'n> {
        let created = of_kind(notes, CREATED);
        // Only one call creates a key. Several mean that some record is not what it seems.
        let one =
            |all: &[usize]| all.iter().all(|at| by_same(&notes[*at].about, &notes[all[0]].about));
        let created = created.first().filter(|_| one(&created)).map(|at| &notes[*at]);
        let mut uses: Vec<(usize, usize)> = Vec::new();
        for (at, note) in notes.iter().enumerate().filter(|(_, note)| is_use(note)) {
            let before = uses.last().map_or(at, |(_, longest)| *longest);
            uses.push((at, if note.last > notes[before].last { at } else { before }));
        }
        let automated = created.is_some_and(|by| is_automation(context.estate, &by.about));
        let attested = created.is_some_and(|by| is_attested(context.estate, &by.about));
        let made = notes.iter().filter(|note| {
            note.kind == MADE && created.is_some_and(|by| by_same(&by.about, &note.about))
        });
        let made: BTreeSet<&str> = made.map(|note| note.value.as_str()).collect();
        let by = Maker { automated, attested, made: &made };
        let is_beyond = |note: &&Noted| match note.kind {
            FILLED => true,
            POINTED => !(automated && created.is_some_and(|by| by_same(&by.about, &note.about))),
            _ => is_use(note) && created.is_some_and(|created| !is_own(note, created, &by)),
        };
        let is_used = |note: &&Noted| is_use(note) || note.kind == FILLED;
        Life {
            beyond: notes.iter().position(|note| is_beyond(&note)),
            used: notes.iter().position(|note| is_used(&note)),
            notes,
            context: *context,
            created,
            uses,
        }
    }

    /// The level to which a call is lowered that took the key away, and why. The key of a trail is
    /// never anybody's own: CloudTrail's uses of it are no uses, but many depend on them.
    pub fn lowered(&self, taken: usize) -> Option<(Level, String)> {
        let note = &self.notes[taken];
        let key = key_of(note).unwrap_or_default();
        if self.context.deliveries.is_under(key, note.time, RECENT) {
            return None;
        }
        let later = |since: Option<usize>| since.is_none_or(|at| self.notes[at].time > note.time);
        if let Some(created) = self.created
            && by_same(&created.about, &note.about)
            && (0..=YOUNG).contains(&between(created.time, note.time))
            && later(self.beyond)
        {
            let why = format!(
                "the same principal created the key at {}, and as far as the log shows nothing that is \
                 not its own was protected by it",
                created.time
            );
            return Some((Level::Low, why));
        }
        let by = match &note.about {
            about if is_automation(self.context.estate, about) => "automation",
            about if is_remediation(about) => "the remediation of an AWS Config rule",
            _ => return None,
        };
        let why = || format!("{by} made the call, and the log shows no use of the key");
        later(self.used).then(|| (Level::Medium, why()))
    }

    /// The notes because of which a call may not be lowered.
    pub fn against(&self, taken: usize) -> impl Iterator<Item = usize> {
        let until = self.notes[taken].time;
        let both = [self.beyond, self.used].into_iter().flatten();
        both.filter(move |at| self.notes[*at].time <= until)
    }

    /// What the use was, if the key was in use at a time: a sentence about who used it, and when.
    pub fn in_use(&self, time: Time) -> Option<String> {
        let begun = self.uses.partition_point(|(at, _)| self.notes[*at].time <= time);
        let (_, longest) = self.uses.get(begun.checked_sub(1)?)?;
        let used = &self.notes[*longest];
        // A use may begin earlier and continue after a cancelled deletion. It counts even if none
        // of its calls lies within the thirty days.
        let recent = used.last >= Time(time.0.saturating_sub(RECENT));
        recent.then(|| reason(used, time))
    }

    /// The calls that took the key away.
    pub fn taken(&self) -> impl Iterator<Item = usize> {
        (0..self.notes.len()).filter(|at| self.notes[*at].kind == TAKEN)
    }
}

fn is_use(note: &Noted) -> bool {
    matches!(note.kind, USED | USED_ALONE)
}

/// Who made a key.
struct Maker<'n> {
    automated: bool,
    /// Whether that is known by something that the maker did not write.
    attested: bool,
    /// What else it made under the key, empty.
    made: &'n BTreeSet<&'n str>,
}

/// Whether a use protects only what is the creator's own.
fn is_own(used: &Noted, created: &Noted, by: &Maker<'_>) -> bool {
    let about = &used.about;
    let owner = about.key.as_ref().and_then(|key| key.account.as_deref());
    let caller = about.principal.account.as_deref();
    let crosses = caller.zip(owner).is_some_and(|(caller, owner)| caller != owner);
    if crosses || used.value.starts_with("ReEncrypt") || used.time < created.time {
        return false;
    }
    // Copies look like writes of new objects. Whoever may write its user agent must not become
    // automation by it here, and whoever may name a key by an alias must not hide a copy so.
    let is_new = |arn: &str| by.attested || by.made.contains(arn) || !may_be_copy(arn);
    let resource = about.resource.as_ref().map(|resource| resource.arn.as_str());
    let new = used.kind == USED_ALONE && resource.is_some_and(is_new);
    if !by_same(&created.about, about) {
        // An environment that a pipeline creates has users of its own, and new resources.
        return by.automated && new;
    }
    // Nobody knows what was encrypted under a key that the caller uses directly.
    let encrypts = used.value.starts_with("Encrypt") || used.value.starts_with("Generate");
    let looks = resource.is_none() && about.principal.invoked_by.is_none() && !encrypts;
    new || looks
}

/// Whether data of a resource may have been copied from another one. What a context names by an id
/// alone may be.
fn may_be_copy(name: &str) -> bool {
    Arn::parse(name).is_none_or(|arn| COPYING.contains(&arn.service))
}

/// A sentence about who used the key, how and when.
fn reason(used: &Noted, taken: Time) -> String {
    let (name, who) = (&used.value, who(&used.about));
    if used.last <= taken {
        format!("the key was in use: {name} by {who}, last at {}", used.last)
    } else {
        format!("the key was in use: {name} by {who} from {} to {}", used.time, used.last)
    }
}
