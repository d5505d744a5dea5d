//! The tables of `docs/json.md` are made from the schemas; `UPDATE_DOCS=1 cargo test` rewrites them.
//!
//! A table has a row for each member, whatever its depth. What stands in several places, such as who
//! called, has a table of its own, and what is a line of NDJSON too is described there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use keytrail::report::schema::{FORMATS, JsonFormat};
use serde_json::{Map, Value};

/// From so many members on, an object that stands in several places has a table of its own.
const LARGE: usize = 4;

const HEAD: &str = "| member | type | null | meaning |\n| --- | --- | --- | --- |\n";

/// A schema with everything in its place that it refers to. `definition` is what was referred to,
/// `nullable` whether it may be `null`.
fn expanded(schema: &Value, definitions: &Map<String, Value>) -> Value {
    let own = match schema {
        Value::Object(own) => own,
        Value::Array(all) => return all.iter().map(|one| expanded(one, definitions)).collect(),
        other => return other.clone(),
    };
    let mut whole = own.clone();
    whole.remove("$defs");
    let is_null = |one: &Value| one["type"] == "null";
    let forms = own.get("anyOf").and_then(Value::as_array);
    if let Some(all) = forms.filter(|all| all.iter().any(is_null)) {
        whole.remove("anyOf");
        whole.insert("nullable".into(), true.into());
        let other = all.iter().find(|one| !is_null(one)).and_then(Value::as_object);
        whole.extend(other.unwrap().clone());
    }
    if let Some(Value::String(name)) = whole.remove("$ref") {
        let definition = &definitions[name.rsplit('/').next().unwrap()];
        for (name, value) in definition.as_object().unwrap() {
            whole.entry(name).or_insert_with(|| value.clone());
        }
        whole.insert("definition".into(), definition.to_string().into());
        whole.insert("name".into(), name.rsplit('/').next().into());
    }
    whole.into_iter().map(|(name, value)| (name, expanded(&value, definitions))).collect()
}

fn whole(format: &JsonFormat) -> Value {
    let schema = format.schema();
    let none = Map::new();
    expanded(&schema, schema["$defs"].as_object().unwrap_or(&none))
}

/// A member of an object.
struct Member<'a> {
    name: &'a String,
    schema: &'a Value,
    /// Whether it is always there,
    always: bool,
    /// and what is below it too.
    below_always: bool,
    /// Whether only some forms of the object have it, or each has one of its own.
    of_form: bool,
}

/// The members of an object in the order in which they are written. Those that only some of its forms
/// have are not always there.
fn members(schema: &Value) -> Vec<Member<'_>> {
    let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
    let place = |name: &str| required.iter().position(|one| one == name);
    let own = schema["properties"].as_object().into_iter().flatten();
    let mut all: Vec<Member<'_>> = own
        .map(|(name, schema)| {
            let always = place(name).is_some();
            Member { name, schema, always, below_always: always, of_form: false }
        })
        .collect();
    all.sort_by_key(|member| place(member.name).unwrap_or(usize::MAX));
    let forms: Vec<Vec<Member<'_>>> = forms(schema).map(members).collect();
    let has = |form: &Vec<Member<'_>>, name| form.iter().any(|one| one.name == name && one.always);
    for Member { name, schema, .. } in forms.iter().flatten() {
        let always = forms.iter().all(|form| has(form, *name));
        all.push(Member { name, schema, always, below_always: false, of_form: true });
    }
    all
}

/// Forms of something of which each document has one.
fn forms(schema: &Value) -> impl Iterator<Item = &Value> {
    ["oneOf", "anyOf"].iter().filter_map(|name| schema[*name].as_array()).flatten()
}

/// The texts that a schema allows, if it names them.
fn words(schema: &Value) -> Vec<&str> {
    let named = schema["enum"].as_array().into_iter().flatten().chain([&schema["const"]]);
    let mut all: Vec<&str> = named.filter_map(Value::as_str).collect();
    for word in forms(schema).flat_map(words) {
        if !all.contains(&word) {
            all.push(word);
        }
    }
    all
}

/// Objects that have a table of their own, and the link to it.
type Links = BTreeMap<String, String>;

/// A row of a table.
struct Row {
    path: String,
    kind: String,
    null: &'static str,
    about: String,
}

/// Adds a row. What several forms of an object have under one name is one row.
fn put(row: Row, all: &mut Vec<Row>) {
    let Some(known) = all.iter_mut().find(|known| known.path == row.path) else {
        return all.push(row);
    };
    if known.kind != row.kind {
        known.kind = format!("{}, {}", known.kind, row.kind);
    }
    if !known.about.contains(&row.about) {
        known.about = format!("{} Or: {}", known.about, row.about);
    }
}

/// Adds a row for each member of an object, and below it for its members.
fn rows(object: &Value, path: &str, always: bool, links: &Links, all: &mut Vec<Row>) {
    let none = Links::new();
    for Member { name, schema, always: here, below_always, of_form } in members(object) {
        let path = format!("{path}{name}");
        // What only some forms have is told at once, so that they can be compared.
        let links = if of_form { &none } else { links };
        let (kind, below) = kind(schema, &path, links);
        let nullable = schema["nullable"] == true || has_type(schema, "null");
        let null = match (always && here, nullable) {
            (true, true) => "null",
            (true, false) => "",
            (false, true) => "null, or not there",
            (false, false) => "or not there",
        };
        let about = schema["description"].as_str().unwrap_or("Which of these it is.");
        let about = about.replace('|', "\\|");
        put(Row { path, kind, null, about }, all);
        if let Some((below, path)) = below {
            rows(below, &path, always && below_always, links, all);
        }
    }
}

