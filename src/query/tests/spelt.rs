//! One thing that is spelt in several ways, in a record and in a query.

use serde_json::{Value, json};

use super::{ids, record};
use crate::query::{Query, Term, addresses};

#[test]
fn an_ipv4_address_within_an_ipv6_address_is_the_ipv4_address() {
    let from = |address: &str| record(address, "Decrypt", 1, json!({"sourceIPAddress": address}));
    let same = ["198.51.100.7", "::ffff:198.51.100.7", "::fFfF:c633:6407", "::ffff:C633:6407"];
    let others = ["198.51.100.70", "::ffff:198.51.100.70", "2001:db8::198.51.100.7", "::1"];
    let files: Vec<Vec<Value>> =
        same.iter().chain(&others).map(|address| vec![from(address)]).collect();
    for (asked, more) in [
        ("198.51.100.7", [].as_slice()),
        ("::ffff:198.51.100.7", &[]),
        ("::ffff:c633:6407/128", &[]),
        ("198.51.100.0/24", &others[..2]),
        ("::ffff:198.51.100.0/120", &others[..2]),
    ] {
        let query = Query { nets: vec![addresses(asked).unwrap()], ..Query::default() };
        let mut expected: Vec<&str> = same.iter().chain(more).copied().collect();
        expected.sort_unstable();
        let mut found = ids(&query, &files);
        found.sort_unstable();
        assert_eq!(found, expected, "{asked}");
    }
    let ipv6 = Query { nets: vec![addresses("2001:db8::/32").unwrap()], ..Query::default() };
    assert_eq!(ids(&ipv6, &files), ["2001:db8::198.51.100.7"]);
}

#[test]
fn a_field_is_the_same_field_in_any_case() {
    let files = [vec![
        record("a", "Decrypt", 1, json!({})),
        record("b", "Encrypt", 2, json!({})),
        record("c", "Sign", 3, json!({})),
    ]];
    let terms = ["eventName=Decrypt", "EVENTNAME=Encrypt"];
    let terms = terms.iter().map(|term| Term::parse(term).unwrap()).collect();
    assert_eq!(ids(&Query { terms, ..Query::default() }, &files), ["a", "b"]);
}
