//! Evaluates the guards of all rules together, so that each field of a record is looked up once.
//!
//! Every distinct guard has a number, and so has every distinct field. For the current record,
//! [`Asked`] remembers which guards passed and where the fields are. Each entry carries the stamp
//! of its record, so that nothing needs to be cleared between records.
//!
//! What must stay true: the answer is that of [`Guards::pass`]. A property test compares the two.

use std::collections::{BTreeMap, HashMap};

use super::guard::{Field, Guard, Guards, Looked, is_certain};
use super::search::Search;
use crate::detect::case::{Case, Cases};
use crate::record::event::Event;
use crate::record::json::{Json, Kind};
use crate::record::kms::View;

/// The guards of all rules.
#[derive(Debug, Default)]
pub struct Demands {
    /// The distinct guards, each with what it looks at.
    guards: Vec<(Guard, Searched)>,
    fields: Vec<Field>,
    /// For each field, the object to walk if several members of that object are needed.
    parents: Vec<Option<usize>>,
    objects: Vec<Object>,
    /// Searches for the texts of many guards, and what each looks at.
    searches: Vec<(Search, Searched)>,
    /// For each guard, its search, if it has one.
    searched_by: Vec<Option<usize>>,
    /// For each rule, its disjuncts.
    rules: Vec<Box<[Box<[Demand]>]>>,
}

/// A top-level object of which several members are needed. One walk finds all of them.
#[derive(Debug, Default)]
struct Object {
    name: String,
    /// The numbers of the fields, with the member names. There are few.
    members: Vec<(String, usize)>,
    /// One bit for each length of a name. It rules out most other members without a comparison.
    lengths: u64,
}

/// What a search looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Searched {
    /// The number of a field.
    Field(usize),
    Record,
}

/// The number of needed members from which one walk is cheaper than single searches.
const WORTH_A_WALK: usize = 3;

#[derive(Debug, Clone, Copy)]
enum Demand {
    Case(Cases),
    /// The number of a guard.
    Guard(usize),
}

