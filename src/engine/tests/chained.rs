//! Correlations over correlations that group by members of the record.

use std::collections::BTreeSet;

use super::faults::{call, key};
use super::*;

/// Refused calls, then one that succeeds, then another, of one address: three levels, as public
/// collections write them.
const RULES: &str = "\
title: Refused
id: 00000000-0000-4000-8000-0000000000a1
name: refused
logsource: {product: aws, service: cloudtrail}
detection:
  s: {errorCode: AccessDenied}
  condition: s
---
title: Disabled
id: 00000000-0000-4000-8000-0000000000a2
name: disabled
logsource: {product: aws, service: cloudtrail}
detection:
  s: {eventName: DisableKey, errorCode: null}
  condition: s
---
title: Enabled
id: 00000000-0000-4000-8000-0000000000a3
name: enabled
logsource: {product: aws, service: cloudtrail}
detection:
  s: {eventName: EnableKey, errorCode: null}
  condition: s
---
title: Many Refused
id: 00000000-0000-4000-8000-0000000000b1
name: many_refused
correlation:
  type: event_count
  rules: [refused]
  group-by: [sourceIPAddress]
  timespan: 1h
  condition: {gte: 3}
---
title: Refused And Then Done
id: 00000000-0000-4000-8000-0000000000b2
name: refused_then_done
correlation:
  type: temporal_ordered
  rules: [many_refused, disabled]
  group-by: [address]
  aliases:
    address: {many_refused: sourceIPAddress, disabled: sourceIPAddress}
  timespan: 1h
  generate: true
level: high
---
title: Done And Undone
id: 00000000-0000-4000-8000-0000000000b3
name: done_and_undone
correlation:
  type: temporal_ordered
  rules: [refused_then_done, enabled]
  group-by: [where]
  aliases:
    where: {refused_then_done: address, enabled: sourceIPAddress}
  timespan: 1h
  generate: true
level: high
";

/// What one address does: so many refused calls, and whether others follow.
fn of_address(address: &str, refused: usize, done: &[&str]) -> Vec<Value> {
    let mut calls: Vec<(&str, bool)> = vec![("PutKeyPolicy", true); refused];
    calls.extend(done.iter().map(|name| (*name, false)));
    let record = |(number, (name, refused)): (usize, (&str, bool))| {
        let mut record = call(name, &key(0), number, json!(format!("{address}-{number}")));
        record["sourceIPAddress"] = json!(address);
        if refused {
            record["errorCode"] = json!("AccessDenied");
        }
        record
    };
    (0..).zip(calls).map(record).collect()
}

#[test]
fn what_a_correlation_groups_by_those_over_it_may_group_by() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yml");
    std::fs::write(&path, RULES).unwrap();
    let records = [
        of_address("192.0.2.1", 3, &["DisableKey", "EnableKey"]),
        of_address("192.0.2.2", 3, &[]),
        of_address("192.0.2.3", 0, &["DisableKey", "EnableKey"]),
        of_address("192.0.2.4", 2, &["DisableKey", "EnableKey"]),
        of_address("192.0.2.5", 4, &["DisableKey", "EnableKey"]),
        of_address("192.0.2.6", 3, &["DisableKey"]),
    ]
    .concat();
    let found = |records: Vec<Value>| {
        let rules = RuleSet::load(false, std::slice::from_ref(&path), &Arc::default());
        let outcome = outcome(&[records], &Plan::new(rules.unwrap().rules));
        let all = outcome.findings.all().unwrap();
        let mut all: Vec<_> = all
            .iter()
            .filter_map(|found| {
                let by = found.details.get("group_by")?.as_object()?.values().next()?.as_str()?;
                Some((found.told.title.clone(), by.to_owned(), found.fingerprint.clone()))
            })
            .collect();
        all.sort();
        all
    };
    let all = found(records.clone());
    let told: Vec<(&str, &str)> = all.iter().map(|(rule, by, _)| (&**rule, &**by)).collect();
    assert_eq!(
        told,
        [
            ("Done And Undone", "192.0.2.1"),
            ("Done And Undone", "192.0.2.5"),
            ("Many Refused", "192.0.2.1"),
            ("Many Refused", "192.0.2.2"),
            ("Many Refused", "192.0.2.5"),
            ("Many Refused", "192.0.2.6"),
            ("Refused And Then Done", "192.0.2.1"),
            ("Refused And Then Done", "192.0.2.5"),
            ("Refused And Then Done", "192.0.2.6"),
        ]
    );
    let different: BTreeSet<_> = all.iter().map(|(.., fingerprint)| fingerprint).collect();
    assert_eq!(different.len(), all.len());
    assert_eq!(found(records.into_iter().rev().collect()), all);
}
