//! Lists: `arn,key,value` with a row a tag, or `arn,KEY,KEY,…` with a row a resource (Tag Editor).
//!
//! What must stay true: a quote that is not closed costs its own row and is said, and never swallows
//! what comes behind it.

use std::collections::BTreeMap;

use super::entry::{Entry, Read, texts};
use crate::model::time::Time;

/// What the column of the ARN may be called.
const ARN: [&str; 4] = ["arn", "resourcearn", "resource arn", "resource_arn"];

/// What Tag Editor writes where a tag is not there.
const NOT_TAGGED: &str = "(not tagged)";

/// Columns that Tag Editor writes beside the tags, and a prefix that some tools put before them.
const BESIDE: [&str; 9] =
    ["identifier", "service", "type", "region", "tags", "account", "account id", "name", "date"];
const PREFIX: &str = "tag:";

/// Reads a list.
pub fn read(text: &str, read: &mut Read) {
    let mut rows = rows(text, &mut read.wrong).into_iter();
    let first = rows.next().unwrap_or_default().cells;
    let header: Vec<String> = first.iter().map(|name| name.trim().to_owned()).collect();
    let width = header.len();
    let mut rows = rows.collect::<Vec<_>>();
    // A comma in a text without quotes makes two cells of one, and moves all that follow.
    rows.retain(|Row { line, cells }| {
        let fits = cells.iter().skip(width).all(|cell| cell.trim().is_empty());
        if !fits {
            read.wrong.push(format!("line {line} has more cells than the first line has names"));
        }
        fits
    });
    let rows = rows.into_iter();
    let lower: Vec<String> = header.iter().map(|name| name.to_lowercase()).collect();
    let column = |names: &[&str]| lower.iter().position(|name| names.contains(&name.as_str()));
    let Some(arn) = column(&ARN) else {
        read.wrong.push("is neither JSON nor CSV with a column named arn".into());
        return;
    };
    let date = column(&["date", "as of", "captured"]);
    match (column(&["key", "tag key", "tagkey"]), column(&["value", "tag value", "tagvalue"])) {
        (Some(key), Some(value)) => long(rows, (arn, key, value, date), read),
        _ => {
            let tagged = lower.iter().any(|name| name.starts_with(PREFIX));
            let is_tag = |at: &usize| {
                *at != arn
                    && !lower[*at].is_empty()
                    && match tagged {
                        true => lower[*at].starts_with(PREFIX),
                        false => !BESIDE.contains(&lower[*at].as_str()) && Some(*at) != date,
                    }
            };
            let columns: Vec<(usize, &str)> = (0..header.len())
                .filter(is_tag)
                .map(|at| (at, if tagged { &header[at][PREFIX.len()..] } else { &header[at] }))
                .map(|(at, name)| (at, name.trim()))
                .collect();
            wide(rows, arn, date, &columns, read);
        }
    }
}

/// A cell without the spaces around it; empty where there is none.
fn cell(row: &Row, at: usize) -> &str {
    row.cells.get(at).map(|cell| cell.trim()).unwrap_or_default()
}

/// Says what is wrong with a row whose cells at `of` tell a tag; whether nothing is.
fn is_sound(row: &Row, arn: usize, of: impl IntoIterator<Item = usize>, read: &mut Read) -> bool {
    let line = row.line;
    if cell(row, arn).is_empty() {
        read.wrong.push(format!("line {line} has no ARN"));
        return false;
    }
    // No tag has one, so that most likely quotes of two rows were taken together.
    let mut cells = of.into_iter().filter_map(|at| row.cells.get(at));
    let broken = cells.any(|cell| cell.contains(['\r', '\n']));
    if broken {
        read.wrong.push(format!("line {line} has a line break in a tag: is a quote missing?"));
    }
    !broken
}

