//! The rules of the twin, each as its page in rules/ says.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::history::POLICIES;
use super::twin::{Found, Kind, One, Told, kinds, text};
use crate::model::level::Level;
use crate::model::time::Time;

/// Fewest services, accounts and principals of a blast radius, and encryptions of one that only
/// encrypts.
pub const LOW: [usize; 4] = [2, 2, 3, 2];
/// Roles that only encrypt, that are automation, in the order of the settings.
pub const ROLES: [&str; 2] = ["role/writer", "role/deploy"];

const DAY: i64 = 86_400_000_000;

/// What the twin finds in records that are all different.
pub fn findings(records: &[Value], each: bool, [since, until]: [Option<Time>; 2]) -> Vec<Told> {
    let all = records.iter().map(|value| One::read(value, since));
    let mut all: Vec<One<'_>> =
        all.filter(|one| until.is_none_or(|until| one.time < until)).collect();
    // No rule sees what CloudTrail does for itself, unless it fails.
    all.retain(|one| one.attempt || !one.is_delivery());
    all.sort_by_key(One::order);
    let recipients: BTreeSet<String> = all.iter().filter_map(|one| one.account.clone()).collect();
    let kinds = kinds(&all);
    let mut found = Found::default();
    let mut keys: BTreeMap<&str, Vec<&Kind<'_>>> = BTreeMap::new();
    for kind in &kinds {
        if let Some(key) = &kind.first().key {
            keys.entry(key).or_default().push(kind);
        }
    }
    for (key, kinds) in &keys {
        blast(&mut found, kinds, &recipients);
        first_use(&mut found, kinds);
        encrypt_only(&mut found, kinds);
        admin_and_use(&mut found, &all, (key, kinds));
        service_only(&mut found, &all, (key, kinds));
    }
    deletions(&mut found, &all, &keys, each);
    bursts(&mut found, &all);
    parameters(&mut found, &all, &kinds);
    functions(&mut found, &all, &kinds);
    found.told()
}

/// Of what a finding shows account, Region, principal, key and resource.
fn about(one: &One<'_>, shown: [bool; 3]) -> [Option<String>; 5] {
    let of = |at: usize, value: &Option<String>| value.clone().filter(|_| shown[at]);
    [
        one.account.clone(),
        one.region.clone(),
        of(0, &one.principal),
        of(1, &one.key),
        of(2, &one.resource),
    ]
}

const KEY: [bool; 3] = [false, true, false];
const PRINCIPAL_AND_KEY: [bool; 3] = [true, true, false];
const EVENT: [bool; 3] = [true, true, true];

