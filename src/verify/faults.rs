//! Groups what does not verify, as a report tells it.
//!
//! Faults are grouped by account, Region, kind and verdict, so that a missing folder is one finding
//! and not ten thousand. The rules decide how serious they are. What must stay true:
//! everything that makes `verify` exit with 1 is a fault, and what names it does not depend on where
//! the copy lies.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::place;
use crate::model::time::Time;
use crate::model::verified::{About, Chain, Fault, Kind, Unverified, Verified};

/// What makes two faults the same finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    account: Option<String>,
    region: Option<String>,
    kind: &'static str,
    verdict: &'static str,
    /// The name of the fault, if every fault is a finding of its own.
    one: Option<String>,
}

/// Everything that did not verify, in one group for each finding. With `each`, every fault is a
/// group.
pub(super) fn unverified(verified: &Verified, each: bool) -> Vec<Unverified> {
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
            // If no signature covers the original place, only the file's own name is the same in
            // every copy.
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
    let sorted = |(group, mut faults): (Group, Vec<Fault>)| {
        faults.sort();
        let Group { account, region, kind, verdict, one } = group;
        Unverified { account, region, kind, verdict, one, faults }
    };
    groups.into_iter().map(sorted).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::verified::{Item, LogVerdict, Verdict};

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
    fn a_folder_that_is_gone_is_one_group_wherever_the_copy_lies() {
        let of = |folder: &str, each| {
            let items = (0..12_000).rev().map(|number| missing(folder, number)).collect();
            unverified(&Verified { items, ..Verified::default() }, each)
        };
        let [one] = &of("a", false)[..] else { panic!("one is expected") };
        assert_eq!((one.count(), one.shown().len(), one.faults.len()), (12_000, 10, 12_000));
        assert_eq!(one.shown()[0].resource.0, "arn:aws-us-gov:s3:::b/00000.json.gz");
        let names = |folder: &str| -> Vec<_> {
            of(folder, true).into_iter().map(|one| (one.one, one.faults.len())).collect()
        };
        assert_eq!(names("a").len(), 12_000);
        assert_eq!(names("a")[0], (Some("s3://b/00000.json.gz".to_owned()), 1));
        assert_eq!(names("a"), names("b"));
    }
}
