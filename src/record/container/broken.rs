//! Following a value that does not end, or does not hold: where reading may go on.
//!
//! After a broken record there are two places that no field of a log can forge: where its brackets
//! balance, and the end of a line of JSON lines. A raw line break cannot stand inside a JSON
//! string, so a line that starts with `{` where nothing called for a value is a new document.

use crate::record::scan::plain::Balance;

/// What the bytes fed so far lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The value's brackets balance; its length.
    End(usize),
    /// A new line of JSON lines starts before they do; the length up to it.
    Line(usize),
    /// Neither yet.
    More,
}

/// Follows one value, fed piece by piece.
#[derive(Debug)]
pub struct Follow {
    balance: Balance,
    fed: usize,
    /// The last byte that was no white space.
    last: u8,
    /// The brackets that are open.
    open: Vec<u8>,
    /// Whether the byte before the next one is a line break, and whether it came inside a string.
    line: Option<bool>,
    /// Where a new line starts if the value does not end after all.
    maybe: Option<usize>,
}

/// What a `{` is.
enum Brace {
    /// Part of the value.
    Inside,
    /// The start of a new line of JSON lines.
    NewLine,
    /// One or the other: a member's value on a line of its own, or what follows a line that was cut
    /// right behind a colon. The end of the value tells.
    Either,
}

impl Follow {
    /// At the value's first bracket.
    pub fn new() -> Self {
        Follow {
            balance: Balance::default(),
            fed: 0,
            last: 0,
            open: Vec::new(),
            line: None,
            maybe: None,
        }
    }

    /// Looks at what `text`, which starts at the value, holds beyond what was fed before.
    pub fn feed(&mut self, text: &[u8]) -> Found {
        while let Some(&byte) = text.get(self.fed) {
            match self.brace(byte) {
                Brace::Inside => {}
                Brace::NewLine => return Found::Line(self.maybe.unwrap_or(self.fed)),
                Brace::Either => drop(self.maybe.get_or_insert(self.fed)),
            }
            self.line = (byte == b'\n').then_some(self.balance.string);
            match byte {
                b'{' | b'[' if !self.balance.string => self.open.push(byte),
                b'}' | b']' if !self.balance.string => drop(self.open.pop()),
                _ => {}
            }
            let end = self.balance.step(byte);
            self.fed += 1;
            if end {
                return Found::End(self.fed);
            }
            if !byte.is_ascii_whitespace() {
                self.last = byte;
            }
        }
        Found::More
    }

    /// The same for text that is not kept: what was fed is forgotten.
    pub fn feed_on(&mut self, text: &[u8]) -> Found {
        (self.fed, self.maybe) = (0, None);
        self.feed(text)
    }

    /// The length up to where a new line starts if no more text comes.
    pub fn line_at_end(&self) -> Option<usize> {
        self.maybe
    }

    /// What the next byte is, if it is a `{`. Nobody breaks the line before an object where no value
    /// may stand. Text that is sound must read the same whether it is all there or comes in pieces.
    fn brace(&self, byte: u8) -> Brace {
        let in_array = self.open.last() == Some(&b'[');
        match self.line.filter(|_| byte == b'{') {
            None => Brace::Inside,
            Some(true) => Brace::NewLine,
            Some(false) if in_array && matches!(self.last, b',' | b'[') => Brace::Inside,
            Some(false) if self.last == b':' => Brace::Either,
            Some(false) => Brace::NewLine,
        }
    }
}

/// Where reading goes on after `text`, a value whose brackets balance and whose grammar is wrong.
pub fn resume(text: &[u8]) -> Found {
    Follow::new().feed(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_its_brackets_balance() {
        assert_eq!(resume(br#"{"a":"}\"}",[1]}x"#), Found::End(16));
        assert_eq!(resume(b"{\n\"a\":[\n{\n},\n{}]}"), Found::End(17));
        assert_eq!(resume(b"{\n\"a\":\n{\n}\n}"), Found::End(12));
        assert_eq!(resume(b"{\"a\":1"), Found::More);
    }

    #[test]
    fn a_cut_line_of_json_lines_ends_at_the_next() {
        assert_eq!(resume(b"{\"a\":1\n{\"b\":2}\n"), Found::Line(7));
        assert_eq!(resume(b"{\"a\":\n{\"b\":2}\n{\"c\":3}\n"), Found::Line(6));
        assert_eq!(resume(b"{\"a\":\"x\n{\"b\":2}\n"), Found::Line(8));
        assert_eq!(resume(b"{\"a\":\"x\ny\"}"), Found::End(11));
    }

    #[test]
    fn pieces_give_what_the_whole_gives() {
        let text = b"{\"a\":\"\\\"\\\\\",\"b\":[1,{}]\n{\"c\":1}";
        let whole = resume(text);
        let mut follow = Follow::new();
        let found =
            (1..=text.len()).map(|end| follow.feed(&text[..end])).find(|f| *f != Found::More);
        assert_eq!(found, Some(whole));
    }
}
