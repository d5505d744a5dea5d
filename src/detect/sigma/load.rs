//! Loads rule files: parses all of them, settles what needs all of them, and compiles what is left.
//!
//! ```text
//! folder      the files at a path
//! file        the text of a file, within limits
//! document    what a file holds; older: in the form of today
//! same        one of several copies, none of several rules with one id
//! narrowing   the filters, and which rules they narrow
//! make        the rules
//! ```
//!
//! What must stay true: the same files give the same rules in the same order. Every document
//! becomes a rule or a filter, a skip with a reason, a problem, or an error.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::compile::reason_to_skip;
use super::document::{Content, Document, File};
use super::folder::{Candidate, files};
use super::narrowing::{self, Narrowing};
use super::{file, make, older, same};
use crate::detect::RuleError;
use crate::detect::native::Native;
use crate::detect::registry::Embedded;
use crate::detect::rule::Rule;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};

/// Why a file in a folder of rules is passed over.
const FOREIGN: &str = "it is no Sigma: it has no detection, correlation or filter";

/// The contents of some rule files.
#[derive(Default)]
pub struct Found {
    /// Rules, in the order of files and documents.
    pub rules: Vec<Rule>,
    /// Documents that were skipped: `PATH: why`.
    pub skipped: Vec<String>,
    /// Rules that were left out although they are for these logs: they would be evaluated if nothing
    /// were wrong with them together.
    pub problems: Vec<Problem>,
    /// All errors.
    pub errors: Vec<RuleError>,
    /// Code of built-in rules whose document was not read yet.
    native: BTreeMap<&'static str, Native>,
    /// Documents that are not compiled yet.
    documents: Vec<Document>,
    /// The number of each path, in the order in which they were read.
    order: BTreeMap<String, usize>,
    /// The names of skipped documents.
    passed_over: BTreeSet<String>,
    /// The names of documents that were left out with a problem.
    left_out: BTreeSet<String>,
}

impl Found {
    /// Nothing yet, and the code of the built-in rules that are to come.
    pub fn with_code(native: BTreeMap<&'static str, Native>) -> Found {
        Found { native, ..Found::default() }
    }

    /// Reads an embedded rule.
    pub fn add_embedded(&mut self, embedded: &Embedded) {
        self.add_file(
            File {
                origin: embedded.origin.to_owned(),
                stem: embedded.id.to_owned(),
                text: embedded.yaml.into(),
                embedded: Some(*embedded),
            },
            false,
        );
    }

    /// Reads a user's rule from text.
    #[cfg(test)]
    pub fn add_text(&mut self, stem: &str, text: &str) {
        self.add_file(File::of_user(Path::new(&format!("{stem}.yml")), text.to_owned()), false);
    }

    /// Reads all files that [`files`] returns for `path`. Files in `seen` are not read again.
    pub fn add_path(&mut self, path: &Path, seen: &mut BTreeSet<PathBuf>) {
        let known = self.errors.len();
        let files = files(path, seen, &mut self.errors);
        let wrong: Vec<String> = self.errors[known..].iter().map(|e| e.origin.clone()).collect();
        wrong.iter().for_each(|origin| self.number(origin));
        files.iter().for_each(|file| self.add_user_file(file));
    }

    /// Reads one of the user's files.
    pub fn add_user_file(&mut self, candidate: &Candidate) {
        let Candidate { path, met } = candidate;
        self.number(&path.display().to_string());
        match file::read(path) {
            Ok(text) => self.add_file(File::of_user(path, text), *met),
            Err(unread) => {
                self.errors.push(RuleError::new(path.display().to_string(), unread.message()));
            }
        }
    }

    fn number(&mut self, origin: &str) {
        let number = self.order.len();
        self.order.entry(origin.to_owned()).or_insert(number);
    }

    /// Reads a file; `met` is as in [`Candidate`].
    fn add_file(&mut self, file: File, met: bool) {
        let file = Arc::new(file);
        let mut parsed = match older::parse(&file.text) {
            Ok(parsed) => parsed,
            Err(message) => {
                self.errors.push(file.error(&message));
                return;
            }
        };
        if met && !parsed.collection.errors.is_empty() && older::is_foreign(&file.text) {
            self.skipped.push(format!("{}: {FOREIGN}", file.origin));
            return;
        }
        for over in parsed.passed_over.drain(..) {
            let title = over.title.map(|title| format!("'{title}': ")).unwrap_or_default();
            self.skipped.push(format!("{}: {title}{}", file.origin, over.reason));
            self.passed_over.extend(over.names);
        }
        let errors = parsed.collection.errors.iter().filter(|message| !is_harmless(message));
        self.errors.extend(errors.map(|message| file.error(message)));
        self.documents.extend(Document::all(&file, parsed));
    }

