//! A timeline for people: a row for each event. What must stay true: rows are written as they come.

use std::io::{self, Write};

use super::given::{Events, OF_FACTS, Rows};
use crate::model::occurrence::Counts;
use crate::report::Style;
use crate::report::table::fit::{count, counted};
use crate::report::table::grid::Ink;
use crate::report::table::packed::Packed;

/// Writes the table.
///
/// # Errors
/// Those of `out` and of `rows`.
pub fn write(
    events: &Events<'_>,
    rows: Rows<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let columns = events.columns;
    let wishes: Vec<_> = columns.iter().map(|column| column.wish()).collect();
    let packed = Packed::new(&wishes, style);
    let mut any = false;
    for row in rows.take(events.shown()) {
        let row = row?;
        if !std::mem::replace(&mut any, true) {
            packed.write(out, |at, cell| cell.add(Ink::Faint, columns[at].as_str(), 1))?;
        }
        packed.write(out, |at, cell| columns[at].fill(&row, cell))?;
    }
    close(events, &packed, out)
}

/// Says how much there is, and how much of it is shown.
fn close(events: &Events<'_>, packed: &Packed, out: &mut dyn Write) -> io::Result<()> {
    let Counts { rows, records, copies } = events.counts;
    if rows == 0 {
        writeln!(out, "No event matches.")?;
        return say_source(events, packed, out);
    }
    writeln!(out)?;
    let shown = events.shown() as u64;
    let all = counted(rows, "event");
    match rows > shown {
        true => {
            let shown = count(shown);
            packed.say(&format!("the first {shown} of {all}; --limit 0 shows all"), out)?;
        }
        false => writeln!(out, "{all}")?,
    }
    match records - rows {
        0 => {}
        1 => writeln!(out, "1 more record belongs to them")?,
        more => writeln!(out, "{} more records belong to them", count(more))?,
    }
    match copies {
        0 => {}
        1 => writeln!(out, "1 copy left out")?,
        _ => writeln!(out, "{} copies left out", count(copies))?,
    }
    say_source(events, packed, out)
}

/// Says what is not there because facts were read.
fn say_source(events: &Events<'_>, packed: &Packed, out: &mut dyn Write) -> io::Result<()> {
    if events.of_facts { packed.say(OF_FACTS, out) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::super::columns::Column;
    use crate::report::table::packed::Wish;

    #[test]
    fn usual_terminals_are_used_well() {
        let wishes: Vec<Wish> = Column::SHOWN.iter().map(|column| column.wish()).collect();
        let width = |wishes: &[Wish]| wishes.iter().map(|w| w.width + 2).sum::<u16>() - 2;
        assert_eq!(width(&wishes), 160);
        // Three on the first line of 80 columns, three on the second, which is set off.
        assert!(width(&wishes[..3]) <= 80 && width(&wishes[3..6]) + 3 <= 80);
    }
}
