//! Turns what does not verify into findings.
//!
//! Findings are grouped by account, Region, kind and verdict, so that a missing folder is one finding
//! and not ten thousand. What must stay true: everything that makes `verify` exit with 1 is in a
//! finding, and a fingerprint depends on what was found, not on where the copy lies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::place;
use crate::model::finding::{EventRef, Finding, Resource, Status};
use crate::model::origin::Origin;
use crate::model::principal::Principal;
use crate::model::rule_meta::RuleMeta;
use crate::model::time::Time;
use crate::model::verified::{About, Chain, Kind, Verified};
use crate::source::hashed::hex;

/// How many files a finding shows.
const SHOWN: usize = 10;

/// What makes two faults the same finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    account: Option<String>,
    region: Option<String>,
    kind: &'static str,
    verdict: &'static str,
    /// The one file, if each is a finding.
    one: Option<String>,
}

/// One fault. Ordered as a finding shows them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    time: Option<Time>,
    /// What names it wherever it lies.
    name: String,
    origin: Arc<str>,
    detail: String,
    count: u64,
    trail: Option<String>,
    /// The `s3://` name under which it was delivered.
    object: Option<String>,
    resource: (String, &'static str),
}

/// Everything that counts against what was verified, as findings of `rule`.
pub(super) fn findings(verified: &Verified, rule: &RuleMeta, each: bool) -> Vec<Finding> {
    let mut groups: BTreeMap<Group, Vec<Fault>> = BTreeMap::new();
    let mut add = |mut group: Group, fault: Fault| {
        group.one = each.then(|| fault.name.clone());
        groups.entry(group).or_default().push(fault);
    };
    for item in verified.items.iter().filter(|item| item.bad) {
        let kind = match item.kind {
            Kind::Log => "log",
            Kind::Digest => "digest",
        };
        let About { account, region, trail, time, object } = item.about.clone();
        let delivered = object.clone().unwrap_or_else(|| item.origin.to_string());
        let partition = region.as_deref().map_or("aws", partition);
        let fault = Fault {
            time,
            // Of a copy whose place nobody signed only the file's own name is the same everywhere.
            name: object.clone().unwrap_or_else(|| place::base(&item.origin).to_owned()),
            object,
            origin: Arc::clone(&item.origin),
            detail: item.detail.clone(),
            count: item.count,
            trail,
            resource: (arn(partition, &delivered), "AWS::S3::Object"),
        };
        add(Group { account, region, kind, verdict: item.verdict, one: None }, fault);
    }
    for chain in &verified.chains {
        chain_faults(chain).for_each(|(verdict, fault)| add(of(chain, verdict), fault));
    }
    groups.into_iter().map(|(group, faults)| finding(rule, group, faults)).collect()
}

fn of(chain: &Chain, verdict: &'static str) -> Group {
    let (account, region) = (Some(chain.account.clone()), Some(chain.region.clone()));
    Group { account, region, kind: "chain", verdict, one: None }
}

/// What is wrong with a chain as a whole, beside the digests that it lacks.
fn chain_faults(chain: &Chain) -> impl Iterator<Item = (&'static str, Fault)> {
    let fault = |time: Time, detail: String| Fault {
        time: Some(time),
        name: format!("{} {time}", chain.trail),
        origin: chain.trail.as_str().into(),
        detail,
        count: 1,
        trail: Some(chain.trail.clone()),
        object: None,
        resource: (chain.trail.clone(), "AWS::CloudTrail::Trail"),
    };
    let gaps = chain.gaps.iter().map(move |gap| {
        ("gap", fault(gap.from, format!("nothing is signed from {} to {}", gap.from, gap.to)))
    });
    let (hours, minutes) = (chain.tail_age_secs / 3600, chain.tail_age_secs / 60 % 60);
    let early = chain.ends_early.then(|| {
        let detail = format!(
            "the last digest ends {}, {hours} h {minutes} min before the end of the range",
            chain.end
        );
        ("ends-early", fault(chain.end, detail))
    });
    gaps.chain(early)
}

/// `arn:aws:s3:::BUCKET/KEY` of `s3://BUCKET/KEY`; any other name as it is.
fn arn(partition: &str, name: &str) -> String {
    match name.strip_prefix("s3://") {
        Some(object) => format!("arn:{partition}:s3:::{object}"),
        None => name.to_owned(),
    }
}

