//! The quick demands of all rules together, so that what many rules ask of a record is looked up
//! once.
//!
//! Each different guard has a number, and each different field. Of the record at hand it is
//! remembered which guards passed and where the fields are; a stamp tells what was remembered of an
//! earlier record, so that nothing needs to be cleared.
//!
//! What must stay true: the answer is that of [`Guards::pass`], which a property test compares.

use std::collections::HashMap;

use super::guard::{Field, Guard, Guards, Looked};
use crate::detect::case::{Case, Cases};
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::View;

/// What rules demand, by the rules' numbers.
#[derive(Debug, Default)]
pub struct Demands {
    /// The different guards, each with the number of its field.
    guards: Vec<(Guard, usize)>,
    fields: Vec<Field>,
    /// For each rule its disjuncts.
    rules: Vec<Box<[Box<[Demand]>]>>,
}

#[derive(Debug, Clone, Copy)]
enum Demand {
    Case(Cases),
    /// The number of a guard.
    Guard(usize),
}

/// What was asked of the record at hand.
#[derive(Debug)]
pub struct Asked {
    /// Tells records apart; never 0, which is what was never asked.
    stamp: u32,
    /// For each guard when it was asked, and whether it passed.
    guards: Vec<(u32, bool)>,
    /// For each field when it was looked for, and where it is.
    fields: Vec<(u32, Place)>,
}

/// Where a field is in the text of a record.
#[derive(Debug, Clone, Copy, Default)]
enum Place {
    #[default]
    Unsure,
    Missing,
    At(usize),
}

impl Demands {
    /// The demands of rules with these guards, in their order.
    pub fn new<'g>(rules: impl Iterator<Item = Option<&'g Guards>>) -> Demands {
        let mut demands = Demands::default();
        let mut guards: HashMap<&Guard, usize> = HashMap::new();
        let mut fields: HashMap<&Field, usize> = HashMap::new();
        for rule in rules {
            let mut disjuncts = Vec::new();
            for disjunct in rule.iter().flat_map(|guards| &guards.any) {
                let demand = |guard: &'g Guard| match (guard, guard.field()) {
                    (Guard::Case(cases), _) => Some(Demand::Case(*cases)),
                    (_, None) => None,
                    (_, Some(field)) => {
                        let number = *guards.entry(guard).or_insert_with(|| {
                            let field = *fields.entry(field).or_insert_with(|| {
                                demands.fields.push(field.clone());
                                demands.fields.len() - 1
                            });
                            demands.guards.push((guard.clone(), field));
                            demands.guards.len() - 1
                        });
                        Some(Demand::Guard(number))
                    }
                };
                disjuncts.push(disjunct.iter().filter_map(demand).collect());
            }
            demands.rules.push(disjuncts.into_boxed_slice());
        }
        demands
    }

    /// Whether a rule has to be asked about the record at hand.
    pub fn pass(&self, rule: usize, asked: &mut Asked, event: &Event<'_>, view: &View<'_>) -> bool {
        let disjuncts = self.rules.get(rule).map_or(&[][..], |disjuncts| disjuncts);
        disjuncts.iter().any(|disjunct| {
            disjunct.iter().all(|demand| match demand {
                Demand::Case(cases) => cases.contains(Case::of(view)),
                Demand::Guard(number) => self.guard(*number, asked, event),
            })
        })
    }

    #[inline]
    fn guard(&self, number: usize, asked: &mut Asked, event: &Event<'_>) -> bool {
        match asked.guards.get(number) {
            Some((stamp, passed)) if *stamp == asked.stamp => *passed,
            _ => self.ask(number, asked, event),
        }
    }

    fn ask(&self, number: usize, asked: &mut Asked, event: &Event<'_>) -> bool {
        asked.guards.resize(self.guards.len(), (0, false));
        asked.fields.resize(self.fields.len(), (0, Place::Unsure));
        let Some((guard, field)) = self.guards.get(number) else { return true };
        let passed = guard.allows(self.look(*field, asked, event));
        if let Some(known) = asked.guards.get_mut(number) {
            *known = (asked.stamp, passed);
        }
        passed
    }

    fn look<'a>(&self, number: usize, asked: &mut Asked, event: &Event<'a>) -> Looked<'a> {
        let Some(known) = asked.fields.get_mut(number) else { return Looked::Unsure };
        if known.0 == asked.stamp {
            return match known.1 {
                Place::Unsure => Looked::Unsure,
                Place::Missing => Looked::Value(None),
                Place::At(start) => Looked::Value(event.text().get(start..).map(Json::new)),
            };
        }
        let looked = self.fields.get(number).map_or(Looked::Unsure, |field| field.look(event));
        let place = match looked {
            Looked::Unsure => Place::Unsure,
            Looked::Value(None) => Place::Missing,
            Looked::Value(Some(value)) => {
                value.start_in(event.text()).map_or(Place::Unsure, Place::At)
            }
        };
        *known = (asked.stamp, place);
        looked
    }
}

impl Asked {
    /// Forgets the record at hand: another one comes.
    pub fn next(&mut self) {
        match self.stamp.checked_add(1) {
            Some(stamp) => self.stamp = stamp,
            None => *self = Asked::default(),
        }
    }
}

impl Default for Asked {
    fn default() -> Self {
        Asked { stamp: 1, guards: Vec::new(), fields: Vec::new() }
    }
}
