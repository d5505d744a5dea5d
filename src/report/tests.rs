//! Every format on the same two findings, the empty case and hostile values.

mod outside;

use std::fmt;

use insta::assert_snapshot;
use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use unicode_width::UnicodeWidthStr;

use super::escape::is_hidden;
use super::sample;
use super::*;
use crate::model::memory::Memory;
use crate::model::notes::RunNote;
use crate::model::origin::Origin;
use crate::model::outcome::{Outcome, Totals};

const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\ncritical  forged\r\u{9b}31m \u{202e}live\u{2066} \
                       \u{200b}\"'<script>alert(1)</script>=1+1|`";

fn text(format: Format, outcome: &Outcome, style: Style) -> String {
    text_of(&sample::run(), format, outcome, style)
}

fn text_of(run: &Run, format: Format, outcome: &Outcome, style: Style) -> String {
    let mut out = Vec::new();
    write(format, &Report::new(run, outcome), &style, &mut out).unwrap();
    // A release must not change every golden.
    let version = concat!("\"version\": \"", env!("CARGO_PKG_VERSION"), '"');
    String::from_utf8(out).unwrap().replace(version, "\"version\": \"VERSION\"")
}

fn table(outcome: &Outcome, width: u16) -> String {
    text(Format::Table, outcome, Style { width: Some(width), ..Style::default() })
}

#[test]
fn two_findings() {
    assert_snapshot!("two_json", text(Format::Json, &sample::two(), Style::default()));
    assert_snapshot!("two_ndjson", text(Format::Ndjson, &sample::two(), Style::default()));
    for width in [40, 80, 120, 200] {
        assert_snapshot!(format!("two_table_{width}"), table(&sample::two(), width));
    }
    assert_eq!(
        text(Format::Table, &sample::two(), Style::default()),
        table(&sample::two(), 120),
        "without a terminal"
    );
}

#[test]
fn nothing_found() {
    let empty = sample::outcome(vec![]);
    assert_snapshot!("empty_json", text(Format::Json, &empty, Style::default()));
    assert_eq!(text(Format::Ndjson, &empty, Style::default()), "");
    assert_snapshot!("empty_table", table(&empty, 80));
}

#[test]
fn notes_are_told_and_hostile_places_of_them_escaped() {
    let mut outcome = sample::outcome(vec![]);
    let origin = Origin::record(HOSTILE, 3);
    outcome.notes = vec![RunNote { message: "Something is unusual.".into(), records: 2, origin }];
    for format in [Format::Table, Format::Html, Format::Markdown, Format::Json] {
        let text = text(format, &outcome, Style::default());
        assert!(text.contains("Something is unusual."), "{format}");
        assert!(!text.chars().any(|c| is_hidden(c) && c != '\n'), "{format}");
        assert!(!text.contains("<script>") || format == Format::Json || format == Format::Table);
    }
}

#[test]
fn silence_is_told_from_blindness() {
    let mut blind = sample::outcome(vec![]);
    blind.totals.kms_records = 0;
    assert_snapshot!("blind_no_kms", table(&blind, 80));
    blind.totals = Totals::default();
    blind.covered.clear();
    blind.interrupted = true;
    assert_snapshot!("blind_nothing_read", table(&blind, 80));
    let mut only_kms = sample::outcome(vec![]);
    only_kms.totals.records = only_kms.totals.kms_records;
    assert!(table(&only_kms, 80).contains("Every record is of KMS"));
}

#[test]
fn what_later_runs_will_not_know_of_cases_is_said() {
    let mut outcome = sample::two();
    let memory = Memory { cases_forgotten: 1, issued_forgotten: 2_000, ..Memory::default() };
    outcome.memory = Some(memory);
    let shown = table(&outcome, 120);
    for what in ["1 case:", "2,000 credentials:"] {
        assert!(shown.contains(&format!("No room in the state for {what}")), "{shown}");
    }
    let mut run = sample::run();
    let path = "state".to_owned();
    run.state = Some(State { path, runs: 1, previous: None, recalled: 0, new_rules: Vec::new() });
    let json = text_of(&run, Format::Json, &outcome, Style::default());
    let state = &serde_json::from_str::<serde_json::Value>(&json).unwrap()["run"]["state"];
    assert_eq!([&state["cases_forgotten"], &state["credentials_forgotten"]], [1, 2_000]);
    outcome.memory = Some(Memory::default());
    assert!(!table(&outcome, 120).contains("No room"));
}

