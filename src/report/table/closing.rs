//! The part below the findings: problems, what was read, and whether that was everything.
//!
//! An audit that found nothing looks like one that saw nothing, unless the report says which it was.
//! So the report always shows the counts of what was read and names what is missing. Its last line
//! says `complete` or `INCOMPLETE`.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::counts::{files, records};
use super::fit::{by_level, count, counted};
use super::grid::{Grid, Ink};
use crate::model::aftermath::Aftermath;
use crate::model::coverage::{Covered, Place};
use crate::model::outcome::{Outcome, TagCoverage};
use crate::model::suppression::{Applied, State as Applies};
use crate::model::time::Time;
use crate::model::undo::Fate;
use crate::model::verified::{DigestVerdict, LogVerdict, Verification};
use crate::report::verify::line;
use crate::report::{Report, State, Style};

/// Problems that are listed unless all are asked for.
const PROBLEMS_LISTED: usize = 20;

/// Suppressions that are listed unless all are asked for.
const SUPPRESSIONS_LISTED: usize = 10;

/// Accounts and Regions that are named unless all are asked for.
const NAMES_LISTED: usize = 8;

/// No message or list is longer than this many lines: a log must not be able to bury a report.
const LINES: usize = 8;

/// The columns of the labels.
const LABEL: u16 = 8;

/// Writes everything below the findings.
pub fn write(
    report: &Report<'_>,
    width: u16,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut grid = Grid::new(width, &[0], style.color, out);
    if report.outcome.findings.is_empty() {
        let [mut cell] = grid.row();
        cell.add(Ink::Strong, &nothing_found(report), LINES);
        grid.write(&[cell])?;
        grid.gap()?;
    }
    problems(report, width, style, out)?;
    suppressions(report, width, style, out)?;
    let lines = if style.verbose { usize::MAX } else { LINES };
    let mut grid = Grid::new(width, &[LABEL, 0], style.color, out);
    for (label, ink, text) in lines_of(report, style) {
        let [mut name, mut cell] = grid.row();
        name.add(if matches!(ink, Ink::Alarm) { ink } else { Ink::Faint }, label, 1);
        cell.add(ink, &text, lines.min(1_000));
        grid.write(&[name, cell])?;
    }
    Ok(())
}

/// Zero findings in a sentence, with the reason when it is that nothing could be found.
fn nothing_found(report: &Report<'_>) -> String {
    let (run, outcome) = (report.run, report.outcome);
    let totals = &outcome.totals;
    if totals.blobs == 0 && outcome.passed.known > 0 {
        return "No findings: everything was read before.".to_owned();
    }
    if totals.blobs == totals.blobs_other {
        return "No findings: no trail log was read.".to_owned();
    }
    if totals.records == 0 {
        return "No findings: no record was read.".to_owned();
    }
    if run.rules_enabled == 0 {
        return "No findings: no rule was enabled.".to_owned();
    }
    let levels = match outcome.summary.total() {
        0 => String::new(),
        _ => format!(" at or above {}", run.min_level),
    };
    let seen = match totals.kms_records {
        0 => format!("{}, none of them of KMS", counted(totals.records, "record")),
        kms => format!("{}, {} of KMS", counted(totals.records, "record"), count(kms)),
    };
    let mut text = format!("No findings{levels} in {seen}");
    if let Some(apart) = left_out(report) {
        text.push_str(&format!(", beside {apart}"));
    }
    text.push('.');
    text
}

