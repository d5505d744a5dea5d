//! Filters that name what is nowhere, and those that name what is known and quiet.

use serde_json::{Value, json};

use crate::bucket::Server;
use crate::chain::Chain;
use crate::harness::{Ended, Sandbox};
use crate::trail::{disable, file, with};

const KNOWN: &str = "111122223333";

fn place(id: &str, account: &str, region: &str) -> Value {
    with(disable(id), &[("/recipientAccountId", json!(account)), ("/awsRegion", json!(region))])
}

/// Two accounts in two Regions, on 1 May 2026 at 10:00.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let records = [place("e-1", KNOWN, "eu-west-1"), place("e-2", "444455556666", "us-east-1")];
    sandbox.write("trail.json", file(&records));
    sandbox
}

/// What every command that has the filters says of them.
fn each(sandbox: &Sandbox, filter: &[&str], code: i32) -> Vec<Ended> {
    let granted = ["actors", "--granted-vs-used", "--principal", "ana"];
    let commands = [&["scan"][..], &["keys"], &["events"], &["actors"], &["tags"], &granted];
    let run = |command: &&[&str]| {
        let words = command.iter().chain(&["trail.json"]).chain(filter);
        sandbox.keytrail(words).run().code(code)
    };
    commands.iter().map(run).collect()
}

#[track_caller]
fn all_say(all: &[Ended], text: &str) {
    for ended in all {
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = flat(&ended.stdout) + &flat(&ended.stderr);
        assert!(said.contains(text), "{text:?} is not in {ended:#?}");
    }
}

#[test]
fn an_account_that_is_nowhere_is_a_problem_with_the_nearest_name() {
    let sandbox = sandbox();
    let all = each(&sandbox, &["--account=111122223334"], 3);
    all_say(&all, "in no record and no path; did you mean 111122223333?");
    let far = each(&sandbox, &["--account=999999999999"], 3);
    all_say(&far, "there is 111122223333, 444455556666");
    let report = sandbox.report(3, ["trail.json", "--account=999999999999"]);
    let problem = json!({
        "origin": "--account 999999999999", "stage": "read",
        "message": "in no record and no path; there is 111122223333, 444455556666",
    });
    assert_eq!(report["problems"], json!([problem]));
    assert_eq!(report["run"]["complete"], false);
    each(&sandbox, &["--account=999999999999", "--allow-incomplete"], 0);
}

#[test]
fn a_region_that_is_nowhere_is_a_problem_too() {
    let sandbox = sandbox();
    let all = each(&sandbox, &["--region=eu-wst-1", "--region=us-east-1"], 3);
    all_say(&all, "did you mean eu-west-1?");
}

#[test]
fn a_time_outside_of_all_that_was_read() {
    let sandbox = sandbox();
    let span = "outside of all that was listed: from 2026-05-01T10:00:00Z to 2026-05-01T10:00:00Z";
    let report = |code, word: &str| sandbox.report(code, ["trail.json", word]);
    for word in ["--since=2026-05-01T10:00:01Z", "--until=2026-05-01T10:00:00Z"] {
        assert_eq!(report(3, word)["problems"][0]["message"], span, "{word}");
    }
    for word in ["--since=2026-05-01T10:00:00Z", "--until=2026-05-01T10:00:01Z"] {
        assert_eq!(report(0, word)["problems"], json!([]), "{word}");
    }
    for command in ["keys", "events", "actors"] {
        let words = [command, "trail.json", "--since=2026-05-02"];
        all_say(&[sandbox.keytrail(words).run().code(3)], "outside of all that was listed");
    }
    // Whatever was before tells of tags.
    sandbox.keytrail(["tags", "trail.json", "--since=2026-05-02"]).run().code(0);
}

#[test]
fn what_is_known_and_quiet_is_worth_a_note() {
    let sandbox = sandbox();
    let filter = ["--account=111122223333", "--region=us-east-1"];
    let all = each(&sandbox, &filter, 0);
    all_say(
        &all,
        "note: --account 111122223333: known, and without a record in what was asked for",
    );
    for ended in each(&sandbox, &["--account=111122223333", "--region=us-east-1", "-q"], 0) {
        assert_eq!(ended.stderr, "");
    }
    let late = json!("2026-05-03T10:00:00Z");
    let records = [disable("e-1"), with(disable("e-2"), &[("/eventTime", late)])];
    sandbox.write("trail.json", file(&records));
    let between = ["scan", "trail.json", "--since=2026-05-02", "--until=2026-05-03"];
    let ended = sandbox.keytrail(between).run().code(0);
    ended.says("note: no record lies in the range of time that was asked for");
    for ended in each(&sandbox, &["--account=111122223333"], 0) {
        assert!(!ended.stderr.contains("note:"), "{ended:?}");
    }
}

