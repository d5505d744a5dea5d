//! What a rule over many records finds, as notes for the rules that look at that.
//!
//! What must stay true: a rule sees what another found with the values by which that groups.

use std::collections::BTreeMap;
use std::io;

use super::decide::Desk;
use super::evidence::known;
use super::note::{Note, NoteText, part_of};
use super::unit::Unit;
use crate::detect::stateful::{About, Correlation, Kind};
use crate::detect::{ADJUSTS, KNOWN, Over, Stateful};
use crate::engine::store::dictionary::{NONE, sym};
use crate::engine::store::texts::{NOWHERE, TextAt};

impl Desk<'_> {
    /// Notes for the rules that look at what this one finds, resting on one record and its copies, and
    /// on something that is `reported`. What goes on without a break counts `once`; whether something
    /// happened before or after it, each time.
    pub fn pass_on(
        &mut self,
        rule: &Stateful<'_>,
        unit: &Unit,
        (reported, once): (bool, bool),
    ) -> io::Result<()> {
        let (context, note) = (self.bench.context, &unit.note);
        for feed in context.plan.rules.feeds(rule.about).iter().filter(|f| f.step != ADJUSTS) {
            let Some(correlation) = context.correlation(feed.stateful) else { continue };
            if !once && matches!(correlation.kind, Kind::EventCount(_) | Kind::ValueCount(..)) {
                continue;
            }
            let (_, _, about) = self.about(note)?;
            let (values, text) = self.grouped(rule, (note, &about), correlation)?;
            let by = values.iter().map(|value| {
                value.as_ref().map_or(NONE, |value| sym(context.key, value.as_bytes()))
            });
            let by: Vec<u64> = by.collect();
            let part = part_of(context.key, &by);
            let value = match &correlation.kind {
                Kind::ValueCount(_, fields) => match counted(&about, fields) {
                    Some(value) => sym(context.key, value.as_bytes()),
                    None => continue,
                },
                _ => 0,
            };
            let left = Note {
                rule: feed.stateful,
                part,
                kind: feed.step,
                value,
                container: 0,
                reported,
                group: [0, 0],
                text,
                ..*note
            };
            self.bench.presence.add((feed.stateful, feed.step), part, 1);
            // A finding names the smallest place of those where its records were read.
            for place in unit.places() {
                self.left.push(self.bench.stages.of(feed.stateful), Note { place, ..left });
            }
        }
        Ok(())
    }

    /// The values by which a correlation groups what `rule` found, and their text unless the record behind
    /// the note tells them.
    fn grouped(
        &mut self,
        rule: &Stateful<'_>,
        (note, about): (&Note, &About),
        over: &Correlation,
    ) -> io::Result<(Vec<Option<String>>, TextAt)> {
        let mut own = BTreeMap::new();
        if let Over::Correlation(correlation) = rule.code {
            let names = correlation.by.iter().map(|by| by.name.as_str());
            own.extend(names.zip(self.text(note)?.by).filter(|(name, _)| !KNOWN.contains(name)));
        }
        let rules = &self.bench.context.plan.rules;
        let values = over.by.iter().map(|by| {
            let name = by.name_of(|name| rules.is_named(rule.rule, name));
            known(about, name).or_else(|| own.get(name).cloned().flatten())
        });
        let values: Vec<Option<String>> = values.collect();
        let text = match own.is_empty() {
            true => NOWHERE,
            false => {
                let text = NoteText { by: values.clone(), ..NoteText::default() };
                text.add(&mut self.left.texts)?
            }
        };
        Ok((values, text))
    }
}

/// What a correlation counts the different values of.
fn counted(about: &About, fields: &[String]) -> Option<String> {
    match fields {
        [field] => known(about, field),
        _ => None,
    }
}