/// What the levels do not count.
fn left_out(report: &Report<'_>) -> Option<String> {
    let summary = &report.outcome.summary;
    let parts = [(summary.suppressed, "suppressed"), (summary.known, "known from the baseline")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", count(*number)))
        .collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

fn problems(report: &Report<'_>, width: u16, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let problems = &report.outcome.problems;
    if problems.is_empty() {
        return Ok(());
    }
    let mut grid = Grid::new(width, &[LABEL, 0], style.color, out);
    let [mut name, mut cell] = grid.row();
    name.add(Ink::Alarm, "problems", 1);
    cell.add(Ink::Alarm, &count(problems.len() as u64), 1);
    grid.write(&[name, cell])?;
    let listed = if style.verbose { problems.len() } else { PROBLEMS_LISTED };
    for problem in problems.iter().take(listed) {
        let [mut stage, mut cell] = grid.row();
        stage.add(Ink::Faint, problem.stage.as_str(), 1);
        cell.add(Ink::Plain, &problem.origin.to_string(), 2);
        cell.add(Ink::Faint, &problem.message, LINES);
        grid.write(&[stage, cell])?;
    }
    if let Some(more) = problems.len().checked_sub(listed).filter(|&more| more > 0) {
        let [name, mut cell] = grid.row();
        cell.add(Ink::Plain, &format!("… and {} more; -f json lists all", count(more as u64)), 2);
        grid.write(&[name, cell])?;
    }
    grid.gap()
}

/// What the user left out, and for how long: first what they should look at again.
fn suppressions(
    report: &Report<'_>,
    width: u16,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut all: Vec<&Applied> = report.outcome.suppressions.iter().collect();
    if all.is_empty() {
        return Ok(());
    }
    all.sort_by_key(|applied| match applied.state {
        Applies::Expired => 0,
        Applies::Active => 1,
        Applies::Unmatched => 2,
    });
    let mut grid = Grid::new(width, &[LABEL, 0], style.color, out);
    let [mut name, mut cell] = grid.row();
    name.add(Ink::Strong, "suppress", 1);
    let left_out = counted(report.outcome.summary.suppressed, "finding");
    let text = format!("{}, {left_out} left out", counted(all.len() as u64, "suppression"));
    cell.add(Ink::Strong, &text, 2);
    grid.write(&[name, cell])?;
    let listed = if style.verbose { all.len() } else { SUPPRESSIONS_LISTED };
    for applied in all.iter().take(listed) {
        let Applied { rule, reason, expires, .. } = applied;
        let findings = counted(applied.count, "finding");
        let (label, ink, text) = match applied.state {
            Applies::Active => {
                ("active", Ink::Plain, format!("{rule}: fits {findings}, until {expires}"))
            }
            Applies::Expired => {
                ("expired", Ink::Strong, format!("{rule}: fits {findings}, held until {expires}"))
            }
            Applies::Unmatched => {
                ("no match", Ink::Plain, format!("{rule}: fits no finding, until {expires}"))
            }
        };
        let [mut name, mut cell] = grid.row();
        name.add(Ink::Faint, label, 1);
        cell.add(ink, &text, 2);
        cell.add(Ink::Faint, reason, 2);
        grid.write(&[name, cell])?;
    }
    if let Some(more) = all.len().checked_sub(listed).filter(|&more| more > 0) {
        let [name, mut cell] = grid.row();
        cell.add(Ink::Plain, &format!("… and {} more; -f json lists all", count(more as u64)), 2);
        grid.write(&[name, cell])?;
    }
    grid.gap()
}

/// The closing summary, line by line.
fn lines_of(report: &Report<'_>, style: &Style) -> Vec<(&'static str, Ink, String)> {
    let (run, totals) = (report.run, &report.outcome.totals);
    let mut lines = vec![("read", Ink::Plain, files(report))];
    let mut add = |label, text| lines.push((label, Ink::Plain, text));
    add("records", records(report));
    if let (Some(first), Some(last)) = (totals.first_event, totals.last_event) {
        add("events", format!("{first} to {last}"));
    }
    if run.since.is_some() || run.until.is_some() {
        add("reported", window(run.since, run.until));
    }
    add("accounts", listed(&totals.accounts, style.verbose));
    add("regions", listed(&totals.regions, style.verbose));
    if let Some(path) = &run.config_file {
        add("config", path.clone());
    }
    if let Some(baseline) = &run.baseline {
        add("baseline", baseline.path.clone());
    }
    if let Some(state) = &run.state {
        add("state", state_line(state, report.outcome));
    }
    if let Some(text) = covered(&report.outcome.covered) {
        add("coverage", text);
    }
    add("rules", format!("{} enabled", count(run.rules_enabled as u64)));
    if let Some(tags) = &report.outcome.tags {
        add("tags", compared(tags));
    }
    if let Some(verify) = &report.outcome.verify {
        add("verify", verified(verify));
    }
    add("findings", findings(report));
    for (label, text) in aftermath(&report.outcome.aftermath) {
        add(label, text);
    }
    lines.extend(notes(report).into_iter().map(|note| ("note", Ink::Strong, note)));
    lines.push(verdict(report));
    lines
}

/// What was not read again, and since when.
fn state_line(state: &State, outcome: &Outcome) -> String {
    let files = counted(outcome.passed.known, "file");
    let Some(previous) = state.previous else { return format!("{}: the first run", state.path) };
    let mut text = format!("{}: since {previous}, {files} read before", state.path);
    if !state.new_rules.is_empty() {
        text += &format!(", without {}", counted(state.new_rules.len() as u64, "new rule"));
    }
    let aged = outcome.memory.as_ref().map_or(0, |memory| memory.aged);
    if aged > 0 {
        text += &format!(", {} too old for any rule", counted(aged, "record"));
    }
    text
}

/// What became of findings of earlier runs: the gravest of those that were undone, and of those that
/// hold again.
fn aftermath(told: &[Aftermath]) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for (label, fate) in [("undone", Fate::Reversed), ("again", Fate::Open)] {
        let mut of = told.iter().filter(|told| told.effect.fate == fate);
        let Some(first) = of.next() else { continue };
        let more = of.count() as u64;
        let mut text = match (more, fate) {
            (0, Fate::Open) => "1 finding of an earlier run holds again".to_owned(),
            (0, _) => "1 finding of an earlier run was undone".to_owned(),
            (more, Fate::Open) => {
                format!("{} findings of earlier runs hold again", count(more + 1))
            }
            (more, _) => format!("{} findings of earlier runs were undone", count(more + 1)),
        };
        text += &format!(": {}", first.rule);
        if let Some(target) = &first.target {
            text += &format!(" of {target}");
        }
        if let Some(undone) = &first.effect.undone {
            text += &format!(" at {}", undone.at);
            text.extend(undone.by.iter().map(|by| format!(" by {by}")));
        }
        if more > 0 {
            text += &format!(", and {} more; -f json lists all", count(more));
        }
        lines.push((label, text));
    }
    lines
}

/// The half-open interval that was asked for.
fn window(since: Option<Time>, until: Option<Time>) -> String {
    match (since, until) {
        (Some(since), Some(until)) => format!("from {since} to before {until}"),
        (Some(since), None) => format!("from {since}"),
        (None, Some(until)) => format!("before {until}"),
        (None, None) => "all".to_owned(),
    }
}

/// How many, and the first of them.
fn listed(names: &BTreeSet<String>, all: bool) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown = if all { names.len() } else { NAMES_LISTED };
    let mut text = names.iter().take(shown).map(String::as_str).collect::<Vec<_>>().join(", ");
    if let Some(more) = names.len().checked_sub(shown).filter(|&more| more > 0) {
        text.push_str(&format!(" and {} more", count(more as u64)));
    }
    text
}

