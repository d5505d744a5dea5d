//! Rules: loads them, finds those that could match a record, and evaluates them.
//!
//! ```text
//! registry    the built-in rules: one table
//! sigma       Sigma YAML, built-in or the user's: loads, compiles, evaluates
//! native      rules in code, where Sigma cannot say it: one file a rule, a folder a group
//! stateful    rules over many records: correlations and histories
//! usual       whether many reads are unusual for whoever made them
//! examined    how many records each rule looked at
//! whole_log   rules over the whole log: tags, gaps, files that do not verify
//! router      from (eventSource, eventName) and case to the rules that could match
//! case        who acted, and whether the call failed
//! loaded      loads rules, and says what came of it
//! digest      digests of rules
//! field       the fields that keytrail adds to a record
//! wiring      which rules feed which stateful rules; meant: which rule a name means
//! select      --select and --ignore
//! lint        checks a user's rules before a scan uses them
//! controls    the frameworks whose controls rules help to audit
//! whitepaper  the statements that rules help to audit
//! ```
//!
//! [`RuleSet`] is all that other layers need. What must stay true: a rule that matches a record is
//! among the candidates of the record. Nothing here depends on the order of files or rules.

pub mod case;
pub mod controls;
mod digest;
pub mod error;
mod examined;
pub mod field;
pub mod lint;
pub mod loaded;
mod meant;
pub mod native;
pub mod registry;
pub mod router;
mod rule;
pub mod select;
mod sigma;
pub mod stateful;
pub mod usual;
pub mod whitepaper;
pub mod whole_log;
mod wiring;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::model::rule_meta::RuleMeta;
use crate::record::event::{Event, Header};
use crate::record::kms::View;

use case::Cases;
use digest::Digests;
pub use error::RuleError;
pub use native::{Foreign, Together};
pub use router::Candidates;
use router::{Router, Routes};
use rule::{Body, Rule};
pub use select::close;
pub use sigma::demands::Asked;
use sigma::demands::Demands;
pub use sigma::make::DEFAULT_LEVEL;
pub use sigma::own::KEYTRAIL_KEYS;
use stateful::{Correlation, History};
use whole_log::{Conclusion, LogView, LooksAt, Piece, WholeLog};
use wiring::Wiring;
pub use wiring::{ADJUSTS, Feed, KNOWN};

/// What a rule found in one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Index of the rule in [`RuleSet::metas`].
    pub rule: usize,
    /// How serious the finding is. A failed call is one level below the same call that succeeded.
    pub level: Level,
    /// Whether the call failed or was refused. Always `false` for a user's rule, and for a rule
    /// that looks for failed calls.
    pub attempt: bool,
    /// Further facts for the report, by name.
    pub details: BTreeMap<String, Value>,
    /// The accounts that decide the level, if the level depends on who owns an account.
    pub foreign: Option<Foreign>,
    /// What it has in common with the matches that become one finding with it.
    pub together: Option<Together>,
}

/// The rules of a run, sorted by id.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    metas: Vec<RuleMeta>,
    router: Router,
    demands: Demands,
    wiring: Wiring,
}

/// A rule that looks at many records.
#[derive(Clone, Copy)]
pub struct Stateful<'a> {
    /// Index of the rule in [`RuleSet::metas`].
    pub rule: usize,
    /// Index of the rule whose findings it makes or changes; often the rule itself.
    pub about: usize,
    /// How it decides.
    pub code: Over<'a>,
}

/// How a rule over many records decides.
#[derive(Clone, Copy)]
pub enum Over<'a> {
    /// A Sigma correlation.
    Correlation(&'a Correlation),
    /// Code: a history.
    History(&'a dyn History),
}

/// A rule that looks at the whole log.
#[derive(Clone, Copy)]
pub struct OverLog<'a> {
    /// Index of the rule whose findings it makes or changes; most often the rule itself.
    pub about: usize,
    /// The level that the rule says it has.
    pub level: Level,
    /// How it decides.
    pub code: &'a dyn WholeLog,
}

