//! Tells most records that cannot match from their bytes alone.
//!
//! Whoever asks for one key wants one record of thousands. Its id stands in each of them as it is, so
//! that a search for bytes, which is many times faster than reading fields, passes over the others.
//! JSON may spell any character as an escape, and every escape begins with a backslash: a record that
//! holds one is always looked at closely.
//!
//! What must stay true: a record that is passed over here is one that a close look would not take.

use aho_corasick::AhoCorasick;
use memchr::memmem::Finder;

/// Texts of which a record must hold one of each group.
#[derive(Debug, Default)]
pub struct Needles(Vec<AnyOf>);

/// Texts of which one must be there.
#[derive(Debug)]
enum AnyOf {
    One(Box<Finder<'static>>),
    Many(AhoCorasick),
}

/// A text shorter than this is in most records anyway.
const SHORTEST: usize = 3;

impl Needles {
    /// Asks for one of `texts` as well. Nothing is asked if a text is missing, or not worth it.
    pub fn add<'t>(&mut self, texts: impl IntoIterator<Item = Option<&'t str>>) {
        let Some(texts) = texts.into_iter().collect::<Option<Vec<&str>>>() else { return };
        let plain = |text: &&str| {
            text.len() >= SHORTEST
                && !text.contains(['"', '\\'])
                && !text.contains(char::is_control)
        };
        if texts.is_empty() || !texts.iter().all(plain) {
            return;
        }
        match texts.as_slice() {
            [one] => self.0.push(AnyOf::One(Box::new(Finder::new(one).into_owned()))),
            // Without a searcher, nothing is passed over.
            many => self.0.extend(AhoCorasick::new(many).ok().map(AnyOf::Many)),
        }
    }

    /// Whether there is anything that tells records apart.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a record has to be looked at closely.
    pub fn may_match(&self, record: &[u8]) -> bool {
        self.0.iter().all(|any| any.is_in(record)) || memchr::memchr(b'\\', record).is_some()
    }
}

impl AnyOf {
    fn is_in(&self, record: &[u8]) -> bool {
        match self {
            AnyOf::One(finder) => finder.find(record).is_some(),
            AnyOf::Many(searcher) => searcher.is_match(record),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_must_be_there_and_a_backslash_is_looked_at() {
        let mut needles = Needles::default();
        assert!(needles.is_empty() && needles.may_match(b"{}"));
        needles.add([Some("alpha")]);
        needles.add([Some("beta"), Some("gamma")]);
        assert!(needles.may_match(br#"{"alpha":"gamma"}"#));
        assert!(!needles.may_match(br#"{"alpha":"delta"}"#));
        assert!(!needles.may_match(br#"{"beta":"gamma"}"#));
        assert!(needles.may_match(br#"{"delt\u0061":1}"#));
    }

    #[test]
    fn nothing_is_asked_where_it_would_be_wrong() {
        let mut needles = Needles::default();
        needles.add([Some("alpha"), None]);
        needles.add([Some("a\"b")]);
        needles.add([Some("ab")]);
        needles.add([]);
        assert!(needles.is_empty());
    }
}