fn findings(report: &Report<'_>) -> String {
    let (run, outcome) = (report.run, report.outcome);
    let total = outcome.summary.total();
    let mut text = match total {
        0 => "none".to_owned(),
        _ => by_level(|level| outcome.summary.of(level)),
    };
    if let Some(apart) = left_out(report) {
        text.push_str(&format!(", beside {apart}"));
    }
    if total == 0 {
        return text;
    }
    if run.each {
        text.push_str(" (one for each event)");
    }
    if let Some((standing, of)) = outcome.findings.folded() {
        let verb = if standing == 1 { "stands" } else { "stand" };
        let (standing, of) = (count(standing), counted(of, "other"));
        text.push_str(&format!("; {standing} {verb} for {of}"));
    }
    let hidden = total.saturating_sub(outcome.findings.len());
    if hidden > 0 {
        let below = run.min_level;
        text.push_str(&format!("; the {} below {below} are counted, not listed", count(hidden)));
    }
    text
}

/// For how many hours there are no files, and where they lack longest. Hours as such are not wrong:
/// CloudTrail writes no file when nothing happens.
fn covered(rows: &[Covered]) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    // Where hardly anything happens, nearly all hours are without: that is not worth a line.
    let busy = |row: &Covered| row.hours_covered > row.hours_missing();
    let longest = rows.iter().filter_map(|row| Some((row, row.longest()?)));
    // Of several that are as long the first one.
    let longest = longest.rev().max_by_key(|(row, gap)| (busy(row), gap.hours()));
    let mut text = match longest {
        None => "files in every hour of each account and Region".to_owned(),
        Some((row, gap)) => {
            let gaps = rows.iter().filter(|row| row.gap_count > 0).count();
            let [gaps, all] = [gaps, rows.len()].map(|number| count(number as u64));
            let (hours, from) = (count(gap.hours().cast_unsigned()), gap.times().0);
            let Place { account, region } = &row.place;
            let most = if busy(row) { " where most have some" } else { "" };
            format!(
                "hours without files in {gaps} of {all} accounts and Regions, at most {hours} in a \
                 row{most} ({account} {region} from {from})"
            )
        }
    };
    let blind = rows.iter().filter(|row| row.kms_reads_missing).count() as u64;
    if blind > 0 {
        text.push_str(&format!("; KMS reads are missing in {}", count(blind)));
    }
    Some(text)
}

