//! What is granted to one principal, against what it used.
//!
//! The rows are gone through three times: for who is meant, for what IAM says, and key by key. What must
//! stay true: a name that stands for several is told and not guessed; memory is bounded by the keys that
//! are listed, and by what is kept of one key at a time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::access::NEVER_SEEN;
use super::calls::Calls;
use super::grants::{Grants, open_at};
use super::iam::IamCalls;
use super::iam::held::IamHeld;
use super::known::Known;
use super::least::Least;
use super::policies::Policies;
use super::rights::{KeyAt, OneAsked, Rights, ever_allowed, rights, rights_without_key};
use super::seen::Seen;
use super::texts::Texts;
use super::used::{OneUse, Uses};
use crate::engine::partial::key_use::Who;
use crate::engine::partial::touch::{Touch, flag};
use crate::engine::store::dictionary::{NONE, Sym};
use crate::engine::store::runs::SHARDS;
use crate::model::arn::Arn;
use crate::model::keys::access::Sure;
use crate::model::keys::dossier::{OpenGrant, PolicyVersion};
use crate::model::keys::granted::{Granted, GrantedVsUsed, IamSeen, KeyRights, Shown, UsedCall};
use crate::model::keys::listed::Listed;
use crate::model::named::{NamedIdentity, identity, short_name};
use crate::model::outcome::Outcome;
use crate::model::time::Time;
use crate::policy::who_can::permissions;
use crate::policy::{Actions, Principal};

/// Keys that are listed. Beyond, they are counted.
const KEYS: usize = 10_000;

/// Principals of one name that are told apart, and those that are listed.
const PRINCIPALS: usize = 1_000;
const NAMED: usize = 10;

/// A log that is shorter proves little, in days.
const SHORT: i64 = 30;

/// A day, in microseconds.
const DAY: i64 = 86_400_000_000;

/// What is granted to whom the name stands for, and what it used.
///
/// # Errors
/// When a temporary file cannot be used, or a signal comes.
pub fn take(known: &Known<'_>, name: &NamedIdentity, outcome: &Outcome) -> io::Result<Granted> {
    let Callers { mut found, cut, iam } = Callers::named(known, name)?;
    let (arn, whos) = match (found.len(), found.pop_first()) {
        (0 | 1, one) => match one.or_else(|| Some((name.arn()?, HashSet::new()))) {
            Some(one) => one,
            None => return Ok(Granted::Nobody),
        },
        (count, first) => {
            let all = first.into_iter().chain(found).map(|(arn, _)| arn);
            let first = all.take(NAMED).collect();
            return Ok(Granted::Several(Listed { count: count as u64, cut, first }));
        }
    };
    let parts = identity(&arn);
    let account = parts.map(|arn| arn.account.to_owned()).unwrap_or_default();
    let short = parts.and_then(|arn| short_name(arn.resource));
    let holder = short.map(|(kind, name)| format!("{kind}/{name}")).unwrap_or_default();
    let at = known.asked.at.or(outcome.totals.last_event).unwrap_or(Time(i64::MAX));
    let held = iam_calls(known, &iam)?.held_by(&account, &holder, at);
    let principal = Principal::read("AWS", &arn);
    let one = Asker { one: OneAsked { arn, account, principal }, whos, held, at };
    one.ask(known, outcome).map(|answer| Granted::One(Box::new(answer)))
}

/// The callers of a name.
#[derive(Default)]
struct Callers {
    /// By ARN, under which names rows have them.
    found: BTreeMap<String, HashSet<Sym>>,
    /// Whether there are more than are told apart. The smallest stay.
    cut: bool,
    /// The shards with calls of IAM.
    iam: BTreeSet<usize>,
}

