//! Reads of secrets, reads of keys, and sources of calls, each judged by other days, against a plain,
//! slow twin.
//!
//! Few principals do much the same on many days, and sometimes something else, so that something is
//! usual. What must stay true: the twin shares no code with the engine but what judges one day of reads.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::history::Rng;
use super::{How, files, outcome, plan};
use crate::detect::RuleSet;
use crate::detect::usual::{ReadDay, Reads, judge};
use crate::engine::{Limits, Plan};
use crate::model::actor_kind::ActorKind;
use crate::model::level::Level;
use crate::model::time::Time;
use crate::record::kms::is_admin;

const RULES: [&str; 3] = ["secret-bulk-read", "kms-enumeration", "role-new-source"];
const CASES: u64 = 40;
const DAY: i64 = 86_400_000_000;
const LOOKS: [&str; 6] =
    ["ListKeys", "ListAliases", "DescribeKey", "GetKeyPolicy", "ListGrants", "GetPublicKey"];
const NETWORKS: [(&str, &str); 8] = [
    ("10.0.0.1", "private"),
    ("192.168.3.4", "private"),
    ("192.0.2.7", "192.0.0.0/16"),
    ("198.51.100.2", "198.51.0.0/16"),
    ("203.0.113.9", "203.0.0.0/16"),
    ("100.64.0.9", "100.64.0.0/16"),
    ("100.65.0.9", "100.65.0.0/16"),
    ("2001:db8::1", "2001:db8::/32"),
];
const AGENTS: [&str; 4] = ["Boto3/1.2", "Boto3/1.3 x", "aws-cli/2", "curl/8"];
const WHO: [&str; 4] = ["app", "orders", "deploy", "ana"];

/// A record, as the twin sees it.
struct One<'v> {
    value: &'v Value,
    time: i64,
    name: &'v str,
    who: &'v str,
    failed: bool,
}

impl<'v> One<'v> {
    fn read(value: &'v Value) -> One<'v> {
        let text = |path: &str| value.pointer(path).and_then(Value::as_str);
        One {
            value,
            time: Time::parse(value["eventTime"].as_str().unwrap()).unwrap().0,
            name: text("/eventName").unwrap(),
            who: text("/userIdentity/sessionContext/sessionIssuer/arn")
                .or(text("/userIdentity/arn"))
                .unwrap(),
            failed: value.get("errorCode").is_some(),
        }
    }

    fn day(&self) -> i64 {
        self.time.div_euclid(DAY)
    }

    fn is_of(&self, service: &str) -> bool {
        self.value["eventSource"] == format!("{service}.amazonaws.com")
    }

    fn kind(&self) -> ActorKind {
        match self.who {
            who if who.ends_with("role/deploy") => ActorKind::Automation,
            who if who.contains(":user/") => ActorKind::Person,
            _ => ActorKind::Workload,
        }
    }
}

/// What is compared of a finding: rule, principal, level, how many records, the first and the last.
type Told = (String, String, Level, u64, i64, i64);

struct Maker {
    rng: Rng,
    made: Vec<Value>,
}

impl Maker {
    fn add(
        &mut self,
        who: usize,
        (second, source): (usize, (usize, usize)),
        of: (&str, &str),
        request: Value,
    ) {
        let user = json!({"type": "IAMUser", "accountId": "111122223333",
            "arn": format!("arn:aws:iam::111122223333:user/{}", WHO[who])});
        let role = json!({"type": "AssumedRole", "accountId": "111122223333",
            "arn": format!("arn:aws:sts::111122223333:assumed-role/{}/s", WHO[who]),
            "sessionContext": {"sessionIssuer":
                {"arn": format!("arn:aws:iam::111122223333:role/{}", WHO[who])}}});
        let (day, rest) = (second / 86_400, second % 86_400);
        let time = format!(
            "2026-10-{:02}T{:02}:{:02}:{:02}Z",
            day + 1,
            rest / 3_600,
            rest / 60 % 60,
            rest % 60
        );
        let number = self.made.len();
        let mut record = json!({"eventID": format!("00000000-0000-4000-8000-{number:012}"),
            "eventTime": time, "eventSource": format!("{}.amazonaws.com", of.0), "eventName": of.1,
            "awsRegion": "eu-central-1", "recipientAccountId": "111122223333",
            "userIdentity": if WHO[who] == "ana" { user } else { role },
            "sourceIPAddress": NETWORKS[source.0].0, "userAgent": AGENTS[source.1],
            "requestParameters": request});
        if let Some(key) = record["requestParameters"]["keyId"].as_str().map(str::to_owned) {
            record["resources"] = json!([{"ARN": key}]);
        }
        if self.rng.chance(8) {
            record["errorCode"] = json!("AccessDenied");
        }
        self.made.push(record);
    }

