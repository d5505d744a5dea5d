//! Reads the grant in a `CreateGrant` record. The grant rules share this code.
//!
//! A grantee is the ARN of a user, role or session, a unique id, the name of a service, or
//! `111122223333:aws:ec2-infrastructure:i-…`. Since 2026, records name a service in a separate
//! member.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::model::actor_kind::is_service_linked;
use crate::model::arn::Arn;
use crate::policy::principal::is_account;
use crate::record::event::Event;
use crate::record::hidden::is_hidden;
use crate::record::json::{Json, Kind};
use crate::record::kms::View;

/// The members of a grant that rules read,
const READ: [&str; 5] = [
    "granteePrincipal",
    "granteeServicePrincipal",
    "retiringPrincipal",
    "operations",
    "constraints",
];
/// and those of its constraints.
const CONSTRAINTS: [&str; 3] = ["encryptionContextSubset", "encryptionContextEquals", "sourceArn"];

/// A grant as requested.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    request: Json<'a>,
}

impl<'a> Grant<'a> {
    /// The grant in a record. `None` unless the record is a `CreateGrant` of KMS.
    pub fn of(event: &Event<'a>, view: &View<'_>) -> Option<Grant<'a>> {
        let create = view.is_kms() && view.name().is_some_and(|name| name == "CreateGrant");
        let request = event.get("requestParameters").filter(|_| create)?;
        (request.kind() == Kind::Object).then_some(Grant { request })
    }

    /// `granteePrincipal`
    pub fn grantee(&self) -> Option<Cow<'a, str>> {
        self.text("granteePrincipal")
    }

    /// The grantee, from either member.
    pub fn grantee_name(&self) -> Option<Cow<'a, str>> {
        self.grantee().or_else(|| self.text("granteeServicePrincipal"))
    }

    /// The account of the grantee.
    pub fn grantee_account(&self) -> Option<String> {
        account_of(&self.grantee()?)
    }

    /// `granteeServicePrincipal`: records since 2026 name a service there.
    pub fn grantee_service(&self) -> Option<Cow<'a, str>> {
        self.text("granteeServicePrincipal")
    }

    /// `retiringPrincipal`: who may end the grant, beside the grantee and the key's account.
    pub fn retiring(&self) -> Option<Cow<'a, str>> {
        self.text("retiringPrincipal")
    }

    /// The account of the retiring principal.
    pub fn retiring_account(&self) -> Option<String> {
        account_of(&self.retiring()?)
    }

    /// `constraints.sourceArn`: the resource for which a service may use the key.
    pub fn source_arn(&self) -> Option<Cow<'a, str>> {
        let constraints = self.request.get("constraints")?;
        constraints.get_any_case("sourceArn")?.as_str().filter(|text| !text.is_empty())
    }

    /// Whether the grantee is a service or acts for one.
    pub fn is_to_service(&self) -> bool {
        let Some(grantee) = self.grantee() else { return true };
        self.text("granteeServicePrincipal").is_some()
            || grantee == "AWS Internal"
            || grantee.ends_with(".amazonaws.com")
            || grantee.ends_with(".amazonaws.com.cn")
            || grantee.contains(":aws:ec2-infrastructure")
            || grantee.contains(":assumed-role/aws:")
            || is_service_linked(&grantee)
    }

    /// `operations`
    pub fn operations(&self) -> Vec<String> {
        let operations = self.request.get("operations").into_iter().flat_map(Json::elements);
        operations.filter_map(Json::scalar).map(Cow::into_owned).collect()
    }

    /// Whether AWS hides the constraints, so that nobody knows whether any limits the grant.
    pub fn hides_constraints(&self) -> bool {
        self.request.get("constraints").is_some_and(is_hidden)
    }

    /// Whether a constraint limits the grant: a non-empty encryption context, or a source.
    pub fn is_constrained(&self) -> bool {
        let constraints = self.request.get("constraints").into_iter().flat_map(Json::members);
        { constraints }.any(|(_, value)| match value.kind() {
            Kind::Object => value.members().next().is_some(),
            Kind::Null => false,
            _ => value.scalar().is_some_and(|text| !text.is_empty()),
        })
    }

    /// Whether the grant is good for some encryption contexts only.
    pub fn has_context(&self) -> bool {
        let constraints = self.request.get("constraints").into_iter().flat_map(Json::members);
        let names = ["encryptionContextSubset", "encryptionContextEquals"];
        { constraints }.any(|(name, value)| {
            let is_there = value.members().next().is_some() || is_hidden(value);
            names.iter().any(|known| name.is_any_case(known)) && is_there
        })
    }

    /// The members of which AWS hides all or a part.
    pub fn hidden(&self) -> Vec<String> {
        let hides = |value: Json<'_>| is_hidden(value) || value.elements().any(is_hidden);
        let read = READ.iter().filter(|name| self.request.get(name).is_some_and(hides));
        read.map(|name| (*name).to_owned()).chain(self.hidden_constraints()).collect()
    }

    /// The members of the constraints of which AWS hides all or a part. Whoever made the grant has named
    /// those that no grant has.
    fn hidden_constraints(&self) -> BTreeSet<String> {
        let constraints = self.request.get("constraints").into_iter().flat_map(Json::members);
        let hides = |value: Json<'_>| {
            is_hidden(value) || value.members().any(|(_, value)| is_hidden(value))
        };
        let hidden = constraints.filter(|(_, value)| hides(*value)).map(|(name, _)| {
            let known = CONSTRAINTS.iter().find(|known| name.is_any_case(known));
            known.map_or("constraints".to_owned(), |known| format!("constraints.{known}"))
        });
        hidden.collect()
    }

    /// The members that are not what they should be, so that the rules cannot read them. Of what AWS
    /// hides nobody knows what it is.
    pub fn unread(&self) -> Vec<String> {
        let is = |name: &str, kind: Kind| {
            self.request
                .get(name)
                .is_none_or(|value| value.is_null() || value.kind() == kind || is_hidden(value))
        };
        let texts = |name: &str| {
            let mut values = self.request.get(name).into_iter().flat_map(Json::elements);
            values.all(|value| value.kind() == Kind::String)
        };
        let expected = [
            ("granteePrincipal", "text", is("granteePrincipal", Kind::String)),
            ("granteeServicePrincipal", "text", is("granteeServicePrincipal", Kind::String)),
            ("retiringPrincipal", "text", is("retiringPrincipal", Kind::String)),
            ("operations", "a list of text", is("operations", Kind::Array) && texts("operations")),
            ("constraints", "an object", is("constraints", Kind::Object)),
        ];
        let odd = expected.into_iter().filter(|(_, _, as_expected)| !as_expected);
        odd.map(|(name, what, _)| format!("{name} is not {what}")).collect()
    }

    fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.request.get(name)?.as_str().filter(|text| !text.is_empty())
    }
}

/// The account of a principal, if its name tells one.
fn account_of(principal: &str) -> Option<String> {
    let account = match Arn::parse(principal) {
        Some(arn) => arn.account,
        // This also covers 111122223333:aws:ec2-infrastructure:i-…
        None => principal.split(':').next().unwrap_or_default(),
    };
    is_account(account).then(|| account.to_owned())
}
