//! What docs/scale.md hands out for many machines: the shell script of a job, the templates, the Spark
//! program. The templates and the program are tried where their tools are installed.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::harness::{self, Sandbox};

fn in_docs(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(path)
}

/// Runs a job with a keytrail that says what it was asked and ends with a code.
fn job(code: u8, variables: &[(&str, &str)], words: &[&str]) -> (Option<i32>, Vec<String>) {
    let sandbox = Sandbox::new();
    sandbox.write("keytrail", format!("#!/bin/sh\necho \"$@\"\nexit {code}\n"));
    let program = sandbox.path("keytrail");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new("sh");
    command.arg(in_docs("scale/step.sh")).args(words).env_clear();
    command.env("PATH", format!("{}:{path}", sandbox.path("").display()));
    command.env("PLAN", "out").envs(variables.iter().copied());
    let ended = command.output().unwrap();
    let asked = String::from_utf8(ended.stdout).unwrap();
    (ended.status.code(), asked.lines().map(str::to_owned).collect())
}

#[test]
fn a_job_fails_only_where_another_attempt_or_a_person_helps() {
    for (code, told) in [(0, 0), (1, 0), (2, 2), (3, 0), (101, 101), (137, 137)] {
        let (ended, asked) = job(code, &[("COUNT", "3")], &["conclude", "-q"]);
        assert_eq!(ended, Some(told), "{code}");
        assert_eq!(asked, ["conclude --plan out --bucket 0 -q"]);
        let (ended, _) = job(code, &[], &["plan", "logs"]);
        assert_eq!(ended, Some(told), "{code}");
    }
    assert_eq!(job(0, &[], &["scan"]), (Some(2), vec![]));
}

#[test]
fn a_job_takes_the_shards_of_its_index() {
    let shards = |first: &str, index: &str, code: u8| {
        let variables =
            [("COUNT", "7"), ("PER", "3"), ("FIRST", first), ("AWS_BATCH_JOB_ARRAY_INDEX", index)];
        let (_, asked) = job(code, &variables, &["facts"]);
        let number = |line: &String| line.rsplit(' ').next().unwrap().to_owned();
        asked.iter().map(number).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(shards("0", "0", 0), "0 1 2");
    assert_eq!(shards("0", "1", 3), "3 4 5");
    assert_eq!(shards("0", "2", 0), "6");
    assert_eq!(shards("0", "3", 0), "");
    assert_eq!(shards("5", "0", 0), "5 6");
    // What cannot be performed keeps no other shard from being read; what was killed is tried again.
    assert_eq!(shards("0", "0", 2), "0 1 2");
    assert_eq!(shards("0", "0", 137), "0");
}

/// What a tool says, or nothing where it is not installed.
fn asked(command: &mut Command) -> Option<Output> {
    match command.output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("{error}"),
    }
}

/// cfn-lint is no part of the build: where it is not installed there is nothing to ask.
#[test]
fn the_templates_are_valid_where_cfn_lint_is_installed() {
    let lint = std::env::var_os("CFN_LINT").unwrap_or_else(|| "cfn-lint".into());
    let templates = ["scale/batch.yaml", "scale/step-functions.yaml"].map(in_docs);
    let Some(said) = asked(Command::new(lint).args(templates)) else {
        println!("skipped: cfn-lint is not installed");
        return;
    };
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
}

/// Spark is no part of the build either; `PYSPARK_PYTHON` names the Python that has it.
#[test]
fn the_spark_program_reports_what_a_scan_does_where_pyspark_is_installed() {
    const SKIPPED: i32 = 77;
    let python = std::env::var_os("PYSPARK_PYTHON").unwrap_or_else(|| "python3".into());
    let test = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spark/run");
    let mut command = Command::new(python);
    let Some(ended) = asked(command.arg(test).env("KEYTRAIL_BIN", harness::program())) else {
        println!("skipped: Python is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&ended.stdout);
    println!("{said}");
    let error = String::from_utf8_lossy(&ended.stderr);
    assert!(matches!(ended.status.code(), Some(0 | SKIPPED)), "{said}{error}");
}