impl Callers {
    fn named(known: &Known<'_>, name: &NamedIdentity) -> io::Result<Callers> {
        let mut all = Callers::default();
        let mut whos: HashSet<Sym> = HashSet::new();
        for shard in 0..SHARDS {
            known.context.go_on()?;
            let mut of_iam = false;
            known.rows.shard(shard).each(|touch| match touch.is(flag::IAM) {
                true => of_iam = true,
                false => _ = whos.insert(touch.who),
            })?;
            all.iam.extend(of_iam.then_some(shard));
        }
        for who in whos {
            let Some(arn) = Who::read(&known.dictionary.text(who)?).principal.arn else { continue };
            if name.is(&arn) {
                all.found.entry(arn).or_default().insert(who);
            }
            if all.found.len() > PRINCIPALS {
                all.found.pop_last();
                all.cut = true;
            }
        }
        Ok(all)
    }
}

/// What IAM was told, which is all in the rows of no key.
fn iam_calls(known: &Known<'_>, shards: &BTreeSet<usize>) -> io::Result<IamCalls> {
    let names = &known.context.names;
    let mut texts = Texts::new(known.dictionary, names);
    let mut all = IamCalls::default();
    for shard in shards {
        let mut calls = Calls::new(known.rows.shard(*shard).rows()?, names);
        while let Some(touch) = calls.next(&mut |_| {})?.filter(|touch| touch.key == NONE) {
            known.context.go_on()?;
            if touch.is(flag::IAM) {
                all.take(&Seen::new(touch, &mut texts)?);
            }
        }
    }
    Ok(all)
}

/// One principal, and what is known of it before keys are looked at.
struct Asker {
    one: OneAsked,
    /// Under which names rows have it.
    whos: HashSet<Sym>,
    held: IamHeld,
    at: Time,
}

/// A key, and what the principal did with it.
struct OfKey {
    rights: KeyRights,
    uses: Uses,
}

impl OfKey {
    /// The place among all keys: what was used most first.
    fn rank(&self) -> (Reverse<u64>, Reverse<u64>, Option<Sure>, &str) {
        let (ok, not) = self.uses.counts();
        let surest = self.rights.allowed.first().map(|allowed| allowed.sure);
        (Reverse(ok), Reverse(not), surest, &self.rights.key)
    }
}

/// What the keys gave so far.
#[derive(Default)]
struct Sum {
    keys: Vec<OfKey>,
    left_out: u64,
    left_to_iam: u64,
    not_known: u64,
    without_key: Uses,
}

impl Sum {
    /// Adds a key that is listed.
    fn add(&mut self, key: OfKey) {
        self.keys.push(key);
        if self.keys.len() > KEYS + KEYS / 2 {
            self.fit();
        }
    }

    fn fit(&mut self) {
        self.keys.sort_by(|a, b| a.rank().cmp(&b.rank()));
        self.left_out += self.keys.len().saturating_sub(KEYS) as u64;
        self.keys.truncate(KEYS);
    }
}

impl Asker {
    fn ask(self, known: &Known<'_>, outcome: &Outcome) -> io::Result<GrantedVsUsed> {
        let sum = Mutex::new(Sum::default());
        let shards = (0..SHARDS).into_par_iter().map(|shard| {
            let texts = Texts::new(known.dictionary, &known.context.names);
            let done = Pass { asker: &self, known, sum: &sum, texts, key: None }.shard(shard);
            known.context.progress.step();
            done
        });
        shards.collect::<io::Result<()>>()?;
        let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
        sum.fit();
        let mut least = Least::default();
        least.add("", &sum.without_key);
        sum.keys.iter().for_each(|key| least.add(&key.rights.key, &key.uses));
        let (least_policy, mut notes) = least.finish();
        notes.splice(0..0, self.notes(known, &sum, outcome));
        let rights = rights_without_key(&self.one, self.at, &self.held.now);
        let ever = rights_without_key(&self.one, self.at, &self.held.ever);
        let ever = ever.at_least(Sure::IfConditionsHold);
        let shown = |calls: Actions, certain, _| match (certain, calls.meets(ever)) {
            (true, _) => Shown::AtTheEnd,
            (false, true) => Shown::Before,
            (false, false) => Shown::No,
        };
        let without_key = sum.without_key.iter();
        let without_key = without_key.map(|(name, one)| told(name, one, &rights, shown)).collect();
        let Asker { one, held, at, .. } = self;
        let policies = held.now.into_iter().map(|document| document.by).collect();
        Ok(GrantedVsUsed {
            principal: one.arn,
            at,
            without_key,
            keys: sum.keys.into_iter().map(|key| key.rights).collect(),
            left_out: sum.left_out,
            left_to_iam: sum.left_to_iam,
            not_known: sum.not_known,
            iam: IamSeen { policies, unseen: held.unseen, cut: held.cut },
            least_policy,
            notes,
        })
    }