#[test]
fn hostile_values() {
    let mut outcome = sample::outcome(vec![sample::hostile(HOSTILE)]);
    outcome.problems = vec![sample::problem(HOSTILE)];
    outcome.totals.accounts = [HOSTILE.to_owned()].into();
    outcome.covered = vec![sample::covered(HOSTILE, &[(498_192, 498_744)])];
    assert_snapshot!("hostile_json", text(Format::Json, &outcome, Style::default()));
    assert_snapshot!("hostile_ndjson", text(Format::Ndjson, &outcome, Style::default()));
    for width in [80, 200] {
        assert_snapshot!(format!("hostile_table_{width}"), table(&outcome, width));
    }
}

#[test]
fn a_long_value_cannot_bury_the_report() {
    let outcome = sample::outcome(vec![sample::hostile(&"A\u{301}/".repeat(50_000))]);
    for width in [40, 80, 120, 200] {
        let table = table(&outcome, width);
        assert!(table.lines().count() < 50 && table.contains('…'), "{table}");
    }
}

#[test]
fn json_gives_back_what_the_log_held() {
    let outcome = sample::outcome(vec![sample::hostile(HOSTILE)]);
    let json = text(Format::Json, &outcome, Style::default());
    let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
    let finding = &parsed["findings"][0];
    assert_eq!(finding["title"], HOSTILE);
    assert_eq!(finding["key"]["tags"][HOSTILE], HOSTILE);
    assert_eq!(finding["events"][0]["origin"], format!("{HOSTILE}#0"));
    let line = text(Format::Ndjson, &outcome, Style::default());
    assert_eq!(line.lines().count(), 1);
    let mut parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
    let name = parsed.as_object_mut().unwrap().remove("schema").unwrap();
    assert_eq!((name, &parsed), ("keytrail.finding/v1".into(), finding));
    assert!(line.starts_with("{\"schema\":"), "{line}");
    let mut live = Vec::new();
    write_line(&outcome.findings.all().unwrap()[0], &mut live).unwrap();
    assert_eq!(live, line.into_bytes());
}

/// The members of an object in the order of the text.
struct Members(Vec<(String, Box<serde_json::value::RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Visit)
    }
}

fn members(json: &str) -> (String, Vec<(String, Box<serde_json::value::RawValue>)>) {
    let Members(members) = serde_json::from_str(json).unwrap();
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    (names.join(" "), members)
}

#[test]
fn members_stand_in_the_order_of_the_contract() {
    let json = text(Format::Json, &sample::two(), Style::default());
    let (names, parts) = members(&json);
    assert_eq!(
        names,
        "schema tool run totals summary findings problems suppressions tags coverage verify cases \
         examined nights notes outcomes known"
    );
    let part = |name: &str| parts.iter().find(|(member, _)| member == name).unwrap().1.get();
    assert_eq!(members(part("tool")).0, "name version rules");
    assert_eq!(
        members(part("run")).0,
        "started finished sources since until complete command version config manifest config_file \
         baseline each state listed settings min_level host program expected"
    );
    assert_eq!(
        members(part("totals")).0,
        "blobs blobs_failed blobs_other blobs_other_kinds bytes_read bytes_inflated records records_bad duplicates \
         kms_records first_event last_event accounts regions"
    );
    assert_eq!(
        members(part("summary")).0,
        "critical high medium low informational suppressed known"
    );
    let problems: Vec<Box<serde_json::value::RawValue>> =
        serde_json::from_str(part("problems")).unwrap();
    assert_eq!(members(problems[0].get()).0, "origin stage message");
}

