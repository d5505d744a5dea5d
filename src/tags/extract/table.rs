//! Which calls set, replace and remove tags, and where their records say so.
//!
//! A path starts in the request or the response, ignores the case of names, and enters every element
//! of a list where it has `[]`. Sources: the API reference of each service, and CloudTrail records.

/// A call that changes tags.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// `eventSource` up to its first dot.
    pub source: &'static str,
    /// `eventName`, without the API date that Lambda appends.
    pub names: &'static [&'static str],
    /// Where the resource is named, best first.
    pub resource: &'static [Place],
    /// Where the tags or tag keys are, best first.
    pub tags: &'static [&'static str],
    /// What the call does.
    pub does: Does,
}

/// A path to the name of a resource.
#[derive(Debug, Clone, Copy)]
pub struct Place(pub &'static str, pub Form);

/// How a record names a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// By its ARN.
    Arn,
    /// By the last part of its ARN, or by its ARN: the service, and what stands before the name.
    Named(&'static str, &'static str),
    /// By an EC2 id, whose first letters tell what it is.
    Ec2,
    /// By the name of a bucket, or an ARN.
    Bucket,
    /// By the URL of a queue.
    QueueUrl,
    /// A KMS key: as the record names keys anywhere.
    Key,
}

/// What a call does to the tags of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Adds some, or gives them other values.
    Set,
    /// Removes some.
    Remove,
    /// Removes some; all, when none is named.
    RemoveAny,
    /// Makes these all there are.
    Replace,
    /// Makes these all there are, if the record has any: otherwise they stay.
    ReplaceIfGiven,
    /// Makes the resource. The record shows all tags, or there are none.
    Create,
    /// Makes the resource, or finds that it is there: what the record does not show is not known.
    CreateIfGiven,
    /// Makes the resource, with tags that the record does not always show.
    CreateBlurred,
    /// Removes the resource.
    Delete,
}

use Does::{
    Create, CreateBlurred, CreateIfGiven, Delete, Remove, RemoveAny, Replace, ReplaceIfGiven, Set,
};
use Form::{Arn, Bucket, Ec2, Key, Named, QueueUrl};

const fn row(
    source: &'static str,
    names: &'static [&'static str],
    resource: &'static [Place],
    tags: &'static [&'static str],
    does: Does,
) -> Row {
    Row { source, names, resource, tags, does }
}

const KEY: &[Place] = &[Place("", Key)];
const BUCKET: &[Place] = &[Place("request.bucketName", Bucket)];
const SECRET: &[Place] = &[Place("response.arn", Arn), Place("request.secretId", SECRET_NAME)];
const SECRET_NAME: Form = Named("secretsmanager", "secret:");
const PARAMETER: Form = Named("ssm", "parameter/");
const DB: &[Place] = &[
    Place("response.dBInstanceArn", Arn),
    Place("response.dBClusterArn", Arn),
    Place("response.dBSnapshotArn", Arn),
    Place("response.dBClusterSnapshotArn", Arn),
];
const FUNCTION: &[Place] = &[
    Place("response.functionArn", Arn),
    Place("request.functionName", Named("lambda", "function:")),
];
const TABLE: &[Place] = &[
    Place("response.tableDescription.tableArn", Arn),
    Place("request.tableName", Named("dynamodb", "table/")),
];
const QUEUE: &[Place] =
    &[Place("response.queueUrl", QueueUrl), Place("request.queueUrl", QueueUrl)];
const TOPIC: &[Place] = &[Place("response.topicArn", Arn), Place("request.topicArn", Arn)];
const STREAM: &[Place] =
    &[Place("request.streamARN", Arn), Place("request.streamName", Named("kinesis", "stream/"))];
const DELIVERY: &[Place] = &[
    Place("response.deliveryStreamARN", Arn),
    Place("request.deliveryStreamName", Named("firehose", "deliverystream/")),
];
const LOG_GROUP: &[Place] = &[Place("request.logGroupName", Named("logs", "log-group:"))];
const TRAIL: &[Place] =
    &[Place("response.trailARN", Arn), Place("request.name", Named("cloudtrail", "trail/"))];
