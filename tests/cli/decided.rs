//! What buckets decide alone, and what `report --plan` makes of it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::Sandbox;
use crate::shards::{files, plan, report, shard, with_trail};

/// Each bucket may be concluded or not, and what it decided may be missing.
#[test]
fn buckets_that_decided_go_with_others() {
    let sandbox = with_trail();
    let (shards, buckets) = plan(&sandbox);
    assert_eq!(buckets, 2);
    let expected = report(&sandbox, &["scan", "logs"], 0);
    (0..shards).for_each(|number| drop(shard(&sandbox, number, 0)));
    let conclude = |bucket: &str| {
        sandbox.keytrail(["conclude", "--plan", "out", "--bucket", bucket]).run().code(0);
    };
    let of_plan = || report(&sandbox, &["report", "--plan", "out"], 0);
    conclude("1");
    assert_eq!(of_plan(), expected);
    conclude("0");
    assert_eq!(of_plan(), expected);
    fs::remove_file(sandbox.path("out/decided/000001.part")).unwrap();
    assert_eq!(of_plan(), expected);
    // A second attempt makes what is missing.
    conclude("1");
    assert_eq!(files(&sandbox.path("out/decided")).len(), 2);
    assert_eq!(of_plan(), expected);
    // Without all that it was made of, what is left does not count.
    let concluded = sandbox.path("out/concluded/000000.part");
    let bytes = fs::read(&concluded).unwrap();
    fs::remove_file(&concluded).unwrap();
    assert_eq!(of_plan(), expected);
    // Neither passes for the other.
    fs::write(&concluded, fs::read(sandbox.path("out/decided/000000.part")).unwrap()).unwrap();
    fs::remove_file(sandbox.path("out/decided/000000.part")).unwrap();
    let told = sandbox.keytrail(["report", "--plan", "out"]).run().code(2).stderr;
    assert!(told.contains("000000.part: is of another"), "{told}");
    fs::write(&concluded, &bytes).unwrap();
    fs::write(sandbox.path("out/decided/000000.part"), &bytes).unwrap();
    let told = sandbox.keytrail(["report", "--plan", "out"]).run().code(2).stderr;
    assert!(told.contains("decided/000000.part: is of another"), "{told}");
}

/// A record of an account that lies among those of another counts as in one scan.
#[test]
fn a_bucket_whose_accounts_are_elsewhere_too_is_read_whole() {
    let sandbox = with_trail();
    let all = files(&sandbox.path("logs"));
    let account = |path: &Path| -> String {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.split('_').next().unwrap().to_owned()
    };
    let first = &all[0];
    let other = all.iter().find(|path| account(path) != account(first)).unwrap();
    // The same records once more, by the name of the other account.
    let name = first.file_name().unwrap().to_str().unwrap();
    let name = name.replace(&account(first), &account(other));
    fs::copy(first, other.with_file_name(name)).unwrap();
    let expected = report(&sandbox, &["scan", "logs"], 0);
    let (shards, buckets) = plan(&sandbox);
    (0..shards).for_each(|number| drop(shard(&sandbox, number, 0)));
    conclude(&sandbox, buckets, &[]);
    assert_eq!(report(&sandbox, &["report", "--plan", "out"], 0), expected);
    assert!(expected["summary"]["duplicates"].as_u64().unwrap_or(1) > 0);
}

/// Damages what buckets were made of, so that only what they decided can be read.
fn damage_concluded(sandbox: &Sandbox) {
    for path in files(&sandbox.path("out/concluded")) {
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(path, bytes).unwrap();
    }
}

fn conclude(sandbox: &Sandbox, buckets: u64, words: &[&str]) {
    for bucket in 0..buckets {
        let bucket = bucket.to_string();
        let all = ["conclude", "--plan", "out", "--bucket", &bucket];
        sandbox.keytrail(all.iter().chain(words)).run().code(0);
    }
}

