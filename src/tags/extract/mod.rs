//! What a CloudTrail record says about tags: changes, and ids that stand for ARNs.
//!
//! The [`table`] has the calls whose shapes are established. Any other call whose name begins like a
//! tag call is read generically, if it names its resource by ARN. What must stay true: a failed call
//! changed nothing; a call that failed for some resources changed the others; and what a record
//! doesn't show is not taken to be absent.

mod paths;
mod shapes;
pub mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use super::change::{Tags, What};
use super::uses;
use crate::record::json::{Json, Kind};
use crate::record::kms::{Actor, View};
use crate::record::shape;
use crate::record::unknown::Unknown;
use table::{ANY_KEYS, ANY_RESOURCE, ANY_TAGS, Does, ROWS, Row, undated};

pub use paths::{alias_arn, all, first, resource, resources};
pub use shapes::tags;

/// What a record says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Extract {
    /// What happened to the tags of which ARN.
    pub changes: Vec<(String, Arc<What>)>,
    /// Ids and what ARN they are of.
    pub joins: Vec<(String, String)>,
    /// Whether it changes tags of a resource that it does not name in any known way.
    pub unplaced: bool,
}

/// The names of tag calls begin so, whatever the service.
const GENERIC: [&str; 6] = ["Tag", "Untag", "AddTags", "RemoveTags", "CreateTags", "DeleteTags"];

/// Calls of EC2 in the newer form, in which request and response are wrapped.
const WRAPPED: [&str; 4] =
    ["CreateNatGateway", "CreateVpcEndpoint", "CreateLaunchTemplate", "CreateTransitGateway"];

/// Further calls that show the id of a database beside its ARN.
const WITH_IDS: [&str; 8] = [
    "ModifyDBInstance",
    "ModifyDBCluster",
    "RebootDBInstance",
    "StartDBInstance",
    "StopDBInstance",
    "StartDBCluster",
    "StopDBCluster",
    "PromoteReadReplica",
];

/// What stands before the id of a request where it stands for the volumes that the request made.
const REQUEST: &str = "request:";

/// The member that has tags by the kind of resource.
const SPECIFIED: &str = "tagSpecificationSet";

/// Whether a record of another service than KMS may say something of tags, or of a resource's key.
///
/// Asked of every record, so it looks at names only, and most names begin otherwise.
pub fn concerns(name: &[u8]) -> bool {
    if !matches!(name.first(), Some(b'A' | b'C' | b'D' | b'M' | b'P' | b'R' | b'S' | b'T' | b'U')) {
        return false;
    }
    if name.starts_with(b"Describe") || name.starts_with(b"AssumeRole") {
        return false;
    }
    static KNOWN: OnceLock<foldhash::HashSet<&'static [u8]>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let rows = ROWS.iter().flat_map(|row| row.names.iter().copied());
        rows.chain(WRAPPED)
            .chain(WITH_IDS)
            .chain(uses::names())
            .map(|name| name.as_bytes())
            .collect()
    });
    known.contains(undated(name)) || GENERIC.iter().any(|g| name.starts_with(g.as_bytes()))
}

/// What a record says of tags.
pub fn extract(view: &View<'_>) -> Extract {
    let mut found = Extract::default();
    if view.attempt() {
        return found;
    }
    let (Some(source), Some(name)) = (view.event().text_at(&["eventSource"]), view.name()) else {
        return found;
    };
    if source == "aws.tag" {
        return found;
    }
    let service = source.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let plain = undated(name.as_bytes());
    joins(view, &service, &mut found);
    volumes(view, (&service, &name), &mut found);
    let fits = |row: &&Row| {
        row.source == service && row.names.iter().any(|known| known.as_bytes() == plain)
    };
    match ROWS.iter().find(fits) {
        Some(row) => by_row(view, row, &mut found),
        None if service == "ec2" && WRAPPED.contains(&name.as_ref()) => wrapped(view, &mut found),
        None => generic(view, &name, &mut found),
    }
    let failed = failed(view);
    // The id of a request is no ARN, and nothing of it fails alone.
    found.changes.retain(|(arn, _)| !failed.contains(arn));
    found
}

/// The ARNs for which a call of the tagging API failed.
fn failed(view: &View<'_>) -> BTreeSet<String> {
    let failed = first(view, &["response.failedResourcesMap"]);
    let arns = failed.into_iter().flat_map(Json::members).map(|(name, _)| name.text().into_owned());
    arns.map(|arn| crate::record::kms::taggable(&arn).map_or(arn, |known| known.arn)).collect()
}

