//! No bytes make the reading of a report fail, and the order in which reports are given changes nothing.

#![no_main]

use std::collections::BTreeSet;

use keytrail::period::{Document, Period, fold};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let halves: Vec<(usize, &[u8])> = data.splitn(2, |byte| *byte == 0).enumerate().collect();
    let read = |(name, text): &(usize, &[u8])| {
        Some((name.to_string(), Document::read(*text).ok()?))
    };
    let forth = period(halves.iter().filter_map(read).collect());
    let back = period(halves.iter().rev().filter_map(read).collect());
    let twice = period(halves.iter().chain(&halves).filter_map(read).collect());
    for other in [back, twice] {
        assert_eq!(forth.nights, other.nights);
        assert_eq!(forth.outcome.cases, other.outcome.cases);
        assert_eq!(forth.outcome.aftermath, other.outcome.aftermath);
        let findings = |period: &Period| period.outcome.findings.all().expect("memory holds them");
        assert_eq!(findings(&forth), findings(&other));
    }
});

fn period(reports: Vec<(String, Document)>) -> Period {
    fold(reports, &BTreeSet::new())
}
