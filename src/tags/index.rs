//! The changes of one resource by second and by the tags that they name, so that asking for all its
//! tags costs what its changes are long, however many names there were.
//!
//! A tag goes with those that no change names, but for the time around the changes that name it:
//! each change of all tags says the same of every tag that it does not list. So the course of the
//! rest is worked out once, and of a tag only where it leaves it.
//!
//! What must stay true: every state is the one that a walk over all changes gives, which a property
//! test compares.

#[cfg(test)]
mod plain;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::change::Change;
use super::course::{Course, stretch};
use super::second::{Second, Steps, names};
use super::state::{NOT_SEEN, State, Why, meet};
use crate::model::time::Time;

/// The changes of one resource.
#[derive(Debug)]
pub struct Index<'t> {
    seconds: Vec<Second<'t>>,
    times: Arc<[i64]>,
    /// The numbers of the seconds in which something touches every tag.
    sweeping: Vec<usize>,
    /// Which changes name a tag: number of the second, number of the change in it.
    named: BTreeMap<&'t str, Vec<(usize, usize)>>,
    /// The course of any tag that no change names.
    rest: Course,
}

/// What a tag is from a stretch on.
#[derive(Debug, Clone)]
enum Piece {
    /// This.
    Own(State),
    /// What the rest is.
    Rest,
}

impl<'t> Index<'t> {
    /// Of changes in the order of time.
    pub(super) fn new(changes: &'t [Change]) -> Index<'t> {
        let groups = || changes.chunk_by(|a, b| a.second() == b.second());
        let times: Arc<[i64]> =
            groups().filter_map(|group| Some(group.first()?.second())).collect();
        let seconds: Vec<Second<'t>> = groups().map(Second::new).collect();
        let mut named: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
        for (second, group) in groups().enumerate() {
            for (number, change) in group.iter().enumerate() {
                for name in names(&change.what) {
                    named.entry(name).or_default().push((second, number));
                }
            }
        }
        let sweeping = (0..seconds.len()).filter(|second| seconds[*second].sweeps()).collect();
        let rest = Course::new(Arc::clone(&times), std::iter::empty());
        let mut index = Index { seconds, times, sweeping, named, rest };
        let line = index.line(None);
        index.rest = index.resolved(line);
        index
    }

    /// Every tag key that any change names, in order.
    pub fn names(&self) -> impl Iterator<Item = &'t str> {
        self.named.keys().copied()
    }

    /// The course of the tag with this key; `None`: of any key that no change names.
    pub fn course(&self, key: Option<&str>) -> Course {
        match key.filter(|key| self.named.contains_key(key)) {
            Some(key) => self.resolved(self.line(Some(key))),
            None => self.rest.clone(),
        }
    }

    /// The course of tags that mean one thing, taken together; `meaning` says what a value stands
    /// for. Of none, that of the rest.
    ///
    /// One that is known counts, though it is not known whether there are others; two that differ
    /// tell nothing, and none is there only if all are known to be absent.
    pub fn together(&self, keys: &[&str], meaning: impl Fn(&str) -> String) -> Course {
        let mut events: Vec<(usize, usize, Option<Piece>)> = Vec::new();
        for (number, key) in keys.iter().enumerate() {
            let line = self.line(Some(key)).into_iter();
            events.extend(line.map(|(stretch, piece)| (stretch, number, Some(piece))));
        }
        if events.is_empty() {
            return self.rest.clone();
        }
        let rest = self.rest.runs().iter();
        events.extend(rest.map(|(stretch, _)| (*stretch, usize::MAX, None)));
        events.sort_by_key(|(stretch, number, _)| (*stretch, *number));
        let mut mix = Mix::new(keys.len());
        let mut runs = Vec::new();
        let mut events = events.into_iter().peekable();
        while let Some((stretch, number, piece)) = events.next() {
            if let Some(piece) = piece {
                mix.set(number, piece, &meaning);
            }
            if events.peek().is_none_or(|(next, ..)| *next != stretch) {
                runs.push((stretch, mix.state(self.rest.state(stretch))));
            }
        }
        Course::new(Arc::clone(&self.times), runs.into_iter())
    }