/// A finding that rests on uses, if any of them is in the range; about the first.
fn of_kinds(found: &mut Found, rule: &str, level: Level, kinds: &[&Kind<'_>], shown: [bool; 3]) {
    let Some(first) = kinds.first().map(|kind| kind.first()) else { return };
    if !kinds.iter().any(|kind| kind.reported()) {
        return;
    }
    let told = Told {
        rule: rule.to_owned(),
        level,
        attempt: false,
        about: about(first, shown),
        count: kinds.iter().map(|kind| kind.0.len() as u64).sum(),
        times: (
            kinds.iter().map(|kind| kind.first().time).min(),
            kinds.iter().map(|kind| kind.last()).max(),
        ),
        events: Vec::new(),
    };
    let events = kinds.iter().map(|kind| kind.first().order()).collect();
    found.add(format!("{:?}", told.about), told, events);
}

fn blast(found: &mut Found, kinds: &[&Kind<'_>], recipients: &BTreeSet<String>) {
    let done: Vec<&Kind<'_>> = kinds.iter().filter(|kind| !kind.first().attempt).copied().collect();
    let firsts = || done.iter().map(|kind| kind.first());
    if firsts().any(|one| one.alias.as_deref().is_some_and(|name| name.starts_with("alias/aws/"))) {
        return;
    }
    let service = |one: &One<'_>| match &one.resource {
        Some(arn) => arn.split(':').nth(2).map(str::to_owned),
        None => Some(one.invoked_by.as_ref()?.strip_suffix(".amazonaws.com")?.to_owned()),
    };
    let services: BTreeSet<String> = firsts().filter_map(service).collect();
    let accounts = firsts().filter_map(|one| text(one.value, "/userIdentity/accountId"));
    let accounts: BTreeSet<String> =
        accounts.filter(|account| !recipients.contains(account)).collect();
    let principals: BTreeSet<&String> = firsts().filter_map(|one| one.principal.as_ref()).collect();
    if services.len() >= LOW[0] || accounts.len() >= LOW[1] || principals.len() >= LOW[2] {
        of_kinds(found, "key-blast-radius", Level::Low, &done, KEY);
    }
}

fn first_use(found: &mut Found, kinds: &[&Kind<'_>]) {
    let counts = |kind: &&&Kind<'_>| kind.first().actor != "service" && !kind.first().attempt;
    let kinds: Vec<&Kind<'_>> = kinds.iter().filter(counts).copied().collect();
    let Some(begin) = kinds.first().map(|kind| kind.first().time) else { return };
    let mut seen = HashSet::new();
    for kind in kinds {
        let one = kind.first();
        if seen.insert(&one.principal) && one.time.0 - begin.0 >= 7 * DAY {
            let level = if one.actor == "direct" { Level::Medium } else { Level::Low };
            of_kinds(found, "first-use-of-key", level, &[kind], PRINCIPAL_AND_KEY);
        }
    }
}

fn encrypt_only(found: &mut Found, kinds: &[&Kind<'_>]) {
    let principals: BTreeSet<&Option<String>> =
        kinds.iter().map(|kind| &kind.first().principal).collect();
    for principal in principals {
        let own = |kind: &&&Kind<'_>| {
            kind.first().principal == *principal && kind.first().actor != "service"
        };
        let own: Vec<&Kind<'_>> = kinds.iter().filter(own).copied().collect();
        let decrypts = |kind: &&Kind<'_>| matches!(kind.first().name, "Decrypt" | "ReEncrypt");
        let (read, rest): (Vec<&Kind<'_>>, Vec<&Kind<'_>>) = own.into_iter().partition(decrypts);
        let Some(first) = read.first().map(|kind| kind.first().time) else { continue };
        let wrote = |kind: &&&Kind<'_>| {
            let name = kind.first().name;
            let encrypts =
                matches!(name, "Encrypt" | "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext");
            encrypts && !kind.first().attempt && kind.last() < first
        };
        let before: usize = rest.iter().filter(wrote).map(|kind| kind.0.len()).sum();
        let configured = principal.as_deref().is_some_and(|arn| arn.ends_with(ROLES[0]));
        if !configured && before < LOW[3] {
            continue;
        }
        let done: Vec<&Kind<'_>> =
            read.iter().filter(|kind| !kind.first().attempt).copied().collect();
        let (level, kinds) = match done.is_empty() {
            true => (Level::Low, read),
            false => (Level::Medium, done),
        };
        of_kinds(found, "encrypt-only-role-decrypts", level, &kinds, PRINCIPAL_AND_KEY);
    }
}

fn admin_and_use(found: &mut Found, all: &[One<'_>], (key, kinds): (&str, &[&Kind<'_>])) {
    let by_hand = |one: &One<'_>| matches!(one.actor, "direct" | "via") && !one.attempt;
    let manages = |one: &&One<'_>| {
        let names =
            ["PutKeyPolicy", "ScheduleKeyDeletion", "DisableKey", "CreateAlias", "CreateGrant"];
        let for_service = one.actor == "via" && one.name == "CreateGrant";
        one.is_kms() && names.contains(&one.name) && one.key.as_deref() == Some(key) && !for_service
    };
    let managed: Vec<&One<'_>> = all.iter().filter(manages).filter(|one| by_hand(one)).collect();
    let principals: BTreeSet<&Option<String>> = managed.iter().map(|one| &one.principal).collect();
    for principal in principals {
        let calls: Vec<&One<'_>> =
            managed.iter().filter(|one| one.principal == *principal).copied().collect();
        let own = |kind: &&&Kind<'_>| kind.first().principal == *principal && by_hand(kind.first());
        let used: Vec<&Kind<'_>> = kinds.iter().filter(own).copied().collect();
        let reported = calls.iter().any(|one| one.reported) || used.iter().any(|k| k.reported());
        if used.is_empty() || !reported {
            continue;
        }
        let automation = principal.as_deref().is_some_and(|arn| arn.ends_with(ROLES[1]));
        let uses: usize = used.iter().map(|kind| kind.0.len()).sum();
        let times = |one: &&One<'_>| one.time;
        let begin = calls.iter().map(times).chain(used.iter().map(|kind| kind.first().time)).min();
        let end = calls.iter().map(times).chain(used.iter().map(|kind| kind.last())).max();
        let told = Told {
            rule: "admin-and-use".into(),
            level: if automation { Level::Low } else { Level::Medium },
            attempt: false,
            about: about(calls[0], PRINCIPAL_AND_KEY),
            count: (calls.len() + uses) as u64,
            times: (begin, end),
            events: Vec::new(),
        };
        let events = calls.iter().map(|one| one.order());
        let events = events.chain(used.iter().map(|kind| kind.first().order())).collect();
        found.add(format!("{:?}", told.about), told, events);
    }
}

