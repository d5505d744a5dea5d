//! Reads the policy documents of records and builds findings about their statements. The policy
//! rules share this code.
//!
//! What must stay true: of a document that cannot be read, in whole or in part, [`unread`] tells.
//! The other rules judge what can be read of it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::Value;

use crate::detect::native::Found;
use crate::model::level::Level;
use crate::model::time::Time;
use crate::policy::{Actions, Place, Policy, PolicyError, Principal, Statement};
use crate::record::event::{Event, event_time};
use crate::record::hidden::is_hidden;
use crate::record::json::{Json, Kind};
use crate::record::kms::View;
use crate::record::shape::is_call;

/// The maximum number of names in a detail.
pub const NAMES_MAX: usize = 20;

/// The policy that a call sets on a key.
#[derive(Debug)]
pub struct KeyPolicy {
    /// The policy.
    pub policy: Rc<Policy>,
    /// The account the key is in.
    pub account: String,
    key: Option<String>,
    time: Option<Time>,
}

impl KeyPolicy {
    /// The policy in a record of `CreateKey`, `PutKeyPolicy` or `ReplicateKey`. `ReplicateKey` logs
    /// the policy in its response.
    pub fn of(event: &Event<'_>, view: &View<'_>) -> Option<KeyPolicy> {
        let document = key_document(event, view)?;
        let key = key_of(event, view);
        let account = view.key_account().or_else(|| view.account())?;
        let time = event.get("eventTime").and_then(event_time);
        Some(KeyPolicy { policy: read(document).ok()?, account, key, time })
    }

    /// The key, account and time for which the policy is evaluated.
    pub fn place(&self) -> Place<'_> {
        Place { key: self.key.as_deref(), account: Some(&self.account), time: self.time }
    }

    /// The statements that allow something on the key.
    pub fn allows(&self) -> impl Iterator<Item = &Statement> {
        self.policy.allows().filter(|statement| statement.applies_to(self.key.as_deref()))
    }

    /// Whether the principal is the key's own account as a whole. Its use of the key is decided by
    /// IAM policies.
    pub fn is_own_root(&self, principal: &Principal) -> bool {
        principal.is_account(&self.account)
    }

    /// Whether the call skipped the check that the caller can still change the policy.
    pub fn check_bypassed(event: &Event<'_>) -> bool {
        let flag = event.path(&["requestParameters", "bypassPolicyLockoutSafetyCheck"]);
        flag.and_then(Json::as_bool) == Some(true)
    }

    /// The statements that fit `which`, and of their principals those that fit `whom`. Of `calls`, a
    /// principal keeps those that the statement allows and that no certain denial removes.
    pub fn told(
        &self,
        calls: Actions,
        which: impl Fn(&Statement) -> bool,
        whom: impl Fn(&Statement, &Principal) -> bool,
    ) -> Told {
        let allowed = self.policy.allowed(self.place());
        let mut told = Told::default();
        // A statement may name thousands, so it is asked once.
        for statement in self.allows().filter(|statement| which(statement)) {
            for principal in statement.who.named() {
                let allowed = allowed.get(principal).copied().unwrap_or_default();
                let calls = allowed.and(statement.kms()).and(calls);
                if !calls.is_empty() && whom(statement, principal) {
                    told.add(statement, Some(principal), calls);
                }
            }
        }
        told
    }
}

/// The key on which a call sets a policy that nobody can read here: one that is broken, missing, or that
/// AWS hides. What the policy before it allowed says nothing of the time after it.
pub fn set_unread(event: &Event<'_>, view: &View<'_>) -> Option<String> {
    let sets = match view.name()?.as_ref() {
        "PutKeyPolicy" => view.is_kms(),
        _ => key_document(event, view).is_some(),
    };
    if !sets || view.attempt() || KeyPolicy::of(event, view).is_some() {
        return None;
    }
    key_of(event, view)
}

