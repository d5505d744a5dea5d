//! Finds principals that decrypt objects of a secrets bucket and are not expected to.
//!
//! It is code because buckets and readers are settings. What must stay true: without these settings
//! the rule costs nothing.

use std::sync::Arc;

use crate::detect::native::shared::request_fields;
use crate::detect::native::{Detector, Found};
use crate::model::estate::Estate;
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::{Actor, View};

/// See `rules/secrets/secrets-bucket-reader.md`.
#[derive(Debug)]
pub struct SecretsBucketReader(pub Arc<Estate>);

impl Detector for SecretsBucketReader {
    fn check(&self, event: &Event<'_>, view: &View<'_>) -> Option<Found> {
        if self.0.secrets_buckets.is_empty() || view.actor() == Actor::Service {
            return None;
        }
        let object = request_fields::s3_arn(event)?;
        let bucket = request_fields::bucket_of(&object)?;
        let expected = self.0.secrets_buckets.get(bucket)?;
        if !view.is_kms() || view.name()? != "Decrypt" {
            return None;
        }
        let principal = view.principal();
        let why = if expected.readers.is_empty() {
            let person = matches!(
                principal.kind.as_deref(),
                Some("IAMUser" | "Root" | "FederatedUser" | "AWSAccount")
            );
            person.then_some("the secret was read by something other than a role")?
        } else {
            let listed = principal.arn.is_some_and(|arn| expected.readers.match_arn(&arn));
            (!listed).then_some("the principal is not among the expected readers")?
        };
        Some(
            Found::at(Level::High)
                .with("bucket", bucket)
                .with("object", object.as_ref())
                .with("why", why),
        )
    }

    fn is_set_up(&self) -> bool {
        !self.0.secrets_buckets.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::testing::detector::{changed, found};
    use crate::model::estate::SecretsBucket;
    use crate::model::pattern::Patterns;

    fn rule(readers: &[&str]) -> SecretsBucketReader {
        let bucket = SecretsBucket { key: None, readers: Patterns::new(readers.to_vec()) };
        let secrets_buckets = [("vault".to_owned(), bucket)].into();
        SecretsBucketReader(Arc::new(Estate { secrets_buckets, ..Estate::default() }))
    }

    #[test]
    fn expected_readers_and_none_named() {
        let record = json!({"eventSource": "kms.amazonaws.com", "eventName": "Decrypt",
            "userIdentity": {"type": "AssumedRole", "invokedBy": "AWS Internal", "sessionContext":
                {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/app"}}},
            "requestParameters": {"encryptionContext": {"aws:s3:arn": "arn:aws:s3:::vault/db"}}});
        let user = json!({"userIdentity": {"type": "IAMUser", "sessionContext": null,
            "arn": "arn:aws:iam::111122223333:user/alice"}});
        let by_user = changed(&record, &user);
        let (any_role, app, other) = (rule(&[]), rule(&["*:role/app"]), rule(&["*:role/other"]));
        for (rule, record, finds) in [
            (&any_role, &record, false),
            (&any_role, &by_user, true),
            (&app, &record, false),
            (&app, &by_user, true),
            (&other, &record, true),
        ] {
            assert_eq!(found(rule, record).is_some(), finds);
        }
        for changes in [
            json!({"requestParameters": {"encryptionContext": {"aws:s3:arn": "arn:aws:s3:::vault-2/db"}}}),
            json!({"requestParameters": null}),
            json!({"eventName": "GenerateDataKey"}),
            json!({"userIdentity": {"type": "AWSService"}}),
        ] {
            assert_eq!(found(&other, &changed(&record, &changes)), None, "{changes}");
        }
        assert_eq!(found(&SecretsBucketReader(Arc::default()), &by_user), None);
    }
}