    /// Compiles all that was read.
    pub fn finish(&mut self) {
        let read = std::mem::take(&mut self.documents);
        let documents = read.into_iter().filter(|document| self.is_ours(document)).collect();
        let same::Settled { documents, problems, left_out } = same::one_of_each(documents);
        self.problems.extend(problems);
        self.left_out.extend(left_out);
        let filters = self.filters(&documents);
        for document in &documents {
            let narrowed: Vec<&Narrowing> =
                filters.iter().filter(|filter| filter.is_about(document)).collect();
            self.compile(document, &narrowed);
        }
        self.leave_out_correlations();
        // In the order of files, whatever was looked at first.
        let order = &self.order;
        self.errors.sort_by_key(|error| order.get(&error.origin).copied());
        self.skipped.sort();
    }

    /// Whether a document is for these logs; if not, it is skipped.
    fn is_ours(&mut self, document: &Document) -> bool {
        let reason = match &document.content {
            Content::Rule(rule, _) => reason_to_skip(rule),
            Content::Filter(filter) => narrowing::reason_to_skip(filter),
            Content::Correlation(_) => None,
        };
        reason.map(|reason| self.skip(document, &reason)).is_none()
    }

    fn skip(&mut self, document: &Document, reason: &str) {
        self.skipped.push(document.told(reason));
        self.passed_over.extend(document.names().map(str::to_owned));
    }

    /// The filters among some documents.
    fn filters(&mut self, documents: &[Document]) -> Vec<Narrowing> {
        let mut filters = Vec::new();
        for document in documents {
            let Content::Filter(filter) = &document.content else { continue };
            match Narrowing::new(filter, &document.file) {
                Ok(filter) if documents.iter().any(|other| filter.is_about(other)) => {
                    filters.push(filter);
                }
                Ok(filter) => self.skip(document, &filter.reason_of_none()),
                Err(message) => self.errors.push(document.file.error(&message)),
            }
        }
        filters
    }

    fn compile(&mut self, document: &Document, narrowed: &[&Narrowing]) {
        let made = match &document.content {
            Content::Filter(_) => Ok(Vec::new()),
            Content::Correlation(rule) => match make::correlated(document, rule) {
                Ok(Ok(rule)) => Ok(vec![rule]),
                Ok(Err(reason)) => {
                    self.skip(document, &reason);
                    Ok(Vec::new())
                }
                Err(message) => Err(message),
            },
            Content::Rule(rule, Some(count)) => {
                make::counted(document, rule, count, narrowed).map(Vec::from)
            }
            Content::Rule(rule, None) => {
                let name = document.file.embedded.and(rule.name.as_deref());
                let native = name.and_then(|name| self.native.remove(name));
                make::rule(document, rule, native, narrowed).map(|rule| vec![rule])
            }
        };
        match made {
            Ok(made) => self.rules.extend(made),
            Err(message) => self.errors.push(document.file.error(&message)),
        }
    }

    /// Leaves out the correlations that name a rule which was skipped or left out, and those that name
    /// them in turn.
    fn leave_out_correlations(&mut self) {
        let rules = std::mem::take(&mut self.rules);
        // How many rules go by each name, and which correlations name it.
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        let mut naming: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, rule) in rules.iter().enumerate() {
            rule.called().for_each(|name| *known.entry(name).or_default() += 1);
            rule.steps().for_each(|name| naming.entry(name).or_default().push(at));
        }
        let mut out = BTreeSet::new();
        let mut to_do: VecDeque<usize> = (0..rules.len()).collect();
        while let Some(at) = to_do.pop_front() {
            let is_out = |name: &&str| {
                known.get(name).is_none_or(|rules| *rules == 0)
                    && (self.passed_over.contains(*name) || self.left_out.contains(*name))
            };
            let Some(name) = rules[at].steps().find(is_out).filter(|_| out.insert(at)) else {
                continue;
            };
            self.leave_out(&rules[at], name);
            for name in rules[at].called() {
                known.entry(name).and_modify(|rules| *rules -= 1);
                to_do.extend(naming.get(name).into_iter().flatten());
            }
        }
        let kept = rules.into_iter().enumerate().filter(|(at, _)| !out.contains(at));
        self.rules = kept.map(|(_, rule)| rule).collect();
    }

    /// Leaves out a correlation that names `name`, which is not there.
    fn leave_out(&mut self, rule: &Rule, name: &str) {
        let (origin, title) = (&rule.meta.origin, &rule.meta.title);
        let names = rule.called().map(str::to_owned);
        if self.left_out.contains(name) {
            let message =
                format!("'{title}' is not evaluated: it names '{name}', which is left out");
            self.problems.push(Problem::new(Origin::blob(&**origin), Stage::Rule, message));
            self.left_out.extend(names);
        } else {
            let reason = format!("it names '{name}', which was passed over");
            self.skipped.push(format!("{origin}: '{title}': {reason}"));
            self.passed_over.extend(names);
        }
    }
}

/// Whether a message is about a member that does not affect what the rule matches.
fn is_harmless(message: &str) -> bool {
    message.starts_with("invalid status:")
        || message.starts_with("related[")
        || message.starts_with("'related'")
}
