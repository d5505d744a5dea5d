//! Conditions that no call of KMS can fulfil, so that their statement allows nobody anything.
//!
//! A test of a key that the call does not have is false, unless it says what holds without the key.
//! Other services' keys, keys that are no longer there and keys whose names are misspelt are in no
//! call of KMS. What must stay true: a key that may be there is never called dead, since a dead
//! statement counts as closed. So an unknown name is dead only if it is a known name but for a slip.
//! Source: IAM user guide, "AWS global condition context keys"; KMS developer guide, "Condition keys
//! for AWS KMS".

use super::condition::{Condition, Set, Test};
use crate::model::time::Time;

/// The keys of KMS, without `kms:`.
const OF_KMS: &[&str] = &[
    "bypasspolicylockoutsafetycheck",
    "calleraccount",
    "customermasterkeyspec",
    "customermasterkeyusage",
    "datakeypairspec",
    "encapsulationalgorithm",
    "encryptionalgorithm",
    "encryptioncontextkeys",
    "expirationmodel",
    "grantconstraintsourceaccount",
    "grantconstraintsourcearn",
    "grantconstrainttype",
    "granteeprincipal",
    "granteeserviceprincipal",
    "grantisforawsresource",
    "grantoperations",
    "keyagreementalgorithm",
    "keyorigin",
    "keyspec",
    "keyusage",
    "macalgorithm",
    "messagetype",
    "multiregion",
    "multiregionkeytype",
    "primaryregion",
    "reencryptonsamekey",
    "replicaregion",
    "requestalias",
    "resourcealiases",
    "retiringprincipal",
    "retiringserviceprincipal",
    "rotationperiodindays",
    "schedulekeydeletionpendingwindowindays",
    "signingalgorithm",
    "validto",
    "viaservice",
    "wrappingalgorithm",
    "wrappingkeyspec",
];

/// The keys that any call may have, without `aws:`.
const OF_ALL: &[&str] = &[
    "calledvia",
    "calledviafirst",
    "calledvialast",
    "chatbotsourcearn",
    "currenttime",
    "ec2instancesourceprivateipv4",
    "ec2instancesourcevpc",
    "epochtime",
    "federatedprovider",
    "multifactorauthage",
    "multifactorauthpresent",
    "principalaccount",
    "principalarn",
    "principalisawsservice",
    "principalorgid",
    "principalorgpaths",
    "principalservicename",
    "principalservicenameslist",
    "principaltype",
    "referer",
    "requestedregion",
    "resourceaccount",
    "resourceorgid",
    "resourceorgpaths",
    "securetransport",
    "sourceaccount",
    "sourcearn",
    "sourceidentity",
    "sourceip",
    "sourceorgid",
    "sourceorgpaths",
    "sourcevpc",
    "sourcevpcarn",
    "sourcevpce",
    "tagkeys",
    "tokenissuetime",
    "useragent",
    "userid",
    "username",
    "viaawsservice",
    "vpceaccount",
    "vpceorgid",
    "vpceorgpaths",
    "vpcsourceip",
];

/// Keys that are no longer there.
const GONE: &[&str] = &["sourceowner"];

/// Services whose keys describe what a call of theirs is about, and that a call of KMS never has.
/// Keys that a session brings along (`ec2:SourceInstanceArn`, `lambda:SourceFunctionArn`,
/// `saml:…`) are in every call, so their services are not here.
const OTHERS: &[&str] = &[
    "cloudformation",
    "dynamodb",
    "ecr",
    "ecs",
    "elasticfilesystem",
    "iam",
    "rds",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
];

/// Seconds since 1970 have so many digits since 1973.
const EPOCH_DIGITS: usize = 9;

/// How many letters of a name may be wrong.
const SLIP: usize = 2;

/// Whether no call of KMS from `time` on fulfils a condition.
pub(super) fn is_dead(condition: &Condition, time: Option<Time>) -> bool {
    let Some(operator) = condition.operator() else { return false };
    if is_over(condition, time) {
        return true;
    }
    // Of an absent key a negative test is true.
    let is_negative = condition.operator.to_ascii_lowercase().contains("not");
    let wants_presence = match operator.test {
        Test::Null => condition.values.iter().all(|value| value.eq_ignore_ascii_case("false")),
        _ => !is_negative || operator.set == Some(Set::Any),
    };
    let lets_absent_pass = operator.if_exists || operator.set == Some(Set::All);
    wants_presence && !lets_absent_pass && is_never_there(&condition.key)
}

/// Whether the key is in no call of KMS.
fn is_never_there(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let Some((service, name)) = key.split_once(':') else { return false };
    // Some keys have a part that is anybody's: `aws:PrincipalTag/team`, `kms:EncryptionContext:a`.
    let is_open = name.contains(['/', ':']);
    let slip = |known: &[&str]| !known.contains(&name) && known.iter().any(|k| is_near(k, name));
    match service {
        "kms" => !is_open && slip(OF_KMS),
        "aws" => !is_open && (GONE.contains(&name) || slip(OF_ALL)),
        other => OTHERS.contains(&other),
    }
}

