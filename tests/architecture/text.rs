//! Source text as tokens: words, and single characters for everything else.
//!
//! Comments and literals are left out, so that prose about a module is no import.

/// Words, and single characters for everything else; comments and literals are left out.
pub fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        at += match rest {
            ['/', '/', ..] => line_comment(rest),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] => 1 + string(&rest[1..], 0, true),
            ['\'', '\\', ..] => 3 + rest[3..].iter().take_while(|c| **c != '\'').count() + 1,
            ['\'', _, '\'', ..] => 3,
            [c, ..] if c.is_alphanumeric() || *c == '_' => {
                let word: String =
                    rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
                let len = word.chars().count();
                match raw_string(&word, &rest[len..]) {
                    Some(raw) => len + raw,
                    None => {
                        found.push(word);
                        len
                    }
                }
            }
            [c, ..] => {
                if !c.is_whitespace() {
                    found.push(c.to_string());
                }
                1
            }
            [] => 1,
        };
    }
    found
}

fn line_comment(rest: &[char]) -> usize {
    rest.iter().take_while(|c| **c != '\n').count()
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let step = match rest[at..] {
            ['/', '*', ..] => {
                depth += 1;
                2
            }
            ['*', '/', ..] => {
                depth -= 1;
                2
            }
            _ => 1,
        };
        at += step;
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of a string's rest, closing quote and `hashes` included.
fn string(rest: &[char], hashes: usize, escapes: bool) -> usize {
    let mut at = 0;
    while at < rest.len() {
        if rest[at] == '\\' && escapes {
            at += 2;
            continue;
        }
        let closes = rest[at] == '"'
            && rest[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        at += 1;
        if closes {
            return at + hashes;
        }
    }
    at
}

/// The length of `#"…"#` after an `r`, `br` or `cr`.
fn raw_string(word: &str, rest: &[char]) -> Option<usize> {
    if !matches!(word, "r" | "br" | "cr") {
        return None;
    }
    let hashes = rest.iter().take_while(|c| **c == '#').count();
    (rest.get(hashes) == Some(&'"'))
        .then(|| hashes + 1 + string(&rest[hashes + 1..], hashes, false))
}
