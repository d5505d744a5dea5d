//! Tags: what is compared, what is known, and from where.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::Sandbox;

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const BUCKET: &str = "arn:aws:s3:::example-ledger";

/// The files of the story, by the name they get.
fn story(sandbox: &Sandbox, names: [&str; 2]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tags");
    for (file, name) in ["a-later.json", "b-earlier.json"].into_iter().zip(names) {
        sandbox.write(name, fs::read_to_string(root.join(file)).unwrap());
    }
}

fn mismatches(report: &Value) -> Vec<&Value> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.filter(|finding| finding["rule"] == "key-tag-mismatch").collect()
}

#[test]
fn only_the_uses_after_the_change_are_a_mismatch_whichever_file_comes_first() {
    let sandbox = Sandbox::new();
    story(&sandbox, ["1.json", "2.json"]);
    for order in [["1.json", "2.json"], ["2.json", "1.json"]] {
        for threads in ["--threads=1", "--threads=2"] {
            let report = sandbox.report(0, order.into_iter().chain([threads]));
            let found = mismatches(&report);
            assert_eq!(found.len(), 1);
            let finding = found[0];
            assert_eq!([&finding["count"], &finding["level"]], [&json!(2), &json!("high")]);
            assert_eq!(finding["first_seen"], "2026-11-02T15:00:00Z");
            assert_eq!(finding["last_seen"], "2026-11-02T16:30:00Z");
            assert_eq!([&finding["key"]["arn"], &finding["resource"]["arn"]], [KEY, BUCKET]);
            assert_eq!(finding["key"]["tags"], json!({"Application": "payments"}));
            assert_eq!(finding["resource"]["tags"], json!({"Application": "ledger"}));
            let tag = &finding["details"]["tags"][0];
            assert_eq!(tag["key"]["since"], "2026-11-02T12:00:00Z");
            let alice = "arn:aws:iam::111122223333:role/key-admin";
            assert_eq!(tag["key"]["by"]["principal"], alice);
            assert_eq!(tag["resource"]["by"]["name"], "PutBucketTagging");
            let tags = &report["tags"];
            assert_eq!([&tags["uses"], &tags["agreeing"], &tags["mismatched"]], [4, 2, 2]);
        }
    }
}

/// A use of the key for the bucket, by S3, with what CloudTrail tells of tags beside it.
fn enriched(id: &str, time: &str, tags: &Value) -> Value {
    json!({
        "eventVersion": "1.12", "eventID": id, "eventTime": time, "eventName": "GenerateDataKey",
        "eventSource": "kms.amazonaws.com", "awsRegion": "eu-central-1",
        "recipientAccountId": "111122223333", "eventType": "AwsApiCall",
        "userIdentity": {"type": "AssumedRole", "accountId": "111122223333",
            "arn": "arn:aws:sts::111122223333:assumed-role/writer/w", "invokedBy": "s3.amazonaws.com"},
        "requestParameters": {"encryptionContext": {"aws:s3:arn": BUCKET}},
        "resources": [{"accountId": "111122223333", "type": "AWS::KMS::Key", "ARN": KEY}],
        "eventContext": {"requestContext": {"aws:ViaAWSService": "true"},
            "tagContext": {"principalTags": {}, "resourceTags": tags}},
    })
}

#[test]
fn tags_of_enriched_events_are_evidence_of_their_instant() {
    let sandbox = Sandbox::new();
    let told = |key: &str, bucket: &str| {
        json!([{"arn": KEY, "tags": {"Application": key}},
            {"arn": BUCKET, "tags": {"Application": bucket}}])
    };
    let first = enriched("e-1", "2026-11-02T15:00:00Z", &told("payments", "ledger"));
    sandbox.write("trail.json", json!({"Records": [first]}).to_string());
    let report = sandbox.report(0, ["trail.json"]);
    let found = mismatches(&report);
    assert_eq!(found.len(), 1, "in the very second in which it is told");
    assert_eq!(found[0]["key"]["tags"], json!({"Application": "payments"}));
    assert_eq!(found[0]["resource"]["tags"], json!({"Application": "ledger"}));
    let by = json!({"event": "e-1", "name": "GenerateDataKey", "enriched": true});
    assert_eq!(found[0]["details"]["tags"][0]["key"]["by"], by);
    // Of tags that are not listed nothing is known: neither side lacks any.
    let counts = &report["tags"];
    assert_eq!([&counts["one_sided"], &counts["untagged"]], [0, 0], "{counts}");
}

