//! JSON Schemas of our own formats, made from the types that are written, so that neither can drift from
//! the other.
//!
//! What must stay true: members may be added to every object, so no schema closes one; each member is
//! described; and a member that is always there is required.

use std::io::{self, Write};

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Map, Value};

use super::dead_letter::DeadLetter;
use super::ndjson::{Line, LineBody, RunEnd};
use super::{
    actors, events, forecast, granted, json, keys, lint, rules, settings, tags, verify, wire,
};
use crate::model::planned;
use crate::model::problem::Problem;

/// A format of ours.
#[derive(Debug)]
pub struct JsonFormat {
    /// The name by which its schema is asked for.
    pub name: &'static str,
    /// What its `schema` says; nothing of one that has none.
    pub schema: &'static str,
    /// What writes it.
    pub written_by: &'static str,
    /// What it is.
    pub about: &'static str,
    make: fn() -> Schema,
}

/// What writes problems, and how a run ended.
const WITH_PROBLEMS: &str = "keytrail scan|keys|events|actors -f ndjson --problems ndjson";

/// All of them, in the order of the documentation.
pub static FORMATS: &[JsonFormat] = &[
    JsonFormat {
        name: "report",
        schema: wire::SCHEMA,
        written_by: "keytrail scan -f json",
        about: "The report of a scan.",
        make: schema_of::<wire::Document<'static>>,
    },
    JsonFormat {
        name: "finding",
        schema: <wire::Finding<'static> as LineBody>::SCHEMA,
        written_by: "keytrail scan -f ndjson",
        about: "A finding, one a line.",
        make: schema_of::<Line<wire::Finding<'static>>>,
    },
    JsonFormat {
        name: "forecast",
        schema: forecast::SCHEMA,
        written_by: "keytrail scan --dry-run -f json",
        about: "What a scan would read.",
        make: schema_of::<forecast::Document<'static>>,
    },
    JsonFormat {
        name: "keys",
        schema: keys::SCHEMA,
        written_by: "keytrail keys -f json",
        about: "The keys in the logs.",
        make: schema_of::<keys::Document<'static>>,
    },
    JsonFormat {
        name: "key",
        schema: <keys::Key<'static> as LineBody>::SCHEMA,
        written_by: "keytrail keys -f ndjson",
        about: "A key, one a line.",
        make: schema_of::<Line<keys::Key<'static>>>,
    },
    JsonFormat {
        name: "events",
        schema: events::SCHEMA,
        written_by: "keytrail events -f json",
        about: "The events that match.",
        make: schema_of::<events::Document<'static>>,
    },
    JsonFormat {
        name: "event",
        schema: <events::Event<'static> as LineBody>::SCHEMA,
        written_by: "keytrail events -f ndjson",
        about: "An event, one a line.",
        make: schema_of::<Line<events::Event<'static>>>,
    },
    JsonFormat {
        name: "actors",
        schema: actors::SCHEMA,
        written_by: "keytrail actors -f json",
        about: "Who called, with which credential.",
        make: schema_of::<actors::Document<'static>>,
    },
    JsonFormat {
        name: "actor",
        schema: <actors::Row<'static> as LineBody>::SCHEMA,
        written_by: "keytrail actors -f ndjson",
        about: "A caller with one credential, one a line.",
        make: schema_of::<Line<actors::Row<'static>>>,
    },
    JsonFormat {
        name: "granted",
        schema: granted::SCHEMA,
        written_by: "keytrail actors --principal WHO --granted-vs-used -f json",
        about: "What is granted to a principal, against what it used.",
        make: schema_of::<granted::Answer<'static>>,
    },
    JsonFormat {
        name: "problem",
        schema: <&Problem as LineBody>::SCHEMA,
        written_by: WITH_PROBLEMS,
        about: "What could not be read or known, one a line, after the rows.",
        make: schema_of::<Line<&Problem>>,
    },
    JsonFormat {
        name: "dead-letter",
        schema: <DeadLetter<'static> as LineBody>::SCHEMA,
        written_by: "keytrail follow --dead-letter PATH",
        about: "A message that cannot be read, one a line.",
        make: schema_of::<Line<DeadLetter<'static>>>,
    },
    JsonFormat {
        name: "run",
        schema: <RunEnd<()> as LineBody>::SCHEMA,
        written_by: WITH_PROBLEMS,
        about: "How the run ended: the last line.",
        make: schema_of::<Line<RunEnd<Counts>>>,
    },
    JsonFormat {
        name: "tags",
        schema: tags::SCHEMA,
        written_by: "keytrail tags -f json",
        about: "What is known of the tags of keys and resources.",
        make: schema_of::<tags::Document<'static>>,
    },
    JsonFormat {
        name: "verify",
        schema: verify::SCHEMA,
        written_by: "keytrail verify -f json",
        about: "Which logs and digests are what CloudTrail delivered.",
        make: schema_of::<verify::Document<'static>>,
    },
    JsonFormat {
        name: "rules",
        schema: rules::SCHEMA,
        written_by: "keytrail rules list -f json",
        about: "The rules that a scan would evaluate.",
        make: schema_of::<rules::Document<'static>>,
    },
    JsonFormat {
        name: "lint",
        schema: lint::SCHEMA,
        written_by: "keytrail rules lint -f json",
        about: "What is wrong with rules.",
        make: schema_of::<lint::Document<'static>>,
    },
    JsonFormat {
        name: "config",
        schema: settings::SCHEMA,
        written_by: "keytrail config show -f json",
        about: "The settings that hold.",
        make: schema_of::<settings::Document<'static>>,
    },
    JsonFormat {
        name: "plan",
        schema: planned::SCHEMA,
        written_by: "keytrail plan -o OUT",
        about: "The plan of a scan by many machines: OUT/plan.json.",
        make: schema_of::<planned::Planned>,
    },
    JsonFormat {
        name: "record",
        schema: "",
        written_by: "keytrail record, keytrail events --raw",
        about: "A record as the log has it: its members are CloudTrail's.",
        make: schema_of::<Map<String, Value>>,
    },
];

