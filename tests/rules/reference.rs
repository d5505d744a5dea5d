//! `docs/rules.md` is what the rules say of themselves, and `docs/controls.md` what they help to
//! audit.
//!
//! `UPDATE_DOCS=1 cargo test` rewrites both.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use keytrail::detect::controls::frameworks;
use keytrail::detect::whitepaper::STATEMENTS;
use keytrail::model::control::{ControlName, Evidence, Framework};
use keytrail::model::rule_meta::RuleMeta;
use keytrail::report::rules::sorted;

use crate::builtin;

const HEAD: &str = "\
# Built-in rules

This page is made from the rules; `UPDATE_DOCS=1 cargo test` rewrites it. `keytrail rules show ID` prints a rule's page.

*Level* is that of a call that succeeded; a rule may raise or lower it by what the record says. *Noise* is how many findings
to expect: 1 is hardly any, 2 some, 3 much. *ATT&CK* names techniques, *paper* the statements of AWS's whitepaper on KMS
best practices that a rule helps to audit: they are [below](#the-whitepapers-statements). *Controls* names the controls of
standards such as PCI DSS that it helps to audit: they are on [a page of their own](controls.md).
";

const CONTROLS_HEAD: &str = "\
# Controls

This page is made from the folder `src/detect/controls/` and from the rules; `UPDATE_DOCS=1 cargo test` rewrites it. For each framework
it lists the controls that are about keys, access to keys, what keys encrypt, and the audit trail of all that. The words are
our own, and short: the text of a standard is what counts.

A rule is evidence for a control, not a verdict. A finding may show that a control is broken; no finding shows that nothing was
seen in the records that were read. What no log can show is listed with the reason. A control that a log could show, but that
no rule looks at, is not listed.

`keytrail rules list --control PCI` lists the rules of a framework, `--control PCI:3.7.5` those of a control.
";

/// The page.
fn page() -> String {
    let rules = builtin();
    let metas = sorted(rules.reported());
    let mut page = HEAD.to_owned();
    let mut group = None;
    for meta in &metas {
        let own = meta.group.as_deref().unwrap();
        if group != Some(own) {
            group = Some(own);
            write!(page, "\n## {own}\n\n").unwrap();
            page += "| rule | title | level | noise | ATT&CK | paper | controls |\n";
            page += "| --- | --- | --- | --- | --- | --- | --- |\n";
        }
        page += &row(meta, own);
    }
    page +=
        "\n## The whitepaper's statements\n\n| name | statement | rules |\n| --- | --- | --- |\n";
    for statement in STATEMENTS {
        let answers = |meta: &&&RuleMeta| meta.whitepaper.iter().any(|name| name == statement.name);
        let ids: Vec<String> = metas
            .iter()
            .filter(answers)
            .map(|meta| link(meta, meta.group.as_deref().unwrap()))
            .collect();
        let ids = if ids.is_empty() { "none".to_owned() } else { ids.join(", ") };
        writeln!(page, "| {} | {} | {ids} |", statement.name, statement.text).unwrap();
    }
    page
}

fn link(meta: &RuleMeta, group: &str) -> String {
    format!("[{id}](../rules/{group}/{id}.md)", id = meta.id)
}

fn row(meta: &RuleMeta, group: &str) -> String {
    let noise = meta.tier.map(|tier| tier.to_string()).unwrap_or_default();
    let cells = [
        link(meta, group),
        meta.title.replace('|', "\\|"),
        meta.level.to_string(),
        noise,
        meta.attack().join(", "),
        meta.whitepaper.join(", "),
        meta.controls.iter().map(ControlName::to_string).collect::<Vec<_>>().join(", "),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// The page about controls.
fn controls_page() -> String {
    let rules = builtin();
    let metas = sorted(rules.reported());
    let mut page = CONTROLS_HEAD.to_owned();
    for framework in frameworks() {
        let Framework { name, title, version, link, .. } = framework;
        write!(page, "\n## {title}\n\n`{name}`, version {version}: <{link}>\n\n").unwrap();
        page += "| control | asks | what a log shows | rules |\n| --- | --- | --- | --- |\n";
        let mut untestable = String::new();
        for control in &framework.controls {
            let id = match control.link == *link {
                true => control.id.clone(),
                false => format!("[{}]({})", control.id, control.link),
            };
            let asks = &control.asks;
            match &control.evidence {
                Evidence::Shown(shown) => {
                    let ids = speaking_to(&framework.name_of(control), &metas);
                    writeln!(page, "| {id} | {asks} | {shown} | {ids} |").unwrap();
                }
                Evidence::NotTestable(why) => {
                    writeln!(untestable, "| {id} | {asks} | {why} |").unwrap();
                }
            }
        }
        if !untestable.is_empty() {
            page += "\nNo log can show:\n\n| control | asks | why not |\n| --- | --- | --- |\n";
            page += &untestable;
        }
    }
    page
}

/// Links to the rules that name a control.
fn speaking_to(name: &ControlName, metas: &[&RuleMeta]) -> String {
    let speaking = metas.iter().filter(|meta| meta.controls.contains(name));
    let links: Vec<String> =
        speaking.map(|meta| link(meta, meta.group.as_deref().unwrap())).collect();
    links.join(", ")
}

/// Compares a page with the file, and rewrites it if that is wanted.
fn is_up_to_date(file: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if fs::read_to_string(&path).is_ok_and(|known| known == page) {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_DOCS").is_some(),
        "{file} is not what the rules say; UPDATE_DOCS=1 cargo test rewrites it"
    );
    fs::write(&path, page).unwrap();
}

#[test]
fn the_reference_is_up_to_date() {
    is_up_to_date("docs/rules.md", &page());
}

#[test]
fn the_page_of_controls_is_up_to_date() {
    is_up_to_date("docs/controls.md", &controls_page());
}
