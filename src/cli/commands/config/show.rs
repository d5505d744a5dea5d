//! `keytrail config show`: the settings that hold, and where each comes from.
//!
//! What must stay true: it settles options as a scan does, so that what it shows is what a scan does.

use std::ffi::OsString;
use std::fs;

use serde_json::{Value, json};

use crate::cli::args::common::{ColorArgs, LevelArgs, RuleArgs};
use crate::cli::args::config::ShowArgs;
use crate::cli::catalogs;
use crate::cli::check::Check;
use crate::cli::commands::scan::load_rules;
use crate::cli::config::key::Shape;
use crate::cli::config::{Config, document, inline, keys};
use crate::cli::deliver::Delivery;
use crate::cli::environment::{self, Given, Origin};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::settings;
use crate::cli::ui::Messages;
use crate::cli::values;
use crate::model::level::Level;
use crate::model::time::Time;
use crate::report::Format;
use crate::report::settings::{From, Setting, write_json, write_table};

/// The options of a scan that have no key, in the order of its help.
const OPTIONS: &[&str] = &[
    "config",
    "since",
    "until",
    "account",
    "region",
    "verify",
    "no-builtin-rules",
    "select",
    "ignore",
    "threads",
    "allow-incomplete",
    "color",
    "progress",
];

/// The forms of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Json,
    Toml,
}

/// Runs the command.
pub fn run(
    args: &ShowArgs,
    color: &ColorArgs,
    given: &Given,
    messages: Messages,
) -> Result<Exit, Vec<Failure>> {
    let mut check = Check::default();
    check.filter(&args.input.range, Time::now());
    if let Some(text) = &args.levels.min_level {
        check.value("--min-level", text, str::parse::<Level>);
    }
    if let Some(text) = &args.levels.fail_on {
        check.value("--fail-on", text, values::level_or_never);
    }
    if let Some((variable, text)) = environment::value("format") {
        check.value(variable, &text.to_string_lossy(), str::parse::<Format>);
    }
    let form = check.value("--format", &args.format, form);
    let run = check.running(color, &args.run);
    let (mut config, wrong) =
        Config::load(args.input.config.config.as_deref(), &args.list.beside(&args.sources));
    config.say(messages);
    check.note(wrong);
    together(&mut check, args, &config);
    let all = effective(&config, given);
    let text = toml(&config, &all);
    check.note(misnamed(args, &mut config));
    let (form, run) = check.end((|| Some((form?, run?)))())?;
    let file = config.path.as_ref().map(|path| path.display().to_string());
    let delivery = Delivery::to_stdout()?;
    let style = delivery.style(run.color, run.is_verbose());
    let delivered = delivery.finish(Exit::Clean, |out| match form {
        Form::Table => write_table(&all, &style, out),
        Form::Json => write_json(file.as_deref(), &all, out),
        Form::Toml => out.write_all(text.as_bytes()),
    })?;
    Ok(delivered.exit)
}

/// Refuses options beside each other that a scan refuses.
fn together(check: &mut Check, args: &ShowArgs, config: &Config) {
    let mut input = args.input.clone();
    if input.verify {
        input.public_keys = config.usual.public_keys(input.public_keys.as_deref());
    }
    let paths = config.usual.rules(&args.rules.paths);
    let rules = RuleArgs { paths, ..args.rules.clone() };
    settings::together(check, &input, &rules, &args.list.beside(&args.sources));
    if environment::value("state").is_some() && input.range.until.is_some() {
        check.usage("--until cannot be used with a state", "leave out one of them");
    }
}

/// Names of no rule, among those of options and of suppressions, and files with rules or tags of options
/// and of the configuration that are not there. What is wrong with a rule is for a command that evaluates it to say.
fn misnamed(args: &ShowArgs, config: &mut Config) -> Vec<Failure> {
    let (rules, tags) = (&args.rules.paths, &args.input.tags);
    let (rules, tags) = (config.usual.rules(rules), config.usual.tags(tags));
    let missing: Vec<String> = rules
        .iter()
        .filter(|path| fs::metadata(path).is_err())
        .map(|path| format!("{}: ", path.display()))
        .collect();
    let wrong = load_rules(&args.rules, config, args.input.verify).err().unwrap_or_default();
    let is_name = |failure: &Failure| match failure {
        Failure::Selector(_) | Failure::Config(_) => true,
        Failure::Rule { message, .. } => missing.iter().any(|path| message.starts_with(path)),
        _ => false,
    };
    let wrong = wrong.into_iter().filter(is_name);
    wrong.chain(catalogs::missing(&tags, Time::now())).collect()
}

fn form(text: &str) -> Result<Form, String> {
    match text {
        "table" => Ok(Form::Table),
        "json" => Ok(Form::Json),
        "toml" => Ok(Form::Toml),
        _ => Err("expected table, json or toml".into()),
    }
}

