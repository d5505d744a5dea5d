//! Which blobs an outcome says were read: those that need not be given again.

use std::io::{self, Write};
use std::sync::atomic::AtomicBool;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{How, plan};
use crate::engine::{Progress, scan};
use crate::model::token::Token;
use crate::source::s3::Object;
use crate::source::{Blob, Body, Entry};

/// Of each blob, its id and where it is.
fn entries(bodies: impl IntoIterator<Item = (u64, Body)>) -> std::vec::IntoIter<Entry> {
    let entry = |(id, body)| {
        let name = format!("{id}.json").into();
        Entry::Blob(Blob { name, body, token: Some(Token::new([id, 0])) })
    };
    bodies.into_iter().map(entry).collect::<Vec<_>>().into_iter()
}

fn object(bytes: &[u8]) -> Body {
    Body::Object(Object::whole(bytes.to_vec().into(), None))
}

/// A key that is to be deleted.
fn record() -> Vec<u8> {
    let arn = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-000000000001";
    serde_json::json!({"Records": [{
        "eventVersion": "1.11", "eventSource": "kms.amazonaws.com",
        "eventName": "ScheduleKeyDeletion", "eventTime": "2026-11-02T14:05:00Z",
        "awsRegion": "eu-central-1", "recipientAccountId": "111122223333", "eventID": "e-1",
        "eventType": "AwsApiCall", "readOnly": false,
        "userIdentity": {"type": "AWSAccount", "accountId": "111122223333"},
        "resources": [{"ARN": arn, "accountId": "111122223333", "type": "AWS::KMS::Key"}],
    }]})
    .to_string()
    .into_bytes()
}

#[test]
fn what_could_not_be_read_may_be_had_another_time_and_what_is_damaged_stays_so() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&record()).unwrap();
    let mut cut = encoder.finish().unwrap();
    cut.truncate(cut.len() - 9);
    let mut source = entries([
        (1, object(&record())),
        (2, object(&cut)),
        (3, Body::File("no such file".into())),
        (4, Body::Listed { size: 7, etag: "".into() }),
    ]);
    let (plan, never) = (plan(&How { threads: 2, ..How::default() }), AtomicBool::new(false));
    let outcome = scan(&mut source, &plan, None, &Progress::default(), &never).unwrap();
    let mut settled: Vec<u64> = outcome.read.into_iter().map(|token| token.settle()[0]).collect();
    settled.sort_unstable();
    assert_eq!(settled, [1, 2]);
    assert_eq!(outcome.problems.len(), 3);
}

#[test]
fn a_live_report_that_breaks_leaves_no_outcome_to_settle() {
    let (plan, never) = (plan(&How { each: true, ..How::default() }), AtomicBool::new(false));
    let scan = |write: crate::engine::Live<'_>| {
        let mut source = entries([(1, object(&record()))]);
        let outcome = scan(&mut source, &plan, Some(write), &Progress::default(), &never)?;
        io::Result::Ok(outcome.read.len())
    };
    assert_eq!(scan(&mut |_| Ok(())).unwrap(), 1);
    assert!(scan(&mut |_| Err(io::ErrorKind::StorageFull.into())).is_err());
}
