//! Names by which rules name each other.
//!
//! What must stay true: a UUID is the same name in capitals, and every other text is not.

use std::borrow::Cow;

/// A name as it is compared with others.
pub fn canonical(name: &str) -> Cow<'_, str> {
    match is_uuid(name) && name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    }
}

fn is_uuid(name: &str) -> bool {
    let dashes = [8, 13, 18, 23];
    name.len() == 36
        && name.bytes().enumerate().all(|(at, byte)| match dashes.contains(&at) {
            true => byte == b'-',
            false => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_compared_without_case() {
        let lower = "0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01";
        assert_eq!(canonical(&lower.to_uppercase()), lower);
        assert_eq!(canonical(lower), lower);
        for name in ["Key Disabled", "0C9F7B52-5a1e-4f6e-9a0f-2d0f6ac54a0", "\u{c9}"] {
            assert_eq!(canonical(name), name);
        }
        assert_eq!(canonical(&"\u{c9}".repeat(18)), "\u{c9}".repeat(18));
    }
}