impl OverLog<'_> {
    /// What it says of a piece of the log, of the kind that it looks at.
    pub fn judge(&self, estate: &Estate, piece: Piece<'_>) -> Option<Conclusion> {
        self.code.judge(&LogView { estate, level: self.level, piece })
    }
}

impl RuleSet {
    /// Loads rules from text, by id, either as built-in rules (`own`) or as a user's.
    #[cfg(test)]
    pub fn of_texts(own: bool, texts: &[(&'static str, String)]) -> RuleSet {
        let mut found = sigma::load::Found::default();
        for (id, text) in texts {
            if own {
                let yaml = Box::leak(text.clone().into_boxed_str());
                let embedded = registry::Embedded {
                    id,
                    group: "made",
                    origin: id,
                    yaml,
                    explanation: "",
                    code: &[],
                };
                found.add_embedded(&embedded);
            } else {
                found.add_text(id, text);
            }
        }
        found.finish();
        assert!(found.errors.is_empty() && found.skipped.is_empty(), "{:?}", found.skipped);
        let wanted = vec![true; found.rules.len()];
        RuleSet::new(found.rules, &wanted).unwrap()
    }

    /// Makes a set of `rules`. `wanted` says, for each rule, whether its findings are reported.
    fn new(rules: Vec<Rule>, wanted: &[bool]) -> Result<RuleSet, Vec<RuleError>> {
        let mut rules: Vec<(Rule, bool)> = rules.into_iter().zip(wanted.iter().copied()).collect();
        rules.sort_by(|(a, _), (b, _)| a.meta.id.cmp(&b.meta.id));
        let (rules, wanted): (Vec<Rule>, Vec<bool>) = rules.into_iter().unzip();
        let routes: Vec<Routes> = rules.iter().map(asked_about).collect();
        Ok(RuleSet {
            metas: rules.iter().map(|rule| rule.meta.clone()).collect(),
            router: Router::new(&routes),
            demands: Demands::new(rules.iter().map(|rule| Some(rule.compiled()?.guards()))),
            wiring: Wiring::new(&rules, &wanted)?,
            rules,
        })
    }

    /// Keeps the rules that match any selector in `select` (all rules, if it is empty) and none in
    /// `ignore`. A selector is an id, group, tag or level. Rules that a kept rule depends on are
    /// evaluated but not reported.
    ///
    /// # Errors
    /// One message for each selector that matches no rule.
    pub fn select(self, select: &[String], ignore: &[String]) -> Result<RuleSet, Vec<String>> {
        let chosen = select::choose(&self.rules, select, ignore)?;
        let needed = wiring::needed(&self.rules, &chosen);
        let rules = self.rules.into_iter().zip(chosen).zip(needed);
        let kept = rules.filter(|(_, needed)| *needed).map(|(rule, _)| rule);
        let (rules, wanted): (Vec<Rule>, Vec<bool>) = kept.unzip();
        RuleSet::new(rules, &wanted)
            .map_err(|errors| errors.into_iter().map(|error| error.message).collect())
    }

    /// Returns the id of the rule called `name`. The rule may be in this set, or built in and not
    /// selected.
    ///
    /// # Errors
    /// No rule has this name. The message suggests similar names.
    pub fn id_of(&self, name: &str) -> Result<String, String> {
        if let Some(rule) = self.rules.iter().find(|rule| rule.is_named(name)) {
            return Ok(rule.meta.id.clone());
        }
        match registry::RULES.iter().any(|embedded| embedded.id == name) {
            true => Ok(name.to_owned()),
            false => Err(select::unknown_rule(&self.rules, name)),
        }
    }

    /// The number of rules that are reported.
    pub fn len(&self) -> usize {
        self.wiring.reported.iter().filter(|reported| **reported).count()
    }

    /// Whether no rule is reported.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The metadata of every reported rule, sorted by id.
    pub fn reported(&self) -> impl Iterator<Item = &RuleMeta> {
        let reported = self.metas.iter().zip(&self.wiring.reported);
        reported.filter(|(_, reported)| **reported).map(|(meta, _)| meta)
    }

    /// Whether the findings of a rule are reported. A rule may be in the set only because others
    /// need it.
    pub fn is_reported(&self, rule: usize) -> bool {
        self.wiring.reported.get(rule).is_some_and(|reported| *reported)
    }

    /// The metadata of every rule that is evaluated, sorted by id.
    pub fn metas(&self) -> &[RuleMeta] {
        &self.metas
    }

    /// The page of a built-in rule, in Markdown.
    pub fn explanation(&self, id: &str) -> Option<&'static str> {
        self.rules.iter().find(|rule| rule.is_named(id))?.explanation
    }

    /// The rule whose id or other name is `name`.
    ///
    /// # Errors
    /// No rule has this name. The message suggests similar names.
    pub fn named(&self, name: &str) -> Result<&RuleMeta, String> {
        let found = self.rules.iter().find(|rule| !rule.part && rule.is_named(name));
        found.map(|rule| &rule.meta).ok_or_else(|| select::unknown_rule(&self.rules, name))
    }

    /// The text of the YAML file that holds a rule.
    pub fn text(&self, id: &str) -> Option<&str> {
        self.rules.iter().find(|rule| rule.is_named(id)).map(|rule| &*rule.text)
    }

    /// A digest of the ids and texts of the rules, `sha256:…`. It does not cover the code of native
    /// rules; the version of the program does.
    pub fn digest(&self) -> String {
        Digests::default().of(&self.rules)
    }

    /// The rules that could match a record with this `eventSource` and `eventName`: ascending
    /// indexes, by the case of the record. Both strings are unescaped; pass an empty string if the
    /// member is missing. If a member is not a string, use
    /// [`candidates_of`](RuleSet::candidates_of).
    pub fn candidates(&self, source: &[u8], name: &[u8]) -> &Candidates {
        self.router.candidates(source, name)
    }

    /// The rules that could match a record with this header, whatever type its members have.
    pub fn candidates_of(&self, header: &Header<'_>) -> &Candidates {
        self.router.candidates_of(header)
    }

    /// Those of `candidates`, which are a record's, that are about it; `None` if nobody can say.
    pub fn about<'a>(
        &'a self,
        candidates: &'a Candidates,
        header: &Header<'_>,
    ) -> Option<&'a Candidates> {
        self.router.about(candidates, header)
    }

    /// The stateful rules that the matches of a rule go to.
    pub fn feeds(&self, rule: usize) -> &[Feed] {
        self.wiring.feeds.get(rule).map_or(&[], Vec::as_slice)
    }

    /// Whether several rules over many records make findings of a rule.
    pub fn has_several_parts(&self, rule: usize) -> bool {
        self.wiring.about.iter().filter(|about| **about == rule).count() > 1
    }

    /// The rules whose low findings say the same of many actors.
    pub fn alike(&self) -> impl Iterator<Item = usize> {
        let metas = self.metas.iter().enumerate();
        metas.filter(|(_, meta)| meta.alike).map(|(rule, _)| rule)
    }

    /// Whether a history may change the findings of a rule. Such findings must not be merged before
    /// the history decides.
    pub fn is_adjusted(&self, rule: usize) -> bool {
        self.wiring.adjusted.get(rule).is_some_and(|adjusted| *adjusted)
    }

    /// The stateful rules in the order in which they must decide: a rule comes after the rules that
    /// feed it.
    pub fn stateful(&self) -> impl Iterator<Item = Stateful<'_>> {
        (0u32..).take(self.wiring.order.len()).filter_map(|number| self.stateful_of(number))
    }

    /// The stateful rule of a number in that order.
    pub fn stateful_of(&self, number: u32) -> Option<Stateful<'_>> {
        let at = number as usize;
        let (rule, about) = (*self.wiring.order.get(at)?, *self.wiring.about.get(at)?);
        let code = match &self.rules.get(rule)?.body {
            Body::Correlation(correlation, _) => Over::Correlation(correlation),
            Body::History(_, history) => Over::History(history.as_ref()),
            _ => return None,
        };
        Some(Stateful { rule, about, code })
    }

    /// The history of a rule and its number in the order of [`stateful`](RuleSet::stateful).
    pub fn history(&self, rule: usize) -> Option<(u32, &dyn History)> {
        match &self.rules.get(rule)?.body {
            Body::History(_, history) => Some((self.wiring.stateful[rule]?, history.as_ref())),
            _ => None,
        }
    }

    /// The rules over the whole log whose findings are reported.
    pub fn whole_log(&self) -> impl Iterator<Item = OverLog<'_>> {
        let reported = self.wiring.whole_log.iter().filter(|(_, about)| self.is_reported(*about));
        reported.filter_map(|&(rule, about)| {
            let Rule { meta, body: Body::WholeLog(_, code), .. } = self.rules.get(rule)? else {
                return None;
            };
            Some(OverLog { about, level: meta.level, code: code.as_ref() })
        })
    }

    /// Those of them that look at this.
    pub fn looking_at(&self, what: LooksAt) -> impl Iterator<Item = OverLog<'_>> {
        self.whole_log().filter(move |rule| rule.code.looks_at() == what)
    }

    /// Whether any reported rule wants tags to be compared.
    pub fn compares_tags(&self) -> bool {
        self.whole_log().any(|rule| rule.code.looks_at().wants_tags())
    }

    /// Whether a record passes the cheap preconditions of a rule. If not, the rule cannot match.
    /// `asked` caches what was already looked up in this record.
    pub fn may_match(
        &self,
        rule: u32,
        asked: &mut Asked,
        event: &Event<'_>,
        view: &View<'_>,
    ) -> bool {
        self.demands.pass(rule as usize, asked, event, view)
    }

    /// Whether a rule goes by `name`, its id or another name. Correlations use these names.
    pub fn is_named(&self, rule: usize, name: &str) -> bool {
        self.rules.get(rule).is_some_and(|rule| rule.called().any(|known| known == name))
    }

    /// Evaluates one rule on a record, without a cache from other rules.
    #[cfg(test)]
    pub fn check_alone(&self, rule: u32, event: &Event<'_>, view: &View<'_>) -> Option<Hit> {
        let passes = self.may_match(rule, &mut Asked::default(), event, view);
        passes.then(|| self.check(rule, event, view)).flatten()
    }

    /// Evaluates one rule on a record for which [`Self::may_match`] is true. A rule with a bug may
    /// panic.
    pub fn check(&self, rule: u32, event: &Event<'_>, view: &View<'_>) -> Option<Hit> {
        let index = rule as usize;
        let rule = self.rules.get(index)?;
        let found = rule.check(event, view)?;
        let attempt = rule.lowers_attempts && view.attempt();
        let level = if attempt { found.level.lowered() } else { found.level };
        let lowered = |foreign: Foreign| Foreign {
            otherwise: foreign.otherwise.map(|l| if attempt { l.lowered() } else { l }),
            ..foreign
        };
        let foreign = found.foreign.map(lowered);
        let native::Found { details, together, .. } = found;
        Some(Hit { rule: index, level, attempt, details, foreign, together })
    }
}

/// The records that are routed to a rule. Most KMS records come from CloudTrail, which encrypts its
/// own files. No principal causes them, so no built-in rule sees them. A user's rule sees what it
/// selects.
fn asked_about(rule: &Rule) -> Routes {
    match rule.meta.group {
        Some(_) => rule.routes.clone().without(Cases::DELIVERED),
        None => rule.routes.clone(),
    }
}

#[cfg(test)]
mod tests;
