//! The page of a rule on a terminal: Markdown, wrapped and styled.
//!
//! Only what pages use is known: headings, paragraphs, lists, fenced code, code, links. Everything else
//! is text. The page may be a user's rule, so every line is escaped before it is looked at, and code
//! is never wrapped. What must stay true: no character of the page is lost.

use anstyle::{AnsiColor, Style as Look};
use unicode_width::UnicodeWidthStr;

use super::Style;
use super::escape::visible;
use super::link::{attack_page, linked};

/// Lines longer than this are hard to read, however wide the terminal is.
const WIDEST: usize = 100;

/// No terminal is taken to be narrower: nothing useful fits there.
const LEAST_WIDTH: usize = 40;

/// A part of a word that looks the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Piece {
    text: String,
    look: Look,
    url: Option<String>,
}

/// What is not broken.
type Word = Vec<Piece>;

/// Draws a page.
pub fn draw(markdown: &str, style: &Style) -> String {
    let width = style.width.map_or(WIDEST, usize::from).clamp(LEAST_WIDTH, WIDEST);
    let mut page = Page { width, style, out: String::new(), open: None };
    let mut in_code = false;
    for line in markdown.lines() {
        let line = visible(line);
        if line.starts_with("```") {
            page.close();
            in_code = !in_code;
        } else if in_code {
            page.out += &format!("    {}\n", page.painted(&line, Look::new().dimmed()));
        } else {
            page.line(&line);
        }
    }
    page.close();
    page.out
}

/// A page that is being drawn.
struct Page<'a> {
    width: usize,
    style: &'a Style,
    out: String,
    /// The paragraph or list item at hand: its mark, and its text so far.
    open: Option<(String, String)>,
}

impl Page<'_> {
    fn line(&mut self, line: &str) {
        let text = line.trim();
        if text.is_empty() {
            self.close();
            if !self.out.ends_with("\n\n") && !self.out.is_empty() {
                self.out.push('\n');
            }
        } else if let Some(heading) = text.strip_prefix('#') {
            self.close();
            let heading = heading.trim_start_matches('#').trim_start();
            let painted = self.painted(heading, Look::new().bold());
            self.out += &format!("{painted}\n");
        } else if let Some((mark, rest)) = item(line) {
            self.close();
            self.open = Some((mark, rest.to_owned()));
        } else if let Some((_, open)) = &mut self.open {
            open.push(' ');
            open.push_str(text);
        } else {
            self.open = Some((String::new(), text.to_owned()));
        }
    }

    /// Writes the paragraph or list item at hand.
    fn close(&mut self) {
        let Some((mark, text)) = self.open.take() else { return };
        let indent = mark.width();
        let room = self.width.saturating_sub(indent).max(1);
        let mut lead = mark;
        for line in wrapped(words(&text, self.style.color), room) {
            self.out += &lead;
            lead = " ".repeat(indent);
            let pieces = line.iter().map(|piece| self.piece(piece));
            self.out += &(pieces.collect::<String>().trim_end().to_owned() + "\n");
        }
    }

    fn piece(&self, piece: &Piece) -> String {
        let text = self.painted(&piece.text, piece.look);
        match &piece.url {
            Some(url) if self.style.links => linked(&text, url),
            _ => text,
        }
    }

    fn painted(&self, text: &str, look: Look) -> String {
        match self.style.color && look != Look::new() {
            true => format!("{look}{text}{look:#}"),
            false => text.to_owned(),
        }
    }
}

/// The mark of a list item, with what is before and behind it, and its text.
fn item(line: &str) -> Option<(String, &str)> {
    let text = line.trim_start();
    let before = &line[..line.len() - text.len()];
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let length = match text.get(digits..)? {
        rest if digits > 0 && rest.starts_with(". ") => digits + 2,
        rest if digits == 0 && (rest.starts_with("* ") || rest.starts_with("- ")) => 2,
        _ => return None,
    };
    let (mark, rest) = text.split_at(length);
    Some((format!("{before}{mark}"), rest))
}

