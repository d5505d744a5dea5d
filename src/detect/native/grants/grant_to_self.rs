//! Finds callers who grant themselves the use of a key.
//!
//! What must stay true: only calls that the principal makes directly count. A service that acts for
//! a user carries the user's identity and requests the grants that it needs.

use crate::detect::native::shared::grant::Grant;
use crate::detect::native::shared::policy_document::list;
use crate::detect::native::{Detector, Found};
use crate::model::arn::Arn;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::{Actor, View, is_crypto};

/// `(account, role name)` of a role, or of a session of a role. The ARN of a session leaves out the
/// path of the role.
fn role(arn: &str) -> Option<(String, String)> {
    let arn = Arn::parse(arn)?;
    let name = match (arn.service, arn.resource.split_once('/')?) {
        ("iam", ("role", path)) => path.rsplit('/').next()?,
        ("sts", ("assumed-role", session)) => session.split('/').next()?,
        _ => return None,
    };
    Some((arn.account.to_owned(), name.to_owned()))
}

/// Whether the grantee is the caller: the user, the role, or a session of the role.
fn is_caller(event: &Event<'_>, grantee: &str) -> bool {
    let identity = |path: &[&str]| event.path(&["userIdentity"])?.path(path)?.as_str();
    let arn = identity(&["arn"]).unwrap_or_default();
    let issuer = identity(&["sessionContext", "sessionIssuer", "arn"]).unwrap_or_default();
    let id = identity(&["principalId"]).unwrap_or_default();
    // The unique id of a role's session: AROA…:session.
    let id = id.split(':').next().unwrap_or_default();
    let same_role =
        role(grantee).is_some_and(|granted| role(&arn).is_some_and(|own| own == granted));
    arn == grantee || issuer == grantee || id == grantee || same_role
}

/// See `rules/grants/grant-to-self.md`.
#[derive(Debug)]
pub struct GrantToSelf;

impl Detector for GrantToSelf {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        let grant = Grant::of(event, view).filter(|_| view.actor() == Actor::Direct)?;
        let grantee = grant.grantee()?;
        let uses = |name: &String| is_crypto(name) || name.starts_with("ReEncrypt");
        let used: Vec<String> = grant.operations().into_iter().filter(uses).collect();
        if used.is_empty() || !is_caller(event, &grantee) {
            return None;
        }
        let found = Found::at(Level::High).with("why", "caller and grantee are the same");
        Some(found.with("operations", list(used)).with("grantee", grantee.into_owned()))
    }
}
