//! Each kind of file gives the same tags.

use std::sync::Arc;

use super::*;
use crate::tags::timeline::State;

const BUCKET: &str = "arn:aws:s3:::example-ledger";

fn owner_of(text: &str) -> Option<String> {
    let mut book = Book::new(100);
    let added = read(&Arc::from("tags"), text.as_bytes(), Time::from_secs(1_000), &mut book);
    assert_eq!(added, Added { resources: 1, wrong: Vec::new() }, "{text}");
    let (tags, others) = book.timeline(BUCKET).index().all_at(Time::from_secs(5_000));
    assert!(!others, "a file lists all tags");
    match tags.get("Owner") {
        Some(State::Known(value, _)) => Some(value.clone()),
        _ => None,
    }
}

#[test]
fn a_file_is_told_by_its_content() {
    let config = r#"{"resourceType":"AWS::S3::Bucket","resourceId":"example-ledger","ARN":"arn:aws:s3:::example-ledger","configurationItemCaptureTime":"1970-01-01T01:00:00.000Z","tags":{"Owner":"ledger"}}"#;
    let query = serde_json::json!({
        "QueryInfo": {},
        "Results": [r#"{"arn":"arn:aws:s3:::example-ledger","tags":[{"key":"Owner","value":"ledger","tag":"Owner=ledger"}]}"#],
    });
    for text in [
        r#"{"ResourceTagMappingList":[{"ResourceARN":" arn:aws:s3:::example-ledger","Tags":[{"Key":"Owner","Value":"ledger"}]}],"PaginationToken":""}"#.to_owned(),
        format!(r#"{{"fileVersion":"1.0","configurationItems":[{config}]}}"#),
        query.to_string(),
        r#"{"Resources":[{"Arn":"arn:aws:s3:::example-ledger","Properties":[{"Name":"tags","Data":[{"Key":"Owner","Value":"ledger"}]}]}]}"#.to_owned(),
        r#"{"version":4,"terraform_version":"1.9.0","resources":[{"instances":[{"attributes":{"arn":"arn:aws:s3:::example-ledger","tags":null,"tags_all":{"Owner":"ledger"}}}]}]}"#.to_owned(),
        r#"{"format_version":"1.0","values":{"root_module":{"child_modules":[{"resources":[{"values":{"arn":"arn:aws:s3:::example-ledger","tags_all":{"Owner":"ledger"}}}]}]}}}"#.to_owned(),
        r#"{"source":"aws.tag","time":"1970-01-01T01:00:00Z","resources":["arn:aws:s3:::example-ledger"],"detail":{"tags":{"Owner":"ledger"}}}"#.to_owned(),
        "\u{feff}arn,key,value\r\narn:aws:s3:::example-ledger,Owner,ledger\r\n".to_owned(),
        "Identifier,ARN,\"Tag: Owner\",Tag: Name\nx,arn:aws:s3:::example-ledger,\"ledger\",(not tagged)\n".to_owned(),
        "arn,Owner,Name\narn:aws:s3:::example-ledger,ledger,\n".to_owned(),
        r#"[{"KeyArn":"arn:aws:s3:::example-ledger","Tags":[{"TagKey":"Owner","TagValue":"ledger"}],"Truncated":false}]"#.to_owned(),
    ] {
        assert_eq!(owner_of(&text).as_deref(), Some("ledger"), "{text}");
    }
}

#[test]
fn what_does_not_read_is_said() {
    let wrong = |text: &str| {
        let mut book = Book::new(100);
        read(&Arc::from("tags"), text.as_bytes(), Time::from_secs(0), &mut book).wrong
    };
    for text in [
        "",
        "{",
        "{}",
        "name,value\na,b\n",
        "arn\narn:aws:s3:::a\n",
        r#"{"ResourceTagMappingList":[{"Tags":[]}]}"#,
        r#"{"ResourceTagMappingList":[{"ResourceARN":"x","Tags":[]}]}"#,
        r#"{"ResourceTagMappingList":[],"PaginationToken":"more"}"#,
        r#"{"Results":["{"]}"#,
        r#"{"Resources":[{"Arn":"arn:aws:s3:::a"}]}"#,
        r#"{"terraform_version":"1","planned_values":{}}"#,
    ] {
        assert!(!wrong(text).is_empty(), "{text}");
    }
    assert_eq!(wrong("\u{fffd}"), wrong("x"));
    let many = "arn,Owner\n".to_owned() + &"nothing,a\n".repeat(100);
    assert_eq!(wrong(&many).len(), WRONG_MAX + 1);
}

#[test]
fn ids_of_databases_are_joined() {
    let mut book = Book::new(100);
    let text = r#"{"configurationItems":[{"resourceType":"AWS::RDS::DBInstance","resourceId":"db-EXAMPLE","arn":"arn:aws:rds:eu-central-1:111122223333:db:ledger","tags":{}}]}"#;
    read(&Arc::from("tags"), text.as_bytes(), Time::from_secs(0), &mut book);
    let arn = "arn:aws:rds:eu-central-1:111122223333:db:ledger".to_owned();
    assert_eq!(book.named("db-EXAMPLE"), crate::tags::book::Named::Arn(arn));
}

/// What looks like a page at first, such as an event of EventBridge that is about no tags.
#[test]
fn what_is_of_no_known_kind_is_said_once() {
    let event = r#"{"source":"aws.kms","detail":{"eventName":"DisableKey"}}"#;
    let others = [r#"{"ResourceTagMappingList":null}"#, r#"{"Results":5}"#, r#"{"values":1}"#];
    let others = others.into_iter().map(str::to_owned);
    let all = [event.to_owned(), format!("[{event}]"), "[[]]".to_owned(), "{}".to_owned()];
    for text in all.into_iter().chain(others) {
        let added = read(&Arc::from("tags"), text.as_bytes(), Time(0), &mut Book::new(100));
        let [wrong] = &added.wrong[..] else { panic!("{text}: {:?}", added.wrong) };
        assert!(wrong.starts_with("is of no known kind"), "{wrong}");
        assert_eq!(added.resources, 0);
    }
}
