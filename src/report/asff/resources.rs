//! The key, the resource, the principal and the access keys as resources of ASFF.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::place::{Place, is_region};
use super::room::Room;
use crate::model::arn::Arn;
use crate::model::finding::{Finding, Resource};
use crate::report::fields::{is_account, name_of, said, shown};

/// The most characters of an id.
const ID: usize = 512;
const TAG_NAME: usize = 128;
const TAG_VALUE: usize = 256;

/// The most access keys: a finding has few events.
const ACCESS_KEYS: usize = 5;

/// The types that ASFF knows, by those of CloudFormation.
const TYPES: [(&str, &str); 25] = [
    ("AWS::Athena::WorkGroup", "AwsAthenaWorkGroup"),
    ("AWS::Backup::BackupVault", "AwsBackupBackupVault"),
    ("AWS::CertificateManager::Certificate", "AwsCertificateManagerCertificate"),
    ("AWS::CloudTrail::Trail", "AwsCloudTrailTrail"),
    ("AWS::DynamoDB::Table", "AwsDynamoDbTable"),
    ("AWS::EC2::Instance", "AwsEc2Instance"),
    ("AWS::EC2::Volume", "AwsEc2Volume"),
    ("AWS::ECR::Repository", "AwsEcrRepository"),
    ("AWS::EKS::Cluster", "AwsEksCluster"),
    ("AWS::Events::EventBus", "AwsEventsEventbus"),
    ("AWS::KMS::Key", "AwsKmsKey"),
    ("AWS::Kinesis::Stream", "AwsKinesisStream"),
    ("AWS::Lambda::Function", "AwsLambdaFunction"),
    ("AWS::MSK::Cluster", "AwsMskCluster"),
    ("AWS::OpenSearchService::Domain", "AwsOpenSearchServiceDomain"),
    ("AWS::RDS::DBCluster", "AwsRdsDbCluster"),
    ("AWS::RDS::DBInstance", "AwsRdsDbInstance"),
    ("AWS::Redshift::Cluster", "AwsRedshiftCluster"),
    ("AWS::S3::Bucket", "AwsS3Bucket"),
    ("AWS::S3::Object", "AwsS3Object"),
    ("AWS::SNS::Topic", "AwsSnsTopic"),
    ("AWS::SQS::Queue", "AwsSqsQueue"),
    ("AWS::SageMaker::NotebookInstance", "AwsSageMakerNotebookInstance"),
    ("AWS::SecretsManager::Secret", "AwsSecretsManagerSecret"),
    ("AWS::StepFunctions::StateMachine", "AwsStepFunctionStateMachine"),
];

/// The type of a resource, as its record names it.
pub fn kind(resource: &Resource) -> &str {
    said(resource.kind.as_deref()).unwrap_or("Other")
}

/// All that a finding is about; its account, if that is all that is known.
pub fn resources(finding: &Finding, place: &Place, room: Room) -> Vec<Value> {
    let mut all: Vec<Value> =
        [key(finding, place, room), resource(finding, place, room), principal(finding, place)]
            .into_iter()
            .flatten()
            .collect();
    all.extend(access_keys(finding, place));
    if all.is_empty() {
        all.push(account(&place.account, place));
    }
    all
}

/// A resource with its Region: that of its ARN, if it has one.
fn entry(kind: &str, id: &str, place: &Place, more: &Value) -> Value {
    let arn = Arn::parse(id);
    let region = arn.map(|arn| arn.region).filter(|region| is_region(region));
    json!({
        "Type": kind,
        "Id": id_of(id),
        "Partition": place.resource_partition(),
        "Region": region.unwrap_or(&place.region),
        "Tags": more.get("Tags"),
        "Details": more.get("Details"),
    })
}

/// An id of at most so many characters. What is cut ends with a hash, so that two of them stay two.
fn id_of(id: &str) -> String {
    const HASH: usize = 16;
    let text = shown(id, ID + 1);
    if text.chars().count() <= ID {
        return text;
    }
    let digest = Sha256::digest(id);
    shown(id, ID - HASH) + &hex::encode(&digest[..HASH / 2])
}

