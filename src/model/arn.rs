//! Amazon Resource Names, split into their six fields and no further.
//!
//! Accounts are compared by field 5, never by a prefix such as `arn:aws:kms:`, since partitions
//! differ (`aws`, `aws-cn`, `aws-us-gov`). Source: AWS General Reference, "Amazon Resource Names".

/// A borrowed ARN: `arn:partition:service:region:account:resource`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: &'a str,
    /// `kms`, `iam`, `s3`, …
    pub service: &'a str,
    /// Empty for global resources.
    pub region: &'a str,
    /// Twelve digits, `aws`, or empty (S3 buckets).
    pub account: &'a str,
    /// Everything after the fifth colon.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Splits `text`; `None` when it is no ARN.
    pub fn parse(text: &'a str) -> Option<Arn<'a>> {
        // Nearly every text that is no ARN ends here.
        let mut rest = text.strip_prefix("arn:")?;
        let mut field = || {
            let len = rest.bytes().position(|byte| byte == b':')?;
            let (field, behind) = rest.split_at_checked(len)?;
            rest = behind.get(1..)?;
            Some(field)
        };
        let (partition, service, region, account) = (field()?, field()?, field()?, field()?);
        let arn = Arn { partition, service, region, account, resource: rest };
        (arn.partition.starts_with("aws") && !arn.service.is_empty() && !arn.resource.is_empty())
            .then_some(arn)
    }

    /// Whether this names a KMS key (and not an alias, which carries the same resource type).
    pub fn is_kms_key(&self) -> bool {
        self.service == "kms" && self.resource.starts_with("key/")
    }

    /// Whether this names a KMS alias.
    pub fn is_kms_alias(&self) -> bool {
        self.service == "kms" && self.resource.starts_with("alias/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_fields_and_colons_in_the_last() {
        let arn = Arn::parse("arn:aws-cn:logs:cn-north-1:111122223333:log-group:a:b").unwrap();
        assert_eq!(
            (arn.partition, arn.account, arn.resource),
            ("aws-cn", "111122223333", "log-group:a:b")
        );
        assert_eq!(Arn::parse("arn:aws:s3:::bucket/key").unwrap().account, "");
        for text in
            ["", "arn:aws:kms", "urn:aws:kms:r:a:key/1", "alias/aws/s3", "arn:other:kms:r:a:key/1"]
        {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn keys_and_aliases_are_told_apart() {
        let key = Arn::parse("arn:aws:kms:us-east-1:111122223333:key/mrk-1234").unwrap();
        let alias = Arn::parse("arn:aws:kms:us-east-1:111122223333:alias/key/odd").unwrap();
        assert!(key.is_kms_key() && !key.is_kms_alias());
        assert!(alias.is_kms_alias() && !alias.is_kms_key());
    }
}
