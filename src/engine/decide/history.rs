//! A history decides over one part.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::found::blank;
use super::{Bench, Part, Unit};
use crate::detect::Stateful;
use crate::detect::stateful::{About, Context, Decided, History, Noted, Scope};
use crate::engine::group::{Group, GroupKey};
use crate::engine::notes::{EventText, Note};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;

impl Bench<'_, '_> {
    /// Collects the notes of a part and lets the history decide over them.
    pub(super) fn history(
        &mut self,
        rule: &Stateful<'_>,
        history: &dyn History,
        part: &mut Part<'_>,
    ) -> io::Result<()> {
        let limit = self.shared.plan.limits.window;
        let mut notes: Vec<(Noted, Unit, Option<String>)> = Vec::new();
        while let Some(note) = part.next()? {
            if let Some((_, last, _)) = notes.last_mut()
                && last.is(&note)
                && last.note.kind == note.kind
                && self.text_of::<EventText>(&note, note.event)?.value
                    == self.text_of::<EventText>(&last.note, last.note.event)?.value
            {
                last.add(note);
                continue;
            }
            if notes.len() >= limit {
                self.overflow(rule);
                break;
            }
            let unit = Unit::new(note);
            let (noted, id) = self.noted(&unit)?;
            notes.push((noted, unit, id));
        }
        let mut notes = same_uses(notes);
        // Records of one second have no order but that of their ids, which hashes do not know.
        notes.sort_by(|(a, _, a_id), (b, _, b_id)| {
            (a.time, a_id, a.kind, &a.value).cmp(&(b.time, b_id, b.kind, &b.value))
        });
        let (told, units): (Vec<Noted>, Vec<Unit>) =
            notes.into_iter().map(|(noted, unit, _)| (noted, unit)).unzip();
        let context = Context {
            estate: &self.shared.plan.estate,
            accounts: self.accounts,
            range: self.range,
        };
        let decide = || history.conclude(&told, &context);
        let Ok(decided) = catch_unwind(AssertUnwindSafe(decide)) else {
            let id = &self.shared.plan.rules.metas()[rule.rule].id;
            let message = format!("rule {id} failed while deciding: a fault in the rule");
            let problem = Problem::new(Origin::blob("*"), Stage::Rule, message);
            self.decisions.problems.push(problem);
            return Ok(());
        };
        for decided in decided {
            // What was known in an earlier run may be decided only now, since nothing followed.
            let counts = |at: &usize| {
                units.get(*at).is_some_and(|unit| unit.note.reported || unit.note.recalled)
            };
            let is_reported = decided.notes.iter().any(counts);
            self.decided((rule, history), &decided, (&told, &units), is_reported)?;
        }
        Ok(())
    }

    fn noted(&mut self, unit: &Unit) -> io::Result<(Noted, Option<String>)> {
        let note = &unit.note;
        let text: EventText = self.text_of(note, note.event)?;
        let about: About = self.text_of(note, note.about)?;
        let count = match text.last {
            Some(_) => self.counts.get(&note.group).copied().unwrap_or(1),
            None => 1,
        };
        let noted = Noted {
            time: Time(note.time),
            last: Time(text.last.unwrap_or(note.time)),
            count,
            kind: note.kind,
            value: text.value,
            about,
            reported: note.reported,
            found: text.last.is_none() && note.group != [0, 0],
        };
        Ok((noted, text.id))
    }

    fn decided(
        &mut self,
        (rule, history): (&Stateful<'_>, &dyn History),
        decided: &Decided,
        (told, units): (&[Noted], &[Unit]),
        is_reported: bool,
    ) -> io::Result<()> {
        if history.adjusts().is_some() {
            if !is_reported {
                return Ok(());
            }
            let why = decided.details.get("why").and_then(|why| why.as_str()).unwrap_or_default();
            for unit in decided.notes.iter().filter_map(|at| units.get(*at)) {
                let change = (decided.level, why.to_owned());
                self.decisions.changes.entry(unit.note.group).or_default().push(change);
            }
            return Ok(());
        }
        let Some(first) =
            decided.notes.first().and_then(|at| Some((told.get(*at)?, units.get(*at)?)))
        else {
            return Ok(());
        };
        let reported = decided.notes.iter().any(|at| told.get(*at).is_some_and(|n| n.reported));
        self.pass_on(rule, &Note { reported, ..first.1.note }, true)?;
        // What another rule looks at may have begun before the range that is reported.
        if !is_reported || !self.shared.plan.rules.is_reported(rule.about) {
            return Ok(());
        }
        let details: BTreeMap<String, String> =
            decided.details.iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
        let mut all: Option<Group> = None;
        let mut count = 0;
        for (noted, unit) in
            decided.notes.iter().filter_map(|at| Some((told.get(*at)?, units.get(*at)?)))
        {
            count += noted.count;
            let mut group = self.group_of(rule, unit, details.clone())?;
            group.last = group.last.max(Some(noted.last));
            match &mut all {
                Some(all) => all.merge(group),
                None => all = Some(group),
            }
        }
        let Some(mut group) = all else { return Ok(()) };
        group.level = decided.level;
        // The finding is about the first record that was named, whenever it was.
        group.earliest.1 = self.group_of(rule, first.1, details)?.earliest.1;
        let key = key_of(rule.about, &first.0.about, decided.scope);
        blank(&mut group.earliest.1, shown(decided.scope));
        self.decisions.findings.push((key, group, count));
        Ok(())
    }
}

/// Uses that were noted more than once, since there were too many to remember, are one.
fn same_uses(notes: Vec<(Noted, Unit, Option<String>)>) -> Vec<(Noted, Unit, Option<String>)> {
    let mut uses: BTreeMap<([u64; 2], u32, String), usize> = BTreeMap::new();
    let mut kept: Vec<(Noted, Unit, Option<String>)> = Vec::new();
    for (noted, unit, id) in notes {
        let is_use = noted.last != noted.time || (unit.note.group != [0, 0] && !noted.found);
        if is_use {
            let key = (unit.note.group, noted.kind, noted.value.clone());
            if let Some(at) = uses.get(&key) {
                let (known, first, _) = &mut kept[*at];
                known.last = known.last.max(noted.last);
                known.reported |= noted.reported;
                first.note.reported |= unit.note.reported;
                first.note.recalled |= unit.note.recalled;
                continue;
            }
            uses.insert(key, kept.len());
        }
        kept.push((noted, unit, id));
    }
    kept
}

/// Whether principal, key and resource are shown.
fn shown(scope: Scope) -> [bool; 3] {
    match scope {
        Scope::Event => [true, true, true],
        Scope::PrincipalAndKey => [true, true, false],
        Scope::Principal => [true, false, false],
        Scope::Key => [false, true, false],
        Scope::Region => [false, false, false],
    }
}

fn key_of(rule: usize, about: &About, scope: Scope) -> GroupKey {
    let [principal, key, resource] = shown(scope);
    let arn = || about.principal.arn.clone();
    let key_arn = || Some(about.key.as_ref()?.arn.clone());
    let resource_arn = || Some(about.resource.as_ref()?.arn.clone());
    GroupKey {
        rule,
        attempt: false,
        account: about.account.clone(),
        region: about.region.clone(),
        principal: principal.then(arn).flatten(),
        key: key.then(key_arn).flatten(),
        resource: resource.then(resource_arn).flatten(),
        event: None,
        foreign: None,
        apart: None,
        by: None,
    }
}
