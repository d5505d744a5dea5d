//! What one condition of a statement limits.
//!
//! A condition fences a statement if it ties the statement to values that not everybody can have.
//! Absent keys matter as much as values: a test `…IfExists` or `ForAllValues:…` holds for a caller
//! that lacks the key. Source: IAM user guide, "IAM JSON policy elements: Condition operators",
//! "Multivalued context keys", "AWS global condition context keys"; KMS guide, "Condition keys for
//! AWS KMS".

use super::narrow::is_narrow;
pub use super::pattern::{is_every_key, is_key_pattern};

/// One test of one key. Operator and key are as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// `StringEquals`, `ForAnyValue:StringLike`, `BoolIfExists`, …
    pub operator: String,
    /// `kms:ViaService`, `aws:MultiFactorAuthAge`, …
    pub key: String,
    /// The values: one that fits is enough.
    pub values: Vec<String>,
}

/// An operator, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// What it compares.
    pub test: Test,
    /// How it treats keys of several values.
    pub set: Option<Set>,
    /// Whether the absent key fits.
    pub if_exists: bool,
}

/// The kinds of comparison, as far as an answer here depends on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// Text is one of the values.
    Equals,
    /// Text is none of the values.
    NotEquals,
    /// Text fits one of the patterns; ARNs as well.
    Like,
    /// Text fits none of the patterns.
    NotLike,
    /// A number.
    Number(Comparison),
    /// A date.
    Date,
    /// True or false.
    Bool,
    /// Whether the key is absent.
    Null,
    /// Bytes.
    Binary,
    /// An address is in a range, or in none.
    Address,
}

/// How numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `≠`
    NotEqual,
    /// `<`
    Less,
    /// `≤`
    LessOrEqual,
    /// `>`
    Greater,
    /// `≥`
    GreaterOrEqual,
}

/// How an operator treats keys of several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// `ForAllValues:`: also true of no values.
    All,
    /// `ForAnyValue:`
    Any,
}

/// Keys that say whose call it is: they close a statement that is open to `*`.
pub const CALLER_FENCES: &[&str] = &[
    "kms:calleraccount",
    "aws:principalaccount",
    "aws:federatedprovider",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "aws:vpceorgpaths",
];

/// Keys that say for whom a service acts.
pub const SOURCE_FENCES: &[&str] = &[
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "kms:calleraccount",
    "kms:encryptioncontext:*",
    "kms:viaservice",
];

/// Keys that bind a use to an encryption context.
pub const CONTEXT_FENCES: &[&str] = &["kms:encryptioncontext:*", "kms:encryptioncontextkeys"];

/// Keys that limit which grants may be made.
pub const GRANT_FENCES: &[&str] = &[
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:viaawsservice",
    "kms:encryptioncontext:*",
    "kms:encryptioncontextkeys",
    "kms:grantconstraintsourcearn",
    "kms:grantconstrainttype",
    "kms:granteeprincipal",
    "kms:granteeserviceprincipal",
    "kms:grantisforawsresource",
    "kms:grantoperations",
    "kms:retiringserviceprincipal",
    "kms:viaservice",
];

/// Keys that limit an IAM statement to some keys or to a service.
pub const KEY_FENCES: &[&str] =
    &["aws:resourcetag/*", "kms:encryptioncontext:*", "kms:resourcealiases", "kms:viaservice"];

/// Keys that every call has, so that it does not matter what holds for those without.
const ALWAYS_THERE: &[&str] = &[
    "aws:principalaccount",
    "aws:principalarn",
    "aws:viaawsservice",
    "kms:calleraccount",
    "kms:grantisforawsresource",
    "kms:grantoperations",
];