fn service_only(found: &mut Found, all: &[One<'_>], (key, kinds): (&str, &[&Kind<'_>])) {
    let sets = |one: &&One<'_>| {
        one.name == "PutKeyPolicy" && !one.attempt && one.key.as_deref() == Some(key)
    };
    let policies: Vec<&One<'_>> = all.iter().filter(sets).collect();
    for kind in kinds.iter().filter(|kind| !kind.first().attempt) {
        let one = kind.first();
        let host = one.invoked_by.as_deref().and_then(|host| host.strip_suffix(".amazonaws.com"));
        let by = match (one.actor, host) {
            ("direct", _) => "",
            ("via", Some(host)) => host,
            _ => continue,
        };
        let before = policies.iter().rfind(|policy| policy.time < one.time);
        let during = |policy: &&One<'_>| policy.time >= one.time && policy.time <= kind.last();
        let Some(policy) = before.filter(|_| !policies.iter().any(during)) else { continue };
        let text = text(policy.value, "/requestParameters/policy").unwrap_or_default();
        let number = (0..POLICIES.len()).find(|number| super::history::policy(*number) == text);
        let services = number.map_or(&[][..], |number| POLICIES[number]);
        if !services.is_empty() && !services.contains(&by) {
            let rule = "service-only-key-used-directly";
            of_kinds(found, rule, Level::High, &[kind], PRINCIPAL_AND_KEY);
        }
    }
}