#[test]
fn enriched_events_without_tags_say_nothing_and_order_and_copies_decide_nothing() {
    let sandbox = Sandbox::new();
    let told = |key: &str| {
        json!([{"arn": KEY, "tags": {"Application": key}},
            {"arn": BUCKET, "tags": {"Application": "ledger"}}])
    };
    let all = [
        enriched("e-1", "2026-11-02T15:00:00Z", &told("payments")),
        enriched("e-2", "2026-11-02T16:00:00Z", &json!([{"arn": KEY, "tags": {}}])),
        enriched("e-3", "2026-11-02T16:00:06Z", &json!("TRUNCATED")),
        enriched("e-4", "2026-11-02T18:00:00Z", &told("ledger")),
    ];
    let mut before: Option<Value> = None;
    for order in [[0, 1, 2, 3], [3, 2, 1, 0]] {
        let records: Vec<&Value> = order.iter().map(|at| &all[*at]).collect();
        sandbox.write("trail.json", json!({"Records": records}).to_string());
        sandbox.write("copy.json", json!({"Records": [&all[0], &all[3]]}).to_string());
        let report = sandbox.report(0, ["trail.json", "copy.json", "--threads=2"]);
        let found = mismatches(&report);
        assert_eq!((found.len(), &found[0]["count"]), (1, &json!(1)));
        let counts = report["tags"].clone();
        // Between two that differ, nobody knows when it was changed.
        assert_eq!([&counts["uses"], &counts["agreeing"], &counts["mismatched"]], [4, 1, 1]);
        assert_eq!(counts["unknown"], 2);
        assert_eq!(before.replace(counts.clone()).unwrap_or(counts.clone()), counts);
    }
    let words = ["tags", "trail.json", "-f", "json", "--at", "2026-11-02T15:00:00Z", KEY];
    let ended = sandbox.keytrail(words).run().code(0);
    assert!(ended.stdout.contains("GenerateDataKey, as an enriched event"), "{}", ended.stdout);
}

#[test]
fn a_change_that_keeps_a_use_from_being_a_mismatch_is_raised() {
    let sandbox = Sandbox::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tags");
    let text = fs::read_to_string(root.join("a-later.json")).unwrap();
    let earlier = fs::read_to_string(root.join("b-earlier.json")).unwrap();
    // The bucket is of payments from the beginning, and so is the key from noon on.
    let bucket = "\"Key\":\"Application\",\"Value\":\"ledger\"";
    sandbox.write("1.json", earlier.replace(bucket, &bucket.replace("ledger", "payments")));
    let level = |uses: &str| {
        sandbox.write("2.json", text.replace("T15:00:00Z", uses).replace("T16:30:00Z", uses));
        let report = sandbox
            .report(0, ["--select=key-governed-tag-changed", "--select=key-tag-mismatch", "."]);
        let mut found = report["findings"].as_array().unwrap().iter();
        let finding = found.find(|f| f["rule"] == "key-governed-tag-changed").unwrap();
        finding["level"].as_str().unwrap().to_owned()
    };
    assert_eq!(level("T12:59:59Z"), "high");
    assert_eq!(level("T13:00:01Z"), "medium");
}

#[test]
fn nothing_is_raised_where_no_rule_has_tags_compared() {
    let sandbox = Sandbox::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tags");
    let bucket = "\"Key\":\"Application\",\"Value\":\"ledger\"";
    let earlier = fs::read_to_string(root.join("b-earlier.json")).unwrap();
    sandbox.write("1.json", earlier.replace(bucket, &bucket.replace("ledger", "payments")));
    let later = fs::read_to_string(root.join("a-later.json")).unwrap();
    sandbox.write("2.json", later.replace("T15:00:00Z", "T12:30:00Z"));
    let levels = |more: &[&str]| {
        let report = sandbox
            .report(0, ["--select=key-governed-tag-changed", "."].iter().chain(more).copied());
        let found = report["findings"].as_array().unwrap().iter();
        let changed = found.filter(|finding| finding["rule"] == "key-governed-tag-changed");
        let levels: Vec<String> =
            changed.map(|finding| finding["level"].as_str().unwrap().to_owned()).collect();
        (levels, report["tags"] == Value::Null)
    };
    assert_eq!(levels(&[]), (vec!["medium".to_owned()], true));
    let any = ["--select=classification-without-key"];
    assert_eq!(levels(&any), (vec!["high".to_owned()], false));
}