    /// What to know before the policy is used.
    fn notes(&self, known: &Known<'_>, sum: &Sum, outcome: &Outcome) -> Vec<String> {
        let mut notes = vec![length(known, outcome)];
        let foreign = |key: &&OfKey| {
            !key.uses.ok().is_empty()
                && Arn::parse(&key.rights.key).is_some_and(|arn| arn.account != self.one.account)
        };
        let foreign = sum.keys.iter().filter(foreign).count();
        let effect = "a policy of IAM has effect only on keys whose key policy leaves decisions to IAM; \
                      where the key policy or a grant names the principal, none is needed";
        notes.push(effect.to_owned());
        if foreign > 0 {
            notes.push(format!(
                "keys of other accounts among those used: {foreign}; their key policies or grants have to \
                 allow the principal too"
            ));
        }
        if sum.left_out > 0 {
            notes.push("the least policy lacks the keys that are not listed".to_owned());
        }
        if self.held.cut {
            notes.push(
                "there are more IAM calls than are kept: some rights may not be told".to_owned(),
            );
        }
        let begins = outcome.totals.first_event;
        let begins =
            begins.map_or("the log begins".to_owned(), |at| format!("the log begins, {at}"));
        notes.push(format!(
            "key policies, grants and IAM policies of before {begins}, are not known"
        ));
        notes.push(NEVER_SEEN.to_owned());
        notes
    }
}

/// How long the log is, and what that proves.
fn length(known: &Known<'_>, outcome: &Outcome) -> String {
    let filter = &known.context.plan.filter;
    let (Some(first), Some(last)) = (outcome.totals.first_event, outcome.totals.last_event) else {
        return "the log has no events".to_owned();
    };
    let first = filter.since.map_or(first, |since| since.max(first));
    let last = filter.until.map_or(last, |until| until.min(last));
    let days = last.0.saturating_sub(first.0).max(0) / DAY;
    let long = match days {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    let proves = match days < SHORT {
        true => "a log that short proves little: what it does not show may be needed every month",
        false => "what is needed less often may look as if it were never used",
    };
    format!("the log reaches from {first} to {last}, {long}: {proves}")
}

/// One shard on its way.
struct Pass<'a> {
    asker: &'a Asker,
    known: &'a Known<'a>,
    sum: &'a Mutex<Sum>,
    texts: Texts<'a>,
    key: Option<(Sym, KeyCalls)>,
}

/// What is known of the key at hand.
struct KeyCalls {
    arn: String,
    policies: Policies,
    grants: Grants,
    uses: Uses,
}

