//! Whether a value of a condition leaves anybody out.
//!
//! A pattern ties a statement down only if it fixes what its key tells apart: an account id in full,
//! the id of an organisation, VPC or endpoint beyond its prefix, the account in the ARN of a
//! principal. `o-*` and `1*` fit whoever wants to fit them. A policy variable is whatever the caller
//! is, except for what it says of the resource.
//!
//! What must stay true: where a value cannot tell, it leaves nobody out. Source: IAM user guide,
//! "AWS global condition context keys", "IAM policy elements: Variables and tags".

use super::principal::is_account;

/// Characters of an id beyond its prefix that a pattern must fix, so that nobody gets one that fits
/// by trying.
const FIXED: usize = 8;

/// Digits of an account's number.
const ACCOUNT: usize = 12;

/// A value of a test of `key`, which is in lower case. `literal` if `*` and `?` are characters like
/// others.
pub(super) fn is_narrow(key: &str, value: &str, literal: bool) -> bool {
    let pattern = Pattern::of(value, literal);
    if pattern.0.chars().all(is_wild) {
        return false;
    }
    match key {
        "kms:calleraccount" | "aws:principalaccount" | "aws:sourceaccount" | "aws:vpceaccount" => {
            pattern.fixes(ACCOUNT)
        }
        "aws:principalorgid" | "aws:sourceorgid" | "aws:vpceorgid" => pattern.fixes_id("o-"),
        "aws:principalorgpaths" | "aws:sourceorgpaths" | "aws:vpceorgpaths" => {
            let organisation = pattern.0.split('/').next().unwrap_or_default();
            Pattern(organisation.to_owned()).fixes_id("o-")
        }
        "aws:sourcevpc" => pattern.fixes_id("vpc-"),
        "aws:sourcevpce" => pattern.fixes_id("vpce-"),
        // An account's root has its account's number; all others have an id behind four letters.
        "aws:userid" => pattern.fixes(ACCOUNT),
        "aws:principalservicename" => pattern.fixes_until('.'),
        "aws:principalarn" | "aws:sourcearn" => pattern.fixes_owner(),
        // A provider that anybody can sign in with has neither an account nor a path.
        "aws:federatedprovider" => match pattern.0.starts_with("arn:") {
            true => pattern.fixes_owner(),
            false => pattern.is_fixed() && pattern.0.contains('/'),
        },
        _ => pattern.fixes_something(),
    }
}

/// A value with a pattern in place of each policy variable: what a value may look like.
pub(super) fn pattern_of(value: &str) -> String {
    Pattern::of(value, false).0
}

fn is_wild(one: char) -> bool {
    matches!(one, '*' | '?')
}

/// What stands for a policy variable: of the resource a value of its form, which is not everybody's;
/// of the caller, anything.
fn stand_in(variable: &str) -> &'static str {
    match variable.to_ascii_lowercase().as_str() {
        "*" | "?" | "$" => "x",
        "aws:resourceaccount" => "000000000000",
        "aws:resourceorgid" | "aws:resourceorgpaths" => "o-xxxxxxxxxx",
        other if other.starts_with("aws:resource") => "xxxxxxxx",
        _ => "*",
    }
}

/// A value in which only what is really a wildcard is `*` or `?`.
struct Pattern(String);

impl Pattern {
    fn of(value: &str, literal: bool) -> Pattern {
        let plain = |text: &str| match literal {
            true => text.replace(is_wild, "x"),
            false => text.to_owned(),
        };
        let mut pattern = String::new();
        let mut rest = value;
        while let Some((before, variable)) = rest.split_once("${") {
            let (variable, behind) = variable.split_once('}').unwrap_or((variable, ""));
            pattern.push_str(&plain(before));
            pattern.push_str(stand_in(variable));
            rest = behind;
        }
        pattern.push_str(&plain(rest));
        Pattern(pattern)
    }

    /// Whether it fits one text only.
    fn is_fixed(&self) -> bool {
        !self.0.contains(is_wild)
    }

    /// Whether it fixes enough of an id behind its prefix.
    fn fixes_id(&self, prefix: &str) -> bool {
        let id = self.0.strip_prefix(prefix).unwrap_or(&self.0);
        self.is_fixed() || Pattern(id.to_owned()).fixes(FIXED)
    }

    /// Whether it fixes so many characters at its start.
    fn fixes(&self, count: usize) -> bool {
        self.is_fixed() || self.0.chars().take_while(|one| !is_wild(*one)).count() >= count
    }

    /// Whether it fixes everything up to a character.
    fn fixes_until(&self, end: char) -> bool {
        let first = self.0.split(end).next().unwrap_or_default();
        !first.contains(is_wild)
    }

