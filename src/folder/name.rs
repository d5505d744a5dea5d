//! What files in a folder are called.
//!
//! What must stay true: a name that is allowed leads to the same file on disk and in S3, and never out of
//! the folder.

/// The longest name, in bytes.
const LONGEST: usize = 512;

/// Whether a file may have this name.
pub(super) fn is_allowed(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._=-".contains(&b))
    };
    name.len() <= LONGEST && name.split('/').all(is_part)
}

/// Says what is wrong with a name.
pub(super) fn check(name: &str) -> Result<(), String> {
    match is_allowed(name) {
        true => Ok(()),
        false => Err(
            "is no name of a file here: expected parts of A-Z, a-z, 0-9, ., _, = and - that do \
                      not begin with a dot, with / between them"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_the_folder() {
        for name in ["plan.json", "facts/account=111122223333/a-b_c.parquet", "a", "a..b"] {
            assert!(is_allowed(name), "{name}");
        }
        let long = "a".repeat(LONGEST + 1);
        for name in
            ["", "/a", "a/", "a//b", "../a", "a/./b", ".a", "a/.b", "a b", "a\\b", "é", &long]
        {
            assert!(check(name).is_err(), "{name}");
        }
    }
}
