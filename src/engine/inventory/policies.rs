//! The policies of a key over time.
//!
//! What must stay true: a policy is known only where a record shows the document. `GetKeyPolicy` is
//! logged without it. A key that is created without a policy gets the default one, unless AWS manages
//! it or it is a replica.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;

use serde_json::json;

use super::course::is_replica;
use super::seen::Seen;
use super::texts::Texts;
use crate::model::arn::Arn;
use crate::model::keys::dossier::{Differs, PolicyVersion};
use crate::model::keys::listed::Listed;
use crate::policy::differs::differences;
use crate::record::hidden::is_hidden;

/// Policies that are kept of one key; the latest.
const POLICIES: usize = 200;

/// Longer documents are not kept, in bytes. KMS takes 32 KiB.
const LONGEST: usize = 128 << 10; // 128 KiB

/// The policies of one key.
#[derive(Debug, Default)]
pub struct Policies {
    versions: VecDeque<PolicyVersion>,
    count: u64,
}

/// What a call says of the policy of a key.
enum Said<'s> {
    /// This document.
    Document(Cow<'s, str>),
    /// The default one.
    Default,
    /// A document that the record does not show.
    NotShown,
}

/// What a call that succeeded says of the policy of the key.
fn said<'s>(arn: &str, seen: &'s Seen) -> Option<Said<'s>> {
    let shown = |document: Option<Cow<'s, str>>| {
        document.filter(|text| !text.trim().is_empty()).map(Said::Document)
    };
    match seen.name() {
        "PutKeyPolicy" => Some(shown(seen.document("policy")).unwrap_or(Said::NotShown)),
        "ReplicateKey" if is_replica(arn, seen) => {
            let answered = seen.answered_document("replicaPolicy");
            let document = answered.or_else(|| seen.document("policy"));
            Some(shown(document).unwrap_or(Said::NotShown))
        }
        "CreateKey" => {
            let told = |path: &[&str]| seen.answered(&[&["keyMetadata"], path].concat());
            let by_aws = told(&["keyManager"]).is_some_and(|manager| manager == "AWS");
            let kind = told(&["multiRegionConfiguration", "multiRegionKeyType"]);
            let replica = kind.is_some_and(|kind| kind == "REPLICA");
            match shown(seen.document("policy")) {
                Some(document) => Some(document),
                None if seen.request(&["policy"]).is_some_and(is_hidden) => Some(Said::NotShown),
                None if by_aws || replica || !seen.request_is_whole() => None,
                None => Some(Said::Default),
            }
        }
        _ => None,
    }
}

impl Policies {
    /// Takes in a call that succeeded; whether it set the policy, and what that changed, in words.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn take(
        &mut self,
        arn: &str,
        seen: &Seen,
        texts: &mut Texts<'_>,
    ) -> io::Result<Option<String>> {
        let Some(said) = said(arn, seen) else { return Ok(None) };
        let (document, default) = match said {
            Said::Document(text) => (Some(text.into_owned()), false),
            Said::Default => (default_policy(arn), true),
            Said::NotShown => (None, false),
        };
        let document = document.filter(|text| text.len() <= LONGEST);
        let old = self.versions.back().and_then(|before| before.document.as_deref());
        let before_known = old.is_some() || seen.name() != "PutKeyPolicy";
        let changes = document.as_deref().and_then(|text| differences(old, text));
        let says = match (default, &changes) {
            (true, _) => "the default policy".to_owned(),
            (_, None) => "a policy that cannot be shown".to_owned(),
            (_, Some(all)) if old.is_some() => counted(all.iter().map(|change| change.differs)),
            (_, Some(all)) => format!("statements: {}", all.len()),
        };
        let proof = texts.proof(&seen.touch)?;
        let changes = changes.unwrap_or_default();
        let version = PolicyVersion { proof, document, default, before_known, changes };
        self.versions.push_back(version);
        self.count += 1;
        if self.versions.len() > POLICIES {
            self.versions.pop_front();
        }
        Ok(Some(says))
    }

    pub fn all(self) -> Listed<PolicyVersion> {
        Listed { count: self.count, cut: false, first: self.versions.into() }
    }
}

/// The policy that KMS gives a key when nobody writes one. Source: KMS developer guide, "Default key
/// policy".
fn default_policy(arn: &str) -> Option<String> {
    let Arn { partition, account, .. } = Arn::parse(arn)?;
    let root = format!("arn:{partition}:iam::{account}:root");
    let statement = json!({"Sid": "Enable IAM User Permissions", "Effect": "Allow",
        "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"});
    Some(json!({"Version": "2012-10-17", "Statement": [statement]}).to_string())
}

/// How many statements differ how.
fn counted(all: impl Iterator<Item = Differs>) -> String {
    let mut counts = [0_usize; 3];
    all.for_each(|differs| counts[differs as usize] += 1);
    let named = counts.into_iter().zip(["added", "removed", "changed"]).filter(|(n, _)| *n > 0);
    let named: Vec<String> = named.map(|(n, what)| format!("{n} {what}")).collect();
    match named.as_slice() {
        [] => "no statement differs".to_owned(),
        all => format!("statements: {}", all.join(", ")),
    }
}