#[test]
fn a_rule_that_is_ignored_or_replaced_finds_nothing_and_the_totals_stay() {
    let sandbox = Sandbox::new();
    story(&sandbox, ["1.json", "2.json"]);
    let told = |words: &[&str]| {
        let report = sandbox.report(0, ["1.json", "2.json"].iter().chain(words).copied());
        (mismatches(&report).len(), report["tags"].clone())
    };
    let (found, totals) = told(&[]);
    assert_eq!((found, &totals["mismatched"]), (1, &json!(2)));
    assert_eq!(told(&["--ignore=key-tag-mismatch"]), (0, totals.clone()));
    let mine = "title: Mine\nid: key-tag-mismatch\nlogsource: {product: aws, service: cloudtrail}\n\
                detection: {a: {eventName: Nothing}, condition: a}\n";
    sandbox.write("mine.yml", mine);
    assert_eq!(told(&["--rules=mine.yml"]), (0, totals));
}

#[test]
fn what_is_not_reported_still_tells_tags() {
    let sandbox = Sandbox::new();
    story(&sandbox, ["1.json", "2.json"]);
    let since = sandbox.report(0, ["--since=2026-11-02T16:00:00Z", "."]);
    assert_eq!(mismatches(&since)[0]["count"], 1);
    assert_eq!(since["tags"]["uses"], 1);
    let until = sandbox.report(0, ["--until=2026-11-02T12:00:00Z", "."]);
    assert_eq!(mismatches(&until).len(), 0);
    assert_eq!(until["tags"]["agreeing"], 2);
    let none = sandbox.report(0, ["--select=key-created", "."]);
    assert_eq!(none["tags"], Value::Null);
}

#[test]
fn a_file_with_tags_holds_from_its_date_on_and_back_to_the_change_before() {
    let sandbox = Sandbox::new();
    story(&sandbox, ["logs/1.json", "logs/2.json"]);
    fs::remove_file(sandbox.path("logs/2.json")).unwrap();
    // Without the morning, nothing tells the bucket's tags.
    let blind = sandbox.report(0, ["logs"]);
    assert_eq!(mismatches(&blind).len(), 0);
    assert_eq!(blind["tags"]["unknown_because"], json!({"resource tags not seen": 2}));
    sandbox.write("tags.csv", format!("arn,Application\n{BUCKET},ledger\n{KEY},payments\n"));
    let report = sandbox.report(0, ["--tags=tags.csv@2026-11-20", "logs"]);
    assert_eq!(mismatches(&report)[0]["count"], 2);
    let side = &mismatches(&report)[0]["details"]["tags"][0]["resource"];
    assert_eq!([&side["as_of"], &side["by"]["file"]], ["2026-11-20T00:00:00Z", "tags.csv"]);
    // A date before the change says nothing of the key after it.
    let early = sandbox.report(0, ["--tags=tags.csv@2026-11-01", "logs"]);
    assert_eq!(mismatches(&early)[0]["count"], 2);
}

