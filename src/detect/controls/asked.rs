//! `--control`: finds the controls that a user means.
//!
//! A user names a framework (`PCI`), a control (`SC-12`), or both (`PCI:3.7.5`), in upper or lower
//! case. An id that several frameworks have means all of them. What must stay true: a name that
//! nobody has is an error, since a typing error would look as if no rule spoke to the control.

use std::collections::{BTreeMap, BTreeSet};

use super::frameworks;
use crate::detect::select::close;
use crate::model::control::ControlName;
use crate::model::rule_meta::RuleMeta;

/// The controls of the frameworks, and those that only the rules know, which each of `typed` means.
///
/// # Errors
/// One message for each text that means none, with the nearest names.
pub fn controls<'a>(
    typed: &[String],
    rules: impl Iterator<Item = &'a RuleMeta>,
) -> Result<BTreeSet<ControlName>, Vec<String>> {
    let known = by_name(rules);
    let (mut asked, mut unknown) = (BTreeSet::new(), Vec::new());
    for text in typed {
        match known.get(&text.trim().to_ascii_uppercase()) {
            Some((_, controls)) => asked.extend(controls.iter().cloned()),
            None => unknown.push(complain(text, &known)),
        }
    }
    if unknown.is_empty() { Ok(asked) } else { Err(unknown) }
}

/// What each name means, by the name in upper case: how it is spelled, and its controls.
type ByName = BTreeMap<String, (String, BTreeSet<ControlName>)>;

fn by_name<'a>(rules: impl Iterator<Item = &'a RuleMeta>) -> ByName {
    let of_frameworks = frameworks()
        .iter()
        .flat_map(|framework| framework.controls.iter().map(|control| framework.name_of(control)));
    let of_rules = rules.flat_map(|rule| rule.controls.iter().cloned());
    let mut known = ByName::new();
    for control in of_frameworks.chain(of_rules) {
        for name in [control.framework.clone(), control.id.clone(), control.to_string()] {
            let meant = known.entry(name.to_ascii_uppercase());
            meant.or_insert_with(|| (name, BTreeSet::new())).1.insert(control.clone());
        }
    }
    known
}

/// The error message for a name that nobody has.
fn complain(typed: &str, known: &ByName) -> String {
    let upper = typed.trim().to_ascii_uppercase();
    let names: BTreeSet<&str> = known.keys().map(String::as_str).collect();
    let near = close(&upper, &names).into_iter();
    let near: Vec<&str> = near.filter_map(|name| Some(&*known.get(name)?.0)).collect();
    let meant = match near.is_empty() {
        true => {
            let all: Vec<&str> = frameworks().iter().map(|known| &*known.name).collect();
            format!("expected a framework ({}) or the id of a control", all.join(", "))
        }
        false => format!("did you mean {}?", near.join(", ")),
    };
    format!("'{typed}' names no control: {meant}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::RuleSet;

    fn asked(typed: &[&str]) -> Result<Vec<String>, Vec<String>> {
        let text = "title: A\nid: own\nlogsource: {product: aws, service: cloudtrail}\n\
                    detection: {a: {eventName: X}, condition: a}\n\
                    keytrail: {controls: ['Acme:KM-4', pci:3.7.5, nothing]}\n";
        let rules = RuleSet::of_texts(false, &[("own", text.to_owned())]);
        let typed: Vec<String> = typed.iter().map(|text| (*text).to_owned()).collect();
        let found = controls(&typed, rules.reported())?;
        Ok(found.iter().map(ControlName::to_string).collect())
    }

    #[test]
    fn frameworks_ids_and_both_in_any_case() {
        for text in ["PCI:3.7.5", "pci:3.7.5", "3.7.5", " 3.7.5 "] {
            assert_eq!(asked(&[text]).unwrap(), ["PCI:3.7.5"], "{text}");
        }
        assert_eq!(asked(&["kms.3", "sc-12"]).unwrap(), ["FSBP:KMS.3", "NIST:SC-12"]);
        for framework in frameworks() {
            let found = asked(&[&framework.name.to_lowercase()]).unwrap();
            assert_eq!(found.len(), framework.controls.len(), "{}", framework.name);
        }
        assert_eq!(asked(&["acme"]).unwrap(), ["Acme:KM-4"]);
    }

    #[test]
    fn a_name_nobody_has_is_an_error_with_the_nearest() {
        let wrong = asked(&["kms.33", "PCI DSS 4", "PCI"]).unwrap_err();
        assert_eq!(wrong.len(), 2);
        assert!(wrong[0].contains("did you mean KMS.3"), "{}", wrong[0]);
        assert!(wrong[1].contains("(PCI, NIST, CIS, FSBP, SOC2, ISO)"), "{}", wrong[1]);
    }
}
