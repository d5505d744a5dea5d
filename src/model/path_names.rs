//! What the paths of a listing say, whatever is in the files: accounts, Regions, days.
//!
//! A filter that names what is in no record may still name what has a folder, and then it is no
//! mistake. What must stay true: these are sets, so the order of listing changes nothing, and memory
//! is bounded. [`PathNames::cut`] says that there were more.

use std::collections::BTreeSet;

/// Accounts, and likewise Regions, that are kept.
const KEPT: usize = 10_000;

/// What paths say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathNames {
    /// Accounts that have a folder.
    pub accounts: BTreeSet<String>,
    /// Regions that have one.
    pub regions: BTreeSet<String>,
    /// The first and the last day that was met and not read: `YYYY/MM/DD`.
    pub days: Option<(String, String)>,
    /// Whether there were more than are kept.
    pub cut: bool,
}

impl PathNames {
    /// Adds what a folder's path names.
    pub fn add(&mut self, account: &str, region: Option<&str>) {
        self.cut |= !keep(&mut self.accounts, account);
        self.cut |= region.is_some_and(|region| !keep(&mut self.regions, region));
    }

    /// Adds a day.
    pub fn add_day(&mut self, day: &str) {
        match &mut self.days {
            None => self.days = Some((day.to_owned(), day.to_owned())),
            Some((first, _)) if day < first.as_str() => day.clone_into(first),
            Some((_, last)) if day > last.as_str() => day.clone_into(last),
            Some(_) => {}
        }
    }

    /// Adds all that another has.
    pub fn merge(&mut self, other: &PathNames) {
        for account in &other.accounts {
            self.cut |= !keep(&mut self.accounts, account);
        }
        for region in &other.regions {
            self.cut |= !keep(&mut self.regions, region);
        }
        if let Some((first, last)) = &other.days {
            self.add_day(first);
            self.add_day(last);
        }
        self.cut |= other.cut;
    }
}

/// Whether a name has room, or is there already.
fn keep(names: &mut BTreeSet<String>, name: &str) -> bool {
    if names.contains(name) {
        return true;
    }
    let has_room = names.len() < KEPT;
    if has_room {
        names.insert(name.to_owned());
    }
    has_room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_days_are_a_span() {
        let mut names = PathNames::default();
        for number in 0..KEPT {
            names.add(&format!("{number:012}"), Some("eu-west-1"));
        }
        assert!(!names.cut);
        names.add("000000000000", None);
        assert!(!names.cut, "it is there already");
        ["2026/05/02", "2026/05/01", "2026/05/03"].iter().for_each(|day| names.add_day(day));
        let days = Some(("2026/05/01".to_owned(), "2026/05/03".to_owned()));
        assert_eq!(names.days, days);
        let mut other = PathNames::default();
        other.add("999999999999", None);
        other.merge(&names);
        assert!(other.cut && other.accounts.len() == KEPT && other.regions.len() == 1);
        assert_eq!(other.days, days);
    }
}