/// How many uses of keys were judged by tags, and why the others were not: the commonest reasons.
fn compared(tags: &TagCoverage) -> String {
    if tags.uses == 0 {
        return "no use of a key to compare".to_owned();
    }
    let (uses, known) = (counted(tags.uses, "use"), tags.compared());
    let mut text = format!("{} of {uses} compared", count(known));
    let parts = [
        (tags.agreeing, "agreeing"),
        (tags.mismatched, "mismatched"),
        (tags.one_sided, "one-sided"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", count(*number)))
        .collect();
    if !parts.is_empty() {
        text.push_str(&format!(" ({})", parts.join(", ")));
    }
    if tags.untagged > 0 {
        text.push_str(&format!(", {} of what has no such tags", count(tags.untagged)));
    }
    let mut reasons: Vec<(&str, u64)> = tags.unknown.iter().map(|(why, n)| (*why, *n)).collect();
    reasons.sort_by_key(|(why, number)| (std::cmp::Reverse(*number), *why));
    let reasons: Vec<String> =
        reasons.iter().take(3).map(|(why, number)| format!("{} {why}", count(*number))).collect();
    if !reasons.is_empty() {
        text.push_str(&format!("; not known: {}", reasons.join(", ")));
    }
    text
}

/// What was verified, and under which keys.
fn verified(verify: &Verification) -> String {
    let Verification { anchor, verified, .. } = verify;
    format!(
        "logs: {}; digests: {}; under {}, as good as their file (sha256:{})",
        line::<LogVerdict>(&verified.logs),
        line::<DigestVerdict>(&verified.digests),
        counted(anchor.count as u64, "public key"),
        anchor.sha256
    )
}

/// What keeps a quiet report from meaning that all is well.
fn notes(report: &Report<'_>) -> Vec<String> {
    let (run, totals) = (report.run, &report.outcome.totals);
    let mut notes = Vec::new();
    if totals.records == 0 && report.outcome.passed.known > 0 {
        notes
            .push("Nothing was delivered since the last run: silence is no proof of peace.".into());
    } else if totals.records == 0 {
        notes.push("No records were read, so this report says nothing about the account.".into());
    } else if totals.kms_records == 0 {
        notes.push("No KMS records were read, so this report says nothing about KMS use.".into());
    } else if totals.kms_records == totals.records {
        notes
            .push("Every record is of KMS: rules about other services had none to look at.".into());
    }
    notes.extend(report.outcome.notes.iter().map(ToString::to_string));
    if run.rules_enabled == 0 {
        notes.push("No rule was enabled, so nothing could be found.".into());
    }
    let verify = report.outcome.verify.as_ref();
    if let Some(verify) = verify.filter(|verify| verify.left_out > 0) {
        let files = counted(verify.left_out, "log file");
        notes.push(format!("{files} not verified, so not evaluated."));
    }
    if let Some(pending) = verify.map(|v| v.verified.pending).filter(|pending| *pending > 0) {
        let files = counted(pending, "log file");
        notes.push(format!("{files} too new to be verified yet: no digest is due."));
    }
    if let Some(memory) = &report.outcome.memory {
        if memory.doings_forgotten > 0 {
            let findings = counted(memory.doings_forgotten, "finding");
            notes.push(format!(
                "No room in the state for {findings}: later runs will not tell whether they were undone."
            ));
        }
        for (count, what) in
            [(memory.cases_forgotten, "case"), (memory.issued_forgotten, "credential")]
        {
            if count > 0 {
                let what = counted(count, what);
                notes.push(format!(
                    "No room in the state for {what}: what goes on with them may be a new case."
                ));
            }
        }
    }
    notes
}

fn verdict(report: &Report<'_>) -> (&'static str, Ink, String) {
    let outcome = report.outcome;
    if outcome.complete() {
        return ("result", Ink::Strong, "complete".to_owned());
    }
    let mut reasons = Vec::new();
    if outcome.interrupted {
        reasons.push("interrupted before the end of the input".to_owned());
    }
    if !outcome.problems.is_empty() {
        reasons.push(counted(outcome.problems.len() as u64, "problem"));
    }
    let reasons = reasons.join(", ");
    ("result", Ink::Alarm, format!("INCOMPLETE: {reasons}; there may be more than was found"))
}