fn key(finding: &Finding, place: &Place, room: Room) -> Option<Value> {
    let key = finding.key.as_ref()?;
    let arn = said(Some(&key.arn))?;
    let owner = key.account.as_deref().filter(|account| is_account(account));
    let details = json!({"AwsKmsKey": {"KeyId": shown(name_of(arn), ID), "AWSAccountId": owner}});
    let more = json!({"Tags": tags(&key.tags, room), "Details": details});
    Some(entry("AwsKmsKey", arn, place, &more))
}

fn resource(finding: &Finding, place: &Place, room: Room) -> Option<Value> {
    let resource = finding.resource.as_ref()?;
    let arn = said(Some(&resource.arn))?;
    let is_key = finding.key.as_ref().is_some_and(|key| key.arn == resource.arn);
    if is_key {
        return None;
    }
    let kind = kind(resource);
    let known = TYPES.iter().find(|(theirs, _)| *theirs == kind).map(|(_, kind)| *kind);
    let other = json!({"Other": {"type": shown(kind, TAG_VALUE)}});
    let details = if known.is_none() { other } else { Value::Null };
    let more = json!({"Tags": tags(&resource.tags, room), "Details": details});
    Some(entry(known.unwrap_or("Other"), arn, place, &more))
}

fn account(id: &str, place: &Place) -> Value {
    entry("AwsAccount", &format!("AWS::::Account:{id}"), place, &Value::Null)
}

/// The user or role; of the root user the account.
fn principal(finding: &Finding, place: &Place) -> Option<Value> {
    let principal = &finding.principal;
    let arn = said(principal.arn.as_deref())?;
    let name = shown(name_of(arn), TAG_NAME);
    let iam = Arn::parse(arn).filter(|arn| arn.service == "iam");
    if let Some(root) = iam.filter(|arn| arn.resource == "root" && is_account(arn.account)) {
        return Some(account(root.account, place));
    }
    let (kind, details) = match iam.map(|arn| arn.resource) {
        Some(role) if role.starts_with("role/") => {
            ("AwsIamRole", json!({"AwsIamRole": {"RoleName": name}}))
        }
        Some(user) if user.starts_with("user/") => {
            ("AwsIamUser", json!({"AwsIamUser": {"UserName": name}}))
        }
        _ => {
            let kind = said(principal.kind.as_deref()).unwrap_or("principal");
            ("Other", json!({"Other": {"type": shown(kind, TAG_VALUE)}}))
        }
    };
    Some(entry(kind, arn, place, &json!({"Details": details})))
}

/// The access keys that the listed calls were made with.
fn access_keys(finding: &Finding, place: &Place) -> Vec<Value> {
    let mut seen: Vec<&str> = Vec::new();
    let mut all = Vec::new();
    for request in finding.events.iter().filter_map(|event| event.request.as_deref()) {
        let Some(id) = said(request.access_key.as_deref()) else { continue };
        if seen.len() == ACCESS_KEYS || seen.contains(&id) {
            continue;
        }
        seen.push(id);
        let by = &request.principal;
        let text =
            |text: Option<&String>| said(text.map(String::as_str)).map(|t| shown(t, TAG_NAME));
        let owner = by.account.as_deref().filter(|account| is_account(account));
        let details = json!({"AwsIamAccessKey": {
            "AccessKeyId": shown(id, ID),
            "AccountId": owner,
            "PrincipalType": text(by.kind.as_ref()),
            "PrincipalName": said(by.arn.as_deref()).map(|arn| shown(name_of(arn), TAG_NAME)),
        }});
        all.push(entry("AwsIamAccessKey", id, place, &json!({"Details": details})));
    }
    all
}

/// Tags with a name and a value, of which there are not too many. ASFF knows none with an empty value.
fn tags(tags: &BTreeMap<String, String>, room: Room) -> BTreeMap<String, String> {
    let is_said = |text: &str| said(Some(text)).is_some();
    let named = tags.iter().filter(|(name, value)| is_said(name) && is_said(value));
    let named = named.take(room.tags);
    named.map(|(name, value)| (shown(name, TAG_NAME), shown(value, TAG_VALUE))).collect()
}