/// What is known about the current record.
#[derive(Debug)]
pub struct Asked {
    /// The stamp of the current record. It is never 0, which marks an entry that was never used.
    stamp: u32,
    /// For each guard, the stamp of its last evaluation, and whether it passed.
    guards: Vec<(u32, bool)>,
    /// For each field, the stamp of its last lookup, and where the field is.
    fields: Vec<(u32, Place)>,
    /// For each search, the stamp of its last run, and whether that left all guards unsure.
    searches: Vec<(u32, bool)>,
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
    /// Collects the guards of all rules, in the order of the rules.
    pub fn new<'g>(rules: impl Iterator<Item = Option<&'g Guards>>) -> Demands {
        let mut demands = Demands::default();
        let mut guards: HashMap<&Guard, usize> = HashMap::new();
        let mut fields: HashMap<&Field, usize> = HashMap::new();
        for rule in rules {
            let mut disjuncts = Vec::new();
            for disjunct in rule.iter().flat_map(|guards| &guards.any) {
                let demand = |guard: &'g Guard| match (guard, guard.field()) {
                    (Guard::Case(cases), _) => Some(Demand::Case(*cases)),
                    (Guard::Anywhere(_), field @ None) | (_, field @ Some(_)) => {
                        let number = *guards.entry(guard).or_insert_with(|| {
                            let looks_at = field.map_or(Searched::Record, |field| {
                                Searched::Field(*fields.entry(field).or_insert_with(|| {
                                    demands.fields.push(field.clone());
                                    demands.fields.len() - 1
                                }))
                            });
                            demands.guards.push((guard.clone(), looks_at));
                            demands.guards.len() - 1
                        });
                        Some(Demand::Guard(number))
                    }
                    (_, None) => None,
                };
                disjuncts.push(disjunct.iter().filter_map(demand).collect());
            }
            demands.rules.push(disjuncts.into_boxed_slice());
        }
        demands.gather();
        demands.search_together();
        demands
    }

    /// Puts together the guards that look for texts in the same field, or in the whole record.
    fn search_together(&mut self) {
        let mut together: BTreeMap<Searched, Vec<usize>> = BTreeMap::new();
        for (number, (guard, looks_at)) in self.guards.iter().enumerate() {
            if matches!(guard, Guard::Like(..) | Guard::Anywhere(_)) {
                together.entry(*looks_at).or_default().push(number);
            }
        }
        self.searched_by = vec![None; self.guards.len()];
        for (looks_at, numbers) in together {
            let guards = numbers.iter().map(|number| (*number, &self.guards[*number].0));
            let Some(search) = Search::new(guards) else { continue };
            numbers.iter().for_each(|at| self.searched_by[*at] = Some(self.searches.len()));
            self.searches.push((search, looks_at));
        }
    }

    /// Finds the objects for which one walk is cheaper.
    fn gather(&mut self) {
        let mut objects: BTreeMap<&str, Object> = BTreeMap::new();
        for (number, field) in self.fields.iter().enumerate() {
            if let Some((name, member)) = field.member() {
                let object = objects.entry(name).or_default();
                object.lengths |= length_bit(member);
                object.members.push((member.to_owned(), number));
            }
        }
        self.parents = vec![None; self.fields.len()];
        for (name, object) in objects {
            if object.members.len() >= WORTH_A_WALK {
                for (_, number) in &object.members {
                    self.parents[*number] = Some(self.objects.len());
                }
                self.objects.push(Object { name: name.to_owned(), ..object });
            }
        }
    }

    /// Whether the current record passes the guards of a rule.
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
        asked.searches.resize(self.searches.len(), (0, false));
        let Some((guard, looks_at)) = self.guards.get(number) else { return true };
        let passed = match (self.searched_by.get(number), looks_at) {
            (Some(Some(search)), _) => self.is_found(number, *search, asked, event),
            (_, Searched::Field(field)) => guard.allows(self.look(*field, asked, event)),
            (_, Searched::Record) => guard.is_in(event.text()),
        };
        if let Some(known) = asked.guards.get_mut(number) {
            *known = (asked.stamp, passed);
        }
        passed
    }

    /// Whether the search of a guard finds its text in the current record, or cannot tell.
    fn is_found(&self, number: usize, search: usize, asked: &mut Asked, event: &Event<'_>) -> bool {
        let known = asked.searches.get(search).copied().filter(|(stamp, _)| *stamp == asked.stamp);
        let unsure = match known {
            Some((_, unsure)) => unsure,
            None => {
                let unsure = !self.search(search, asked, event);
                if let Some(known) = asked.searches.get_mut(search) {
                    *known = (asked.stamp, unsure);
                }
                unsure
            }
        };
        unsure || asked.guards.get(number) == Some(&(asked.stamp, true))
    }

    /// Runs a search, and notes the guards whose texts it finds. Returns whether that settles all of
    /// its guards.
    fn search(&self, search: usize, asked: &mut Asked, event: &Event<'_>) -> bool {
        let Some((search, looks_at)) = self.searches.get(search) else { return false };
        let text = match looks_at {
            Searched::Record => event.text(),
            Searched::Field(field) => match self.look(*field, asked, event) {
                Looked::Unsure => return false,
                Looked::Value(None) => return true,
                Looked::Value(Some(value)) => match value.inner_str() {
                    Some(text) => text,
                    None => return value.is_null(),
                },
            },
        };
        let stamp = asked.stamp;
        let mut found = |number: usize| {
            if let Some(known) = asked.guards.get_mut(number) {
                *known = (stamp, true);
            }
        };
        is_certain(text) && search.each(text, &mut found)
    }

    fn look<'a>(&self, number: usize, asked: &mut Asked, event: &Event<'a>) -> Looked<'a> {
        let known = |asked: &Asked| asked.fields.get(number).copied();
        if known(asked).is_none_or(|(stamp, _)| stamp != asked.stamp) {
            match self.parents.get(number) {
                Some(Some(object)) if !event.may_have_dots() => self.walk(*object, asked, event),
                _ => {
                    let looked = self.fields.get(number).map(|field| field.look(event));
                    let place = Place::of(looked.unwrap_or(Looked::Unsure), event);
                    asked.set(number, place);
                }
            }
        }
        match known(asked) {
            Some((_, Place::Missing)) => Looked::Value(None),
            Some((_, Place::At(start))) => Looked::Value(event.value_at(start)),
            _ => Looked::Unsure,
        }
    }

    /// Looks up all needed members of an object.
    fn walk(&self, object: usize, asked: &mut Asked, event: &Event<'_>) {
        let Some(object) = self.objects.get(object) else { return };
        let value = event.get(&object.name);
        // An array: any element may match, so the value is not known.
        let is_list = value.map(Json::kind) == Some(Kind::Array);
        let place = if is_list { Place::Unsure } else { Place::Missing };
        object.members.iter().for_each(|(_, number)| asked.set(*number, place));
        for (name, value) in value.into_iter().flat_map(Json::members) {
            let text = name.text();
            if object.lengths & length_bit(&text) != 0
                && let Some((_, number)) = object.members.iter().find(|(name, _)| *name == text)
            {
                // Of several members with one name, the last one counts.
                asked.set(*number, Place::of(Looked::Value(Some(value)), event));
            }
        }
    }
}

/// The bit for the length of a name.
fn length_bit(name: &str) -> u64 {
    1 << name.len().min(63)
}

impl Place {
    fn of(looked: Looked<'_>, event: &Event<'_>) -> Place {
        match looked {
            Looked::Unsure => Place::Unsure,
            Looked::Value(None) => Place::Missing,
            Looked::Value(Some(value)) => {
                value.start_in(event.text()).map_or(Place::Unsure, Place::At)
            }
        }
    }
}

impl Asked {
    fn set(&mut self, field: usize, place: Place) {
        if let Some(known) = self.fields.get_mut(field) {
            *known = (self.stamp, place);
        }
    }

    /// Starts a new record: everything known about the last one becomes invalid.
    pub fn next(&mut self) {
        match self.stamp.checked_add(1) {
            Some(stamp) => self.stamp = stamp,
            None => *self = Asked::default(),
        }
    }
}

impl Default for Asked {
    fn default() -> Self {
        Asked { stamp: 1, guards: Vec::new(), fields: Vec::new(), searches: Vec::new() }
    }
}