fn has_type(schema: &Value, name: &str) -> bool {
    let all =
        schema["type"].as_array().map_or(std::slice::from_ref(&schema["type"]), Vec::as_slice);
    all.iter().any(|one| one == name)
}

/// The type of a member in words; and the object below it, with the path of its members.
fn kind<'a>(schema: &'a Value, path: &str, links: &Links) -> (String, Option<(&'a Value, String)>) {
    if let Some(link) = schema["definition"].as_str().and_then(|text| links.get(text)) {
        return (link.clone(), None);
    }
    if !members(schema).is_empty() {
        return ("object".into(), Some((schema, format!("{path}."))));
    }
    let words: Vec<String> = words(schema).iter().map(|word| format!("`{word}`")).collect();
    if !words.is_empty() {
        return (words.join(", "), None);
    }
    let several = |inner: &'a Value, many: &str, mark: &str| {
        let (kind, below) = kind(inner, &format!("{path}{mark}"), links);
        (format!("{many} {kind}"), below)
    };
    if has_type(schema, "array") {
        return several(&schema["items"], "list:", "[]");
    }
    if has_type(schema, "object") && schema["additionalProperties"].is_object() {
        return several(&schema["additionalProperties"], "by name:", ".*");
    }
    let known = ["string", "integer", "number", "boolean", "object"];
    let text = match (schema["format"].as_str(), known.iter().find(|one| has_type(schema, one))) {
        (Some("date-time"), _) => "time",
        (Some("date"), _) => "day",
        (_, Some(&"string")) => "text",
        (_, Some(&("integer" | "number"))) => "number",
        (_, Some(&"boolean")) => "`true`, `false`",
        (_, Some(_)) => "object",
        (_, None) => "any",
    };
    (text.into(), None)
}

/// Every object that is referred to: how often, by its definition. Nothing is looked for
/// below what is described elsewhere, and in forms of which each is told at once.
fn referred<'a>(
    schema: &'a Value,
    links: &Links,
    found: &mut BTreeMap<&'a str, (usize, &'a Value)>,
) {
    match schema {
        Value::Object(all) => {
            if let Some(definition) = schema["definition"].as_str() {
                found.entry(definition).or_insert((0, schema)).0 += 1;
                if links.contains_key(definition) {
                    return;
                }
            }
            let others =
                all.iter().filter(|(name, _)| !["oneOf", "anyOf"].contains(&name.as_str()));
            others.for_each(|(_, value)| referred(value, links, found));
        }
        Value::Array(all) => all.iter().for_each(|value| referred(value, links, found)),
        _ => {}
    }
}

/// The names of the members, without the name of the form.
fn names(schema: &Value) -> Vec<&String> {
    members(schema).into_iter().map(|member| member.name).filter(|name| *name != "schema").collect()
}

fn table(object: &Value, links: &Links, page: &mut String) {
    let mut all = Vec::new();
    rows(object, "", true, links, &mut all);
    *page += HEAD;
    for Row { path, kind, null, about } in all {
        writeln!(page, "| `{path}` | {kind} | {null} | {about} |").unwrap();
    }
}

fn page() -> String {
    let schemas: Vec<Value> = FORMATS.iter().map(whole).collect();
    let find = |links: &Links| {
        let mut found = BTreeMap::new();
        schemas.iter().for_each(|schema| referred(schema, links, &mut found));
        found
    };
    let mut links = Links::new();
    for (definition, (_, object)) in find(&links) {
        let same = |(_, schema): &(_, &Value)| {
            members(object).len() >= 3 && names(schema) == names(object)
        };
        if let Some((JsonFormat { name, .. }, _)) = FORMATS.iter().zip(&schemas).find(same) {
            links.insert(definition.into(), format!("[{name}](#{name}), without `schema`"));
        }
    }
    let mut parts = BTreeMap::new();
    for (definition, (count, object)) in find(&links) {
        if count > 1 && members(object).len() >= LARGE && !links.contains_key(definition) {
            let name = object["name"].as_str().unwrap();
            let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
            links.insert(definition.into(), format!("[{name}](#part-{})", name.to_lowercase()));
            assert!(parts.insert(name, object).is_none(), "two parts of the name {name}");
        }
    }
    let mut page = String::new();
    for (JsonFormat { name, schema, written_by, about, .. }, whole) in FORMATS.iter().zip(&schemas)
    {
        let schema = if schema.is_empty() { String::new() } else { format!("`{schema}`. ") };
        write!(page, "\n### {name}\n\n{schema}{about} Written by `{written_by}`.\n\n").unwrap();
        if !members(whole).is_empty() {
            table(whole, &links, &mut page);
        }
    }
    for (name, object) in parts {
        write!(page, "\n### Part: {name}\n\n").unwrap();
        table(object, &links, &mut page);
    }
    page.trim_start().to_owned()
}

#[test]
fn the_page_says_what_the_schemas_say() {
    const OPEN: &str = "<!-- formats -->\n";
    const CLOSE: &str = "<!-- /formats -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
    let known = fs::read_to_string(&path).unwrap();
    let (head, rest) = known.split_once(OPEN).expect("the opening mark");
    let (_, tail) = rest.split_once(CLOSE).expect("the closing mark");
    let made = format!("{head}{OPEN}{}{CLOSE}{tail}", page());
    if made == known {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_DOCS").is_some(),
        "docs/json.md is not what the schemas say; UPDATE_DOCS=1 cargo test rewrites it"
    );
    fs::write(&path, made).unwrap();
}