fn partition(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

fn finding(rule: &RuleMeta, group: Group, mut faults: Vec<Fault>) -> Finding {
    faults.sort();
    let count = faults.iter().map(|fault| fault.count).sum();
    let trails: BTreeSet<&String> =
        faults.iter().filter_map(|fault| fault.trail.as_ref()).collect();
    let shown = &faults[..faults.len().min(SHOWN)];
    let one = |fault: &Fault| {
        json!({"origin": fault.origin, "object": fault.object, "detail": fault.detail,
            "trail": fault.trail, "count": fault.count})
    };
    let items: Vec<Value> = shown.iter().map(one).collect();
    let first = shown.first();
    let detail = first.map(|fault| fault.detail.as_str()).unwrap_or_default();
    let (kind, verdict) = (group.kind, group.verdict);
    let more = match count {
        0 | 1 => String::new(),
        more => format!(" ({more} of them)"),
    };
    let colon = if detail.is_empty() { "" } else { ": " };
    let details = [
        ("kind", json!(kind)),
        ("verdict", json!(verdict)),
        ("why", json!(format!("{kind} {verdict}{more}{colon}{detail}"))),
        ("trails", json!(trails)),
        ("items", json!(items)),
        ("items_not_listed", json!(faults.len() - shown.len())),
    ];
    let event = |fault: &Fault| EventRef {
        time: fault.time,
        id: None,
        name: verdict.to_owned(),
        origin: Origin::blob(Arc::clone(&fault.origin)),
    };
    Finding {
        fresh: true,
        fingerprint: fingerprint(&rule.id, &group),
        rule: rule.id.clone(),
        title: rule.title.clone(),
        level: rule.level,
        attempt: false,
        count,
        first_seen: faults.iter().filter_map(|fault| fault.time).min(),
        last_seen: faults.iter().filter_map(|fault| fault.time).max(),
        status: Status::New,
        account: group.account,
        region: group.region,
        principal: Principal::nobody(),
        source_ip: None,
        user_agent: None,
        key: None,
        resource: first.map(|fault| {
            let (arn, kind) = fault.resource.clone();
            Resource { arn, kind: Some(kind.to_owned()), tags: BTreeMap::new() }
        }),
        events: shown.iter().map(event).collect(),
        details: details.map(|(name, value)| (name.to_owned(), value)).into(),
        attack: rule.attack(),
        references: rule.references.clone(),
        advice: rule.advice.clone(),
    }
}

/// 128 bits of SHA-256 over what makes the group, in hexadecimal.
fn fingerprint(rule: &str, group: &Group) -> String {
    let mut hash = Sha256::new();
    let Group { account, region, kind, verdict, one } = group;
    let text = |field: &Option<String>| field.as_ref().map(|text| format!("+{text}"));
    let fields = [
        Some(rule.to_owned()),
        text(account),
        text(region),
        Some((*kind).to_owned()),
        Some((*verdict).to_owned()),
        text(one),
    ];
    for field in fields {
        let field = field.unwrap_or_default();
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field);
    }
    hex(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::level::Level;
    use crate::model::verified::{Item, LogVerdict, Verdict};

    fn rule() -> RuleMeta {
        RuleMeta {
            id: "log-tampering".into(),
            title: "X".into(),
            level: Level::Critical,
            group: None,
            tags: vec![],
            references: vec![],
            advice: None,
            description: None,
            false_positives: vec![],
            tier: None,
            whitepaper: vec![],
            origin: "x.yml".into(),
        }
    }

    fn missing(folder: &str, number: usize) -> Item {
        let object = format!("s3://b/{number:05}.json.gz");
        let region = Some("us-gov-west-1".to_owned());
        Item {
            kind: Kind::Log,
            origin: format!("{folder}/{number:05}.json.gz").into(),
            verdict: LogVerdict::Missing.as_str(),
            detail: "gone".into(),
            bad: true,
            count: 1,
            about: About { region, object: Some(object), ..About::default() },
        }
    }

    #[test]
    fn a_folder_that_is_gone_is_one_finding_wherever_the_copy_lies() {
        let items = |folder: &str| (0..12_000).map(|n| missing(folder, n)).collect();
        let of = |folder: &str, each| {
            let verified = Verified { items: items(folder), ..Verified::default() };
            findings(&verified, &rule(), each)
        };
        let [one] = &of("a", false)[..] else { panic!("one is expected") };
        assert_eq!((one.count, one.events.len()), (12_000, 10));
        assert_eq!(one.details["items_not_listed"], 11_990);
        assert_eq!(one.resource.as_ref().unwrap().arn, "arn:aws-us-gov:s3:::b/00000.json.gz");
        assert_eq!(one.fingerprint, of("b", false)[0].fingerprint);
        let fingerprints = |folder: &str| {
            of(folder, true).into_iter().map(|f| f.fingerprint).collect::<BTreeSet<_>>()
        };
        assert_eq!(fingerprints("a").len(), 12_000);
        assert_eq!(fingerprints("a"), fingerprints("b"));
    }
}