/// The key that a call of `CreateKey`, `PutKeyPolicy` or `ReplicateKey` sets the policy of.
pub fn key_of(event: &Event<'_>, view: &View<'_>) -> Option<String> {
    match view.name()?.as_ref() {
        "ReplicateKey" => {
            let replica = ["responseElements", "replicaKeyMetadata", "arn"];
            event.text_at(&replica).map(Cow::into_owned)
        }
        _ => view.key().map(|key| key.arn),
    }
}

/// Whether a key was created without a policy, so that it got the default one.
pub fn is_created_without(event: &Event<'_>, view: &View<'_>) -> bool {
    let created = view.is_kms() && view.ok() && view.name().is_some_and(|name| name == "CreateKey");
    // Without the request, or with a request that CloudTrail truncated, the answer is unknown.
    let Some(request) = event.get("requestParameters").filter(|_| created) else { return false };
    let cut = request.get("omitted").is_some() || request.kind() != Kind::Object;
    let policy = request.get("policy").filter(is_given);
    let key =
        |path: &[&str]| event.path(&["responseElements", "keyMetadata"])?.path(path)?.as_str();
    // A key of an AWS service has the policy of that service. A replica gets its policy from
    // ReplicateKey.
    let service = key(&["keyManager"]).is_some_and(|manager| manager == "AWS");
    let kind = key(&["multiRegionConfiguration", "multiRegionKeyType"]);
    !cut && policy.is_none() && !service && kind.is_none_or(|kind| kind != "REPLICA")
}

/// The policy document in an IAM call.
pub fn iam_policy(event: &Event<'_>, view: &View<'_>) -> Option<Rc<Policy>> {
    read(iam_document(event, view)?).ok()
}

/// Where a call that sets the policy of a key has it. `ReplicateKey` logs it in its response.
fn key_document<'a>(event: &Event<'a>, view: &View<'_>) -> Option<Json<'a>> {
    if !view.is_kms() {
        return None;
    }
    let at = |path: &[&str]| event.path(path).filter(is_given);
    let asked = || at(&["requestParameters", "policy"]);
    match view.name()?.as_ref() {
        "CreateKey" | "PutKeyPolicy" => asked(),
        "ReplicateKey" => at(&["responseElements", "replicaPolicy"]).or_else(asked),
        _ => None,
    }
}

/// Whether a policy is given at all: AWS takes none that is empty.
fn is_given(document: &Json<'_>) -> bool {
    !document.is_null() && document.inner_str().is_none_or(|text| !text.trim().is_empty())
}

/// Where an IAM call that writes a policy has it.
fn iam_document<'a>(event: &Event<'a>, view: &View<'_>) -> Option<Json<'a>> {
    let document = event.path(&["requestParameters", "policyDocument"]).filter(is_given);
    document.filter(|_| writes_iam_policy(view))
}

fn writes_iam_policy(view: &View<'_>) -> bool {
    const CALLS: [&str; 5] =
        ["CreatePolicy", "CreatePolicyVersion", "PutGroupPolicy", "PutRolePolicy", "PutUserPolicy"];
    is_call(view, "iam.amazonaws.com", &CALLS)
}

/// Whether a call sets a policy that AWS hides in the record.
pub fn is_policy_hidden(event: &Event<'_>, view: &View<'_>) -> bool {
    key_document(event, view).or_else(|| iam_document(event, view)).is_some_and(is_hidden)
}

/// What of the policy in a record cannot be read, in words: the document as a whole, or parts of it.
/// `None` if the call sets no policy or all of it was read.
///
/// Of a request that CloudTrail left out, another rule tells (`record-truncated`).
pub fn unread(event: &Event<'_>, view: &View<'_>) -> Option<Vec<String>> {
    let document = key_document(event, view).or_else(|| iam_document(event, view));
    let Some(document) = document else {
        // A key that is created or replicated without a policy gets the default one.
        let must = writes_iam_policy(view)
            || (view.is_kms() && view.name().is_some_and(|name| name == "PutKeyPolicy"));
        let omitted = event.path(&["requestParameters", "omitted"]).is_some();
        return (must && !omitted).then(|| vec!["the record does not hold it".to_owned()]);
    };
    match read(document) {
        Ok(_) if view.is_kms() && view.key_account().or_else(|| view.account()).is_none() => {
            Some(vec!["the record does not say in which account the key is".to_owned()])
        }
        Ok(policy) if policy.is_whole() => None,
        Ok(policy) => Some(policy.unread.clone()),
        Err(error) => Some(vec![error.to_string()]),
    }
}

