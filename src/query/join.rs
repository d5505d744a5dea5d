//! The records of one call, as one row.
//!
//! ```text
//! two accounts   a call over the border of an account is recorded on both sides, with one sharedEventID
//!                and nothing that tells them apart: event, caller, keys and resources. The owner's
//!                side knows its caller by id and account only.
//! served         S3, Secrets Manager and others call KMS to serve a call: the same caller, the
//!                resource of the call in the encryption context, at most a second apart, an operation
//!                that needs it, and the same end. Request ids and access keys differ.
//! ```
//!
//! A call of a service names its caller and no address; the call that it served names both. Where it
//! could have served another one as well, or another one could have served the same, rows stay apart.
//!
//! What must stay true: rows come in the order in which they were added, and what becomes of them
//! follows from that order alone. Of two that fit alike none is chosen. At most [`HELD_MAX`] rows wait;
//! one that has to go before its time goes by itself.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use super::serves;
use super::target::without_suffix;
use crate::model::arn::Arn;
use crate::model::occurrence::Occurrence;
use crate::model::principal::Principal;
use crate::record::kms;

/// Rows that wait for what belongs to them.
const HELD_MAX: usize = 8_192;

/// How far apart the records of one call may be; microseconds.
const APART: i64 = 1_000_000;

/// Resources of one call by which it is found.
const RESOURCES_MAX: usize = 20;

/// Rows of one caller and resource that are compared, and records of one shared id. With more at a
/// time, nobody can say which belongs to which.
const ALIKE_MAX: usize = 8;

/// Rows whose time is not over.
#[derive(Debug)]
pub struct Window {
    /// Whether rows are joined at all.
    joins: bool,
    held: VecDeque<Option<Held>>,
    /// The number of the first that is held.
    first: u64,
    /// Calls that other accounts may have recorded too, by their shared id.
    shared: HashMap<String, VecDeque<u64>>,
    /// KMS calls of services and calls that they may have served, by what they have in common.
    alike: HashMap<Tie, VecDeque<u64>>,
    /// The latest time that was seen.
    now: Option<i64>,
}

/// A row that waits.
#[derive(Debug)]
struct Held {
    row: Occurrence,
    /// Under which it is found.
    ties: Vec<Tie>,
    /// What it may have served, or what may have served it.
    fits: Vec<Fit>,
    /// Whether there were too many like it to say.
    crowded: bool,
}

/// Another row that fits.
#[derive(Debug)]
struct Fit {
    number: u64,
    /// What the KMS call did, and for which of the resources of the call: one will do of each.
    role: (String, usize),
}

/// What a call and the KMS calls that serve it have in common: the caller and the resource.
type Tie = (Option<String>, Option<String>, String);

impl Window {
    /// An empty one.
    pub fn new(joins: bool) -> Window {
        Window {
            joins,
            held: VecDeque::new(),
            first: 0,
            shared: HashMap::new(),
            alike: HashMap::new(),
            now: None,
        }
    }

    /// The first row, if nothing can join it any more.
    pub fn ready(&mut self) -> Option<Occurrence> {
        loop {
            let first = self.held.front()?;
            let time = first.as_ref().and_then(|held| held.row.time).map(|time| time.0);
            // What is a second away may itself belong to what is another second away.
            let over = match (time, self.now) {
                (Some(time), Some(now)) => now.saturating_sub(time) > 2 * APART,
                _ => true,
            };
            if first.is_some() && self.joins && !over && self.held.len() < HELD_MAX {
                return None;
            }
            if let Some(row) = self.pop(over) {
                return Some(row);
            }
        }
    }

    /// The first row, when no more will come.
    pub fn last(&mut self) -> Option<Occurrence> {
        while !self.held.is_empty() {
            if let Some(row) = self.pop(true) {
                return Some(row);
            }
        }
        None
    }

    /// Takes out the first; `known` is whether all that may belong to it has come.
    fn pop(&mut self, known: bool) -> Option<Occurrence> {
        let number = self.first;
        let held = self.held.pop_front().flatten();
        self.first += 1;
        let mut held = held?;
        self.forget(&held, number);
        if !known {
            return Some(held.row);
        }
        if is_service_call(&held.row) {
            let Some(call) = only(&held).and_then(|call| self.at(call)) else {
                return Some(held.row);
            };
            if !is_served_by(call, number) {
                return Some(held.row);
            }
            call.row.served.push(held.row.beside());
            return None;
        }
        let mut fits: Vec<u64> = held.fits.iter().map(|fit| fit.number).collect();
        fits.retain(|served| is_served_by(&held, *served));
        for served in fits {
            let index =
                served.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
            let slot = index.and_then(|index| self.held.get_mut(index));
            if let Some(taken) = slot.and_then(|slot| slot.take_if(|k| only(k) == Some(number))) {
                self.forget(&taken, served);
                held.row.served.push(taken.row.beside());
            }
        }
        Some(held.row)
    }

