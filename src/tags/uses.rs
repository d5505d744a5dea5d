//! Which key a record uses, or sets up, for which resource.
//!
//! A KMS call says so by its encryption context. A grant says so by the context that it is limited
//! to. A call of another service says so by naming a key when it creates or changes a resource. What
//! must stay true: a context is the caller's text unless a service made the call, and every pair says
//! which it is.

#[cfg(test)]
mod tests;

use crate::model::arn::Arn;
use crate::model::finding::{Key, Resource};
use crate::record::hidden::is_hidden;
use crate::record::json::Json;
use crate::record::kms::{Actor, View, is_crypto};

use super::extract::table::{Form, Place, undated};
use super::extract::{alias_arn, all, resource, resources};

/// A key and what it protects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Pair {
    /// The key; its ARN is that of an alias where the record names no key.
    pub key: Key,
    /// What it protects; `None` when the record does not tell.
    pub resource: Option<Resource>,
    /// Whether the record has a context that names nothing known.
    pub unmapped: bool,
    /// Whether a service says so, and not only the caller.
    pub attested: bool,
}

/// A call of another service that sets up a key for a resource.
struct Row {
    /// `eventSource` up to its first dot.
    source: &'static str,
    /// `eventName`, without an API date.
    names: &'static [&'static str],
    /// Where the key is named, best first.
    keys: &'static [&'static str],
    /// Where the resource is.
    resource: &'static [Place],
}

