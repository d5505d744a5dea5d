//! A loaded rule: its metadata, the records it is routed to, and how it decides.

use std::fmt;
use std::sync::Arc;

use super::native::{Detector, Found};
use super::router::Routes;
use super::sigma::Compiled;
use super::sigma::event::SigmaEvent;
use super::stateful::{Correlation, History};
use super::whole_log::WholeLog;
use crate::model::rule_meta::RuleMeta;
use crate::record::event::Event;
use crate::record::kms::View;

/// A rule that is loaded.
#[derive(Debug)]
pub struct Rule {
    /// Its metadata.
    pub meta: RuleMeta,
    /// Other names of the rule: the UUID of a built-in rule, the `name` of a user's rule, and the
    /// names of a built-in rule that it replaces.
    pub names: Vec<String>,
    /// The text of its file.
    pub text: Arc<str>,
    /// The filters that narrow it.
    pub narrowed: Vec<Arc<Narrower>>,
    /// The page of a built-in rule.
    pub explanation: Option<&'static str>,
    /// Whether a failed call lowers the level by one.
    pub lowers_attempts: bool,
    /// Whether it is a part of another rule: it is evaluated for that rule and never reported.
    pub part: bool,
    /// The records it could match.
    pub routes: Routes,
    /// How it decides.
    pub body: Body,
}

/// A Sigma filter that narrows rules.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Narrower {
    /// The path of its file.
    pub origin: String,
    /// Its title.
    pub title: String,
    /// The text of its file.
    pub text: Arc<str>,
}

/// How a rule decides.
pub enum Body {
    /// A Sigma detection decides.
    Sigma(Box<Compiled>),
    /// A detector decides, on the records that the Sigma detection selects.
    Native(Box<Compiled>, Box<dyn Detector>),
    /// A history decides, over many of the records that the Sigma detection selects.
    History(Box<Compiled>, Box<dyn History>),
    /// Code decides over what the whole log tells. No record is evaluated.
    WholeLog(Box<Compiled>, Box<dyn WholeLog>),
    /// A Sigma correlation decides, over matches of other rules. The flag says whether those
    /// matches are reported too.
    Correlation(Box<Correlation>, bool),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Body::Sigma(_) => "Sigma",
            Body::Native(..) => "Native",
            Body::History(..) => "History",
            Body::WholeLog(..) => "WholeLog",
            Body::Correlation(..) => "Correlation",
        })
    }
}

impl Rule {
    /// The compiled Sigma detection. A correlation has none.
    pub fn compiled(&self) -> Option<&Compiled> {
        match &self.body {
            Body::Sigma(compiled)
            | Body::Native(compiled, _)
            | Body::History(compiled, _)
            | Body::WholeLog(compiled, _) => Some(compiled),
            Body::Correlation(..) => None,
        }
    }

    /// Evaluates the rule on a record that passes its guards. The level is that of a call that
    /// succeeded.
    pub fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        match &self.body {
            Body::Native(compiled, detector) => {
                let selected = || {
                    compiled.is_settled(event, view)
                        || compiled.matches(&SigmaEvent::new(event, view))
                };
                (!detector.is_selective() || selected()).then(|| detector.check(event, view))?
            }
            Body::History(..) | Body::Correlation(..) | Body::WholeLog(..) => None,
            Body::Sigma(compiled) => {
                let asked = SigmaEvent::new(event, view);
                let found = compiled.is_settled(event, view) || compiled.matches(&asked);
                found.then(|| Found {
                    level: compiled.level(&asked).unwrap_or(self.meta.level),
                    // What is shown decides nothing.
                    details: compiled.details(&event.without_witness()),
                    foreign: None,
                    together: None,
                })
            }
        }
    }

    /// The names by which a correlation of the user's may name it: also the title, as some public
    /// collections do.
    pub fn called(&self) -> impl Iterator<Item = &str> {
        let names = [&self.meta.id, &self.meta.title].into_iter().chain(&self.names);
        names.map(String::as_str)
    }

    /// The names of the rules that a correlation of the user's is over.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        let steps = match &self.body {
            Body::Correlation(correlation, _) => &correlation.steps[..],
            _ => &[],
        };
        steps.iter().flatten().map(String::as_str)
    }

    /// Whether the rule goes by `name`.
    pub fn is_named(&self, name: &str) -> bool {
        self.meta.id == name || self.names.iter().any(|known| known == name)
    }
}
