//! The command with which to look on at what the actors of a case did.
//!
//! What must stay true: a shell takes each word as it is, whatever a log or a folder is called.

use crate::model::case::Case;
use crate::report::Report;

/// The command that shows all that its actors did.
pub fn look(report: &Report<'_>, case: &Case) -> Option<String> {
    let sources: Vec<String> = report.run.sources.iter().map(|source| word(source)).collect();
    let sources = if sources.len() > 2 { "SOURCE".to_owned() } else { sources.join(" ") };
    let (keys, actors) = (&case.credentials, &case.actors);
    let (option, names) = match (keys.count, actors.count) {
        (1..=KEYS, _) | (1.., 0) => ("--access-key", keys),
        (_, 1..) => ("--principal", actors),
        _ => return None,
    };
    let words = names.first.iter().take(KEYS as usize);
    let words: Vec<String> = words.map(|word| format!("{option} {}", quoted(word))).collect();
    Some(format!("keytrail events {sources} {}", words.join(" ")))
}

/// A command names so many keys or callers.
const KEYS: u64 = 3;

/// A source. A list is an option and the name of a file; a list that was a stream is gone.
fn word(source: &str) -> String {
    let null = if source.starts_with("--null ") { "--null " } else { "" };
    match source[null.len()..].strip_prefix("--files-from ") {
        Some("-") => "SOURCE".to_owned(),
        Some(file) => format!("{null}--files-from {}", quoted(file)),
        None => quoted(source),
    }
}

/// A word as a shell takes it, whatever is in it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:._@=,+-".contains(c);
    // A file may be named like an option.
    let word =
        if word.len() > 1 && word.starts_with('-') { format!("./{word}") } else { word.to_owned() };
    if !word.is_empty() && word.chars().all(plain) {
        return word;
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
