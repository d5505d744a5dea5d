//! The page on two findings, on nothing and on hostile values.

use std::sync::Arc;

use insta::assert_snapshot;

use super::{SECTIONS, write_html, write_markdown};
use crate::model::case::{Case, Names};
use crate::model::control::{Control, ControlName, Evidence, Framework};
use crate::model::files::{File, Files};
use crate::model::finding::{Finding, Status};
use crate::model::keys::facts::{AliasSpan, Inventory, KeyFacts, PolicyChanges};
use crate::model::keys::listed::{Listed, Tally, Used};
use crate::model::keys::state::{KeyState, Proof};
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::model::outcome::Outcome;
use crate::model::rule_meta::RuleMeta;
use crate::model::time::Time;
use crate::model::undo::{Effect, Fate};
use crate::report::escape::is_hidden;
use crate::report::{Baseline, Expected, Report, Run, sample};

const HOSTILE: &str = "\u{1b}[2J\u{0}\ncritical\r\u{9b}31m \u{202e}live\u{2066} \u{200b}\"'</td></svg>\
                       <script>alert(1)</script><img src=x onerror=y>=1+1|`&lt;[a](javascript:b)";

fn rule(id: &str, control: &str) -> RuleMeta {
    RuleMeta {
        controls: vec![ControlName::parse(control).unwrap()],
        ..RuleMeta::new(id, Level::High)
    }
}

fn run(text: &str) -> Run {
    Run {
        host: Some(text.into()),
        program: Some("sha256:e0".into()),
        expected: Expected {
            accounts: vec!["111122223333".into(), text.into()],
            regions: vec![text.into()],
        },
        config_file: Some(text.into()),
        sources: vec![text.into()],
        command: vec!["keytrail".into(), text.into()],
        rules: vec![rule("key-deletion-scheduled", "ACME:1"), rule("key-enabled", "ACME:2")],
        settings: vec![format!("roles.automation [\"{text}\"]")],
        ..sample::run()
    }
}

fn keys(text: &str) -> Inventory {
    let proof = Proof {
        time: Time(1_774_000_000_000_000),
        event: text.into(),
        id: None,
        error: None,
        by: Some(text.into()),
        origin: Origin::record(text, 1),
    };
    let used = |name: &str| Listed {
        count: 9,
        cut: false,
        first: vec![Used {
            name: name.into(),
            by: Vec::new(),
            tally: Tally { ok: 4, ..Tally::default() },
        }],
    };
    let mut key = KeyFacts::of(&format!("arn:aws:kms:eu-central-1:111122223333:key/{text}"));
    key.aliases.first =
        vec![AliasSpan { name: text.into(), given: None, from: Time(0), to: None, now_of: None }];
    key.state.state = KeyState::Disabled;
    key.state.changed = Some(proof.clone());
    key.policy = PolicyChanges { changes: 2, last: Some(proof) };
    key.origin = Some(text.into());
    key.administrators = used(text);
    key.services = used(text);
    key.add_finding(Level::High, 3);
    Inventory { keys: vec![key], left_out: 7, lost: vec![text.into()], ..Inventory::default() }
}

fn outcome(findings: Vec<Finding>, text: &str) -> Outcome {
    let mut outcome = sample::outcome(findings);
    outcome.problems = vec![sample::problem(text)];
    outcome.suppressions = sample::suppressions();
    outcome.covered = vec![sample::covered(text, &[(498_192, 498_744)])];
    let mut files = Files::default();
    files.add(text.into(), File { bytes: Some(7), sha256: None });
    outcome.files = Some(files);
    outcome.examined = [("key-deletion-scheduled".into(), 7), ("key-enabled".into(), 9)].into();
    outcome
}

