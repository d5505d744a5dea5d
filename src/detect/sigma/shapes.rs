//! Fields within fields, written as paths.
//!
//! `requestParameters: {policy: {id: x}}` says what `requestParameters.policy.id: x` says, and a list
//! of such mappings says that one of them must fit. The evaluator knows paths only, and would look for
//! the text of the mapping. What must stay true: a detection that says nothing is no rule, since it
//! would match everything or nothing.

use yaml_serde::{Mapping, Value};

use super::stream;

/// How much the detections of a document may become if mappings in them are written out (4 MiB).
const ROOM: usize = 4 << 20;

/// Writes the detections of a rule or filter with paths. If `has_blocks`, a mapping under a field with
/// a bracket is about the elements of a list.
///
/// # Errors
/// Why it becomes no rule.
pub fn plain(detection: &mut Mapping, has_blocks: bool) -> Result<(), String> {
    let mut room = ROOM;
    for (name, part) in detection.iter_mut() {
        let name = name.as_str().unwrap_or_default();
        if matches!(name, "condition" | "timeframe" | "rules") {
            continue;
        }
        if is_empty(part) {
            return Err(format!("its detection '{}' is empty", short(name)));
        }
        *part = of_part(std::mem::take(part), has_blocks, &mut room)?;
    }
    Ok(())
}

fn of_part(part: Value, has_blocks: bool, room: &mut usize) -> Result<Value, String> {
    match part {
        Value::Mapping(members) => {
            let mut all = alternatives(members, has_blocks, room)?;
            Ok(match (all.pop(), all.is_empty()) {
                (Some(only), true) => Value::Mapping(only),
                (last, _) => all.into_iter().chain(last).map(Value::Mapping).collect(),
            })
        }
        Value::Sequence(items) if items.iter().any(Value::is_mapping) => {
            let mut all = Vec::new();
            for item in items {
                match item {
                    Value::Mapping(members) => {
                        let found = alternatives(members, has_blocks, room)?;
                        all.extend(found.into_iter().map(Value::Mapping));
                    }
                    other => all.push(other),
                }
            }
            Ok(all.into())
        }
        part => Ok(part),
    }
}

/// The mappings with paths of which one must fit for a mapping to fit.
fn alternatives(
    members: Mapping,
    has_blocks: bool,
    room: &mut usize,
) -> Result<Vec<Mapping>, String> {
    let is_nested = |(name, value): &(Value, Value)| {
        let is_block = has_blocks && name.as_str().is_some_and(|name| name.contains('['));
        let holds = match value {
            Value::Sequence(items) => items.iter().any(Value::is_mapping),
            value => value.is_mapping(),
        };
        holds && !is_block
    };
    let (nested, lines): (Vec<_>, Vec<_>) = members.into_iter().partition(is_nested);
    let mut all = vec![lines.into_iter().collect::<Mapping>()];
    for (name, value) in nested {
        let text = name.as_str().unwrap_or_default();
        let items = match value {
            Value::Sequence(items) => items,
            value => vec![value],
        };
        let mut inner = Vec::new();
        for item in items {
            let Value::Mapping(item) = item else {
                return Err(format!("'{}' lists mappings and values", short(text)));
            };
            inner.extend(below(text, item, has_blocks, room)?);
        }
        let weigh = |all: &[Mapping]| -> usize { all.iter().map(stream::weight_of).sum() };
        // Each of one with each of the other.
        let takes = match (all.len(), inner.len()) {
            (1, 1) => 0,
            (one, other) => {
                let of_one = weigh(&all).saturating_mul(other);
                of_one.saturating_add(weigh(&inner).saturating_mul(one))
            }
        };
        take(room, takes, text)?;
        let both = |one: &Mapping, other: &Mapping| {
            let mut both = one.clone();
            for (name, value) in other {
                if both.insert(name.clone(), value.clone()).is_some() {
                    return Err(format!("'{}' says a field twice", short(text)));
                }
            }
            Ok(both)
        };
        let (known, inner) = (&all, &inner);
        all = known
            .iter()
            .flat_map(|one| inner.iter().map(move |other| both(one, other)))
            .collect::<Result<_, _>>()?;
    }
    Ok(all)
}

