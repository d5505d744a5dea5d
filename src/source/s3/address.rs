//! `s3://BUCKET/PREFIX`.

use std::fmt;

use percent_encoding::percent_decode_str;

/// What every address begins with.
const SCHEME: &str = "s3://";

/// A bucket and the beginning of keys in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The bucket's name, or the ARN of an access point.
    pub bucket: String,
    /// What keys begin with; may be empty.
    pub prefix: String,
}

impl Address {
    /// Whether a word means a bucket, and not a file of that name.
    pub fn is_meant(word: &str) -> bool {
        word.starts_with(SCHEME)
    }

    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(word: &str) -> Result<Address, String> {
        let rest = word.strip_prefix(SCHEME).ok_or("expected s3://BUCKET/PREFIX")?;
        // The ARN of an access point has a slash of its own.
        let from = if rest.starts_with("arn:") { rest.find('/').map_or(0, |at| at + 1) } else { 0 };
        let (bucket, prefix) = match rest[from..].find('/') {
            Some(at) => (&rest[..from + at], &rest[from + at + 1..]),
            None => (rest, ""),
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:/".contains(&byte);
        if bucket.len() < 3 || !bucket.bytes().all(is_name) {
            return Err("expected s3://BUCKET/PREFIX with the name of a bucket".to_owned());
        }
        if prefix.len() > 1024 {
            return Err("expected a prefix of at most 1024 bytes, as keys are".to_owned());
        }
        Ok(Address { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }

    /// The name of an object in this bucket.
    pub fn of(&self, key: &str) -> String {
        format!("{SCHEME}{}/{key}", self.bucket)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.bucket, self.prefix)
    }
}

/// A name without its URL encoding, in which a space is a plus sign.
pub fn decoded(name: &str) -> Option<String> {
    let spaced = name.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_a_bucket_and_a_prefix() {
        let parts = |word: &str| {
            Address::parse(word).map(|address| (address.bucket.clone(), address.prefix.clone()))
        };
        let ok = |bucket: &str, prefix: &str| Ok((bucket.to_owned(), prefix.to_owned()));
        assert_eq!(parts("s3://example-logs"), ok("example-logs", ""));
        assert_eq!(parts("s3://example-logs/"), ok("example-logs", ""));
        assert_eq!(parts("s3://example-logs/a/b"), ok("example-logs", "a/b"));
        assert_eq!(parts("s3://example-logs//a"), ok("example-logs", "/a"));
        let point = "arn:aws:s3:eu-west-1:111122223333:accesspoint/logs";
        assert_eq!(parts(&format!("s3://{point}/a/b")), ok(point, "a/b"));
        for wrong in ["s3://", "s3:///x", "s3://a b/x", "http://x", "s3://x/"] {
            assert!(parts(wrong).is_err(), "{wrong}");
        }
        let address = Address::parse("s3://example-logs/a/").unwrap();
        assert_eq!(address.to_string(), "s3://example-logs/a/");
        assert_eq!(address.of("a/b c"), "s3://example-logs/a/b c");
    }

    #[test]
    fn names_are_read_as_s3_encodes_them() {
        assert_eq!(decoded("a/b%01c+d%2Be%C3%A9%25").as_deref(), Some("a/b\u{1}c d+e\u{e9}%"));
        assert_eq!(decoded("no%FFname"), None);
    }
}
