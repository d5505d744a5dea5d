//! What was asked for, by which program, under which settings.

use std::io;

use super::pen::{Line, Pen, code, name, plain, time, words};
use crate::model::night::Limits;
use crate::model::time::Time;
use crate::report::{Report, Run};

pub fn write(report: &Report<'_>, pen: &mut dyn Pen) -> io::Result<()> {
    let (run, outcome) = (report.run, report.outcome);
    let mut facts: Vec<(&str, Line)> = vec![
        ("Sources", listed(&run.sources)),
        ("Reported from", run.since.map_or_else(|| words("the first record"), |at| time(Some(at)))),
        ("Reported until", run.until.map_or_else(|| words("the last record"), |at| time(Some(at)))),
        ("Begun", time(Some(run.started))),
        ("Ended", time(Some(run.finished))),
    ];
    facts.extend(
        report
            .limits
            .filter(|limits| limits.narrow)
            .map(|limits| ("Only in some reports", narrow(limits))),
    );
    if let Some(host) = &run.host {
        facts.push(("Host", name(host)));
    }
    facts.push(("Program", words(format!("keytrail {}", env!("CARGO_PKG_VERSION")))));
    facts.extend(run.program.iter().map(|digest| ("Program file", name(digest))));
    facts.push(("Command", name(command(&run.command))));
    facts.push(("Rules", rules(run)));
    facts.push(("Digest of the rules", name(&run.rules_digest)));
    facts.extend(run.config_file.iter().map(|file| ("Configuration file", name(file))));
    facts.push(("Digest of the settings", name(&run.config_digest)));
    facts.push(("Digest of the input", name(&outcome.manifest)));
    if let Some(baseline) = &run.baseline {
        let known = vec![code(&baseline.path), plain(" "), code(&baseline.sha256)];
        facts.push(("Compared with", known));
    }
    if let Some(state) = &run.state {
        let runs = format!(", run {} of this state", state.runs.saturating_add(1));
        facts.push(("State", vec![code(&state.path), plain(runs)]));
    }
    pen.facts(&facts)?;
    pen.part("settings", &words("Settings in force"))?;
    pen.say(&words(
        "Everything beside the rules that decides what is reported: options, environment and \
         configuration file. The digest of the settings is the SHA-256 of these lines; a line of more than 1,000 \
         characters is cut here.",
    ))?;
    pen.list(&run.settings.iter().map(name).collect::<Vec<_>>())
}

fn listed(texts: &[String]) -> Line {
    let spans = texts.iter().enumerate().flat_map(|(at, text)| {
        let comma = (at > 0).then(|| plain(", "));
        comma.into_iter().chain([code(text)])
    });
    spans.collect()
}

/// The parts of the log that reports of a period were asked for.
fn narrow(limits: &Limits) -> Line {
    let at = |at: Option<Time>, none: &str| at.map_or_else(|| none.to_owned(), |at| at.to_string());
    let range = |(since, until): &(Option<Time>, Option<Time>)| {
        format!("{} to {}", at(*since, "the first record"), at(*until, "the last record"))
    };
    listed(
        &limits.ranges.iter().map(range).chain(limits.filters.iter().cloned()).collect::<Vec<_>>(),
    )
}

/// The words of a command line, in quotes where a shell would need them.
fn command(said: &[String]) -> String {
    let bare = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
    let quoted = |word: &String| match !word.is_empty() && word.chars().all(bare) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    };
    said.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn rules(run: &Run) -> Line {
    let each = if run.each { "; one finding an event" } else { "" };
    words(format!(
        "{} evaluated; findings from {} up are listed{each}",
        run.rules_enabled, run.min_level
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_given_to_a_shell_again() {
        let words = ["keytrail", "scan", "a b", "it's", "", "s3://b/p", "--where=x>1"];
        let expected = "keytrail scan 'a b' 'it'\\''s' '' s3://b/p '--where=x>1'";
        assert_eq!(command(&words.map(String::from)), expected);
    }
}