fn by_row(view: &View<'_>, row: &Row, found: &mut Extract) {
    // A key that AWS makes for a service has no tags of the account's, and the copy of a key in
    // another Region has those of ReplicateKey.
    let made_by_aws = |view: &View<'_>| {
        let text = |path: &[&str]| view.event().text_at(path);
        text(&["responseElements", "keyMetadata", "keyManager"]).is_some_and(|by| by == "AWS")
            || text(&[
                "responseElements",
                "keyMetadata",
                "multiRegionConfiguration",
                "multiRegionKeyType",
            ])
            .is_some_and(|kind| kind == "REPLICA")
    };
    if row.source == "kms" && row.does == Does::Create && made_by_aws(view) {
        return;
    }
    let resources = resources(view, row.resource);
    if resources.is_empty() {
        found.unplaced = !matches!(row.does, Does::Create | Does::CreateIfGiven | Does::Delete);
        return;
    }
    // A call says the same of all its resources of one kind, and may name thousands.
    let mut by_kind: HashMap<String, Option<Arc<What>>> = HashMap::new();
    let is_by_kind = row.tags.iter().any(|path| path.ends_with(SPECIFIED));
    for arn in resources {
        let kind = if is_by_kind { kind_of(&arn) } else { "" };
        if !by_kind.contains_key(kind) {
            by_kind.insert(kind.to_owned(), what(view, row, kind).map(Arc::new));
        }
        if let Some(Some(what)) = by_kind.get(kind) {
            found.changes.push((arn, Arc::clone(what)));
        }
    }
}

/// The kind of an ARN as EC2 names it: `volume` of `…:volume/vol-1`.
fn kind_of(arn: &str) -> &str {
    let resource = arn.rsplit(':').next().unwrap_or_default();
    resource.split_once('/').map_or("", |(kind, _)| kind)
}

/// What a call of the table does to resources of one kind; `None` when it does nothing that is
/// known.
fn what(view: &View<'_>, row: &Row, kind: &str) -> Option<What> {
    if Unknown::of(view.event().text()).is_some_and(|unknown| unknown.has("requestParameters")) {
        let is_new = matches!(row.does, Does::Create | Does::CreateBlurred | Does::CreateIfGiven);
        return Some(if is_new || row.does == Does::Delete { What::Gone } else { What::Blur });
    }
    let given = given(view, row.tags, kind);
    Some(match (row.does, given) {
        (Does::Delete, _) => What::Gone,
        (Does::Remove | Does::RemoveAny, _) => {
            let keys = first(view, row.tags);
            match keys.map(shapes::keys) {
                Some(Some(keys)) if !keys.is_empty() => What::Remove(keys),
                None if row.does == Does::RemoveAny => What::Replace(Tags::new()),
                _ => What::Blur,
            }
        }
        (Does::Create, Given::Tags(tags)) => What::Create(tags),
        (Does::Create, Given::None) => What::Create(Tags::new()),
        (Does::Create | Does::CreateBlurred, Given::Odd) => What::Gone,
        (Does::CreateBlurred, Given::Tags(tags)) => What::Create(tags),
        // New, with unknown tags.
        (Does::CreateBlurred, Given::None) => What::Gone,
        (Does::CreateIfGiven, Given::Tags(tags)) => What::Create(tags),
        (Does::CreateIfGiven, Given::None) if is_first_version(view) => What::Create(Tags::new()),
        (Does::CreateIfGiven | Does::ReplaceIfGiven, Given::None) => return None,
        (Does::Replace, Given::None) => What::Replace(Tags::new()),
        (Does::Replace | Does::ReplaceIfGiven, Given::Tags(tags)) => What::Replace(tags),
        (Does::Set, Given::Tags(tags)) if !tags.is_empty() => What::Set(tags),
        _ => What::Blur,
    })
}

/// Whether a parameter is new: without tags it has none then.
fn is_first_version(view: &View<'_>) -> bool {
    view.event().text_at(&["responseElements", "version"]).is_some_and(|version| version == "1")
}

/// What a record has at the places of tags.
enum Given {
    /// Tags, all of them.
    Tags(Tags),
    /// Something that does not tell them all.
    Odd,
    /// Nothing.
    None,
}

fn given(view: &View<'_>, paths: &[&str], kind: &str) -> Given {
    for path in paths {
        let Some(value) = first(view, &[path]) else { continue };
        let tags = match path.ends_with(SPECIFIED) {
            true => specified(value, kind),
            false => tags(value),
        };
        return tags.map_or(Given::Odd, Given::Tags);
    }
    Given::None
}

