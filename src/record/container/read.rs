//! The walk through a blob's text: documents, lists, members, and what goes wrong between them.

use super::documents::Depth;
use super::*;
use crate::model::window::Window;

/// Text that is no JSON is looked at in pieces of at most this many bytes.
const LONGEST_LINE: usize = 64 << 10; // 64 KiB

impl Reader {
    /// Reads records that an earlier run has read and kept: what they list as unknown was found so then.
    pub fn read_kept(&mut self, window: &mut dyn Window, sink: &mut impl Sink) {
        self.own = true;
        self.read(window, sink);
        self.own = false;
    }

    /// Reads one blob to its end, or until the sink has had enough.
    pub fn read(&mut self, window: &mut dyn Window, sink: &mut impl Sink) {
        self.at = Place::Between;
        (self.number, self.offset) = (0, window.offset());
        (self.follow, self.junk) = (None, None);
        (self.cut, self.broken, self.flow_log) = (false, false, false);
        self.table = None;
        let mut any = false;
        loop {
            let text = window.text();
            if !any {
                // A byte order mark is behind the window by now.
                self.first = window.offset();
                self.offset = self.first;
            }
            any = any || white(text) < text.len();
            let used = self.advance(text, false, sink);
            window.consume(used);
            self.offset = window.offset();
            if self.at == Place::Done || !sink.ready() {
                return;
            }
            match window.fill() {
                Ok(true) => {}
                // A stream that was given up has no end to find fault with.
                Ok(false) if !sink.ready() => return,
                Ok(false) => break,
                Err(cut) => {
                    self.cut = true;
                    sink.problem(cut.stage, cut.message);
                    any = true;
                }
            }
        }
        if any {
            let used = self.advance(window.text(), true, sink);
            window.consume(used);
            self.finish(sink);
        } else {
            sink.problem(Stage::Read, "empty file: expected CloudTrail records".into());
        }
    }

    /// Deals with as much of `text` as can be told; gives how many bytes that is. With `last`,
    /// no more text will come, and all of it is dealt with.
    fn advance(&mut self, text: &[u8], last: bool, sink: &mut impl Sink) -> usize {
        let start = self.offset;
        let mut at = 0;
        loop {
            self.offset = start + at as u64;
            let rest = &text[at..];
            let step = match self.at {
                Place::Between => self.between(rest, last, sink),
                Place::List { list, wrapped, next } => {
                    self.list(rest, last, (list, wrapped, next), sink)
                }
                Place::Members => self.members(rest, last, sink),
                Place::Skip { back } => self.skip(rest, back),
                Place::Line => self.rest_of_line(rest),
                Place::Rows => self.rows(rest, last, sink),
                Place::Done => return text.len(),
            };
            match step {
                Step::Go(n) => at += n,
                Step::More => return if last { text.len() } else { at },
            }
        }
    }

    fn between(&mut self, text: &[u8], last: bool, sink: &mut impl Sink) -> Step {
        match text.first() {
            None => Step::More,
            Some(b' ' | b'\n' | b'\r' | b'\t') => Step::Go(white(text)),
            // A byte order mark, as files have that were put one behind the other.
            Some(0xef) if text.len() < 3 && !last => Step::More,
            Some(0xef) if text.starts_with(b"\xef\xbb\xbf") => {
                if self.offset == self.first {
                    self.first += 3;
                }
                Step::Go(3)
            }
            Some(b'[') => {
                self.at = Place::List { list: List::Mixed, wrapped: false, next: Next::First };
                Step::Go(1)
            }
            Some(b'{') if self.follow.is_none() => match shape::start(text) {
                Start::List(list, len) => {
                    self.at = Place::List { list, wrapped: true, next: Next::First };
                    Step::Go(len)
                }
                Start::More if !last => Step::More,
                Start::More | Start::Object => self.object(text, last, Resume::Between, sink),
            },
            Some(b'{') => self.object(text, last, Resume::Between, sink),
            Some(_) => self.stray(text, last, sink),
        }
    }

