//! The life of a key, up to the call that takes it away from its users.
//!
//! Several rules ask whether anybody but the caller loses something with a key: when it is disabled
//! or scheduled for deletion, and when its alias goes. What must stay true:
//!
//! * In doubt nothing is lowered. The whole life of the key must be in the log for that.
//! * What the caller may write proves nothing: no tag, no name of an alias, no user agent alone.
//! * Data that came to the key from elsewhere counts, whoever put it there. Whoever creates a key,
//!   re-encrypts data under it and deletes it holds that data to ransom.

use super::actor::{is_attested, is_automation, is_remediation};
use super::timeline::{DAY, between, by_same, key_of, mark_key, of_kind, text, who};
use crate::detect::stateful::{Context, Mark, Noted, Use};
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

/// The kinds of marks without which there is nothing to decide.
pub const NEEDS: &[&[u32]] = &[&[TAKEN]];

/// For how many days a record matters to a later one: a key that is older is nobody's own.
pub const DAYS: u16 = 14;
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
    "CreateTrail",
    "UpdateTrail",
];

/// Marks a record of the life of a key, but for the call that takes it away.
pub fn mark_life(event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
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
        _ => {}
    }
}

/// The key that a request of another service names by its id alone.
fn bare_key(event: &Event<'_>, view: &View<'_>) -> Option<String> {
    let id = text(event, &["requestParameters", "kmsKeyId"])?;
    let bare = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    bare.then(|| view.completed("kms", &format!("key/{id}")).arn)
}

/// Marks a use of a key.
pub fn mark_use(used: &Use<'_>, marks: &mut Vec<Mark>) {
    if let (Some(key), false) = (used.key, used.attempt) {
        let kind = if used.only_key { USED_ALONE } else { USED };
        marks.push(Mark { part: key.arn.clone(), kind, value: used.name.to_owned() });
    }
}

/// Whether uses of the key matter because of a mark of this kind.
pub fn asks_for_uses(kind: u32) -> bool {
    kind == TAKEN
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
        let is_beyond = |note: &&Noted| match note.kind {
            FILLED => true,
            POINTED => !(automated && created.is_some_and(|by| by_same(&by.about, &note.about))),
            _ => is_use(note) && created.is_some_and(|by| !is_own(note, by, (automated, attested))),
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
                "the same principal created the key at {}, and nothing that is not its own was \
                 protected by it",
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

/// Whether a use protects only what is the creator's own.
fn is_own(used: &Noted, created: &Noted, (automated, attested): (bool, bool)) -> bool {
    let about = &used.about;
    let owner = about.key.as_ref().and_then(|key| key.account.as_deref());
    let caller = about.principal.account.as_deref();
    let crosses = caller.zip(owner).is_some_and(|(caller, owner)| caller != owner);
    if crosses || used.value.starts_with("ReEncrypt") || used.time < created.time {
        return false;
    }
    let alone = used.kind == USED_ALONE;
    if !by_same(&created.about, about) {
        // An environment that a pipeline creates has users of its own, and new resources.
        return automated && alone;
    }
    match &about.resource {
        // Nobody knows what was encrypted under a key that the caller uses directly.
        None => {
            let encrypts = used.value.starts_with("Encrypt") || used.value.starts_with("Generate");
            about.principal.invoked_by.is_none() && !encrypts
        }
        // Copies within a bucket look like writes of new objects.
        // Whoever may write its user agent must not become automation by it here.
        Some(resource) => alone && (attested || !is_bucket(&resource.arn)),
    }
}

fn is_bucket(arn: &str) -> bool {
    Arn::parse(arn).is_some_and(|arn| arn.service == "s3")
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