const FILE_SYSTEM: Form = Named("elasticfilesystem", "file-system/");
const CLUSTER: &[Place] = &[
    Place("response.clusterNamespaceArn", Arn),
    Place("request.clusterIdentifier", Named("redshift", "cluster:")),
];
const NAME_ARN: &[Place] = &[Place("request.resourceName", Arn)];
const RESOURCE_ARN: &[Place] = &[Place("request.resourceArn", Arn)];

/// Every row. Calls that are not here are read generically if their names begin as those of tag
/// calls do.
pub const ROWS: &[Row] = &[
    // KMS.
    row("kms", &["CreateKey"], KEY, &["request.tags"], Create),
    row("kms", &["TagResource"], KEY, &["request.tags"], Set),
    row("kms", &["UntagResource"], KEY, &["request.tagKeys"], Remove),
    row(
        "kms",
        &["ReplicateKey"],
        &[Place("response.replicaKeyMetadata.arn", Arn)],
        &["response.replicaTags", "request.tags"],
        Create,
    ),
    // EC2.
    row(
        "ec2",
        &["CreateTags"],
        &[Place("request.resourcesSet.items[].resourceId", Ec2)],
        &["request.tagSet"],
        Set,
    ),
    row(
        "ec2",
        &["DeleteTags"],
        &[Place("request.resourcesSet.items[].resourceId", Ec2)],
        &["request.tagSet"],
        RemoveAny,
    ),
    row("ec2", &["CreateVolume"], &[Place("response.volumeId", Ec2)], SPECIFIED, Create),
    row(
        "ec2",
        &["CreateSnapshot", "CopySnapshot"],
        &[Place("response.snapshotId", Ec2)],
        SPECIFIED,
        Create,
    ),
    row(
        "ec2",
        &["RunInstances"],
        &[Place("response.instancesSet.items[].instanceId", Ec2)],
        SPECIFIED,
        Create,
    ),
    row("ec2", &["DeleteVolume"], &[Place("request.volumeId", Ec2)], &[], Delete),
    row("ec2", &["DeleteSnapshot"], &[Place("request.snapshotId", Ec2)], &[], Delete),
    // S3.
    row("s3", &["PutBucketTagging"], BUCKET, &["request.Tagging.TagSet.Tag"], Replace),
    row("s3", &["DeleteBucketTagging"], BUCKET, &[], Replace),
    row(
        "s3",
        &["CreateBucket"],
        BUCKET,
        &["request.CreateBucketConfiguration.Tags"],
        CreateBlurred,
    ),
    row("s3", &["DeleteBucket"], BUCKET, &[], Delete),
    // Secrets and parameters. CreateSecret does not log its tags.
    row("secretsmanager", &["CreateSecret"], SECRET, &["request.tags"], CreateBlurred),
    row("secretsmanager", &["TagResource"], SECRET, &["request.tags"], Set),
    row("secretsmanager", &["UntagResource"], SECRET, &["request.tagKeys"], Remove),
    row(
        "ssm",
        &["PutParameter"],
        &[Place("request.name", PARAMETER)],
        &["request.tags"],
        CreateIfGiven,
    ),
    row(
        "ssm",
        &["AddTagsToResource"],
        &[Place("request.resourceId", PARAMETER)],
        &["request.tags"],
        Set,
    ),
    row(
        "ssm",
        &["RemoveTagsFromResource"],
        &[Place("request.resourceId", PARAMETER)],
        &["request.tagKeys"],
        Remove,
    ),
    row("ssm", &["DeleteParameter"], &[Place("request.name", PARAMETER)], &[], Delete),
    row("ssm", &["DeleteParameters"], &[Place("request.names[]", PARAMETER)], &[], Delete),
    // Databases; DocumentDB and Neptune go by the same name.
    row(
        "rds",
        &["CreateDBInstance", "CreateDBCluster", "CreateDBSnapshot", "CreateDBClusterSnapshot"],
        DB,
        &["response.tagList", "request.tags"],
        Create,
    ),
    row(
        "rds",
        &[
            "CopyDBSnapshot",
            "CopyDBClusterSnapshot",
            "CreateDBInstanceReadReplica",
            "RestoreDBInstanceFromDBSnapshot",
            "RestoreDBInstanceToPointInTime",
            "RestoreDBInstanceFromS3",
            "RestoreDBClusterFromSnapshot",
            "RestoreDBClusterToPointInTime",
        ],
        DB,
        &["response.tagList"],
        CreateBlurred,
    ),
    row("rds", &["AddTagsToResource"], NAME_ARN, &["request.tags"], Set),
    row("rds", &["RemoveTagsFromResource"], NAME_ARN, &["request.tagKeys"], Remove),
    row("rds", &["DeleteDBInstance", "DeleteDBCluster", "DeleteDBSnapshot"], DB, &[], Delete),
    row("dynamodb", &["CreateTable"], TABLE, &["request.tags"], Create),
    row("dynamodb", &["DeleteTable"], TABLE, &[], Delete),
    row("redshift", &["CreateCluster"], CLUSTER, &["response.tags", "request.tags"], Create),
    row("redshift", &["CreateTags"], NAME_ARN, &["request.tags"], Set),
    row("redshift", &["DeleteTags"], NAME_ARN, &["request.tagKeys"], Remove),
    row("redshift", &["DeleteCluster"], CLUSTER, &[], Delete),
    // Functions.
    row("lambda", &["CreateFunction"], FUNCTION, &["request.tags"], Create),
    row("lambda", &["DeleteFunction"], FUNCTION, &[], Delete),
    // Queues, topics, streams. Creating one of the first two again is no error and tells nothing.
    row("sqs", &["CreateQueue"], QUEUE, &["request.tags", "request.tag"], CreateIfGiven),
    row("sqs", &["TagQueue"], QUEUE, &["request.tags"], Set),
    row("sqs", &["UntagQueue"], QUEUE, &["request.tagKeys"], Remove),
    row("sqs", &["DeleteQueue"], QUEUE, &[], Delete),
    row("sns", &["CreateTopic"], TOPIC, &["request.tags"], CreateIfGiven),
    row("sns", &["DeleteTopic"], TOPIC, &[], Delete),
    row("kinesis", &["CreateStream"], STREAM, &["request.tags"], Create),
    row("kinesis", &["AddTagsToStream"], STREAM, &["request.tags"], Set),
    row("kinesis", &["RemoveTagsFromStream"], STREAM, &["request.tagKeys"], Remove),
    row("kinesis", &["DeleteStream"], STREAM, &[], Delete),
    row("firehose", &["CreateDeliveryStream"], DELIVERY, &["request.tags"], Create),
    row("firehose", &["TagDeliveryStream"], DELIVERY, &["request.tags"], Set),
    row("firehose", &["UntagDeliveryStream"], DELIVERY, &["request.tagKeys"], Remove),
    row("firehose", &["DeleteDeliveryStream"], DELIVERY, &[], Delete),
    // Logs and trails.
    row("logs", &["CreateLogGroup"], LOG_GROUP, &["request.tags"], Create),
    row("logs", &["TagLogGroup"], LOG_GROUP, &["request.tags"], Set),
    row("logs", &["UntagLogGroup"], LOG_GROUP, &["request.tags"], Remove),
    row("logs", &["DeleteLogGroup"], LOG_GROUP, &[], Delete),
    row("cloudtrail", &["CreateTrail"], TRAIL, &["request.tagsList"], Create),
    row(
        "cloudtrail",
        &["AddTags"],
        &[Place("request.resourceId", Arn)],
        &["request.tagsList"],
        Set,
    ),
    row(
        "cloudtrail",
        &["RemoveTags"],
        &[Place("request.resourceId", Arn)],
        &["request.tagsList"],
        Remove,
    ),
    row("cloudtrail", &["DeleteTrail"], TRAIL, &[], Delete),
    // Files and images.
    row(
        "elasticfilesystem",
        &["CreateFileSystem"],
        &[Place("response.fileSystemArn", Arn), Place("response.fileSystemId", FILE_SYSTEM)],
        &["response.tags", "request.tags"],
        Create,
    ),
    row(
        "elasticfilesystem",
        &["CreateTags"],
        &[Place("request.fileSystemId", FILE_SYSTEM)],
        &["request.tags"],
        Set,
    ),
    row(
        "elasticfilesystem",
        &["DeleteTags"],
        &[Place("request.fileSystemId", FILE_SYSTEM)],
        &["request.tagKeys"],
        Remove,
    ),
    row(
        "elasticfilesystem",
        &["TagResource"],
        &[Place("request.resourceId", FILE_SYSTEM)],
        &["request.tags"],
        Set,
    ),
    row(
        "elasticfilesystem",
        &["UntagResource"],
        &[Place("request.resourceId", FILE_SYSTEM)],
        &["request.tagKeys"],
        Remove,
    ),
    row(
        "elasticfilesystem",
        &["DeleteFileSystem"],
        &[Place("request.fileSystemId", FILE_SYSTEM)],
        &[],
        Delete,
    ),
    row(
        "ecr",
        &["CreateRepository"],
        &[Place("response.repository.repositoryArn", Arn)],
        &["request.tags"],
        Create,
    ),
    row(
        "ecr",
        &["DeleteRepository"],
        &[Place("response.repository.repositoryArn", Arn)],
        &[],
        Delete,
    ),
    // The rest that bears keys.
    row(
        "eks",
        &["CreateCluster"],
        &[Place("response.cluster.arn", Arn)],
        &["request.tags"],
        Create,
    ),
    row(
        "states",
        &["CreateStateMachine"],
        &[Place("response.stateMachineArn", Arn)],
        &["request.tags"],
        CreateIfGiven,
    ),
    row(
        "backup",
        &["CreateBackupVault"],
        &[Place("response.backupVaultArn", Arn)],
        &["request.backupVaultTags"],
        Create,
    ),
    row("sagemaker", &["AddTags"], RESOURCE_ARN, &["request.tags"], Set),
    row("sagemaker", &["DeleteTags"], RESOURCE_ARN, &["request.tagKeys"], Remove),
    row("es", &["AddTags"], &[Place("request.arn", Arn)], &["request.tagList"], Set),
    row("es", &["RemoveTags"], &[Place("request.arn", Arn)], &["request.tagKeys"], Remove),
    row("acm", &["AddTagsToCertificate"], CERTIFICATE, &["request.tags"], Set),
    row("acm", &["RemoveTagsFromCertificate"], CERTIFICATE, &["request.tags"], RemoveAny),
    // The tagging API, for resources of any service.
    row(
        "tagging",
        &["TagResources"],
        &[Place("request.resourceARNList[]", Arn)],
        &["request.tags"],
        Set,
    ),
    row(
        "tagging",
        &["UntagResources"],
        &[Place("request.resourceARNList[]", Arn)],
        &["request.tagKeys"],
        Remove,
    ),
    // The tags of a stack go to its resources as well: by those services' own calls.
    row(
        "cloudformation",
        &["CreateStack"],
        &[Place("response.stackId", Arn)],
        &["request.tags"],
        Create,
    ),
    row(
        "cloudformation",
        &["UpdateStack"],
        &[Place("response.stackId", Arn)],
        &["request.tags"],
        ReplaceIfGiven,
    ),
];

