//! Tables of TOML, read key by key, with the place of everything that is wrong.
//!
//! What must stay true: each key of a table is either one of [`keys`] or an error, which
//! [`Fields::end`] sees to; and nothing is read that is not one of them.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::{Form, Kind};
use super::keys;

/// As many problems are listed; a file of junk has no more to say.
const PROBLEMS_MAX: usize = 100;

/// Columns of a longer line are counted in bytes, so that many places in one take no long time: bytes.
const LINE_MAX: usize = 4096;

/// Longer values are cut where they are quoted: characters.
const QUOTED_MAX: usize = 60;

/// A value and where it stands.
pub type Value<'i> = Spanned<DeValue<'i>>;

/// Bytes before something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(pub usize);

/// Collects what is wrong with a text.
#[derive(Debug)]
pub struct Notes<'t> {
    name: &'t str,
    text: &'t str,
    /// Where each line starts.
    lines: Vec<usize>,
    found: Vec<(usize, String)>,
    /// What is not there, by the place where it was looked for.
    missing: Vec<(usize, String)>,
    /// What the parser says.
    broken: Vec<(usize, String)>,
    /// Where each setting stands, by its name.
    settings: BTreeMap<String, usize>,
    /// Each text that was read: the name of its setting, and where it stands.
    texts: Vec<(String, String, usize)>,
}

impl<'t> Notes<'t> {
    /// Nothing is wrong yet with `text`, the content of the file called `name`.
    pub fn new(name: &'t str, text: &'t str) -> Notes<'t> {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = [0].into_iter().chain(starts.map(|(at, _)| at + 1)).collect();
        let (found, missing, broken) = (vec![], vec![], vec![]);
        let (settings, texts) = (BTreeMap::new(), vec![]);
        Notes { name, text, lines, found, missing, broken, settings, texts }
    }

    /// Notes where a setting stands.
    pub fn saw(&mut self, setting: &str, span: &Range<usize>) {
        self.settings.insert(setting.to_owned(), span.start);
    }

    /// Notes a text that is the name of a table.
    pub fn named(&mut self, setting: &str, name: &str, span: &Range<usize>) {
        self.texts.push((setting.to_owned(), name.to_owned(), span.start));
    }

    /// `FILE:LINE` of each setting that was seen, by its name.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let line = |at: usize| format!("{}:{}", self.name, self.line(at));
        self.settings.iter().map(|(name, at)| (name.clone(), line(*at))).collect()
    }

    /// Each text of a setting that `wanted` wants, in the order of the file, with the setting's name and
    /// `FILE:LINE`.
    pub fn texts(&self, wanted: impl Fn(&str) -> bool) -> Vec<(String, String, String)> {
        let mut texts: Vec<_> = self.texts.iter().filter(|(setting, ..)| wanted(setting)).collect();
        texts.sort_by_key(|(.., at)| *at);
        let placed = |(setting, text, at): &(String, String, usize)| {
            (setting.clone(), text.clone(), format!("{}:{}", self.name, self.line(*at)))
        };
        texts.into_iter().map(placed).collect()
    }

    /// The number of the line of a place, from 1.
    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at).max(1)
    }

    /// Notes what is wrong at a place.
    pub fn add(&mut self, span: &Range<usize>, message: impl Into<String>) {
        // The parser puts what it makes up for a broken value nowhere.
        let to = if span.is_empty() { &mut self.missing } else { &mut self.found };
        to.push((span.start, message.into()));
    }

    /// Notes what should be in a table that begins at a place, and is not.
    pub fn add_missing(&mut self, span: &Range<usize>, message: impl Into<String>) {
        self.missing.push((span.start, message.into()));
    }

    /// Notes what the parser says. Its messages may have several lines.
    pub fn syntax(&mut self, span: Option<Range<usize>>, message: &str) {
        let message = message.lines().map(str::trim).collect::<Vec<_>>().join(": ");
        self.broken.push((span.map_or(0, |span| span.start), format!("no TOML: {message}")));
    }

    /// `FILE:LINE:COLUMN`, both from 1, columns in characters.
    pub fn place(&self, at: usize) -> String {
        let line = self.line(at);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..at).unwrap_or_default();
        let before = if before.len() > LINE_MAX { before.len() } else { before.chars().count() };
        format!("{}:{line}:{}", self.name, before + 1)
    }

    /// Everything that is wrong, in the order of the text: `FILE:LINE:COLUMN: MESSAGE`.
    ///
    /// Behind the first error of the parser nothing but more of them: what it makes of the rest is
    /// no evidence of what was written.
    pub fn into_lines(mut self) -> Vec<String> {
        match self.broken.iter().map(|(at, _)| *at).min() {
            Some(first) => self.found.retain(|(at, _)| *at < first),
            None => self.found.append(&mut self.missing),
        }
        self.found.append(&mut self.broken);
        self.found.sort();
        self.found.dedup();
        let more = self.found.len().saturating_sub(PROBLEMS_MAX);
        let listed = self.found.iter().take(PROBLEMS_MAX);
        let mut lines: Vec<String> =
            listed.map(|(at, message)| format!("{}: {message}", self.place(*at))).collect();
        if more > 0 {
            lines.push(format!("{}: and {more} more", self.name));
        }
        lines
    }
}

/// A table that is being read.
#[derive(Debug)]
pub struct Fields<'a, 'i> {
    /// As it is written: `accounts`, `tags.governed.CostCenter`; empty for the whole file.
    name: String,
    /// Which of the tables of [`keys`] it is.
    of: String,
    table: Option<&'a DeTable<'i>>,
}

impl<'a, 'i> Fields<'a, 'i> {
    /// The whole file.
    pub fn root(table: &'a DeTable<'i>) -> Fields<'a, 'i> {
        Fields { name: String::new(), of: String::new(), table: Some(table) }
    }

