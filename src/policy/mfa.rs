//! Whether a policy demands MFA, and whether the demand can hold.
//!
//! Conditions are not compared with known good spellings. They are evaluated for sample callers: one
//! with a long-term key, one in a session without MFA, and some in sessions with MFA of various ages.
//! The two context keys are absent in different cases. With a long-term key both are absent. Without
//! MFA, `aws:MultiFactorAuthPresent` is false and `aws:MultiFactorAuthAge` is absent. Most mistakes
//! are about the absent ones. Source: IAM user guide, "Secure API access with MFA" and "AWS global
//! condition context keys".

use super::access::{Denials, Place};
use super::action::Actions;
use super::condition::{Comparison, Condition, Operator, Set, Test};
use super::document::{Policy, Statement};
use super::principal::{Principal, Reach};
use crate::model::pattern::wildcard;

/// The two context keys, in lower case.
const PRESENT: &str = "aws:multifactorauthpresent";
const AGE: &str = "aws:multifactorauthage";

/// How many statements about MFA are compared with each other; a policy that fits in KMS's 32 KB
/// and is meant for people has a few.
const STATEMENTS_MAX: usize = 64;

/// How many values of one statement are tried from both sides.
const VALUES_MAX: usize = 8;

/// How many conditions about MFA one statement may have, and how many values one condition, to be
/// judged. Beyond that, an Allow is taken to allow and a Deny not to deny.
const CONDITIONS_MAX: usize = 8;
const LISTED_MAX: usize = 64;

/// How many values of other conditions are compared with each principal. A Deny beyond that is taken
/// not to deny.
const COMPARED_MAX: usize = 256;

/// What a caller shows of MFA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Caller {
    present: Option<bool>,
    /// Seconds.
    age: Option<i64>,
}

const LONG_TERM_KEY: Caller = Caller { present: None, age: None };
const WITHOUT_MFA: Caller = Caller { present: Some(false), age: None };

const fn with_mfa(age: i64) -> Caller {
    Caller { present: Some(true), age: Some(age) }
}

/// A condition on MFA that does not do what it is there for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The statement's Sid or number.
    pub statement: String,
    /// What is wrong.
    pub why: String,
}

/// Calls that a principal may make without MFA.
#[derive(Debug, Clone, Copy)]
pub struct Open<'p> {
    /// The statement that allows them.
    pub statement: &'p Statement,
    /// Whom it allows them.
    pub principal: &'p Principal,
    /// The calls.
    pub calls: Actions,
}

impl Condition {
    /// Whether it means to be about MFA, however it is spelt: `aws: MultiFactorAuthAge`,
    /// `aws:MFAPresent`, `AWS:MutliFactorAuthAge`.
    pub fn means_mfa(&self) -> bool {
        let key: String = self.key.chars().filter(|c| c.is_ascii_alphanumeric()).take(65).collect();
        let key = key.to_ascii_lowercase();
        let tag = ["awsprincipaltag", "awsrequesttag", "awsresourcetag", "awstagkeys"];
        key.starts_with("aws")
            && !tag.iter().any(|prefix| key.starts_with(prefix))
            && (key.contains("multifactor")
                || key.starts_with("awsmfa")
                || distance(&key, "awsmultifactorauthage") <= 3
                || distance(&key, "awsmultifactorauthpresent") <= 3)
    }

    fn is_mfa(&self) -> bool {
        self.is_about(&[PRESENT, AGE])
    }

    /// What makes it no condition at all, if anything does.
    fn defect(&self) -> Option<String> {
        let key = (!self.is_mfa()).then(|| format!("{:?} is no condition key", self.key));
        let Some(operator) = self.operator() else {
            let operator = format!("{:?} is no condition operator", self.operator);
            return Some(key.map_or(operator.clone(), |key| format!("{operator}, {key}")));
        };
        let fits = match operator.test {
            Test::Null => true,
            Test::Bool => self.is_about(&[PRESENT]),
            Test::Number(_) => self.is_about(&[AGE]),
            _ => false,
        };
        key.or_else(|| (!fits).then(|| format!("{} cannot compare {}", self.operator, self.key)))
    }