/// Whether a date is over before `time`: no call is made at such a date any more.
fn is_over(condition: &Condition, time: Option<Time>) -> bool {
    let operator = condition.operator.to_ascii_lowercase();
    let Some(time) = time.filter(|_| operator.starts_with("datelessthan")) else { return false };
    let before = |value: &String| {
        // A short number may be a year.
        let seconds = Some(value).filter(|value| value.len() >= EPOCH_DIGITS);
        let epoch = || seconds?.parse().ok().and_then(Time::from_epoch);
        Time::parse(value).or_else(epoch).is_some_and(|end| end < time)
    };
    condition.is_about(&["aws:currenttime", "aws:epochtime"]) && condition.values.iter().all(before)
}

/// Whether one name becomes the other by at most [`SLIP`] letters that are added, left out or
/// replaced.
fn is_near(known: &str, name: &str) -> bool {
    let (known, name) = (known.as_bytes(), name.as_bytes());
    if known.len().abs_diff(name.len()) > SLIP {
        return false;
    }
    let mut above: Vec<usize> = (0..=name.len()).collect();
    for (row, letter) in known.iter().enumerate() {
        let mut here = vec![row + 1];
        for (column, other) in name.iter().enumerate() {
            let replaced = above[column] + usize::from(letter != other);
            here.push(replaced.min(above[column + 1] + 1).min(here[column] + 1));
        }
        above = here;
    }
    above.last().is_some_and(|distance| *distance <= SLIP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(operator: &str, key: &str, value: &str) -> Condition {
        let (operator, key) = (operator.to_owned(), key.to_owned());
        Condition { operator, key, values: vec![value.to_owned()] }
    }

    #[test]
    fn what_no_call_has_makes_a_statement_dead() {
        let time = Time::parse("2026-11-29T00:00:00Z");
        for (operator, key, value) in [
            ("StringEquals", "aws:SourceOwner", "111122223333"),
            ("StringEquals", "kms:CalerAccount", "111122223333"),
            ("StringLike", "AWS:PrincipalOrgsID", "o-a1b2c3d4e5"),
            ("StringEquals", "s3:ResourceAccount", "111122223333"),
            ("ForAnyValue:StringEquals", "kms:EncryptionContextKey", "a"),
            ("Null", "aws:SourceOwner", "false"),
            ("DateLessThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"),
            ("DateLessThanEquals", "aws:EpochTime", "1577836800"),
        ] {
            assert!(is_dead(&condition(operator, key, value), time), "{operator} {key}");
        }
    }

    #[test]
    fn what_may_be_there_makes_none_dead() {
        let time = Time::parse("2026-11-29T00:00:00Z");
        for (operator, key, value) in [
            ("StringEquals", "kms:CallerAccount", "111122223333"),
            ("StringEquals", "kms:EncryptionContext:ap", "x"),
            ("StringEquals", "aws:PrincipalTag/SourceOwner", "x"),
            // A key that was added since this list was written.
            ("StringEquals", "kms:SomethingNewEntirely", "x"),
            ("StringEquals", "aws:SomethingNewEntirely", "x"),
            ("ArnEquals", "lambda:SourceFunctionArn", "x"),
            ("StringEquals", "saml:aud", "x"),
            ("StringEqualsIfExists", "aws:SourceOwner", "111122223333"),
            ("ForAllValues:StringEquals", "aws:SourceOwner", "111122223333"),
            ("StringNotEquals", "aws:SourceOwner", "111122223333"),
            ("Null", "aws:SourceOwner", "true"),
            ("NotIpAddress", "aws:SourceIpp", "192.0.2.0/24"),
            ("NumericNotEquals", "aws:MultiFactorAuthAges", "0"),
            ("DateNotEquals", "aws:CurrentTim", "2020-01-01T00:00:00Z"),
            ("ArnNotLike", "aws:SourceOwner", "x"),
            ("DateLessThan", "aws:CurrentTime", "2030"),
            ("DateLessThan", "aws:CurrentTime", "20300101"),
            ("DateLessThan", "aws:CurrentTime", "2030-01-01T00:00:00Z"),
            ("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"),
            ("DateLessThan", "aws:TokenIssueTime", "2020-01-01T00:00:00Z"),
        ] {
            assert!(!is_dead(&condition(operator, key, value), time), "{operator} {key}");
        }
        assert!(!is_dead(
            &condition("DateLessThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"),
            None
        ));
    }

    #[test]
    fn a_slip_is_two_letters_at_most() {
        for (known, name, near) in [
            ("calleraccount", "calleraccount", true),
            ("calleraccount", "caleraccount", true),
            ("calleraccount", "callersacount", true),
            ("calleraccount", "calleracct", false),
            ("sourceip", "sourcevpce", false),
            ("", "", true),
        ] {
            assert_eq!(is_near(known, name), near, "{known} {name}");
            assert_eq!(is_near(name, known), near, "{known} {name}");
        }
    }
}