    fn key(&mut self) -> Value {
        let number = self.rng.below(8);
        json!({"keyId": format!("arn:aws:kms:eu-central-1:111122223333:key/0000000{number}-1111-4222-8333-444455556666")})
    }

    /// Some of what a principal does on one day, in a quarter of an hour.
    fn day(&mut self, who: usize, day: usize) {
        let begin = day * 86_400 + self.rng.below(3) * 3_600;
        let usual = (who % 2, who % 3);
        for _ in 0..1 + self.rng.below(3) {
            let odd = self.rng.chance(15);
            let source = if odd { (self.rng.below(8), self.rng.below(4)) } else { usual };
            let second = begin + self.rng.below(900);
            match (odd, self.rng.below(4)) {
                (true, 0) => self.single(who, (second, source)),
                (_, 1) => {
                    let (first, many) = (self.rng.below(3) * 20, 4 + self.rng.below(30));
                    for secret in first..first + many {
                        let at = begin + self.rng.below(900);
                        let id = format!(
                            "arn:aws:secretsmanager:eu-central-1:111122223333:secret:s{secret}-a1B2c3"
                        );
                        self.add(
                            who,
                            (at, source),
                            ("secretsmanager", "GetSecretValue"),
                            json!({"secretId": id}),
                        );
                    }
                }
                (_, 2) => {
                    for _ in 0..self.rng.below(12) {
                        let (at, name) =
                            (begin + self.rng.below(900), LOOKS[self.rng.below(LOOKS.len())]);
                        let key = self.key();
                        self.add(who, (at, source), ("kms", name), key);
                    }
                }
                _ => self.single(who, (second, source)),
            }
        }
    }