#[test]
fn a_folder_makes_a_name_known() {
    let sandbox = sandbox();
    let folder = "logs/AWSLogs/777788889999/CloudTrail/eu-central-1/2026/05/01";
    std::fs::create_dir_all(sandbox.path(folder)).unwrap();
    let words = ["scan", "logs", "trail.json", "--account=777788889999", "--region=eu-central-1"];
    let ended = sandbox.keytrail(words).run().code(0);
    ended.says("note: --account 777788889999: known, and without a record in what was asked for");
    let beside = ["scan", "logs", "trail.json", "--region=eu-central-2"];
    all_say(&[sandbox.keytrail(beside).run().code(3)], "did you mean eu-central-1");
}

#[test]
fn filters_of_a_query_are_never_nowhere() {
    let sandbox = sandbox();
    sandbox.keytrail(["events", "trail.json", "--key=alias/nothing"]).run().code(0);
    sandbox.keytrail(["actors", "trail.json", "--principal=nobody"]).run().code(0);
    sandbox.keytrail(["keys", "trail.json", "--key=alias/nothing"]).run().code(0);
}

#[test]
fn a_state_knows_accounts_of_which_nothing_new_came() {
    let sandbox = sandbox();
    let scan = |code, more: &[&str]| {
        let words = ["scan", "trail.json", "--state=state"].iter().chain(more);
        sandbox.keytrail(words).run().code(code)
    };
    scan(0, &[]);
    scan(0, &["--account=111122223333"]);
    all_say(&[scan(3, &["--account=111122223334"])], "did you mean 111122223333?");
    scan(0, &["--since=2026-06-01"]);
}

#[test]
fn a_run_without_records_knows_no_names() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/notes.txt", "");
    let words = ["scan", "logs", "--account=111122223333", "-fjson"];
    let ended = sandbox.keytrail(words).run().code(3);
    assert!(ended.stdout.contains("empty file: expected CloudTrail records"), "{ended:#?}");
    assert!(!ended.stdout.contains("no record and no path"), "{ended:#?}");
    assert_eq!(ended.stderr, "warning: incomplete: 1 problem\n");
}

#[test]
fn a_name_is_nowhere_in_a_trail_without_records() {
    let sandbox = Sandbox::new();
    sandbox.write("trail.json", "{\"Records\":[]}");
    for filter in ["--account=111122223333", "--region=eu-west-1"] {
        all_say(&each(&sandbox, &[filter], 3), "in no record and no path");
    }
    each(&sandbox, &[], 0);
    each(&sandbox, &["--since=2026-05-01"], 0);
    // Its folder is enough.
    let folder = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/05/01";
    sandbox.write(&format!("logs/{folder}/trail.json"), "{\"Records\":[]}");
    sandbox.keytrail(["scan", "logs", "--account=111122223333"]).run().code(0);
}

#[test]
fn a_scan_of_verified_logs_says_what_is_nowhere() {
    let sandbox = Sandbox::new();
    Chain::new().write(&sandbox);
    let scan = |code, filter: &str| {
        let words = ["scan", "bucket", "--verify", "--public-keys=keys.json", filter];
        sandbox.keytrail(words).run().code(code)
    };
    all_say(&[scan(3, "--region=eu-cntral-1")], "did you mean eu-central-1?");
    all_say(&[scan(3, "--account=111122223334")], "did you mean 111122223333?");
    scan(0, "--region=eu-central-1");
}

#[test]
fn verifying_knows_the_names_of_logs() {
    let sandbox = Sandbox::new();
    Chain::new().write(&sandbox);
    let verify = |code, filter: &str| {
        let words = ["verify", "bucket", "--public-keys=keys.json", filter];
        sandbox.keytrail(words).run().code(code)
    };
    // That there is no digest of it is a verdict.
    all_say(&[verify(1, "--account=111122223334")], "did you mean 111122223333?");
    all_say(&[verify(1, "--region=eu-cntral-1")], "did you mean eu-central-1?");
    all_say(&[verify(3, "--since=2026-05-02")], "outside of all that was listed");
}

#[test]
fn a_bucket_knows_accounts_by_their_folders() {
    let server = Server::start(100);
    let key = |account: &str| {
        let name = format!("{account}_CloudTrail_eu-west-1_20260501T1005Z_AbCdEfGh01234567.json");
        format!("AWSLogs/{account}/CloudTrail/eu-west-1/2026/05/01/{name}")
    };
    for account in [KNOWN, "444455556666"] {
        server.put(&key(account), file(&[place("e-1", account, "eu-west-1")]));
    }
    let sandbox = Sandbox::new();
    let scan = |code, filter: &str| {
        let words = ["scan", "s3://example-logs", "-fjson", filter];
        server.keytrail(&sandbox, &words).run().code(code)
    };
    all_say(&[scan(3, "--account=111122223334")], "did you mean 111122223333?");
    scan(0, "--account=111122223333");
    let early = scan(3, "--until=2026-04-01");
    all_say(&[early], "from 2026-05-01T00:00:00Z to 2026-05-01T23:59:59Z");
}
