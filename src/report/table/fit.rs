//! Fits text into a given number of columns.
//!
//! The table library breaks long words at any place and into any number of lines. But ARNs, paths and
//! ids say most at both ends, so this module cuts them in the middle. What must stay true: no line is
//! wider than asked for, and everything that comes out is escaped.

use unicode_width::UnicodeWidthChar;

use crate::model::level::Level;
use crate::report::escape::visible;

/// Stands for what was cut.
const CUT: char = '…';

/// Combining marks beyond this many in a row count as a column each: a letter may carry a few, a
/// thousand of them are there to bury the report.
const FREE_MARKS: usize = 2;

/// Escapes `text` and breaks it into at most `lines` lines of at most `width` columns each; what
/// does not fit is cut out of the middle. At least one line, and a width of at least 2 is used.
pub fn fit(text: &str, width: usize, lines: usize) -> Vec<String> {
    let text = visible(text);
    let chars: Vec<(char, usize)> = measured(&text);
    let (width, lines) = (width.max(2), lines.max(1));
    // Breaking at good places wastes columns, so what fits is found by trying ever less.
    let mut budget = width.saturating_mul(lines);
    loop {
        let broken = broken(&cut_middle(&chars, budget), width);
        if broken.len() <= lines {
            return broken;
        }
        // In steps that keep the number of trials small for many lines too.
        let step = width.div_ceil(8).max(budget / 32);
        budget = budget.saturating_sub(step).max(width);
    }
}

/// The columns of each character; never less than the text as a whole takes.
fn measured(text: &str) -> Vec<(char, usize)> {
    let mut marks = 0;
    let columns = |c: char| {
        let own = c.width().unwrap_or(1);
        marks = if own == 0 { marks + 1 } else { 0 };
        if marks > FREE_MARKS { 1 } else { own }
    };
    text.chars().zip(text.chars().map(columns)).collect()
}

fn total(chars: &[(char, usize)]) -> usize {
    chars.iter().map(|(_, columns)| columns).sum()
}

/// Keeps both ends, `budget` columns in all.
fn cut_middle(chars: &[(char, usize)], budget: usize) -> Vec<(char, usize)> {
    if total(chars) <= budget {
        return chars.to_vec();
    }
    let room = budget.saturating_sub(1);
    let taken = |columns: &mut dyn Iterator<Item = usize>, room: usize| {
        let mut used = 0;
        columns
            .take_while(|columns| {
                used += columns;
                used <= room
            })
            .count()
    };
    let head = taken(&mut chars.iter().map(|c| c.1), room.div_ceil(2));
    let tail = taken(&mut chars.iter().rev().map(|c| c.1), room / 2);
    let mut out = chars[..head].to_vec();
    out.push((CUT, 1));
    out.extend_from_slice(&chars[chars.len() - tail..]);
    out
}

/// Breaks behind a separator in the second half of a line, else where the line is full.
fn broken(chars: &[(char, usize)], width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = chars;
    loop {
        let mut used = 0;
        let full = rest.iter().position(|(_, columns)| {
            used += columns;
            used > width
        });
        let Some(full) = full else {
            lines.push(rest.iter().map(|(c, _)| c).collect());
            return lines;
        };
        // A space that the full line ends at may go over the edge: it is not shown.
        let seen = &rest[..=full];
        let good = |wanted: fn(char) -> bool, upto: usize| {
            let at = seen[..upto].iter().rposition(|&(c, _)| wanted(c))?;
            (at + 1 > full / 2).then_some(at + 1)
        };
        let at = good(|c| c == ' ', full + 1)
            .or_else(|| good(|c| "/:,.-_@=".contains(c), full))
            .unwrap_or(full.max(1));
        let line: String = rest[..at].iter().map(|(c, _)| c).collect();
        lines.push(line.trim_end_matches(' ').to_owned());
        rest = &rest[at..];
    }
}

/// A count with separators of thousands: `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count and the thing counted: `1 file`, `2 files`.
pub fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Bytes in powers of 1024: `512 B`, `1.2 MiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    // Loses precision above 2^53, but only one decimal is shown.
    let mut value = number as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 and more would be shown as 1024.0.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// The levels that have findings, highest first, as `1 critical, 2 high`.
pub fn by_level(of: impl Fn(Level) -> u64) -> String {
    let counts = Level::ALL.map(|level| (of(level), level));
    let some = counts.iter().filter(|(number, _)| *number > 0);
    some.map(|(number, level)| format!("{} {level}", count(*number))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn both_ends_stay_and_breaks_are_behind_separators() {
        assert_eq!(fit("abcdefghij", 5, 1), ["ab…ij"]);
        assert_eq!(fit("", 5, 1), [""]);
        assert_eq!(fit("two words", 5, 2), ["two", "words"]);
        assert_eq!(fit("lambda:function:resize", 16, 2), ["lambda:function:", "resize"]);
        assert_eq!(fit("鍵鍵鍵鍵", 5, 1), ["鍵…鍵"]);
        assert_eq!(fit("a\nb", 10, 2), ["a\\nb"]);
        assert_eq!(fit(&format!("e{}", "\u{301}".repeat(1000)), 10, 1).len(), 1);
        assert!(fit(&format!("e{}", "\u{301}".repeat(1000)), 10, 1)[0].chars().count() < 20);
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let sizes = [0, 1023, 1024, 1_048_575, 1_572_864, u64::MAX].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.0 MiB", "1.5 MiB", "16.0 EiB"]);
        assert_eq!(counted(1, "file"), "1 file");
        assert_eq!(counted(0, "file"), "0 files");
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_none_too_many(
            text in any::<String>(), width in 2usize..60, lines in 1usize..4
        ) {
            let fitted = fit(&text, width, lines);
            prop_assert!(!fitted.is_empty() && fitted.len() <= lines);
            for line in fitted {
                prop_assert!(line.width() <= width, "{line:?} over {width}");
            }
        }
    }
}
