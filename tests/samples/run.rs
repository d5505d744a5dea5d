//! Runs the binary and takes its report apart.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::committed::root;

/// What a scan came to.
pub struct Scan {
    /// The exit status; -1 when a signal ended it.
    pub exit: i32,
    /// The report.
    pub report: Value,
    /// What it told the user.
    pub stderr: String,
}

/// `keytrail scan` of these sources, everything listed. Paths are relative to the package.
///
/// # Errors
/// When the report on standard output is no JSON.
pub fn scan<S: AsRef<OsStr>>(sources: &[S]) -> Result<Scan, String> {
    run(sources, Stdio::null())
}

/// `keytrail scan -` of a file's bytes.
///
/// # Errors
/// When the report on standard output is no JSON.
pub fn scan_stdin(path: &Path) -> Result<Scan, String> {
    // A pipe and no file: a file on standard input could be mapped or sought in.
    let mut cat = Command::new("cat")
        .arg(path)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cat: {error}"))?;
    let pipe = cat.stdout.take().expect("piped");
    let result = run(&["-"], Stdio::from(pipe));
    cat.wait().map_err(|error| format!("cat: {error}"))?;
    result
}

fn run<S: AsRef<OsStr>>(sources: &[S], stdin: Stdio) -> Result<Scan, String> {
    let mut keytrail = Command::new(env!("CARGO_BIN_EXE_keytrail"));
    // Variables stand for options, and whoever runs the tests may have set some.
    let variables = std::env::vars_os().map(|(name, _)| name);
    let ours = variables.filter(|name| name.to_string_lossy().starts_with("KEYTRAIL_"));
    ours.for_each(|name| {
        keytrail.env_remove(name);
    });
    let output = keytrail
        .args(["scan", "--format", "json", "--min-level", "informational"])
        .args(sources)
        .current_dir(root())
        .stdin(stdin)
        .output()
        .map_err(|error| format!("the binary does not start: {error}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let exit = output.status.code().unwrap_or(-1);
    let report = serde_json::from_slice(&output.stdout).map_err(|error| {
        format!(
            "exit {exit}, {} bytes that are no report ({error}); said: {stderr}",
            output.stdout.len()
        )
    })?;
    Ok(Scan { exit, report, stderr })
}

/// What tells findings apart here: rule, level, attempt.
pub type Kind = (String, String, bool);

impl Scan {
    /// A member of `totals`.
    pub fn total(&self, name: &str) -> Option<u64> {
        self.report["totals"][name].as_u64()
    }

    /// Stage and message of every problem.
    pub fn problems(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        list(&self.report["problems"])
            .map(|problem| (text(&problem["stage"]), text(&problem["message"])))
            .collect()
    }

    /// Events by rule, level and attempt, over all groups.
    pub fn findings(&self) -> BTreeMap<Kind, u64> {
        let mut sums = BTreeMap::new();
        for finding in list(&self.report["findings"]) {
            let text = |name: &str| finding[name].as_str().unwrap_or("").to_owned();
            let attempt = finding["attempt"].as_bool().unwrap_or(false);
            *sums.entry((text("rule"), text("level"), attempt)).or_default() +=
                finding["count"].as_u64().unwrap_or(0);
        }
        sums
    }

    /// Events by rule, over all groups.
    pub fn rules(&self) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for ((rule, _, _), count) in self.findings() {
            *sums.entry(rule).or_default() += count;
        }
        sums
    }

    /// Findings and totals without the name of the blob: what must not depend on it.
    pub fn nameless(&self) -> Value {
        let mut findings = self.report["findings"].clone();
        for finding in findings.as_array_mut().into_iter().flatten() {
            for event in finding["events"].as_array_mut().into_iter().flatten() {
                let origin = event["origin"].as_str().unwrap_or("").to_owned();
                event["origin"] = origin.rsplit('#').next().unwrap_or("").into();
            }
        }
        serde_json::json!({"findings": findings, "totals": self.report["totals"]})
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