/// Sources: each service's API reference, and CloudTrail records.
const ROWS: &[Row] = &[
    Row {
        source: "ec2",
        names: &["CreateVolume"],
        keys: &["response.kmsKeyId", "request.kmsKeyId"],
        resource: &[Place("response.volumeId", Form::Ec2)],
    },
    Row {
        source: "ec2",
        names: &["CopySnapshot"],
        keys: &["response.kmsKeyId", "request.kmsKeyId"],
        resource: &[Place("response.snapshotId", Form::Ec2)],
    },
    Row {
        source: "rds",
        names: &[
            "CreateDBInstance",
            "CreateDBCluster",
            "CopyDBSnapshot",
            "CopyDBClusterSnapshot",
            "CreateDBInstanceReadReplica",
            "RestoreDBInstanceFromDBSnapshot",
            "RestoreDBInstanceToPointInTime",
            "RestoreDBInstanceFromS3",
            "RestoreDBClusterFromSnapshot",
            "RestoreDBClusterToPointInTime",
        ],
        keys: &["response.kmsKeyId", "request.kmsKeyId"],
        resource: &[
            Place("response.dBInstanceArn", Form::Arn),
            Place("response.dBClusterArn", Form::Arn),
            Place("response.dBSnapshotArn", Form::Arn),
            Place("response.dBClusterSnapshotArn", Form::Arn),
        ],
    },
    Row {
        source: "s3",
        names: &["PutBucketEncryption"],
        keys: &[
            "request.ServerSideEncryptionConfiguration.Rule.ApplyServerSideEncryptionByDefault.KMSMasterKeyID",
            "request.ServerSideEncryptionConfiguration.Rule[].ApplyServerSideEncryptionByDefault.KMSMasterKeyID",
        ],
        resource: &[Place("request.bucketName", Form::Bucket)],
    },
    Row {
        source: "secretsmanager",
        names: &["CreateSecret", "UpdateSecret"],
        keys: &["request.kmsKeyId"],
        resource: &[
            Place("response.arn", Form::Arn),
            Place("request.secretId", Form::Named("secretsmanager", "secret:")),
        ],
    },
    Row {
        source: "ssm",
        names: &["PutParameter"],
        keys: &["request.keyId"],
        resource: &[Place("request.name", Form::Named("ssm", "parameter/"))],
    },
    Row {
        source: "lambda",
        names: &["CreateFunction", "UpdateFunctionConfiguration"],
        keys: &["response.kMSKeyArn", "request.kMSKeyArn"],
        resource: &[
            Place("response.functionArn", Form::Arn),
            Place("request.functionName", Form::Named("lambda", "function:")),
        ],
    },
    Row {
        source: "cloudtrail",
        names: &["CreateTrail", "UpdateTrail"],
        keys: &["response.kmsKeyId", "request.kmsKeyId"],
        resource: &[
            Place("response.trailARN", Form::Arn),
            Place("request.name", Form::Named("cloudtrail", "trail/")),
        ],
    },
    Row {
        source: "logs",
        names: &["CreateLogGroup", "AssociateKmsKey"],
        keys: &["request.kmsKeyId"],
        resource: &[
            Place("request.resourceIdentifier", Form::Arn),
            Place("request.logGroupName", Form::Named("logs", "log-group:")),
        ],
    },
    Row {
        source: "sns",
        names: &["CreateTopic"],
        keys: &["request.attributes.KmsMasterKeyId"],
        resource: &[Place("response.topicArn", Form::Arn)],
    },
    Row {
        source: "sns",
        names: &["SetTopicAttributes"],
        keys: &["request.attributeValue"],
        resource: &[Place("request.topicArn", Form::Arn)],
    },
    Row {
        source: "sqs",
        names: &["CreateQueue", "SetQueueAttributes"],
        keys: &["request.attributes.KmsMasterKeyId"],
        resource: &[
            Place("response.queueUrl", Form::QueueUrl),
            Place("request.queueUrl", Form::QueueUrl),
        ],
    },
    Row {
        source: "kinesis",
        names: &["StartStreamEncryption"],
        keys: &["request.keyId"],
        resource: &[
            Place("request.streamARN", Form::Arn),
            Place("request.streamName", Form::Named("kinesis", "stream/")),
        ],
    },
    Row {
        source: "firehose",
        names: &["CreateDeliveryStream", "StartDeliveryStreamEncryption"],
        keys: &[
            "request.deliveryStreamEncryptionConfigurationInput.keyARN",
            "request.deliveryStreamEncryptionConfigurationInput.keyArn",
        ],
        resource: &[
            Place("response.deliveryStreamARN", Form::Arn),
            Place("request.deliveryStreamName", Form::Named("firehose", "deliverystream/")),
        ],
    },
    Row {
        source: "dynamodb",
        names: &["CreateTable", "UpdateTable"],
        keys: &[
            "response.tableDescription.sSEDescription.kMSMasterKeyArn",
            "request.sSESpecification.kMSMasterKeyId",
        ],
        resource: &[
            Place("response.tableDescription.tableArn", Form::Arn),
            Place("request.tableName", Form::Named("dynamodb", "table/")),
        ],
    },
    Row {
        source: "elasticfilesystem",
        names: &["CreateFileSystem"],
        keys: &["response.kmsKeyId", "request.kmsKeyId"],
        resource: &[
            Place("response.fileSystemArn", Form::Arn),
            Place("response.fileSystemId", Form::Named("elasticfilesystem", "file-system/")),
        ],
    },
    Row {
        source: "ecr",
        names: &["CreateRepository"],
        keys: &[
            "response.repository.encryptionConfiguration.kmsKey",
            "request.encryptionConfiguration.kmsKey",
        ],
        resource: &[Place("response.repository.repositoryArn", Form::Arn)],
    },
    Row {
        source: "redshift",
        names: &["CreateCluster", "ModifyCluster"],
        keys: &["response.kmsKeyId", "request.kmsKeyId"],
        resource: &[Place("request.clusterIdentifier", Form::Named("redshift", "cluster:"))],
    },
    Row {
        source: "eks",
        names: &["CreateCluster"],
        keys: &["request.encryptionConfig[].provider.keyArn"],
        resource: &[
            Place("response.cluster.arn", Form::Arn),
            Place("request.name", Form::Named("eks", "cluster/")),
        ],
    },
    Row {
        source: "es",
        names: &["CreateDomain", "CreateElasticsearchDomain"],
        keys: &["request.encryptionAtRestOptions.kmsKeyId"],
        resource: &[
            Place("response.domainStatus.arn", Form::Arn),
            Place("request.domainName", Form::Named("es", "domain/")),
        ],
    },
    Row {
        source: "backup",
        names: &["CreateBackupVault"],
        keys: &["request.encryptionKeyArn"],
        resource: &[Place("response.backupVaultArn", Form::Arn)],
    },
    Row {
        source: "cassandra",
        names: &["CreateTable", "UpdateTable"],
        keys: &["request.encryptionSpecification.kmsKeyIdentifier"],
        resource: &[Place("response.resourceArn", Form::Arn)],
    },
    Row {
        source: "workspaces",
        names: &["CreateWorkspaces"],
        keys: &["request.workspaces[].volumeEncryptionKey"],
        resource: &[Place(
            "response.pendingRequests[].workspaceId",
            Form::Named("workspaces", "workspace/"),
        )],
    },
    Row {
        source: "fsx",
        names: &["CreateFileSystem", "CreateFileSystemFromBackup"],
        keys: &["response.fileSystem.kmsKeyId", "request.kmsKeyId"],
        resource: &[Place("response.fileSystem.resourceARN", Form::Arn)],
    },
    Row {
        source: "fsx",
        names: &["CreateBackup", "CopyBackup"],
        keys: &["response.backup.kmsKeyId", "request.kmsKeyId"],
        resource: &[Place("response.backup.resourceARN", Form::Arn)],
    },
    Row {
        source: "kafka",
        names: &["CreateCluster", "CreateClusterV2"],
        keys: &[
            "request.encryptionInfo.encryptionAtRest.dataVolumeKMSKeyId",
            "request.provisioned.encryptionInfo.encryptionAtRest.dataVolumeKMSKeyId",
        ],
        resource: &[Place("response.clusterArn", Form::Arn)],
    },
    Row {
        source: "sagemaker",
        names: &["CreateDomain", "CreateNotebookInstance"],
        keys: &["request.kmsKeyId", "request.homeEfsFileSystemKmsKeyId"],
        resource: &[
            Place("response.domainArn", Form::Arn),
            Place("response.notebookInstanceArn", Form::Arn),
        ],
    },
    Row {
        source: "sagemaker",
        names: &["CreateFeatureGroup"],
        keys: &["request.onlineStoreConfig.securityConfig.kmsKeyId"],
        resource: &[Place("response.featureGroupArn", Form::Arn)],
    },
    Row {
        source: "glue",
        names: &["PutDataCatalogEncryptionSettings"],
        keys: &["request.dataCatalogEncryptionSettings.encryptionAtRest.sseAwsKmsKeyId"],
        resource: &[],
    },
];

