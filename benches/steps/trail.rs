//! A trail to measure with: invented records of a few accounts, the same each time.
//!
//! Six of ten records are uses of KMS keys by services and roles, the others are of services that no rule
//! is about. A few keys are changed, so that there is something to find. What must stay true: it depends on
//! nothing but the number of records, so that figures of two versions can be compared.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Numbers that look random: a multiplication and a shift are enough to spread names.
struct Numbers(u64);

impl Numbers {
    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A trail file of so many records, as text.
pub fn text(records: u64) -> String {
    let mut numbers = Numbers(11);
    let mut text = String::from("{\"Records\":[");
    for number in 0..records {
        if number > 0 {
            text.push(',');
        }
        record(&mut text, &mut numbers, number);
    }
    text.push_str("]}");
    text
}

/// The same as CloudTrail stores it.
pub fn gzip(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text.as_bytes()).expect("memory takes all");
    packer.finish().expect("memory takes all")
}

fn record(text: &mut String, numbers: &mut Numbers, number: u64) {
    let account = ["111122223333", "444455556666", "777788889999"][numbers.below(3) as usize];
    let role = numbers.below(40);
    let key = format!(
        "arn:aws:kms:eu-west-1:{account}:key/00000000-0000-4000-8000-{:012}",
        numbers.below(50)
    );
    let (second, minute, hour) = (number % 60, number / 60 % 60, number / 3600 % 24);
    let (source, name, request, resources) = match numbers.below(1000) {
        0..=399 => ("s3.amazonaws.com", "GetObject", object(numbers), String::new()),
        400..=997 => {
            ("kms.amazonaws.com", "Decrypt", context(numbers, account), uses(&key, account))
        }
        998 => (
            "kms.amazonaws.com",
            "DisableKey",
            format!("{{\"keyId\":\"{key}\"}}"),
            uses(&key, account),
        ),
        _ => (
            "kms.amazonaws.com",
            "ScheduleKeyDeletion",
            format!("{{\"keyId\":\"{key}\",\"pendingWindowInDays\":7}}"),
            uses(&key, account),
        ),
    };
    let read_only = name == "Decrypt" || name == "GetObject";
    write!(
        text,
        "{{\"eventVersion\":\"1.11\",\"userIdentity\":{{\"type\":\"AssumedRole\",\"principalId\":\"AROA{role:017}:app\",\
         \"arn\":\"arn:aws:sts::{account}:assumed-role/app-{role}/i-{role:017x}\",\"accountId\":\"{account}\",\
         \"accessKeyId\":\"ASIA{role:09}EXAMPLE\",\"sessionContext\":{{\"sessionIssuer\":{{\"type\":\"Role\",\
         \"principalId\":\"AROA{role:017}\",\"arn\":\"arn:aws:iam::{account}:role/app-{role}\",\
         \"accountId\":\"{account}\",\"userName\":\"app-{role}\"}},\"attributes\":{{\
         \"creationDate\":\"2026-11-02T00:00:00Z\",\"mfaAuthenticated\":\"false\"}}}}}},\
         \"eventTime\":\"2026-11-02T{hour:02}:{minute:02}:{second:02}Z\",\"eventSource\":\"{source}\",\
         \"eventName\":\"{name}\",\"awsRegion\":\"eu-west-1\",\"sourceIPAddress\":\"192.0.2.{}\",\
         \"userAgent\":\"aws-sdk-java/2.20 Linux/6.1\",\"requestParameters\":{request},\"responseElements\":null,\
         \"requestID\":\"10000000-0000-4000-8000-{number:012}\",\"eventID\":\"20000000-0000-4000-8000-{number:012}\",\
         \"readOnly\":{read_only},\"resources\":[{resources}],\"eventType\":\"AwsApiCall\",\"managementEvent\":true,\
         \"recipientAccountId\":\"{account}\",\"eventCategory\":\"Management\"}}",
        role + 1
    )
    .expect("text takes all");
}

fn object(numbers: &mut Numbers) -> String {
    let (bucket, object) = (numbers.below(20), numbers.below(100_000));
    format!("{{\"bucketName\":\"data-{bucket}\",\"key\":\"part/{object}.parquet\"}}")
}

fn context(numbers: &mut Numbers, account: &str) -> String {
    let volume = numbers.below(500);
    format!(
        "{{\"encryptionContext\":{{\"aws:ebs:id\":\"vol-{volume:017x}\",\"account\":\"{account}\"}},\"encryptionAlgorithm\":\"SYMMETRIC_DEFAULT\"}}"
    )
}

fn uses(key: &str, account: &str) -> String {
    format!("{{\"accountId\":\"{account}\",\"type\":\"AWS::KMS::Key\",\"ARN\":\"{key}\"}}")
}
