//! Texts with `*` for any run of characters and `?` for any one, compared with regard to case.
//!
//! There are two ways to compare. A plain text is one piece. An ARN is compared part by part, as
//! below, because whoever may make a role or a resource chooses parts of its name: a `*` that ran
//! on into the next part would fit `role/a:role/deploy-role` where `*:role/deploy-role` was meant.
//!
//! ```text
//! *:role/deploy-*                  a role of any account, whose name begins so and that has no path
//! *:role/ci/*                      every role below that path: a last part of * is all that follows
//! arn:aws:kms:*:key/mrk-*          before the resource, a part of * is one or more parts
//! *                                anything
//! ```
//!
//! What must stay true: in an ARN, `*` within a part never reaches into another part.

/// Several patterns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patterns(Vec<String>);

impl Patterns {
    /// The patterns themselves.
    pub fn new(patterns: impl IntoIterator<Item = impl Into<String>>) -> Patterns {
        Patterns(patterns.into_iter().map(Into::into).collect())
    }

    /// Each pattern.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The pattern of this number, from 0.
    pub fn get(&self, number: usize) -> Option<&str> {
        self.0.get(number).map(String::as_str)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any pattern is all of `text`, which is one piece.
    pub fn matches(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| wildcard(pattern, text))
    }

    /// Whether any pattern is all of `text`, part by part: an ARN, or a name that stands for one.
    pub fn match_arn(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| arn_wildcard(pattern, text))
    }
}

