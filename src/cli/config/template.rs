//! The file that `config init` writes: every key, what it is for, and nothing that is set.
//!
//! ```text
//! # words        what a key is for
//! #key = value   a key with its default or an example; without the sign it is set
//! ```
//!
//! What must stay true: as it is, the file says nothing; and with the sign taken from each line
//! that begins with a key or a table, it can be read.

use super::key::{Key, Shape, Table};
use super::keys::TABLES;

/// The widest line of words, in characters.
const WIDTH: usize = 96;

const HEAD: &str = "\
keytrail.toml: what keytrail should know of your organisation, and of how you scan.

Nothing here is set. To set a key, take away the # before it; a table that is commented out needs \
its # taken away too. What is shown is the default where a key has one, else an example. keytrail \
config show prints what holds, and docs/configuration.md says more of patterns.";

/// The text of the file.
pub fn template() -> String {
    let mut text = HEAD.split("\n\n").map(words).collect::<Vec<_>>().join("#\n");
    for table in TABLES {
        text += &section(table);
    }
    text
}

fn section(table: &Table) -> String {
    let mut text = format!("\n{}", words(table.about));
    let name = table.name;
    // The usual tags are in force only while no table of governed tags is there.
    text += &match table.shape {
        Shape::One => format!("[{name}]\n"),
        Shape::Named(example) => format!("#[{name}.{example}]\n"),
        Shape::Listed => format!("#[[{name}]]\n"),
    };
    text + &table.keys.iter().map(entry).collect::<String>()
}

fn entry(key: &Key) -> String {
    format!("{}#{} = {}\n", words(key.about), key.name, key.example)
}

/// A text as remarks that are no wider than the page.
fn words(text: &str) -> String {
    let (mut lines, mut line) = (String::new(), String::new());
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH - 2 {
            lines += &format!("# {line}\n");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    lines + &format!("# {line}\n")
}
