//! Charts as inline SVG, and as tables where there is no SVG.
//!
//! Bars of whole numbers. Each bar has its numbers as a text that screen readers and pointers get;
//! colours come from classes of the page's style. What must stay true: the size does not depend on how
//! much there is: at most [`BARS`] bars, and the chart says how many are left out.

use maud::{Markup, html};

use super::text::clipped;
use crate::model::level::Level;
use crate::report::escape::visible;
use crate::report::table::fit::count;

/// So many bars a chart has.
pub const BARS: usize = 62;

/// The width of a chart in its own units; it is drawn as wide as the page.
const WIDTH: usize = 720;

/// The height of the columns.
const HEIGHT: usize = 140;

/// The height of a row of names.
const ROW: usize = 22;

/// The width of names before bars.
const NAMES: usize = 250;

/// The width of numbers behind bars.
const NUMBERS: usize = 90;

/// Levels from the lowest, as they are piled up.
const LEVELS: [Level; 5] =
    [Level::Informational, Level::Low, Level::Medium, Level::High, Level::Critical];

/// A chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chart {
    /// Findings by time, piled up by level.
    Days {
        /// What is shown.
        caption: String,
        /// The name of each span of time, and how many findings of each level it has.
        days: Vec<(String, [u64; 5])>,
    },
    /// Numbers of named things.
    Names {
        /// What is shown.
        caption: String,
        /// What the names are.
        of: &'static str,
        /// Each name and its number.
        names: Vec<(String, u64)>,
    },
}

/// So many of `whole` as `part` is of `most`, and at least one if there is any.
fn scaled(part: u64, most: u64, whole: usize) -> usize {
    let exact = u128::from(part) * whole as u128 / u128::from(most.max(1));
    usize::try_from(exact).unwrap_or(whole).max(usize::from(part > 0))
}

impl Chart {
    /// What is shown.
    pub fn caption(&self) -> String {
        match self {
            Chart::Days { caption, .. } | Chart::Names { caption, .. } => caption.clone(),
        }
    }

    /// The names of columns, and rows.
    pub fn table(&self) -> (Vec<&'static str>, Vec<Vec<String>>) {
        match self {
            Chart::Days { days, .. } => {
                let names = ["time", "informational", "low", "medium", "high", "critical"];
                let row = |(day, levels): &(String, [u64; 5])| {
                    [day.clone()].into_iter().chain(levels.iter().map(|n| count(*n))).collect()
                };
                (names.to_vec(), days.iter().map(row).collect())
            }
            Chart::Names { of, names, .. } => {
                let row = |(name, number): &(String, u64)| vec![name.clone(), count(*number)];
                (vec![of, "number"], names.iter().map(row).collect())
            }
        }
    }

    /// The drawing.
    pub fn svg(&self) -> Markup {
        match self {
            Chart::Days { caption, days } => columns(caption, days),
            Chart::Names { caption, names, .. } => rows(caption, names),
        }
    }
}

fn columns(caption: &str, days: &[(String, [u64; 5])]) -> Markup {
    let most = days.iter().map(|(_, levels)| levels.iter().sum()).max().unwrap_or(0);
    let step = WIDTH / days.len().max(1);
    let wide = (step * 4 / 5).clamp(1, 48);
    let size = format!("0 0 {WIDTH} {}", HEIGHT + 40);
    // Only some names fit below the columns.
    let every = days.len().div_ceil(8).max(1);
    html! {
        svg viewBox=(size) role="img" aria-label=(caption) {
            @for (at, (day, levels)) in days.iter().enumerate() {
                g {
                    title { (day) ": " (told(levels)) }
                    @for (level, y, high) in piled(levels, most) {
                        rect class={ "bar " (level) } x=(at * step + (step - wide) / 2) y=(y) width=(wide) height=(high) {}
                    }
                }
                @if at % every == 0 {
                    text class="axis" x=(at * step + step / 2) y=(HEIGHT + 34) text-anchor="middle" { (day) }
                }
            }
            line class="axis" x1="0" x2=(WIDTH) y1=(HEIGHT + 18) y2=(HEIGHT + 18) {}
            text class="axis" x="0" y="12" { (count(most)) }
        }
    }
}

/// The pieces of a column from the lowest level up: level, top and height.
fn piled(levels: &[u64; 5], most: u64) -> Vec<(Level, usize, usize)> {
    let mut top = HEIGHT + 18;
    let mut pieces = Vec::new();
    for (level, number) in LEVELS.into_iter().zip(levels) {
        let high = scaled(*number, most, HEIGHT).min(top.saturating_sub(4));
        if high > 0 {
            top -= high;
            pieces.push((level, top, high));
        }
    }
    pieces
}

fn told(levels: &[u64; 5]) -> String {
    let parts = LEVELS.iter().zip(levels).rev().filter(|(_, number)| **number > 0);
    let parts: Vec<String> =
        parts.map(|(level, number)| format!("{} {level}", count(*number))).collect();
    if parts.is_empty() { "no findings".to_owned() } else { parts.join(", ") }
}

fn rows(caption: &str, names: &[(String, u64)]) -> Markup {
    let most = names.iter().map(|(_, number)| *number).max().unwrap_or(0);
    let size = format!("0 0 {WIDTH} {}", names.len() * ROW + 4);
    html! {
        svg viewBox=(size) role="img" aria-label=(caption) {
            @for (at, (name, number)) in names.iter().enumerate() {
                @let wide = scaled(*number, most, WIDTH - NAMES - NUMBERS);
                g {
                    title { (shown(name)) ": " (count(*number)) }
                    text class="name" x=(NAMES - 8) y=(at * ROW + 15) text-anchor="end" { (short(name)) }
                    rect class="bar" x=(NAMES) y=(at * ROW + 3) width=(wide) height=(ROW - 7) {}
                    text class="axis" x=(NAMES + wide + 6) y=(at * ROW + 15) { (count(*number)) }
                }
            }
        }
    }
}

fn shown(text: &str) -> String {
    visible(&clipped(text)).into_owned()
}

/// A name as far as it fits before its bar.
fn short(name: &str) -> String {
    const FIT: usize = 34;
    let name = shown(name);
    match name.char_indices().nth(FIT) {
        Some((at, _)) => format!("{}…", &name[..at]),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fit_their_chart_whatever_the_numbers() {
        for (part, most) in [(0, 0), (0, 9), (1, u64::MAX), (u64::MAX, u64::MAX), (3, 9)] {
            let long = scaled(part, most, 300);
            assert!(long <= 300 && (long > 0) == (part > 0), "{part} of {most}: {long}");
        }
        let pieces = piled(&[1, 0, 1, 1, u64::MAX / 2], u64::MAX / 2);
        assert_eq!(pieces.len(), 4);
        assert!(pieces.iter().all(|(_, top, high)| *top >= 4 && top + high <= HEIGHT + 18));
    }

    #[test]
    fn names_cannot_break_the_drawing() {
        let names = vec![("</text><script>x".to_owned(), 3), ("\u{202e}b".to_owned(), 1)];
        let svg = Chart::Names { caption: "C".into(), of: "service", names }.svg().0;
        assert!(
            svg.contains("&lt;/text&gt;&lt;script&gt;x") && svg.contains("\\u{202e}b"),
            "{svg}"
        );
        assert!(!svg.contains("<script"));
    }
}