/// Every setting, in the order of the keys; then the options that have none.
fn effective(config: &Config, given: &Given) -> Vec<Setting> {
    let mut settings = Vec::new();
    let values = config.values();
    for table in keys::TABLES {
        if table.name == "scan" {
            settings.extend(table.keys.iter().map(|key| usual(key.name, config, given)));
            continue;
        }
        for (name, value) in values.iter().filter(|(name, _)| is_of(name, table.name)) {
            match (table.shape, value) {
                (Shape::Named(_) | Shape::Listed, Value::Array(all)) if !all.is_empty() => {
                    let entries = all.iter().enumerate();
                    settings.extend(entries.map(|(at, entry)| {
                        setting(entry_name(table.name, at, entry), entry.clone(), config)
                    }));
                }
                _ => settings.push(setting((*name).to_owned(), value.clone(), config)),
            }
        }
    }
    settings.extend(OPTIONS.iter().map(|option| of_option(option, config, given)));
    settings.extend([("format", json!("table")), ("state", Value::Null)].map(of_scan));
    settings
}

fn is_of(name: &str, table: &str) -> bool {
    name == table || name.strip_prefix(table).is_some_and(|key| key.starts_with('.'))
}

/// `tags.governed.CostCenter`, `suppress[0]`.
fn entry_name(table: &str, at: usize, entry: &Value) -> String {
    match entry.get("name").and_then(Value::as_str) {
        Some(name) => format!("{table}.{name}"),
        None => format!("{table}[{at}]"),
    }
}

/// A setting that the configuration alone makes.
fn setting(name: String, value: Value, config: &Config) -> Setting {
    let from = from_file(&name, config);
    made(name, value, from)
}

fn from_file(name: &str, config: &Config) -> From {
    let place = config.places.get(name).cloned();
    place.map_or(From::Default, |place| From::File { place })
}

fn made(name: String, mut value: Value, from: From) -> Setting {
    let whole = value.clone();
    // It is in the name of the setting.
    value.as_object_mut().map(|entry| entry.remove("name"));
    let text = match &value {
        Value::Null => "not set".to_owned(),
        Value::Array(list) if list.is_empty() => "none".to_owned(),
        value => inline(value),
    };
    Setting { name, value: whole, text, from }
}

/// A key of `[scan]`: what was given for its option, else what the file says, else the default.
fn usual(key: &str, config: &Config, given: &Given) -> Setting {
    let (name, option) = (format!("scan.{key}"), key.replace('_', "-"));
    let is_list = matches!(key, "rules" | "tags");
    if let Some(from) = from_option(&option, given) {
        let value = texts(given.values(&option), is_list);
        return made(name, value, from);
    }
    let paths = |paths: &[std::path::PathBuf]| {
        paths.iter().map(|path| path.to_string_lossy().into_owned()).collect::<Vec<String>>()
    };
    let usual = &config.usual;
    let value = match key {
        "min_level" => json!(usual.min_level.as_deref().unwrap_or(LevelArgs::MIN_LEVEL)),
        "fail_on" => json!(usual.fail_on.as_deref().unwrap_or(LevelArgs::FAIL_ON)),
        "rules" => json!(paths(&usual.rules)),
        "tags" => json!(paths(&usual.tags)),
        _ => json!(usual.public_keys.as_ref().map(|path| path.to_string_lossy())),
    };
    let from = from_file(&name, config);
    made(name, value, from)
}

/// An option without a key.
fn of_option(option: &str, config: &Config, given: &Given) -> Setting {
    let values = given.values(option);
    let is_list = matches!(option, "account" | "region" | "select" | "ignore");
    let value = match (option, config.path.as_ref(), values) {
        ("config", Some(path), []) => json!(path.to_string_lossy()),
        ("verify" | "no-builtin-rules" | "allow-incomplete", _, values) => {
            json!(values.first().is_some_and(|value| value == "true"))
        }
        (_, _, values) => texts(values, is_list),
    };
    let name = format!("--{option}");
    made(name, value, from_option(option, given).unwrap_or(From::Default))
}

/// An option of a scan that this command does not take, or takes for something else.
fn of_scan((option, usual): (&str, Value)) -> Setting {
    let name = format!("--{option}");
    match environment::value(option) {
        Some((variable, value)) => {
            made(name, texts(&[value], false), From::Variable { name: variable })
        }
        None => made(name, usual, From::Default),
    }
}

fn from_option(option: &str, given: &Given) -> Option<From> {
    match given.origin(option) {
        Origin::Typed => Some(From::Option { name: format!("--{option}") }),
        Origin::Variable(name) => Some(From::Variable { name }),
        Origin::Default => None,
    }
}

fn texts(values: &[OsString], is_list: bool) -> Value {
    let mut texts = values.iter().map(|value| value.to_string_lossy().into_owned());
    if is_list { texts.collect() } else { texts.next().map_or(Value::Null, Value::from) }
}

/// A configuration that makes the same settings.
fn toml(config: &Config, settings: &[Setting]) -> String {
    let values = config.values();
    let value = |name: &str| {
        let of_file = values.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
        let of_option = || settings.iter().find(|setting| setting.name == name);
        of_file.or_else(|| of_option().map(|setting| &setting.value)).cloned()
    };
    let remark = |name: &str| {
        let from = settings.iter().find(|setting| setting.name == name);
        from.map_or("default", |setting| setting.from.text()).to_owned()
    };
    document(value, remark)
}
