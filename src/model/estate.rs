//! What an organisation says about itself: its accounts, its Regions, who is expected to do what.
//!
//! What must stay true: every default works without a file, and no default hides a finding that a
//! reader without a configuration would want.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::level::Level;
use super::pattern::Patterns;

/// What rules ask about it. [`Estate::default`] is what holds without `keytrail.toml`.
#[derive(Debug, Clone)]
pub struct Estate {
    /// The organisation's own accounts, 12 digits each. Empty: every account that receives records.
    pub own_accounts: BTreeSet<String>,
    /// Accounts of others that keys may be shared with.
    pub trusted_accounts: BTreeSet<String>,
    /// The Regions where keys may be used. Empty: all.
    pub regions: BTreeSet<String>,
    /// The Regions of which every own account is expected to deliver records.
    pub expected_regions: BTreeSet<String>,
    /// Tags that put a key or a resource into a business category.
    pub governed_tags: Vec<GovernedTag>,
    /// Keys that more than one value of them may use.
    pub shared_keys: Vec<SharedKey>,
    /// What the name of an alias, `alias/` included, must look like. `None`: anything.
    pub alias_scheme: Option<Regex>,
    /// Roles that change keys by automation and cannot present MFA.
    pub automation_roles: Patterns,
    /// Principals that call KMS themselves and are expected to, such as client-side encryption.
    pub direct_use_roles: Patterns,
    /// Principals that read the trail's own log files.
    pub log_readers: Patterns,
    /// Principals that list keys and policies: inventory and posture scanners.
    pub inventory_roles: Patterns,
    /// Principals that may encrypt and not decrypt.
    pub encrypt_only_roles: Patterns,
    /// Services that should use customer managed keys, by the first label of their host name:
    /// `secretsmanager`, `ssm`, `lambda`, …
    pub require_customer_keys: BTreeSet<String>,
    /// Buckets that hold secrets: the key they are encrypted under and who may read them.
    pub secrets_buckets: BTreeMap<String, SecretsBucket>,
    /// Measurements of the images that enclaves and attested instances run, in lower-case
    /// hexadecimal. Empty: nobody has said.
    pub enclave_images: BTreeSet<String>,
    /// Alarms, event rules and Config rules that watch KMS. Empty: all of them.
    pub monitors: Patterns,
    /// Oldest acceptable MFA for a critical call, in seconds.
    pub mfa_max_age: i64,
    /// How much is too much.
    pub thresholds: Thresholds,
}

/// A tag that is compared between keys and resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GovernedTag {
    /// The name in findings.
    pub name: String,
    /// Other tag keys that mean the same. Names are compared by [`GovernedTag::folded`].
    pub synonyms: Vec<String>,
    /// Other spellings of values, by what they are to be taken for.
    pub aliases: BTreeMap<String, BTreeSet<String>>,
    /// Classes of data, the lowest first; a key may protect its own class and those below. Empty:
    /// values are the same or not. Compared without regard to case.
    pub order: Vec<String>,
    /// How serious it is when key and resource differ.
    pub level: Level,
}

/// A key that several business categories share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedKey {
    /// Its ARN or alias, with `*` and `?`.
    pub key: Patterns,
    /// By the name of a governed tag, the values that resources may have.
    pub allow: BTreeMap<String, Patterns>,
}

/// What is expected of a bucket that holds secrets.
#[derive(Debug, Clone, Default)]
pub struct SecretsBucket {
    /// The ARN of the key its objects are encrypted under.
    pub key: Option<String>,
    /// Principals that may decrypt its objects. Empty: any role, no IAM user.
    pub readers: Patterns,
}

/// Numbers above which something is reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thresholds {
    /// Shortest waiting period of a key deletion that is not called short, less one: days.
    pub short_deletion_days: i64,
    /// Longest acceptable rotation period: days.
    pub rotation_days: i64,
    /// How near the expiry of imported material may be before it is serious: days.
    pub expiry_days: i64,
    /// Services that use one key.
    pub blast_services: usize,
    /// Accounts that use one key.
    pub blast_accounts: usize,
    /// Principals that use one key.
    pub blast_principals: usize,
    /// Keys that trust one external account.
    pub trust_spread_keys: usize,
    /// Encryptions without a decryption after which a principal is taken to be encrypt-only.
    pub encrypt_only_uses: u64,
    /// Hours without KMS events that make a gap, where there usually are some.
    pub gap_hours: i64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            short_deletion_days: 7,
            rotation_days: 365,
            expiry_days: 7,
            blast_services: 3,
            blast_accounts: 2,
            blast_principals: 20,
            trust_spread_keys: 3,
            encrypt_only_uses: 100,
            gap_hours: 24,
        }
    }
}