/// The words of a text. Where there is no colour to tell code, it keeps its marks.
fn words(text: &str, color: bool) -> Vec<Word> {
    let mut words: Vec<Word> = vec![Word::new()];
    let mut add = |text: &str, look: Look, url: Option<&str>| {
        for (at, part) in text.split(' ').enumerate() {
            if at > 0 {
                words.push(Word::new());
            }
            if let (false, Some(word)) = (part.is_empty(), words.last_mut()) {
                let url =
                    url.map(str::to_owned).or_else(|| attack_page(part.trim_end_matches(',')));
                word.push(Piece { text: part.to_owned(), look, url });
            }
        }
    };
    let code = Look::new().fg_color(Some(AnsiColor::Cyan.into()));
    let mut rest = text;
    while let Some(at) = rest.find(['`', '<']) {
        let (before, mark) = rest.split_at(at);
        add(before, Look::new(), None);
        let end = if mark.starts_with('`') { '`' } else { '>' };
        let Some(length) = mark.get(1..).and_then(|inner| inner.find(end)) else {
            rest = mark;
            break;
        };
        let (whole, inner) = (&mark[..length + 2], &mark[1..=length]);
        match end {
            '`' if color => add(inner, code, None),
            '>' if inner.starts_with("https://") => {
                add(inner, Look::new().underline(), Some(inner))
            }
            _ => add(whole, Look::new(), None),
        }
        rest = &mark[length + 2..];
    }
    add(rest, Look::new(), None);
    words.retain(|word| !word.is_empty());
    words
}

/// Words in lines of at most `width` columns; one that is longer has a line of its own.
fn wrapped(words: Vec<Word>, width: usize) -> Vec<Vec<Piece>> {
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    let mut used = 0;
    for word in words {
        let columns: usize = word.iter().map(|piece| piece.text.width()).sum();
        match lines.last_mut() {
            Some(line) if used + 1 + columns <= width => {
                line.push(Piece { text: " ".to_owned(), ..Piece::default() });
                line.extend(word);
                used += 1 + columns;
            }
            _ => {
                lines.push(word);
                used = columns;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str, color: bool, links: bool) -> String {
        draw(text, &Style { width: Some(40), color, links, ..Style::default() })
    }

    #[test]
    fn a_page_is_wrapped_with_hanging_lists() {
        let text = "# id: A title\n\n* Level: high\n\nA paragraph that goes on over\ntwo lines of the page.\n\n\
                    1. A step that is longer than a line of\n   forty columns.\n\n```yaml\na: b   c\n```\n";
        let expected = "id: A title\n\n* Level: high\n\nA paragraph that goes on over two lines\nof the page.\n\n\
                        1. A step that is longer than a line of\n   forty columns.\n\n    a: b   c\n";
        assert_eq!(drawn(text, false, false), expected);
    }

    #[test]
    fn code_is_coloured_or_keeps_its_marks() {
        assert_eq!(drawn("Call `A B`, now.", false, false), "Call `A B`, now.\n");
        let colored = drawn("Call `AB`, now.", true, false);
        assert_eq!(colored, "Call \x1b[36mAB\x1b[0m, now.\n");
        assert_eq!(drawn("a ` b < c", true, true), "a ` b < c\n", "marks without an end are text");
    }

    #[test]
    fn links_take_no_columns_and_hostile_ones_are_none() {
        let url = "https://example.com/page";
        let shown = drawn(&format!("See <{url}>, or T1485."), false, true);
        assert!(shown.contains(&linked(url, url)), "{shown:?}");
        assert_eq!(drawn("<https://a\x1b]8;;b>", false, true).matches('\x1b').count(), 4);
        let ids = drawn("* ATT&CK: T1485, T1562.008", false, true);
        assert_eq!(ids.matches("attack.mitre.org").count(), 2, "{ids:?}");
        assert!(!drawn("T1485", false, false).contains('\x1b'));
    }
}
