//! One scan by many machines: `plan`, `facts --plan`, `conclude` and `report --plan`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bucket::Server;
use crate::harness::Sandbox;

/// The trail of the samples in a sandbox, as `logs`.
pub fn with_trail() -> Sandbox {
    let sandbox = Sandbox::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/trail");
    copy(&from, &sandbox.path("logs"));
    sandbox
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// Plans the trail, and gives the numbers of shards and buckets.
pub fn plan(sandbox: &Sandbox) -> (u64, u64) {
    let words = ["plan", "logs", "-o", "out", "--shard-objects=2", "--buckets=2"];
    sandbox.keytrail(words).run().code(0);
    let plan: Value =
        serde_json::from_slice(&fs::read(sandbox.path("out/plan.json")).unwrap()).unwrap();
    (plan["shards"].as_u64().unwrap(), plan["buckets"].as_u64().unwrap())
}

pub fn shard(sandbox: &Sandbox, number: u64, code: i32) -> String {
    let number = number.to_string();
    let words = ["facts", "--plan", "out", "--shard", &number];
    sandbox.keytrail(words).run().code(code).stderr
}

/// A report without what it says of the run itself.
pub fn report(sandbox: &Sandbox, words: &[&str], code: i32) -> Value {
    let words = words.iter().copied().chain(["-f", "json"]);
    let ended = sandbox.keytrail(words).run().code(code);
    let mut report: Value = serde_json::from_str(&ended.stdout).unwrap();
    report.as_object_mut().unwrap().remove("run").unwrap();
    report
}

pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

#[test]
fn many_machines_make_the_report_of_one_scan() {
    let sandbox = with_trail();
    let (shards, buckets) = plan(&sandbox);
    assert!(shards > 3, "{shards}");
    let expected = report(&sandbox, &["scan", "logs"], 0);
    for number in (0..shards).rev().chain([0]) {
        shard(&sandbox, number, 0);
    }
    let parts = files(&sandbox.path("out/facts")).len() as u64;
    assert_eq!((parts, files(&sandbox.path("out/uses")).len() as u64), (shards, shards));
    assert_eq!(report(&sandbox, &["report", "--plan", "out"], 0), expected);
    assert_eq!(report(&sandbox, &["scan", "--facts", "out"], 0), expected);
    for bucket in 0..buckets {
        let bucket = bucket.to_string();
        let words = ["conclude", "--plan", "out", "--bucket", &bucket];
        sandbox.keytrail(words).run().code(0);
    }
    fs::remove_dir_all(sandbox.path("out/facts")).unwrap();
    assert_eq!(report(&sandbox, &["report", "--plan", "out"], 0), expected);
    assert_eq!(files(&sandbox.path("out/decided")).len() as u64, buckets);
    let keys =
        |words: &[&str]| sandbox.keytrail(["keys", "-f", "json"].iter().chain(words)).run().stdout;
    assert_eq!(keys(&["--facts", "out"]), keys(&["logs"]));
}

#[test]
fn a_second_attempt_changes_nothing() {
    let sandbox = with_trail();
    plan(&sandbox);
    shard(&sandbox, 1, 0);
    let of = |files: Vec<PathBuf>| -> Vec<(PathBuf, Vec<u8>)> {
        files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    };
    let before = of(files(&sandbox.path("out")));
    shard(&sandbox, 1, 0);
    assert!(of(files(&sandbox.path("out"))) == before);
}

#[test]
fn what_is_missing_foreign_or_changed_is_refused_by_name() {
    let sandbox = with_trail();
    let (shards, _) = plan(&sandbox);
    let refused = |words: &[&str]| {
        let ended = sandbox.keytrail(words.iter().copied()).run().code(2);
        assert_eq!(ended.stdout, "");
        ended.stderr
    };
    (0..shards).filter(|number| *number != 2).for_each(|number| drop(shard(&sandbox, number, 0)));
    let lacks = refused(&["report", "--plan", "out"]);
    assert!(
        lacks.contains(&format!("the facts of 1 of {shards} shards are missing: 2")),
        "{lacks}"
    );
    let beyond = shard(&sandbox, shards, 2);
    assert!(beyond.contains(&shards.to_string()), "{beyond}");
    shard(&sandbox, 2, 0);
    let rules = refused(&["report", "--plan", "out", "--select", "key-deletion-scheduled"]);
    assert!(rules.contains("was made with other rules"), "{rules}");
    let bucket = refused(&["conclude", "--plan", "out", "--bucket", "2"]);
    assert!(bucket.contains("there is no bucket 2"), "{bucket}");
    let part = |number: u64| {
        let all = files(&sandbox.path("out/facts"));
        let name = format!("{number:06}.part");
        all.into_iter().find(|path| path.file_name() == Some(OsStr::new(&name))).unwrap()
    };
    let (whole, bytes) = (part(1), fs::read(part(1)).unwrap());
    fs::write(&whole, &bytes[..bytes.len() / 2]).unwrap();
    let cut = refused(&["report", "--plan", "out"]);
    assert!(cut.contains("000001.part: it is cut off"), "{cut}");
    // The facts of another plan, under the name of this one's.
    let words = ["plan", "logs", "-o", "other", "--shard-objects=2", "--buckets=2"];
    sandbox.keytrail(words).run().code(0);
    sandbox.keytrail(["facts", "--plan", "other", "--shard", "1"]).run().code(0);
    let foreign = files(&sandbox.path("other/facts")).remove(0);
    fs::copy(foreign, &whole).unwrap();
    let strange = refused(&["report", "--plan", "out"]);
    assert!(strange.contains("000001.part: is of another plan or shard"), "{strange}");
    fs::write(&whole, bytes).unwrap();
    sandbox.keytrail(["report", "--plan", "out"]).run().code(0);
    let plan = sandbox.path("out/plan.json");
    let text = fs::read_to_string(&plan).unwrap();
    fs::write(&plan, text.replacen("\"buckets\": 2", "\"buckets\": 3", 1)).unwrap();
    let changed = refused(&["report", "--plan", "out"]);
    assert!(changed.contains("plan.json"), "{changed}");
}

#[test]
fn an_object_that_was_replaced_is_a_problem_of_every_report() {
    let sandbox = with_trail();
    let (shards, _) = plan(&sandbox);
    let log = files(&sandbox.path("logs")).remove(0);
    let mut bytes = fs::read(&log).unwrap();
    bytes.extend(bytes.clone());
    fs::write(&log, bytes).unwrap();
    let codes: Vec<i32> = (0..shards)
        .map(|number| {
            let number = number.to_string();
            let words = ["facts", "--plan", "out", "--shard", &number];
            sandbox.keytrail(words).run().code.unwrap()
        })
        .collect();
    assert_eq!(codes.iter().filter(|code| **code == 3).count(), 1, "{codes:?}");
    let told = report(&sandbox, &["report", "--plan", "out"], 3);
    let name = log.file_name().unwrap().to_str().unwrap();
    assert!(told["problems"].to_string().contains(name), "{}", told["problems"]);
}

/// The trail of the samples in a bucket, and all of a scan by many machines there.
#[test]
fn a_bucket_has_the_logs_and_the_plan() {
    let server = Server::start(1_000);
    let trail = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/trail");
    for path in files(&trail) {
        let key = path.strip_prefix(&trail).unwrap().to_str().unwrap().to_owned();
        server.put(&key, fs::read(&path).unwrap());
    }
    let sandbox = Sandbox::new();
    let run = |words: &[&str], code: i32| server.keytrail(&sandbox, words).run().code(code).stdout;
    let told = |words: &[&str]| -> Value {
        let words: Vec<&str> = words.iter().copied().chain(["-f", "json"]).collect();
        let mut report: Value = serde_json::from_str(&run(&words, 0)).unwrap();
        report.as_object_mut().unwrap().remove("run").unwrap();
        report
    };
    const OUT: &str = "s3://example-logs/out";
    let expected = told(&["scan", "s3://example-logs"]);
    assert!(expected["findings"].as_array().unwrap().len() > 10);
    run(&["plan", "s3://example-logs", "-o", OUT, "--shard-objects=3"], 0);
    let plan: Value = serde_json::from_slice(&server.get("out/plan.json").unwrap()).unwrap();
    for number in 0..plan["shards"].as_u64().unwrap() {
        let number = number.to_string();
        run(&["facts", "--plan", OUT, "--shard", &number], 0);
        run(&["facts", "--plan", OUT, "--shard", &number], 0);
    }
    assert_eq!(told(&["report", "--plan", OUT]), expected);
    for bucket in 0..plan["buckets"].as_u64().unwrap() {
        run(&["conclude", "--plan", OUT, "--bucket", &bucket.to_string()], 0);
    }
    assert_eq!(told(&["report", "--plan", OUT]), expected);
}

/// What could not be read the first time does not stand in the way of a second attempt.
#[test]
fn a_shard_that_was_read_whole_counts_whatever_was_left_of_it_before() {
    let sandbox = with_trail();
    let expected = report(&sandbox, &["scan", "logs"], 0);
    let (shards, _) = plan(&sandbox);
    let log = files(&sandbox.path("logs")).remove(0);
    let away = sandbox.path("away");
    fs::rename(&log, &away).unwrap();
    let attempt = |number: u64| {
        let number = number.to_string();
        let ended = sandbox.keytrail(["facts", "--plan", "out", "--shard", &number]).run();
        (ended.code.unwrap(), ended.stderr)
    };
    let first: Vec<i32> = (0..shards).map(|number| attempt(number).0).collect();
    let missed = first.iter().position(|code| *code == 3).unwrap() as u64;
    report(&sandbox, &["report", "--plan", "out"], 3);
    // Nothing is put together that a later attempt could not replace.
    let concluded = |bucket: &str| {
        let words = ["conclude", "--plan", "out", "--bucket", bucket];
        sandbox.keytrail(words).run().code.unwrap()
    };
    assert_eq!(concluded("0") + concluded("1"), 3);
    assert_eq!(files(&sandbox.path("out/uses")).len() as u64, shards - 1);
    fs::rename(&away, &log).unwrap();
    assert_eq!(attempt(missed).0, 0);
    assert_eq!(concluded("0") + concluded("1"), 0);
    assert_eq!(report(&sandbox, &["report", "--plan", "out"], 0), expected);
    assert_eq!(files(&sandbox.path("out/uses")).len() as u64, shards);
    let (code, told) = attempt(missed);
    assert!(code == 0 && told.contains("were there before, and stay as they are"), "{told}");
    let missed = missed.to_string();
    let other = ["facts", "--plan", "out", "--shard", &missed, "--select", "key-disabled"];
    let told = sandbox.keytrail(other).run().code(2).stderr;
    assert!(told.contains(".part: was made with other rules"), "{told}");
}

/// What could not be listed counts in the report of a plan as it does in that of a scan.
#[cfg(unix)]
#[test]
fn what_could_not_be_listed_is_told_as_a_scan_tells_it() {
    let sandbox = with_trail();
    std::os::unix::fs::symlink("nowhere", sandbox.path("logs/dangling")).unwrap();
    fs::create_dir_all(sandbox.path("logs/AWSLogs/555566667777/CloudTrail/eu-west-1")).unwrap();
    let expected = report(&sandbox, &["scan", "logs"], 3);
    let words = ["plan", "logs", "-o", "out", "--shard-objects=2", "--buckets=2"];
    sandbox.keytrail(words).run().code(3);
    let plan: Value =
        serde_json::from_slice(&fs::read(sandbox.path("out/plan.json")).unwrap()).unwrap();
    (0..plan["shards"].as_u64().unwrap()).for_each(|number| drop(shard(&sandbox, number, 0)));
    assert_eq!(report(&sandbox, &["report", "--plan", "out"], 3), expected);
    assert_eq!(plan["listed"]["accounts"].to_string().matches("555566667777").count(), 1);
}

#[test]
fn a_plan_of_nothing_makes_the_report_of_nothing() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("logs/AWSLogs")).unwrap();
    let expected = report(&sandbox, &["scan", "logs"], 3);
    let told = sandbox.keytrail(["plan", "logs", "-o", "out"]).run().code(3).stderr;
    assert!(told.contains("the plan has no shards"), "{told}");
    assert_eq!(report(&sandbox, &["report", "--plan", "out"], 3), expected);
}