    /// A value that must be a table, called `name`; which of the tables there are is `of`.
    pub fn of(
        value: &'a Value<'i>,
        (name, of): (&str, &str),
        notes: &mut Notes<'_>,
    ) -> Fields<'a, 'i> {
        let table = match value.get_ref() {
            DeValue::Table(table) => Some(table),
            other => {
                let found = kind(other);
                notes.add(&value.span(), format!("{name}: expected a table, found {found}"));
                None
            }
        };
        Fields { name: name.to_owned(), of: of.to_owned(), table }
    }

    /// The name of a key, as it is written from the top of the file.
    pub fn path(&self, key: &str) -> String {
        join(&self.name, key)
    }

    /// The value of a key.
    pub fn take(&self, key: &str, notes: &mut Notes<'_>) -> Option<&'a Value<'i>> {
        let value = self.table?.get(key)?;
        notes.saw(&self.path(key), &value.span());
        Some(value)
    }

    /// The value of a key of this table, its name from the top of the file, and what it must be.
    fn find(
        &self,
        key: &str,
        notes: &mut Notes<'_>,
    ) -> Option<(String, &'static Kind, &'a Value<'i>)> {
        let known = keys::key(&self.of, key)?;
        Some((self.path(key), &known.kind, self.take(key, notes)?))
    }

    /// The table under a key; an empty one if it is not there.
    pub fn table(&self, key: &str, notes: &mut Notes<'_>) -> Fields<'a, 'i> {
        let (name, of) = (self.path(key), join(&self.of, key));
        match self.take(key, notes) {
            Some(value) => Fields::of(value, (&name, &of), notes),
            None => Fields { name, of, table: None },
        }
    }

    /// Every key and value of a table whose keys are the user's.
    pub fn entries(
        &self,
    ) -> impl Iterator<Item = (&'a str, Range<usize>, &'a Value<'i>)> + use<'a, 'i> {
        let entries = self.table.into_iter().flat_map(|table| table.iter());
        entries.map(|(key, value)| (key.get_ref().as_ref(), key.span(), value))
    }

    /// Whether the table is in the file.
    pub fn is_there(&self) -> bool {
        self.table.is_some()
    }

    /// A text.
    pub fn text(&self, key: &str, notes: &mut Notes<'_>) -> Option<String> {
        let (name, Kind::Text(form), value) = self.find(key, notes)? else { return None };
        text(value, &name, form, notes)
    }

    /// A list of texts. What is wrong with one keeps none of the others from being looked at.
    pub fn texts(&self, key: &str, notes: &mut Notes<'_>) -> Option<Vec<String>> {
        let (name, Kind::Texts(form), value) = self.find(key, notes)? else { return None };
        texts(value, &name, form, notes)
    }

    /// A whole number.
    pub fn number(&self, key: &str, notes: &mut Notes<'_>) -> Option<i64> {
        let (name, Kind::Number(least, most), value) = self.find(key, notes)? else { return None };
        let expected = format!("{name}: expected a whole number from {least} to {most}");
        let DeValue::Integer(integer) = value.get_ref() else {
            notes.add(&value.span(), format!("{expected}, found {}", kind(value.get_ref())));
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| (least..=most).contains(&number));
        if number.is_none() {
            notes.add(&value.span(), expected);
        }
        number
    }

    /// A member that is `true` or `false`.
    pub fn flag(&self, key: &str, notes: &mut Notes<'_>) -> Option<bool> {
        let (name, Kind::Flag, value) = self.find(key, notes)? else { return None };
        let DeValue::Boolean(flag) = value.get_ref() else {
            let found = kind(value.get_ref());
            notes.add(&value.span(), format!("{name}: expected true or false, found {found}"));
            return None;
        };
        Some(*flag)
    }

    /// The end of the table: what is none of its keys is not known.
    pub fn end(self, notes: &mut Notes<'_>) {
        let place = match self.name.as_str() {
            "" => String::new(),
            name => format!(" in [{name}]"),
        };
        let known = keys::members(&self.of);
        for (key, span, _) in self.entries() {
            if !known.contains(&key) {
                let known = known.join(", ");
                let key = quoted(key);
                notes.add(&span, format!("unknown key {key}{place}: expected one of {known}"));
            }
        }
    }
}

/// The name of a member of a table.
fn join(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

/// A value that must be a text of some form.
pub fn text(value: &Value<'_>, name: &str, form: &Form, notes: &mut Notes<'_>) -> Option<String> {
    let DeValue::String(text) = value.get_ref() else {
        let found = kind(value.get_ref());
        notes.add(&value.span(), format!("{name}: expected a text in quotes, found {found}"));
        return None;
    };
    match (form.read)(text) {
        Ok(formed) => {
            notes.texts.push((name.to_owned(), formed.clone(), value.span().start));
            Some(formed)
        }
        Err(reason) => {
            notes.add(&value.span(), format!("{name}: {}: {reason}", quoted(text)));
            None
        }
    }
}

/// A value that must be a list of texts of some form.
pub fn texts(
    value: &Value<'_>,
    name: &str,
    form: &Form,
    notes: &mut Notes<'_>,
) -> Option<Vec<String>> {
    let DeValue::Array(list) = value.get_ref() else {
        let found = kind(value.get_ref());
        notes.add(&value.span(), format!("{name}: expected a list of texts, found {found}"));
        return None;
    };
    Some(list.iter().filter_map(|value| text(value, name, form, notes)).collect())
}

/// What a value is, in words.
pub fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A text as it is quoted in a message, long ones cut.
pub fn quoted(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(QUOTED_MAX).collect();
    let more = if chars.next().is_some() { "…" } else { "" };
    format!("'{start}{more}'")
}
