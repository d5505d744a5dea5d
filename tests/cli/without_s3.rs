//! A build without the feature `s3` refuses what lies in S3, by name and before it reads anything.

use crate::harness::Sandbox;

#[test]
fn an_address_in_s3_is_refused_by_name() {
    let sandbox = Sandbox::new();
    let lines: [&[&str]; 3] = [
        &["scan", "s3://example-logs/AWSLogs/"],
        &["scan", "--state", "s3://example-logs/state", "."],
        &[
            "follow",
            "--queue",
            "https://sqs.eu-central-1.amazonaws.com/111122223333/logs",
            "--state",
            "state",
        ],
    ];
    for words in lines {
        let ended = sandbox.keytrail(words).run().code(2);
        assert!(ended.stderr.contains("no support for S3 and SQS"), "{words:?}: {ended:#?}");
        assert!(ended.stdout.is_empty(), "{words:?}: {ended:#?}");
    }
}

#[test]
fn logs_on_disk_are_read() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", r#"{"Records": []}"#);
    sandbox.keytrail(["scan", "trail.json"]).run().code(0);
}
