//! One rule, whoever wrote it and however it decides.

use std::fmt;
use std::sync::Arc;

use super::native::{Detector, Found};
use super::router::Routes;
use super::sigma::Compiled;
use super::sigma::event::SigmaEvent;
use super::stateful::{Correlation, History};
use crate::model::rule_meta::RuleMeta;
use crate::record::event::Event;
use crate::record::kms::View;

/// A rule that is loaded.
#[derive(Debug)]
pub struct Rule {
    /// What is known of it.
    pub meta: RuleMeta,
    /// Other names it goes by: the UUID of a built-in rule, the `name` of a user's, and the names
    /// of the built-in rule that it replaces.
    pub names: Vec<String>,
    /// The text it is made from.
    pub text: Arc<str>,
    /// The explanation of a built-in rule.
    pub explanation: Option<&'static str>,
    /// Whether a failed call is an attempt, one level down.
    pub lowers_attempts: bool,
    /// Whether it is but a part of another rule: evaluated for that one, and not reported.
    pub part: bool,
    /// The records it could match.
    pub routes: Routes,
    /// How it decides.
    pub body: Body,
}

/// How a rule decides.
pub enum Body {
    /// As Sigma says.
    Sigma(Box<Compiled>),
    /// By code, of the records that Sigma selects.
    Native(Box<Compiled>, Box<dyn Detector>),
    /// By code, over many records of those that Sigma selects.
    History(Box<Compiled>, Box<dyn History>),
    /// By comparing tags once all is read, which is the engine's.
    Tagging(Box<Compiled>),
    /// By the hours that the logs cover, which is the engine's.
    Coverage(Box<Compiled>),
    /// By proving files genuine, which is neither the rules' nor the engine's: of no record.
    Integrity(Box<Compiled>),
    /// Over many matches of other rules; and whether those are reported as well.
    Correlation(Box<Correlation>, bool),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Body::Sigma(_) => "Sigma",
            Body::Native(..) => "Native",
            Body::History(..) => "History",
            Body::Tagging(_) => "Tagging",
            Body::Coverage(_) => "Coverage",
            Body::Integrity(_) => "Integrity",
            Body::Correlation(..) => "Correlation",
        })
    }
}

impl Rule {
    /// What is compiled of it; a correlation has nothing to ask of a record.
    pub fn compiled(&self) -> Option<&Compiled> {
        match &self.body {
            Body::Sigma(compiled)
            | Body::Native(compiled, _)
            | Body::History(compiled, _)
            | Body::Tagging(compiled)
            | Body::Coverage(compiled)
            | Body::Integrity(compiled) => Some(compiled),
            Body::Correlation(..) => None,
        }
    }

    /// What the rule finds in a record that passes its quick demands, had the call succeeded.
    pub fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        match &self.body {
            Body::Native(_, detector) => detector.check(event, view),
            Body::History(..)
            | Body::Correlation(..)
            | Body::Tagging(_)
            | Body::Coverage(_)
            | Body::Integrity(_) => None,
            Body::Sigma(compiled) => {
                let asked = SigmaEvent::new(event, view);
                let found = compiled.is_settled(event, view) || compiled.matches(&asked);
                found.then(|| Found {
                    level: compiled.level(&asked).unwrap_or(self.meta.level),
                    details: compiled.details(event),
                    foreign: None,
                })
            }
        }
    }

    /// Whether the rule goes by `name`.
    pub fn is_named(&self, name: &str) -> bool {
        self.meta.id == name || self.names.iter().any(|known| known == name)
    }
}