impl Default for Estate {
    fn default() -> Self {
        Estate {
            own_accounts: BTreeSet::new(),
            trusted_accounts: BTreeSet::new(),
            regions: BTreeSet::new(),
            expected_regions: BTreeSet::new(),
            governed_tags: GovernedTag::defaults(),
            shared_keys: Vec::new(),
            alias_scheme: None,
            automation_roles: Patterns::default(),
            direct_use_roles: Patterns::default(),
            log_readers: Patterns::default(),
            inventory_roles: Patterns::default(),
            encrypt_only_roles: Patterns::default(),
            require_customer_keys: BTreeSet::new(),
            secrets_buckets: BTreeMap::new(),
            enclave_images: BTreeSet::new(),
            monitors: Patterns::default(),
            mfa_max_age: 300,
            thresholds: Thresholds::default(),
        }
    }
}

impl Estate {
    /// What the samples of the built-in rules are written for: some rules wait for a setting.
    pub fn of_samples() -> Estate {
        let key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let vault = SecretsBucket {
            key: Some(key.to_owned()),
            readers: Patterns::new(["arn:aws:iam::111122223333:role/vault-reader"]),
        };
        Estate {
            alias_scheme: Regex::new("^alias/(prod|test)-[a-z0-9]+-[a-z0-9]+").ok(),
            regions: ["eu-central-1", "us-east-1"].map(str::to_owned).into(),
            expected_regions: ["eu-central-1".to_owned()].into(),
            secrets_buckets: [("example-vault".to_owned(), vault)].into(),
            enclave_images: ["5a".repeat(48)].into(),
            ..Estate::default()
        }
    }

    /// The governed tag that a tag key means, if any.
    pub fn governed_tag(&self, key: &str) -> Option<&GovernedTag> {
        self.governed_tags.iter().find(|tag| tag.is_meant_by(key))
    }
}

impl Estate {
    /// Those of `accounts` that are neither own nor trusted. Where no own accounts are named, all
    /// of `recipients` are: the accounts that receive records.
    pub fn outside<'a>(
        &self,
        accounts: &'a BTreeSet<String>,
        recipients: &BTreeSet<String>,
    ) -> BTreeSet<&'a str> {
        let own = if self.own_accounts.is_empty() { recipients } else { &self.own_accounts };
        let known = |id: &&String| own.contains(*id) || self.trusted_accounts.contains(*id);
        accounts.iter().filter(|id| !known(id)).map(String::as_str).collect()
    }
}

impl GovernedTag {
    /// A tag of this name, as it is governed where nothing is said of it.
    pub fn named(name: &str) -> GovernedTag {
        // The classes of AWS's own examples, the lowest first.
        const CLASSES: [&str; 4] = ["Public", "Internal", "Confidential", "Restricted"];
        let classified = GovernedTag::folded(name) == "dataclassification";
        GovernedTag {
            name: name.to_owned(),
            synonyms: Vec::new(),
            aliases: BTreeMap::new(),
            order: if classified { CLASSES.map(str::to_owned).to_vec() } else { Vec::new() },
            level: Level::High,
        }
    }

    /// The tags that are governed where nobody says which are.
    pub fn defaults() -> Vec<GovernedTag> {
        ["CostCenter", "Application", "Owner", "Environment", "DataClassification"]
            .map(GovernedTag::named)
            .to_vec()
    }

    /// Whether a tag key means this tag.
    pub fn is_meant_by(&self, key: &str) -> bool {
        let mut names = [&self.name].into_iter().chain(&self.synonyms);
        names.any(|name| GovernedTag::fold(name).eq(GovernedTag::fold(key)))
    }

    /// The value that a value stands for, without white space around it.
    pub fn meaning<'a>(&'a self, value: &'a str) -> &'a str {
        let value = value.trim();
        let known = self.aliases.iter().find(|(_, spellings)| spellings.contains(value));
        known.map_or(value, |(meant, _)| meant.as_str())
    }

    /// The rank of a value among the classes, 0 for the lowest.
    pub fn class(&self, value: &str) -> Option<usize> {
        let value = self.meaning(value).to_lowercase();
        self.order.iter().position(|class| class.to_lowercase() == value)
    }

    /// A tag key as it is compared: `cost-center`, `Cost_Center` and `CostCenter` are one.
    pub fn folded(key: &str) -> String {
        GovernedTag::fold(key).collect()
    }

    fn fold(key: &str) -> impl Iterator<Item = char> {
        let kept = key.trim().chars().filter(|c| !matches!(c, '-' | '_' | ' ' | '.' | ':' | '/'));
        kept.flat_map(char::to_lowercase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_keys_fold_to_one_name() {
        let estate = Estate::default();
        for key in ["cost-center", "CostCenter", "cost_center", " Cost Center"] {
            assert_eq!(estate.governed_tag(key).map(|tag| tag.name.as_str()), Some("CostCenter"));
        }
        assert_eq!(estate.governed_tag("Name"), None);
    }
}
