//! Loads rule files: parses all of them, settles what needs all of them, and compiles what is left.
//!
//! ```text
//! folder      the files at a path
//! file        the text of a file, within limits
//! older       the documents of a file, of which many are no rules for these logs; forms: in the form of today
//! document    what a file holds
//! same        one of several copies, none of several rules with one id
//! narrowing   the filters, and which rules they narrow
//! make        the rules
//! ```
//!
//! What must stay true: the same files give the same rules in the same order. Every document
//! becomes a rule or a filter, a skip with a reason, a problem, or an error.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::compile::reason_to_skip;
use super::document::{Content, Document, File};
use super::file::{self, Unread};
use super::folder::{Candidate, files};
use super::narrowing::{self, Narrowing};
use super::older::{self, Named};
use super::{make, same};
use crate::detect::RuleError;
use crate::detect::native::Native;
use crate::detect::registry::Embedded;
use crate::detect::rule::Rule;
use crate::model::notes::RunNote;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};

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
    /// What in rules means nothing.
    pub remarks: Vec<RunNote>,
    /// All errors.
    pub errors: Vec<RuleError>,
    /// What was said of each document that became no rule, by its names.
    pub reasons: BTreeMap<String, String>,
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
    /// The paths of files that were met in a folder.
    pub met: BTreeSet<String>,
    /// Names in these files that no rule has.
    strangers: BTreeSet<String>,
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
        let origin = path.display().to_string();
        self.number(&origin);
        if *met {
            self.met.insert(origin.clone());
        }
        match file::read(path) {
            Ok(text) => self.add_file(File::of_user(path, text), *met),
            Err(Unread::NoRule { message, ours: false }) if *met => {
                self.skipped.push(format!("{origin}: {message}"));
            }
            Err(unread) => self.errors.push(RuleError::new(origin, unread.message())),
        }
    }

    fn number(&mut self, origin: &str) {
        let number = self.order.len();
        self.order.entry(origin.to_owned()).or_insert(number);
    }

    /// Reads a file; `met` is as in [`Candidate`].
    fn add_file(&mut self, file: File, met: bool) {
        let file = Arc::new(file);
        let mut parsed = match file.embedded {
            Some(_) => older::parse_own(&file.text),
            None => older::parse(&file.text, met),
        };
        for Named { title, names, reason } in parsed.passed_over.drain(..) {
            let title = title.map(|title| format!("'{title}': ")).unwrap_or_default();
            self.pass_over(format!("{}: {title}{reason}", file.origin), names);
        }
        for Named { title, names, reason } in parsed.left_out.drain(..) {
            let title = title.unwrap_or_default();
            self.problem(&file.origin, format!("'{title}' is not evaluated: {reason}"), names);
        }
        for Named { title, reason, .. } in parsed.idle.drain(..) {
            let message = format!("The rule '{}' {reason}.", title.unwrap_or_default());
            let origin = Origin::blob(&*file.origin);
            self.remarks.push(RunNote { message, records: 0, origin });
        }
        self.errors.extend(parsed.errors.drain(..).map(|message| file.error(&message)));
        self.documents.extend(Document::all(&file, parsed));
    }

    /// Notes that documents with these names are passed over.
    fn pass_over(&mut self, told: String, names: Vec<String>) {
        for name in names {
            self.reasons.entry(name.clone()).or_insert_with(|| told.clone());
            self.passed_over.insert(name);
        }
        self.skipped.push(told);
    }

    /// Notes that a document with these names is left out although it is for these logs.
    pub fn problem(&mut self, origin: &str, message: String, names: Vec<String>) {
        let problem = Problem::new(Origin::blob(origin), Stage::Rule, message);
        self.note(problem, names);
    }

    fn note(&mut self, problem: Problem, names: Vec<String>) {
        let told = format!("{}: {}", problem.origin.blob, problem.message);
        for name in names {
            self.reasons.entry(name.clone()).or_insert_with(|| told.clone());
            self.left_out.insert(name);
        }
        self.problems.push(problem);
    }

    /// Compiles all that was read.
    pub fn finish(&mut self) {
        let read = std::mem::take(&mut self.documents);
        let documents = read.into_iter().filter(|document| self.is_ours(document)).collect();
        let same::Settled { documents, conflicts } = same::one_of_each(documents);
        conflicts.into_iter().for_each(|(problem, names)| self.note(problem, names));
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
        self.pass_over(document.told(reason), document.names().map(Cow::into_owned).collect());
    }

    /// Notes what the evaluator says of a document that it does not accept.
    fn refuse(&mut self, document: &Document, message: &str) {
        let beyond = ["error: look-around", "error: backreferences are not supported"];
        match beyond.iter().any(|beyond| message.contains(beyond)) {
            true => self.skip(document, "`|re` knows no look-around and no back-references"),
            false => self.errors.push(document.file.error(message)),
        }
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
                Err(message) => self.refuse(document, &message),
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
            Err(message) => self.refuse(document, &message),
        }
    }

    /// Leaves out the correlations in files that were met in a folder and name what neither these files
    /// nor `elsewhere` know. In a file that the user named, such a name is an error.
    pub fn leave_out_strangers(&mut self, elsewhere: impl Fn(&str) -> bool) {
        // The only rule of a name; `None` of a name that several have.
        let mut known: BTreeMap<&str, Option<usize>> = BTreeMap::new();
        for (at, rule) in self.rules.iter().enumerate() {
            for name in rule.called() {
                let only = known.entry(name).or_insert(Some(at));
                *only = only.filter(|only| *only == at);
            }
        }
        let mut strangers = BTreeSet::new();
        for (at, rule) in self.rules.iter().enumerate() {
            let is_other = |name: &&str| known.get(name).is_none_or(|only| *only == Some(at));
            strangers.extend(rule.steps().filter(is_other).filter(|name| !elsewhere(name)));
        }
        self.strangers = strangers.into_iter().map(str::to_owned).collect();
        if !self.strangers.is_empty() {
            self.leave_out_correlations();
            self.skipped.sort();
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
            let met = self.met.contains(&rules[at].meta.origin);
            let is_out = |name: &&str| {
                known.get(name).is_none_or(|rules| *rules == 0)
                    && (self.passed_over.contains(*name)
                        || self.left_out.contains(*name)
                        || (met && self.strangers.contains(*name)))
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
        let names = rule.called().map(str::to_owned).collect();
        let not = |why: &str| format!("'{title}' is not evaluated: it names '{name}', {why}");
        if self.left_out.contains(name) {
            self.problem(origin, not("which is left out"), names);
        } else if self.passed_over.contains(name) {
            let reason = format!("it names '{name}', which was passed over");
            self.pass_over(format!("{origin}: '{title}': {reason}"), names);
        } else {
            let why = "which is no rule; rules are named by their `id`, `name` or title";
            self.problem(origin, not(why), names);
        }
    }
}
