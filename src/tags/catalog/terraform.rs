//! Terraform's state, version 4, and the output of `terraform show -json`.
//!
//! `tags_all` has the tags of the provider as well as those of the resource, so it is preferred. A
//! resource without either is skipped.

use serde_json::Value as Json;

use super::entry::{Entry, Read, member, tags, text};

/// How deep modules may nest.
const DEEPEST: usize = 64;

/// Reads a document.
pub fn read(value: &Json, read: &mut Read) {
    for resource in value["resources"].as_array().into_iter().flatten() {
        // Data sources are what others have made; their tags are as good.
        for instance in resource["instances"].as_array().into_iter().flatten() {
            attributes(&instance["attributes"], read);
        }
    }
    for values in ["values", "planned_values"] {
        if values == "planned_values"
            && value.get(values).is_some()
            && value.get("values").is_none()
        {
            read.wrong.push("is a plan: expected the state, which tells what there is".into());
            return;
        }
        module(&value[values]["root_module"], DEEPEST, read);
    }
}

fn module(value: &Json, depth: usize, read: &mut Read) {
    for resource in value["resources"].as_array().into_iter().flatten() {
        attributes(&resource["values"], read);
    }
    for inner in value["child_modules"].as_array().into_iter().flatten() {
        match depth {
            0 => read.wrong.push(format!("modules nest deeper than {DEEPEST}")),
            _ => module(inner, depth - 1, read),
        }
    }
}

fn attributes(value: &Json, read: &mut Read) {
    let (Some(arn), Some(all)) =
        (text(value, "arn"), member(value, "tags_all").or_else(|| member(value, "tags")))
    else {
        read.passed_over += 1;
        return;
    };
    for id in ["resource_id", "dbi_resource_id", "cluster_resource_id"] {
        read.joins.extend(text(value, id).map(|id| (id.to_owned(), arn.to_owned())));
    }
    // `null` is none.
    match tags(all) {
        Some(tags) => read.entries.push(Entry { arn: arn.to_owned(), tags, time: None }),
        None => read.passed_over += 1,
    }
}
