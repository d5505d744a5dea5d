//! Controls: what a framework such as PCI DSS asks for, and what a log can show of it.
//!
//! A rule names the controls that it helps to audit, and reports put both together. What must stay
//! true: a control either says what a log shows of it, or why no log can show it.

use std::fmt;

/// A framework of controls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Framework {
    /// The short name, as rules and options use it, such as `PCI`.
    pub name: String,
    /// The full name, such as `PCI DSS`.
    pub title: String,
    /// The version whose ids are used.
    pub version: String,
    /// A public page about it.
    pub link: String,
    /// Its controls, in its own order.
    pub controls: Vec<Control>,
}

/// One control of a framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// The id in its framework, such as `3.7.5`.
    pub id: String,
    /// What it asks for, in our own words.
    pub asks: String,
    /// A public page about it, or about its framework.
    pub link: String,
    /// What a log can show of it.
    pub evidence: Evidence,
}

/// What a log can show of a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// A log shows this much.
    Shown(String),
    /// No log can show it, for this reason.
    NotTestable(String),
}

impl Framework {
    /// Its control with this id, in upper or lower case.
    pub fn control(&self, id: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.id.eq_ignore_ascii_case(id))
    }

    /// The name of one of its controls.
    pub fn name_of(&self, control: &Control) -> ControlName {
        ControlName { framework: self.name.clone(), id: control.id.clone() }
    }
}

impl Control {
    /// Whether a log can show anything of it.
    pub fn is_testable(&self) -> bool {
        matches!(self.evidence, Evidence::Shown(_))
    }
}

/// A control as a rule names it: `PCI:3.7.5`. The framework may be one that only its author knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ControlName {
    /// The short name of the framework.
    pub framework: String,
    /// The id of the control.
    pub id: String,
}

impl ControlName {
    /// Reads a name. `None` without a framework, an id, and a colon between them.
    pub fn parse(text: &str) -> Option<ControlName> {
        let (framework, id) = text.split_once(':')?;
        let (framework, id) = (framework.trim(), id.trim());
        let is_whole = !framework.is_empty() && !id.is_empty();
        is_whole.then(|| ControlName { framework: framework.to_owned(), id: id.to_owned() })
    }

    /// The control of this name, and its framework.
    pub fn find<'a>(&self, frameworks: &'a [Framework]) -> Option<(&'a Framework, &'a Control)> {
        let is_meant = |known: &&Framework| known.name.eq_ignore_ascii_case(&self.framework);
        let framework = frameworks.iter().find(is_meant)?;
        Some((framework, framework.control(&self.id)?))
    }
}

impl fmt::Display for ControlName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.framework, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_framework_and_an_id() {
        for text in ["PCI:3.7.5", " PCI : 3.7.5 "] {
            assert_eq!(ControlName::parse(text).unwrap().to_string(), "PCI:3.7.5");
        }
        for text in ["", ":", "PCI", "PCI:", ":3.7.5", "PCI: "] {
            assert_eq!(ControlName::parse(text), None, "{text}");
        }
    }
}
