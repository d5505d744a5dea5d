//! The words of conditions in capitals, as rules of older days have them (`selection AND NOT filter`).
//!
//! What must stay true: a word that is the name of a detection stays as it is.

use std::collections::HashSet;

use yaml_serde::{Mapping, Value};

const WORDS: [&str; 7] = ["and", "or", "not", "of", "all", "any", "them"];

/// Writes the words of the conditions of a detection in lower case.
pub fn lower(detection: &mut Mapping) {
    let names: HashSet<String> =
        detection.keys().filter_map(Value::as_str).map(str::to_owned).collect();
    match detection.get_mut("condition") {
        Some(Value::String(text)) => *text = lowered(text, &names),
        Some(Value::Sequence(conditions)) => conditions.iter_mut().for_each(|condition| {
            if let Value::String(text) = condition {
                *text = lowered(text, &names);
            }
        }),
        _ => {}
    }
}

/// A condition with its words in lower case. A count at its end, and what is quoted, stays.
fn lowered(condition: &str, names: &HashSet<String>) -> String {
    let (selected, count) = condition.split_at(condition.find('|').unwrap_or(condition.len()));
    let is_end = |c: char| c.is_whitespace() || matches!(c, '(' | ')');
    let mut quote = None;
    let piece = |piece: &str| {
        let word = piece.trim_end_matches(is_end);
        let lower = word.to_ascii_lowercase();
        let quoted = quote.is_some();
        for c in word.chars().filter(|c| matches!(c, '\'' | '"')) {
            match quote {
                None => quote = Some(c),
                Some(open) if open == c => quote = None,
                Some(_) => {}
            }
        }
        let known = WORDS.contains(&lower.as_str()) && !names.contains(word);
        match known && !quoted {
            true => lower + &piece[word.len()..],
            false => piece.to_owned(),
        }
    };
    selected.split_inclusive(is_end).map(piece).collect::<String>() + count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_capitals_are_the_words() {
        let names = ["selection", "ORIGIN", "OR", "NOT-x"].map(str::to_owned).into();
        for (text, meant) in [
            ("selection AND NOT filter", "selection and not filter"),
            ("(selection)AND(NOT filter)", "(selection)and(not filter)"),
            ("1 OF selection* AND ALL OF THEM", "1 of selection* and all of them"),
            ("selection\n  And\tother", "selection\n  and\tother"),
            ("ORIGIN AND NOT-x", "ORIGIN and NOT-x"),
            ("selection OR other", "selection OR other"),
            ("a AND b | count() BY x > 2", "a and b | count() BY x > 2"),
            ("'a AND b' AND c", "'a AND b' and c"),
            ("", ""),
        ] {
            assert_eq!(lowered(text, &names), meant);
        }
    }
}
