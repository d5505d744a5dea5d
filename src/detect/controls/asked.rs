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
/// Each text that means none, and why: with the nearest names.
pub fn controls<'a>(
    typed: &[String],
    rules: impl Iterator<Item = &'a RuleMeta>,
) -> Result<BTreeSet<ControlName>, Vec<(String, String)>> {
    let known = by_name(rules);
    let (mut asked, mut unknown) = (BTreeSet::new(), Vec::new());
    for text in typed {
        match known.get(&text.trim().to_ascii_uppercase()) {
            Some((_, controls)) => asked.extend(controls.iter().cloned()),
            None => unknown.push((text.clone(), complain(text, &known))),
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

/// Why a name means nothing, with the nearest that do. Whoever types more than the short name of a
/// framework, such as `ISO 27001`, most likely means it.
fn complain(typed: &str, known: &ByName) -> String {
    let upper = typed.trim().to_ascii_uppercase();
    let joined = upper.replace([' ', '-', '_'], "");
    let all = || frameworks().iter().map(|framework| &*framework.name);
    let longer = all().filter(|name| joined.contains(name));
    let names: BTreeSet<&str> = known.keys().map(String::as_str).collect();
    let near = close(&upper, &names);
    let near = near.iter().filter_map(|name| Some(&*known.get(*name)?.0));
    let mut near: Vec<&str> = near.chain(longer).collect();
    let mut told = BTreeSet::new();
    near.retain(|name| told.insert(*name));
    match near.is_empty() {
        true => {
            let all: Vec<&str> = all().collect();
            format!("expected a framework ({}) or the id of a control", all.join(", "))
        }
        false => format!("no control has this name: did you mean {}?", near.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::RuleSet;

    fn asked(typed: &[&str]) -> Result<Vec<String>, Vec<(String, String)>> {
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
        let typed = ["kms.33", "ISO 27001", "soc-2", "PCI:3.7.55", "qwertz", "PCI:", "PCI"];
        let wrong = asked(&typed).unwrap_err();
        let why: Vec<&str> = wrong.iter().map(|(_, why)| &**why).collect();
        let near =
            ["mean KMS.3", "mean ISO?", "mean SOC2", "mean PCI:3.7.5", "(PCI, NIST, CIS, ", "PCI"];
        assert_eq!(why.len(), near.len());
        for ((typed, why), near) in wrong.iter().zip(near) {
            assert!(why.contains(near), "{typed}: {why}");
            let names: Vec<&str> = why.trim_end_matches('?').split([' ', ',']).collect();
            assert!(names.iter().filter(|name| **name == "PCI").count() < 2, "{typed}: {why}");
        }
    }
}