    /// Takes a row that is held no more out of the tables.
    fn forget(&mut self, gone: &Held, number: u64) {
        for tie in &gone.ties {
            forget(&mut self.alike, tie, number);
        }
        if let Some(id) = &gone.row.shared {
            forget(&mut self.shared, id, number);
        }
    }

    /// Adds a row, behind all others.
    pub fn add(&mut self, row: Occurrence) {
        self.now = self.now.max(row.time.map(|time| time.0));
        if !self.joins || row.time.is_none() {
            self.held.push_back(Some(Held::new(row)));
            return;
        }
        let Some(row) = self.other_side(row) else { return };
        let mut held = Held::new(row);
        if is_service_call(&held.row) || serves::may_be_served(&held.row) {
            held.ties = ties(&held.row);
            self.find_fits(&mut held);
        }
        self.held.push_back(Some(held));
    }

    /// Joins the other side of a call over the border of an account; gives the row back if there is none.
    fn other_side(&mut self, mut row: Occurrence) -> Option<Occurrence> {
        // A service's own calls have such an id too.
        let id = row.shared.clone().filter(|_| row.principal.account.is_some());
        let Some(id) = id else { return Some(row) };
        let numbers = self.shared.get(&id).cloned().unwrap_or_default();
        for number in &numbers {
            let Some(Held { row: held, .. }) = self.at(*number) else { continue };
            if !are_sides(held, &row) {
                continue;
            }
            // The caller's side tells more of the caller.
            let own = |row: &Occurrence| {
                row.principal.account.is_some() && row.principal.account == row.account
            };
            if own(&row) && !own(held) {
                std::mem::swap(held, &mut row);
                held.also.append(&mut row.also);
                held.served.append(&mut row.served);
            }
            held.copies += row.copies;
            held.also.push(row.beside());
            return None;
        }
        if numbers.len() < ALIKE_MAX {
            let number = self.next();
            self.shared.entry(id).or_default().push_back(number);
        }
        Some(row)
    }

    /// The number of the next row.
    fn next(&self) -> u64 {
        self.first + self.held.len() as u64
    }

    fn at(&mut self, number: u64) -> Option<&mut Held> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.held.get_mut(index)?.as_mut()
    }

    /// Notes of a row and those before it which may belong together.
    fn find_fits(&mut self, new: &mut Held) {
        let number = self.next();
        for tie in new.ties.clone() {
            let others = self.alike.entry(tie.clone()).or_default();
            others.push_back(number);
            let before = others.len() - 1;
            new.crowded |= before >= ALIKE_MAX;
            if before > ALIKE_MAX {
                continue;
            }
            for other in others.clone().into_iter().take(before) {
                let Some(old) = self.at(other) else { continue };
                old.crowded |= new.crowded;
                note_fit((old, other), (new, number), &tie);
            }
        }
    }
}

impl Held {
    fn new(row: Occurrence) -> Held {
        Held { row, ties: Vec::new(), fits: Vec::new(), crowded: false }
    }
}

/// Notes that two rows may belong together, if they may.
fn note_fit((old, other): (&mut Held, u64), (new, number): (&mut Held, u64), tie: &Tie) {
    let (call, kms) = match is_service_call(&old.row) {
        true => (&*new, &old.row),
        false => (&*old, &new.row),
    };
    let fits = is_service_call(kms) && !is_service_call(&call.row) && is_near(&call.row, kms);
    if fits && serves::fits(kms, &call.row) {
        let resource = call.ties.iter().position(|of| of == tie).unwrap_or_default();
        let role = (kms.event.clone(), resource);
        old.fits.push(Fit { number, role: role.clone() });
        new.fits.push(Fit { number: other, role });
    }
}

/// The only one that fits, if there is one.
fn only(held: &Held) -> Option<u64> {
    match held.fits.as_slice() {
        [fit] if !held.crowded => Some(fit.number),
        _ => None,
    }
}

/// Whether a call was served by a KMS call, and no other may have done the same for it.
fn is_served_by(call: &Held, number: u64) -> bool {
    let Some(fit) = call.fits.iter().find(|fit| fit.number == number) else { return false };
    !call.crowded && call.fits.iter().filter(|other| other.role == fit.role).count() == 1
}