#[test]
fn the_configuration_says_what_may_be_shared() {
    let sandbox = Sandbox::new();
    story(&sandbox, ["1.json", "2.json"]);
    let count = |config: &str| {
        sandbox.write("keytrail.toml", config);
        let report = sandbox.report(0, ["1.json", "2.json"]);
        mismatches(&report)
            .iter()
            .map(|f| f["level"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(count("[tags.governed]\nApplication = { level = \"medium\" }"), ["medium"]);
    assert_eq!(count("[tags.governed]\nOwner = []"), [""; 0]);
    let same = "[tags.governed.Application.values]\nledger = [\"payments\"]";
    assert_eq!(count(same), [""; 0]);
    let shared =
        format!("[[tags.shared]]\nkey = \"{KEY}\"\nallow = {{ Application = [\"led*\"] }}");
    assert_eq!(count(&shared), [""; 0]);
    let order = "[tags.governed]\nApplication = { order = [\"ledger\", \"payments\"] }";
    assert_eq!(count(order), [""; 0], "a key of the higher class");
    sandbox.write("keytrail.toml", "[[tags.shared]]\nkey = \"alias/a\"\nallow = { Colour = [] }");
    let ended = sandbox.keytrail(["scan", "1.json"]).run().code(2);
    assert!(ended.stderr.contains("'Colour' is no governed tag"), "{}", ended.stderr);
}

#[test]
fn tags_are_shown_as_of_any_time_with_who_says_so() {
    let sandbox = Sandbox::new();
    story(&sandbox, ["1.json", "2.json"]);
    let show = |words: &[&str]| {
        let fixed = ["tags", "-fjson", "1.json", "2.json"];
        let ended = sandbox.keytrail(fixed.iter().chain(words).copied()).run().code(0).stderr("");
        serde_json::from_str::<Value>(&ended.stdout).unwrap()
    };
    let value = |words: &[&str]| show(words)["resources"][0]["tags"][0]["value"].clone();
    assert_eq!(value(&[KEY]), "payments");
    assert_eq!(value(&[KEY, "--at=2026-11-02T11:00:00Z"]), "ledger");
    let change = show(&[KEY, "--at=2026-11-02T12:00:00Z"]);
    let tag = &change["resources"][0]["tags"][0];
    assert_eq!([&tag["state"], &tag["why"]], ["unknown", "changed in the same second"]);
    let all = show(&[]);
    assert_eq!(all["schema"], "keytrail.tags/v1");
    assert_eq!(all["resources"].as_array().unwrap().len(), 2);
    let nothing = show(&["arn:aws:s3:::another"]);
    assert_eq!(nothing["resources"][0]["complete"], false);
    let table = sandbox.keytrail(["tags", "1.json", "2.json", BUCKET]).run().code(0);
    let words: Vec<&str> = table.stdout.split_whitespace().collect();
    let expected = "arn:aws:s3:::example-ledger Application ledger 2026-11-02T08:05:00Z";
    assert_eq!(words[..4].join(" "), expected);
    assert!(table.stdout.contains("other tags            none"), "{}", table.stdout);
}

#[test]
fn a_file_with_tags_that_does_not_read_is_a_problem_or_a_failure() {
    let sandbox = Sandbox::new();
    story(&sandbox, ["1.json", "2.json"]);
    sandbox.write("tags.json", "{}");
    let report = sandbox.report(3, ["--tags=tags.json", "1.json"]);
    assert_eq!(report["problems"][0]["stage"], "tags");
    assert_eq!(report["problems"][0]["origin"], "tags.json");
    let missing = sandbox.keytrail(["scan", "--tags=nothing.csv", "1.json"]).run().code(2);
    assert!(missing.stderr.contains("nothing.csv: cannot be read"), "{}", missing.stderr);
    let time = sandbox.keytrail(["tags", "--tags=tags.json@soon"]).run().code(2);
    assert!(time.stderr.contains("--tags"), "{}", time.stderr);
    sandbox.keytrail(["tags", "--tags=tags.json"]).run().code(3);
    sandbox.keytrail(["tags", "--tags=tags.json", "--allow-incomplete"]).run().code(0);
}

#[test]
fn why_a_use_names_no_resource_does_not_depend_on_the_order() {
    let sandbox = Sandbox::new();
    let used = |id: &str, context: Value| {
        json!({
            "eventTime": "2026-11-02T09:00:00Z", "eventSource": "kms.amazonaws.com", "eventID": id,
            "eventName": "Decrypt", "awsRegion": "eu-central-1",
            "recipientAccountId": "111122223333", "resources": [{"ARN": KEY}],
            "requestParameters": {"encryptionContext": context},
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/alice"},
        })
    };
    let (none, some) = (used("e-1", json!({})), used("e-2", json!({"department": "ledger"})));
    for records in [json!([none, some]), json!([some, none])] {
        sandbox.write("trail.json", json!({"Records": records}).to_string());
        let report = sandbox.report(0, ["trail.json"]);
        let expected = json!({"context not mapped": 1, "no resource named": 1});
        assert_eq!(report["tags"]["unknown_because"], expected);
    }
}
