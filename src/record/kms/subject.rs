//! The resource behind a call: what an encryption context, or another service's record, names.
//!
//! Specific beats carrier: an ECR image lies in S3 and an RDS volume in EBS, but repository and
//! database are what somebody tags. Source: the KMS developer guide and each
//! service's own guide, "Encryption context".

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::{Pair, View, is_object};
use crate::model::arn::Arn;
use crate::model::finding::Resource;
use crate::record::json::Json;

/// Context keys whose value is the ARN of the resource, best first.
const ARN_KEYS: &[&str] = &[
    "aws:ecr:arn",
    "aws:cloudtrail:arn",
    "SecretARN",
    "PARAMETER_ARN",
    "aws:lambda:FunctionArn",
    "aws:lambda:EventSourceArn",
    "aws:sqs:arn",
    "aws:sns:topicArn",
    "aws:kinesis:arn",
    "aws:logs:arn",
    "aws:redshift:arn",
    "aws:workmail:arn",
    "aws:acm:arn",
    "aws:s3express:arn",
    "aws:s3vectors:arn",
    "aws:athena:arn",
    "aws:events:event-bus:arn",
    "aws:states:stateMachineArn",
    "aws:states:activityArn",
    "aws:es:arn",
    "aws:aoss:arn",
    "aws:voiceid:domain:arn",
];

/// Context keys whose value is an id that only the service can resolve, best first.
const ID_KEYS: &[(&str, &str)] =
    &[("aws:rds:db-id", "AWS::RDS::DBInstance"), ("aws:rds:dbc-id", "AWS::RDS::DBCluster")];

/// The context key of WorkSpaces: `[SID]@[DIRECTORY]`. Only the directory has an ARN.
const WORKSPACE: &str = "aws:workspaces:sid-directoryid";

/// Context keys whose value is the last part of the resource's ARN: the service, and what stands
/// before the value.
const NAME_KEYS: &[(&str, &str, &str)] = &[
    ("aws:elasticfilesystem:filesystem:id", "elasticfilesystem", "file-system/"),
    ("aws:backup:backup-vault", "backup", "backup-vault:"),
    ("aws:dsql:ClusterId", "dsql", "cluster/"),
    ("aws:connect:instanceId", "connect", "instance/"),
    ("aws:timestream:database-name", "timestream", "database/"),
];

/// What `pairs`, the encryption context of the call, says is protected.
pub(super) fn of_context(view: &View<'_>, pairs: &[Pair<'_>]) -> Option<Resource> {
    match pairs {
        [] => return None,
        // Nearly every use: the pair of a carrier alone, and so of none of the others.
        [(name, _)] if CARRIERS.iter().any(|known| name.eq_ignore_ascii_case(known)) => {
            return carried(view, pairs);
        }
        _ => {}
    }
    let value = |key: &str| value_of(pairs, key);
    let by_id = || {
        ID_KEYS
            .iter()
            .find_map(|(key, kind)| value(key).map(|id| resource(id.to_owned(), Some(kind))))
    };
    let by_arn = || ARN_KEYS.iter().find_map(|key| of_arn(value(key)?));
    let table = || {
        let id = format!("table/{}", value("aws:dynamodb:tableName")?);
        Some(complete(view, "dynamodb", &id, value("aws:dynamodb:subscriberId")))
    };
    let keyspace = || {
        let (space, name) =
            (value("aws:cassandra:keyspaceName")?, value("aws:cassandra:tableName")?);
        let id = format!("/keyspace/{space}/table/{name}");
        Some(complete(view, "cassandra", &id, value("aws:cassandra:subscriberId")))
    };
    let catalog = || {
        let account = value("glue_catalog_id")?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        is_account.then(|| complete(view, "glue", "catalog", Some(account)))
    };
    // The value may be the whole ARN already, whatever the key says.
    let by_name = || {
        NAME_KEYS.iter().find_map(|(key, service, prefix)| {
            let value = value(key)?;
            let named = || complete(view, service, &format!("{prefix}{value}"), None);
            Some(of_arn(value).unwrap_or_else(named))
        })
    };
    by_id()
        .or_else(|| workspace(view, value(WORKSPACE)?))
        .or_else(by_arn)
        .or_else(table)
        .or_else(keyspace)
        .or_else(catalog)
        .or_else(by_name)
        .or_else(|| pairs.iter().find_map(|pair| of_service(view, pair)))
        .or_else(|| carried(view, pairs))
}