/// The tags that a `tagSpecificationSet` has for a kind of resource.
fn specified(set: Json<'_>, kind: &str) -> Option<Tags> {
    let items = set.get_any_case("items").unwrap_or(set);
    let mut found = Tags::new();
    for item in shape::each(items) {
        if shape::text_at(item, &["resourceType"]).is_some_and(|of| of == kind) {
            found.extend(tags(shape::at(item, &["tags"])?)?);
        }
    }
    Some(found)
}

/// A newer EC2 call, whose response holds one object and that object's id:
/// `CreateNatGatewayResponse.natGateway.natGatewayId`.
fn wrapped(view: &View<'_>, found: &mut Extract) {
    let made = shape::response(view.event()).into_iter().flat_map(Json::members);
    for (name, made) in made.filter(|(_, made)| made.kind() == Kind::Object) {
        let id = shape::text_at(made, &[&format!("{}Id", name.text())]);
        let arn = id.and_then(|id| resource(view, &id, table::Form::Ec2));
        let echoed = shape::at(made, &["tagSet"]).and_then(tags);
        let asked = || tags(first(view, &["request.TagSpecification"])?);
        if let (Some(arn), Some(tags)) = (arn, echoed.or_else(asked)) {
            found.changes.push((arn, Arc::new(What::Create(tags))));
        }
    }
}

/// A tag call that the table does not have.
fn generic(view: &View<'_>, name: &str, found: &mut Extract) {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let removes = starts(&["Untag", "RemoveTags", "DeleteTags"]);
    if !removes && !starts(&["Tag", "AddTags", "CreateTags"]) {
        return;
    }
    let resources = resources(view, ANY_RESOURCE);
    found.unplaced = resources.is_empty();
    let what = if removes {
        let keys = first(view, ANY_KEYS).and_then(shapes::keys);
        keys.filter(|keys| !keys.is_empty()).map_or(What::Blur, What::Remove)
    } else {
        let tags = first(view, ANY_TAGS).and_then(tags);
        tags.filter(|tags| !tags.is_empty()).map_or(What::Blur, What::Set)
    };
    let what = Arc::new(what);
    found.changes.extend(resources.into_iter().map(|arn| (arn, Arc::clone(&what))));
}

/// Ids that encryption contexts use instead of ARNs, and aliases that calls use instead of keys.
fn joins(view: &View<'_>, service: &str, found: &mut Extract) {
    let text = |path: &str| first(view, &[path])?.scalar().map(|text| text.into_owned());
    match service {
        "rds" => {
            for (id, arn) in [
                ("response.dbiResourceId", "response.dBInstanceArn"),
                ("response.dbClusterResourceId", "response.dBClusterArn"),
            ] {
                found.joins.extend(text(id).zip(text(arn)));
            }
        }
        "kms" if view.actor() != Actor::Service => {
            let key = view.first_key();
            if let Some((key, alias)) = key.and_then(|key| Some((key, key.alias.as_ref()?)))
                && let Some(name) = alias_arn(&key.arn, alias)
            {
                found.joins.push((name, key.arn.clone()));
            }
        }
        _ => {}
    }
}

/// Volumes of new instances. RunInstances has their tags and not their ids. EC2 then makes a grant for
/// each encrypted one, as part of the same request.
fn volumes(view: &View<'_>, (service, name): (&str, &str), found: &mut Extract) {
    let id = view.event().text_at(&["requestID"]).filter(|id| !id.is_empty());
    let Some(request) = id.map(|id| format!("{REQUEST}{id}")) else { return };
    match (service, name) {
        ("ec2", "RunInstances") => {
            let set = first(view, &["request.tagSpecificationSet"]);
            let tags = set.map_or(Some(Tags::new()), |set| specified(set, "volume"));
            // A launch template may have further tags, and the record does not show them.
            let by_template = first(view, &["request.launchTemplate"]).is_some();
            let what = match tags {
                Some(tags) if !by_template => What::Create(tags),
                Some(tags) if !tags.is_empty() => What::Set(tags),
                _ => return,
            };
            found.changes.push((request, Arc::new(what)));
        }
        ("kms", "CreateGrant") if view.actor() != Actor::Direct => {
            let grantee = first(view, &["request.granteePrincipal"]).and_then(Json::scalar);
            let to_instance = grantee.is_some_and(|to| to.contains("aws:ec2-infrastructure:i-"));
            let volumes = uses::of(view).into_iter().filter_map(|pair| pair.resource);
            for volume in volumes.filter(|_| to_instance) {
                if volume.arn.contains(":volume/") {
                    found.joins.push((request.clone(), volume.arn));
                }
            }
        }
        _ => {}
    }
}

/// Whether a name stands for the volumes that a request made.
pub fn is_request(name: &str) -> bool {
    name.starts_with(REQUEST)
}