#[test]
fn a_file_under_another_name_is_no_other_shard() {
    let sandbox = with_trail();
    let (shards, _) = plan(&sandbox);
    (0..shards).for_each(|number| drop(shard(&sandbox, number, 0)));
    let all = files(&sandbox.path("out/facts"));
    let (one, two) = (&all[0], &all[1]);
    let bytes = fs::read(two).unwrap();
    fs::remove_file(two).unwrap();
    for name in ["999999.part", "other.part", "000001.part.bak"] {
        fs::copy(one, one.with_file_name(name)).unwrap();
    }
    let refused = || sandbox.keytrail(["report", "--plan", "out"]).run().code(2).stderr;
    assert!(refused().contains("the facts of 1 of"), "{}", refused());
    fs::copy(one, two).unwrap();
    assert!(refused().contains("is of another plan or shard than its name says"), "{}", refused());
    fs::write(two, bytes).unwrap();
    sandbox.keytrail(["report", "--plan", "out"]).run().code(0);
}

/// A keytrail.toml among the logs may be anybody's.
#[test]
fn a_configuration_that_lies_in_the_logs_is_passed_over_by_every_step() {
    let sandbox = with_trail();
    let suppress = "[[suppress]]\nrule = \"key-deletion-scheduled\"\nreason = \"none\"\n";
    sandbox.write("keytrail.toml", suppress);
    let expected = report(&sandbox, &["scan", "."], 0);
    assert!(expected["findings"].to_string().contains("key-deletion-scheduled"));
    sandbox.keytrail(["plan", ".", "-o", "out", "--shard-objects=100"]).run().code(0);
    let plan: Value =
        serde_json::from_slice(&fs::read(sandbox.path("out/plan.json")).unwrap()).unwrap();
    for number in 0..plan["shards"].as_u64().unwrap() {
        let told = shard(&sandbox, number, 0);
        assert!(told.contains("lies in a source"), "{told}");
    }
    assert_eq!(report(&sandbox, &["report", "--plan", "out"], 0), expected);
    assert_eq!(report(&sandbox, &["scan", "--facts", "out"], 0), expected);
}

