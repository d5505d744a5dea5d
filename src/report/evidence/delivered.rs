//! What the evidence covers: what was read, what is missing, and what no log can show.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::nights;
use super::pen::{Line, Pen, Span, Verdict, code, name, plain, time, words};
use crate::model::coverage::Covered;
use crate::model::night::{Night, Verdicts};
use crate::model::verified::{DigestVerdict, LogVerdict, Verdict as Judged};
use crate::report::Report;
use crate::report::table::fit::{bytes, count, counted};

/// So many problems, accounts and Regions, and gaps of one are told.
const TOLD: usize = 1_000;

/// What no log of CloudTrail can show, whatever it holds.
const NEVER: [&str; 6] = [
    "Calls that CloudTrail does not record: cryptographic operations inside services with a data key that \
     they hold already, and, unless the trail has them, data events such as reads of objects.",
    "Who stood behind a role's session, beyond its session name and source identity; whether multi-factor \
     authentication took place at an identity provider.",
    "Permissions that nobody used or changed while the log was written: policies that were there before it \
     begins are not in it.",
    "The contents of encrypted data, and copies that were made outside of AWS.",
    "Hardware, key custody and key ceremonies: AWS's own audits attest them (AWS Artifact).",
    "Anything of accounts, Regions and hours that are not listed above.",
];

pub fn write(report: &Report<'_>, pen: &mut dyn Pen) -> io::Result<()> {
    totals(report, pen)?;
    nights::write(report.nights, pen)?;
    expected(report, pen)?;
    places(&report.outcome.covered, pen)?;
    integrity(report, pen)?;
    problems(report, pen)?;
    pen.part("cannot-show", &words("What this cannot show"))?;
    let noted = report.outcome.notes.iter().map(|note| words(note.to_string()));
    pen.list(&noted.chain(NEVER.map(words)).collect::<Vec<Line>>())
}

fn totals(report: &Report<'_>, pen: &mut dyn Pen) -> io::Result<()> {
    let (totals, passed) = (&report.outcome.totals, &report.outcome.passed);
    let read = format!(
        "{} ({}), of which {} no trail logs and {} could not be read in whole or in part",
        counted(totals.blobs, "file"),
        bytes(totals.bytes_read),
        count(totals.blobs_other),
        count(totals.blobs_failed),
    );
    let records = format!(
        "{}, of which {} of KMS; {} unreadable; {} delivered twice and counted once",
        counted(totals.records, "record"),
        count(totals.kms_records),
        count(totals.records_bad),
        count(totals.duplicates),
    );
    let mut facts = vec![("Files", words(read)), ("Records", words(records))];
    if passed.known > 0 {
        let known =
            format!("{} that earlier runs of the state have read", counted(passed.known, "file"));
        facts.push(("Not read again", words(known)));
    }
    if passed.outside + passed.left_alone > 0 {
        let left = format!(
            "{} of days outside of the range; {} of other services or accounts",
            counted(passed.outside, "object"),
            counted(passed.left_alone, "folder"),
        );
        facts.push(("Left out in buckets", words(left)));
    }
    if let Some(tags) = &report.outcome.tags {
        let compared = format!(
            "{} of {} compared by tags; of {} some tag was not known",
            count(tags.compared()),
            counted(tags.uses, "use"),
            count(tags.unknown.values().sum()),
        );
        facts.push(("Uses of keys", words(compared)));
    }
    if !report.nights.is_empty() {
        facts.push((
            "Uses of keys",
            words("What could be compared by tags is in each report, and has no sum here"),
        ));
    }
    pen.facts(&facts)
}

/// Accounts and Regions that should be there, against those that are.
fn expected(report: &Report<'_>, pen: &mut dyn Pen) -> io::Result<()> {
    let (expected, totals) = (&report.run.expected, &report.outcome.totals);
    pen.part("expected", &words("Expected and delivered"))?;
    if expected.accounts.is_empty() && expected.regions.is_empty() {
        return pen.say(&words(
            "The configuration names no accounts and Regions that are expected (accounts.own, \
             regions.expected). Whether others should have delivered is not known.",
        ));
    }
    pen.columns(&["Expected", "Kind", "Delivered"])?;
    for (kind, names, there) in [
        ("account", &expected.accounts, &totals.accounts),
        ("Region", &expected.regions, &totals.regions),
    ] {
        names
            .iter()
            .try_for_each(|one| pen.row(&[name(one), words(kind), vec![delivered(one, there)]]))?;
    }
    pen.end_table()
}

fn delivered(name: &str, there: &BTreeSet<String>) -> Span {
    match there.contains(name) {
        true => Span::Verdict(Verdict::Good, "yes".into()),
        false => Span::Verdict(Verdict::Bad, "no".into()),
    }
}

