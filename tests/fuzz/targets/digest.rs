//! No digest, signature or file of public keys makes a verification fail, and none of what was made
//! up here is called verified.

#![no_main]

use std::sync::atomic::AtomicBool;

use keytrail::model::outcome::Passed;
use keytrail::model::time::Time;
use keytrail::source::s3::Object;
use keytrail::source::{Blob, Body, Entry, Source};
use keytrail::verify::{Judged, PublicKeys, Range, collect, judge};
use libfuzzer_sys::fuzz_target;

const DIGEST: &str = "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/11/02/\
    111122223333_CloudTrail-Digest_eu-west-1_example_us-east-1_20261102T010000Z.json.gz";

/// What is given to be read.
struct Given(std::vec::IntoIter<Entry>);

impl Source for Given {
    fn next(&mut self, _: &AtomicBool) -> Option<Entry> {
        self.0.next()
    }

    fn passed(&self) -> Passed {
        Passed::default()
    }
}

fuzz_target!(|data: &[u8]| {
    let _ = PublicKeys::parse(data);
    let blob = |name: &str| {
        let object = Object::whole(data.to_vec().into(), None);
        Entry::Blob(Blob { name: name.into(), body: Body::Object(object), token: None })
    };
    let beside = format!("{DIGEST}.metadata.json");
    let mut source = Given(vec![blob(DIGEST), blob(&beside), blob("signatures")].into_iter());
    let stop = AtomicBool::new(false);
    let collected = collect(&mut source, 1, &|_| {}, &stop).expect("a thread");
    let judged = Judged::new(collected, &PublicKeys::default(), 1).expect("a thread");
    let range = Range {
        since: None,
        until: None,
        late: 0,
        accounts: Vec::new(),
        regions: Vec::new(),
        seen: Vec::new(),
        now: Time(1_800_000_000_000_000),
    };
    let said = judge(&judged, &range, true, true);
    assert_eq!(said.digests.get("verified"), None);
    assert_eq!(said.logs.get("verified"), None);
});
