//! The least policy that would have served: one statement a set of keys with the operations that were
//! used.
//!
//! What must stay true: it allows nothing but calls that succeeded. What could make a pattern of a name in
//! a log is left out, and said.

use std::collections::{BTreeMap, BTreeSet};

use super::used::{InCommon, OneUse, Uses};
use crate::model::arn::Arn;
use crate::model::keys::granted::{LeastPolicy, LeastStatement};

/// Permissions that are needed on the alias too.
const OF_ALIAS: [&str; 3] = ["CreateAlias", "DeleteAlias", "UpdateAlias"];

/// What a managed policy of IAM may have, in characters without white space.
const LONGEST: usize = 6_144;

/// A policy in the making.
#[derive(Default)]
pub struct Least {
    /// The operations of each resource, by what their uses had in common.
    needed: BTreeMap<(String, InCommon), BTreeSet<&'static str>>,
    left_out: bool,
    moved: bool,
    unnamed: bool,
    inferred: bool,
}

impl Least {
    /// Adds what was used of a key; where the ARN is empty, what is about no key.
    pub fn add(&mut self, key: &str, uses: &Uses) {
        for (name, one) in uses.iter().filter(|(_, one)| one.ok > 0) {
            self.inferred |= one.has_inferred_service();
            self.unnamed |= one.has_unnamed_service();
            self.moved |= name == "UpdateAlias";
            for resource in self.resources(key, name, one) {
                self.needed.entry((resource, one.in_common())).or_default().insert(name);
            }
        }
    }

    fn resources(&mut self, key: &str, name: &str, one: &OneUse) -> Vec<String> {
        if key.is_empty() {
            return vec!["*".to_owned()];
        }
        let mut all = vec![key.to_owned()];
        if OF_ALIAS.contains(&name) {
            self.left_out |= one.aliases.is_none();
            let arn = Arn::parse(key);
            let aliases = one.aliases.iter().flatten().zip(std::iter::repeat(arn)).filter_map(
                |(alias, arn)| {
                    let Arn { partition, region, account, .. } = arn?;
                    Some(format!("arn:{partition}:kms:{region}:{account}:{alias}"))
                },
            );
            all.extend(aliases);
        }
        let count = all.len();
        all.retain(|resource| is_literal(resource));
        self.left_out |= all.len() < count;
        all
    }

    /// The policy, and what to know of it.
    pub fn finish(self) -> (LeastPolicy, Vec<String>) {
        let mut grouped: BTreeMap<(BTreeSet<&'static str>, InCommon), Vec<String>> =
            BTreeMap::new();
        for ((resource, common), names) in self.needed {
            grouped.entry((names, common)).or_default().push(resource);
        }
        let statement = |((names, common), resource): ((BTreeSet<&str>, InCommon), _)| {
            let common = Some(common).filter(|common| !common.is_empty());
            LeastStatement {
                effect: "Allow",
                action: names.iter().map(|name| format!("kms:{name}")).collect(),
                resource,
                condition: common.map(|common| BTreeMap::from([("StringEquals", common)])),
            }
        };
        let statement: Vec<LeastStatement> = grouped.into_iter().map(statement).collect();
        let policy = LeastPolicy { version: "2012-10-17", statement };
        let length = serde_json::to_string(&policy).map_or(0, |text| text.len());
        let notes = [
            (
                self.left_out,
                "the least policy lacks calls whose key or alias the log does not name \
                             plainly",
            ),
            (self.moved, "UpdateAlias needs the key that the alias named before too"),
            (
                self.unnamed,
                "some calls came by a service, others not, or by one whose name in \
                            kms:ViaService is not known: no such condition is proposed for them",
            ),
            (
                self.inferred,
                "records that say AWS Internal do not name the service: kms:ViaService is taken from \
                 what the call was about",
            ),
            (length > LONGEST, "the least policy is longer than IAM takes in one managed policy"),
        ];
        let notes = notes.into_iter().filter(|(holds, _)| *holds).map(|(_, note)| note.to_owned());
        (policy, notes.collect())
    }
}

/// Whether it is an ARN of KMS that stands for itself and for nothing else.
fn is_literal(resource: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte);
    let of_kms = Arn::parse(resource).is_some_and(|arn| arn.is_kms_key() || arn.is_kms_alias());
    of_kms && resource.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_no_resources() {
        let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd";
        assert!(is_literal(key) && is_literal("arn:aws:kms:eu-west-1:111122223333:alias/app/x_1"));
        for odd in [
            &key.replace("1234", "*"),
            &key.replace("1234", "?"),
            "arn:aws:s3:::b",
            "",
            "*",
            &key.replace("1234", "${aws:username}"),
        ] {
            assert!(!is_literal(odd), "{odd}");
        }
    }
}
