//! The account and Region that a finding is imported to.
//!
//! It is that of the record. A finding without one, such as one about the whole log, is imported to the
//! account of its key, else of its principal, else of nobody, and to the Region of its key, else to the
//! first of its partition, where the events of global services are logged. What must stay true: neither
//! is ever text that is no account and no Region.

use crate::model::arn::Arn;
use crate::model::finding::Finding;
use crate::report::fields::is_account;

/// What stands for an account that is not known. It is no account's id.
pub const NOBODY: &str = "000000000000";

/// The most characters of a Region.
const REGION: usize = 16;

/// An account and a Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Twelve digits.
    pub account: String,
    /// `eu-central-1`
    pub region: String,
}

impl Place {
    /// Where a finding belongs.
    pub fn of(finding: &Finding) -> Place {
        let key = finding.key.as_ref();
        let arn = key.and_then(|key| Arn::parse(&key.arn));
        let accounts = [
            finding.account.as_deref(),
            key.and_then(|key| key.account.as_deref()),
            arn.map(|arn| arn.account),
            finding.principal.account.as_deref(),
        ];
        let account = accounts.into_iter().flatten().find(|account| is_account(account));
        let regions = [finding.region.as_deref(), arn.map(|arn| arn.region)];
        let region = regions.into_iter().flatten().find(|region| is_region(region));
        let region = region.unwrap_or_else(|| {
            let principal = finding.principal.arn.as_deref().and_then(Arn::parse);
            match arn.or(principal).map(|arn| arn.partition) {
                Some("aws-cn") => "cn-north-1",
                Some("aws-us-gov") => "us-gov-west-1",
                _ => "us-east-1",
            }
        });
        Place { account: account.unwrap_or(NOBODY).into(), region: region.into() }
    }

    /// The partition, as ARNs have it.
    pub fn partition(&self) -> &'static str {
        match self.region.split_once('-').map_or("", |(first, _)| first) {
            "cn" => "aws-cn",
            "eusc" => "aws-eusc",
            _ if self.region.starts_with("us-gov-") => "aws-us-gov",
            _ if self.region.starts_with("us-iso-") => "aws-iso",
            _ if self.region.starts_with("us-isob-") => "aws-iso-b",
            _ => "aws",
        }
    }

    /// The partition, as resources of ASFF have it.
    pub fn resource_partition(&self) -> Option<&'static str> {
        match self.partition() {
            "aws-iso" => Some("aws-us-iso"),
            "aws-iso-b" => Some("aws-us-iso-b"),
            "aws-eusc" => None,
            partition => Some(partition),
        }
    }

    /// The product of whoever writes findings into their own account.
    pub fn product(&self) -> String {
        let Place { account, region } = self;
        let partition = self.partition();
        format!("arn:{partition}:securityhub:{region}:{account}:product/{account}/default")
    }
}

/// Whether a text has the form of a Region: `eu-central-1`.
pub fn is_region(text: &str) -> bool {
    let words = text.split('-').count();
    let is_word = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase());
    let number = text.rsplit('-').next().unwrap_or_default();
    text.len() <= REGION
        && (3..=4).contains(&words)
        && text.split('-').all(|word| !word.is_empty())
        && text.split('-').take(words - 1).all(is_word)
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::principal::Principal;
    use crate::report::sample;

    #[test]
    fn regions_are_told_from_other_text() {
        for region in ["eu-central-1", "us-gov-west-1", "cn-north-1", "ap-southeast-5"] {
            assert!(is_region(region), "{region}");
        }
        for text in ["", "-", "aws-global", "eu-central-", "eu--1", "Eu-west-1", "a-b-c-d-1", "x\n"]
        {
            assert!(!is_region(text), "{text}");
        }
    }

    #[test]
    fn partitions_keep_their_arns() {
        let mut finding = sample::deletion();
        for (region, arn) in [
            ("us-east-1", "arn:aws:securityhub:us-east-1:"),
            ("cn-northwest-1", "arn:aws-cn:securityhub:cn-northwest-1:"),
            ("us-gov-east-1", "arn:aws-us-gov:securityhub:us-gov-east-1:"),
        ] {
            finding.region = Some(region.into());
            let product = Place::of(&finding).product();
            assert_eq!(product, format!("{arn}111122223333:product/111122223333/default"));
        }
    }

    #[test]
    fn a_finding_without_account_or_region_goes_to_its_key_or_principal() {
        let mut finding = sample::deletion();
        (finding.account, finding.region) = (Some("AWS".into()), None);
        let place =
            |account: &str, region: &str| Place { account: account.into(), region: region.into() };
        assert_eq!(Place::of(&finding), place("111122223333", "us-east-1"));
        finding.key = None;
        let arn = Some("arn:aws-cn:iam::444455556666:user/x".into());
        let account = Some("444455556666".into());
        finding.principal = Principal { arn, account, ..Principal::nobody() };
        assert_eq!(Place::of(&finding), place("444455556666", "cn-north-1"));
        finding.principal = Principal::nobody();
        assert_eq!(Place::of(&finding), place(NOBODY, "us-east-1"));
    }
}