/// Context keys of S3 and EBS, which carry the data of other services too.
const CARRIERS: [&str; 2] = ["aws:s3:arn", "aws:ebs:id"];

/// What `pairs` says of an object or a volume; else whatever is an ARN.
fn carried(view: &View<'_>, pairs: &[Pair<'_>]) -> Option<Resource> {
    let value = |key: &str| value_of(pairs, key);
    let [object, volume] = CARRIERS;
    let object = || of_arn(value(object)?);
    let volume = || {
        let id = value(volume)?;
        let kind = if id.starts_with("snap-") { "snapshot" } else { "volume" };
        Some(complete(view, "ec2", &format!("{kind}/{id}"), None))
    };
    // Whatever else is an ARN is a candidate; the key itself is none.
    let other = || {
        let found = pairs.iter().filter_map(|(_, value)| Arn::parse(value).map(|arn| (arn, value)));
        found.filter(|(arn, _)| arn.service != "kms").find_map(|(_, value)| of_arn(value))
    };
    object().or_else(volume).or_else(other)
}

/// The value of a context key, unless it is empty. Keys are compared without case, as grants do (API
/// reference, GrantConstraints).
fn value_of<'p>(pairs: &'p [Pair<'_>], key: &str) -> Option<&'p str> {
    let found = pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
    found.map(|(_, value)| value.as_ref()).filter(|value| !value.is_empty())
}

/// The directory of a WorkSpace; if the value names none, the value.
fn workspace(view: &View<'_>, value: &str) -> Option<Resource> {
    let directory = value.rsplit_once("@[").and_then(|(_, id)| id.strip_suffix(']'));
    let directory = directory.filter(|id| id.starts_with("d-") && !id.contains('/'));
    Some(match directory {
        Some(id) => complete(view, "workspaces", &format!("directory/{id}"), None),
        None => resource(value.to_owned(), Some("AWS::WorkSpaces::Workspace")),
    })
}

/// Services that name what they protect in a context key of their own, `aws:SERVICE:…`, and whose
/// data lies in volumes or buckets that the context names as well.
const NAMED_BY_SERVICE: &[&str] = &["fsx", "kafka", "msk", "sagemaker", "glue", "bedrock", "mq"];

/// What a pair of such a service names: by its ARN, or a file system by its id.
fn of_service(view: &View<'_>, (name, value): &Pair<'_>) -> Option<Resource> {
    let mut parts = name.split(':');
    let is_aws = parts.next().is_some_and(|part| part.eq_ignore_ascii_case("aws"));
    let service = parts.next().filter(|_| is_aws)?.to_ascii_lowercase();
    if !NAMED_BY_SERVICE.contains(&service.as_str()) {
        return None;
    }
    let arn = Arn::parse(value).filter(|arn| !matches!(arn.service, "s3" | "ec2" | "kms" | "iam"));
    let is_id = |prefix: &str| {
        let rest = value.strip_prefix(prefix)?;
        (!rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(())
    };
    match (arn, &*service) {
        (Some(_), _) => of_arn(value),
        (None, "fsx") if is_id("fs-").is_some() => {
            Some(complete(view, "fsx", &format!("file-system/{value}"), None))
        }
        (None, "fsx") if is_id("backup-").is_some() => {
            Some(complete(view, "fsx", &format!("backup/{value}"), None))
        }
        _ => None,
    }
}

/// What `pairs` names beside [`of_context`]: a log file of a trail is the trail's, and lies in a
/// bucket that is tagged by itself.
pub(super) fn beside(pairs: &[Pair<'_>]) -> Option<Resource> {
    value_of(pairs, "aws:cloudtrail:arn").and_then(of_arn)?;
    of_arn(value_of(pairs, "aws:s3:arn")?)
}

/// What `pairs` names, not reduced to what can be tagged; of an object and what lies in it, the
/// object.
pub(super) fn precise<'v>(view: &'v View<'_>, pairs: &'v [Pair<'_>]) -> Option<Cow<'v, str>> {
    // A log file of a trail is an object; the trail is not what was read.
    let mut keys = ["aws:s3:arn"].iter().chain(ARN_KEYS);
    let named = keys.find_map(|key| value_of(pairs, key));
    Some(named.or_else(|| Some(view.known_resource()?.arn.as_str()))?.into())
}

/// Members of a request that name what the call was about, where `resources` does not.
const NAMED: &[&str] = &["name", "names", "secretId", "secretIdList", "bucketName"];

/// Everything that a record of another service acts on.
pub(super) fn all_of_record(view: &View<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for entry in view.event().get("resources").into_iter().flat_map(Json::elements) {
        let Some(arn) = entry.get_any_case("arn").and_then(Json::as_str) else { continue };
        if !arn.is_empty() && Arn::parse(&arn).is_none_or(|arn| arn.service != "kms") {
            found.push(arn.into_owned());
        }
    }
    // An object comes with its bucket, which is no subject beside it.
    let all: BTreeSet<String> = found.iter().cloned().collect();
    let holds = |outer: &str| {
        let inside = format!("{outer}/");
        let next = all.range::<str, _>((Bound::Included(inside.as_str()), Bound::Unbounded)).next();
        next.is_some_and(|other| other.starts_with(&inside))
    };
    found.retain(|arn| !holds(arn));
    if found.is_empty() {
        let request = view.event().get("requestParameters").filter(is_object);
        for name in NAMED {
            let Some(value) = request.and_then(|request| request.get(name)) else { continue };
            match value.scalar() {
                Some(text) => found.push(text.into_owned()),
                None => {
                    found.extend(value.elements().filter_map(|e| Some(e.scalar()?.into_owned())))
                }
            }
        }
    }
    found
}

/// What a record of another service acts on.
pub(super) fn of_record(view: &View<'_>) -> Option<Resource> {
    let named = |entry: Json<'_>| {
        let text = entry.get_any_case("arn")?.as_str()?.into_owned();
        let service = Arn::parse(&text).map(|arn| arn.service.to_owned());
        // Of an object, the bucket is what carries tags.
        if service.as_deref() == Some("s3") {
            return of_arn(&text);
        }
        let is_key = service.as_deref() == Some("kms");
        let kind = entry.get("type").and_then(|kind| Some(kind.as_str()?.into_owned()));
        (!is_key && !text.is_empty()).then(|| Resource { arn: text, kind, tags: BTreeMap::new() })
    };
    let resources = view.event().get("resources");
    resources.into_iter().flat_map(Json::elements).find_map(named).or_else(|| of_trail_call(view))
}

/// The trail or event data store of a CloudTrail call.
fn of_trail_call(view: &View<'_>) -> Option<Resource> {
    let source = view.text(&["eventSource"])?;
    if !source.eq_ignore_ascii_case("cloudtrail.amazonaws.com") {
        return None;
    }
    if let Some(arn) = view.text(&["responseElements", "trailARN"]) {
        return of_arn(&arn);
    }
    let request = view.event().get("requestParameters").filter(is_object)?;
    let member = |name| Some(request.get(name)?.as_str()?.into_owned());
    if let Some(name) = member("name").or_else(|| member("trailName")) {
        return of_arn(&name)
            .or_else(|| Some(complete(view, "cloudtrail", &format!("trail/{name}"), None)));
    }
    let store = member("eventDataStore")?;
    let id = format!("eventdatastore/{store}");
    of_arn(&store).or_else(|| Some(complete(view, "cloudtrail", &id, None)))
}

/// The taggable resource that an ARN belongs to; `None` when `text` is no ARN.
pub fn of_arn(text: &str) -> Option<Resource> {
    let arn = Arn::parse(text.trim())?;
    // The S3 Express form carries a whole ARN where the bucket should be.
    if arn.service == "s3" && arn.resource.starts_with("arn:") {
        return of_arn(arn.resource);
    }
    let text = text.trim();
    let kept = match arn.service {
        "s3" => arn.resource.split('/').next().unwrap_or_default(),
        "s3express" | "s3tables" | "s3vectors" => up_to(arn.resource, '/', 2),
        "logs" => arn.resource.strip_suffix(":*").unwrap_or(arn.resource),
        "lambda" => up_to(arn.resource, ':', 2),
        "dynamodb" => up_to(arn.resource, '/', 2),
        _ => arn.resource,
    };
    // What is kept is the beginning of the resource.
    let len = text.len() - arn.resource.len() + kept.len();
    Some(resource(text[..len].to_owned(), kind_of(&arn)))
}

/// The first `parts` parts of `text`, split at `separator`.
fn up_to(text: &str, separator: char, parts: usize) -> &str {
    text.match_indices(separator).nth(parts - 1).map_or(text, |(at, _)| &text[..at])
}

/// An id completed to an ARN of the record's Region and of `account`, else the caller's, else the
/// record's; the id alone when one of them is missing.
pub(super) fn complete(
    view: &View<'_>,
    service: &str,
    id: &str,
    account: Option<&str>,
) -> Resource {
    let home = view.home();
    match (&home.region, account.or(home.account.as_deref())) {
        (Some(region), Some(account)) => {
            let parts = ["arn", &home.partition, service, region, account, id];
            let text = parts.join(":");
            let kind = Arn::parse(&text).and_then(|arn| kind_of(&arn));
            resource(text, kind)
        }
        _ => resource(id.split_once('/').map_or(id, |(_, id)| id).to_owned(), None),
    }
}

fn resource(arn: String, kind: Option<&str>) -> Resource {
    Resource { arn, kind: kind.map(str::to_owned), tags: BTreeMap::new() }
}

/// The CloudFormation type of what an ARN names, as CloudTrail writes it in `resources[].type`.
fn kind_of(arn: &Arn<'_>) -> Option<&'static str> {
    let is = |prefix: &str| arn.resource.starts_with(prefix);
    Some(match arn.service {
        "s3" => "AWS::S3::Bucket",
        "secretsmanager" => "AWS::SecretsManager::Secret",
        "ssm" if is("parameter/") => "AWS::SSM::Parameter",
        "lambda" if is("function:") => "AWS::Lambda::Function",
        "cloudtrail" if is("trail/") => "AWS::CloudTrail::Trail",
        "cloudtrail" if is("eventdatastore/") => "AWS::CloudTrail::EventDataStore",
        "ecr" if is("repository/") => "AWS::ECR::Repository",
        "ec2" if is("volume/") => "AWS::EC2::Volume",
        "ec2" if is("snapshot/") => "AWS::EC2::Snapshot",
        "rds" if is("db:") => "AWS::RDS::DBInstance",
        "rds" if is("cluster:") => "AWS::RDS::DBCluster",
        "dynamodb" if is("table/") => "AWS::DynamoDB::Table",
        "sqs" => "AWS::SQS::Queue",
        "sns" => "AWS::SNS::Topic",
        "kinesis" if is("stream/") => "AWS::Kinesis::Stream",
        "logs" if is("log-group:") => "AWS::Logs::LogGroup",
        "elasticfilesystem" if is("file-system/") => "AWS::EFS::FileSystem",
        "redshift" if is("cluster:") => "AWS::Redshift::Cluster",
        "workmail" if is("organization/") => "AWS::WorkMail::Organization",
        "acm" if is("certificate/") => "AWS::CertificateManager::Certificate",
        "backup" if is("backup-vault:") => "AWS::Backup::BackupVault",
        "athena" if is("workgroup/") => "AWS::Athena::WorkGroup",
        "events" if is("event-bus/") => "AWS::Events::EventBus",
        "states" if is("stateMachine:") => "AWS::StepFunctions::StateMachine",
        "es" if is("domain/") => "AWS::OpenSearchService::Domain",
        "eks" if is("cluster/") => "AWS::EKS::Cluster",
        "cassandra" if is("/keyspace/") && arn.resource.contains("/table/") => {
            "AWS::Cassandra::Table"
        }
        "fsx" if is("file-system/") => "AWS::FSx::FileSystem",
        "glue" if arn.resource == "catalog" => "AWS::Glue::Catalog",
        "kafka" if is("cluster/") => "AWS::MSK::Cluster",
        "sagemaker" if is("domain/") => "AWS::SageMaker::Domain",
        "sagemaker" if is("notebook-instance/") => "AWS::SageMaker::NotebookInstance",
        "workspaces" if is("directory/") => "AWS::WorkSpaces::Directory",
        "workspaces" if is("workspace/") => "AWS::WorkSpaces::Workspace",
        "firehose" if is("deliverystream/") => "AWS::KinesisFirehose::DeliveryStream",
        _ => return None,
    })
}
