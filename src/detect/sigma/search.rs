//! Looks for the texts of many guards in one pass over a value or a record.
//!
//! A thousand rules that each look for a text of their own would read the same value a thousand
//! times. One automaton reads it once. What must stay true: it finds what [`super::guard`] finds for
//! each guard alone.

use std::collections::BTreeMap;

use aho_corasick::AhoCorasick;

use super::guard::{Guard, Part};

/// The number of guards from which one automaton is cheaper than looking for each text.
const WORTH_IT: usize = 4;

/// The texts of several guards of one field, or of all that look at whole records.
#[derive(Debug)]
pub struct Search {
    automaton: AhoCorasick,
    /// For each text, the guards that look for it, by number, and where it must be.
    wanted: Vec<Vec<(usize, Part)>>,
}

impl Search {
    /// A search for the texts of some guards, each with its number. `None` if there are few, or if
    /// they need too much memory; then each guard is tested by itself.
    pub fn new<'g>(guards: impl Iterator<Item = (usize, &'g Guard)>) -> Option<Search> {
        let mut texts: BTreeMap<&str, Vec<(usize, Part)>> = BTreeMap::new();
        let mut count = 0;
        for (number, guard) in guards {
            let (part, all) = match guard {
                Guard::Like(_, part, texts) => (*part, texts),
                Guard::Anywhere(texts) => (Part::Any, texts),
                _ => continue,
            };
            count += 1;
            all.iter().for_each(|text| texts.entry(text).or_default().push((number, part)));
        }
        // An empty text is everywhere.
        if count < WORTH_IT || texts.contains_key("") {
            return None;
        }
        let mut builder = AhoCorasick::builder();
        let automaton = builder.ascii_case_insensitive(true).build(texts.keys()).ok()?;
        Some(Search { automaton, wanted: texts.into_values().collect() })
    }

    /// Tells `found` the number of each guard whose text is in place, some of them several times.
    /// Returns whether the text could be searched.
    pub fn each(&self, text: &str, mut found: impl FnMut(usize)) -> bool {
        let Ok(matches) = self.automaton.try_find_overlapping_iter(text) else { return false };
        for matched in matches {
            let guards = self.wanted.get(matched.pattern().as_usize());
            for (number, part) in guards.into_iter().flatten() {
                let in_place = match part {
                    Part::Start => matched.start() == 0,
                    Part::End => matched.end() == text.len(),
                    Part::Any => true,
                };
                if in_place {
                    found(*number);
                }
            }
        }
        true
    }
}
