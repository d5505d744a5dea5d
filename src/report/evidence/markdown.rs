//! The evidence report as Markdown (GitHub's flavour).
//!
//! What must stay true: no text of a log becomes markup. So every character that could be is escaped
//! with a backslash, what is HTML is escaped as such, and names stand between more backticks than they
//! hold.

use std::io::{self, Write};

use super::chart::Chart;
use super::pen::{Line, Pen, Span};
use super::text::{anchor, clipped, is_page};
use crate::report::escape::visible;

/// What has a meaning anywhere in a line.
const MARKUP: &str = "\\`*_[]>#!~$@";

/// Writes Markdown.
pub struct Markdown<'a>(pub &'a mut dyn Write);

/// Words, with nothing in them that would be markup, the start of a list or a link.
fn escaped(text: &str) -> String {
    let text = visible(&clipped(text)).into_owned();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let mut out = String::with_capacity(text.len() + 8);
    for (at, c) in text.char_indices() {
        let starts = match at {
            0 => matches!(c, '-' | '+' | '='),
            _ => at == digits && matches!(c, '.' | ')'),
        };
        // https://… and www.… become links by themselves.
        let after_www = || {
            out.get(out.len().saturating_sub(3)..)
                .is_some_and(|end| end.eq_ignore_ascii_case("www"))
        };
        let links = (c == ':' && text[at..].starts_with("://")) || (c == '.' && after_www());
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            c if starts || links || MARKUP.contains(c) => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// A name between backticks.
fn ticked(text: &str) -> String {
    let text = visible(&clipped(text)).into_owned();
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    match text.is_empty() || text.starts_with('`') || text.ends_with('`') || text.trim().is_empty()
    {
        _ if text.is_empty() => String::new(),
        true => format!("{fence} {text} {fence}"),
        false => format!("{fence}{text}{fence}"),
    }
}

fn line(spans: &[Span]) -> String {
    spans.iter().map(one).collect()
}

fn one(span: &Span) -> String {
    match span {
        Span::Plain(text) => escaped(text),
        Span::Code(text) => ticked(text),
        Span::Time(time) => time.to_string(),
        Span::Within(text, id) => format!("[{}](#{})", escaped(text), anchor(id)),
        Span::Link(text, url) if is_page(url) => {
            let url = url.replace('(', "%28").replace(')', "%29").replace('<', "%3C");
            format!("[{}]({})", escaped(text), url.replace('|', "%7C"))
        }
        Span::Link(text, _) => escaped(text),
        Span::Level(level) => format!("**{level}**"),
        Span::Verdict(_, text) => format!("**{}**", escaped(text)),
    }
}

impl Pen for Markdown<'_> {
    fn begin(&mut self, title: &str, lead: &[Line], _: &[(&str, &str)]) -> io::Result<()> {
        writeln!(self.0, "# {}\n", escaped(title))?;
        lead.iter().try_for_each(|said| self.say(said))
    }

    fn section(&mut self, id: &str, title: &str) -> io::Result<()> {
        writeln!(self.0, "<a id=\"{id}\"></a>\n\n## {}\n", escaped(title))
    }

    fn part(&mut self, id: &str, title: &[Span]) -> io::Result<()> {
        writeln!(self.0, "<a id=\"{}\"></a>\n\n### {}\n", anchor(id), line(title))
    }

    fn say(&mut self, spans: &[Span]) -> io::Result<()> {
        writeln!(self.0, "{}\n", line(spans))
    }

    fn facts(&mut self, facts: &[(&str, Line)]) -> io::Result<()> {
        for (name, value) in facts {
            writeln!(self.0, "- **{}:** {}", escaped(name), line(value))?;
        }
        writeln!(self.0)
    }

    fn list(&mut self, lines: &[Line]) -> io::Result<()> {
        for said in lines {
            writeln!(self.0, "- {}", line(said))?;
        }
        writeln!(self.0)
    }

    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        let cells: Vec<String> = names.iter().map(|name| escaped(name)).collect();
        writeln!(self.0, "| {} |", cells.join(" | "))?;
        writeln!(self.0, "|{}", " --- |".repeat(names.len()))
    }

    fn row(&mut self, cells: &[Line]) -> io::Result<()> {
        // A bar would end the cell, even between backticks.
        let cells: Vec<String> = cells.iter().map(|cell| line(cell).replace('|', "\\|")).collect();
        writeln!(self.0, "| {} |", cells.join(" | "))
    }

    fn end_table(&mut self) -> io::Result<()> {
        writeln!(self.0)
    }

    fn chart(&mut self, chart: &Chart) -> io::Result<()> {
        self.say(&[Span::Plain(chart.caption())])?;
        let (names, rows) = chart.table();
        self.columns(&names)?;
        for row in rows {
            self.row(&row.into_iter().map(|cell| vec![Span::Plain(cell)]).collect::<Vec<_>>())?;
        }
        self.end_table()
    }

    fn blanks(&mut self, names: &[&str]) -> io::Result<()> {
        for name in names {
            writeln!(
                self.0,
                "{}: \\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\n",
                escaped(name)
            )?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        for (text, expected) in [
            ("role/Admin-1.x (ann)", "role/Admin-1.x (ann)"),
            ("<img src=x onerror=y>", "&lt;img src=x onerror=y\\>"),
            ("[a](javascript:b)", "\\[a\\](javascript:b)"),
            ("a|b`c`*d*_e_", "a|b\\`c\\`\\*d\\*\\_e\\_"),
            ("# x\n- y", "\\# x\\\\n- y"),
            ("&lt;", "&amp;lt;"),
            ("a@example.com", "a\\@example.com"),
            ("- a", "\\- a"),
            ("12. a", "12\\. a"),
            ("1.5", "1\\.5"),
            ("at https://a.example", "at https\\://a.example"),
            ("www.a.example", "www\\.a.example"),
        ] {
            assert_eq!(escaped(text), expected);
        }
        for (text, expected) in
            [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a|b", "`a|b`"), ("", "")]
        {
            assert_eq!(ticked(text), expected);
        }
    }
}