    /// Whether it holds for a caller. It must have no defect.
    fn holds_for(&self, caller: Caller) -> bool {
        let Some(operator) = self.operator() else { return false };
        let here =
            if self.is_about(&[AGE]) { caller.age.is_some() } else { caller.present.is_some() };
        let fits = |fits: &dyn Fn(&str) -> bool| self.values.iter().any(|value| fits(value));
        match operator.test {
            Test::Null => fits(&|value| truth(value) == Some(!here)),
            _ if !here => absent_holds(operator),
            Test::Bool => fits(&|value| truth(value) == caller.present),
            Test::Number(comparison) => {
                let age = caller.age.unwrap_or_default();
                let number = |value: &str| value.trim().parse::<f64>().ok();
                let compared = |value: &str| {
                    number(value).is_some_and(|value| compare(comparison, age as f64, value))
                };
                // "Not equal" means: to none of them.
                match comparison {
                    Comparison::NotEqual => self.values.iter().all(|value| compared(value)),
                    _ => fits(&compared),
                }
            }
            _ => false,
        }
    }
}

fn absent_holds(operator: Operator) -> bool {
    let negative = operator.test == Test::Number(Comparison::NotEqual);
    operator.if_exists || operator.set == Some(Set::All) || (negative && operator.set.is_none())
}

fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn compare(comparison: Comparison, one: f64, other: f64) -> bool {
    match comparison {
        Comparison::Equal => one == other,
        Comparison::NotEqual => one != other,
        Comparison::Less => one < other,
        Comparison::LessOrEqual => one <= other,
        Comparison::Greater => one > other,
        Comparison::GreaterOrEqual => one >= other,
    }
}

impl Statement {
    /// The conditions that are, or mean to be, about MFA.
    fn mfa_conditions(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().filter(|condition| condition.means_mfa())
    }

    /// Whether it has a condition about MFA, working or not.
    pub fn mentions_mfa(&self) -> bool {
        self.mfa_conditions().next().is_some()
    }

    /// Whether its conditions about MFA let this caller through. One with a defect lets no caller
    /// through.
    fn mfa_fits(&self, caller: Caller) -> bool {
        if self.is_confusing() {
            return self.allows();
        }
        self.mfa_conditions().all(|one| one.defect().is_none() && one.holds_for(caller))
    }

    /// Whether it says more about MFA than is judged.
    fn is_confusing(&self) -> bool {
        self.mfa_conditions().nth(CONDITIONS_MAX).is_some()
            || self.mfa_conditions().any(|condition| condition.values.len() > LISTED_MAX)
    }

    /// The ages at which its conditions may change their mind, and some beyond.
    fn ages(&self, max_age: i64) -> Vec<i64> {
        let mut ages = vec![0, max_age, max_age.saturating_add(1), i64::from(u32::MAX)];
        let about_age = self.conditions.iter().filter(|condition| condition.is_about(&[AGE]));
        for value in about_age.flat_map(|condition| &condition.values).take(VALUES_MAX) {
            // A float beyond i64 becomes its nearest; that is old enough.
            let value = value.trim().parse::<f64>().map_or(0, |number| number as i64);
            ages.extend([value.saturating_sub(1), value, value.saturating_add(1)]);
        }
        ages.retain(|age| *age >= 0);
        ages
    }
}

/// Whether a Deny with this condition beside MFA still covers `principal`, since the condition
/// spares only others: `ArnNotLike aws:PrincipalArn …`, `Bool aws:PrincipalIsAWSService false`.
fn spares_others(condition: &Condition, principal: &Principal) -> bool {
    let Some(operator) = condition.operator() else { return false };
    match operator.test {
        Test::NotEquals | Test::NotLike if condition.is_about(&["aws:principalarn"]) => {
            match principal {
                Principal::Arn(arn) => !condition.values.iter().any(|value| wildcard(value, arn)),
                _ => true,
            }
        }
        Test::Bool if condition.is_about(&["aws:principalisawsservice", "aws:viaawsservice"]) => {
            condition.values.iter().all(|value| truth(value) == Some(false))
        }
        _ => false,
    }
}