/// Parses a document. About a dozen rules read the same record in succession, so the last result is
/// cached.
fn read(document: Json<'_>) -> Result<Rc<Policy>, PolicyError> {
    type Last = (String, Result<Rc<Policy>, PolicyError>);
    thread_local! {
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    let raw = document.raw();
    LAST.with_borrow_mut(|last| match last {
        Some((text, policy)) if text == raw => policy.clone(),
        _ => {
            let policy = Policy::read(document).map(Rc::new);
            *last = Some((raw.to_owned(), policy.clone()));
            policy
        }
    })
}

/// Collects the statements that a finding is about.
#[derive(Debug, Default)]
pub struct Told {
    /// By number, so that they are listed in the order of the policy.
    statements: BTreeSet<(usize, String)>,
    principals: BTreeSet<String>,
    actions: Actions,
}

impl Told {
    /// Adds a statement, one of its principals, and calls.
    pub fn add(&mut self, statement: &Statement, principal: Option<&Principal>, calls: Actions) {
        self.statements.insert((statement.number, statement.label()));
        self.principals.extend(principal.map(Principal::to_string));
        self.actions = self.actions.with(calls);
    }

    /// The finding, if any statement was added.
    pub fn found(self, level: Level, why: &str) -> Option<Found> {
        if self.statements.is_empty() {
            return None;
        }
        let labels = self.statements.into_iter().map(|(_, label)| label);
        let mut found = Found::at(level).with("statements", list(labels)).with("why", why);
        if !self.principals.is_empty() {
            found = found.with("principals", list(self.principals));
        }
        if !self.actions.is_empty() {
            found = found.with("actions", actions(self.actions));
        }
        Some(found)
    }
}

/// The names of calls, as a policy writes them.
fn actions(set: Actions) -> Value {
    if set == Actions::ALL {
        return Value::from(vec!["kms:*"]);
    }
    set.names().into_iter().map(|name| format!("kms:{name}")).collect()
}

/// A list of names for a detail. A long list is cut and says how many names are missing.
pub fn list(names: impl IntoIterator<Item = String>) -> Value {
    let mut names = names.into_iter();
    let shown: Vec<String> = names.by_ref().take(NAMES_MAX).collect();
    let more = names.count();
    list_of(shown, more)
}

/// A list of the first names of many, which says how many others there are.
pub fn list_of(mut shown: Vec<String>, others: usize) -> Value {
    let more = shown.len().saturating_sub(NAMES_MAX) + others;
    shown.truncate(NAMES_MAX);
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    Value::from(shown)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::detect::native::Native;
    use crate::detect::native::testing::detector::with_record;
    use crate::detect::registry;
    use crate::detect::stateful::Mark;
    use crate::record::scan::{Index, plain};

    /// The findings of every detector in a record.
    fn found(record: &Value) -> Vec<(&'static str, Found)> {
        let text = record.to_string();
        let mut index = Index::default();
        plain::scan(text.as_bytes(), &mut index).unwrap();
        let event = Event::new(&text, &index);
        let view = View::new(&event);
        let detectors = registry::native(&Arc::default());
        let ask = |(id, native): (&'static str, Native)| match native {
            Native::Detector(detector) => Some((id, detector.check(&event, &view)?)),
            Native::History(_) | Native::WholeLog(_) => None,
        };
        detectors.into_iter().filter_map(ask).collect()
    }

    /// What every history notes of a record.
    fn marked(record: &Value) -> Vec<(&'static str, Vec<Mark>)> {
        with_record(record, |event, view| {
            let histories = registry::native(&Arc::default());
            let ask = |(id, native): (&'static str, Native)| match native {
                Native::History(history) => {
                    let mut marks = Vec::new();
                    history.note(event, view, &mut marks);
                    Some((id, marks))
                }
                Native::Detector(_) | Native::WholeLog(_) => None,
            };
            histories.into_iter().filter_map(ask).collect()
        })
    }

    fn put(policy: &Value) -> Value {
        let key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        json!({
            "eventSource": "kms.amazonaws.com", "eventName": "PutKeyPolicy",
            "recipientAccountId": "111122223333", "awsRegion": "eu-central-1",
            "userIdentity": {"type": "AWSService"},
            "requestParameters": {"keyId": key, "policy": policy},
            "resources": [{"ARN": key, "accountId": "111122223333"}],
        })
    }

    #[test]
    fn details_are_cut_and_say_so() {
        let names = list((0..25).map(|n| n.to_string()));
        assert_eq!(names.as_array().unwrap().len(), NAMES_MAX + 1);
        assert_eq!(names[NAMES_MAX], "and 5 more");
    }

    /// KMS and IAM log a document as text, other ways of reading a log as an object. Every rule must
    /// find the same in both.
    #[test]
    fn a_document_may_be_an_object() {
        let other = "arn:aws:iam::444455556666:role/x";
        let named = |who: &str, calls: &[&str]| json!({"Effect": "Allow", "Principal": {"AWS": who}, "Action": calls, "Resource": "*"});
        for statements in [
            json!([named("*", &["kms:*"]), named(other, &["kms:Decrypt", "kms:CreateGrant"])]),
            json!([named("arn:aws:iam::111122223333:root", &["kms:*"])]),
            json!({"Effect": "Allow", "NotPrincipal": "*", "Action": "kms:*", "Resource": "*"}),
            json!([{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "kms:*",
                "Resource": "arn:aws:kms:eu-central-1:111122223333:alias/a",
                "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}, 7]),
        ] {
            let document = json!({"Version": "2012-10-17", "Statement": statements});
            let text = json!(document.to_string());
            for (source, call, member) in [
                ("kms", "PutKeyPolicy", "policy"),
                ("kms", "CreateKey", "policy"),
                ("kms", "ReplicateKey", "policy"),
                ("iam", "PutRolePolicy", "policyDocument"),
                ("iam", "CreatePolicyVersion", "policyDocument"),
            ] {
                let with = |value: &Value| {
                    let mut record = put(&json!(null));
                    record["eventSource"] = json!(format!("{source}.amazonaws.com"));
                    record["eventName"] = json!(call);
                    record["requestParameters"][member] = value.clone();
                    record["responseElements"] = json!({"replicaPolicy": value});
                    (found(&record), marked(&record))
                };
                assert_eq!(with(&document), with(&text), "{call} {document}");
                assert!(!with(&document).0.is_empty() || source == "iam", "{call} {document}");
            }
        }
    }

    proptest! {
        /// Odd values in place of a document or another member of a request.
        #[test]
        fn odd_requests_make_no_detector_fail(
            name in prop::sample::select(vec![
                "CreateKey", "PutKeyPolicy", "ReplicateKey", "CreateGrant", "PutRolePolicy",
            ]),
            member in prop::sample::select(vec![
                "policy", "policyDocument", "granteePrincipal", "operations", "constraints", "tags",
            ]),
            value in prop::sample::select(vec![
                json!(null), json!(7), json!([]), json!({}), json!("{}"), json!([[{"a": null}]]),
                json!("{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":[]}}]}"),
                json!({"Statement": {"Effect": "Allow", "NotPrincipal": "*", "NotAction": "*"}}),
                json!("%7B"), json!("::::"), json!("arn:aws:iam::111122223333:role/"),
            ]),
            iam in any::<bool>(),
        ) {
            let mut record = put(&json!({}));
            record["eventName"] = json!(name);
            record["requestParameters"][member] = value.clone();
            record["requestParameters"]["granteePrincipal"] = value.clone();
            record["responseElements"] = json!({"replicaPolicy": value});
            if iam {
                record["eventSource"] = json!("iam.amazonaws.com");
            }
            found(&record);
        }
    }
}
