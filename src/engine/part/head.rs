//! What a file says of itself, and what a source told beside its records.

use serde::{Deserialize, Serialize};

use crate::engine::plan::Filter;
use crate::model::outcome::Passed;
use crate::model::path_names::PathNames;
use crate::model::time::Time;
use crate::source::Source;

/// What a file says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The version of the program that wrote it.
    pub program: String,
    /// What tells it from other files: those of one id have the same in them.
    pub id: String,
    /// What makes the key of its hashes.
    pub seed: u64,
    /// The digest of the rules.
    pub rules: String,
    /// What the organisation tells about itself, a line each.
    pub settings: Vec<String>,
    /// Which records count: since, until, in microseconds since 1970,
    pub range: [Option<i64>; 2],
    /// and accounts and Regions, if not all do.
    pub places: [Vec<String>; 2],
    /// What was read, as it was asked for.
    pub sources: Vec<String>,
    /// Whether what the records of its accounts alone decide is decided, so that not all of them are in it.
    pub decided: bool,
}

/// The id of what is left once something was decided in a file of this id.
pub fn id_of_decided(id: &str) -> String {
    format!("{id}{DECIDED}")
}

/// What of two heads is not the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differs {
    /// The version of the program.
    Program,
    /// The dataset: what makes the key of hashes.
    Dataset,
    /// Which records count.
    Range,
    /// The rules.
    Rules,
    /// What the organisation tells about itself.
    Settings,
}

impl Differs {
    /// What is wrong with a file that differs so.
    pub fn as_str(self) -> &'static str {
        match self {
            Differs::Program => "was made by another version of keytrail",
            Differs::Dataset => "is of another dataset",
            Differs::Range => "was made with another range, or other accounts or Regions",
            Differs::Rules => "was made with other rules",
            Differs::Settings => "was made with another configuration",
        }
    }
}

/// How the id of a file ends in which something was decided.
const DECIDED: &str = " decided";

impl Head {
    /// That of what is left of a file once something was decided.
    #[must_use]
    pub fn of_decided(&self) -> Head {
        Head { id: id_of_decided(&self.id), decided: true, ..self.clone() }
    }

    /// The id of the file that all of it is in, whether something was decided or not.
    pub fn id_of_whole(&self) -> &str {
        let whole = self.id.strip_suffix(DECIDED).filter(|_| self.decided);
        whole.unwrap_or(&self.id)
    }

    /// Why what a file with this head holds cannot be put together with that of another; `None` if it can.
    pub fn differs(&self, other: &Head) -> Option<Differs> {
        let same = [
            (self.program == other.program, Differs::Program),
            (self.seed == other.seed, Differs::Dataset),
            ((self.range, &self.places) == (other.range, &other.places), Differs::Range),
            (self.rules == other.rules, Differs::Rules),
            (self.settings == other.settings, Differs::Settings),
        ];
        same.into_iter().find(|(same, _)| !same).map(|(_, why)| why)
    }

    /// Which records count.
    pub fn filter(&self) -> Filter {
        let ([since, until], [accounts, regions]) = (self.range, self.places.clone());
        Filter { since: since.map(Time), until: until.map(Time), accounts, regions }
    }

    /// The same, with the records that count.
    #[must_use]
    pub fn of_range(self, filter: &Filter) -> Head {
        let range = [filter.since, filter.until].map(|time| time.map(|time| time.0));
        Head { range, places: [filter.accounts.clone(), filter.regions.clone()], ..self }
    }
}

/// What a source told beside its records.
#[derive(Debug, Default)]
pub struct Given {
    /// What it passed over.
    pub passed: Passed,
    /// What the paths say.
    pub names: PathNames,
    /// Whether reading was stopped.
    pub stopped: bool,
}

impl Given {
    /// What a source that was read told; `names` is what members of archives say.
    pub fn of(source: &dyn Source, names: PathNames) -> Given {
        let mut all = source.names();
        all.merge(&names);
        Given { passed: source.passed(), names: all, stopped: false }
    }

    /// Adds what another source told.
    pub fn merge(&mut self, other: &Given) {
        self.passed = self.passed.with(other.passed);
        self.names.merge(&other.names);
        self.stopped |= other.stopped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_file_has_the_id_of_all_of_it() {
        let whole = Head { id: "bucket 3".to_owned(), ..Head::default() };
        let left = whole.of_decided();
        assert_eq!((left.id.as_str(), left.id_of_whole()), ("bucket 3 decided", "bucket 3"));
        assert_eq!(whole.id_of_whole(), "bucket 3");
        let named = Head { id: "x decided".to_owned(), ..Head::default() };
        assert_eq!(named.id_of_whole(), "x decided", "nothing was decided in it");
    }
}
