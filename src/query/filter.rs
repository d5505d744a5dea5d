//! Which records are asked for: all filters of a query together.
//!
//! A record must fit every filter that was given; of several values of one filter, one of them. Two
//! things are known only when all records are read: to which keys an alias pointed, and which
//! credentials came out of which. A record that depends on them is not decided here, but takes with it
//! what decides it ([`Pending`]).
//!
//! What must stay true: [`Query::needles`] pass over no record that [`Query::look`] would take, or that
//! the end would have to know.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::around::Around;
use super::key::{Alias, AskedKey, Naming, naming};
use super::lineage::{Mark, marks};
use super::needles::Needles;
use super::target::AskedResource;
use super::term::Term;
use super::who::{AskedPrincipal, came_from, spellings};
use crate::engine::Filter;
use crate::engine::store::hash::HashKey;
use crate::model::pattern::{is_plain, wildcard};
use crate::record::issued::LITERALS;
use crate::record::json::Json;
use crate::record::kms::View;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Time, accounts and Regions.
    pub range: Filter,
    /// `--key`
    pub keys: Vec<AskedKey>,
    /// `--principal`
    pub principals: Vec<AskedPrincipal>,
    /// `--access-key`
    pub access_keys: Vec<String>,
    /// `--ip`
    pub nets: Vec<IpNet>,
    /// `--resource`
    pub resources: Vec<AskedResource>,
    /// `--event`: patterns of `eventName`, or of the service and it, as `kms:Decrypt`.
    pub events: Vec<String>,
    /// `--error`: patterns of `errorCode`.
    pub errors: Vec<String>,
    /// `--agent`: parts or patterns of `userAgent`.
    pub agents: Vec<String>,
    /// `--where`
    pub terms: Vec<Term>,
    /// `--around`
    pub around: Option<Around>,
    /// Whether credentials that came out of those of the callers count as theirs.
    pub derived: bool,
}

/// What decides, at the end, whether a record is asked for. With neither it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// An alias must have pointed to one of these keys.
    pub keys: Option<BTreeSet<String>>,
    /// One of these must belong to the callers who were asked for.
    pub marks: Option<Vec<Mark>>,
}

impl Query {
    /// Whether a record fits every filter but those of range; `None` if not.
    pub(super) fn look(&self, view: &View<'_>, key: HashKey) -> Option<Pending> {
        if !(self.fits_texts(view) && self.fits_terms(view.event().json())) {
            return None;
        }
        if !(self.resources.is_empty() || self.resources.iter().any(|asked| asked.is_in(view))) {
            return None;
        }
        let mut pending = Pending::default();
        if !self.is_by_asked(view) {
            let marks = if self.derived { marks(view, key) } else { Vec::new() };
            pending.marks = Some(marks).filter(|marks| !marks.is_empty());
            pending.marks.as_ref()?;
        }
        if !self.keys.is_empty() {
            match naming(&self.keys, view) {
                Naming::Yes => {}
                Naming::No => return None,
                Naming::Maybe(ids) => pending.keys = Some(ids),
            }
        }
        Some(pending)
    }

    /// Whether the caller is one who was asked for.
    pub fn is_by_asked(&self, view: &View<'_>) -> bool {
        let principals = &self.principals;
        let access_key =
            || view.access_key().is_some_and(|id| self.access_keys.iter().any(|a| a == id));
        (principals.is_empty() || principals.iter().any(|asked| asked.made(view)))
            && (self.access_keys.is_empty() || access_key())
            && (self.nets.is_empty() || came_from(&self.nets, view))
            && self.around.as_ref().is_none_or(|around| around.has(view))
    }

    /// The aliases that were asked for.
    pub fn aliases(&self) -> impl Iterator<Item = &Alias> {
        self.keys.iter().filter_map(AskedKey::alias)
    }

    fn fits_texts(&self, view: &View<'_>) -> bool {
        let fits = |patterns: &[String], text: Option<&str>| {
            let text = text.map(str::to_lowercase);
            let is = |pattern: &String| {
                text.as_deref().is_some_and(|text| wildcard(&pattern.to_lowercase(), text))
            };
            patterns.is_empty() || patterns.iter().any(is)
        };
        let text = |name: &str| view.event().get(name).and_then(Json::text);
        let agent = |asked: &String| {
            let has = |text: &str| match is_plain(asked) {
                true => text.contains(&asked.to_lowercase()),
                false => wildcard(&asked.to_lowercase(), text),
            };
            text("userAgent").is_some_and(|text| has(&text.to_lowercase()))
        };
        // What failed without a code failed all the same.
        let failed = || view.attempt() && self.errors.iter().any(|pattern| pattern == "*");
        self.fits_event(view)
            && (self.errors.is_empty()
                || fits(&self.errors, text("errorCode").as_deref())
                || failed())
            && (self.agents.is_empty() || self.agents.iter().any(agent))
    }

    fn fits_event(&self, view: &View<'_>) -> bool {
        if self.events.is_empty() {
            return true;
        }
        let name = view.name().unwrap_or_default().to_lowercase();
        let source = view.event().get("eventSource").and_then(Json::text).unwrap_or_default();
        let service = source.split('.').next().unwrap_or_default().to_lowercase();
        self.events.iter().any(|pattern| match pattern.to_lowercase().split_once(':') {
            Some((of, pattern)) => wildcard(of, &service) && wildcard(pattern, &name),
            None => wildcard(&pattern.to_lowercase(), &name),
        })
    }

    fn fits_terms(&self, record: Json<'_>) -> bool {
        let one_of = |field: &str| {
            self.terms.iter().filter(|term| term.choice() == Some(field)).any(|t| t.holds(record))
        };
        self.terms.iter().all(|term| match term.choice() {
            Some(field) => one_of(field),
            None => term.holds(record),
        })
    }

    /// What tells records that cannot match from their bytes.
    pub fn needles(&self) -> Needles {
        let mut needles = Needles::default();
        // To which keys an alias pointed, other records may tell.
        let by_id = self.aliases().next().is_none();
        needles.add(self.keys.iter().map(|key| by_id.then(|| key.literal())));
        // Of derived credentials, other records tell which they are.
        if !self.derived {
            needles.add(self.principals.iter().map(|asked| Some(asked.literal())));
            needles.add(self.access_keys.iter().map(|id| Some(id.as_str())));
            let spelt: Option<Vec<Vec<String>>> = self.nets.iter().map(spellings).collect();
            needles.add(spelt.iter().flatten().flatten().map(|text| Some(text.as_str())));
            needles.add(self.around.iter().flat_map(Around::literals).map(Some));
        }
        needles.add(self.resources.iter().map(AskedResource::literal));
        let choices: BTreeSet<&str> = self.terms.iter().filter_map(Term::choice).collect();
        for field in choices {
            let terms = self.terms.iter().filter(|term| term.choice() == Some(field));
            needles.add(terms.map(Term::literal));
        }
        needles
    }

    /// What tells records that say nothing of aliases and credentials that are asked for, if any are.
    pub fn telling(&self) -> Option<Needles> {
        let mut texts: Vec<&str> = self.aliases().map(Alias::name).collect();
        if self.derived {
            texts.extend(LITERALS);
        }
        let mut needles = Needles::default();
        needles.add(texts.iter().copied().map(Some));
        (!texts.is_empty()).then_some(needles)
    }
}

impl Query {
    /// Whether it asks for callers.
    pub fn asks_for_callers(&self) -> bool {
        let asked = [self.principals.len(), self.access_keys.len(), self.nets.len()];
        asked.iter().any(|count| *count > 0) || self.around.is_some()
    }
}
