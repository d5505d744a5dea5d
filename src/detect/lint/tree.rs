//! Parses YAML into a tree in which every node knows its line and column.
//!
//! The Sigma parser and its linter work on values without places. The file is therefore parsed a
//! second time here, only to report LINE:COLUMN. What must stay true: parsing never fails. What
//! cannot be parsed is left out of the tree, and its place is that of the node around it.

use saphyr_parser::{Event, Marker, Parser};

/// One file of rules.
pub struct File {
    /// Its path.
    pub origin: String,
    /// Its text.
    pub text: String,
    /// Its documents, as far as they are YAML.
    pub documents: Vec<Node>,
}

/// Line and column, both 1-based.
pub type Place = (usize, usize);

/// A value and the place where it begins.
#[derive(Debug)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// Its type and contents.
    pub kind: Kind,
}

/// The type and contents of a value.
#[derive(Debug)]
pub enum Kind {
    /// Text, number, boolean or null, as written, without quotes.
    Scalar(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(Node, Node)>),
    /// A reference to another value.
    Alias,
}

impl Node {
    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping; empty for any other node.
    pub fn entries(&self) -> &[(Node, Node)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a sequence. Any other node is its own only item.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// The key and the value of the entry with this name.
    pub fn entry(&self, name: &str) -> Option<&(Node, Node)> {
        self.entries().iter().find(|(key, _)| key.text() == Some(name))
    }

    /// The value of the entry with this name.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entry(name).map(|(_, value)| value)
    }

    /// The place of the node at a path such as `/tags/1`. If the path ends early, the place of the
    /// last node on it.
    pub fn place_of(&self, path: &str) -> Place {
        let (mut node, mut place) = (self, self.place);
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let next = match &node.kind {
                Kind::Map(_) => node.entry(part).map(|(key, value)| (key.place, value)),
                Kind::List(items) => {
                    let item = part.parse().ok().and_then(|index: usize| items.get(index));
                    item.map(|item| (item.place, item))
                }
                _ => None,
            };
            let Some((at, value)) = next else { break };
            (place, node) = (at, value);
        }
        place
    }
}

/// A collection that is not closed yet.
enum Open {
    List(Place, Vec<Node>),
    Map(Place, Vec<(Node, Node)>, Option<Node>),
}

/// The documents of a file, up to the first that is not valid YAML.
pub fn documents(text: &str) -> Vec<Node> {
    let (mut found, mut open) = (Vec::new(), Vec::new());
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { break };
        let place = place(span.start);
        let node = match event {
            Event::SequenceStart(..) => {
                open.push(Open::List(place, Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(place, Vec::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(place, items)) => Node { place, kind: Kind::List(items) },
                Some(Open::Map(place, entries, _)) => Node { place, kind: Kind::Map(entries) },
                None => continue,
            },
            Event::Scalar(text, ..) => Node { place, kind: Kind::Scalar(text.into_owned()) },
            Event::Alias(_) => Node { place, kind: Kind::Alias },
            _ => continue,
        };
        match open.last_mut() {
            None => found.push(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, key)) => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
        }
    }
    found
}

fn place(marker: Marker) -> Place {
    (marker.line(), marker.col() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_keys_and_items() {
        let text = "# comment\ntitle: 'A: b'\ntags:\n  - one\n  - two\nlogsource: {product: aws}\n\
                    ---\n\"title\": B\ndetection:\n  sel:\n    - a|re: x\n      b: [1, 2]\n";
        let [first, second] = &documents(text)[..] else { panic!("two documents") };
        assert_eq!(first.get("title").and_then(Node::text), Some("A: b"));
        assert_eq!(first.place_of("/"), (2, 1));
        assert_eq!(first.place_of("/tags/1"), (5, 5));
        assert_eq!(first.place_of("/tags/7"), (3, 1));
        assert_eq!(first.place_of("/logsource/product"), (6, 13));
        assert_eq!(second.place_of("/title"), (8, 1));
        assert_eq!(second.place_of("/detection/sel/0/b/1"), (12, 14));
        assert_eq!(second.place_of("/missing"), (8, 1));
    }

    #[test]
    fn broken_yaml_ends_the_reading() {
        assert_eq!(documents("a: 1\n---\nb: [1").len(), 1);
        assert!(documents("").is_empty());
        assert_eq!(documents("a: *x\nb: &x 1\n").len(), 0, "an alias of nothing is no YAML");
    }
}