    /// Every tag that any change names, as of an instant, and whether there may be others.
    pub fn all_at(&self, time: Time) -> (BTreeMap<String, State>, bool) {
        let stretch = stretch(&self.times, time);
        let rest = self.rest.state(stretch);
        let states = self.names().map(|name| {
            let line = self.line(Some(name));
            let behind = line.partition_point(|(start, _)| *start <= stretch);
            let state = match behind.checked_sub(1).and_then(|at| line.get(at)) {
                Some((_, Piece::Own(state))) => state.clone(),
                Some((_, Piece::Rest)) | None => rest.clone(),
            };
            (name.to_owned(), state)
        });
        (states.collect(), !matches!(rest, State::Absent(_)))
    }

    /// The tags that are known to be there at each of these instants, with their values. All of them
    /// in one walk, since findings may lie between any two changes.
    pub fn known_at(&self, times: &[Time]) -> Vec<BTreeMap<String, String>> {
        let mut events: Vec<(usize, &str, Option<String>)> = Vec::new();
        for name in self.names() {
            let mut known = false;
            for (stretch, piece) in self.line(Some(name)) {
                // The rest is never known to be there.
                let value = match piece {
                    Piece::Own(State::Known(value, _)) => Some(value),
                    _ => None,
                };
                if known || value.is_some() {
                    known = value.is_some();
                    events.push((stretch, name, value));
                }
            }
        }
        events.sort_by_key(|(stretch, ..)| *stretch);
        let mut asked: Vec<(usize, usize)> =
            times.iter().map(|time| stretch(&self.times, *time)).zip(0..).collect();
        asked.sort_unstable();
        let mut found = vec![BTreeMap::new(); times.len()];
        let mut there = BTreeMap::new();
        let mut events = events.into_iter().peekable();
        for (stretch, number) in asked {
            while let Some((_, name, value)) = events.next_if(|(start, ..)| *start <= stretch) {
                match value {
                    Some(value) => drop(there.insert(name.to_owned(), value)),
                    None => drop(there.remove(name)),
                }
            }
            found[number].clone_from(&there);
        }
        found
    }

    /// A line with what the rest is in it.
    fn resolved(&self, line: Vec<(usize, Piece)>) -> Course {
        let mut runs = Vec::new();
        let mut line = line.into_iter().peekable();
        while let Some((start, piece)) = line.next() {
            match piece {
                Piece::Own(state) => runs.push((start, state)),
                Piece::Rest => {
                    let end = line.peek().map_or(usize::MAX, |(next, _)| *next);
                    runs.push((start, self.rest.state(start).clone()));
                    let all = self.rest.runs();
                    let at = |stretch| all.partition_point(|(start, _)| *start < stretch);
                    runs.extend(all[at(start + 1)..at(end)].iter().cloned());
                }
            }
        }
        Course::new(Arc::clone(&self.times), runs.into_iter())
    }

    /// The seconds that matter to a tag, with the numbers of the changes that name it: those that do,
    /// and the nearest before and behind each in which something touches every tag.
    fn near(&self, key: Option<&str>) -> BTreeMap<usize, Vec<usize>> {
        let mut near: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let Some(key) = key else {
            return self.sweeping.iter().map(|second| (*second, Vec::new())).collect();
        };
        for (second, number) in self.named.get(key).into_iter().flatten() {
            near.entry(*second).or_default().push(*number);
            let behind = self.sweeping.partition_point(|other| other <= second);
            let before = self.sweeping.partition_point(|other| other < second).checked_sub(1);
            for edge in [before, Some(behind)].into_iter().flatten() {
                if let Some(edge) = self.sweeping.get(edge) {
                    near.entry(*edge).or_default();
                }
            }
        }
        near
    }

    /// From which stretch on a tag is what.
    fn line(&self, key: Option<&str>) -> Vec<(usize, Piece)> {
        let near = self.near(key);
        // In these it is told as little as the rest.
        let is_edge = |naming: &[usize]| key.is_some() && naming.is_empty();
        let steps = |(second, naming): (&usize, &Vec<usize>)| {
            (*second, is_edge(naming), self.seconds[*second].steps(key, naming))
        };
        let mut near = near.iter().map(steps).peekable();
        let Some((first, edge, steps)) = near.peek() else {
            return vec![(0, Piece::Own(NOT_SEEN))];
        };
        let (mut line, mut gap) = self.begun(*first, *edge, steps);
        let mut left = NOT_SEEN;
        while let Some((second, edge, steps)) = near.next() {
            left = steps.outcome(&left);
            let until = near.peek();
            // Between two changes of all tags it is what the rest is.
            let with_rest = edge && until.is_none_or(|(_, edge, _)| *edge);
            let found = until.map_or(NOT_SEEN, |(_, _, steps)| steps.found());
            let stretch = second * 2 + 2;
            let next = match with_rest {
                true => self.rest.state(stretch).clone(),
                false => meet(&left, &found),
            };
            let before = gap.unwrap_or_else(|| self.rest.state(second * 2).clone());
            line.push((stretch - 1, Piece::Own(steps.within(&before, &next))));
            gap = Some(next.clone()).filter(|_| !with_rest);
            line.push((stretch, if with_rest { Piece::Rest } else { Piece::Own(next) }));
        }
        line
    }