fn places(covered: &[Covered], pen: &mut dyn Pen) -> io::Result<()> {
    pen.part("hours", &words("Accounts, Regions and hours"))?;
    if covered.is_empty() {
        return pen.say(&words("No account and Region has records in the range."));
    }
    pen.columns(&[
        "Account",
        "Region",
        "From",
        "To",
        "Hours with records",
        "Without",
        "Longest gaps",
        "Records",
        "KMS",
    ])?;
    covered.iter().take(TOLD).try_for_each(|one| pen.row(&place(one)))?;
    pen.end_table()?;
    let more = covered.len().saturating_sub(TOLD) as u64;
    if more > 0 {
        pen.say(&words(format!("{} more; the JSON report has all.", counted(more, "row"))))?;
    }
    pen.say(&words(
        "An hour without records was quiet, or its records are missing: where that is unusual, a \
         finding says so.",
    ))
}

fn place(covered: &Covered) -> [Line; 9] {
    let (from, to) = covered.range.times();
    let mut gaps: Vec<String> = covered
        .gaps
        .iter()
        .take(3)
        .map(|gap| {
            let (from, to) = gap.times();
            format!("{from} to {to}")
        })
        .collect();
    let more = covered.gap_count.saturating_sub(gaps.len() as u64);
    if more > 0 {
        gaps.push(format!("{} more", count(more)));
    }
    let counts = &covered.counts;
    let mut kms =
        format!("{} changes, {} reads", count(counts.kms_writes), count(counts.kms_reads));
    if covered.kms_reads_missing {
        kms.push_str("; the trail seems to leave reads out");
    }
    [
        name(&covered.place.account),
        name(&covered.place.region),
        time(Some(from)),
        time(Some(to)),
        words(count(covered.hours_covered)),
        words(count(covered.hours_missing())),
        words(gaps.join("; ")),
        words(count(counts.records)),
        words(kms),
    ]
}

fn integrity(report: &Report<'_>, pen: &mut dyn Pen) -> io::Result<()> {
    pen.part("integrity", &words("Integrity of the files"))?;
    if !report.nights.is_empty() {
        return of_nights(report.nights, pen);
    }
    let Some(verify) = &report.outcome.verify else {
        return pen.say(&words(
            "Not verified: whether these are the files that CloudTrail delivered was not asked for \
             (--verify --public-keys FILE).",
        ));
    };
    pen.say(&[
        plain("Verified against the public keys whose file has the SHA-256 "),
        code(&verify.anchor.sha256),
        plain(format!(". {} left out, since not verified.", counted(verify.left_out, "file"))),
    ])?;
    pen.columns(&["What", "Verdict", "Number"])?;
    verdicts::<LogVerdict>("log", &verify.verified.logs, pen)?;
    verdicts::<DigestVerdict>("digest", &verify.verified.digests, pen)?;
    pen.end_table()
}

/// The verdicts of a period in sum.
fn of_nights(nights: &[Night], pen: &mut dyn Pen) -> io::Result<()> {
    let mut sum = Verdicts::default();
    let verified = nights.iter().filter_map(|night| night.verified.as_ref());
    let asked = verified.map(|verdicts| sum.add(verdicts)).count() as u64;
    if asked == 0 {
        return pen.say(&words(
            "Not verified: none of the reports tells whether these are the files that CloudTrail \
             delivered (--verify --public-keys FILE).",
        ));
    }
    let all = counted(nights.len() as u64, "report");
    pen.say(&words(format!(
        "The sum of what {} of {all} verified. A file that several of them have read counts in each; \
         the reports name the public keys and what did not verify.",
        count(asked)
    )))?;
    pen.columns(&["What", "Verdict", "Number"])?;
    verdicts::<LogVerdict>("log", &sum.logs, pen)?;
    verdicts::<DigestVerdict>("digest", &sum.digests, pen)?;
    pen.end_table()
}

fn verdicts<V: Judged>(
    what: &str,
    numbers: &BTreeMap<&str, u64>,
    pen: &mut dyn Pen,
) -> io::Result<()> {
    for verdict in V::ALL {
        let number = numbers.get(verdict.as_str()).copied().unwrap_or(0);
        let good = if verdict.as_str() == "verified" { Verdict::Good } else { Verdict::Bad };
        let verdict = match number {
            0 => plain(verdict.as_str()),
            _ => Span::Verdict(good, verdict.as_str().into()),
        };
        pen.row(&[words(what), vec![verdict], words(count(number))])?;
    }
    Ok(())
}

fn problems(report: &Report<'_>, pen: &mut dyn Pen) -> io::Result<()> {
    let problems = &report.outcome.problems;
    pen.part("problems", &words("Problems"))?;
    if problems.is_empty() {
        return pen.say(&words("None."));
    }
    pen.columns(&["Stage", "Where", "What"])?;
    for problem in problems.iter().take(TOLD) {
        pen.row(&[
            words(problem.stage.as_str()),
            name(problem.origin.to_string()),
            words(&problem.message),
        ])?;
    }
    pen.end_table()?;
    match problems.len().saturating_sub(TOLD) as u64 {
        0 => Ok(()),
        more => {
            pen.say(&words(format!("{} more; the JSON report has all.", counted(more, "problem"))))
        }
    }
}
