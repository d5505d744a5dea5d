//! Loads rule files: reads, parses and compiles them, and reports all errors at once.
//!
//! What must stay true: the same files give the same rules in the same order. Every document
//! becomes a rule, a skip with a reason, or an error.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use rsigma_parser::{CorrelationRule, SigmaRule, parse_sigma_yaml};
use walkdir::WalkDir;

use super::compile::{Compiled, reason_to_skip};
use super::correlate::correlation;
use super::file;
use super::own::Own;
use crate::detect::RuleError;
use crate::detect::native::Native;
use crate::detect::registry::Embedded;
use crate::detect::router::Routes;
use crate::detect::rule::{Body, Rule};
use crate::detect::stateful::{Correlation, Verdict};
use crate::detect::usual::Reads;
use crate::model::level::Level;
use crate::model::rule_meta::RuleMeta;

/// The level of a user's rule that states none.
pub const DEFAULT_LEVEL: Level = Level::Medium;

/// The contents of some rule files.
#[derive(Default)]
pub struct Found {
    /// Rules, in the order of files and documents.
    pub rules: Vec<Rule>,
    /// Documents that were skipped: `PATH: why`.
    pub skipped: Vec<String>,
    /// All errors.
    pub errors: Vec<RuleError>,
    /// The names and ids of skipped documents.
    pub passed_over: BTreeSet<String>,
    /// Code of built-in rules whose document was not read yet.
    pub native: BTreeMap<&'static str, Native>,
}

/// One file of rules.
struct File<'a> {
    /// Its path, or the name of an embedded file.
    origin: String,
    /// Its file name without extension: the id of a user's rule that states none.
    stem: String,
    text: Arc<str>,
    embedded: Option<&'a Embedded>,
}

impl Found {
    /// Reads an embedded rule.
    pub fn add_embedded(&mut self, embedded: &Embedded) {
        self.add_file(&File {
            origin: embedded.origin.to_owned(),
            stem: embedded.id.to_owned(),
            text: embedded.yaml.into(),
            embedded: Some(embedded),
        });
    }

    /// Reads a user's rule from text.
    #[cfg(test)]
    pub fn add_text(&mut self, stem: &str, text: &str) {
        let (origin, stem) = (format!("{stem}.yml"), stem.to_owned());
        self.add_file(&File { origin, stem, text: text.into(), embedded: None });
    }

    /// Reads all files that [`files`] returns for `path`. Files in `seen` are not read again.
    pub fn add_path(&mut self, path: &Path, seen: &mut BTreeSet<PathBuf>) {
        for file in files(path, seen, &mut self.errors) {
            self.add_user_file(&file);
        }
    }

    /// Reads one of the user's files.
    pub fn add_user_file(&mut self, path: &Path) {
        let origin = path.display().to_string();
        let text = match file::read(path) {
            Ok(text) => text.into(),
            Err(unread) => {
                self.errors.push(RuleError::new(origin, unread.message()));
                return;
            }
        };
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        self.add_file(&File { origin, stem, text, embedded: None });
    }

    fn add_file(&mut self, file: &File<'_>) {
        let collection = match parse_sigma_yaml(&file.text) {
            Ok(collection) => collection,
            Err(error) => {
                self.errors.push(file.error(&error.to_string()));
                return;
            }
        };
        for message in &collection.errors {
            if is_aggregation(message, &file.text) {
                self.skip(file, None, "aggregations in a condition are not supported");
            } else if !is_harmless(message) {
                self.errors.push(file.error(message));
            }
        }
        for rule in &collection.correlations {
            match correlation(rule, verdict(file, rule), from(file, rule)) {
                Ok(compiled) => match file.correlation(rule, with_own(compiled, file, rule)) {
                    Ok(rule) => self.rules.push(rule),
                    Err(message) => self.errors.push(file.error(&message)),
                },
                Err(reason) => {
                    self.skip(file, Some(&rule.title), &reason);
                    self.passed_over.extend(rule.id.iter().chain(&rule.name).cloned());
                }
            }
        }
        for filter in &collection.filters {
            self.skip(file, Some(&filter.title), "filters are not supported yet");
        }
        for rule in &collection.rules {
            let title = (collection.rules.len() > 1).then_some(rule.title.as_str());
            if let Some(reason) = reason_to_skip(rule) {
                self.skip(file, title, &reason);
                self.passed_over.extend(rule.id.iter().chain(&rule.name).cloned());
                continue;
            }
            let name = file.embedded.and(rule.name.as_deref());
            let native = name.and_then(|name| self.native.remove(name));
            match file.rule(rule, native) {
                Ok(rule) => self.rules.push(rule),
                Err(message) => self.errors.push(file.error(&message)),
            }
        }
    }