/// The names of all calls that set up a key.
pub fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().flat_map(|row| row.names.iter().copied())
}

/// Where a grant says for which context it holds.
const CONSTRAINTS: [&str; 2] =
    ["request.constraints.encryptionContextEquals", "request.constraints.encryptionContextSubset"];

/// What stands for the version of a secret when Secrets Manager only tries whether it may use a
/// key.
const PROBE: &str = "RequestToValidateKeyAccess";

/// Whether a KMS record uses a key to encrypt, decrypt or the like.
pub fn is_use(view: &View<'_>) -> bool {
    let probes = |(name, value): &(std::borrow::Cow<'_, str>, _)| {
        name.eq_ignore_ascii_case("SecretVersionId") && *value == PROBE
    };
    view.name().is_some_and(|name| is_crypto(&name))
        && !view.is_trail_delivery()
        && !view.context().iter().any(probes)
}

/// What a record uses or sets up which key for: nothing, of most. It must not have failed.
pub fn of(view: &View<'_>) -> Vec<Pair> {
    match view.is_kms() {
        true if is_use(view) => used(view),
        true if view.name().as_deref() == Some("CreateGrant") => granted(view),
        true => Vec::new(),
        false => set_up(view),
    }
}

fn attested(view: &View<'_>) -> bool {
    matches!(view.actor(), Actor::Service | Actor::Via)
}

fn used(view: &View<'_>) -> Vec<Pair> {
    let keys = view.keys();
    let attested = attested(view);
    if let ([source, destination], Some("ReEncrypt")) = (keys, view.name().as_deref()) {
        let side = |key: &Key, path: &str| {
            let context = all(view, path).into_iter().next();
            pairs(key, context.map(|context| view.subjects_of(context)), context, attested)
        };
        let mut both = side(source, "request.sourceEncryptionContext");
        both.extend(side(destination, "request.destinationEncryptionContext"));
        return both;
    }
    let Some(key) = keys.first().cloned() else { return Vec::new() };
    let unmapped = !view.context().is_empty() || view.hides_context();
    let mut found: Vec<Resource> = view.subject().into_iter().collect();
    found.extend(view.beside_subject());
    if found.is_empty() {
        return vec![Pair { key, resource: None, unmapped, attested }];
    }
    let pair =
        |resource| Pair { key: key.clone(), resource: Some(resource), unmapped: false, attested };
    found.into_iter().map(pair).collect()
}