/// Takes a number out of a table. What goes in its turn is in front.
fn forget<K: Hash + Eq>(table: &mut HashMap<K, VecDeque<u64>>, key: &K, number: u64) {
    let Some(numbers) = table.get_mut(key) else { return };
    if numbers.front() == Some(&number) {
        numbers.pop_front();
    } else if let Ok(at) = numbers.binary_search(&number) {
        numbers.remove(at);
    }
    if numbers.is_empty() {
        table.remove(key);
    }
}

/// Whether two records may be the two sides of one call: nothing that both tell differs.
fn are_sides(one: &Occurrence, other: &Occurrence) -> bool {
    fn agree<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
        one.zip(other).is_none_or(|(one, other)| one == other)
    }
    fn meet<T: PartialEq>(one: &[T], other: &[T]) -> bool {
        one.is_empty() || other.is_empty() || one.iter().any(|text| other.contains(text))
    }
    let keys = |row: &Occurrence| row.keys.iter().map(|key| key.arn.clone()).collect::<Vec<_>>();
    let (caller, same) = (&one.principal, &other.principal);
    let ((id, name), (same_id, same_name)) = (ids(one), ids(other));
    one.account != other.account
        && one.event == other.event
        && one.source == other.source
        && agree(caller.account.as_ref(), same.account.as_ref())
        && agree(arn_of(caller).as_ref(), arn_of(same).as_ref())
        && agree(caller.session.as_ref(), same.session.as_ref())
        && agree(id.as_ref(), same_id.as_ref())
        && agree(name.as_ref(), same_name.as_ref())
        && meet(&keys(one), &keys(other))
        && meet(&one.resources, &other.resources)
}

/// The ARN of a caller; a record that has none is told by an id, which is no ARN.
fn arn_of(caller: &Principal) -> Option<&str> {
    caller.arn.as_deref().filter(|arn| Arn::parse(arn).is_some())
}

/// The id of a caller, and the name of its session: `AROA…:name`.
fn ids(row: &Occurrence) -> (Option<&str>, Option<&str>) {
    match row.principal_id.as_deref().map(|id| id.split_once(':').ok_or(id)) {
        Some(Ok((id, name))) => (Some(id), Some(name)),
        Some(Err(id)) => (Some(id), None),
        None => (None, None),
    }
}

fn is_near(one: &Occurrence, other: &Occurrence) -> bool {
    one.time
        .zip(other.time)
        .is_some_and(|(one, other)| one.0.abs_diff(other.0) <= APART.unsigned_abs())
}

fn is_kms(row: &Occurrence) -> bool {
    row.source.eq_ignore_ascii_case(kms::SOURCE)
}

/// Whether a service called KMS on somebody's behalf.
fn is_service_call(row: &Occurrence) -> bool {
    let Principal { kind, invoked_by, .. } = &row.principal;
    is_kms(row) && invoked_by.is_some() && kind.is_some() && kind.as_deref() != Some("AWSService")
}

/// By what a call and the KMS calls that serve it find each other.
fn ties(row: &Occurrence) -> Vec<Tie> {
    let Principal { arn, session, .. } = &row.principal;
    if arn.is_none() {
        return Vec::new();
    }
    let mut all: Vec<Tie> = Vec::new();
    for text in row.resources.iter().take(RESOURCES_MAX) {
        let tie = (arn.clone(), session.clone(), whole(row, text));
        if !all.contains(&tie) {
            all.push(tie);
        }
    }
    all
}

/// What tells a resource apart. A call may name a secret or a parameter by its name or by its ARN; the
/// encryption context always has the ARN.
fn whole(row: &Occurrence, text: &str) -> String {
    let (region, account) = (row.region.as_deref(), row.account.as_deref());
    let join = |service: &str, region: &str, account: &str, resource: &str| {
        [service, region, account, resource].join(":")
    };
    match (Arn::parse(text), row.source.as_str()) {
        (Some(arn), _) if matches!(arn.service, "secretsmanager" | "ssm") => {
            let resource = without_suffix(&arn).unwrap_or(arn.resource);
            join(arn.service, arn.region, arn.account, resource)
        }
        (None, "secretsmanager.amazonaws.com") => join(
            "secretsmanager",
            region.unwrap_or_default(),
            account.unwrap_or_default(),
            &format!("secret:{text}"),
        ),
        (None, "ssm.amazonaws.com") => join(
            "ssm",
            region.unwrap_or_default(),
            account.unwrap_or_default(),
            &format!("parameter/{}", text.trim_start_matches('/')),
        ),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
