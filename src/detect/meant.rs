//! Which rule a correlation means by a name.
//!
//! Sigma names rules by their id or `name`. Some public collections name them by their title, with a
//! copy of the rule in the same file. What must stay true: an id or `name` comes before a title, and
//! a rule in the file of the correlation before one elsewhere.

use std::collections::HashMap;

use super::rule::Rule;

/// The names of some rules.
pub struct Meant<'r> {
    /// The rules.
    pub rules: &'r [Rule],
    named: HashMap<&'r str, Vec<usize>>,
    titled: HashMap<&'r str, Vec<usize>>,
}

impl<'r> Meant<'r> {
    /// The names of `rules`.
    pub fn new(rules: &'r [Rule]) -> Meant<'r> {
        let mut meant = Meant { rules, named: HashMap::new(), titled: HashMap::new() };
        for (at, rule) in rules.iter().enumerate() {
            for name in [&rule.meta.id].into_iter().chain(&rule.names) {
                meant.named.entry(name).or_default().push(at);
            }
            if rule.meta.group.is_none() && !rule.part {
                meant.titled.entry(&rule.meta.title).or_default().push(at);
            }
        }
        meant
    }

    /// The index of the rule that the rule `by` means by `name`.
    pub fn by(&self, by: usize, name: &str) -> Option<usize> {
        let origin = |at: usize| self.rules.get(at).map(|rule| &rule.meta.origin);
        let nearest = |all: &[usize]| {
            let near = all.iter().find(|at| origin(**at) == origin(by));
            near.or(all.first()).copied()
        };
        let named = self.named.get(name).and_then(|all| nearest(all));
        named.or_else(|| {
            // A correlation may have the title of the rule that it counts.
            let titled = self.titled.get(name)?.iter().copied().filter(|at| *at != by);
            nearest(&titled.collect::<Vec<_>>())
        })
    }
}