impl Operator {
    /// Reads an operator, whatever its case; `None` when it is none.
    pub fn read(text: &str) -> Option<Operator> {
        let folded = text.to_ascii_lowercase();
        let (set, rest) = if let Some(rest) = folded.strip_prefix("forallvalues:") {
            (Some(Set::All), rest)
        } else if let Some(rest) = folded.strip_prefix("foranyvalue:") {
            (Some(Set::Any), rest)
        } else {
            (None, folded.as_str())
        };
        let (name, if_exists) = match rest.strip_suffix("ifexists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let test = test_of(name)?;
        // "Null" already asks whether the key exists.
        (!(test == Test::Null && if_exists)).then_some(Operator { test, set, if_exists })
    }
}

fn test_of(name: &str) -> Option<Test> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    Some(match name {
        "stringequals" | "stringequalsignorecase" => Test::Equals,
        "stringnotequals" | "stringnotequalsignorecase" => Test::NotEquals,
        "stringlike" | "arnequals" | "arnlike" => Test::Like,
        "stringnotlike" | "arnnotequals" | "arnnotlike" => Test::NotLike,
        "numericequals" => Test::Number(Equal),
        "numericnotequals" => Test::Number(NotEqual),
        "numericlessthan" => Test::Number(Less),
        "numericlessthanequals" => Test::Number(LessOrEqual),
        "numericgreaterthan" => Test::Number(Greater),
        "numericgreaterthanequals" => Test::Number(GreaterOrEqual),
        "dateequals"
        | "datenotequals"
        | "datelessthan"
        | "datelessthanequals"
        | "dategreaterthan"
        | "dategreaterthanequals" => Test::Date,
        "bool" => Test::Bool,
        "null" => Test::Null,
        "binaryequals" => Test::Binary,
        "ipaddress" | "notipaddress" => Test::Address,
        _ => return None,
    })
}

impl Condition {
    /// The operator, if it is one.
    pub fn operator(&self) -> Option<Operator> {
        Operator::read(&self.operator)
    }

    /// Whether the key is one of `keys`, which are in lower case and may end in `*`.
    pub fn is_about(&self, keys: &[&str]) -> bool {
        let key = self.key.to_ascii_lowercase();
        keys.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => *pattern == key,
        })
    }

    /// Whether it ties one of `keys` to values that not everybody can have.
    pub fn fences(&self, keys: &[&str]) -> bool {
        let Some(operator) = self.operator() else { return false };
        let lets_absent_pass = operator.if_exists || operator.set == Some(Set::All);
        if !self.is_about(keys) || (lets_absent_pass && !self.is_about(ALWAYS_THERE)) {
            return false;
        }
        match operator.test {
            Test::Equals | Test::Like => self.is_narrow(),
            Test::Bool => self.values.iter().all(|value| value.eq_ignore_ascii_case("true")),
            _ => false,
        }
    }

    /// Whether it wants one of `keys` to be there at all.
    pub fn demands_presence(&self, keys: &[&str]) -> bool {
        self.is_about(keys)
            && self.operator().is_some_and(|operator| operator.test == Test::Null)
            && self.values.iter().all(|value| value.eq_ignore_ascii_case("false"))
    }

    /// The same said by a Deny: it applies to whoever has none of the values. Of an absent key a
    /// negative test is true, so that nobody slips through.
    pub fn denies_all_but(&self, keys: &[&str]) -> bool {
        let Some(operator) = self.operator() else { return false };
        self.is_about(keys)
            && !self.values.is_empty()
            && match operator.test {
                Test::NotEquals | Test::NotLike => {
                    operator.set != Some(Set::Any) && self.is_narrow()
                }
                // No value of these keys is a boolean, so that such a test never holds.
                Test::Bool if self.is_about(CALLER_FENCES) => false,
                Test::Bool => {
                    let spares_absent = !operator.if_exists && !self.is_about(ALWAYS_THERE);
                    let all = |word: &String| word.eq_ignore_ascii_case("false");
                    operator.set.is_none() && !spares_absent && self.values.iter().all(all)
                }
                _ => false,
            }
    }

    /// Whether it holds for every principal of an account, whatever that one does: it spares AWS's own
    /// services only. A call by way of a service is not spared by it, since that is still the caller's.
    pub fn spares_services_only(&self) -> bool {
        let is_bool = |operator: Operator| operator.test == Test::Bool && operator.set.is_none();
        self.is_about(&["aws:principalisawsservice"])
            && self.operator().is_some_and(is_bool)
            && !self.values.is_empty()
            && self.values.iter().all(|value| value.eq_ignore_ascii_case("false"))
    }

    /// Whether each value leaves somebody out.
    fn is_narrow(&self) -> bool {
        let key = self.key.to_ascii_lowercase();
        // Only `…Like` and tests of ARNs know wildcards.
        let operator = self.operator.to_ascii_lowercase();
        let literal = !operator.contains("like") && !operator.contains("arn");
        self.values.iter().all(|value| is_narrow(&key, value, literal))
    }
}
