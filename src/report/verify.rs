//! The result of verifying log files: for people, and as a document for programs.
//!
//! What must stay true: everything that is not verified is listed, and the keys behind the verdicts
//! are named.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;

use super::table::grid::{Grid, Ink};
use super::{Style, json};
use crate::model::problem::Problem;
use crate::model::verified::{
    Anchor, Chain, DigestVerdict, Head, Item, Kind, LogVerdict, Verdict, Verified,
};

/// Columns where no terminal limits them.
const DEFAULT_WIDTH: u16 = 120;

/// No terminal is taken to be narrower: nothing useful fits there.
const LEAST_WIDTH: u16 = 40;

/// So many items of which the same is said are one row.
const FOLDED: usize = 3;

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

/// The name and version of the document.
pub const SCHEMA: &str = "keytrail.verify/v1";

/// The document.
#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'a> {
    /// The name and version of this form.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    #[serde(flatten)]
    body: Body<'a>,
    /// What could not be read.
    problems: &'a [Problem],
}

/// The verdicts, as they are part of the report of a scan too. Frozen like that.
#[derive(Serialize, JsonSchema)]
pub(super) struct Body<'a> {
    /// The public keys on which all verdicts rest.
    public_keys: &'a Anchor,
    /// Whether everything was read.
    complete: bool,
    /// How many logs have each verdict.
    #[schemars(schema_with = "counted::<LogVerdict>")]
    logs: BTreeMap<&'static str, u64>,
    /// How many digests have each verdict.
    #[schemars(schema_with = "counted::<DigestVerdict>")]
    digests: BTreeMap<&'static str, u64>,
    /// Files that are neither logs nor digests.
    others: u64,
    /// Of the logs, those so new that their digest may not have been written yet.
    pending: u64,
    /// The digests of each trail in each account and Region.
    chains: &'a [Chain],
    /// Every file that is not verified; with `-v` the others too.
    items: &'a [Item],
}

/// A number for each verdict, which says what the verdict says.
fn counted<V: Verdict + JsonSchema>(schemas: &mut SchemaGenerator) -> Schema {
    let verdicts = V::json_schema(schemas);
    let each = verdicts.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let member = |one: &Value| {
        let number = json_schema!({
            "description": one.get("description"), "type": "integer", "minimum": 0
        });
        Some((one.get("const")?.as_str()?.to_owned(), number.to_value()))
    };
    let members: serde_json::Map<String, Value> = each.filter_map(member).collect();
    let names: Vec<&str> = V::ALL.iter().map(|verdict| verdict.as_str()).collect();
    json_schema!({"type": "object", "properties": members, "required": names})
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
    let document = Document { schema: SCHEMA, body, problems };
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
        for alike in fold(&verified.items, style.verbose) {
            write_items(&alike, &mut grid)?;
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

/// Items of which the same is said, in the order of reports: at least one.
type Alike<'a> = Vec<&'a Item>;

/// Items of which the same is said stand together, unless `all` are asked for or there are few.
fn fold(items: &[Item], all: bool) -> Vec<Alike<'_>> {
    let mut folded: Vec<Alike<'_>> = Vec::new();
    let mut places: HashMap<(Kind, &str, String), usize> = HashMap::new();
    for item in items {
        match places.entry((item.kind, item.verdict, reason(item))) {
            Entry::Occupied(place) if !all => folded[*place.get()].push(item),
            Entry::Occupied(_) => folded.push(vec![item]),
            Entry::Vacant(place) => {
                place.insert(folded.len());
                folded.push(vec![item]);
            }
        }
    }
    let (few, many): (Vec<Alike<'_>>, Vec<Alike<'_>>) =
        folded.into_iter().partition(|alike| alike.len() < FOLDED);
    let few = few.into_iter().flatten().map(|item| vec![item]);
    let mut rows: Vec<Alike<'_>> = few.chain(many).collect();
    rows.sort();
    rows
}

/// What is said of an item, without the name of the digest that names it. What is wrong with that
/// digest is said.
fn reason(item: &Item) -> String {
    let missing = item.kind == Kind::Log && item.verdict == LogVerdict::Missing.as_str();
    match item.detail.split_once(" names it").filter(|_| missing) {
        Some((_, more)) => format!("a digest names it{more}"),
        None => item.detail.clone(),
    }
}

/// One row for items of which the same is said.
fn write_items(alike: &[&Item], grid: &mut Grid<'_>) -> io::Result<()> {
    let Some(item) = alike.first() else { return Ok(()) };
    let [mut kind, mut verdict, mut origin] = grid.row();
    let (one, several) = match item.kind {
        Kind::Digest => ("digest", "digests"),
        Kind::Log => ("log", "logs"),
    };
    kind.add(Ink::Faint, one, 1);
    verdict.add(if item.bad { Ink::Alarm } else { Ink::Plain }, item.verdict, 1);
    if alike.len() == 1 {
        origin.add(Ink::Plain, &item.origin, 6);
        if !item.detail.is_empty() {
            origin.add(Ink::Faint, &item.detail, 6);
        }
        return grid.write(&[kind, verdict, origin]);
    }
    let count: u64 = alike.iter().map(|item| item.count).sum();
    origin.add(Ink::Plain, &format!("each of {count} {several}: {}", reason(item)), 6);
    let in_time = |item: &&&Item| (item.about.time, Arc::clone(&item.origin));
    // A name without a time is neither the first nor the last.
    let timed = || alike.iter().filter(|item| item.about.time.is_some());
    let first = timed().min_by_key(in_time).unwrap_or(item);
    let last = timed().max_by_key(in_time).or(alike.last()).unwrap_or(item);
    origin.add(Ink::Faint, &format!("first {}", first.origin), 6);
    origin.add(Ink::Faint, &format!("last {}", last.origin), 6);
    grid.write(&[kind, verdict, origin])
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Time;
    use crate::model::verified::About;

    fn item(name: &str, detail: &str, time: Option<i64>) -> Item {
        Item {
            kind: Kind::Log,
            origin: name.into(),
            verdict: "unreferenced",
            detail: detail.to_owned(),
            bad: true,
            count: 1,
            about: About { time: time.map(Time), ..About::default() },
        }
    }

    fn names<'a>(alike: Alike<'a>) -> Vec<&'a str> {
        alike.iter().map(|item| &*item.origin).collect()
    }

    fn rows(items: &[Item], all: bool) -> Vec<Vec<&str>> {
        fold(items, all).into_iter().map(names).collect()
    }

    #[test]
    fn what_is_said_of_many_is_said_once() {
        let few = [item("a", "one", None), item("b", "two", None), item("c", "one", None)];
        assert_eq!(rows(&few, false), [["a"], ["b"], ["c"]]);
        let many = [few.as_slice(), &[item("d", "one", None)]].concat();
        assert_eq!(rows(&many, false), [vec!["a", "c", "d"], vec!["b"]]);
        assert_eq!(rows(&many, true), [["a"], ["b"], ["c"], ["d"]]);
    }

    #[test]
    fn a_row_of_many_names_the_first_and_the_last_in_time() {
        let all = [
            item("a", "no digest names it", Some(9)),
            item("b", "no digest names it", Some(1)),
            item("c", "no digest names it", None),
        ];
        let mut out = Vec::new();
        let mut grid = Grid::new(80, &[6, VERDICT, 0], false, &mut out);
        write_items(&all.iter().collect::<Alike<'_>>(), &mut grid).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let row = "log     unreferenced           each of 3 logs: no digest names it";
        assert_eq!(lines, [row, "first b", "last a"]);
    }
}
