//! Files that AWS's own commands and exports write.

use serde_json::Value as Json;

use super::entry::{Entry, Read, member, tags, text};
use crate::model::time::Time;

/// `aws resourcegroupstaggingapi get-resources`: tagged resources, and those that once were.
pub fn get_resources(value: &Json, read: &mut Read) {
    for entry in value["ResourceTagMappingList"].as_array().into_iter().flatten() {
        if !mapping(entry, read) {
            read.wrong.push("a resource without ResourceARN or Tags".into());
        }
    }
    if text(value, "PaginationToken").is_some() {
        read.wrong.push("is one page of several: expected all pages, without --no-paginate".into());
    }
}

/// One of its entries, or what `aws kms list-resource-tags` says with the key's ARN beside it.
pub fn mapping(value: &Json, read: &mut Read) -> bool {
    let arn = ["ResourceARN", "KeyArn", "KeyId"].iter().find_map(|name| text(value, name));
    let (Some(arn), Some(tags)) = (arn, member(value, "Tags").and_then(tags)) else {
        return false;
    };
    read.entries.push(Entry { arn: arn.to_owned(), tags, time: None });
    true
}

/// A snapshot of AWS Config, or its history of items.
pub fn config_snapshot(value: &Json, read: &mut Read) {
    for entry in value["configurationItems"].as_array().into_iter().flatten() {
        if !item(entry, read) {
            read.passed_over += 1;
        }
    }
}

/// What Config says about one resource. An item without a list of tags says nothing about them.
pub fn item(value: &Json, read: &mut Read) -> bool {
    let Some(arn) = text(value, "arn") else { return false };
    if text(value, "resourceType").is_none() {
        return false;
    }
    if let Some(id) = text(value, "resourceId") {
        read.joins.push((id.to_owned(), arn.to_owned()));
    }
    let configuration = member(value, "configuration");
    let ids = ["dbiResourceId", "dbClusterResourceId", "dBInstanceResourceId"];
    for id in ids.iter().filter_map(|name| text(configuration?, name)) {
        read.joins.push((id.to_owned(), arn.to_owned()));
    }
    let Some(tags) = member(value, "tags").filter(|tags| !tags.is_null()).and_then(tags) else {
        return false;
    };
    let time = text(value, "configurationItemCaptureTime").and_then(Time::parse);
    read.entries.push(Entry { arn: arn.to_owned(), tags, time });
    true
}

/// `aws configservice select-resource-config`: items as texts of JSON.
pub fn config_query(value: &Json, read: &mut Read) {
    for result in value["Results"].as_array().into_iter().flatten() {
        let parsed;
        let entry = match result.as_str() {
            Some(text) => match serde_json::from_str::<Json>(text) {
                Ok(value) => {
                    parsed = value;
                    &parsed
                }
                Err(error) => {
                    read.wrong.push(format!("a result is no JSON: {error}"));
                    continue;
                }
            },
            None => result,
        };
        // A query may leave out the type.
        let with_type = || {
            let (arn, tags) = (text(entry, "arn")?, member(entry, "tags").and_then(tags)?);
            let time = text(entry, "configurationItemCaptureTime").and_then(Time::parse);
            Some(Entry { arn: arn.to_owned(), tags, time })
        };
        if !item(entry, read) {
            match with_type() {
                Some(entry) => read.entries.push(entry),
                None => read.passed_over += 1,
            }
        }
    }
    if text(value, "NextToken").is_some() {
        read.wrong.push("is one page of several: expected all pages".into());
    }
}

/// `aws resource-explorer-2 search`: tags are among the properties, if the view has them.
pub fn explorer(value: &Json, read: &mut Read) {
    for entry in value["Resources"].as_array().into_iter().flatten() {
        let properties = member(entry, "Properties").and_then(Json::as_array);
        let of_tags = properties.into_iter().flatten().find(|property| {
            text(property, "Name").is_some_and(|name| name.eq_ignore_ascii_case("tags"))
        });
        let data = of_tags.and_then(|property| member(property, "Data")).and_then(tags);
        let (Some(arn), Some(tags)) = (text(entry, "Arn"), data) else {
            read.passed_over += 1;
            continue;
        };
        let seen = of_tags.and_then(|property| text(property, "LastReportedAt"));
        let time = seen.or_else(|| text(entry, "LastReportedAt")).and_then(Time::parse);
        read.entries.push(Entry { arn: arn.to_owned(), tags, time });
    }
    if text(value, "NextToken").is_some() {
        read.wrong.push("is one page of several: expected all pages".into());
    }
}

/// EventBridge, "Tag Change on Resource": all tags after the change.
pub fn tag_change(value: &Json, read: &mut Read) {
    let time = text(value, "time").and_then(Time::parse);
    let arns = value["resources"].as_array().into_iter().flatten().filter_map(Json::as_str);
    match tags(&value["detail"]["tags"]) {
        Some(tags) if !value["detail"]["tags"].is_null() => {
            let entry = |arn: &str| Entry { arn: arn.to_owned(), tags: tags.clone(), time };
            read.entries.extend(arns.map(entry));
        }
        _ => read.wrong.push("a tag change without detail.tags".into()),
    }
}
