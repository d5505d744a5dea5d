//! Cases: what each actor did, as a story of a few lines.
//!
//! ```text
//! critical  user/ci-backup from 198.51.100.77                    case d83b31e95820
//!           Audit trail blinded and then KMS keys changed; 28 findings; no MFA
//! 03-11 02:33  DisableKey payments, undone                      key-disabled +1
//! chains    chain-blind-then-act, chain-recon-then-act
//! now       what to do
//! look      keytrail events samples/trail --access-key …
//! ```
//!
//! What must stay true: a command is never cut, nor the id of a rule that three lines can hold, and what
//! is left out is counted. A case takes [`LINES`] lines at most, unless the terminal is too narrow for
//! these.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::fit::{by_level, count, counted, fit};
use super::grid::{Grid, Ink, Leads};
use super::look::look;
use super::names;
use super::story::{Ended, Line, few, lines};
use crate::model::case::{Case, Names};
use crate::model::finding::{Finding, Status};
use crate::model::level::Level;
use crate::model::principal::Mfa;
use crate::model::time::Time;
use crate::model::undo::Fate;
use crate::report::{Report, Style};

/// So many cases are told, unless all are asked for.
const TOLD: usize = 10;
/// In so many lines at most.
const LINES: usize = 12;
/// If all take more lines than this, the first ones are told in whole,
const SCREEN: usize = 40;
/// as long as they take no more than so many, and of the others the head.
const LEADING: usize = 28;
/// Of so many findings of a case the table knows more than their number.
const KNOWN: usize = 500;
/// Month, day, hour and minute: `03-11 02:33`.
const TIME: u16 = 11;
/// What became of an event, in a column of its own.
const ENDED: u16 = 34;
/// From here on a line has its level and what became of it in columns of their own.
const WIDE: u16 = 140;

/// Writes the cases of a report.
pub fn write(
    report: &Report<'_>,
    width: u16,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let cases = &report.outcome.cases;
    let most = if style.verbose { usize::MAX } else { TOLD };
    let told = &cases.all[..cases.all.len().min(most)];
    let ids: BTreeSet<&str> = told.iter().map(|case| &*case.id).collect();
    let mut findings: BTreeMap<&str, Vec<Finding>> = BTreeMap::new();
    for finding in report.outcome.findings.read()? {
        let finding = finding?;
        let Some(&id) = finding.case.as_deref().and_then(|id| ids.get(id)) else {
            continue;
        };
        let of = findings.entry(id).or_default();
        if of.len() < KNOWN {
            of.push(finding.into_owned());
        }
    }
    let of = |case: &Case| findings.get(&*case.id).map(Vec::as_slice).unwrap_or_default();
    let mut texts = Vec::new();
    for case in told {
        let mut text = Vec::new();
        one(report, (case, of(case)), (width, style), &mut text)?;
        texts.push(text);
    }
    let whole = if style.verbose { told.len() } else { whole(&texts) };
    for (place, (case, text)) in told.iter().zip(&texts).enumerate() {
        match place < whole {
            true => out.write_all(text)?,
            false => head((case, of(case)), true, (width, style), out).map(|_| ())?,
        }
        // What matters less, or is told in short, stands closer together.
        let next = told.get(place + 1);
        let close = next.is_some_and(|next| next.level < Level::High) && case.level < Level::High;
        if !(close || place >= whole && next.is_some()) {
            writeln!(out)?;
        }
    }
    rest(report, (told.len(), told.len() - whole), (width, style), out)
}

/// How many cases are told in whole, so that the first screen has all of them.
fn whole(texts: &[Vec<u8>]) -> usize {
    let heights = texts.iter().map(|text| memchr::memchr_iter(b'\n', text).count());
    if heights.clone().sum::<usize>() <= SCREEN {
        return texts.len();
    }
    let so_far = heights.scan(0, |sum, height| {
        *sum += height;
        Some(*sum)
    });
    so_far.take_while(|sum| *sum <= LEADING).count().max(1)
}

/// How many cases and findings are not told: of the cases those beyond `told`, and `short` ones.
fn rest(
    report: &Report<'_>,
    (told, short): (usize, usize),
    (width, style): (u16, &Style),
    out: &mut dyn Write,
) -> io::Result<()> {
    let cases = &report.outcome.cases;
    let mut grid = Grid::new(width, &[0], style.color, out);
    if short > 0 {
        let [mut cell] = grid.row();
        let text = format!("… {} in short; -v tells all in whole", counted(short as u64, "case"));
        cell.add(Ink::Plain, &text, 2);
        grid.write(&[cell])?;
    }
    let mut said = Vec::new();
    if let Some(others) = cases.all.get(told..).filter(|others| !others.is_empty()) {
        let of = |level| others.iter().filter(|case| case.level == level).count() as u64;
        let findings: u64 = others.iter().map(|case| case.findings.len() as u64).sum();
        said.push(format!(
            "{} more ({}) with {}",
            counted(others.len() as u64, "case"),
            by_level(of),
            counted(findings, "finding")
        ));
    }
    if cases.without > 0 {
        said.push(format!(
            "{} in no case, since there are too many",
            counted(cases.without, "finding")
        ));
    }
    if said.is_empty() {
        return if short > 0 { grid.gap() } else { Ok(()) };
    }
    let text = format!("… and {}; --view findings or -f json lists all", said.join(", and "));
    let [mut cell] = grid.row();
    cell.add(Ink::Plain, &text, 3);
    grid.write(&[cell])?;
    grid.gap()
}