    /// How a tag begins whose first second this is, and what it is right before; `None`: what the
    /// rest is.
    fn begun(
        &self,
        first: usize,
        edge: bool,
        steps: &Steps<'_>,
    ) -> (Vec<(usize, Piece)>, Option<State>) {
        if edge {
            return (vec![(0, Piece::Rest)], None);
        }
        let found = steps.found();
        let mut line = vec![(0, Piece::Own(found.clone()))];
        if first == 0 {
            return (line, Some(found));
        }
        let gap = meet(&NOT_SEEN, &found);
        line.push((2, Piece::Own(gap.clone())));
        (line, Some(gap))
    }
}

/// Tags that mean one thing: how many are in which state, so that a change of one costs no look at
/// the others.
struct Mix {
    pieces: Vec<Option<Piece>>,
    /// By what their values stand for, those that are there.
    known: BTreeMap<String, BTreeSet<usize>>,
    absent: BTreeSet<usize>,
    unknown: BTreeMap<Why, usize>,
    /// Those that are what the rest is.
    rest: BTreeSet<usize>,
}

impl Mix {
    fn new(count: usize) -> Mix {
        Mix {
            pieces: vec![None; count],
            known: BTreeMap::new(),
            absent: BTreeSet::new(),
            unknown: BTreeMap::new(),
            rest: BTreeSet::new(),
        }
    }

    fn set(&mut self, number: usize, piece: Piece, meaning: &impl Fn(&str) -> String) {
        let Some(slot) = self.pieces.get_mut(number) else { return };
        match slot.take() {
            Some(Piece::Own(State::Known(value, _))) => {
                let meant = meaning(&value);
                if let Some(numbers) = self.known.get_mut(&meant) {
                    numbers.remove(&number);
                    if numbers.is_empty() {
                        self.known.remove(&meant);
                    }
                }
            }
            Some(Piece::Own(State::Absent(_))) => drop(self.absent.remove(&number)),
            Some(Piece::Own(State::Unknown(why))) => {
                let count = self.unknown.entry(why).or_default();
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.unknown.remove(&why);
                }
            }
            Some(Piece::Rest) => drop(self.rest.remove(&number)),
            None => {}
        }
        match &piece {
            Piece::Own(State::Known(value, _)) => {
                self.known.entry(meaning(value)).or_default().insert(number);
            }
            Piece::Own(State::Absent(_)) => drop(self.absent.insert(number)),
            Piece::Own(State::Unknown(why)) => *self.unknown.entry(*why).or_default() += 1,
            Piece::Rest => drop(self.rest.insert(number)),
        }
        *slot = Some(piece);
    }

    /// What all of them say; of several who say it, the first by name.
    fn state(&self, rest: &State) -> State {
        let own = |number: Option<&usize>| match self.pieces.get(*number?)? {
            Some(Piece::Own(state)) => Some(state.clone()),
            _ => None,
        };
        if self.known.len() > 1 {
            return State::Unknown(Why::TwoTags);
        }
        if let Some(numbers) = self.known.values().next() {
            return own(numbers.first()).unwrap_or(NOT_SEEN);
        }
        let of_rest = match rest {
            State::Unknown(why) if !self.rest.is_empty() => Some(*why),
            _ => None,
        };
        if let Some(why) = of_rest.max(self.unknown.keys().last().copied()) {
            return State::Unknown(why);
        }
        match (self.absent.first(), self.rest.first()) {
            (Some(absent), None) => own(Some(absent)).unwrap_or(NOT_SEEN),
            (Some(absent), Some(with_rest)) if absent < with_rest => {
                own(Some(absent)).unwrap_or(NOT_SEEN)
            }
            (_, Some(_)) => rest.clone(),
            (None, None) => NOT_SEEN,
        }
    }
}
