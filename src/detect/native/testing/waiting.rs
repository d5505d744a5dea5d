//! Tests the rules that need a setting, with the setting and without it.

use std::path::Path;
use std::sync::Arc;

use crate::detect::RuleSet;
use crate::detect::native::testing::detector::with_record;
use crate::model::estate::Estate;

#[test]
fn rules_that_wait_for_a_setting_find_their_samples_with_it_and_nothing_without() {
    let load = |estate| RuleSet::load(true, &[], &Arc::new(estate)).unwrap().rules;
    let (set, unset) = (load(Estate::of_samples()), load(Estate::default()));
    for id in [
        "alias-naming-scheme",
        "enclave-unknown-image",
        "key-outside-region",
        "secrets-bucket-reader",
        "secrets-bucket-wrong-encryption",
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/rules").join(id);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let record = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let finds = |rules: &RuleSet| {
                with_record(&record, |event, view| {
                    let text = |name| event.text_at(&[name]).unwrap_or_default();
                    let (source, name) = (text("eventSource"), text("eventName"));
                    let candidates = rules.candidates(source.as_bytes(), name.as_bytes());
                    let asked = candidates
                        .of_any()
                        .iter()
                        .filter(|rule| rules.metas()[**rule as usize].id == id);
                    asked.filter_map(|rule| rules.check_alone(*rule, event, view)).count() == 1
                })
            };
            let named = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert_eq!(finds(&set), named.starts_with("match"), "{id}/{named}");
            assert!(!finds(&unset), "{id}/{named}");
        }
    }
}