impl Pass<'_> {
    fn shard(mut self, shard: usize) -> io::Result<()> {
        let names = &self.known.context.names;
        let mut calls = Calls::new(self.known.rows.shard(shard).rows()?, names);
        while let Some(touch) = calls.next(&mut |_| {})? {
            self.known.context.go_on()?;
            let is_own = self.asker.whos.contains(&touch.who) && !touch.is(flag::IAM);
            if self.key.as_ref().is_none_or(|(key, _)| *key != touch.key) {
                self.close()?;
                let arn = self.texts.plain(touch.key)?.unwrap_or_default().to_string();
                let calls = KeyCalls {
                    arn,
                    policies: Policies::default(),
                    grants: Grants::default(),
                    uses: Uses::default(),
                };
                self.key = Some((touch.key, calls));
            }
            // A call that changes nothing and is not the principal's has no more to say.
            if is_own || (touch.detail != NONE && touch.key != NONE) {
                self.take(touch, is_own)?;
            }
        }
        self.close()
    }

    fn take(&mut self, touch: Touch, is_own: bool) -> io::Result<()> {
        let Some((_, key)) = &mut self.key else { return Ok(()) };
        let seen = Seen::new(touch, &mut self.texts)?;
        if touch.key != NONE && seen.ok() {
            key.policies.take(&key.arn, &seen, &mut self.texts)?;
            key.grants.take(&seen, &mut self.texts)?;
        }
        if is_own && seen.is_reported() {
            let (on, alias) = (self.texts.plain(touch.on)?, self.texts.plain(touch.alias)?);
            key.uses.take(&key.arn, &seen, (on.as_deref(), alias.as_deref()));
        }
        Ok(())
    }

    /// Ends the key at hand.
    fn close(&mut self) -> io::Result<()> {
        let Some((sym, key)) = self.key.take() else { return Ok(()) };
        let lock = || self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        if sym == NONE {
            lock().without_key.merge(key.uses);
            return Ok(());
        }
        let KeyCalls { arn, policies, grants, mut uses } = key;
        lock().without_key.merge(uses.take_without_key());
        let (versions, grants) = (policies.all().first, grants.all());
        let (rights, of_key) = self.asker.of_key(&arn, (&versions, &grants), &uses);
        let granted = rights.at_least(Sure::IfIamAllows);
        if !uses.is_empty() || !granted.is_empty() {
            lock().add(OfKey { rights: of_key, uses });
        } else if !rights.at_least(Sure::LeftToIam).is_empty() {
            lock().left_to_iam += 1;
        } else if !rights.at_least(Sure::NotKnown).is_empty() {
            lock().not_known += 1;
        }
        Ok(())
    }
}

impl Asker {
    /// The rights to a key, and what it was used for.
    fn of_key(
        &self,
        arn: &str,
        (versions, grants): (&[PolicyVersion], &[OpenGrant]),
        uses: &Uses,
    ) -> (Rights, KeyRights) {
        let account = Arn::parse(arn).map(|arn| arn.account.to_owned()).unwrap_or_default();
        let policy = versions.iter().rev().find(|version| version.proof.time <= self.at);
        let key = KeyAt { arn, account: &account, at: self.at, policy };
        let mut rights = rights(&self.one, &key, open_at(grants, self.at), &self.held.now);
        let shown = |calls: Actions, certain: bool, last: Time| {
            let until = if certain { last } else { self.at };
            let versions = &versions[..versions.partition_point(|one| one.proof.time <= until)];
            let grants = &grants[..grants.partition_point(|one| one.proof.time <= until)];
            let ever = || ever_allowed(&self.one, &key, (versions, grants), &self.held.ever);
            match (certain, ever().meets(calls)) {
                (true, true) => Shown::AtTheEnd,
                (true, false) => Shown::Later,
                (false, true) => Shown::Before,
                (false, false) => Shown::No,
            }
        };
        let used = uses.iter().map(|(name, one)| told(name, one, &rights, shown)).collect();
        let never_used = rights.at_least(Sure::IfIamAllows).without(uses.ok()).names();
        let told = KeyRights {
            key: arn.to_owned(),
            policy: policy.map(|policy| policy.proof.clone()),
            allowed: std::mem::take(&mut rights.allowed),
            allowed_left_out: rights.left_out,
            denied: std::mem::take(&mut rights.denied),
            used,
            never_used,
            unknown: std::mem::take(&mut rights.unknown),
        };
        (rights, told)
    }
}

/// What was called. `shown` says what allowed it, by whether something does for certain and by its last
/// use.
fn told(
    operation: &'static str,
    one: &OneUse,
    rights: &Rights,
    shown: impl Fn(Actions, bool, Time) -> Shown,
) -> UsedCall {
    let calls = permissions(operation);
    let allowed = rights.of(calls);
    let certain = allowed.is_some_and(|sure| sure <= Sure::IfConditionsHold);
    UsedCall {
        operation,
        ok: one.ok,
        refused: one.refused,
        failed: one.failed,
        first: one.first,
        last: one.last,
        services: one.services.clone(),
        allowed,
        shown: one.last_ok.map(|last| shown(calls, certain, last)),
    }
}
