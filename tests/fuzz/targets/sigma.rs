//! No rule file makes its reading fail, and a rule that is read can be asked.

#![no_main]

use std::io::Write;
use std::sync::Arc;

use keytrail::detect::{Asked, RuleSet};
use keytrail::record::event::Marked;
use keytrail::record::kms::View;
use keytrail::record::scan::{self, Index};
use libfuzzer_sys::fuzz_target;

const RECORD: &str = r#"{"eventSource":"kms.amazonaws.com","eventName":"Decrypt","awsRegion":
    "eu-west-1","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/example"},
    "sourceIPAddress":"192.0.2.1","requestParameters":{"encryptionContext":{"a":"b"}},"n":[1,null]}"#;

fuzz_target!(|data: &[u8]| {
    let mut file =
        tempfile::Builder::new().suffix(".yml").tempfile_in("/dev/shm").expect("a file in memory");
    file.write_all(data).expect("room for a rule");
    let paths = [file.path().to_owned()];
    let Ok(loaded) = RuleSet::load(false, &paths, &Arc::default()) else { return };
    let rules = loaded.rules;
    let mut index = Index::default();
    scan::fastest()(RECORD.as_bytes(), &mut index).expect("a record");
    let event = Marked::new(RECORD.as_bytes(), &index).event().expect("UTF-8");
    let view = View::new(&event);
    for rule in 0..rules.metas().len() as u32 {
        if rules.may_match(rule, &mut Asked::default(), &event, &view) {
            let _ = rules.check(rule, &event, &view);
        }
    }
    let _ = rules.digest();
});