/// Whether `pattern`, in which `*` stands for any run of characters and `?` for any one, is all of
/// `text`. Takes time in the product of both lengths at most.
pub fn wildcard(pattern: &str, text: &str) -> bool {
    if !ends_fit(pattern, text) || is_plain(pattern) {
        return is_plain(pattern) && pattern == text;
    }
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last star was, and how much of the text it has eaten.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, eaten)) => {
                    star = Some((at, eaten + 1));
                    (p, t) = (at + 1, eaten + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Parts of an ARN before its resource.
const HEAD: usize = 5;

/// Whether `pattern` is all of `text`, part by part: an ARN, or a name that stands for one.
pub fn arn_wildcard(pattern: &str, text: &str) -> bool {
    ends_fit(pattern, text) && fits(pattern, text, head_of(text))
}

/// Whether `text` begins and ends as `pattern` does, up to its first and from its last wildcard on:
/// tells most patterns apart at once.
fn ends_fit(pattern: &str, text: &str) -> bool {
    match (pattern.find(['*', '?']), pattern.rfind(['*', '?'])) {
        (Some(first), Some(last)) => {
            text.starts_with(&pattern[..first]) && text.ends_with(&pattern[last + 1..])
        }
        _ => pattern == text,
    }
}

/// Whether a pattern has no wildcard, so that only the same text fits.
pub fn is_plain(pattern: &str) -> bool {
    !pattern.contains(['*', '?'])
}

/// How many parts of `text` stand before a resource: none if it is no ARN.
fn head_of(text: &str) -> usize {
    let head: Vec<&str> = text.splitn(HEAD + 1, ':').collect();
    let is_arn = head.len() == HEAD + 1
        && head.first() == Some(&"arn")
        && head.iter().take(HEAD).all(|part| !part.contains('/'));
    if is_arn { HEAD } else { 0 }
}

/// The first part of a text, and what follows: what ends the part, and the rest.
fn part(text: &str) -> (&str, Option<(char, &str)>) {
    match text.find([':', '/']).and_then(|at| text.split_at_checked(at)) {
        Some((part, rest)) => {
            let mut rest = rest.chars();
            (part, rest.next().map(|end| (end, rest.as_str())))
        }
        None => (text, None),
    }
}

/// Whether a pattern fits a text of which `head` parts stand before the resource. It calls itself
/// for these parts alone, never for what a caller may repeat.
fn fits(mut pattern: &str, mut text: &str, mut head: usize) -> bool {
    loop {
        let (wanted, more) = part(pattern);
        let Some((end, rest_wanted)) = more else {
            let (found, more) = part(text);
            // A last part that is nothing but `*` is all that follows.
            return wanted == "*" || (more.is_none() && wildcard(wanted, found));
        };
        if wanted == "*" && head > 0 {
            // Parts before the resource end with a colon.
            let behind = |parts: usize| text.match_indices(':').nth(parts - 1);
            let rest = |parts| behind(parts).and_then(|(at, _)| text.get(at + 1..));
            let fits = |parts| fits(rest_wanted, rest(parts)?, head - parts).then_some(());
            return end == ':' && (1..=head).any(|parts| fits(parts).is_some());
        }
        let (found, more) = part(text);
        match more {
            Some((found_end, rest)) if found_end == end && wildcard(wanted, found) => {
                (pattern, text) = (rest_wanted, rest);
                head = head.saturating_sub(1);
            }
            _ => return false,
        }
    }
}

/// Whether a pattern can fit an ARN at all: it has all parts, or `*` for those that are left out.
pub fn can_fit_arn(pattern: &str) -> bool {
    let parts = || pattern.split(':');
    parts().count() > HEAD || parts().any(|part| part == "*")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    const DEPLOY: &str = "arn:aws:iam::111122223333:role/deploy-role";

    #[test]
    fn a_star_does_not_reach_into_another_part() {
        for (pattern, text) in [
            ("*:role/deploy-role", "arn:aws:iam::111122223333:role/a:role/deploy-role"),
            ("*:role/deploy-role", "arn:aws:iam::111122223333:role/a/deploy-role"),
            ("*:role/deploy-*", "arn:aws:iam::111122223333:role/deploy-x/evil"),
            ("*:role/deploy-*", "arn:aws:iam::111122223333:role/deploy-x:y"),
            ("arn:aws:iam::1111*:role/x", "arn:aws:iam::444455556666:role/1111:role/x"),
            ("arn:aws:iam::*:role/x", "arn:aws:iam::111122223333:role/a:role/x"),
            ("*:role/?", "arn:aws:iam::111122223333:role//"),
            ("*:user/deploy-role", DEPLOY),
            ("*deploy-role", DEPLOY),
            ("*/deploy-role", DEPLOY),
            ("arn:aws:iam::1111*", DEPLOY),
            ("arn:*:deploy-role", DEPLOY),
            ("*:*:*:*:*:*:deploy-role", DEPLOY),
            ("alias/test-*", "alias/test-a/prod"),
            ("", DEPLOY),
            ("s3.amazonaws.com", "s3.amazonaws.com/x"),
        ] {
            assert!(!arn_wildcard(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn parts_fit_one_by_one_and_stars_for_those_that_are_left_out() {
        for (pattern, text) in [
            ("*:role/deploy-role", DEPLOY),
            ("*:role/deploy-*", DEPLOY),
            ("*:role/*", DEPLOY),
            ("*:role/*", "arn:aws:iam::111122223333:role/ci/deploy-role"),
            ("*:role/ci/*", "arn:aws:iam::111122223333:role/ci/a/deploy-role"),
            ("*:role/*/deploy-role", "arn:aws:iam::111122223333:role/ci/deploy-role"),
            ("arn:aws:iam::111122223333:role/deploy-role", DEPLOY),
            ("arn:aws*:iam::1111*:role/deploy-????", DEPLOY),
            ("arn:aws:iam::111122223333:*", DEPLOY),
            ("arn:aws:*:role/deploy-role", DEPLOY),
            ("arn:*:111122223333:role/deploy-role", DEPLOY),
            ("*:*:role/deploy-role", DEPLOY),
            ("arn:aws:kms:*:key/mrk-*", "arn:aws:kms:eu-central-1:111122223333:key/mrk-1234"),
            ("*:parameter/test/*", "arn:aws:ssm:eu-central-1:111122223333:parameter/test/a/b"),
            ("*:function:*", "arn:aws:lambda:eu-central-1:111122223333:function:f:1"),
            ("alias/test-*", "alias/test-ledger"),
            ("*.amazonaws.com", "s3.amazonaws.com"),
            ("*", DEPLOY),
            ("*", ""),
            ("vol-*", "vol-0123"),
        ] {
            assert!(arn_wildcard(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn what_can_fit_no_arn_is_told() {
        for pattern in ["*:role/x", "arn:aws:kms:*:key/x", "arn:aws:s3:::b", "*", DEPLOY] {
            assert!(can_fit_arn(pattern), "{pattern}");
        }
        for pattern in ["*role/x", "*/x", "arn:aws:iam::1111*", "deploy-role", ""] {
            assert!(!can_fit_arn(pattern), "{pattern}");
        }
    }

    proptest! {
        /// The slow, obvious twin: a regular expression.
        #[test]
        fn wildcards_are_what_a_regular_expression_says(
            pattern in "[ab*?]{0,8}", text in "[ab]{0,10}",
        ) {
            let regex = pattern.replace('*', ".*").replace('?', ".");
            let regex = Regex::new(&format!("^{regex}$")).unwrap();
            prop_assert_eq!(wildcard(&pattern, &text), regex.is_match(&text));
        }

        /// What is told at once never differs from what is told part by part.
        #[test]
        fn ends_that_do_not_fit_fit_in_no_way(
            pattern in "(arn:aws:a:b:c:)?[ab*?:/]{0,8}", text in "(arn:aws:a:b:c:)?[ab:/]{0,8}",
        ) {
            prop_assert_eq!(arn_wildcard(&pattern, &text), fits(&pattern, &text, head_of(&text)));
        }

        /// The same: within a part a star is any run of other characters than those that end one.
        #[test]
        fn parts_are_what_a_regular_expression_says(
            pattern in "(\\*|a|b\\*):[ab*?:/]{0,8}", text in "[ab:/]{0,12}", arn in any::<bool>(),
        ) {
            let head = if arn { "arn:aws:a:b:ab:" } else { "b" };
            let text = format!("{head}{text}");
            let colons = pattern.matches(':').count();
            let mut regex = String::new();
            let mut ends = pattern.match_indices([':', '/']).map(|(at, _)| at);
            let mut begin = 0;
            // Which part of an ARN a star stands for is tried out below, so only plain texts here.
            prop_assume!(!arn || colons >= 5);
            loop {
                let end = ends.next();
                let part = &pattern[begin..end.unwrap_or(pattern.len())];
                match (part, end) {
                    ("*", None) => regex.push_str(".*"),
                    _ => regex.push_str(&part.replace('*', "[^:/]*").replace('?', "[^:/]")),
                }
                let Some(end) = end else { break };
                regex.push_str(&pattern[end..=end]);
                begin = end + 1;
            }
            let plain = Regex::new(&format!("^{regex}$")).unwrap().is_match(&text);
            if arn {
                // A star may stand for more parts, never for less.
                prop_assert!(!plain || arn_wildcard(&pattern, &text), "{} {}", pattern, text);
            } else {
                prop_assert_eq!(arn_wildcard(&pattern, &text), plain, "{} {}", pattern, text);
            }
        }
    }
}