#[test]
fn what_does_not_go_with_facts_or_nights_is_refused() {
    let sandbox = with_trail();
    plan(&sandbox);
    sandbox.keytrail(["facts", "logs", "-o", "facts"]).run().code(0);
    sandbox.keytrail(["scan", "logs", "-f", "json", "-o", "a.json"]).run().code(0);
    sandbox.write("list", "logs\n").write("keys", "");
    let log = files(&sandbox.path("logs")).remove(0);
    let log = log.strip_prefix(sandbox.path("")).unwrap().to_str().unwrap().to_owned();
    let (facts, shard) = (["scan", "--facts", "facts"], ["facts", "--plan", "out", "--shard", "0"]);
    let night = ["report", "a.json"];
    // Without what is added each of them is done.
    for (words, more, why) in [
        (&facts[..], &["-o", &log][..], "is a file in one of the sources"),
        (&facts, &["--since", "1d"], "cannot be used with"),
        (&facts, &["--each"], "cannot be used with"),
        (&facts, &["--verify", "--public-keys", "keys"], "facts cannot be verified"),
        (&facts, &["logs"], "cannot be used with"),
        (&shard, &["--files-from", "list"], "cannot be used with"),
        (&shard, &["-o", "x"], "cannot be used with"),
        (&night, &["--threads", "3"], "are for a report of a plan"),
        (&night, &["--profile", "x"], "are for a report of a plan"),
        (&night, &["--plan", "out"], "cannot be used with"),
        (&["plan", "logs", "-o"], &["."], "lie in the folder of the plan"),
        (&["plan", "logs", "-o"], &["logs"], "lie in the folder of the plan"),
    ] {
        let ended = sandbox.keytrail(words.iter().chain(more)).run().code(2);
        assert!(
            ended.stdout.is_empty() && ended.stderr.contains(why),
            "{more:?}: {}",
            ended.stderr
        );
    }
    sandbox.keytrail(facts).run().code(0);
    sandbox.keytrail(shard).run().code(0);
    sandbox.keytrail(night).run().code(0);
}
