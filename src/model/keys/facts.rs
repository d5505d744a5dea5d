//! The rows of the inventory.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::dossier::Dossier;
use super::granted::Granted;
use super::listed::{Listed, Tally, Used};
use super::reach::{KmsUse, Quiet};
use super::state::{KeyState, Made, Material, Proof, Rotation, StateNow};
use crate::model::arn::Arn;
use crate::model::level::Level;
use crate::model::time::Time;

/// The keys of a log.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Inventory {
    /// The keys to show, what is most urgent first.
    pub keys: Vec<KeyFacts>,
    /// Keys beyond those, which rank below them.
    pub left_out: u64,
    /// All KMS calls in the range, copies and second sides not counted.
    pub kms_calls: u64,
    /// What KMS told of last uses, and whether the log has them.
    pub told: Vec<Told>,
    /// What is granted to the one principal that is asked for, against what it used.
    #[serde(skip)]
    pub granted: Option<Granted>,
    /// What the inventory could not take in, in words.
    #[serde(skip)]
    pub lost: Vec<String>,
}

/// A last use that KMS told of.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Told {
    /// The key, as KMS named it.
    pub key: String,
    /// The file that says so.
    pub file: String,
    /// The use, and whether the log has it.
    #[serde(flatten)]
    pub last: KmsUse,
    /// Whether it is an id that no record names, so that nobody knows where to look for the use.
    #[serde(skip)]
    pub nowhere: bool,
}

/// What the log tells of one key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct KeyFacts {
    /// Its ARN.
    pub arn: String,
    /// The account that owns it.
    pub account: String,
    /// Its Region.
    pub region: String,
    /// Its aliases over time.
    pub aliases: Listed<AliasSpan>,
    /// Whether AWS manages it for one of its services, where an alias tells so.
    pub aws_managed: bool,
    /// Its tags at the end of the log, as far as they are known.
    pub tags: BTreeMap<String, String>,
    /// Whether it has no other tags.
    pub tags_complete: bool,
    /// What it is now.
    pub state: StateNow,
    /// How it was made.
    pub made: Option<Made>,
    /// Where its material comes from: `AWS_KMS`, `EXTERNAL`, `AWS_CLOUDHSM`, …
    pub origin: Option<String>,
    /// Whether it rotates.
    pub rotation: Rotation,
    /// Its imported material.
    pub material: Option<Material>,
    /// How often its policy was changed.
    pub policy: PolicyChanges,
    /// The other Regions in which records show a multi-Region key of the same id.
    pub other_regions: Vec<String>,
    /// Who has tried to change it.
    pub administrators: Listed<Used>,
    /// Who has tried to use it.
    pub users: Listed<Used>,
    /// Services that used it, for themselves or for somebody.
    pub services: Listed<Used>,
    /// What it was used on.
    pub resources: Listed<Used>,
    /// Accounts whose principals called.
    pub accounts: Listed<Used>,
    /// Regions in which it was called.
    pub regions: Listed<Used>,
    /// Network addresses from which it was called.
    pub addresses: Listed<Used>,
    /// All calls on it, those that only ask about it too.
    pub calls: u64,
    /// Of all KMS calls in the log, how many in a million are on it.
    pub share_ppm: u64,
    /// Its uses.
    pub uses: Tally,
    /// The last use that succeeded.
    pub last_use: Option<Proof>,
    /// Findings about it, by level.
    pub findings: BTreeMap<Level, u64>,
    /// The last use that KMS itself tells, from `--last-usage`.
    pub kms_last_use: Option<KmsUse>,
    /// What the log says of a key without use, if that is asked.
    pub quiet: Option<Quiet>,
    /// All of it, if one key is asked for.
    pub dossier: Option<Dossier>,
}

impl KeyFacts {
    /// What nothing is known of but its ARN.
    pub fn of(arn: &str) -> KeyFacts {
        let parts = Arn::parse(arn);
        let part = |of: fn(&Arn<'_>) -> String| parts.as_ref().map(of).unwrap_or_default();
        KeyFacts {
            arn: arn.to_owned(),
            account: part(|arn| arn.account.to_owned()),
            region: part(|arn| arn.region.to_owned()),
            ..KeyFacts::default()
        }
    }

    /// Its id: what follows `key/`.
    pub fn id(&self) -> &str {
        id_of(&self.arn)
    }

    /// The alias that it has now, or had last.
    pub fn alias(&self) -> Option<&str> {
        let now = self.aliases.first.iter().rev().find(|alias| alias.to.is_none());
        now.or(self.aliases.first.last()).map(|alias| alias.name.as_str())
    }

    /// The place among all keys: those that will be deleted, the soonest first; those that cannot be
    /// used; then by the worst of their findings, and by their uses; those that are gone last.
    pub fn rank(&self) -> (u8, Option<Time>, Reverse<Option<Level>>, Reverse<u64>, &str) {
        let state = self.state.state;
        let urgency = match state {
            KeyState::Deleted | KeyState::NotFound => u8::MAX,
            state if state.is_urgent() => state as u8,
            _ => KeyState::Creating as u8,
        };
        let due = self.state.due.filter(|_| state.is_urgent());
        (urgency, due, Reverse(self.worst()), Reverse(self.uses.calls()), &self.arn)
    }

    /// Counts a finding.
    pub fn add_finding(&mut self, level: Level, count: u64) {
        *self.findings.entry(level).or_default() += count;
    }

    /// The worst level of its findings.
    pub fn worst(&self) -> Option<Level> {
        self.findings.last_key_value().map(|(level, _)| *level)
    }
}

/// The id in the ARN of a key; other text as it stands.
pub fn id_of(arn: &str) -> &str {
    arn.split_once(":key/").map_or(arn, |(_, id)| id)
}

/// How often a key's policy was changed in the range that is reported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PolicyChanges {
    /// Calls of `PutKeyPolicy` that succeeded.
    pub changes: u64,
    /// The last of them.
    pub last: Option<Proof>,
}

/// An alias, and when it named the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AliasSpan {
    /// `alias/NAME`
    pub name: String,
    /// When it was given to the key, if a record shows it.
    pub given: Option<Time>,
    /// When it was first seen to name the key.
    pub from: Time,
    /// When it was taken away: deleted, or given to another key.
    pub to: Option<Time>,
    /// The key that it was given to instead.
    pub now_of: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alias_of_a_key_is_the_one_that_it_has() {
        let span = |name: &str, from, to| AliasSpan {
            name: name.into(),
            given: None,
            from: Time(from),
            to,
            now_of: None,
        };
        let mut key = KeyFacts::of("arn:aws:kms:eu-central-1:111122223333:key/mrk-1");
        assert_eq!((key.id(), key.region.as_str(), key.alias()), ("mrk-1", "eu-central-1", None));
        key.aliases.first = vec![span("alias/a", 1, None), span("alias/b", 2, Some(Time(3)))];
        assert_eq!(key.alias(), Some("alias/a"));
        key.aliases.first[0].to = Some(Time(2));
        assert_eq!(key.alias(), Some("alias/b"));
    }
}