/// The counts of the last line, by command.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is asked for: each command writes counts of its own")]
enum Counts {
    /// Of a scan.
    Scan(Box<wire::Counts<'static>>),
    /// Of keys.
    Keys(keys::Counts),
    /// Of events.
    Events(events::Counts),
    /// Of callers.
    Actors(actors::Counts),
}

impl JsonFormat {
    /// The format of this name, or with this `schema`.
    pub fn named(name: &str) -> Option<&'static JsonFormat> {
        FORMATS
            .iter()
            .find(|format| name == format.name || (name == format.schema && !name.is_empty()))
    }

    /// Its schema, of draft 2020-12.
    pub fn schema(&self) -> Value {
        let mut schema = (self.make)();
        let title = if self.schema.is_empty() { self.name } else { self.schema };
        schema.insert("title".into(), title.into());
        schema.insert("description".into(), self.about.into());
        RecursiveTransform(plain).transform(&mut schema);
        schema.to_value()
    }
}

fn schema_of<T: JsonSchema>() -> Schema {
    // As it is written: a member that may be left out when it is read is there all the same.
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

/// Takes out what is of Rust and not of JSON.
fn plain(schema: &mut Schema) {
    // `uint64` and the like are no formats that others know.
    let of_rust =
        |format: &str| ["uint", "int", "double"].iter().any(|name| format.starts_with(name));
    if schema.get("format").and_then(Value::as_str).is_some_and(of_rust) {
        schema.remove("format");
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        // What follows the first paragraph is for whoever reads the code.
        let first = text.split("\n\n").next().unwrap_or_default();
        *text = first.replace('\n', " ").replace("`None`", "`null`");
    }
}

/// Writes a schema.
///
/// # Errors
/// Those of `out`.
pub fn write(format: &JsonFormat, out: &mut dyn Write) -> io::Result<()> {
    json::write_document(&format.schema(), out)
}
