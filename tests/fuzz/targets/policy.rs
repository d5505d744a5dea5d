//! No text makes the reading of a policy fail, or any question that is asked of the policy.

#![no_main]

use keytrail::model::time::Time;
use keytrail::policy::{Actions, Place, Policy, PolicyError};
use keytrail::record::json::Json;
use keytrail::record::scan::plain;
use libfuzzer_sys::fuzz_target;

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = Policy::parse(text);
    // What stands around a document changes nothing; it moves only the places that are told.
    let padded = Policy::parse(&format!("\u{feff} {text} \0"));
    assert_eq!(statements(&read), statements(&padded));
    // A string in a record is the text itself; an object is its own text.
    let string = serde_json::to_string(text).expect("text is JSON");
    assert_eq!(Policy::read(Json::new(&string)), read);
    if text.starts_with('{') && plain::valid(text.as_bytes()) {
        assert_eq!(Policy::read(Json::new(text)), read);
    }
    if let Ok(policy) = read {
        look(&policy);
    }
});

fn statements(read: &Result<Policy, PolicyError>) -> Option<String> {
    read.as_ref().ok().map(|policy| format!("{:?}", policy.statements))
}

/// Asks the policy for everything it can tell.
fn look(policy: &Policy) {
    let place = Place { key: Some(KEY), account: Some("111122223333"), time: Some(Time(0)) };
    for place in [place, Place::default()] {
        for (principal, calls) in policy.allowed(place) {
            assert!(!calls.is_empty(), "{principal}");
        }
        for open in policy.open_without_mfa(Actions::CRITICAL, place) {
            assert!(open.statement.allows());
        }
        for (open, _) in policy.open(place) {
            assert!(open.allows() && !open.is_dead(place.time));
        }
    }
    let _ = policy.mfa_faults(300);
    assert!(!policy.is_default("111122223333") || policy.is_whole());
    for statement in &policy.statements {
        let _ = (statement.fenced_accounts(), statement.label());
    }
}
