//! Finds data under an AWS managed key where a customer managed key is possible.
//!
//! It is code because it is a setting which services should use customer managed keys. What must
//! stay true: only a request that names the alias counts, because the ARN of a key does not say who
//! manages it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::detect::native::shared::request_fields;
use crate::detect::native::{Detector, Found};
use crate::model::arn::Arn;
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::{Actor, View};

/// The prefix of the aliases of AWS managed keys.
const AWS_ALIAS: &str = "alias/aws/";

/// See `rules/use/aws-managed-key-used.md`.
#[derive(Debug)]
pub struct AwsManagedKeyUsed(pub Arc<Estate>);

impl Detector for AwsManagedKeyUsed {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if view.actor() == Actor::Service {
            return None;
        }
        let request = event.get("requestParameters");
        let mut named = request_fields::members_named(request, &request_fields::KEY_MEMBERS);
        let service = named.find_map(|(_, value)| aws_alias(value.as_str()?))?;
        if !view.is_kms() {
            return None;
        }
        let invoked_by = request_fields::text(event, &["userIdentity", "invokedBy"]);
        let caller = invoked_by.as_deref().map(request_fields::service_label);
        let wanted = |label: &str| self.0.require_customer_keys.contains(label);
        // The alias of this service does not have the name of the service.
        let volume = service == "ebs" && wanted("ec2");
        let required = wanted(&service) || volume || caller.is_some_and(wanted);
        let (level, why) = if required {
            (Level::Medium, "the service is one that should use customer managed keys")
        } else {
            (Level::Low, "nobody can change the policy, the rotation or the tags of such a key")
        };
        let alias = format!("{AWS_ALIAS}{service}");
        Some(Found::at(level).with("alias", alias).with("service", service).with("why", why))
    }
}

/// `ebs`, if `text` is `alias/aws/ebs` or the ARN of this alias.
fn aws_alias(text: Cow<'_, str>) -> Option<String> {
    if let Some(service) = text.strip_prefix(AWS_ALIAS) {
        return Some(service.to_owned());
    }
    let arn = Arn::parse(&text).filter(Arn::is_kms_alias)?;
    arn.resource.strip_prefix(AWS_ALIAS).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::{changed, found};

    #[test]
    fn aliases_of_aws_and_services_that_need_their_own() {
        let estate = Estate {
            require_customer_keys: ["ssm", "ec2"].map(str::to_owned).into(),
            ..Estate::default()
        };
        let rule = AwsManagedKeyUsed(Arc::new(estate));
        let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "Encrypt",
            "userIdentity": {"type": "AssumedRole", "invokedBy": "AWS Internal"}});
        let level = |key: &str| {
            let request = json!({"requestParameters": {"keyId": key}});
            found(&rule, &changed(&record, &request)).map(|found| found.level)
        };
        assert_eq!(level("alias/aws/secretsmanager"), Some(Level::Low));
        assert_eq!(level("alias/aws/ssm"), Some(Level::Medium));
        let arn = "arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/aws/ebs";
        assert_eq!(level(arn), Some(Level::Medium));
        assert_eq!(level("alias/awsome"), None);
        assert_eq!(level("arn:aws:kms:eu-west-1:111122223333:key/alias/aws/ssm"), None);
        let service = json!({"userIdentity": {"type": "AWSService"},
            "requestParameters": {"keyId": "alias/aws/ssm"}});
        assert_eq!(found(&rule, &changed(&record, &service)), None);
    }
}