fn long(
    rows: impl Iterator<Item = Row>,
    (arn, key, value, date): (usize, usize, usize, Option<usize>),
    read: &mut Read,
) {
    let mut all: BTreeMap<(String, Option<Time>), BTreeMap<String, String>> = BTreeMap::new();
    for row in rows {
        if !is_sound(&row, arn, [arn, key, value], read) {
            continue;
        }
        let time = date.and_then(|at| Time::parse(cell(&row, at)));
        let tags = all.entry((cell(&row, arn).to_owned(), time)).or_default();
        // A row without a key says that the resource is there and has no tags.
        if !cell(&row, key).is_empty() {
            tags.insert(cell(&row, key).to_owned(), cell(&row, value).to_owned());
        }
    }
    let entry = |((arn, time), tags): (_, BTreeMap<String, String>)| Entry {
        arn,
        tags: texts(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))),
        time,
    };
    read.entries.extend(all.into_iter().map(entry));
}

fn wide(
    rows: impl Iterator<Item = Row>,
    arn: usize,
    date: Option<usize>,
    columns: &[(usize, &str)],
    read: &mut Read,
) {
    if columns.is_empty() {
        read.wrong.push("is CSV without a column for any tag".into());
        return;
    }
    for row in rows {
        if !is_sound(&row, arn, columns.iter().map(|(at, _)| *at).chain([arn]), read) {
            continue;
        }
        let there = columns.iter().map(|(at, name)| (*name, cell(&row, *at)));
        let there = there.filter(|(_, value)| !value.is_empty() && *value != NOT_TAGGED);
        let time = date.and_then(|at| Time::parse(cell(&row, at)));
        read.entries.push(Entry { arn: cell(&row, arn).to_owned(), tags: texts(there), time });
    }
}

/// A row, and the number of the line it begins in, from 1.
#[derive(Debug, Default)]
struct Row {
    line: usize,
    cells: Vec<String>,
}

/// After so many broken quotes the rest of a file is not read: most likely it is no CSV.
const BROKEN_MAX: usize = 1_000;

/// The rows of a list, quotes undone (RFC 4180); empty ones left out. Lines end with LF, CRLF or CR.
///
/// A row with a quote that is not closed, or with text behind the quote that closes, is left out; the
/// next one is looked for in the next line, not behind the next quote.
fn rows(text: &str, wrong: &mut Vec<String>) -> Vec<Row> {
    let (mut rows, mut rest, mut line, mut broken) = (Vec::new(), text, 1, 0);
    while !rest.is_empty() {
        let len = match row(rest) {
            Ok((cells, len)) => {
                if cells.iter().any(|cell| !cell.trim().is_empty()) {
                    rows.push(Row { line, cells });
                }
                len
            }
            Err(Broken { at, why }) => {
                let opened = line + ends(&rest[..at]);
                wrong.push(format!("line {opened}: {why}"));
                broken += 1;
                if broken >= BROKEN_MAX {
                    wrong.push(format!("is not read behind line {opened}: too many such quotes"));
                    return rows;
                }
                at + behind_line(&rest[at..])
            }
        };
        line += ends(&rest[..len]);
        rest = &rest[len..];
    }
    rows
}

/// A quote that makes a row unreadable.
struct Broken {
    /// Where it opens.
    at: usize,
    why: &'static str,
}

/// The cells of the first row of a text, and how long the row is with the end of its line.
fn row(text: &str) -> Result<(Vec<String>, usize), Broken> {
    let mut cells = Vec::new();
    let mut at = 0;
    loop {
        let (cell, len) = match text[at..].strip_prefix('"') {
            Some(inner) => {
                let (cell, len) = quoted(inner).map_err(|why| Broken { at, why })?;
                (cell, len + 1)
            }
            None => {
                let len = text[at..].find([',', '\r', '\n']).unwrap_or(text.len() - at);
                (text[at..at + len].to_owned(), len)
            }
        };
        cells.push(cell);
        at += len;
        match text[at..].strip_prefix(',') {
            Some(_) => at += 1,
            None => return Ok((cells, at + behind_line(&text[at..]))),
        }
    }
}

