//! How much is too much, which options need not be given, and what is not to be listed.

use crate::cli::config::forms;
use crate::cli::config::key::{Key, Kind, Shape, Table};

/// A hundred years: longer is a typing error.
const DAYS_MAX: i64 = 36_500;

/// The longest age, in seconds.
pub const AGE_MAX: i64 = DAYS_MAX * 86_400;

/// The largest number of things that are counted.
const COUNT_MAX: i64 = 1_000_000_000;

/// How old MFA may be.
pub static MFA: Table = Table {
    name: "mfa",
    shape: Shape::One,
    about: "How fresh MFA must be.",
    keys: &[Key::new(
        "max_age",
        Kind::Age,
        r#""300s""#,
        "The oldest MFA that is good for a critical call: an age such as \"300s\" or \"12h\", or a number of \
         seconds.",
    )],
};

/// Numbers above which something is reported.
pub static THRESHOLDS: Table = Table {
    name: "thresholds",
    shape: Shape::One,
    about: "How much is too much.",
    keys: &[
        Key::new(
            "short_deletion_days",
            // AWS lets nobody wait for less than 7 days or more than 30.
            Kind::Number(0, 30),
            "7",
            "A key deletion with a waiting period of so many days or fewer is called short.",
        ),
        Key::new(
            "rotation_days",
            Kind::Number(1, DAYS_MAX),
            "365",
            "The longest rotation period of a key, in days.",
        ),
        Key::new(
            "expiry_days",
            Kind::Number(0, DAYS_MAX),
            "7",
            "Imported key material that expires in fewer days than this is serious.",
        ),
        Key::new(
            "blast_services",
            Kind::Number(1, COUNT_MAX),
            "3",
            "A key that so many services use is reported.",
        ),
        Key::new(
            "blast_accounts",
            Kind::Number(1, COUNT_MAX),
            "2",
            "A key that so many accounts use is reported.",
        ),
        Key::new(
            "blast_principals",
            Kind::Number(1, COUNT_MAX),
            "20",
            "A key that so many principals use is reported.",
        ),
        Key::new(
            "trust_spread_keys",
            Kind::Number(1, COUNT_MAX),
            "3",
            "An account of others that so many keys trust is reported.",
        ),
        Key::new(
            "encrypt_only_uses",
            Kind::Number(1, i64::MAX),
            "100",
            "After so many encryptions without a decryption a principal is taken to encrypt only.",
        ),
        Key::new(
            "gap_hours",
            Kind::Number(1, DAYS_MAX * 24),
            "24",
            "More hours without KMS events than this are a gap, where there usually are some.",
        ),
    ],
};

/// Options that need not be given.
pub static SCAN: Table = Table {
    name: "scan",
    shape: Shape::One,
    about: "What holds where neither an option nor a variable says otherwise. Paths are relative to this file.",
    keys: &[
        Key::new(
            "min_level",
            Kind::Text(&forms::LEVEL),
            r#""low""#,
            "List findings of this level and above, as --min-level.",
        ),
        Key::new(
            "fail_on",
            Kind::Text(&forms::LEVEL_OR_NEVER),
            r#""never""#,
            "End with status 1 on a finding of this level or above, as --fail-on.",
        ),
        Key::new(
            "rules",
            Kind::Texts(&forms::PATH),
            r#"["my-rules"]"#,
            "Also evaluate these Sigma rules, as --rules. Without it there are none.",
        ),
        Key::new(
            "tags",
            Kind::Texts(&forms::PATH),
            r#"["inventory.json"]"#,
            "Also take tags of keys and resources from these files, as --tags. Without it there are none.",
        ),
        Key::new(
            "public_keys",
            Kind::Text(&forms::PATH),
            r#""public-keys.json""#,
            "CloudTrail's public keys, as --public-keys. A scan reads them with --verify only.",
        ),
    ],
};

/// What is not to be listed.
pub static SUPPRESS: Table = Table {
    name: "suppress",
    shape: Shape::Listed,
    about: "Findings that you have accepted. All that is given must fit.",
    keys: &[
        Key::new("rule", Kind::Text(&forms::RULE), r#""key-disabled""#, "The rule's id.")
            .required(),
        Key::new(
            "principal",
            Kind::Text(&forms::ARN),
            r#""*:role/deploy-role""#,
            "A pattern of the principal's ARN.",
        ),
        Key::new(
            "key",
            Kind::Text(&forms::KEY),
            r#""alias/test-*""#,
            "A pattern of the key's ARN or alias.",
        ),
        Key::new(
            "resource",
            Kind::Text(&forms::PLAIN),
            r#""*""#,
            "A pattern of the resource's ARN.",
        ),
        Key::new(
            "trust_context",
            Kind::Flag,
            "false",
            "Whether resource may be one that only the caller names, in the encryption context of a direct \
             call.",
        ),
        Key::new(
            "account",
            Kind::Text(&forms::ACCOUNT_PATTERN),
            r#""111122223333""#,
            "The account whose trail holds the records, or a pattern of it.",
        ),
        Key::new(
            "region",
            Kind::Text(&forms::REGION_PATTERN),
            r#""eu-*""#,
            "The Region, or a pattern of it.",
        ),
        Key::new(
            "reason",
            Kind::Text(&forms::SENTENCE),
            r#""test keys are switched off at night""#,
            "Why the finding is accepted.",
        )
        .required(),
        Key::new(
            "owner",
            Kind::Text(&forms::SENTENCE),
            r#""platform team""#,
            "Who answers for it. A page of evidence tells.",
        ),
        Key::new(
            "ticket",
            Kind::Text(&forms::SENTENCE),
            r#""SEC-1234""#,
            "Where it was decided. A page of evidence tells.",
        ),
        Key::new("expires", Kind::Day, "2027-01-31", "The last day on which it holds, UTC.")
            .required(),
    ],
};
