//! A history decides over one part.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::decide::{Desk, Part};
use super::evidence::Found;
use super::note::{Note, NoteText};
use super::unit::Unit;
use crate::detect::Stateful;
use crate::detect::stateful::{About, Context, Decided, History, Noted, Scope};
use crate::engine::conclude::before;
use crate::engine::partial::group::{Group, GroupKey, SHOWN};
use crate::engine::store::texts::TextAt;
use crate::model::days::{Day, Days};
use crate::model::memory::{Habit, Id};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;

/// A group of one record; of a use, where its session is.
pub type One = (Group, Option<TextAt>);

/// What all records of a finding have together, whether they are shown or not.
pub struct OfAll {
    pub count: u64,
    pub last: Option<Time>,
    /// Whether any is of the range that is reported.
    pub fresh: bool,
    /// Where the sessions of uses are that are named beside those of the events shown.
    pub sessions: Vec<TextAt>,
}

/// A record, what the history is told of it, and its event id.
type Told = (Noted, Unit, Option<String>);

impl Desk<'_> {
    /// Collects the notes of a part and lets the history decide over them.
    pub fn history(
        &mut self,
        rule: &Stateful<'_>,
        history: &dyn History,
        part: &mut Part<'_>,
    ) -> io::Result<()> {
        let limit = self.bench.context.plan.limits.window;
        let (mut notes, mut kinds): (Vec<Note>, BTreeSet<u32>) = Default::default();
        let mut left_out = false;
        while let Some(note) = part.next()? {
            kinds.insert(note.kind);
            left_out = notes.len() >= limit;
            if !left_out {
                notes.push(note);
            }
        }
        if !history.needs().iter().any(|row| row.iter().all(|kind| kinds.contains(kind))) {
            return Ok(());
        }
        let first = notes.first().map_or([0, 0], |note| note.part);
        if left_out {
            self.overflow(rule);
        }
        let mut told = self.told(rule, notes)?;
        // Records of one second have no order but that of their ids, which hashes do not know.
        told.sort_by(|(a, _, a_id), (b, _, b_id)| {
            (a.time, a_id, a.kind, &a.value).cmp(&(b.time, b_id, b.kind, &b.value))
        });
        if history.sums_days() {
            told = summed(told);
        }
        let (told, units): (Vec<Noted>, Vec<Unit>) =
            told.into_iter().map(|(noted, unit, _)| (noted, unit)).unzip();
        let before = self.habits_of(rule, first);
        let context = Context {
            estate: &self.bench.context.plan.estate,
            accounts: self.bench.accounts,
            range: self.bench.range,
            before: self.bench.before.habits(before),
            deliveries: self.bench.deliveries,
            book: self.bench.book,
        };
        if history.sums_days() {
            for noted in told.iter().filter(|noted| noted.kind == 0) {
                let (days, last) =
                    (Days::of_times(noted.time, noted.last), noted.time.max(noted.last));
                self.remember(before, &noted.value, (days, Day::of(last)));
            }
        }
        let decide = || history.conclude(&told, &context);
        let Ok(decided) = catch_unwind(AssertUnwindSafe(decide)) else {
            self.fault(rule);
            return Ok(());
        };
        for decided in decided {
            self.decided((rule, history), &decided, (&told, &units))?;
        }
        Ok(())
    }

    /// By what the habits are known that a rule sees in a part.
    pub fn habits_of(&self, rule: &Stateful<'_>, part: [u64; 2]) -> Id {
        let id = &self.bench.context.plan.rules.metas()[rule.rule].id;
        before::id(self.bench.context.key, id, part)
    }

    /// Remembers for the next run on which days something was seen, and the last of them.
    pub fn remember(&mut self, of: Id, value: &str, (days, last): (Days, Day)) {
        if self.bench.before.wanted {
            let value = value.to_owned();
            self.decisions.habits.push(Habit { of, value, days, last });
        }
    }

    /// Says that a rule failed.
    pub fn fault(&mut self, rule: &Stateful<'_>) {
        let id = &self.bench.context.plan.rules.metas()[rule.rule].id;
        let message = format!("rule {id} failed while deciding: a fault in the rule");
        let problem = Problem::new(Origin::blob("*"), Stage::Rule, message);
        self.decisions.problems.insert(problem);
    }

    /// What the history is told of each record, copies taken together.
    fn told(&mut self, rule: &Stateful<'_>, notes: Vec<Note>) -> io::Result<Vec<Told>> {
        let mut all: Vec<Told> = Vec::new();
        let (limit, mut size) = (self.bench.context.plan.limits.window_bytes, 0);
        for note in notes {
            let text = self.text(&note)?;
            if let Some((noted, last, _)) = all.last_mut()
                && last.is(&note)
                && last.note.kind == note.kind
                && noted.value == text.value
            {
                last.add(&note);
                noted.reported |= note.reported;
                continue;
            }
            let NoteText { value, uses, .. } = text;
            size += value.len();
            if size > limit {
                self.too_large(rule);
                break;
            }
            let (id, _, about) = self.about(&note)?;
            let (last, count) = uses.unwrap_or((note.time, 1));
            let noted = Noted {
                time: Time(note.time),
                last: Time(last),
                count,
                kind: note.kind,
                value,
                about,
                reported: note.reported,
                found: uses.is_none() && note.group != [0, 0],
            };
            all.push((noted, Unit::new(note), id));
        }
        Ok(all)
    }

    /// Says that a rule could not see everything, since the records say too much.
    fn too_large(&mut self, rule: &Stateful<'_>) {
        let plan = self.bench.context.plan;
        let message = format!(
            "rule {} has more than {} MiB of one group to look at together, and left some out",
            plan.rules.metas()[rule.rule].id,
            plan.limits.window_bytes >> 20,
        );
        let problem = Problem::new(Origin::blob("*"), Stage::Rule, message);
        self.decisions.problems.insert(problem);
    }

    fn decided(
        &mut self,
        (rule, history): (&Stateful<'_>, &dyn History),
        decided: &Decided,
        (told, units): (&[Noted], &[Unit]),
    ) -> io::Result<()> {
        let of = |at: &usize| Some((told.get(*at)?, units.get(*at)?));
        // What was known in an earlier run may be decided only now, since nothing followed.
        let counts = |(_, unit): (&Noted, &Unit)| unit.note.reported || unit.note.recalled;
        let is_reported = decided.notes.iter().filter_map(of).any(counts);
        if history.adjusts().is_some() {
            if !is_reported {
                return Ok(());
            }
            let why = decided.details.get("why").and_then(|why| why.as_str()).unwrap_or_default();
            for (_, unit) in decided.notes.iter().filter_map(of) {
                let change = (decided.level, why.to_owned());
                self.decisions.changes.entry(unit.note.group).or_default().push(change);
            }
            return Ok(());
        }
        let Some(first) = decided.notes.first().and_then(of) else { return Ok(()) };
        let reported = decided.notes.iter().filter_map(of).any(|(noted, _)| noted.reported);
        self.pass_on(rule, first.1, (reported, true))?;
        // What another rule looks at may have begun before the range that is reported.
        if !is_reported || !self.bench.context.plan.rules.is_reported(rule.about) {
            return Ok(());
        }
        let mut rests: Vec<(&Noted, &Unit)> = decided.notes.iter().filter_map(of).collect();
        let count = rests.iter().map(|(noted, _)| noted.count).sum();
        let last = rests.iter().map(|(noted, _)| noted.last).max();
        let mut sessions = Vec::new();
        for (_, unit) in rests.iter().filter(|_| decided.scope.shown()[0]) {
            sessions.extend(self.row(&unit.note)?.map(|row| row.text));
        }
        // Those of the last second that is shown are all made, since event ids decide.
        rests.sort_by_key(|(noted, _)| noted.time);
        let end = rests.get(SHOWN - 1).map_or(Time(i64::MAX), |(noted, _)| noted.time);
        rests.truncate(rests.partition_point(|(noted, _)| noted.time <= end));
        let mut groups: Vec<One> = Vec::new();
        for (_, unit) in rests {
            groups.push(self.group_of(rule, unit, texts(decided))?);
        }
        let named = self.group_of(rule, first.1, texts(decided))?;
        let of_all = OfAll { count, last, fresh: reported, sessions };
        self.history_found(rule, decided, (groups, named), &first.0.about, of_all)
    }

    /// The finding of a history: `groups` are those of its records that may be shown, `named` is
    /// the one it is about.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn history_found(
        &mut self,
        rule: &Stateful<'_>,
        decided: &Decided,
        (mut groups, named): (Vec<One>, One),
        about: &About,
        of_all: OfAll,
    ) -> io::Result<()> {
        let OfAll { count, last, fresh, mut sessions } = of_all;
        groups.sort_by(|(a, _), (b, _)| a.earliest.cmp(&b.earliest));
        sessions.extend(groups.iter().take(SHOWN).filter_map(|(_, text)| *text));
        let Some(mut group) =
            groups.into_iter().map(|(group, _)| group).reduce(|mut all, group| {
                all.merge(group);
                all
            })
        else {
            return Ok(());
        };
        group.last = group.last.max(last);
        group.level = decided.level;
        group.fresh = fresh;
        // The finding is about the first record that was named, whenever it was.
        group.earliest.1 = named.0.earliest.1;
        let key = key_of(rule.about, about, decided.scope);
        group.earliest.1.blank(decided.scope.shown());
        let values = Default::default();
        self.tell(Found { key, group, count, named: named.1, sessions, values })
    }
}