/// The members of a mapping, each with the path to it.
fn below(
    field: &str,
    inner: Mapping,
    has_blocks: bool,
    room: &mut usize,
) -> Result<Vec<Mapping>, String> {
    if field.is_empty() || field.contains('|') || inner.is_empty() {
        let field = short(field);
        return Err(format!("'{field}' has a mapping for a value that is not understood"));
    }
    let mut found = Vec::new();
    for members in alternatives(inner, has_blocks, room)? {
        let mut paths = Mapping::new();
        for (name, value) in members {
            let name = name.as_str().filter(|name| !name.is_empty() && !name.starts_with('|'));
            let unnamed = || format!("'{}' holds a member without a name", short(field));
            let name = name.ok_or_else(unnamed)?;
            take(room, field.len() + name.len(), field)?;
            paths.insert(format!("{field}.{name}").into(), value);
        }
        found.push(paths);
    }
    Ok(found)
}

/// Takes so much of the room that is left.
fn take(room: &mut usize, takes: usize, field: &str) -> Result<(), String> {
    let left = room.checked_sub(takes);
    *room = left.ok_or_else(|| format!("'{}' lists too many mappings", short(field)))?;
    Ok(())
}

/// The beginning of a name, for a message.
fn short(name: &str) -> String {
    name.chars().take(60).collect()
}

/// Whether a detection says nothing.
fn is_empty(part: &Value) -> bool {
    match part {
        Value::Null => true,
        Value::Mapping(members) => members.is_empty(),
        Value::Sequence(items) => items.iter().all(is_empty),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A detection of these lines, as JSON.
    fn written(lines: &str) -> Result<String, String> {
        let mut detection = yaml_serde::from_str(&format!("s: {lines}")).unwrap();
        plain(&mut detection, false)?;
        Ok(serde_json::to_value(&detection).unwrap()["s"].to_string())
    }

    #[test]
    fn fields_within_fields_are_paths() {
        for (lines, paths) in [
            ("{a: x}", r#"{"a":"x"}"#),
            ("[a, b]", r#"["a","b"]"#),
            (
                "{a: {b: x, c|contains: [y, z]}, d: 1}",
                r#"{"a.b":"x","a.c|contains":["y","z"],"d":1}"#,
            ),
            ("{a: {b: {c: null}}}", r#"{"a.b.c":null}"#),
            ("{a: [{b: 1}, {b: 2}], c: 3}", r#"[{"a.b":1,"c":3},{"a.b":2,"c":3}]"#),
            ("[{a: {b: 1}}, {c: 2}]", r#"[{"a.b":1},{"c":2}]"#),
            (
                "{a: [{b: 1}, {c: 2}], d: [{e: 3}, {f: 4}]}",
                r#"[{"a.b":1,"d.e":3},{"a.b":1,"d.f":4},{"a.c":2,"d.e":3},{"a.c":2,"d.f":4}]"#,
            ),
        ] {
            assert_eq!(written(lines).as_deref(), Ok(paths), "{lines}");
        }
    }

    #[test]
    fn what_says_nothing_or_too_much_is_passed_over() {
        for lines in [
            "",
            "{}",
            "[]",
            "[null, {}]",
            "{a: {}}",
            "{a: [{b: 1}, 2]}",
            "{a|contains: {b: 1}}",
            "{'': {b: 1}}",
            "{a: {'|all': [x]}}",
            "{a: {1: x}}",
            "{a.b: 1, a: {b: 2}}",
        ] {
            assert!(written(lines).is_err(), "{lines}");
        }
        let many: Vec<String> = (0..300).map(|n| format!("{{b: {n}}}")).collect();
        let many = many.join(", ");
        let reason = written(&format!("{{a: [{many}], c: [{many}]}}")).unwrap_err();
        assert_eq!(reason, "'c' lists too many mappings");
        let long = "x".repeat(100_000);
        let members: Vec<String> = (0..1_000).map(|n| format!("a{n}: 1")).collect();
        let reason = written(&format!("{{? {long} : {{{}}}}}", members.join(", "))).unwrap_err();
        assert!(reason.ends_with("lists too many mappings") && reason.len() < 100, "{reason}");
        let squares = format!("{{a: [{many}], d: [{many}]}}, ").repeat(40);
        assert!(written(&format!("[{squares}]")).is_err());
        let wide: Vec<String> = (0..20_000).map(|n| format!("a{n}: 1")).collect();
        assert!(written(&format!("{{{}}}", wide.join(", "))).is_ok());
    }
}