    /// Text where a document should start: up to the end of the line.
    fn stray(&mut self, text: &[u8], last: bool, sink: &mut impl Sink) -> Step {
        let head = &text[..text.len().min(LONGEST_LINE)];
        let len = match memchr::memchr(b'\n', head) {
            Some(end) => end + 1,
            None if last || head.len() == LONGEST_LINE => head.len(),
            None => return Step::More,
        };
        let head = &head[..len];
        let line = String::from_utf8_lossy(head);
        // Syslog and exports of CloudWatch Logs put the time before each message.
        let valid = match std::str::from_utf8(head) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
        };
        if let Some(len) = line::prefix_len(valid) {
            return Step::Go(len);
        }
        if self.offset == self.first
            && let Some(table) = Table::begin(&line)
        {
            self.table = Some(table);
            self.at = Place::Rows;
            return Step::Go(len);
        }
        // A flow log starts as one and goes on as one; anything else in it is not passed over.
        if (self.flow_log || self.offset == self.first) && other::is_flow_log(&line) {
            if !std::mem::replace(&mut self.flow_log, true) {
                sink.other(OtherDocument::FlowLog);
            }
            return Step::Go(len);
        }
        let (_, bytes) = self.junk.get_or_insert((self.offset, 0));
        *bytes += len as u64;
        if head.last() != Some(&b'\n') {
            self.at = Place::Line;
        }
        Step::Go(len)
    }

    /// What follows the piece of a long line that [`stray`](Reader::stray) has looked at.
    fn rest_of_line(&mut self, text: &[u8]) -> Step {
        if text.is_empty() {
            return Step::More;
        }
        let end = memchr::memchr(b'\n', text);
        let len = end.map_or(text.len(), |end| end + 1);
        if end.is_some() {
            self.at = Place::Between;
        }
        let (_, bytes) = self.junk.get_or_insert((self.offset, 0));
        *bytes += len as u64;
        Step::Go(len)
    }

    /// The next row of a table.
    fn rows(&mut self, text: &[u8], last: bool, sink: &mut impl Sink) -> Step {
        let (len, cells) = match table::next(text, last) {
            _ if text.is_empty() => return Step::More,
            table::Next::More => return Step::More,
            table::Next::Open(len) => {
                (len, Some(Err("a row with a quote that is not closed".to_owned())))
            }
            table::Next::Row(len) if text[..len].trim_ascii().is_empty() => (len, None),
            table::Next::Row(len) => {
                let row = self.decoded(&text[..len], sink);
                (len, self.table.as_ref().map(|table| table.cells(&row)))
            }
        };
        match cells {
            Some(Ok(cells)) => self.row(cells::read(cells), Depth::default(), sink),
            Some(Err(why)) => self.bad(sink, why),
            None => {}
        }
        Step::Go(len)
    }

    fn list(
        &mut self,
        text: &[u8],
        last: bool,
        (list, wrapped, next): (List, bool, Next),
        sink: &mut impl Sink,
    ) -> Step {
        let to = |next| Place::List { list, wrapped, next };
        match (text.first(), next) {
            (None, _) => {
                if last {
                    self.ends_early(sink, "inside a list of records");
                }
                Step::More
            }
            (Some(b' ' | b'\n' | b'\r' | b'\t'), _) => Step::Go(white(text)),
            (Some(b']'), _) => {
                if next == Next::First && list == List::Export {
                    sink.other(OtherDocument::EmptyList);
                }
                if next == Next::Value && !self.broken {
                    self.unexpected(sink, "expected a record behind ',', found ']'");
                }
                self.at = if wrapped { Place::Members } else { Place::Between };
                Step::Go(1)
            }
            (Some(b','), Next::Comma) => {
                self.at = to(Next::Value);
                Step::Go(1)
            }
            (Some(b',' | b'}'), _) => {
                // Behind a bad record it is what that one left over.
                if !self.broken {
                    let what = char::from(text[0]);
                    self.unexpected(sink, &format!("expected a record, found '{what}'"));
                }
                Step::Go(1)
            }
            (Some(_), Next::Comma) => {
                self.unexpected(sink, "expected ',' or ']' behind a record");
                self.at = to(Next::Value);
                Step::Go(0)
            }
            (Some(b'{'), _) => self.object(text, last, Resume::List { list, wrapped }, sink),
            (Some(_), _) => {
                let Some(len) = value_len(text, last) else { return self.too_short(text, sink) };
                if text[0] == b'[' && list != List::Records && plain::valid(&text[..len]) {
                    let cells = self.decoded(&text[..len], sink);
                    self.row(cells::of_list(Json::new(&cells)), Depth::default(), sink);
                    self.at = to(Next::Comma);
                    return Step::Go(len);
                }
                let kind = Json::new(&String::from_utf8_lossy(&text[..1])).kind();
                self.bad(sink, not_an_object(kind));
                self.at = to(Next::Comma);
                Step::Go(len)
            }
        }
    }

    /// An object that holds records, one way or the other.
    fn object(&mut self, text: &[u8], last: bool, back: Resume, sink: &mut impl Sink) -> Step {
        if let Some(follow) = &mut self.follow {
            match follow.feed(text) {
                Found::More => return self.unfinished(text, last, back, sink),
                Found::Line(len) => return self.cut_line(len, sink),
                Found::End(_) => self.follow = None,
            }
        }
        let Some((len, verdict)) = (self.scan)(text, &mut self.index) else {
            let mut follow = Follow::new();
            let found = follow.feed(text);
            self.follow = Some(follow);
            return match found {
                Found::Line(len) => self.cut_line(len, sink),
                _ => self.unfinished(text, last, back, sink),
            };
        };
        match self.whole(&text[..len], verdict, sink) {
            Some(Found::Line(line)) => {
                self.at = Place::Between;
                Step::Go(line)
            }
            _ => {
                self.go_back(back);
                Step::Go(len)
            }
        }
    }

    fn go_back(&mut self, back: Resume) {
        self.at = match back {
            Resume::Between => Place::Between,
            Resume::List { list, wrapped } => Place::List { list, wrapped, next: Next::Comma },
        };
    }

    /// A record of which `text` holds the start only.
    fn unfinished(&mut self, text: &[u8], last: bool, back: Resume, sink: &mut impl Sink) -> Step {
        let line = self.follow.as_ref().and_then(Follow::line_at_end);
        if let Some(len) = line.filter(|_| last || text.len() > self.max_record) {
            return self.cut_line(len, sink);
        }
        if last {
            if !std::mem::replace(&mut self.cut, true) {
                self.bad(sink, "the text ends early: expected the rest of the record".into());
            }
            self.at = Place::Done;
            return Step::Go(text.len());
        }
        if text.len() <= self.max_record {
            return Step::More;
        }
        let limit = self.max_record >> 20;
        self.bad(sink, format!("a record over the limit of {limit} MiB: not read"));
        self.at = Place::Skip { back };
        Step::Go(text.len())
    }

    fn skip(&mut self, text: &[u8], back: Resume) -> Step {
        if text.is_empty() {
            return Step::More;
        }
        let follow = self.follow.get_or_insert_with(Follow::new);
        match follow.feed_on(text) {
            Found::More => Step::Go(text.len()),
            Found::Line(len) => {
                (self.follow, self.at) = (None, Place::Between);
                Step::Go(len)
            }
            Found::End(len) => {
                self.follow = None;
                self.go_back(back);
                Step::Go(len)
            }
        }
    }

    /// A line of JSON lines that ends before its object does.
    fn cut_line(&mut self, len: usize, sink: &mut impl Sink) -> Step {
        self.bad(sink, cut_line(len));
        (self.follow, self.at) = (None, Place::Between);
        Step::Go(len)
    }

    /// The members behind a list: `NextToken` and the like, or another list.
    fn members(&mut self, text: &[u8], last: bool, sink: &mut impl Sink) -> Step {
        match text.first() {
            None => {
                if last {
                    self.ends_early(sink, "before the object around the records closes");
                }
                Step::More
            }
            Some(b' ' | b'\n' | b'\r' | b'\t') => Step::Go(white(text)),
            Some(b',') => Step::Go(1),
            Some(b'}') => {
                self.at = Place::Between;
                Step::Go(1)
            }
            Some(b'"') => self.member(text, last, sink),
            Some(_) => {
                self.unexpected(sink, "expected ',' or '}' behind the list of records");
                self.at = Place::Between;
                Step::Go(0)
            }
        }
    }

    fn member(&mut self, text: &[u8], last: bool, sink: &mut impl Sink) -> Step {
        let Some(len) = value_len(text, last) else { return self.too_short(text, sink) };
        let colon = len + white(&text[len..]);
        let value = match text.get(colon) {
            Some(b':') => colon + 1 + white(&text[colon + 1..]),
            Some(_) => {
                self.unexpected(sink, "expected ':' behind a member's name");
                return Step::Go(colon);
            }
            None if last => return self.members(&[], last, sink),
            None => return self.too_short(text, sink),
        };
        match (List::named(&text[1..len.max(2) - 1]), text.get(value)) {
            (Some(list), Some(b'[')) => {
                self.at = Place::List { list, wrapped: true, next: Next::First };
                Step::Go(value + 1)
            }
            (_, Some(_)) => match value_len(&text[value..], last) {
                Some(len) => Step::Go(value + len),
                None => self.too_short(text, sink),
            },
            (_, None) if last => self.members(&[], last, sink),
            (_, None) => self.too_short(text, sink),
        }
    }

    /// More text is needed, within reason.
    fn too_short(&mut self, text: &[u8], sink: &mut impl Sink) -> Step {
        if text.len() <= self.max_record {
            return Step::More;
        }
        let limit = self.max_record >> 20;
        self.unexpected(
            sink,
            &format!("a value over the limit of {limit} MiB: the rest is unread"),
        );
        self.at = Place::Done;
        Step::Go(text.len())
    }

    fn unexpected(&mut self, sink: &mut impl Sink, what: &str) {
        sink.problem(Stage::Parse, format!("not valid JSON at byte {}: {what}", self.offset));
    }

    /// The text ends where it must not. Nothing to add when a cut has been reported, or right
    /// behind a bad record, which may have swallowed what is missing.
    fn ends_early(&mut self, sink: &mut impl Sink, place: &str) {
        if !std::mem::replace(&mut self.cut, true) && !self.broken {
            let message =
                format!("the text ends early {place}: expected more at byte {}", self.offset);
            sink.problem(Stage::Parse, message);
        }
    }

    fn finish(&mut self, sink: &mut impl Sink) {
        if let Place::Skip { .. } = self.at {
            self.ends_early(sink, "inside a record over the limit");
        }
        if let Some((at, bytes)) = self.junk {
            sink.problem(
                Stage::Parse,
                format!(
                    "text of no known kind: {bytes} bytes outside any JSON, the first at byte {at}"
                ),
            );
        }
    }
}

/// How much JSON white space `text` starts with.
fn white(text: &[u8]) -> usize {
    text.iter().take_while(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')).count()
}

/// Length of the value (no object that holds records) at the start of `text`; at least 1. With
/// `last`, a value that does not end takes the rest.
fn value_len(text: &[u8], last: bool) -> Option<usize> {
    let end = match text[0] {
        b'"' => string_end(text),
        b'{' | b'[' => plain::balanced(text),
        _ => {
            let ends = |b: &u8| b.is_ascii_whitespace() || b",]}{[\"".contains(b);
            text.iter().position(ends).map(|len| len.max(1))
        }
    };
    end.or_else(|| last.then_some(text.len()))
}

/// Length of the string at the start of `text`, quotes included.
fn string_end(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}