    /// Skips the correlations that name a skipped rule.
    pub fn pass_over_correlations(&mut self) {
        loop {
            let named = |rule: &Rule| match &rule.body {
                Body::Correlation(correlation, _) => correlation
                    .steps
                    .iter()
                    .flatten()
                    .find(|name| self.passed_over.contains(*name))
                    .cloned(),
                _ => None,
            };
            let Some((at, name)) =
                self.rules.iter().enumerate().find_map(|(at, rule)| Some((at, named(rule)?)))
            else {
                return;
            };
            let rule = self.rules.remove(at);
            let (origin, title) = (&rule.meta.origin, &rule.meta.title);
            let reason = format!("{origin}: '{title}': it names '{name}', which was passed over");
            self.skipped.push(reason);
            self.passed_over.insert(rule.meta.id);
            self.passed_over.extend(rule.names);
        }
    }

    fn skip(&mut self, file: &File<'_>, title: Option<&str>, reason: &str) {
        let title = title.map(|title| format!("'{title}': ")).unwrap_or_default();
        self.skipped.push(format!("{}: {title}{reason}", file.origin));
    }
}

impl File<'_> {
    /// Compiles one rule of the file.
    fn rule(&self, rule: &SigmaRule, native: Option<Native>) -> Result<Rule, String> {
        let own = Own::of(rule.custom_attributes.get("keytrail"));
        let (compiled, routes) = Compiled::new(rule, self.embedded.is_some())?;
        let paper = Paper {
            id: rule.id.as_ref(),
            name: rule.name.as_ref(),
            title: &rule.title,
            level: rule.level,
            tags: &rule.tags,
            references: &rule.references,
            description: rule.description.as_ref(),
            false_positives: &rule.falsepositives,
            own,
        };
        if native.is_none() && paper.own.member("native").is_some() && self.embedded.is_some() {
            return Err("the rule says that it is code, and there is none".to_owned());
        }
        // A rule that needs a missing setting is listed, but no record is routed to it.
        let routes = match &native {
            Some(Native::Detector(code)) if !code.is_set_up() => Routes::default(),
            Some(Native::History(code)) if !code.wants_records() => Routes::default(),
            Some(Native::WholeLog(_)) => Routes::default(),
            _ => routes,
        };
        let body = match native {
            Some(Native::Detector(code)) => Body::Native(Box::new(compiled), code),
            Some(Native::History(code)) => Body::History(Box::new(compiled), code),
            Some(Native::WholeLog(code)) => Body::WholeLog(Box::new(compiled), code),
            None => Body::Sigma(Box::new(compiled)),
        };
        self.papers(&paper, routes, body)
    }

    /// Compiles one correlation of the file.
    fn correlation(&self, rule: &CorrelationRule, compiled: Correlation) -> Result<Rule, String> {
        let paper = Paper {
            id: rule.id.as_ref(),
            name: rule.name.as_ref(),
            title: &rule.title,
            level: rule.level,
            tags: &rule.tags,
            references: &rule.references,
            description: rule.description.as_ref(),
            false_positives: &rule.falsepositives,
            own: Own::of(rule.custom_attributes.get("keytrail")),
        };
        let body = Body::Correlation(Box::new(compiled), rule.generate);
        self.papers(&paper, Routes::default(), body)
    }

    /// Adds the metadata to a compiled rule.
    fn papers(&self, paper: &Paper<'_>, routes: Routes, body: Body) -> Result<Rule, String> {
        let own = &paper.own;
        let level = paper.level.map(|level| Level::from_str(level.as_str())).transpose()?;
        // A built-in file may hold several documents. Parts are identified by their names.
        let main = self.embedded.filter(|e| paper.name.is_none_or(|name| name == e.id));
        let id = match (self.embedded, main, paper.name) {
            (_, Some(embedded), _) => embedded.id.to_owned(),
            (Some(_), None, Some(name)) => name.clone(),
            _ => paper.id.cloned().unwrap_or_else(|| self.stem.clone()),
        };
        let names = [paper.id, paper.name].into_iter().flatten().cloned();
        Ok(Rule {
            names: names.filter(|name| *name != id).collect(),
            meta: RuleMeta {
                id,
                title: paper.title.to_owned(),
                level: level.unwrap_or(DEFAULT_LEVEL),
                group: self.embedded.map(|embedded| embedded.group.to_owned()),
                tags: paper.tags.to_vec(),
                references: paper.references.to_vec(),
                advice: own.text("advice").map(|text| text.trim().to_owned()),
                description: paper.description.cloned(),
                false_positives: paper.false_positives.to_vec(),
                tier: own.member("tier").and_then(|tier| tier.as_u64()?.try_into().ok()),
                whitepaper: own.texts("whitepaper"),
                controls: own.controls(),
                routine: own
                    .text("routine")
                    .filter(|_| self.embedded.is_some())
                    .and_then(|level| level.parse().ok()),
                alike: self.embedded.is_some()
                    && own.member("alike").is_some_and(|alike| alike.as_bool() == Some(true)),
                values: own.texts("values"),
                origin: self.origin.clone(),
            },
            text: Arc::clone(&self.text),
            explanation: main.map(|embedded| embedded.explanation),
            lowers_attempts: self.embedded.is_some() && own.text("errors") != Some("selected"),
            part: self.embedded.is_some() && main.is_none(),
            routes,
            body,
        })
    }

    /// Turns a message of the parser into an error, with line and column if they can be found.
    fn error(&self, message: &str) -> RuleError {
        let (message, place) = locate(message, &self.text);
        let error = RuleError::new(self.origin.clone(), message).at(place);
        if error.message.starts_with("Missing required field") {
            return error.with_hint(
                "a Sigma rule has at least title, logsource and detection with a condition",
            );
        }
        error
    }
}