#[test]
fn members_of_a_finding_stand_in_the_order_of_the_contract() {
    let outcome = sample::outcome(vec![sample::hostile("x")]);
    let (names, parts) = members(&text(Format::Ndjson, &outcome, Style::default()));
    let part = |name: &str| parts.iter().find(|(member, _)| member == name).unwrap().1.get();
    assert_eq!(
        names,
        "schema fingerprint rule title level attempt count first_seen last_seen status account region \
         principal source_ip user_agent key resource events details attack references advice \
         case outcome event_source access_key_id"
    );
    assert_eq!(members(part("principal")).0, "type arn account session invoked_by mfa");
    assert_eq!(members(part("key")).0, "arn account alias tags");
    assert_eq!(members(part("resource")).0, "arn type tags");
    let event = part("events").trim_matches(['[', ']']);
    assert_eq!(
        members(event).0,
        "id time name origin request_id event_source principal session access_key_id source_ip user_agent error \
         undone"
    );
}

#[test]
fn what_was_left_out_is_said() {
    let mut outcome = sample::two();
    outcome.suppressions = sample::suppressions();
    outcome.summary.suppressed = 3;
    outcome.summary.known = 12;
    let run = Run {
        config_file: Some("keytrail.toml".into()),
        baseline: Some(Baseline { path: "report.json".into(), sha256: "sha256:b3".into() }),
        ..sample::run()
    };
    for (format, name) in [(Format::Table, "accepted_table"), (Format::Json, "accepted_json")] {
        let style = Style { width: Some(80), ..Style::default() };
        assert_snapshot!(name, text_of(&run, format, &outcome, style));
    }
    let mut none = sample::outcome(vec![]);
    none.summary.suppressed = 1;
    assert!(table(&none, 120).contains("of KMS, beside 1 suppressed.\n"), "{}", table(&none, 120));
}

#[test]
fn colour_only_when_asked_for_and_only_ours() {
    let style = Style { width: Some(80), color: true, ..Style::default() };
    let colored = text(Format::Table, &sample::two(), style);
    assert!(colored.contains("\u{1b}[1m\u{1b}[31mcritical\u{1b}[0m"), "{colored:?}");
    assert!(colored.contains("\u{1b}[33mmedium\u{1b}[0m"), "{colored:?}");
    assert_eq!(uncolored(&colored), table(&sample::two(), 80));
}

fn uncolored(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
}

#[test]
fn problems_beyond_twenty_are_counted_unless_verbose() {
    let mut outcome = sample::two();
    outcome.problems = (0..23).map(|i| sample::problem(&format!("file-{i:02}"))).collect();
    let short = table(&outcome, 80);
    assert!(short.contains("file-19") && !short.contains("file-20"));
    assert!(short.contains("… and 3 more; -f json lists all"), "{short}");
    let style = Style { width: Some(80), verbose: true, ..Style::default() };
    let all = text(Format::Table, &outcome, style);
    assert!(all.contains("file-22") && !all.contains("more; -f json"));
}

#[test]
fn formats_have_names() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert_eq!(
        "xml".parse::<Format>().unwrap_err(),
        "unknown format 'xml': use one of table, json, ndjson, csv, html, markdown, sarif, ocsf, asff"
    );
}

#[test]
fn errors_of_the_output_keep_their_kind() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (run, outcome) = (sample::run(), sample::two());
    let report = Report::new(&run, &outcome);
    for format in Format::ALL {
        let error = write(format, &report, &Style::default(), &mut Closed).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{format}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_line_is_wider_than_the_terminal(
        value in "\\PC{0,60}|[鍵가🔑é:/ ]{0,300}|(\\x1b\\[2J|\n|x){0,30}", width in 40u16..240, color: bool
    ) {
        let mut outcome = sample::outcome(vec![sample::deletion(), sample::hostile(&value)]);
        outcome.problems = vec![sample::problem(&value)];
        outcome.totals.accounts = [value.clone()].into();
        let style = Style { width: Some(width), color, ..Style::default() };
        for line in uncolored(&text(Format::Table, &outcome, style)).lines() {
            prop_assert!(line.width() <= width.into(), "{line:?} over {width}");
            prop_assert!(!line.chars().any(is_hidden), "{line:?}");
        }
    }
}