fn page(
    write: fn(&Report<'_>, &mut dyn std::io::Write) -> std::io::Result<()>,
    report: &Report<'_>,
) -> String {
    let mut out = Vec::new();
    write(report, &mut out).unwrap();
    let version = concat!("keytrail ", env!("CARGO_PKG_VERSION"));
    String::from_utf8(out).unwrap().replace(version, "keytrail VERSION")
}

/// One framework, with a control of each kind.
fn frameworks() -> Vec<Framework> {
    let control = |id: &str, evidence| Control {
        id: id.into(),
        asks: "Keys are deleted only by those who may".into(),
        link: "https://example.com/controls".into(),
        evidence,
    };
    vec![Framework {
        name: "ACME".into(),
        title: "Acme <Baseline>".into(),
        version: "7".into(),
        link: "https://example.com/".into(),
        controls: vec![
            control("1", Evidence::Shown("deletions".into())),
            control("2", Evidence::Shown("foreign uses".into())),
            control("3", Evidence::Shown("nothing that ran".into())),
            control("4", Evidence::NotTestable("Nobody writes it down.".into())),
        ],
    }]
}

/// The body of a page: what the head holds does not change with the report.
fn body(html: &str) -> &str {
    &html[html.find("<body>").unwrap()..]
}

#[test]
fn two_findings_and_nothing() {
    let (run, two) =
        (run("prod"), outcome(vec![sample::deletion(), sample::foreign_use()], "eu-west-1"));
    let keys = keys("1234abcd");
    let report = Report {
        run: &run,
        outcome: &two,
        keys: Some(&keys),
        frameworks: &frameworks(),
        nights: &[],
        limits: None,
    };
    assert_snapshot!("two_html", body(&page(write_html, &report)));
    assert_snapshot!("two_markdown", page(write_markdown, &report));
    let (run, none) = (sample::run(), sample::outcome(Vec::new()));
    let report = Report {
        run: &run,
        outcome: &none,
        keys: None,
        frameworks: &[],
        nights: &[],
        limits: None,
    };
    assert_snapshot!("empty_markdown", page(write_markdown, &report));
    let html = page(write_html, &report);
    for (id, title) in SECTIONS {
        assert!(html.contains(&format!("<section id=\"{id}\">\n<h2>{title}</h2>")), "{id}");
    }
}

#[test]
fn hostile_values_are_text() {
    let run = run(HOSTILE);
    let mut finding = sample::hostile(HOSTILE);
    finding.fingerprint = HOSTILE.into();
    finding.case = Some(HOSTILE.into());
    let hostile = outcome(vec![finding], HOSTILE);
    let keys = keys(HOSTILE);
    let report = Report {
        run: &run,
        outcome: &hostile,
        keys: Some(&keys),
        frameworks: &frameworks(),
        nights: &[],
        limits: None,
    };
    let html = page(write_html, &report);
    assert_eq!(unclosed(&html), Vec::<String>::new());
    for tag in ["<script", "<img", "<iframe", "javascript:b\"", "href=\"java"] {
        assert!(!html.contains(tag), "{tag}");
    }
    let markdown = page(write_markdown, &report);
    for text in [&html, &markdown] {
        assert!(!text.chars().any(|c| c != '\n' && is_hidden(c)));
    }
    assert_snapshot!("hostile_markdown", markdown);
}

#[test]
fn a_control_is_met_only_if_nothing_makes_that_say_less() {
    let result = |change: &dyn Fn(&mut Run, &mut Outcome)| {
        let (mut run, mut outcome) = (run("prod"), outcome(Vec::new(), "eu-west-1"));
        run.rules = vec![rule("key-enabled", "ACME:2")];
        outcome.problems.clear();
        outcome.suppressions.clear();
        change(&mut run, &mut outcome);
        let frameworks = frameworks();
        let report = Report {
            run: &run,
            outcome: &outcome,
            keys: None,
            frameworks: &frameworks,
            nights: &[],
            limits: None,
        };
        let page = page(write_markdown, &report);
        let row = page.lines().find(|line| line.starts_with("| [2](")).unwrap().to_owned();
        row.split(" | ").nth(2).unwrap().to_owned()
    };
    assert_eq!(result(&|_, _| ()), "**met**");
    type Change = fn(&mut Run, &mut Outcome);
    let changes: [(Change, &str); 7] = [
        (|run, _| run.since = Some(Time(0)), "**met in part** only part of the log was asked for"),
        (
            |run, _| run.settings.push("region eu-west-1".into()),
            "**met in part** only part of the log",
        ),
        (|_, outcome| outcome.interrupted = true, "**met in part** some input could not be read"),
        (|_, outcome| outcome.summary.known = 2, "**met in part** 2 findings of the baseline"),
        (
            |run, _| run.not_evaluated = vec![rule("x", "ACME:2")],
            "**met in part** not evaluated: x",
        ),
        (|_, outcome| outcome.examined.clear(), "**not testable** No record of the calls"),
        (|run, _| run.min_level = Level::High, "**not testable** Findings below high"),
    ];
    let known: Change = |run, outcome| {
        run.baseline = Some(Baseline { path: "old.json".into(), sha256: String::new() });
        outcome.known = [("key-enabled".into(), 3), ("x".into(), 9)].into();
    };
    let known = (known, "**not met** 0 new, 3 known");
    for (change, expected) in changes.into_iter().chain([known]) {
        let told = result(&change);
        assert!(told.starts_with(expected), "{told}");
    }
}

#[test]
fn a_long_value_cannot_bury_the_page() {
    let text = "A\u{301}/<".repeat(250_000);
    let run = run(&text);
    let outcome = outcome(vec![sample::hostile(&text)], &text);
    let keys = keys(&text);
    let report = Report {
        run: &run,
        outcome: &outcome,
        keys: Some(&keys),
        frameworks: &frameworks(),
        nights: &[],
        limits: None,
    };
    for write in [write_html, write_markdown] {
        assert!(page(write, &report).len() < 600_000);
    }
}

/// The elements that do not end where they should. A name of an element is read up to what cannot be
/// part of one; a text holds no `<`.
fn unclosed(html: &str) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    let mut wrong = Vec::new();
    for tag in html.split('<').skip(1).filter(|tag| !tag.starts_with('!')) {
        let (closes, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
        match closes {
            _ if name == "meta" => {}
            false => open.push(name),
            true if open.pop().as_ref() == Some(&name) => {}
            true => wrong.push(name),
        }
    }
    wrong.extend(open);
    wrong
}

#[test]
fn a_rule_of_the_run_is_counted_however_many_others_there_are() {
    let of = |rule: String| Finding { rule, ..sample::deletion() };
    let others = (0..10_050).map(|number| of(format!("a-{number:05}")));
    let outcome = outcome(others.chain([of("key-enabled".into())]).collect(), "a");
    let run = Run { rules: vec![rule("key-enabled", "ACME:2")], ..run("a") };
    let all = frameworks();
    let report = Report { frameworks: &all, ..Report::new(&run, &outcome) };
    let page = page(|report, out| write_markdown(report, out), &report);
    let row = page.lines().find(|line| line.contains("1 of 1 looked at something"));
    assert!(row.is_some_and(|row| row.contains("not met")), "{row:?}");
    assert!(page.contains("50 findings more, of other rules."));
}

#[test]
fn of_a_case_that_was_undone_in_part_the_page_says_so() {
    let case = Arc::<str>::from("0123456789ab");
    let undone = Effect { fate: Fate::Reversed, undone: None, due: None };
    let mut findings = vec![sample::deletion(), sample::foreign_use()];
    for (finding, effect) in findings.iter_mut().zip([Some(undone), None]) {
        finding.case = Some(Arc::clone(&case));
        finding.effect = effect;
    }
    let all = findings.iter().map(|finding| finding.fingerprint.clone()).collect();
    let mut outcome = outcome(findings, "eu-west-1");
    outcome.cases.all = vec![Case {
        id: case,
        merged: Vec::new(),
        title: "A title".into(),
        level: Level::High,
        rank: 1,
        status: Status::New,
        actors: Names::default(),
        hit: Names::default(),
        credentials: Names::default(),
        source_ips: Names::default(),
        keys: Names::default(),
        effect: None,
        tactics: 1,
        first_seen: None,
        last_seen: None,
        findings: all,
    }];
    let run = run("prod");
    let report = Report {
        run: &run,
        outcome: &outcome,
        keys: None,
        frameworks: &[],
        nights: &[],
        limits: None,
    };
    let said = page(write_markdown, &report);
    assert!(
        said.contains("not known of all: of 2 findings, 1 undone, refused or failed"),
        "{said}"
    );
}
