//! A policy document that is an object says what its text says: some exports undo the text.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::write::GzDecoder;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::trail::{KEY, call, file, findings, parse, with};

/// The texts of a file: of gzip inflated.
fn text_of(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    match path.extension()?.to_str()? {
        "json" => String::from_utf8(bytes).ok(),
        "gz" => {
            let mut decoder = GzDecoder::new(Vec::new());
            decoder.write_all(&bytes).ok()?;
            String::from_utf8(decoder.finish().ok()?).ok()
        }
        _ => None,
    }
}

/// Whether a text is a document that strict JSON takes.
fn is_document(text: &str) -> bool {
    let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
    is_json && text.trim_start().starts_with('{') && text.contains("\"Statement\"")
}

/// Puts a placeholder in place of each document of a record. What each stands for.
fn hold_places(value: &mut Value, held: &mut Vec<String>) {
    match value {
        Value::String(text) if is_document(text) => {
            held.push(std::mem::take(text));
            *text = format!("@{}@", held.len() - 1);
        }
        Value::Array(all) => all.iter_mut().for_each(|one| hold_places(one, held)),
        Value::Object(all) => all.values_mut().for_each(|one| hold_places(one, held)),
        _ => {}
    }
}

/// A file in two forms: with documents as texts, and as objects, byte for byte, so that members that are
/// given twice stay. What is no JSON stays as it is. Whether it has any document.
fn both(text: String) -> ([String; 2], bool) {
    let Ok(mut file) = serde_json::from_str::<Value>(&text) else {
        return ([text.clone(), text], false);
    };
    let texts = file.to_string();
    let mut held = Vec::new();
    hold_places(&mut file, &mut held);
    let mut objects = file.to_string();
    for (number, document) in held.iter().enumerate() {
        objects = objects.replacen(&format!("\"@{number}@\""), document, 1);
    }
    ([texts, objects], !held.is_empty())
}

/// A finding without what shows the record's own text.
fn shown(mut finding: Value) -> Value {
    let details = finding["details"].as_object_mut().unwrap();
    details.retain(|name, _| !name.to_ascii_lowercase().contains("policy"));
    finding
}

#[test]
fn every_sample_gives_the_same_findings_either_way() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let sandbox = Sandbox::new();
    let mut changed = 0;
    for folder in ["rules", "trail"] {
        let all = walkdir::WalkDir::new(samples.join(folder)).sort_by_file_name();
        for (number, entry) in all.into_iter().map(Result::unwrap).enumerate() {
            let Some(text) = text_of(entry.path()) else { continue };
            let ([texts, objects], has_document) = both(text);
            changed += u32::from(has_document);
            let of = entry.path().parent().unwrap().file_name().unwrap().to_str().unwrap();
            let of = if folder == "trail" { "trail" } else { of };
            let name = format!("{of}/{number}.json");
            sandbox.write(&format!("objects/{name}"), objects);
            sandbox.write(&format!("texts/{name}"), texts);
        }
    }
    assert!(changed > 50, "{changed} samples have a policy");
    let folders = fs::read_dir(sandbox.path("texts")).unwrap();
    let mut folders: Vec<String> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    folders.retain(|name| name.contains("polic") || name.contains("grant") || name == "trail");
    folders.sort();
    let found = |form: &str| -> Vec<Value> {
        let words = ["scan", "-f", "json", "--min-level=informational", "--allow-incomplete"];
        let words = words.into_iter().chain(folders.iter().map(String::as_str));
        findings(&parse(&sandbox.keytrail(words).within(form).run()))
            .into_iter()
            .map(shown)
            .collect()
    };
    let (objects, texts) = (found("objects"), found("texts"));
    let told = |all: &[Value]| crate::trail::texts(all, "/fingerprint").join(" ");
    assert_eq!(told(&objects), told(&texts));
    assert!(objects == texts, "{objects:#?}\n{texts:#?}");
}

#[test]
fn the_state_of_policies_is_the_same_either_way() {
    let statement = |who: &str, action: &str| {
        json!({"Effect": "Allow", "Action": action, "Resource": "*",
            "Principal": {"AWS": format!("arn:aws:iam::111122223333:{who}")}})
    };
    let own = json!({"Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY}]});
    let key_policy =
        json!({"Statement": [statement("root", "kms:*"), statement("user/ben", "kms:Sign")]});
    let file = |as_text: bool| {
        let given =
            |document: &Value| if as_text { json!(document.to_string()) } else { document.clone() };
        let put =
            with(call("PutKeyPolicy", "e-1"), &[("/requestParameters/policy", given(&key_policy))]);
        let request =
            json!({"userName": "ana", "policyName": "own", "policyDocument": given(&own)});
        let of_user = with(
            call("PutUserPolicy", "e-2"),
            &[("/requestParameters", request), ("/eventSource", json!("iam.amazonaws.com"))],
        );
        file(&[put, of_user])
    };
    let sandbox = Sandbox::new();
    sandbox.write("texts/a.json", file(true)).write("objects/a.json", file(false));
    for words in [
        vec!["keys", "a.json", "--key", KEY, "--who-can", "Decrypt", "-f", "json"],
        vec!["keys", "a.json", "--key", KEY, "-f", "json"],
        vec!["actors", "a.json", "--principal", "ana", "--granted-vs-used", "-f", "json"],
    ] {
        let answer = |form: &str| parse(&sandbox.keytrail(&words).within(form).run().code(0));
        assert_eq!(answer("objects"), answer("texts"), "{words:?}");
        let text = answer("objects").to_string();
        assert!(text.contains("own") || text.contains("user/ben"), "{text}");
    }
}

#[test]
fn what_is_wrong_with_the_policy_of_a_replica_is_told_of_the_replica() {
    let replica = KEY.replace("eu-west-1", "us-east-1");
    assert_ne!(replica, KEY);
    let policy = json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:*",
        "Resource": "*"}})
    .to_string();
    let record = with(
        call("ReplicateKey", "replicated"),
        &[
            ("/requestParameters", json!({"keyId": KEY, "replicaRegion": "us-east-1"})),
            ("/resources", json!([{"ARN": KEY, "accountId": "111122223333"}])),
            (
                "/responseElements",
                json!({"replicaKeyMetadata": {"arn": replica}, "replicaPolicy": policy}),
            ),
        ],
    );
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json", file(&[record]));
    let report = sandbox.report(0, ["logs"]);
    let of = |rule: &str| {
        let all = findings(&report);
        let one = all.iter().find(|finding| finding["rule"] == rule);
        let one = one.unwrap_or_else(|| panic!("no {rule}: {report:#}"));
        (one["key"]["arn"].clone(), one["details"]["other_keys"].clone())
    };
    assert_eq!(of("policy-public-principal"), (json!(replica), json!([KEY])));
    assert_eq!(of("key-replicated"), (json!(KEY), Value::Null), "the call is about the primary");
}
