//! What a rule says about itself, apart from how it decides.

use super::attack::{TACTICS, Tactic};
use super::control::ControlName;
use super::finding::Told;
use super::level::Level;

/// Metadata of one rule, built-in or the user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleMeta {
    /// Built-in: the slug. The user's: the Sigma `id`, else the file's stem.
    pub id: String,
    /// One line.
    pub title: String,
    /// The base level.
    pub level: Level,
    /// The folder of a built-in rule (`lifecycle`, `trail`, …); `None` for the user's.
    pub group: Option<String>,
    /// Sigma tags, such as `attack.t1485`.
    pub tags: Vec<String>,
    /// Pages to read.
    pub references: Vec<String>,
    /// What to do about a finding.
    pub advice: Option<String>,
    /// What it looks for, in one paragraph.
    pub description: Option<String>,
    /// When a finding is harmless.
    pub false_positives: Vec<String>,
    /// How much noise to expect of a built-in rule: 1 (hardly any) to 3.
    pub tier: Option<u8>,
    /// The statements of AWS's whitepaper on KMS best practices that it answers, by their short
    /// names, such as `MFA`.
    pub whitepaper: Vec<String>,
    /// The controls that it helps to audit.
    pub controls: Vec<ControlName>,
    /// The level of a finding whose events are on three days or more, if that makes it usual.
    pub routine: Option<Level>,
    /// Whether low findings of many actors say the same, so that beyond a few they become one.
    pub alike: bool,
    /// The details that hold what a finding is about, of which all different values are told.
    pub values: Vec<String>,
    /// Where the rule was read: a path, or the name of the embedded file.
    pub origin: String,
}

impl RuleMeta {
    /// A rule of which nothing more is known.
    pub fn new(id: &str, level: Level) -> RuleMeta {
        RuleMeta {
            id: id.to_owned(),
            title: id.to_owned(),
            level,
            group: None,
            tags: Vec::new(),
            references: Vec::new(),
            advice: None,
            description: None,
            false_positives: Vec::new(),
            tier: None,
            whitepaper: Vec::new(),
            controls: Vec::new(),
            routine: None,
            alike: false,
            values: Vec::new(),
            origin: String::new(),
        }
    }

    /// What it tells with every finding.
    pub fn told(&self) -> Told {
        Told {
            title: self.title.clone(),
            attack: self.attack(),
            references: self.references.clone(),
            advice: self.advice.clone(),
            tactic: self.tactic(),
            chain: self.group.as_deref() == Some("chains"),
        }
    }

    /// The gravest of the MITRE ATT&CK tactics among the tags: its place among all, the gravest first.
    fn tactic(&self) -> u8 {
        let is_tagged = |tactic: &Tactic| self.tags.iter().any(|tag| tactic.is_tagged(tag));
        let at = TACTICS.iter().position(is_tagged).unwrap_or(TACTICS.len());
        u8::try_from(at).unwrap_or(u8::MAX)
    }

    /// The MITRE ATT&CK tactics among the tags, the gravest first.
    pub fn tactics(&self) -> impl Iterator<Item = &'static Tactic> {
        TACTICS.iter().filter(|tactic| self.tags.iter().any(|tag| tactic.is_tagged(tag)))
    }

    /// The MITRE ATT&CK technique ids among the tags, upper case: `attack.t1485` is `T1485`.
    pub fn attack(&self) -> Vec<String> {
        let technique = |tag: &String| {
            let id = tag.strip_prefix("attack.")?;
            let digits = id.strip_prefix('t').or_else(|| id.strip_prefix('T'))?;
            digits.starts_with(|c: char| c.is_ascii_digit()).then(|| id.to_ascii_uppercase())
        };
        self.tags.iter().filter_map(technique).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn techniques_are_told_from_tactics() {
        let tags =
            ["attack.impact", "attack.t1485", "attack.t1078.004", "attack.ta0040", "cve.2021-1"];
        let meta =
            RuleMeta { tags: tags.map(String::from).to_vec(), ..RuleMeta::new("x", Level::Low) };
        assert_eq!(meta.attack(), ["T1485", "T1078.004"]);
    }
}