/// The pairs of a key and what a context names; one without a resource if it names nothing.
fn pairs(
    key: &Key,
    found: Option<Vec<Resource>>,
    context: Option<Json<'_>>,
    attested: bool,
) -> Vec<Pair> {
    let found = found.unwrap_or_default();
    let is_there = |context: Json<'_>| context.members().next().is_some() || is_hidden(context);
    let unmapped = found.is_empty() && context.is_some_and(is_there);
    let pair = |resource| Pair { key: key.clone(), resource, unmapped, attested };
    match found.is_empty() {
        true => vec![pair(None)],
        false => found.into_iter().map(|resource| pair(Some(resource))).collect(),
    }
}

/// A grant for a context: EBS, RDS and others work with those.
fn granted(view: &View<'_>) -> Vec<Pair> {
    let Some(key) = view.key() else { return Vec::new() };
    let contexts = CONSTRAINTS.iter().flat_map(|path| all(view, path));
    let found: Vec<Resource> = contexts.flat_map(|context| view.subjects_of(context)).collect();
    match found.is_empty() {
        // A grant for any context is no use of anything.
        true => Vec::new(),
        false => pairs(&key, Some(found), None, attested(view)),
    }
}

fn set_up(view: &View<'_>) -> Vec<Pair> {
    let Some((service, name)) = view.event().text_at(&["eventSource"]).zip(view.name()) else {
        return Vec::new();
    };
    let service = service.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let plain = undated(name.as_bytes());
    let fits =
        |row: &&Row| row.source == service && row.names.iter().any(|n| n.as_bytes() == plain);
    let Some(row) = ROWS.iter().find(fits) else { return Vec::new() };
    let is_key = name != "SetTopicAttributes"
        || all(view, "request.attributeName").iter().any(|attribute| {
            attribute.scalar().is_some_and(|text| text.eq_ignore_ascii_case("KmsMasterKeyId"))
        });
    let texts = row.keys.iter().flat_map(|path| all(view, path)).filter_map(Json::scalar);
    let mut keys = texts.filter(|_| is_key).filter_map(|text| key_of(view, &text));
    let Some(key) = keys.next() else { return Vec::new() };
    // One call makes several WorkSpaces, and does not say which of several keys is for which.
    if row.source == "workspaces" && keys.any(|other| other != key) {
        return Vec::new();
    }
    let mut arns = resources(view, row.resource);
    if row.source == "glue" {
        arns.extend(catalog(view));
    }
    if arns.is_empty() {
        let named = view.resource().and_then(|r| resource(view, &r.arn, Form::Arn));
        arns.extend(named);
    }
    let kind = view.resource().and_then(|resource| resource.kind);
    let pair = |arn: String| {
        let known = crate::record::kms::taggable(&arn);
        let kind = known.and_then(|known| known.kind).or_else(|| kind.clone());
        let resource = Resource { arn, kind, tags: Default::default() };
        Pair { key: key.clone(), resource: Some(resource), unmapped: false, attested: true }
    };
    arns.into_iter().map(pair).collect()
}

/// The data catalog that a call of Glue is about: there is one in each account and Region.
fn catalog(view: &View<'_>) -> Option<String> {
    let own = view.completed("glue", "catalog").arn;
    let account = Arn::parse(&own)?.account.to_owned();
    let named = all(view, "request.catalogId").into_iter().find_map(Json::scalar);
    let named = named.filter(|id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()));
    Some(match named {
        Some(id) => own.replacen(&format!(":{account}:"), &format!(":{id}:"), 1),
        None => own,
    })
}

/// The key that another service's record names: by ARN, by id, or by alias.
fn key_of(view: &View<'_>, text: &str) -> Option<Key> {
    let text = text.trim();
    let arn = match Arn::parse(text) {
        Some(arn) if arn.is_kms_key() || arn.is_kms_alias() => text.to_owned(),
        Some(_) => return None,
        None if text.starts_with("alias/") => alias_arn(&view.completed("kms", "key/x").arn, text)?,
        None if is_id(text) => view.completed("kms", &format!("key/{text}")).arn,
        None => return None,
    };
    let account = Arn::parse(&arn).map(|arn| arn.account.to_owned()).filter(|a| !a.is_empty())?;
    let alias = arn.split_once(":alias/").map(|(_, name)| format!("alias/{name}"));
    Some(Key { arn, account: Some(account), alias, tags: Default::default() })
}

/// Whether a text may be the id of a key: nothing else is so long and has no other characters.
fn is_id(text: &str) -> bool {
    text.len() >= 32 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