    /// Whether it fixes the account in an ARN; of a bucket and of whatever else has none there, its
    /// name, since there is one of that name in all the world.
    fn fixes_owner(&self) -> bool {
        if self.is_fixed() {
            return true;
        }
        // By colons, since the partition may be a pattern too.
        let fields: Vec<&str> = self.0.splitn(6, ':').collect();
        let [arn, _, service, _, account, resource] = fields[..] else { return false };
        let has_none = account.is_empty() || (service == "s3" && account.contains(is_wild));
        let name = resource.rsplit_once('/').filter(|_| service != "s3").map_or(resource, |r| r.1);
        arn == "arn"
            && match has_none {
                true => Pattern(name.to_owned()).fixes(FIXED),
                false => is_account(account),
            }
    }

    /// Whether it fixes anything, for keys whose values may be anything. In an ARN that must be the
    /// owner.
    fn fixes_something(&self) -> bool {
        !self.0.starts_with("arn:") || self.fixes_owner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_everybody_can_fit_leaves_nobody_out() {
        for (key, value) in [
            ("aws:principalorgid", "o-*"),
            ("aws:principalorgid", "*"),
            ("aws:principalorgid", "${aws:PrincipalOrgID}"),
            ("aws:principalorgpaths", "o-*/*"),
            ("aws:principalorgpaths", "*/ou-ab12-11111111/*"),
            ("kms:calleraccount", "1*"),
            ("kms:calleraccount", "????????????"),
            ("aws:sourceaccount", "${aws:PrincipalAccount}"),
            ("aws:sourcevpce", "vpce-*"),
            ("aws:sourcevpc", "vpc-0*"),
            ("aws:userid", "AROA*"),
            ("aws:userid", "*:session"),
            ("aws:principalarn", "arn:aws:iam::*:role/Admin"),
            ("aws:principalarn", "*111122223333*"),
            ("aws:principalarn", "arn:aws:iam::1111*:role/Admin"),
            ("aws:principalarn", "arn:aws:iam::${aws:PrincipalAccount}:role/Admin"),
            ("aws:sourcearn", "arn:aws:sns:*:*:*"),
            ("aws:sourcearn", "arn:aws:s3:::*"),
            ("aws:sourcearn", "arn:aws:s3:::a*"),
            ("aws:sourcearn", "arn:aws:route53:::hostedzone/*"),
            ("aws:userid", "AROA1234*"),
            ("aws:federatedprovider", "accounts.google.com"),
            ("aws:federatedprovider", "cognito-identity.amazonaws.com"),
            ("aws:principalservicename", "*.amazonaws.com"),
            ("kms:encryptioncontext:a", "arn:aws:s3:::*"),
        ] {
            assert!(!is_narrow(key, value, false), "{key} {value}");
        }
    }

    #[test]
    fn a_pattern_that_fixes_the_owner_leaves_others_out() {
        for (key, value) in [
            ("aws:principalorgid", "o-a1b2c3d4e5"),
            ("aws:principalorgid", "o-a1b2c3d4*"),
            ("aws:principalorgid", "${aws:ResourceOrgID}"),
            ("aws:principalorgpaths", "o-a1b2c3d4e5/*"),
            ("kms:calleraccount", "111122223333"),
            ("aws:sourcevpce", "vpce-1a2b3c4d"),
            ("aws:userid", "AROAEXAMPLEEXAMPLE:*"),
            ("aws:principalarn", "arn:aws:iam::111122223333:role/*"),
            ("aws:principalarn", "arn:aws*:iam::111122223333:role/*"),
            ("aws:sourcearn", "arn:aws:s3:::my-bucket"),
            ("aws:sourcearn", "arn:aws:s3:*:*:my-bucket*"),
            ("aws:sourcearn", "arn:aws:sns:*:111122223333:*"),
            ("aws:principalservicename", "s3.*.amazonaws.com"),
            ("aws:federatedprovider", "arn:aws:iam::111122223333:saml-provider/x"),
            ("aws:federatedprovider", "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example"),
            ("aws:principalarn", "arn:aws:iam::${aws:ResourceAccount}:role/*"),
            ("aws:sourcearn", "arn:aws:sns:*:${aws:ResourceAccount}:*"),
            ("aws:sourcearn", "arn:aws:route53:::hostedzone/Z0123456789ABCDEF*"),
            ("aws:userid", "${aws:ResourceAccount}:*"),
            ("aws:principalorgid", "${aws:ResourceOrgID}*"),
            ("aws:principalorgpaths", "${aws:ResourceOrgPaths}*"),
            ("kms:calleraccount", "111122223333*"),
            ("kms:viaservice", "s3.*.amazonaws.com"),
        ] {
            assert!(is_narrow(key, value, false), "{key} {value}");
        }
        // Where wildcards are characters, the value fits nobody.
        assert!(is_narrow("aws:principalorgid", "o-*", true));
        assert!(!is_narrow("aws:principalorgid", "${aws:PrincipalOrgID}", true));
    }
}
