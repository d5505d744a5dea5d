//! What an organisation says about itself.

use crate::cli::config::forms;
use crate::cli::config::key::{Key, Kind, Shape, Table};

/// Whose accounts there are.
pub static ACCOUNTS: Table = Table {
    name: "accounts",
    shape: Shape::One,
    about: "Which accounts are yours, and which others may share your keys.",
    keys: &[
        Key::new(
            "own",
            Kind::Texts(&forms::ACCOUNT),
            r#"["111122223333", "444455556666"]"#,
            "The accounts of your organisation. Without it, every account that receives records is one.",
        ),
        Key::new(
            "trusted",
            Kind::Texts(&forms::ACCOUNT),
            r#"["777788889999"]"#,
            "Accounts of others that keys may be shared with. Without it there are none.",
        ),
    ],
};

/// Where keys may be used.
pub static REGIONS: Table = Table {
    name: "regions",
    shape: Shape::One,
    about: "Where you use keys.",
    keys: &[
        Key::new(
            "allowed",
            Kind::Texts(&forms::REGION),
            r#"["eu-central-1", "eu-west-1"]"#,
            "The Regions in which keys may be used. Without it, all of them.",
        ),
        Key::new(
            "expected",
            Kind::Texts(&forms::REGION),
            r#"["eu-central-1"]"#,
            "The Regions in which every account of accounts.own should have events. One without any is a \
             finding.",
        ),
    ],
};

/// Which tags are compared.
pub static GOVERNED: Table = Table {
    name: "tags.governed",
    shape: Shape::Named("CostCenter"),
    about: "Tags that a key and what it protects must agree on. The tables that you give stand in place of \
            CostCenter, Application, Owner, Environment and DataClassification. A list of texts, such as \
            Owner = [\"team\"], is short for a table with these synonyms.",
    keys: &[
        Key::new(
            "synonyms",
            Kind::Texts(&forms::PLAIN),
            r#"["kostenstelle"]"#,
            "Other tag keys that mean the same. Case, spaces and the signs - _ . : / do not count.",
        ),
        Key::new(
            "values",
            Kind::TextsByName,
            r#"{ prod = ["production", "prd"] }"#,
            "Values with other spellings. Each spelling stands for one value.",
        ),
        Key::new(
            "order",
            Kind::Texts(&forms::PLAIN),
            r#"["Public", "Internal", "Confidential", "Restricted"]"#,
            "Classes of data, the lowest first: a key may protect its own class and lower ones. Without it, \
             values are the same or not; DataClassification has the four of the example.",
        ),
        Key::new(
            "level",
            Kind::Text(&forms::LEVEL),
            r#""high""#,
            "The level of a finding when key and resource differ.",
        ),
    ],
};

/// Which keys are for several categories.
pub static SHARED: Table = Table {
    name: "tags.shared",
    shape: Shape::Listed,
    about: "A key that several cost centres, applications or owners use.",
    keys: &[
        Key::new(
            "key",
            Kind::Text(&forms::KEY),
            r#""alias/platform-*""#,
            "The key: a pattern of its ARN or alias.",
        )
        .required(),
        Key::new(
            "allow",
            Kind::TextsByName,
            r#"{ CostCenter = ["10*"] }"#,
            "By governed tag, patterns of the values that resources under this key may have.",
        )
        .required(),
    ],
};

/// What aliases look like.
pub static ALIASES: Table = Table {
    name: "aliases",
    shape: Shape::One,
    about: "How you name keys.",
    keys: &[Key::new(
        "scheme",
        Kind::Text(&forms::REGEX),
        r#""^alias/[a-z]+-[a-z0-9]+-[a-z]+$""#,
        "A regular expression that every alias fits, alias/ included. Without it, anything goes.",
    )],
};

/// Who is expected to do what.
pub static ROLES: Table = Table {
    name: "roles",
    shape: Shape::One,
    about: "Who is expected to do what. Patterns of ARNs are compared part by part: * is any text within \
            a part, and a whole part of * is one or more parts before the resource.",
    keys: &[
        Key::new(
            "automation",
            Kind::Texts(&forms::ARN),
            r#"["arn:aws:iam::111122223333:role/deploy-role"]"#,
            "Roles that change keys by automation, and so have no MFA. Without it there are none.",
        ),
        Key::new(
            "direct_use",
            Kind::Texts(&forms::ARN),
            r#"["*:role/vault-*"]"#,
            "Principals that call KMS themselves, such as for encryption on the client's side. Without it \
             every direct decryption counts.",
        ),
        Key::new(
            "log_readers",
            Kind::Texts(&forms::ARN),
            r#"["*:role/siem"]"#,
            "Principals that read the log files of the trail. Without it there are none.",
        ),
        Key::new(
            "inventory",
            Kind::Texts(&forms::ARN),
            r#"["*:role/posture-*"]"#,
            "Principals that list keys and policies, such as scanners of posture. Without it there are none.",
        ),
        Key::new(
            "encrypt_only",
            Kind::Texts(&forms::ARN),
            r#"["*:role/backup"]"#,
            "Principals that encrypt and never decrypt. Without it, those that have only encrypted so far.",
        ),
    ],
};

/// Which services need keys of the customer.
pub static SERVICES: Table = Table {
    name: "services",
    shape: Shape::One,
    about: "What you expect of services.",
    keys: &[Key::new(
        "require_customer_keys",
        Kind::Texts(&forms::SERVICE),
        r#"["secretsmanager", "ssm"]"#,
        "Services that must use customer managed keys, by the first label of their host names. Without it \
         there are none.",
    )],
};

/// Where secrets are kept in S3.
pub static SECRETS_BUCKETS: Table = Table {
    name: "secrets_buckets",
    shape: Shape::Named("example-secrets"),
    about: "A bucket that holds secrets, by its name.",
    keys: &[
        Key::new(
            "key",
            Kind::Text(&forms::KEY_ARN),
            r#""arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab""#,
            "The key under which its objects are encrypted. Without it, any key.",
        ),
        Key::new(
            "readers",
            Kind::Texts(&forms::ARN),
            r#"["*:role/vault-*"]"#,
            "Principals that may decrypt its objects. Without it, any role and no IAM user.",
        ),
    ],
};

/// Which enclaves run.
pub static ENCLAVES: Table = Table {
    name: "enclaves",
    shape: Shape::One,
    about: "What attested enclaves and instances run.",
    keys: &[Key::new(
        "images",
        Kind::Texts(&forms::MEASUREMENT),
        r#"["4f1c9a0d4f1c9a0d4f1c9a0d4f1c9a0d4f1c9a0d4f1c9a0d4f1c9a0d4f1c9a0d4f1c9a0d4f1c9a0d4f1c9a0d4f1c9a0d"]"#,
        "Measurements of the images, in hexadecimal: SHA-384 or SHA-256. Without it, none is distinguished from the \
         others.",
    )],
};

/// What watches KMS.
pub static MONITORS: Table = Table {
    name: "monitors",
    shape: Shape::One,
    about: "What watches KMS for you.",
    keys: &[Key::new(
        "names",
        Kind::Texts(&forms::PLAIN),
        r#"["kms-*"]"#,
        "Patterns of the names of alarms, event rules and Config rules. Without it, all of them may watch KMS.",
    )],
};
