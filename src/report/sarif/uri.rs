//! Names of files as URIs.
//!
//! What must stay true: every name gives a legal URI reference, and none names a scheme or a host that
//! it does not have.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::report::fields::cut;

/// All but what a path has unescaped.
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The most characters of a name: as long as a path can be.
const LONGEST: usize = 4_096;

/// What stands for standard input.
const STDIN: &str = "stdin";

/// The URI of a blob. A relative path stays relative.
pub fn of_blob(name: &str) -> String {
    let name = cut(name, LONGEST);
    if let Some(object) = name.strip_prefix("s3://") {
        return format!("s3://{}", encoded(object.trim_start_matches('/')));
    }
    if name == "-" {
        return STDIN.into();
    }
    if name.starts_with('/') {
        // Two slashes at the start of a path would make a host of what follows.
        return format!("file:///{}", encoded(name.trim_start_matches('/')));
    }
    let mut path = name.as_ref();
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    if path.is_empty() { ".".into() } else { encoded(path) }
}

fn encoded(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_become_uris() {
        for (name, uri) in [
            ("samples/trail/a.json.gz", "samples/trail/a.json.gz"),
            ("./a b.json", "a%20b.json"),
            ("c:d?e#f", "c%3Ad%3Fe%23f"),
            ("/var/log/ä", "file:///var/log/%C3%A4"),
            ("//host/x", "file:///host/x"),
            ("s3://example-logs/AWSLogs/a b", "s3://example-logs/AWSLogs/a%20b"),
            ("../x", "../x"),
            ("-", "stdin"),
            ("./", "."),
            ("", "."),
        ] {
            assert_eq!(of_blob(name), uri, "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_uri_is_legal(name in any::<String>()) {
            let uri = of_blob(&name);
            let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%:".contains(&byte);
            prop_assert!(!uri.is_empty() && uri.bytes().all(is_legal), "{uri}");
            let colon = uri.find(':').map(|at| &uri[..at]);
            prop_assert!(matches!(colon, None | Some("s3" | "file")), "{uri}");
        }
    }
}
