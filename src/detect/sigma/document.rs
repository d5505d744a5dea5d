//! The documents of rule files, parsed and not yet compiled.
//!
//! Between parsing and compiling lies what needs all files: copies of one rule, and filters. What
//! must stay true: a document knows its file, so that everything that is said of it names the file.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use rsigma_parser::{CorrelationRule, FilterRule, SigmaCollection, SigmaRule};

use super::counts::Count;
use super::name::canonical;
use super::older::Parsed;
use super::place::locate;
use crate::detect::RuleError;
use crate::detect::registry::Embedded;

/// One file of rules.
#[derive(Debug)]
pub struct File {
    /// Its path, or the name of an embedded file.
    pub origin: String,
    /// Its file name without extension: the id of a user's rule that states none.
    pub stem: String,
    /// What it holds.
    pub text: Arc<str>,
    /// The built-in rule that it is.
    pub embedded: Option<Embedded>,
}

/// A document of a file.
#[derive(Debug)]
pub struct Document {
    /// Its file.
    pub file: Arc<File>,
    /// How many documents the file holds.
    pub beside: usize,
    /// The id of a user's rule: its own, else the stem of its file. The second rule without an id in
    /// a file has the stem with `#2`, and so on.
    pub id: String,
    /// What it says.
    pub content: Content,
}

/// What a document says.
#[derive(Debug)]
pub enum Content {
    /// A rule over single records, and the count at the end of its condition.
    Rule(Box<SigmaRule>, Option<Count>),
    /// A rule over matches of others.
    Correlation(Box<CorrelationRule>),
    /// What rules are not to match.
    Filter(Box<FilterRule>),
}

impl File {
    /// A user's file.
    pub fn of_user(path: &Path, text: String) -> File {
        File {
            origin: path.display().to_string(),
            stem: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            text: text.into(),
            embedded: None,
        }
    }

    /// Turns a message of the parser into an error, with line and column if they can be found.
    pub fn error(&self, message: &str) -> RuleError {
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

impl Document {
    /// The documents of a file: correlations, then filters, then rules, each in the order of the file.
    pub fn all(file: &Arc<File>, parsed: Parsed) -> Vec<Document> {
        let SigmaCollection { rules, correlations, filters, .. } = parsed.collection;
        let mut nameless = 0;
        let beside = rules.len() + correlations.len() + filters.len();
        let correlations =
            correlations.into_iter().map(|rule| Content::Correlation(Box::new(rule)));
        let filters = filters.into_iter().map(|rule| Content::Filter(Box::new(rule)));
        let rules = rules.into_iter().map(|rule| {
            let count = parsed.counts.then(|| Count::in_members(&rule.custom_attributes));
            Content::Rule(Box::new(rule), count.flatten())
        });
        let document = |content: Content| {
            let own = content.id().filter(|id| !id.is_empty()).map(str::to_owned);
            let id = own.unwrap_or_else(|| {
                nameless += 1;
                match nameless {
                    1 => file.stem.clone(),
                    number => format!("{}#{number}", file.stem),
                }
            });
            Document { file: Arc::clone(file), beside, id, content }
        };
        correlations.chain(filters).chain(rules).map(document).collect()
    }

    /// Its title.
    pub fn title(&self) -> &str {
        match &self.content {
            Content::Rule(rule, _) => &rule.title,
            Content::Correlation(rule) => &rule.title,
            Content::Filter(rule) => &rule.title,
        }
    }

    /// The names by which others may name it: id, `name` and title.
    pub fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let name = match &self.content {
            Content::Rule(rule, _) => &rule.name,
            Content::Correlation(rule) => &rule.name,
            Content::Filter(rule) => &rule.name,
        };
        [Some(self.id.as_str()), self.content.id(), name.as_deref(), Some(self.title())]
            .into_iter()
            .flatten()
            .map(canonical)
    }

    /// `PATH: 'TITLE': REASON`.
    pub fn told(&self, reason: &str) -> String {
        format!("{}: '{}': {reason}", self.file.origin, self.title())
    }
}

impl Content {
    fn id(&self) -> Option<&str> {
        match self {
            Content::Rule(rule, _) => rule.id.as_deref(),
            Content::Correlation(rule) => rule.id.as_deref(),
            Content::Filter(rule) => rule.id.as_deref(),
        }
    }
}