const CERTIFICATE: &[Place] = &[Place("request.certificateArn", Arn)];
/// What EC2 echoes; else what was asked for, by the type of resource.
const SPECIFIED: &[&str] = &["response.tagSet", "request.tagSpecificationSet"];

/// Where a call that is not in the table may name its resource, by ARN.
pub const ANY_RESOURCE: &[Place] = &[
    Place("request.resourceArn", Arn),
    Place("request.arn", Arn),
    Place("request.resourceId", Arn),
    Place("request.resourceName", Arn),
    Place("request.resource", Arn),
    Place("request.resourceArnList[]", Arn),
    Place("request.certificateArn", Arn),
    Place("request.topicArn", Arn),
    Place("request.streamARN", Arn),
];

/// Where such a call may hold tags.
pub const ANY_TAGS: &[&str] = &[
    "request.tags",
    "request.tagList",
    "request.tagsList",
    "request.tagsToAdd",
    "request.tagSet",
    "request.resourceTags",
    "request.Tags.Tag",
];

/// And where the keys of those that it removes.
pub const ANY_KEYS: &[&str] = &[
    "request.tagKeys",
    "request.tagKeyList",
    "request.tagsToRemove",
    "request.resourceTagKeys",
    "request.tags",
];

/// `CreateFunction` of `CreateFunction20150331v2`: Lambda appends the date of its API.
pub fn undated(name: &[u8]) -> &[u8] {
    let rest = match name {
        [rest @ .., b'v', digit] if digit.is_ascii_digit() => rest,
        _ => name,
    };
    match rest.split_last_chunk::<8>() {
        Some((rest, date)) if date.starts_with(b"20") && date.iter().all(u8::is_ascii_digit) => {
            rest
        }
        _ => name,
    }
}
