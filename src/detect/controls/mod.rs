//! The controls that rules help to audit: one YAML file a framework, embedded.
//!
//! Each control is told in our own words: the texts of most standards may not be copied. `asked`
//! finds the controls that `--control` means. What must stay true: every file is read, and every id
//! in it is one of its framework.

pub mod asked;

use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::control::{Control, ControlName, Evidence, Framework};

/// The files, in the order in which frameworks are shown.
const FILES: [&str; 6] = [
    include_str!("pci.yml"),
    include_str!("nist.yml"),
    include_str!("cis.yml"),
    include_str!("fsbp.yml"),
    include_str!("soc2.yml"),
    include_str!("iso.yml"),
];

static FRAMEWORKS: LazyLock<Vec<Framework>> =
    LazyLock::new(|| FILES.iter().filter_map(|text| read(text).ok()).collect());

/// Every framework.
pub fn frameworks() -> &'static [Framework] {
    &FRAMEWORKS
}

/// The control that a rule names. A known one is spelled as in its file, so that names can be
/// compared. `None` if the text is not `FRAMEWORK:ID`.
pub fn named(text: &str) -> Option<ControlName> {
    let name = ControlName::parse(text)?;
    Some(name.find(frameworks()).map_or(name, |(framework, control)| framework.name_of(control)))
}

/// A file: one framework.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The short name, as rules and `--control` use it.
    name: String,
    /// The full name.
    title: String,
    /// The version whose ids are used.
    version: String,
    /// A public page about it.
    link: String,
    /// Its controls, in its own order.
    controls: Vec<Entry>,
}

/// A control in it: with `shows` or with `not_testable`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The id in the framework.
    id: String,
    /// What it asks for, in our own words.
    asks: String,
    /// A public page about it. The page of the framework, if there is none of the control.
    link: Option<String>,
    /// What a log shows of it.
    shows: Option<String>,
    /// Why no log can show it.
    not_testable: Option<String>,
}

/// Reads a file.
fn read(text: &str) -> Result<Framework, String> {
    let file: File = yaml_serde::from_str(text).map_err(|error| error.to_string())?;
    let control = |entry: Entry| {
        let evidence = match (entry.shows, entry.not_testable) {
            (Some(shows), None) => Evidence::Shown(shows),
            (None, Some(why)) => Evidence::NotTestable(why),
            _ => return Err(format!("{}: either `shows` or `not_testable`", entry.id)),
        };
        let link = entry.link.unwrap_or_else(|| file.link.clone());
        Ok(Control { id: entry.id, asks: entry.asks, link, evidence })
    };
    let controls = file.controls.into_iter().map(control).collect::<Result<_, String>>()?;
    let (name, title, version, link) = (file.name, file.title, file.version, file.link);
    Ok(Framework { name, title, version, link, controls })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::detect::RuleSet;

    /// Every control that a rule of the pack names.
    fn of_rules() -> BTreeSet<ControlName> {
        let rules = RuleSet::load(true, &[], &Default::default()).unwrap().rules;
        rules.metas().iter().flat_map(|meta| meta.controls.clone()).collect()
    }

    #[test]
    fn every_file_is_read() {
        for text in FILES {
            read(text).unwrap();
        }
        assert_eq!(frameworks().len(), FILES.len());
    }

    #[test]
    fn names_and_ids_are_unique_and_nothing_is_empty() {
        let mut names = BTreeSet::new();
        for framework in frameworks() {
            assert!(names.insert(framework.name.to_ascii_lowercase()), "{}", framework.name);
            let mut ids = BTreeSet::new();
            for control in &framework.controls {
                assert!(ids.insert(control.id.to_ascii_lowercase()), "{}", control.id);
                let (Evidence::Shown(text) | Evidence::NotTestable(text)) = &control.evidence;
                for text in [&control.asks, text] {
                    assert!(text.ends_with('.') && text.len() > 20, "{}: {text}", control.id);
                }
                assert!(control.link.starts_with("https://"), "{}: {}", control.id, control.link);
            }
        }
    }

    #[test]
    fn every_control_that_a_rule_names_is_known() {
        for name in of_rules() {
            assert!(name.find(frameworks()).is_some(), "no framework has {name}");
        }
    }

    #[test]
    fn known_names_are_spelled_as_in_their_file() {
        assert_eq!(named("fsbp:cloudtrail.1").unwrap().to_string(), "FSBP:CloudTrail.1");
        assert_eq!(named("Acme:KM-4").unwrap().to_string(), "Acme:KM-4");
        assert_eq!(named("SC-12"), None);
    }

    /// What is testable has a rule, and what no log can show has none.
    #[test]
    fn rules_and_evidence_agree() {
        let named = of_rules();
        for framework in frameworks() {
            for control in &framework.controls {
                let name = framework.name_of(control);
                assert_eq!(named.contains(&name), control.is_testable(), "{name}");
            }
        }
    }

    #[test]
    fn a_control_says_one_of_the_two() {
        let file = |rest: &str| {
            format!(
                "name: X\ntitle: X\nversion: 1\nlink: https://x\ncontrols:\n  - id: A.1\n    asks: a\n{rest}"
            )
        };
        assert!(read(&file("    shows: b\n")).unwrap().controls[0].is_testable());
        assert!(!read(&file("    not_testable: b\n")).unwrap().controls[0].is_testable());
        for rest in ["", "    shows: b\n    not_testable: c\n", "    shown: b\n"] {
            assert!(read(&file(rest)).is_err(), "{rest}");
        }
    }
}
