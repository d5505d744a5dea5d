//! `docs/rules.md` is what the rules say of themselves.
//!
//! `UPDATE_DOCS=1 cargo test` rewrites it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use keytrail::detect::whitepaper::STATEMENTS;
use keytrail::model::rule_meta::RuleMeta;
use keytrail::report::rules::sorted;

use crate::builtin;

const HEAD: &str = "\
# Built-in rules

This page is made from the rules; `UPDATE_DOCS=1 cargo test` rewrites it. `keytrail rules show ID` prints a rule's page.

*Level* is that of a call that succeeded; a rule may raise or lower it by what the record says. *Noise* is how many findings
to expect: 1 is hardly any, 2 some, 3 much. *ATT&CK* names techniques, *paper* the statements of AWS's whitepaper on KMS
best practices that a rule helps to audit: they are [below](#the-whitepapers-statements).
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
            page += "| rule | title | level | noise | ATT&CK | paper |\n";
            page += "| --- | --- | --- | --- | --- | --- |\n";
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
    ];
    format!("| {} |\n", cells.join(" | "))
}

#[test]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let page = page();
    if fs::read_to_string(&path).is_ok_and(|known| known == page) {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_DOCS").is_some(),
        "docs/rules.md is not what the rules say; UPDATE_DOCS=1 cargo test rewrites it"
    );
    fs::write(&path, page).unwrap();
}
