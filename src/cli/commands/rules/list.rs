//! `keytrail rules list`: the rules that a scan with the same options would evaluate.
//!
//! With `--control` only those that help to audit some controls. What must stay true: a control that
//! no log can show is said to be one, so that an empty list is not taken for a gap in the rules.

use std::collections::BTreeSet;

use super::args::ListArgs;
use super::{Done, form, in_memory};
use crate::cli::check::Verbosity;
use crate::cli::commands::scan::load_rules;
use crate::cli::commands::skipped;
use crate::cli::config::Config;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::ui::{Messages, plural};
use crate::cli::values::Form;
use crate::detect::RuleSet;
use crate::detect::controls::{asked, frameworks};
use crate::model::control::{ControlName, Evidence};
use crate::model::rule_meta::RuleMeta;
use crate::report::Style;
use crate::report::rules::{self, Answers};
use crate::source::Sources;

/// Runs the command.
pub fn run(args: &ListArgs, style: Style, messages: Messages) -> Done {
    let mut failures = Vec::new();
    let (mut config, wrong) = Config::load(args.config.config.as_deref(), &Sources::default());
    if args.rules.no_builtin_rules && config.usual.rules(&args.rules.paths).is_empty() {
        let hint = "give --rules with --no-builtin-rules";
        failures.push(Failure::Usage { message: "no rules to list".into(), hint });
    }
    failures.extend(wrong);
    let form = form(&args.format).map_err(|failure| failures.push(failure));
    let loaded =
        load_rules(&args.rules, &mut config, false).map_err(|wrong| failures.extend(wrong));
    let answers = loaded.as_ref().map(|loaded| answers(&args.controls, &loaded.rules));
    let answers = answers.unwrap_or(Ok(Answers::Statements));
    let answers = answers.map_err(|wrong| failures.extend(wrong));
    let (Ok(form), Ok(loaded), Ok(answers), true) = (form, loaded, answers, failures.is_empty())
    else {
        return Err(failures);
    };
    skipped::say(&loaded.skipped, Verbosity::Normal, messages);
    loaded.problems.iter().for_each(|problem| messages.warning(problem));
    loaded.replaced.iter().for_each(|rule| messages.note(format!("rule replaced: {rule}")));
    let mut sorted = rules::sorted(loaded.rules.reported());
    if let Answers::Controls(controls) = &answers {
        sorted.retain(|rule| rule.controls.iter().any(|name| controls.contains(name)));
        say_unanswered(controls, &sorted, messages);
    }
    let output = in_memory(|out| match form {
        Form::Table => rules::write_table(&sorted, &answers, &style, out),
        Form::Json => rules::write_json(&sorted, out),
    })?;
    Ok((output, Exit::Clean))
}

/// What the table lists beside each rule.
fn answers(typed: &[String], rules: &RuleSet) -> Result<Answers, Vec<Failure>> {
    if typed.is_empty() {
        return Ok(Answers::Statements);
    }
    let asked = asked::controls(typed, rules.reported());
    let refused = |(value, reason)| Failure::Value { option: "--control", value, reason };
    asked.map(Answers::Controls).map_err(|wrong| wrong.into_iter().map(refused).collect())
}

/// Says which of the controls asked for no log can show, and how many others no rule of the list
/// names.
fn say_unanswered(asked: &BTreeSet<ControlName>, rules: &[&RuleMeta], messages: Messages) {
    for framework in frameworks() {
        for control in &framework.controls {
            let name = framework.name_of(control);
            if let Evidence::NotTestable(why) = &control.evidence
                && asked.contains(&name)
            {
                messages.note(format!("no log can show {name}: {why}"));
            }
        }
    }
    let is_testable = |name: &&ControlName| {
        name.find(frameworks()).is_none_or(|(_, control)| control.is_testable())
    };
    let answered: BTreeSet<&ControlName> = rules.iter().flat_map(|rule| &rule.controls).collect();
    let open = asked.iter().filter(is_testable).filter(|name| !answered.contains(name));
    match open.count() as u64 {
        0 => {}
        open => messages.note(format!("no rule of the list names {}", plural(open, "control"))),
    }
}