/// Of records that say the same on one day the first; each worker has left its own.
fn summed(told: Vec<Told>) -> Vec<Told> {
    let mut at: HashMap<(u32, String, Day), usize> = HashMap::new();
    let mut all: Vec<Told> = Vec::new();
    for (noted, unit, id) in told {
        let key = (noted.kind, noted.value.clone(), Day::of(noted.time));
        match at.get(&key).and_then(|at| all.get_mut(*at)) {
            Some((first, first_unit, _)) => {
                first.last = first.last.max(noted.last);
                first.reported |= noted.reported;
                first_unit.note.reported |= unit.note.reported;
                first_unit.note.recalled |= unit.note.recalled;
            }
            None => {
                at.insert(key, all.len());
                all.push((noted, unit, id));
            }
        }
    }
    all
}

/// What there is to say, as texts.
pub fn texts(decided: &Decided) -> BTreeMap<String, String> {
    decided.details.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
}

fn key_of(rule: usize, about: &About, scope: Scope) -> GroupKey {
    let [principal, key, resource] = scope.shown();
    let arn = || about.principal.identity().map(Cow::into_owned);
    let key_arn = || Some(about.key.as_ref()?.arn.clone());
    let resource_arn = || Some(about.resource.as_ref()?.arn.clone());
    GroupKey {
        account: about.account.clone(),
        region: about.region.clone(),
        principal: principal.then(arn).flatten(),
        key: key.then(key_arn).flatten(),
        resource: resource.then(resource_arn).flatten(),
        ..GroupKey::of_rule(rule)
    }
}
