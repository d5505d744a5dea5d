//! The result of verifying log files: for people, and as a document for programs.
//!
//! What must stay true: everything that is not verified is listed, and the keys behind the verdicts
//! are named.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::table::grid::{Grid, Ink};
use super::{Style, json};
use crate::model::problem::Problem;
use crate::model::verified::{
    Anchor, Chain, DigestVerdict, Head, Item, LogVerdict, Verdict, Verified,
};

/// Columns where no terminal limits them.
const DEFAULT_WIDTH: u16 = 120;

/// No terminal is taken to be narrower: nothing useful fits there.
const LEAST_WIDTH: u16 = 40;

/// The columns that verdicts take.
const VERDICT: u16 = 21;

/// Everything to be reported.
#[derive(Debug)]
pub struct Report<'a> {
    /// The public keys.
    pub anchor: &'a Anchor,
    /// The verdicts.
    pub verified: &'a Verified,
    /// What could not be read.
    pub problems: &'a [Problem],
    /// Whether everything was read.
    pub complete: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(flatten)]
    body: Body<'a>,
    problems: &'a [Problem],
}

/// The verdicts, as they are part of the report of a scan too. Frozen like that.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    public_keys: &'a Anchor,
    complete: bool,
    logs: BTreeMap<&'static str, u64>,
    digests: BTreeMap<&'static str, u64>,
    others: u64,
    pending: u64,
    chains: &'a [Chain],
    items: &'a [Item],
}

impl<'a> Body<'a> {
    pub fn new(anchor: &'a Anchor, verified: &'a Verified, complete: bool) -> Body<'a> {
        Body {
            public_keys: anchor,
            complete,
            logs: counts::<LogVerdict>(&verified.logs),
            digests: counts::<DigestVerdict>(&verified.digests),
            others: verified.others,
            pending: verified.pending,
            chains: &verified.chains,
            items: &verified.items,
        }
    }
}

/// The count of each verdict, those that were not given too.
fn counts<V: Verdict>(given: &BTreeMap<&'static str, u64>) -> BTreeMap<&'static str, u64> {
    V::ALL.map(|v| (v.as_str(), given.get(v.as_str()).copied().unwrap_or(0))).into()
}

/// Writes the document.
///
/// # Errors
/// Those of `out`.
pub fn write_json(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Report { anchor, verified, problems, complete } = *report;
    let body = Body::new(anchor, verified, complete);
    let document = Document { schema: "keytrail.verify/v1", body, problems };
    json::write_document(&document, out)
}

/// Writes the table: chains, then files, then counts.
///
/// # Errors
/// Those of `out`.
pub fn write_table(report: &Report<'_>, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let Report { anchor, verified, .. } = *report;
    let width = style.width.unwrap_or(DEFAULT_WIDTH).max(LEAST_WIDTH);
    for chain in &verified.chains {
        write_chain(chain, width, style, out)?;
    }
    if !verified.items.is_empty() {
        let mut grid = Grid::new(width, &[6, VERDICT, 0], style.color, out);
        for item in &verified.items {
            let [mut kind, mut verdict, mut origin] = grid.row();
            let kind_name = match item.kind {
                crate::model::verified::Kind::Digest => "digest",
                crate::model::verified::Kind::Log => "log",
            };
            kind.add(Ink::Faint, kind_name, 1);
            verdict.add(if item.bad { Ink::Alarm } else { Ink::Plain }, item.verdict, 1);
            origin.add(Ink::Plain, &item.origin, 6);
            if !item.detail.is_empty() {
                origin.add(Ink::Faint, &item.detail, 6);
            }
            grid.write(&[kind, verdict, origin])?;
        }
        grid.gap()?;
    }
    writeln!(out, "digests  {}", line::<DigestVerdict>(&verified.digests))?;
    writeln!(out, "logs     {}", line::<LogVerdict>(&verified.logs))?;
    if verified.pending > 0 {
        writeln!(out, "waiting  {} logs whose digest is not due yet", verified.pending)?;
    }
    if verified.others > 0 {
        writeln!(out, "others   {} files that are neither", verified.others)?;
    }
    let keys = if anchor.count == 1 { "key" } else { "keys" };
    writeln!(out, "under    {} public {keys}", anchor.count)?;
    writeln!(out, "         sha256:{}", anchor.sha256)?;
    writeln!(out, "         every verdict is as good as that file")?;
    let verdict = match (verified.is_whole(), verified.digests.is_empty(), report.complete) {
        (true, _, true) => "every digest and log in range is verified",
        (true, _, false) => "every digest and log that was read is verified",
        (false, true, true) => "nothing could be verified: there are no digests",
        (false, ..) => "not everything in range is verified",
    };
    writeln!(out, "{verdict}")
}

fn write_chain(chain: &Chain, width: u16, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut grid = Grid::new(width, &[0], style.color, out);
    let [mut name] = grid.row();
    name.add(Ink::Strong, &format!("{} {} {}", chain.account, chain.region, chain.trail), 2);
    grid.write(&[name])?;
    let mut lines = vec![(Ink::Plain, format!("from {} to {}", chain.start, chain.end))];
    if chain.head == Head::Cut {
        let text = "begins with a digest that names an earlier one, which is not there";
        lines.push((Ink::Alarm, text.to_owned()));
    }
    for gap in &chain.gaps {
        lines.push((Ink::Alarm, format!("gap from {} to {}", gap.from, gap.to)));
    }
    if chain.tail_age_secs > 0 {
        let (hours, minutes) = (chain.tail_age_secs / 3600, chain.tail_age_secs / 60 % 60);
        let ink = if chain.ends_early { Ink::Alarm } else { Ink::Faint };
        lines.push((ink, format!("ends {hours} h {minutes} min before the end of the range")));
    }
    let mut grid = Grid::new(width, &[1, 0], style.color, out);
    for (ink, text) in lines {
        let [margin, mut cell] = grid.row();
        cell.add(ink, &text, 3);
        grid.write(&[margin, cell])?;
    }
    grid.gap()
}

/// `4 verified, 1 missing`.
pub(super) fn line<V: Verdict>(given: &BTreeMap<&'static str, u64>) -> String {
    let all = V::ALL.map(|verdict| (verdict.as_str(), given.get(verdict.as_str())));
    let shown: Vec<String> =
        all.iter().filter_map(|(name, n)| n.map(|n| format!("{n} {name}"))).collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}