/// What a document says about itself.
struct Paper<'a> {
    id: Option<&'a String>,
    name: Option<&'a String>,
    title: &'a str,
    level: Option<rsigma_parser::Level>,
    tags: &'a [String],
    references: &'a [String],
    description: Option<&'a String>,
    false_positives: &'a [String],
    own: Own,
}

/// The lowest level of matches that count in a correlation. Only built-in rules can set it.
fn from(file: &File<'_>, rule: &CorrelationRule) -> Level {
    let own = Own::of(rule.custom_attributes.get("keytrail"));
    let said = own.text("from").filter(|_| file.embedded.is_some());
    said.and_then(|level| level.parse().ok()).unwrap_or(Level::Informational)
}

/// A correlation with what only built-in rules can say of it.
fn with_own(compiled: Correlation, file: &File<'_>, rule: &CorrelationRule) -> Correlation {
    let own = Own::of(rule.custom_attributes.get("keytrail"));
    let usual = own.text("usual").filter(|_| file.embedded.is_some()).and_then(Reads::parse);
    Correlation { usual, ..compiled }
}

/// What a match of a correlation becomes. For a user's correlation it is always a finding.
fn verdict(file: &File<'_>, rule: &CorrelationRule) -> Verdict {
    if file.embedded.is_none() {
        return Verdict::Finding;
    }
    let own = Own::of(rule.custom_attributes.get("keytrail"));
    match (own.text("raises"), own.text("same_as")) {
        (Some(id), _) => Verdict::Raises(id.to_owned()),
        (None, Some(id)) => Verdict::FindingOf(id.to_owned()),
        (None, None) => Verdict::Finding,
    }
}