/// A cell whose quote has opened, and how long it is with the quote that closes.
fn quoted(text: &str) -> Result<(String, usize), &'static str> {
    let (mut cell, mut at) = (String::new(), 0);
    loop {
        let Some(len) = text[at..].find('"') else { return Err("a quote opens and never closes") };
        cell.push_str(&text[at..at + len]);
        at += len + 1;
        match text[at..].chars().next() {
            Some('"') => {
                cell.push('"');
                at += 1;
            }
            None | Some(',' | '\r' | '\n') => return Ok((cell, at)),
            Some(_) => return Err("a quote opens, and text follows where one closes"),
        }
    }
}

/// How long the line at the start of a text is with its end.
fn behind_line(text: &str) -> usize {
    match text.find(['\r', '\n']) {
        Some(at) if text[at..].starts_with("\r\n") => at + 2,
        Some(at) => at + 1,
        None => text.len(),
    }
}

/// How many lines end in a text.
fn ends(text: &str) -> usize {
    let bytes = text.as_bytes();
    let lone = |at: &usize| bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
    (0..bytes.len()).filter(|at| bytes[*at] == b'\n' || lone(at)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_of(text: &str) -> (Vec<String>, Vec<String>) {
        let mut found = Read::default();
        read(text, &mut found);
        let entry = |Entry { arn, tags, .. }: Entry| {
            let tags = tags.iter().map(|(key, value)| format!(" {key}={}", value.text().unwrap()));
            format!("{arn}{}", tags.collect::<String>())
        };
        (found.entries.into_iter().map(entry).collect(), found.wrong)
    }

    #[test]
    fn any_line_end_ends_a_line() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["arn,key,value", "a,K,\"v, \"\"w\"\"\"", "", "b,K,", "c,K,\"x\""].join(end);
            let expected = ["a K=v, \"w\"", "b K=", "c K=x"].map(str::to_owned).to_vec();
            assert_eq!(read_of(&text), (expected.clone(), vec![]));
            assert_eq!(read_of(&(text + end)), (expected, vec![]));
        }
    }

    #[test]
    fn a_quote_that_is_not_closed_costs_its_row_and_is_said() {
        let (found, wrong) = read_of("arn,key,value\na,K,\"100\nb,K,200\nc,K,300\n");
        assert_eq!(found, ["b K=200", "c K=300"]);
        assert_eq!(wrong, ["line 2: a quote opens and never closes"]);
        let (found, wrong) = read_of("arn,K\r\na,\"1\r\nb,\"2\"\r\nc,3");
        assert_eq!(found, ["b K=2", "c K=3"]);
        assert_eq!(wrong, ["line 2: a quote opens, and text follows where one closes"]);
        // Two of them look like one cell, with a line break that no tag has.
        let (found, wrong) = read_of("arn,K\na,\"\nb,\"\nc,3\n");
        assert_eq!(found, ["c K=3"]);
        assert_eq!(wrong, ["line 2 has a line break in a tag: is a quote missing?"]);
    }

    #[test]
    fn other_columns_may_have_line_breaks_and_no_row_more_cells_than_names() {
        let (found, wrong) = read_of("arn,date,K\na,\"x\ny\",1\nb,,2,3\nc,,3,\n,,4\n");
        assert_eq!(found, ["a K=1", "c K=3"]);
        assert_eq!(
            wrong,
            ["line 4 has more cells than the first line has names", "line 6 has no ARN"]
        );
    }

    #[test]
    fn what_is_no_csv_ends_soon() {
        let text = "arn,K\n".to_owned() + &"a,\"x\n".repeat(3_000);
        let (found, wrong) = read_of(&text);
        assert_eq!((found.len(), wrong.len()), (0, BROKEN_MAX + 1));
    }
}