/// The denials that hold for a caller who shows so much of MFA. What is the same for all principals
/// is worked out once: a hostile policy names thousands.
struct MfaDenials<'p> {
    /// Those without other conditions.
    flat: Denials<'p>,
    /// Those with others, a few of them: whom they cover, and the other conditions.
    limited: Vec<(Reach<'p>, Vec<&'p Condition>, Actions)>,
}

impl<'p> MfaDenials<'p> {
    fn of(policy: &'p Policy, calls: Actions, place: Place<'_>, caller: Caller) -> MfaDenials<'p> {
        let about = |denial: &&Statement| {
            denial.kms().meets(calls) && denial.applies_to(place.key) && denial.mfa_fits(caller)
        };
        let others = |denial: &'p Statement| {
            let others = denial.conditions.iter().filter(|condition| !condition.means_mfa());
            others.collect::<Vec<_>>()
        };
        let all: Vec<_> = policy.denies().filter(about).map(|one| (one, others(one))).collect();
        let (flat, limited): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(_, others)| others.is_empty());
        let mut compared = 0;
        let few = |(_, others): &(&Statement, Vec<&Condition>)| {
            compared += others.iter().map(|one| one.values.len().max(1)).sum::<usize>();
            compared <= COMPARED_MAX
        };
        let limited = limited.into_iter().take_while(few);
        MfaDenials {
            flat: Denials::of(flat.into_iter().map(|(denial, _)| denial)),
            limited: limited.map(|(one, others)| (one.who.reach(), others, one.kms())).collect(),
        }
    }

    fn of_principal(&self, principal: &Principal) -> Actions {
        let hit = self.limited.iter().filter(|(reach, others, _)| {
            reach.covers(principal) && others.iter().all(|one| spares_others(one, principal))
        });
        hit.fold(self.flat.of_principal(principal), |all, (_, _, calls)| all.with(*calls))
    }
}

impl Policy {
    /// Whether any statement has a condition about MFA.
    pub fn mentions_mfa(&self) -> bool {
        self.statements.iter().any(Statement::mentions_mfa)
    }