fn one(
    report: &Report<'_>,
    (case, findings): (&Case, &[Finding]),
    (width, style): (u16, &Style),
    out: &mut dyn Write,
) -> io::Result<()> {
    let summed_up = case.level >= Level::High;
    let used = head((case, findings), summed_up, (width, style), out)?;
    let foot = foot(report, (case, findings));
    // A command that is too long for a line takes two.
    let foot_lines: usize = foot.iter().map(|(_, _, text)| height(text, width)).sum();
    let room = match case.level {
        Level::Critical | Level::High => LINES,
        Level::Medium => LINES / 2,
        Level::Low | Level::Informational => LINES / 4,
    };
    events(&lines(findings), room.saturating_sub(used + foot_lines).max(2), (width, style), out)?;
    let mut grid = Grid::new(width, &[LABEL, 0], style.color, out);
    for (label, ink, text) in foot {
        let [mut name, mut cell] = grid.row();
        name.add(Ink::Faint, label, 1);
        let leads = if label == CHAINS { chains(findings, style) } else { Vec::new() };
        cell.add_leading(ink, &text, height(&text, width), &leads);
        grid.write(&[name, cell])?;
    }
    if style.verbose {
        writeln!(out)?;
        findings
            .iter()
            .try_for_each(|finding| super::findings::card(finding, (width, LABEL), style, out))?;
    }
    Ok(())
}

/// What stands beside the chains of a case.
const CHAINS: &str = "chains";

/// The columns of labels and levels.
const LABEL: u16 = 8;

/// No text is so long that it would not fit on so many lines: a command must not be cut.
const WHOLE: usize = 40;

/// How many lines a text below a label may take.
fn height(text: &str, width: u16) -> usize {
    let columns = usize::from(width.saturating_sub(LABEL + 2)).max(2);
    fit(text, columns, WHOLE).len()
}

/// Who it was, and how much there is.
fn head(
    (case, findings): (&Case, &[Finding]),
    summed_up: bool,
    (width, style): (u16, &Style),
    out: &mut dyn Write,
) -> io::Result<usize> {
    let level = case.level.as_str().len().max(usize::from(LABEL)) as u16;
    let id =
        format!("{} {}", if case.status == Status::New { "case" } else { "known case" }, case.id);
    // A report that is read back may call a case anything.
    let wide = u16::try_from(id.len()).unwrap_or(u16::MAX).min(width / 2);
    let mut grid = Grid::new(width, &[level, 0, wide], style.color, out);
    let [mut name, mut who, mut ids] = grid.row();
    name.add(Ink::Of(case.level), case.level.as_str(), 1);
    who.add(Ink::Strong, &actor(case, findings), 1);
    ids.add(Ink::Faint, &id, 1);
    grid.write(&[name, who, ids])?;
    if !summed_up {
        return Ok(1);
    }
    let mut grid = Grid::new(width, &[level, 0], style.color, out);
    let [name, mut cell] = grid.row();
    cell.add(Ink::Plain, &summary(case, findings, width), if width < WIDE { 1 } else { 2 });
    grid.write(&[name, cell])?;
    Ok(2)
}

/// Who acted, and from where.
fn actor(case: &Case, findings: &[Finding]) -> String {
    let named = |finding: &&Finding| finding.principal.identity().is_some();
    let mut text = match findings.iter().find(named) {
        Some(finding) => names::principal(&finding.principal, None),
        None => case.title.clone(),
    };
    if case.actors.count > 1 {
        text.push_str(&format!(" and {} more", case.actors.count - 1));
    }
    if case.source_ips.count > 0 && case.actors.count > 0 {
        text.push_str(&format!(" from {}", some(&case.source_ips)));
    }
    text
}

/// The first of the names, and how many more there are.
fn some(names: &Names) -> String {
    match (names.first.first(), names.count) {
        (Some(one), 1) => one.clone(),
        (Some(one), count) => format!("{one} and {} more", count - 1),
        (None, _) => String::new(),
    }
}

