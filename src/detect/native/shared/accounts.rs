//! Reads accounts and keys in the records of other services.
//!
//! What must stay true: no function fails. A value of an unexpected type counts as absent.

use crate::model::arn::Arn;
use crate::record::json::{Json, Kind};
use crate::record::kms::View;

/// The account in the ARN of a KMS key or alias.
pub fn key_account(text: &str) -> Option<String> {
    let arn = Arn::parse(text).filter(|arn| arn.is_kms_key() || arn.is_kms_alias())?;
    is_account(arn.account).then(|| arn.account.to_owned())
}

/// An account id. If the value is a number, leading zeros are missing and are restored.
pub fn account_id(value: Json<'_>) -> Option<String> {
    let text = value.scalar()?;
    let text = if value.kind() == Kind::String { text.replace('-', "") } else { text.into_owned() };
    match value.kind() {
        Kind::Number if text.len() < 12 => Some(format!("{text:0>12}")),
        _ => Some(text),
    }
    .filter(|text| is_account(text))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `account` is the account that received the record.
pub fn is_recipient(view: &View<'_>, account: &str) -> bool {
    view.account().is_some_and(|recipient| recipient == account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_twelve_digits() {
        let id = |text: &str| account_id(Json::new(text));
        assert_eq!(id("\"444455556666\"").as_deref(), Some("444455556666"));
        assert_eq!(id("\"4444-5555-6666\"").as_deref(), Some("444455556666"));
        assert_eq!(id("5566").as_deref(), Some("000000005566"));
        assert_eq!(
            [id("\"5566\""), id("true"), id("-1"), id("1e5"), id("{}")],
            [const { None }; 5]
        );
        let alias = "arn:aws-cn:kms:cn-north-1:444455556666:alias/a";
        assert_eq!(key_account(alias).as_deref(), Some("444455556666"));
        assert_eq!(key_account("arn:aws:kms:eu-west-1:anybody:key/a"), None);
        assert_eq!(key_account("arn:aws:s3:::444455556666"), None);
    }
}