    /// Where any of `calls` may be made with a long-term key or in a session without MFA, and no
    /// Deny takes it away.
    pub fn open_without_mfa(&self, calls: Actions, place: Place<'_>) -> Vec<Open<'_>> {
        let mut found: Vec<Open<'_>> = Vec::new();
        for caller in [LONG_TERM_KEY, WITHOUT_MFA] {
            let denials = MfaDenials::of(self, calls, place, caller);
            for statement in self.allows() {
                let allowed = statement.kms().and(calls);
                if allowed.is_empty() || !statement.applies_to(place.key) {
                    continue;
                }
                if !statement.mfa_fits(caller) {
                    continue;
                }
                for principal in statement.who.named() {
                    let calls = allowed.without(denials.of_principal(principal));
                    if !calls.is_empty() {
                        found.push(Open { statement, principal, calls });
                    }
                }
            }
        }
        found
    }

    /// The conditions on MFA that can never hold, always do, or accept MFA that is older than
    /// `max_age` seconds.
    pub fn mfa_faults(&self, max_age: i64) -> Vec<Fault> {
        let mut faults = Vec::new();
        let about_mfa = self.statements.iter().filter(|statement| statement.mentions_mfa());
        let about_mfa: Vec<&Statement> = about_mfa.collect();
        let denials: Vec<&Statement> =
            about_mfa.iter().copied().filter(|statement| !statement.allows()).collect();
        for statement in about_mfa.into_iter().take(STATEMENTS_MAX) {
            let defects: Vec<String> = statement
                .mfa_conditions()
                .take(CONDITIONS_MAX)
                .filter_map(Condition::defect)
                .collect();
            let found = if !defects.is_empty() {
                Some(defects.join("; "))
            } else if statement.is_confusing() {
                Some("it says more about MFA than anybody can follow".to_owned())
            } else if statement.allows() {
                allow_fault(statement, max_age)
            } else {
                deny_fault(statement, &denials, max_age)
            };
            let label = statement.label();
            faults.extend(found.map(|why| Fault { statement: label, why }));
        }
        faults
    }
}

/// What is wrong with a Deny that is about MFA, all such denials of the same calls taken together.
fn deny_fault(statement: &Statement, denials: &[&Statement], max_age: i64) -> Option<String> {
    let ages = statement.ages(max_age);
    let fits = |caller| statement.mfa_fits(caller);
    let fresh = || ages.iter().filter(|age| **age <= max_age);
    if ages.iter().all(|age| fits(with_mfa(*age))) && !fits(WITHOUT_MFA) && !fits(LONG_TERM_KEY) {
        return Some("it denies those who have MFA, and nobody else".to_owned());
    }
    if fresh().all(|age| fits(with_mfa(*age))) {
        return Some("it denies also those who have just used MFA".to_owned());
    }
    // Others may deny what this one lets pass.
    let same = denials.iter().filter(|other| statement.kms().without(other.kms()).is_empty());
    let same: Vec<&Statement> = same.copied().take(STATEMENTS_MAX).collect();
    let helped = |caller| same.iter().any(|other| other.mfa_fits(caller));
    match (helped(WITHOUT_MFA), helped(LONG_TERM_KEY)) {
        (false, false) => {
            return Some("it denies nobody who has no MFA: the key is absent then".to_owned());
        }
        (true, false) => {
            return Some(
                "it does not deny calls with long-term keys: the key is absent then".to_owned(),
            );
        }
        (false, true) => return Some("it does not deny sessions without MFA".to_owned()),
        (true, true) => {}
    }
    let old = |age: &&i64| **age > max_age && !helped(with_mfa(**age));
    let about_age = statement
        .mfa_conditions()
        .any(|one| one.is_about(&[AGE]) && one.operator().is_some_and(|o| o.test != Test::Null));
    (about_age && ages.iter().any(|age| old(&age)))
        .then(|| format!("it accepts MFA that is older than {max_age} s"))
}

/// What is wrong with an Allow that is about MFA.
fn allow_fault(statement: &Statement, max_age: i64) -> Option<String> {
    let ages = statement.ages(max_age);
    let fits = |caller| statement.mfa_fits(caller);
    let with = ages.iter().any(|age| fits(with_mfa(*age)));
    match (fits(LONG_TERM_KEY) || fits(WITHOUT_MFA), with) {
        (true, true) => return Some("it also allows those who have no MFA".to_owned()),
        (true, false) => return Some("it allows only those who have no MFA".to_owned()),
        (false, false) => return Some("no caller can fulfil it".to_owned()),
        (false, true) => {}
    }
    let about_age = statement.mfa_conditions().any(|one| {
        one.is_about(&[AGE]) && one.operator().is_some_and(|operator| operator.test != Test::Null)
    });
    let old = ages.iter().any(|age| *age > max_age && fits(with_mfa(*age)));
    (about_age && old).then(|| format!("it accepts MFA that is older than {max_age} s"))
}

/// How many letters must be put in, left out or replaced to get from one text to the other. Both
/// are short.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<u8> = other.bytes().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn faults(statements: &[(&str, Value)]) -> Vec<String> {
        let statement = |(effect, condition): &(&str, Value)| {
            json!({"Effect": effect, "Principal": "*", "Action": "kms:PutKeyPolicy",
                "Resource": "*", "Condition": condition})
        };
        let statements: Vec<Value> = statements.iter().map(statement).collect();
        let policy = Policy::parse(&json!({ "Statement": statements }).to_string()).unwrap();
        policy.mfa_faults(300).into_iter().map(|fault| fault.why).collect()
    }

    #[test]
    fn demands_that_hold_have_no_fault() {
        for statements in [
            vec![("Allow", json!({"NumericLessThan": {"aws:MultiFactorAuthAge": "300"}}))],
            vec![("Allow", json!({"numericlessthanequals": {"AWS:multifactorauthage": 300}}))],
            vec![("Allow", json!({"Bool": {"aws:MultiFactorAuthPresent": true}}))],
            vec![("Deny", json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}))],
            vec![("Deny", json!({"Null": {"aws:MultiFactorAuthAge": "true"}}))],
            vec![("Deny", json!({"NumericGreaterThanIfExists": {"aws:MultiFactorAuthAge": 300}}))],
            // Neither is enough, both together are.
            vec![
                ("Deny", json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}})),
                ("Deny", json!({"Null": {"aws:MultiFactorAuthPresent": "true"}})),
            ],
            vec![("Allow", json!({"StringEquals": {"aws:PrincipalTag/mfa-group": "x"}}))],
        ] {
            assert_eq!(faults(&statements), [""; 0], "{statements:?}");
        }
    }

    #[test]
    fn demands_that_do_not_hold_say_why() {
        for (effect, condition, why) in [
            (
                "Allow",
                json!({" NumericLessThan ": {"aws: MultiFactorAuthAge": "300"}}),
                "no condition",
            ),
            (
                "Allow",
                json!({"NumericLesThan": {"aws:MultiFactorAuthAge": "300"}}),
                "no condition op",
            ),
            ("Allow", json!({"Bool": {"aws:MutliFactorAuthPresent": "true"}}), "no condition key"),
            ("Allow", json!({"Bool": {"aws:MFAPresent": "true"}}), "no condition key"),
            ("Allow", json!({"Bool": {"aws:MultiFactorAuthAge": "true"}}), "cannot compare"),
            (
                "Allow",
                json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}),
                "also allows",
            ),
            ("Allow", json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}), "allows only"),
            ("Allow", json!({"Bool": {"aws:MultiFactorAuthPresent": "yes"}}), "no caller"),
            ("Allow", json!({"NumericLessThan": {"aws:MultiFactorAuthAge": "0"}}), "no caller"),
            ("Allow", json!({"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}), "older than"),
            ("Allow", json!({"NumericGreaterThan": {"aws:MultiFactorAuthAge": "1"}}), "older than"),
            ("Deny", json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}), "nobody else"),
            ("Deny", json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}), "long-term"),
            ("Deny", json!({"NumericGreaterThan": {"aws:MultiFactorAuthAge": "300"}}), "absent"),
            (
                "Deny",
                json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": ["true", "false"]}}),
                "just used",
            ),
            (
                "Deny",
                json!({"NumericGreaterThanIfExists": {"aws:MultiFactorAuthAge": 900}}),
                "older than",
            ),
        ] {
            let found = faults(&[(effect, condition.clone())]);
            assert!(matches!(&found[..], [one] if one.contains(why)), "{condition}: {found:?}");
        }
    }

    #[test]
    fn a_denial_covers_those_it_surely_covers() {
        let open = |denial: Value| {
            let allow = json!({"Effect": "Allow", "Action": "kms:*", "Resource": "*",
                "Principal": {"AWS": "arn:aws:iam::111122223333:role/key-admin"}});
            let policy = Policy::parse(&json!({"Statement": [allow, denial]}).to_string()).unwrap();
            !policy.open_without_mfa(Actions::CRITICAL, Place::default()).is_empty()
        };
        let deny = |action: &str, condition: Value| {
            json!({"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": action, "Resource": "*",
                "Condition": condition})
        };
        let absent = json!({"aws:MultiFactorAuthPresent": "false"});
        assert!(!open(deny("kms:*", json!({ "BoolIfExists": absent }))));
        assert!(open(deny("kms:Put*", json!({ "BoolIfExists": absent }))));
        assert!(open(deny("kms:*", json!({ "Bool": absent }))));
        let spare =
            |arn: &str| json!({"BoolIfExists": absent, "ArnNotLike": {"aws:PrincipalArn": arn}});
        assert!(!open(deny("kms:*", spare("arn:aws:iam::*:role/pipeline"))));
        assert!(open(deny("kms:*", spare("arn:aws:iam::*:role/key-*"))));
        let elsewhere =
            json!({"BoolIfExists": absent, "StringEquals": {"aws:RequestedRegion": "x"}});
        assert!(open(deny("kms:*", elsewhere)));
    }
}
