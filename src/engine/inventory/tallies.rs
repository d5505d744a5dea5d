//! How often each of many things was met, in bounded memory.
//!
//! What must stay true: things come in the order of time, so that those that are told apart are the
//! first ones, whatever the order of files. What is beyond is counted with no name.

use std::rc::Rc;

use crate::model::keys::listed::{Listed, Used};
use crate::model::time::Time;

/// How many things of one kind are told apart for one key.
pub const TOLD_APART: usize = 1_000;

/// Services of one principal that are named.
const SERVICES: usize = 4;

/// Things by name.
#[derive(Debug, Default)]
pub struct Tallies {
    known: foldhash::HashMap<Rc<str>, Used>,
    cut: bool,
}

impl Tallies {
    /// Counts one.
    pub fn add(&mut self, name: &Rc<str>, by: Option<&str>, (time, ok): (Time, bool)) {
        let room = self.known.len() < TOLD_APART;
        let Some(used) = (match self.known.get_mut(name) {
            Some(used) => Some(used),
            None if room => Some(self.known.entry(Rc::clone(name)).or_default()),
            None => None,
        }) else {
            self.cut = true;
            return;
        };
        used.tally.add(time, ok);
        let named = |by: &&str| used.by.iter().any(|known| known == by);
        if let Some(by) = by.filter(|by| used.by.len() < SERVICES && !named(by)) {
            used.by.push(by.to_owned());
        }
    }

    /// The `most` that came most often, and how many there are.
    pub fn listed(self, most: usize) -> Listed<Used> {
        let count = self.known.len() as u64;
        let named = |(name, used): (Rc<str>, Used)| Used { name: name.to_string(), ..used };
        let mut first: Vec<Used> = self.known.into_iter().map(named).collect();
        first.sort_by(|a, b| (b.tally.calls(), &a.name).cmp(&(a.tally.calls(), &b.name)));
        first.truncate(most);
        first.iter_mut().for_each(|used| used.by.sort());
        Listed { count, cut: self.cut, first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_most_often_is_listed_first_and_what_is_too_much_is_said() {
        let mut tallies = Tallies::default();
        let mut add = |name: &str, times: i64| {
            (0..times).for_each(|at| tallies.add(&name.into(), Some("s"), (Time(at), at > 0)));
        };
        add("b", 2);
        add("a", 2);
        add("c", 3);
        (3..TOLD_APART + 2).for_each(|n| add(&format!("n{n:06}"), 1));
        let listed = tallies.listed(3);
        let names: Vec<&str> = listed.first.iter().map(|used| used.name.as_str()).collect();
        assert_eq!(names, ["c", "a", "b"]);
        assert_eq!((listed.count, listed.cut), (TOLD_APART as u64, true));
        assert_eq!((listed.first[0].tally.ok, listed.first[0].tally.refused), (2, 1));
        assert_eq!(listed.first[0].by, ["s"]);
    }
}
