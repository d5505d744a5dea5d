//! `keytrail.toml`: what an organisation tells about itself, and what it does not want to be told.
//!
//! ```text
//! key         what a key is                           keys        every table and key there is
//! forms       the forms of texts                      file        which file, and its text
//! reader      tables with the place of everything     tables      each table to its part of the estate
//! suppress    [[suppress]]                            usual       [scan]: what stands in for options
//! values      the effective settings as values        as_toml     values as TOML
//! template    a file to begin with                    schema      what editors know of the file
//! ```
//!
//! All that speaks of keys is made of `keys`: the reader knows no other, and template, schema and
//! docs/configuration.md describe each.
//!
//! What must stay true: nothing in the file is ignored. What is not known, not of its type or not
//! of its form is an error with its place, all of them at once, since a key that is misspelt would
//! silently be a rule that is not asked what the user wanted.

mod as_toml;
mod file;
mod forms;
pub mod key;
pub mod keys;
mod reader;
pub mod schema;
mod suppress;
mod tables;
mod tags;
pub mod template;
#[cfg(test)]
mod tests;
mod usual;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::failure::Failure;
use super::ui::Messages;
use crate::model::estate::Estate;
use crate::model::suppression::Suppression;
use crate::source::Sources;
pub use as_toml::{document, inline};
use file::Found;
use reader::{Notes, Place};
pub use usual::Usual;

/// What the configuration says; without a file, the defaults.
#[derive(Debug, Default)]
pub struct Config {
    /// The file as it was named.
    pub path: Option<PathBuf>,
    /// The usual file if it lies in a source, so that it says nothing.
    pub passed_over: Option<(PathBuf, &'static str)>,
    /// What rules ask about.
    pub estate: Arc<Estate>,
    /// What is not to be listed, and where that stands.
    pub suppressions: Vec<Placed>,
    /// What holds where no option says otherwise.
    pub usual: Usual,
    /// `FILE:LINE` of each setting that the file has, by its name.
    pub places: BTreeMap<String, String>,
    /// What may be there only in name: each text of a setting that names principals, keys or
    /// accounts, with the name of its setting and `FILE:LINE`.
    pub named: Vec<Named>,
    /// The names of rules in suppressions, and where they stand.
    rules: Vec<(String, String)>,
}

/// A suppression and its place in the file.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The suppression.
    pub suppression: Suppression,
    /// `FILE:LINE:COLUMN` of its rule.
    pub place: String,
}

/// A text of the file that names something of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name of its setting, such as `roles.automation`.
    pub setting: String,
    /// An account id, a pattern of ARNs, or one of keys.
    pub text: String,
    /// `FILE:LINE`.
    pub place: String,
}

impl Config {
    /// Reads the file that `named` names, else `keytrail.toml` in the working directory if it is
    /// there and does not lie in `sources`. Gives what could be read, and everything that is wrong in
    /// the order of the file; if anything is, the configuration is good for nothing but finding more.
    pub fn load(named: Option<&Path>, sources: &Sources) -> (Config, Vec<Failure>) {
        let (path, bytes) = match file::find(named, sources) {
            Ok(Found::File(path, bytes)) => (path, bytes),
            Ok(Found::Nothing) => return (Config::default(), Vec::new()),
            Ok(Found::InSource(path, why)) => {
                let passed_over = Some((path, why));
                return (Config { passed_over, ..Config::default() }, Vec::new());
            }
            Err(failure) => return (Config::default(), vec![failure]),
        };
        let (mut config, wrong) = parse(&path.display().to_string(), &bytes);
        config.usual.lie_beside(&path);
        (Config { path: Some(path), ..config }, wrong.into_iter().map(Failure::Config).collect())
    }

    /// The file that was read, and the one that was not because it lies in a source: neither is a log.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let passed_over = self.passed_over.iter().map(|(path, _)| path);
        self.path.iter().chain(passed_over).map(PathBuf::as_path)
    }

    /// Says that a file was not read, if that is so.
    pub fn say(&self, messages: Messages) {
        if let Some((path, why)) = &self.passed_over {
            let path = path.display();
            messages.warning(format!(
                "{path}: {why}, so it is not taken for the configuration; name it with --config"
            ));
        }
    }

    /// Makes rule ids of the names of rules in suppressions. `id` gives the id of the rule that
    /// goes by a name, or says why there is none.
    ///
    /// # Errors
    /// Every name of no rule.
    pub fn settle(
        &mut self,
        id: impl Fn(&str) -> Result<String, String>,
    ) -> Result<(), Vec<Failure>> {
        let (mut ids, mut failures) = (BTreeMap::new(), Vec::new());
        for (name, place) in &self.rules {
            match id(name) {
                Ok(id) => drop(ids.insert(place, id)),
                Err(why) => {
                    failures.push(Failure::Config(format!("{place}: suppress.rule: {why}")));
                }
            }
        }
        for Placed { suppression, place } in &mut self.suppressions {
            if let Some(id) = ids.remove(place) {
                suppression.rule = id;
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(failures) }
    }

    /// The effective settings, by name. Of `[scan]` there is nothing: what it says is an option.
    pub fn values(&self) -> Vec<(&'static str, Value)> {
        let mut values = values::estate(&self.estate);
        let suppressions = self.suppressions.iter();
        let all = suppressions.map(|placed| values::suppression(&placed.suppression)).collect();
        values.push(("suppress", all));
        values
    }

    /// The effective configuration, one value a line, for the digest of a run.
    pub fn lines(&self) -> Vec<String> {
        self.values().iter().map(|(name, value)| format!("{name} {value}")).collect()
    }
}

/// Reads the text of a file called `name`: what could be read, and what is wrong.
pub fn parse(name: &str, bytes: &[u8]) -> (Config, Vec<String>) {
    let text = match file::text(name, bytes) {
        Ok(text) => text,
        Err(wrong) => return (Config::default(), vec![wrong]),
    };
    let mut notes = Notes::new(name, text);
    let (root, errors) = toml::de::DeTable::parse_recoverable(text);
    errors.iter().for_each(|error| notes.syntax(error.span(), error.message()));
    let (estate, usual, suppress) = tables::read(root.get_ref(), &mut notes);
    let placed =
        |(suppression, at): (Suppression, Place)| Placed { suppression, place: notes.place(at.0) };
    let of_rule = |(rule, at): (String, Place)| (rule, notes.place(at.0));
    let named = |(setting, text, place)| Named { setting, text, place };
    let config = Config {
        path: None,
        passed_over: None,
        usual,
        places: notes.settings(),
        named: notes.texts(may_be_nowhere).into_iter().map(named).collect(),
        estate: Arc::new(estate),
        suppressions: suppress.whole.into_iter().map(placed).collect(),
        // What the parser makes of a broken file may name rules that nobody wrote.
        rules: match errors.is_empty() {
            true => suppress.rules.into_iter().map(of_rule).collect(),
            false => Vec::new(),
        },
    };
    (config, notes.into_lines())
}

/// Whether the texts of a setting name what a log may or may not have. Accounts of others that are trusted
/// need not be there, a Region that is expected and not there is a finding, and values of tags, images
/// and aliases are no names.
pub fn may_be_nowhere(setting: &str) -> bool {
    matches!(
        setting,
        "accounts.own" | "regions.allowed" | "services.require_customer_keys" | "monitors.names"
    ) || (setting.starts_with("secrets_buckets.") && !setting.ends_with(".key"))
        || setting.starts_with("roles.")
        || (setting.starts_with("tags.shared[") && setting.ends_with(".key"))
}