/// What it was, how many findings, what became of it, and with which credentials.
fn summary(case: &Case, findings: &[Finding], width: u16) -> String {
    let mut parts = vec![case.title.clone(), counted(case.findings.len() as u64, "finding")];
    parts.extend(case.effect.as_ref().and_then(|effect| match (effect.fate, effect.due) {
        (Fate::Reversed, _) => Some("undone".to_owned()),
        (Fate::Refused, _) => Some("refused".to_owned()),
        (Fate::Open, due) => due.map(|due| format!("due {}", day_and_minute(due))),
    }));
    let mut mfa = findings.iter().map(|finding| finding.principal.mfa);
    parts.extend(match (mfa.clone().any(|mfa| mfa == Mfa::No), mfa.all(|mfa| mfa == Mfa::Yes)) {
        (true, _) => Some("no MFA".to_owned()),
        (_, true) => Some("MFA".to_owned()),
        _ => None,
    });
    if !case.merged.is_empty() {
        parts.push(format!("was {}", few(&case.merged)));
    }
    if width >= WIDE {
        let time = |time: Option<Time>| time.map_or("no time".to_owned(), |time| time.to_string());
        parts.push(format!("{} to {}", time(case.first_seen), time(case.last_seen)));
        parts.push(some(&case.credentials));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

/// The events of a case, the gravest that have room.
fn events(
    story: &[Line],
    room: usize,
    (width, style): (u16, &Style),
    out: &mut dyn Write,
) -> io::Result<()> {
    let narrow = width < WIDE;
    // What a line has room for beside its time and its rule.
    let columns = |line: &Line| {
        let beside = if narrow { TIME + 4 } else { TIME + 8 + ENDED + 8 };
        usize::from(width.saturating_sub(beside)).saturating_sub(rule(line).chars().count())
    };
    let texts = |line: &Line| happened(line, narrow, columns(line));
    let shown = gravest(story, room, |line| texts(line).len());
    let widest = shown.iter().map(|line| rule(line).chars().count()).max().unwrap_or_default();
    for line in &shown {
        let by = rule(line);
        let rules = if narrow { by.chars().count() } else { widest };
        let rules = u16::try_from(rules).unwrap_or(u16::MAX);
        if rules > width / 2 {
            stacked((line, &by), (width, style), out)?;
            continue;
        }
        let fixed: &[u16] = if narrow { &[TIME, 0, rules] } else { &[TIME, 8, 0, ENDED, rules] };
        let mut grid = Grid::new(width, fixed, style.color, out);
        let cells = grid.row::<5>();
        let [mut time, mut level, mut what, mut ended, mut rules] = cells;
        if narrow {
            [time, what, rules, level, ended] = grid.row();
        }
        time.add(Ink::Faint, &line.time.map_or("no time".to_owned(), day_and_minute), 1);
        texts(line).iter().for_each(|text| what.add(Ink::Plain, text, 1));
        rules.add_leading(Ink::Of(line.level), &by, 1, &leads(line, style));
        if narrow {
            grid.write(&[time, what, rules])?;
        } else {
            level.add(Ink::Of(line.level), line.level.as_str(), 1);
            ended.add(ink(&line.ended), &became(&line.ended, true), 1);
            grid.write(&[time, level, what, ended, rules])?;
        }
    }
    let mut grid = Grid::new(width, &[TIME, 0], style.color, out);
    let left: u64 = story.len().saturating_sub(shown.len()) as u64;
    if left > 0 {
        let [time, mut what] = grid.row();
        what.add(Ink::Faint, &format!("… and {} of less weight", counted(left, "more line")), 1);
        grid.write(&[time, what])?;
    }
    Ok(())
}

/// A line whose rule has no room beside its call: it stands below.
fn stacked(
    (line, by): (&Line, &str),
    (width, style): (u16, &Style),
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut grid = Grid::new(width, &[TIME, 0], style.color, out);
    let [mut time, mut what] = grid.row();
    time.add(Ink::Faint, &line.time.map_or("no time".to_owned(), day_and_minute), 1);
    let columns = what.width();
    happened(line, true, columns).iter().for_each(|text| what.add(Ink::Plain, text, 1));
    what.add_leading(Ink::Of(line.level), by, 3, &leads(line, style));
    grid.write(&[time, what])
}

/// The rule of a line, and how many more tell of it.
fn rule(line: &Line) -> String {
    match line.more {
        0 => line.rule.clone(),
        more => format!("{} +{more}", line.rule),
    }
}

/// Where the rule of a line leads.
fn leads(line: &Line, style: &Style) -> Vec<Leads> {
    let page = line.page.as_ref().filter(|_| style.links);
    page.map(|page| (line.rule.clone(), page.clone())).into_iter().collect()
}

/// Where the chains among findings lead.
fn chains(findings: &[Finding], style: &Style) -> Vec<Leads> {
    let mut chains: Vec<Leads> =
        findings.iter().filter(|f| f.told.chain).filter_map(|f| style.leads(f)).collect();
    chains.sort();
    chains.dedup();
    chains
}

/// The gravest lines that have room, in the order of time; where some have none, a line says so.
fn gravest(story: &[Line], room: usize, height: impl Fn(&Line) -> usize) -> Vec<&Line> {
    let mut shown: Vec<&Line> = story.iter().collect();
    shown.sort_by_key(|line| line.gravity);
    let lines = |shown: &[&Line]| {
        let more = usize::from(shown.len() < story.len());
        shown.iter().map(|line| height(line)).sum::<usize>() + more
    };
    while shown.len() > 1 && lines(&shown) > room {
        shown.pop();
    }
    shown.sort_by_key(|line| (line.time.is_none(), line.time, line.gravity));
    shown
}

/// `03-11 02:33` of a time.
fn day_and_minute(time: Time) -> String {
    let text = time.to_string();
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default().to_owned();
    format!("{} {}", part(5..10), part(11..16))
}

/// The call, how often, on what, with what became of it if it has no column of its own: on a line of so
/// many columns, or on two if it says to whom something was given.
fn happened(line: &Line, with_end: bool, columns: usize) -> Vec<String> {
    let calls: Vec<&String> = line.calls.iter().collect();
    let mut call = few(&calls);
    if line.count > 1 {
        let more = if line.at_least { "+" } else { "" };
        call.push_str(&format!(" ×{}{more}", count(line.count)));
    }
    let targets: Vec<&String> = line.targets.iter().collect();
    match targets.as_slice() {
        [] => {}
        [one] => call.push_str(&format!(" {one}")),
        several => call.push_str(&format!(" on {} things", several.len())),
    }
    let end = match line.ended {
        Ended::Done => String::new(),
        _ if !with_end => String::new(),
        _ => format!(", {}", became(&line.ended, false)),
    };
    let text = |said: &str| format!("{call}{said}{end}");
    let said = line
        .said
        .as_ref()
        .map(|said| format!(": {}", few(&said.texts.iter().collect::<Vec<_>>())))
        .unwrap_or_default();
    let full = text(&said);
    match fit(&full, columns, 2) {
        one if one.len() == 1 => one,
        two if line.said.as_ref().is_some_and(|said| said.grave) => two,
        _ => fit(&text(""), columns, 1),
    }
}

fn became(ended: &Ended, long: bool) -> String {
    match ended {
        Ended::Done => String::new(),
        Ended::Open => "not undone".to_owned(),
        Ended::Refused(error) if long => format!("refused: {error}"),
        Ended::Refused(_) => "refused".to_owned(),
        Ended::Undone(at, by) if long => {
            let by = by.as_deref().map(|by| by.rsplit(['/', ':']).next().unwrap_or(by));
            let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
            format!("undone {}{by}", day_and_minute(*at))
        }
        Ended::Undone(..) => "undone".to_owned(),
    }
}

fn ink(ended: &Ended) -> Ink {
    match ended {
        Ended::Open => Ink::Alarm,
        _ => Ink::Faint,
    }
}

/// What follows the events: the chains, who was hit, what to do, and where to look.
fn foot(
    report: &Report<'_>,
    (case, findings): (&Case, &[Finding]),
) -> Vec<(&'static str, Ink, String)> {
    let (mut all, grave) = (Vec::new(), case.level >= Level::High);
    let chains: BTreeSet<&str> =
        findings.iter().filter(|f| f.told.chain).map(|f| f.rule.as_str()).collect();
    if !chains.is_empty() {
        let chains: Vec<&str> = chains.into_iter().collect();
        all.push((CHAINS, Ink::Plain, chains.join(", ")));
    }
    let known = findings.len() as u64;
    if let Some(more) = (case.findings.len() as u64).checked_sub(known).filter(|more| *more > 0) {
        let text = format!("{} more, which are not counted here", counted(more, "finding"));
        all.push(("also", Ink::Plain, text));
    }
    if case.hit.count > 0 {
        let short = |arn: &String| arn.rsplit(':').next().unwrap_or(arn).to_owned();
        let hit: Vec<String> = case.hit.first.iter().map(short).collect();
        all.push(("hit", Ink::Plain, few(&hit)));
    }
    let advice = findings.first().and_then(|finding| finding.told.advice.as_deref());
    if let Some(advice) = advice.filter(|_| grave) {
        all.push(("now", Ink::Plain, first_sentence(advice).to_owned()));
    }
    if grave {
        all.extend(look(report, case).map(|command| ("look", Ink::Faint, command)));
    }
    all
}

/// Up to the first end of a sentence.
fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| &text[..first.len() + 1])
}