/// A bucket that knows the tags of an inventory decides as the report does, which need not read it again.
#[test]
fn a_bucket_decides_with_the_tags_that_the_report_has() {
    let sandbox = with_trail();
    let volume = "arn:aws:ec2:eu-central-1:111122223333:volume/vol-0fedcba9876543200";
    sandbox.write("tags.csv", format!("arn,key,value\n{volume},Environment,test\n"));
    let tags = "--tags=tags.csv@2026-03-10T06:00:00Z";
    let expected = report(&sandbox, &["scan", "logs", tags], 0);
    assert!(expected["tags"]["mismatched"].as_u64().unwrap() > 0, "{}", expected["tags"]);
    let (shards, buckets) = plan(&sandbox);
    (0..shards).for_each(|number| drop(shard(&sandbox, number, 0)));
    conclude(&sandbox, buckets, &[tags]);
    damage_concluded(&sandbox);
    assert_eq!(report(&sandbox, &["report", "--plan", "out", tags], 0), expected);
    for folder in ["out/concluded", "out/decided"] {
        fs::remove_dir_all(sandbox.path(folder)).unwrap();
    }
    conclude(&sandbox, buckets, &[]);
    damage_concluded(&sandbox);
    let told = sandbox.keytrail(["report", "--plan", "out", tags]).run().code(2).stderr;
    assert!(told.contains("out/concluded/"), "{told}");
}

/// Where one account has the keys of all, only its bucket knows their tags. What the others have left is enough.
#[test]
fn keys_of_a_central_account_do_not_have_all_read_again() {
    const KEYS: &str = "111122223333";
    const USERS: &str = "444455556666";
    let sandbox = with_trail();
    let raw = sandbox.keytrail(["events", "logs", "--raw"]).run().stdout;
    fs::remove_dir_all(sandbox.path("logs")).unwrap();
    let (mut of_keys, mut of_users) = (String::new(), String::new());
    for line in raw.lines() {
        let mut record: Value = serde_json::from_str(line).unwrap();
        let name = record["eventName"].as_str().unwrap().to_owned();
        let is_of_volume = line.contains("vol-0fedcba98765432") && line.contains(KEYS);
        let is_of_bucket = line.contains("example-shop-data") && line.contains(KEYS);
        match name.as_str() {
            "CreateKey" if record["recipientAccountId"] == KEYS => of_keys += &format!("{line}\n"),
            "CreateTags"
            | "GenerateDataKeyWithoutPlaintext"
            | "PutBucketTagging"
            | "GenerateDataKey"
            | "Decrypt"
                if is_of_volume || is_of_bucket =>
            {
                let own = record["userIdentity"].to_string().replace(KEYS, USERS);
                record["userIdentity"] = serde_json::from_str(&own).unwrap();
                record["recipientAccountId"] = USERS.into();
                if name == "CreateTags" && line.contains("vol-0fedcba9876543200") {
                    let request = record["requestParameters"].to_string();
                    let request = request.replace("production", "test");
                    record["requestParameters"] = serde_json::from_str(&request).unwrap();
                }
                of_users += &format!("{record}\n");
                if record["eventSource"] == "kms.amazonaws.com" {
                    // The account of the key gets a record of its own.
                    let id = record["eventID"].as_str().unwrap().replace('-', "-0");
                    record["eventID"] = id.into();
                    record["recipientAccountId"] = KEYS.into();
                    of_keys += &format!("{record}\n");
                }
            }
            _ => {}
        }
    }
    for (account, text) in [(KEYS, of_keys), (USERS, of_users)] {
        assert!(text.lines().count() > 1, "{account}");
        let folder = format!("logs/AWSLogs/{account}/CloudTrail/eu-central-1/2026/03/10");
        fs::create_dir_all(sandbox.path(&folder)).unwrap();
        let name =
            format!("{account}_CloudTrail_eu-central-1_20260310T0600Z_0000000000000001.json");
        sandbox.write(&format!("{folder}/{name}"), &text);
    }
    let expected = report(&sandbox, &["scan", "logs"], 0);
    let tags = &expected["tags"];
    assert!(tags["mismatched"].as_u64() > Some(5) && tags["agreeing"].as_u64() > Some(3), "{tags}");
    let (shards, buckets) = plan(&sandbox);
    assert_eq!((shards, buckets), (2, 2));
    (0..shards).for_each(|number| drop(shard(&sandbox, number, 0)));
    conclude(&sandbox, buckets, &[]);
    assert_eq!(report(&sandbox, &["report", "--plan", "out"], 0), expected);
    damage_concluded(&sandbox);
    assert_eq!(report(&sandbox, &["report", "--plan", "out"], 0), expected);
}
