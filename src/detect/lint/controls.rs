//! Checks the controls that a rule names.
//!
//! A framework may be one that only the rule's author knows, so an unknown one is no flaw, unless a
//! known one looks like it and has the very control.

use std::collections::BTreeSet;

use super::flaw::{Flaw, Severity};
use super::tree::Node;
use crate::detect::controls::frameworks;
use crate::detect::select::close;
use crate::model::control::{ControlName, Evidence, Framework};

/// The flaws in the list `controls` of a rule.
pub fn flaws(document: &Node) -> Vec<Flaw> {
    let list = document.get("keytrail").and_then(|own| own.get("controls"));
    let items = list.map(Node::items).unwrap_or_default();
    items.iter().filter_map(flaw).collect()
}

fn flaw(node: &Node) -> Option<Flaw> {
    let warning = |code, message: String, hint: String| {
        Some(Flaw::new(Severity::Warning, code, node.place, message).hint(hint))
    };
    let Some(name) = node.text().and_then(ControlName::parse) else {
        let message = "a control is named FRAMEWORK:ID".to_owned();
        return warning("control-form", message, "write PCI:3.7.5, for example".into());
    };
    let known = frameworks().iter().find(|it| it.name.eq_ignore_ascii_case(&name.framework));
    let Some(framework) = known else {
        let other = frameworks().iter().find(|known| is_meant(known, &name))?;
        let message = format!("no framework is called '{}'", name.framework);
        return warning("unknown-framework", message, format!("use {}:{}", other.name, name.id));
    };
    match framework.control(&name.id).map(|control| &control.evidence) {
        Some(Evidence::Shown(_)) => None,
        Some(Evidence::NotTestable(why)) => {
            warning("control-not-testable", format!("no log can show {name}"), why.clone())
        }
        None => {
            let message = format!("{} has no control '{}' here", framework.title, name.id);
            warning("unknown-control", message, nearest(framework, &name.id))
        }
    }
}

/// Whether a name most likely means a framework: it looks like its name, and the control exists.
fn is_meant(framework: &Framework, name: &ControlName) -> bool {
    let typed = name.framework.to_ascii_uppercase();
    let looks_alike = typed.replace(['-', ' ', '_'], "").contains(&framework.name)
        || !close(&typed, &BTreeSet::from([&*framework.name])).is_empty();
    looks_alike && framework.control(&name.id).is_some()
}

fn nearest(framework: &Framework, id: &str) -> String {
    let ids = framework.controls.iter().map(|control| &*control.id).collect();
    match close(id, &ids).as_slice() {
        [] => format!(
            "`keytrail rules list --control {}` shows those that rules speak to",
            framework.name
        ),
        close => format!("did you mean {}?", close.join(", ")),
    }
}
