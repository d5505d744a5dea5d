//! Reads the file of a rule, within limits.
//!
//! A rule may come from anybody. The YAML parsers take time that grows with the square of the depth,
//! and memory that is a hundred times the text. What must stay true: no file takes longer than the
//! rest of a scan, and one that is refused says why.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::logs::looks_like_ours;

/// The largest file that is read (1 MiB). The largest public rules have some 100 KiB.
const SIZE_MAX: u64 = 1 << 20;

/// How many brackets may be open at once. Rules nest four or five deep.
const OPEN_MAX: usize = 1_000;

/// Why the file of a rule is not read, in words.
#[derive(Debug, PartialEq, Eq)]
pub enum Unread {
    /// It cannot be read.
    Unreadable(String),
    /// It can be no rule.
    NoRule {
        /// Why.
        message: String,
        /// Whether it looks like a rule for these logs nevertheless.
        ours: bool,
    },
}

impl Unread {
    /// The words.
    pub fn message(self) -> String {
        match self {
            Unread::Unreadable(message) | Unread::NoRule { message, .. } => message,
        }
    }
}

/// The text of a rule file, without a byte order mark.
///
/// # Errors
/// Why it is not read.
pub fn read(path: &Path) -> Result<String, Unread> {
    let mut bytes = Vec::new();
    let file = File::open(path);
    file.and_then(|file| file.take(SIZE_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| Unread::Unreadable(format!("cannot read the rule: {error}")))?;
    let no_rule = |why: &str, text: &str| Unread::NoRule {
        message: format!("{why}: expected a Sigma rule in YAML"),
        ours: looks_like_ours(text),
    };
    if bytes.len() as u64 > SIZE_MAX {
        return Err(no_rule("larger than 1 MiB", &String::from_utf8_lossy(&bytes)));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        // In two bytes a letter, every other one is empty.
        let bytes: Vec<u8> = error.into_bytes().into_iter().filter(|byte| *byte != 0).collect();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        no_rule("not UTF-8", text.trim_start_matches('\u{fffd}'))
    })?;
    if is_deep(&text) {
        return Err(no_rule(&format!("more than {OPEN_MAX} open brackets"), &text));
    }
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Whether a text has too many open brackets, wherever they stand. It need not be exact: no rule comes
/// near the limit.
fn is_deep(text: &str) -> bool {
    let mut open = 0usize;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => continue,
        }
        if open > OPEN_MAX {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_or_too_deep_is_refused_before_it_is_parsed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rule.yml");
        let read_of = |text: &[u8]| {
            std::fs::write(&path, text).unwrap();
            read(&path).map_err(Unread::message)
        };
        assert_eq!(read_of("\u{feff}title: x".as_bytes()), Ok("title: x".to_owned()));
        let deep = "[".repeat(OPEN_MAX);
        assert!(read_of(deep.as_bytes()).is_ok());
        let deeper = read_of(format!("{deep}{{").as_bytes()).unwrap_err();
        assert_eq!(deeper, "more than 1000 open brackets: expected a Sigma rule in YAML");
        let wide = "[]".repeat(10 * OPEN_MAX);
        assert!(read_of(wide.as_bytes()).is_ok(), "only what is open counts");
        let large = vec![b' '; usize::try_from(SIZE_MAX).unwrap()];
        assert!(read_of(&large).is_ok());
        let larger = [&large[..], b" "].concat();
        assert!(read_of(&larger).unwrap_err().starts_with("larger than 1 MiB:"));
        assert!(read_of(&[0xff]).unwrap_err().starts_with("not UTF-8"));
        let none = read(&folder.path().join("none")).unwrap_err();
        assert!(matches!(none, Unread::Unreadable(why) if why.starts_with("cannot read")));
    }
}