/// The file `path`, or all `.yml` and `.yaml` files in the folder `path` and its subfolders, by
/// name. Hidden files and folders are skipped: they often contain YAML that is not a rule. A file
/// that is named twice or linked counts once. Files in `seen` are skipped; new files are added to
/// it.
pub fn files(
    path: &Path,
    seen: &mut BTreeSet<PathBuf>,
    errors: &mut Vec<RuleError>,
) -> Vec<PathBuf> {
    let mut files = Vec::new();
    if path.is_dir() {
        let visible = |entry: &walkdir::DirEntry| {
            entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
        };
        let walk = WalkDir::new(path).follow_links(true).sort_by_file_name();
        for entry in walk.into_iter().filter_entry(visible) {
            match entry {
                Ok(entry) if entry.file_type().is_file() && is_yaml(entry.path()) => {
                    files.push(entry.into_path());
                }
                Ok(_) => {}
                Err(error) => {
                    let at = error.path().unwrap_or(path).display().to_string();
                    errors.push(RuleError::new(at, error.to_string()));
                }
            }
        }
        if files.is_empty() {
            let error = RuleError::new(path.display().to_string(), "no rule in this folder");
            errors.push(error.with_hint("rules are files named *.yml or *.yaml"));
        }
    } else {
        files.push(path.to_owned());
    }
    files.retain(|file| seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())));
    files
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ext| ext == "yml" || ext == "yaml")
}

/// Whether a message is about a member that does not affect what the rule matches.
fn is_harmless(message: &str) -> bool {
    message.starts_with("invalid status:")
        || message.starts_with("related[")
        || message.starts_with("'related'")
}

/// Whether a condition failed to parse because it contains an aggregation (`| count() > 5`).
/// Correlations have replaced this form.
fn is_aggregation(message: &str, text: &str) -> bool {
    let piped = |line: &str| line.trim_start().starts_with("condition:") && line.contains(" | ");
    message.starts_with("Condition parse error") && text.lines().any(piped)
}

/// The message, with the line (and column) that it is about. Some messages contain the place; for
/// others the quoted text is searched in the file.
fn locate(message: &str, text: &str) -> (String, Option<(usize, Option<usize>)>) {
    if let Some((what, line, column)) = yaml_place(message) {
        return (what, Some((line, Some(column))));
    }
    let line_with =
        |found: &dyn Fn(&str) -> bool| text.lines().position(found).map(|at| (at + 1, None));
    let quoted = message.split('\'').nth(1).unwrap_or_default();
    let place = if message.starts_with("Unknown modifier") {
        line_with(&|line| line.contains(&format!("|{quoted}")))
    } else if let Some(member) = message.strip_prefix("invalid ") {
        let member = member.split(':').next().unwrap_or_default();
        line_with(&|line| line.starts_with(&format!("{member}:")))
    } else if message.starts_with("Condition parse error")
        || message.starts_with("unknown detection identifier")
    {
        line_with(&|line| line.trim_start().starts_with("condition:"))
    } else if message.starts_with("invalid modifier combination") {
        message
            .rsplit_once("got |")
            .and_then(|(_, names)| names.split([',', ' ']).next())
            .and_then(|name| line_with(&|line| line.contains(&format!("|{name}"))))
    } else {
        None
    };
    (message.to_owned(), place)
}

/// Takes the first ` at line L column C` out of a message of the YAML reader.
fn yaml_place(message: &str) -> Option<(String, usize, usize)> {
    let (what, place) = message.split_once(" at line ")?;
    let (line, rest) = place.split_once(" column ")?;
    let column: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let rest = &rest[column.len()..];
    Some((format!("{what}{rest}"), line.parse().ok()?, column.parse().ok()?))
}