fn deletions(
    found: &mut Found,
    all: &[One<'_>],
    keys: &BTreeMap<&str, Vec<&Kind<'_>>>,
    each: bool,
) {
    for one in all.iter().filter(|one| one.name == "ScheduleKeyDeletion" && one.reported) {
        let uses = one.key.as_deref().and_then(|key| keys.get(key));
        let in_use = uses.into_iter().flatten().any(|kind| {
            let recent = kind.last().0 >= one.time.0 - 30 * DAY;
            !kind.first().attempt && kind.first().time <= one.time && recent
        });
        let level = match (in_use, one.attempt) {
            (true, false) => Level::Critical,
            (true, true) | (false, false) => Level::High,
            (false, true) => Level::Medium,
        };
        let told = Told {
            rule: "key-deletion-scheduled".into(),
            level,
            attempt: one.attempt,
            about: about(one, EVENT),
            count: 1,
            times: (Some(one.time), Some(one.time)),
            events: Vec::new(),
        };
        let event = each.then(|| one.id.clone());
        found.add(format!("{:?} {event:?}", told.about), told, [one.order()].into());
    }
}

/// Whether a rule counts a record as a decryption.
fn is_read(one: &One<'_>) -> bool {
    let context = one.value.pointer("/requestParameters/encryptionContext");
    let by_hand = matches!(one.actor, "direct" | "via") && !one.attempt;
    let has = |name: &str| context.is_some_and(|context| context.get(name).is_some());
    let elsewhere = one.actor == "via" && has("SecretARN");
    let own = text(one.value, "/userIdentity/accountId") == one.account;
    one.is_kms()
        && one.name == "Decrypt"
        && context.is_some()
        && by_hand
        && one.subject().is_some()
        && !(elsewhere && own && !has("aws:cloudtrail:arn"))
}

fn bursts(found: &mut Found, all: &[One<'_>]) {
    let of_log = |one: &One<'_>| one.context.iter().any(|(name, _)| name == "aws:cloudtrail:arn");
    let mut groups: BTreeMap<_, Vec<&One<'_>>> = BTreeMap::new();
    for one in all.iter().filter(|one| is_read(one)) {
        groups.entry((of_log(one), &one.account, &one.principal)).or_default().push(one);
    }
    for ((logs, account, principal), ones) in groups {
        let judged = match logs {
            true => logs_read(&ones),
            false => super::reads::judged(all, &ones),
        };
        let Some((level, mut taken)) = judged else { continue };
        taken.sort_by_key(|one| one.order());
        taken.dedup_by_key(|one| one.order());
        let Some(last) = taken.last().map(|one| one.time) else { continue };
        let end = taken.get(9).map_or(last, |one| one.time);
        let shown: Vec<&&One<'_>> = taken.iter().filter(|one| one.time <= end).collect();
        let alike = |of: fn(&One<'_>) -> Option<String>| {
            let all: BTreeSet<_> = shown.iter().map(|one| of(one)).collect();
            if all.len() == 1 { all.into_iter().next().flatten() } else { None }
        };
        let (key, resource) = (alike(|one| one.key.clone()), alike(|one| one.resource.clone()));
        let told = Told {
            rule: "decrypt-burst".into(),
            level,
            attempt: false,
            about: [account.clone(), None, principal.clone(), key, resource],
            count: taken.len() as u64,
            times: (taken.first().map(|one| one.time), Some(last)),
            events: Vec::new(),
        };
        let events = taken.iter().map(|one| one.order()).collect();
        found.add(format!("{account:?} {principal:?}"), told, events);
    }
}

/// The log files in windows that hold.
fn logs_read<'o, 'v>(ones: &[&'o One<'v>]) -> Option<(Level, Vec<&'o One<'v>>)> {
    let is_reported = |window: &Vec<&One<'_>>| window.iter().any(|one| one.reported);
    let windows = super::reads::windows(ones).into_iter().filter(is_reported);
    let taken = windows.flatten().collect();
    Some((Level::Low, taken))
}

fn parameters(found: &mut Found, all: &[One<'_>], kinds: &[Kind<'_>]) {
    let name = |one: &One<'_>| {
        let name = text(one.value, "/requestParameters/name").unwrap_or_default();
        name.rsplit('/').next().unwrap_or_default().to_owned()
    };
    let kind = |one: &One<'_>| text(one.value, "/requestParameters/type").unwrap_or_default();
    let put = |one: &&One<'_>| {
        let overwrites = one.value["requestParameters"]["overwrite"] == true;
        one.name == "PutParameter" && !one.attempt && (overwrites || kind(one) == "SecureString")
    };
    let puts: Vec<&One<'_>> = all.iter().filter(put).collect();
    for plain in puts.iter().filter(|one| kind(one) != "SecureString" && one.reported) {
        let before = |one: &&&One<'_>| one.time < plain.time && name(one) == name(plain);
        let state = puts.iter().rfind(before).map(|one| kind(one));
        let arn = format!("arn:aws:ssm:eu-central-1:111122223333:parameter/{}", name(plain));
        let used = kinds.iter().any(|kind| {
            let one = kind.first();
            one.resource.as_ref() == Some(&arn) && !one.attempt && one.time < plain.time
        });
        if state.map_or(used, |kind| kind == "SecureString") {
            let of_one = Kind(vec![(*plain).clone()]);
            of_kinds(found, "ssm-securestring-downgraded", Level::High, &[&of_one], EVENT);
        }
    }
}

fn functions(found: &mut Found, all: &[One<'_>], kinds: &[Kind<'_>]) {
    for number in 0..3 {
        let arn = format!("arn:aws:lambda:eu-central-1:111122223333:function:f{number}");
        let of_it = |one: &&One<'_>| {
            let answered = text(one.value, "/responseElements/functionArn");
            answered.as_ref() == Some(&arn) && !one.attempt
        };
        let owns = |one: &&One<'_>| text(one.value, "/responseElements/kMSKeyArn").is_some();
        let set: Vec<&One<'_>> = all.iter().filter(of_it).collect();
        let default = !set.is_empty() && !set.iter().any(owns);
        let used = |kind: &&Kind<'_>| {
            kind.first().resource.as_ref() == Some(&arn) && !kind.first().attempt
        };
        let used: Vec<&Kind<'_>> = kinds.iter().filter(used).collect();
        let named =
            used.iter().any(|kind| kind.first().alias.as_deref() == Some("alias/aws/lambda"));
        if let Some(first) = used.first().filter(|_| named || default) {
            of_kinds(found, "lambda-env-default-key", Level::Low, &[first], EVENT);
        }
    }
}
