//! How two policies differ, statement by statement.
//!
//! A statement is compared as a set of lines, one for each value that it holds, such as
//! `Action: kms:Decrypt`. So neither white space nor the order of members and lists counts, and one
//! value is the same as a list of one. What must stay true: any text is compared, in time in
//! proportion to its length.

use std::collections::{BTreeMap, BTreeSet};

use super::lenient::{self, Node};
use crate::model::keys::dossier::{Differs, StatementChange};

/// Longer documents are not compared.
const LONGEST: usize = 256 << 10; // 256 KiB

/// Statements that are told of one change; the others are left out.
const CHANGES: usize = 1_000;

/// What a policy changes: the statements that are new, gone or different. Of the first policy all are
/// new. `None` if either is no policy, or too long.
pub fn differences(before: Option<&str>, after: &str) -> Option<Vec<StatementChange>> {
    let old = before.map_or(Some(Vec::new()), statements)?;
    let new = statements(after)?;
    let (kept, known): (BTreeSet<_>, BTreeSet<_>) =
        (new.iter().map(|one| &one.lines).collect(), old.iter().map(|one| &one.lines).collect());
    let mut gone: BTreeMap<&str, Vec<&Statement>> = BTreeMap::new();
    for one in old.iter().filter(|one| !kept.contains(&one.lines)) {
        gone.entry(&one.label).or_default().push(one);
    }
    let mut changes = Vec::new();
    for one in new.iter().filter(|one| !known.contains(&one.lines)) {
        match gone.get_mut(one.label.as_str()).and_then(Vec::pop) {
            Some(before) => changes.push(changed(before, one)),
            None => changes.push(whole(one, Differs::Added)),
        }
    }
    changes.extend(gone.into_values().flatten().map(|one| whole(one, Differs::Removed)));
    changes.truncate(CHANGES);
    Some(changes)
}

/// A statement: its `Sid`, else its number, and a line for each of its values.
struct Statement {
    label: String,
    lines: BTreeSet<String>,
}

/// The statements of a document.
fn statements(text: &str) -> Option<Vec<Statement>> {
    if text.len() > LONGEST {
        return None;
    }
    let Node::Object(members) = lenient::read(text).root else { return None };
    let lists = members.into_iter().filter(|(name, _)| name.eq_ignore_ascii_case("Statement"));
    let all = lists.flat_map(|(_, node)| match node {
        Node::List(all) => all,
        one => vec![one],
    });
    let read = |(number, node): (usize, Node)| {
        let mut lines = BTreeSet::new();
        flatten("", &node, &mut lines);
        let sid = lines.iter().find_map(|line| line.strip_prefix("Sid: ")).map(str::to_owned);
        Statement { label: sid.unwrap_or_else(|| format!("statement {number}")), lines }
    };
    Some((1..).zip(all).map(read).collect())
}

/// Adds a line for each value within a node.
fn flatten(path: &str, node: &Node, lines: &mut BTreeSet<String>) {
    match node {
        Node::Text(text) => {
            lines.insert(format!("{path}: {text}"));
        }
        Node::List(all) if !all.is_empty() => all.iter().for_each(|one| flatten(path, one, lines)),
        Node::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path} {name}") };
                flatten(&path, value, lines);
            }
        }
        Node::Unread => {
            lines.insert(format!("{path}: (cannot be read)"));
        }
        Node::Nothing | Node::List(_) | Node::Object(_) => {
            lines.insert(format!("{path}: (nothing)"));
        }
    }
}

fn whole(one: &Statement, differs: Differs) -> StatementChange {
    let sign = if differs == Differs::Added { '+' } else { '-' };
    let lines = one.lines.iter().map(|line| format!("{sign} {line}")).collect();
    StatementChange { statement: one.label.clone(), differs, lines }
}

fn changed(before: &Statement, after: &Statement) -> StatementChange {
    let all = before.lines.union(&after.lines);
    let sign = |line| match (before.lines.contains(line), after.lines.contains(line)) {
        (true, true) => ' ',
        (true, false) => '-',
        _ => '+',
    };
    let lines = all.map(|line| format!("{} {line}", sign(line))).collect();
    StatementChange { statement: after.label.clone(), differs: Differs::Changed, lines }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: Option<&str>, after: &str) -> Vec<(String, Differs, Vec<String>)> {
        let changes = differences(before, after).unwrap().into_iter();
        changes.map(|change| (change.statement, change.differs, change.lines)).collect()
    }

    #[test]
    fn statements_that_say_the_same_do_not_differ() {
        let one = r#"{"Statement":[{"Sid":"a","Effect":"Allow","Action":["kms:Encrypt","kms:Decrypt"],
            "Principal":{"AWS":["111122223333"]},"Resource":"*"}]}"#;
        let other = r#"{"Version":"2012-10-17","Statement":{"Resource":["*"],"Effect":"Allow",
            "Principal":{"AWS":"111122223333"},"Action":["kms:Decrypt","kms:Encrypt"],"Sid":"a"}}"#;
        assert_eq!(told(Some(one), other), []);
    }

    #[test]
    fn what_was_added_and_taken_away_is_told_line_by_line() {
        let before = r#"{"Statement":[
            {"Sid":"use","Effect":"Allow","Action":"kms:Decrypt","Principal":{"AWS":"1"}},
            {"Effect":"Allow","Action":"kms:*","Principal":{"AWS":"2"}}]}"#;
        let after = r#"{"Statement":[
            {"Sid":"use","Effect":"Allow","Action":"kms:*","Principal":{"AWS":"1"}},
            {"Sid":"new","Effect":"Deny","Action":"kms:Sign","Principal":"*"}]}"#;
        let expected: [(&str, Differs, &[&str]); 3] = [
            (
                "use",
                Differs::Changed,
                &[
                    "+ Action: kms:*",
                    "- Action: kms:Decrypt",
                    "  Effect: Allow",
                    "  Principal AWS: 1",
                    "  Sid: use",
                ],
            ),
            (
                "new",
                Differs::Added,
                &["+ Action: kms:Sign", "+ Effect: Deny", "+ Principal: *", "+ Sid: new"],
            ),
            (
                "statement 2",
                Differs::Removed,
                &["- Action: kms:*", "- Effect: Allow", "- Principal AWS: 2"],
            ),
        ];
        let found = told(Some(before), after);
        assert_eq!(found.len(), expected.len());
        for ((label, differs, lines), expected) in found.iter().zip(expected) {
            assert_eq!((label.as_str(), *differs), (expected.0, expected.1));
            assert_eq!(lines, expected.2);
        }
    }

    #[test]
    fn the_first_policy_is_all_new_and_what_is_none_is_not_compared() {
        let first = r#"{"Statement":{"Effect":"Allow","Action":"kms:*"}}"#;
        assert_eq!(told(None, first)[0].1, Differs::Added);
        assert_eq!(differences(Some("none"), first), None);
        assert_eq!(differences(None, &" ".repeat(LONGEST + 1)), None);
    }
}