    fn single(&mut self, who: usize, at: (usize, (usize, usize))) {
        let names = ["Decrypt", "Decrypt", "Decrypt", "Encrypt", "CreateGrant", "PutKeyPolicy"];
        let name = *self.rng.pick(&names);
        let key = self.key();
        self.add(who, at, ("kms", name), key);
    }
}

fn history(seed: u64) -> Vec<Value> {
    let mut maker = Maker { rng: Rng(seed), made: Vec::new() };
    let days = 2 + maker.rng.below(9);
    for who in 0..WHO.len() {
        for day in 0..days {
            if maker.rng.chance(80) {
                maker.day(who, day);
            }
        }
    }
    maker.made
}

/// Days in the order of time, each with the records of windows that hold, and what they counted.
#[derive(Default)]
struct Held {
    records: BTreeSet<String>,
    in_window: usize,
    new_in_window: usize,
}

fn id(one: &One<'_>) -> String {
    one.value["eventID"].to_string()
}

/// For one principal what a rule finds in `ones`: records and level.
fn reads(
    (reads, least): (Reads, usize),
    (log, ones): ((i64, i64), &[&One<'_>]),
    known_on: &BTreeSet<i64>,
    value: &dyn Fn(&One<'_>) -> String,
) -> Vec<(Level, BTreeSet<String>)> {
    let days: BTreeSet<i64> = ones.iter().map(|one| one.day()).collect();
    let is_new = |one: &One<'_>| {
        let seen = ones.iter().filter(|other| value(other) == value(one)).map(|other| other.day());
        let seen: BTreeSet<i64> = seen.collect();
        match known_on.first() == Some(&one.day()) {
            true => !seen.iter().any(|day| *day != one.day()),
            false => !seen.iter().any(|day| *day < one.day()),
        }
    };
    let different =
        |all: &[&&One<'_>]| all.iter().map(|one| value(one)).collect::<BTreeSet<_>>().len();
    let mut held: BTreeMap<i64, Held> = BTreeMap::new();
    for end in ones.iter().map(|one| one.time).collect::<BTreeSet<i64>>() {
        let window: Vec<&&One<'_>> =
            ones.iter().filter(|one| (end - 600_000_000..=end).contains(&one.time)).collect();
        if different(&window) >= least {
            let of_day = held.entry(end.div_euclid(DAY)).or_default();
            let new: Vec<&&One<'_>> = window.iter().copied().filter(|one| is_new(one)).collect();
            of_day.in_window = of_day.in_window.max(different(&window));
            of_day.new_in_window = of_day.new_in_window.max(different(&new));
            of_day.records.extend(window.into_iter().map(|one| id(one)));
        }
    }
    let mut found = Vec::new();
    for today in &days {
        let of_day = |day: i64| ones.iter().filter(move |one| one.day() == day);
        let new: Vec<&&One<'_>> = of_day(*today).filter(|one| is_new(one)).collect();
        let others = || days.iter().filter(|day| *day != today);
        let none = Held::default();
        let of_windows = held.get(today).unwrap_or(&none);
        let other_held = others().filter(|day| held.contains_key(day)).count();
        let told = ReadDay {
            reads,
            actor: ones[0].kind(),
            holds: held.contains_key(today),
            in_window: of_windows.in_window as u64,
            new_in_window: of_windows.new_in_window as u64,
            new_in_day: different(&new) as u64,
            busiest: others()
                .map(|day| different(&of_day(*day).collect::<Vec<_>>()))
                .max()
                .unwrap_or(0) as u64,
            other_held,
            other_days: others().count().min(3),
            log_days: u16::try_from(log.1 - log.0 + 1).unwrap(),
            days_before: u16::try_from(today - log.0).unwrap(),
        };
        let Some(unusual) = judge(&told) else { continue };
        let records = match unusual.slow {
            true => new.into_iter().map(|one| id(one)).collect(),
            false => of_windows.records.clone(),
        };
        found.push((unusual.level, records));
    }
    found
}

/// One finding of all that a rule found of a principal.
fn tell(
    rule: &str,
    who: &str,
    ones: &[&One<'_>],
    found: &[(Level, BTreeSet<String>)],
) -> Option<Told> {
    let level = found.iter().map(|(level, _)| *level).max()?;
    let all: BTreeSet<&String> = found.iter().flat_map(|(_, records)| records).collect();
    let times = || ones.iter().filter(|one| all.contains(&id(one))).map(|one| one.time);
    Some((rule.into(), who.into(), level, all.len() as u64, times().min()?, times().max()?))
}

fn network(one: &One<'_>) -> &'static str {
    let ip = one.value["sourceIPAddress"].as_str().unwrap();
    NETWORKS.iter().find(|(address, _)| *address == ip).unwrap().1
}

fn agent<'v>(one: &One<'v>) -> &'v str {
    one.value["userAgent"].as_str().unwrap().split('/').next().unwrap()
}

/// What is new about each source of a workload, day by day.
fn sources(ones: &[&One<'_>]) -> Vec<Told> {
    let mut found = Vec::new();
    let all: BTreeSet<_> = ones.iter().map(|one| (network(one), agent(one))).collect();
    for source in all {
        let own: Vec<&&One<'_>> =
            ones.iter().filter(|one| (network(one), agent(one)) == source).collect();
        let on: BTreeSet<i64> = own.iter().map(|one| one.day()).collect();
        let (first, last) = (*on.first().unwrap(), *on.last().unwrap());
        let done = || ones.iter().filter(|one| !one.failed);
        let days: BTreeSet<i64> = done().map(|one| one.day()).filter(|day| *day < first).collect();
        let network_is_new = !done().any(|one| one.day() < first && network(one) == source.0);
        let knows_agent = |other: &One<'_>| other.day() < first && agent(other) == source.1;
        let agent_is_new = !done().any(|one| knows_agent(one))
            || (own.iter().any(|one| !is_admin(one.name))
                && !done().any(|one| knows_agent(one) && !is_admin(one.name)));
        let since = |name: &str, day: i64| {
            let of_network = done().filter(|one| network(one) == name);
            of_network.map(|one| one.day()).min().unwrap_or(day)
        };
        let never = |call: &One<'_>| {
            let (day, since_own) = (call.day(), since(source.0, call.day()));
            let known = |other: &One<'_>| {
                let same = other.name == call.name && network(other) != source.0;
                let older = since(network(other), other.day()) < since_own;
                same && (other.day() < day || (other.day() == day && older))
            };
            (since_own..since_own + 3).contains(&day) && !done().any(|one| known(one))
        };
        let calls_new = days.len() >= 5 && own.iter().any(|one| never(one));
        if days.len() < 2 || !network_is_new || !(agent_is_new || calls_new) {
            continue;
        }
        let before = done().filter(|one| one.day() < first).map(|one| network(one));
        let many = before.collect::<BTreeSet<_>>().len() >= 5;
        let moved = on.len() >= 3
            && ones.iter().all(|one| one.day() < last || (network(one), agent(one)) == source);
        let succeeded = own.iter().any(|one| !one.failed);
        let wanders = own[0].kind() == ActorKind::Automation;
        let level = match (agent_is_new, wanders) {
            (false, _) if !succeeded || many || wanders || moved => continue,
            (false, _) => Level::Medium,
            _ if moved => Level::Low,
            (_, true) => Level::Medium,
            _ if !succeeded || (many && !calls_new) => Level::Medium,
            _ => Level::High,
        };
        // Calls of one day that say the same are one.
        let said: BTreeSet<_> = own.iter().map(|one| (one.day(), one.failed, one.name)).collect();
        let times = || own.iter().map(|one| one.time);
        found.push((
            "role-new-source".to_owned(),
            own[0].who.to_owned(),
            level,
            said.len() as u64,
            times().min().unwrap(),
            times().max().unwrap(),
        ));
    }
    found
}

fn expected(records: &[Value]) -> Vec<Told> {
    let all: Vec<One<'_>> = records.iter().map(One::read).collect();
    let log = || all.iter().map(One::day);
    let log = (log().min().unwrap(), log().max().unwrap());
    let mut found = Vec::new();
    for who in all.iter().map(|one| one.who).collect::<BTreeSet<_>>() {
        let of = |wanted: &dyn Fn(&One<'_>) -> bool| {
            all.iter().filter(|one| one.who == who && wanted(one)).collect::<Vec<_>>()
        };
        let own =
            |path: &'static str| move |one: &One<'_>| one.value.pointer(path).unwrap().to_string();
        // Whoever read anything at all is known.
        let reads_any = |one: &One<'_>| {
            let read = one.is_of("secretsmanager") || one.name == "Decrypt";
            LOOKS.contains(&one.name) || (read && !one.failed)
        };
        let known_on: BTreeSet<i64> = of(&reads_any).iter().map(|one| one.day()).collect();
        let secrets = of(&|one| one.is_of("secretsmanager") && !one.failed);
        let read = reads(
            (Reads::Secrets, 20),
            (log, &secrets),
            &known_on,
            &own("/requestParameters/secretId"),
        );
        found.extend(tell("secret-bulk-read", who, &secrets, &read));
        let looks = of(&|one| LOOKS.contains(&one.name));
        let mut read = reads((Reads::Keys, 4), (log, &looks), &known_on, &own("/eventName"));
        let keys = of(&|one| ["GetKeyPolicy", "ListGrants"].contains(&one.name));
        read.extend(reads(
            (Reads::Keys, 5),
            (log, &keys),
            &known_on,
            &own("/requestParameters/keyId"),
        ));
        found.extend(tell("kms-enumeration", who, &looks, &read));
        let calls = of(&|one| !LOOKS.contains(&one.name));
        if calls.first().is_some_and(|one| one.kind() != ActorKind::Person) {
            found.extend(sources(&calls));
        }
    }
    found.sort();
    found
}

#[test]
fn what_is_usual_is_what_the_plain_twin_says() {
    let mut fired: BTreeMap<(String, Level), u64> = BTreeMap::new();
    for seed in 0..CASES {
        let records = history(seed);
        let mut rng = Rng(!seed);
        let limits = Limits {
            uses: 1 + rng.below(7),
            facts: 5 + rng.below(40),
            notes: 1 + rng.below(30),
            ..Limits::default()
        };
        let base = plan(&How { threads: 1 + rng.below(3), limits, ..How::default() });
        let rules = RuleSet::load_some(|id| RULES.contains(&id), &[], &base.estate).unwrap().rules;
        let outcome = outcome(&files(&records, &mut rng), &Plan { rules, ..base });
        assert!(outcome.problems.is_empty(), "{seed}: {:?}", outcome.problems);
        let told = |one: &crate::model::finding::Finding| {
            let [first, last] = [one.first_seen, one.last_seen].map(|time| time.unwrap().0);
            let who = one.principal.arn.clone().unwrap();
            (one.rule.clone(), who, one.level, one.count, first, last)
        };
        let listed = outcome.findings.all().unwrap();
        let mut found: Vec<Told> = listed.iter().map(told).collect();
        found.sort();
        let expected = expected(&records);
        let missing: Vec<&Told> = expected.iter().filter(|one| !found.contains(one)).collect();
        let extra: Vec<&Told> = found.iter().filter(|one| !expected.contains(one)).collect();
        assert!(
            missing.is_empty() && extra.is_empty() && found.len() == expected.len(),
            "{seed}\nmissing {missing:#?}\nextra {extra:#?}"
        );
        for (rule, _, level, ..) in expected {
            *fired.entry((rule, level)).or_default() += 1;
        }
    }
    for rule in RULES {
        let levels = fired.keys().filter(|(known, _)| known == rule).count();
        assert!(levels >= 2, "{rule}: {fired:?}");
    }
}
