//! `keytrail plan`: what there is to read, cut into shards, and what reads one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use keytrail::folder;
use keytrail::shards::{self, Dataset};
use keytrail::source::s3::{Access, Cloud};
use keytrail::source::{Entry, Source, Table};
use keytrail::tables::Column;
use serde_json::Value as Json;

use crate::bucket::{Server, Trouble};
use crate::folder::{INSIDE, again};
use crate::harness::Sandbox;

const ACCOUNTS: [&str; 3] = ["111122223333", "444455556666", "777788889999"];

/// The key of a log.
fn key(account: &str, region: &str, number: usize) -> String {
    let name = format!("{account}_CloudTrail_{region}_20261102T1410Z_Example{number:09}.json.gz");
    format!("AWSLogs/{account}/CloudTrail/{region}/2026/11/02/{name}")
}

/// Names and sizes: logs of three accounts, the first of which has half of them, and what tells none.
fn objects(count: usize) -> BTreeMap<String, usize> {
    let regions = ["eu-central-1", "us-east-1"];
    let log = |n: usize| (key(ACCOUNTS[n % 6 / 3 * (n % 3)], regions[n % 2], n), 1 + n % 7);
    let mut all: BTreeMap<String, usize> = (0..count).map(log).collect();
    all.extend((0..3).map(|n| (format!("notes/{n} odd name.json"), n)));
    all
}

fn fill(sandbox: &Sandbox, count: usize) -> BTreeMap<String, usize> {
    let all = objects(count);
    for (name, size) in &all {
        sandbox.write(&format!("logs/{name}"), vec![b' '; *size]);
    }
    all.into_iter().map(|(name, size)| (format!("logs/{name}"), size)).collect()
}

fn open(folder: &Path) -> Dataset {
    Dataset::open(folder::open(folder.as_os_str(), None).unwrap()).unwrap()
}

/// The names, the account, and the problems of a shard.
fn read(dataset: &Dataset, shard: u64) -> (Vec<String>, Option<String>, Vec<String>) {
    let mut source = dataset.shard_source(shard, None).unwrap();
    entries(&mut source)
}

fn entries(source: &mut shards::ShardSource) -> (Vec<String>, Option<String>, Vec<String>) {
    let (mut names, mut problems) = (Vec::new(), Vec::new());
    while let Some(entry) = source.next(&AtomicBool::new(false)) {
        match entry {
            Entry::Blob(blob) => names.push(blob.name.to_string()),
            Entry::Problem(problem) => problems.push(problem.to_string()),
            Entry::Known(name) => panic!("{name}"),
        }
    }
    assert_eq!((names.len() + problems.len()) as u64, source.objects());
    (names, source.account().map(str::to_owned), problems)
}

/// All objects of a plan by shard, with their sizes, as its tables have them.
fn tables(dataset: &Dataset) -> BTreeMap<u64, Vec<(Option<String>, String, usize)>> {
    let mut all: BTreeMap<u64, Vec<_>> = BTreeMap::new();
    for table in &dataset.plan().object_tables {
        let file: File = dataset.folder().fetch(&table.file).unwrap().unwrap();
        let columns: Vec<&str> = shards::OBJECTS.iter().map(|column| column.name).collect();
        let mut rows = Table::open(file, &columns).unwrap();
        while let Some(row) = rows.next_row().unwrap() {
            let size = row[3].count().unwrap() as usize;
            let named = (row[1].clone().text(), row[2].clone().text().unwrap(), size);
            all.entry(row[0].count().unwrap()).or_default().push(named);
        }
    }
    all
}

/// Asserts that a plan has these objects, each once, in shards of one account.
fn assert_has(dataset: &Dataset, expected: &BTreeMap<String, usize>) {
    let (plan, shards) = (dataset.plan(), tables(dataset));
    let bytes: usize = expected.values().sum();
    assert_eq!((plan.objects, plan.bytes), (expected.len() as u64, bytes as u64));
    assert_eq!(shards.keys().copied().collect::<Vec<_>>(), Vec::from_iter(0..plan.shards));
    let mut found = BTreeMap::new();
    for rows in shards.values() {
        let accounts: BTreeSet<_> = rows.iter().map(|(account, _, _)| account).collect();
        assert_eq!(accounts.len(), 1, "{rows:?}");
        let size: usize = rows.iter().map(|(_, _, size)| size).sum();
        assert!(rows.len() as u64 <= plan.shard_objects);
        assert!(size as u64 <= plan.shard_bytes || rows.len() == 1, "{rows:?}");
        for (account, name, size) in rows {
            let told = ACCOUNTS.iter().find(|account| name.contains(*account));
            assert_eq!(account.as_deref(), told.copied(), "{name}");
            assert_eq!(found.insert(name.clone(), *size), None, "{name} is there twice");
        }
    }
    assert_eq!(&found, expected);
    let accounts = dataset.accounts().unwrap();
    let sum = |of: fn(&shards::Row) -> u64| accounts.values().map(of).sum::<u64>();
    assert_eq!(sum(|row| row.objects), plan.objects);
    assert_eq!(sum(|row| row.bytes), plan.bytes);
    assert_eq!(sum(|row| row.shards), plan.shards);
    assert!(accounts.values().all(|row| row.bucket < plan.buckets));
}

#[test]
fn every_object_is_in_one_shard_of_its_account() {
    let sandbox = Sandbox::new();
    let expected = fill(&sandbox, 60);
    let words = "plan logs -o out --shard-objects 7 --shard-bytes 20 --buckets 2";
    let ended = sandbox.keytrail(words.split(' ')).run().code(0).stdout("");
    assert!(ended.stderr.starts_with("note: 63 objects of "), "{}", ended.stderr);
    assert!(ended.stderr.contains(" in 4 accounts: ") && ended.stderr.ends_with(" 2 buckets\n"));
    let dataset = open(&sandbox.path("out"));
    assert_has(&dataset, &expected);
    let mut names = BTreeSet::new();
    for shard in 0..dataset.plan().shards {
        let (read, account, problems) = read(&dataset, shard);
        assert_eq!(problems, [""; 0]);
        assert!(read.is_sorted() && !read.is_empty());
        let is_of = |name: &String| account.as_ref().is_none_or(|account| name.contains(account));
        assert!(read.iter().all(is_of), "{account:?} {read:?}");
        names.extend(read);
    }
    assert!(names.iter().eq(expected.keys()));
    let none = dataset.shard_source(dataset.plan().shards, None).unwrap_err().to_string();
    assert!(none.starts_with("there is no shard "), "{none}");
    // It is of its schema, which the sandbox checks, and says what was asked.
    let plan: Json = serde_json::from_str(&sandbox.read("out/plan.json")).unwrap();
    assert_eq!(plan["schema"], "keytrail.plan/v1");
    assert_eq!((&plan["sources"], &plan["since"]), (&serde_json::json!(["logs"]), &Json::Null));
    assert_eq!((&plan["shard_bytes"], &plan["buckets"]), (&20.into(), &2.into()));
    assert_eq!(plan["seed"].as_str().unwrap().len(), 16);
}

#[test]
fn a_file_that_was_replaced_or_is_gone_is_named() {
    let sandbox = Sandbox::new();
    for name in ["a", "b", "c", "d"] {
        sandbox.write(&format!("logs/{name}"), "12345");
    }
    sandbox.keytrail(["plan", "logs", "-o", "out"]).run().code(0);
    sandbox.write("logs/b", "1234");
    // The same size at another time.
    let file = File::options().write(true).open(sandbox.path("logs/c")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    fs::remove_file(sandbox.path("logs/d")).unwrap();
    let (names, _, problems) = read(&open(&sandbox.path("out")), 0);
    assert_eq!(names, ["logs/a"]);
    let [b, c, d] = &problems[..] else { panic!("{problems:?}") };
    assert!(b.starts_with("logs/b: read: was replaced since the plan was made"), "{b}");
    assert!(c.starts_with("logs/c: read: was replaced since the plan was made"), "{c}");
    assert_eq!(d, "logs/d: read: is not there any more since the plan was made");
}

#[test]
fn a_plan_stays_as_it_is() {
    let sandbox = Sandbox::new();
    fill(&sandbox, 5);
    let plan = || sandbox.keytrail(["plan", "logs", "-o", "out"]).run();
    plan().code(0);
    let before = sandbox.read("out/plan.json");
    let ended = plan().code(2);
    assert!(ended.stderr.contains("out: a plan is there already"), "{}", ended.stderr);
    assert_eq!(sandbox.read("out/plan.json"), before);
    // Another plan of the same has other names and another id.
    sandbox.keytrail(["plan", "logs", "-o", "other"]).run().code(0);
    assert_ne!(open(&sandbox.path("other")).plan().id, open(&sandbox.path("out")).plan().id);
}

#[test]
fn what_was_changed_is_refused_by_name() {
    let sandbox = Sandbox::new();
    fill(&sandbox, 5);
    sandbox.keytrail(["plan", "logs", "-o", "out"]).run().code(0);
    let folder = || folder::open(sandbox.path("out").as_os_str(), None).unwrap();
    let refused = || Dataset::open(folder()).unwrap_err().to_string();
    let (whole, dataset) = (sandbox.read("out/plan.json"), open(&sandbox.path("out")));
    for (from, to, why) in [
        ("\"objects\": 8", "\"objects\": 7", "its id is not that of its content"),
        ("keytrail.plan/v1", "keytrail.plan/v2", "is of the form keytrail.plan/v2; expected"),
        ("\"seed\"", "\"sad\"", "is no plan: missing field `seed`"),
        ("{", "", "is no plan: "),
        ("{", "{\"more\": 1,", "its id is not that of its content"),
        ("\"seed\"", "\"id\": \"\", \"seed\"", "is no plan: duplicate field `id`"),
    ] {
        fs::write(sandbox.path("out/plan.json"), whole.replacen(from, to, 1)).unwrap();
        let said = refused();
        assert!(said.contains("out/plan.json: ") && said.contains(why), "{said}");
    }
    fs::remove_file(sandbox.path("out/plan.json")).unwrap();
    assert!(refused().ends_with("out/plan.json: there is no such plan"), "{}", refused());
    let table = &dataset.plan().object_tables[0].file;
    let path = sandbox.path(&format!("out/{table}"));
    let mut bytes = fs::read(&path).unwrap();
    bytes[9] ^= 1;
    fs::write(&path, bytes).unwrap();
    let said = dataset.shard_source(0, None).unwrap_err().to_string();
    assert!(said.contains(table) && said.contains("changed since the plan was made"), "{said}");
    fs::remove_file(&path).unwrap();
    let said = dataset.shard_source(0, None).unwrap_err().to_string();
    assert!(said.contains(table) && said.ends_with("it is not there"), "{said}");
}

#[test]
fn nothing_is_found_twice_and_not_the_plan_itself() {
    let sandbox = Sandbox::new();
    let expected = fill(&sandbox, 4);
    sandbox.write("logs/out/facts/old.json", "{}");
    let ended = sandbox.keytrail(["plan", "logs/AWSLogs", "logs", "-o", "logs/out"]).run().code(0);
    assert!(ended.stderr.starts_with("note: logs/AWSLogs lies in another source"), "{ended:?}");
    assert_has(&open(&sandbox.path("logs/out")), &expected);
}

#[test]
fn what_cannot_be_planned_is_said() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.json", "{}").write("logs/x!/b.json", "{}");
    let ended = sandbox.keytrail(["plan", "logs", "-o", "out"]).run().code(3);
    assert!(ended.stderr.contains("its name cannot be written in a plan"), "{}", ended.stderr);
    let dataset = open(&sandbox.path("out"));
    assert_eq!((dataset.plan().objects, dataset.plan().problem_count), (1, 1));
    let problems = dataset.plan().problems();
    assert!(problems[0].message.starts_with("its name cannot be written"), "{problems:?}");
    sandbox.keytrail(["plan", "logs", "-o", "forgiven", "--allow-incomplete"]).run().code(0);
    for words in [
        "plan - -o none",
        "plan logs -o -",
        "plan absent -o none",
        "plan logs -o none --shard-bytes 1X",
        "plan logs -o none --shard-objects 0",
        "plan logs -o none --buckets 0",
        "plan logs -o s3://x",
    ] {
        sandbox.keytrail(words.split(' ')).run().code(2);
        assert!(!sandbox.path("none").exists(), "{words}");
    }
    let ended = sandbox.write("empty/x/y", "").keytrail(["plan", "empty/x/y", "-o", "one"]).run();
    assert!(ended.code(0).stderr.contains("1 object of 0 B in 1 account: 1 shard, 1 bucket"));
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_refused_by_name() {
    use std::os::unix::ffi::OsStrExt;
    let sandbox = Sandbox::new();
    let odd = OsStr::from_bytes(b"lo\xffgs");
    fs::create_dir(sandbox.path("").join(odd)).unwrap();
    fs::write(sandbox.path("").join(odd).join("a.json"), "{}").unwrap();
    let words = ["plan".as_ref(), odd, "-o".as_ref(), "out".as_ref()];
    let said = sandbox.keytrail(words).run().code(2).stderr;
    assert!(said.contains("the name of a source cannot be written in a plan"), "{said}");
    assert!(said.contains("lo\\xffgs") && !sandbox.path("out").exists(), "{said}");
    // A file in a source is a problem by itself.
    sandbox.write("logs/a.json", "{}");
    fs::write(sandbox.path("logs").join(odd), "{}").unwrap();
    let said = sandbox.keytrail(["plan", "logs", "-o", "out"]).run().code(3).stderr;
    assert!(said.contains("lo\\xffgs") && said.contains("cannot be written in a plan"), "{said}");
}

/// A bucket with the objects, and what a listing passes over.
fn filled(count: usize) -> (Server, BTreeMap<String, usize>) {
    let server = Server::start(7);
    let all = objects(count);
    all.iter().for_each(|(key, size)| server.put(key, vec![b' '; *size]));
    server.put("AWSLogs/111122223333/Config/eu-west-1/2026/11/02/a.json.gz", b"x");
    server.put("out/left.json", b"x");
    (
        server,
        all.into_iter().map(|(key, size)| (format!("s3://example-logs/{key}"), size)).collect(),
    )
}

/// The plan in the bucket, in the second process.
fn inside() -> Option<(Dataset, Arc<Cloud>)> {
    std::env::var_os(INSIDE)?;
    let cloud = Cloud::connect(Access::default()).unwrap();
    let folder = folder::open(OsStr::new("s3://example-logs/out"), Some(Arc::clone(&cloud)));
    Some((Dataset::open(folder.unwrap()).unwrap(), cloud))
}

fn plan(server: &Server, more: &[&str], code: i32) {
    let words = ["plan", "s3://example-logs", "-o", "s3://example-logs/out", "--shard-objects=5"];
    let words: Vec<&str> = words.iter().chain(more).copied().collect();
    server.keytrail(&Sandbox::new(), &words).run().code(code);
}

#[test]
fn a_bucket_is_planned_and_its_shards_are_read() {
    if let Some((dataset, cloud)) = inside() {
        assert_has(&dataset, &filled(50).1);
        let mut names = Vec::new();
        for shard in 0..dataset.plan().shards {
            let mut source = dataset.shard_source(shard, Some(&cloud)).unwrap();
            let (read, account, problems) = entries(&mut source);
            assert_eq!(problems, [""; 0]);
            assert_eq!(source.names().accounts, BTreeSet::from_iter(account));
            names.extend(read);
        }
        names.sort();
        assert!(names.iter().eq(filled(50).1.keys()));
        return;
    }
    let (server, _) = filled(50);
    plan(&server, &[], 0);
    plan(&server, &[], 2);
    again(&server, "plan::a_bucket_is_planned_and_its_shards_are_read");
}

#[test]
fn an_object_that_was_replaced_or_is_gone_is_named() {
    if let Some((dataset, cloud)) = inside() {
        let mut all: (Vec<String>, Vec<String>) = Default::default();
        for shard in 0..dataset.plan().shards {
            let mut source = dataset.shard_source(shard, Some(&cloud)).unwrap();
            let (read, _, problems) = entries(&mut source);
            all.0.extend(read);
            all.1.extend(problems);
        }
        all.1.sort();
        let [gone, replaced] = &all.1[..] else { panic!("{all:?}") };
        assert_eq!(all.0.len() as u64 + 2, dataset.plan().objects);
        let gone_now = format!(
            "s3://example-logs/{}: s3: cannot be read: it is not",
            key(ACCOUNTS[0], "eu-central-1", 0)
        );
        assert!(gone.starts_with(&gone_now), "{gone}");
        assert!(replaced.contains("it was replaced since it was listed"), "{replaced}");
        return;
    }
    let (server, _) = filled(12);
    plan(&server, &[], 0);
    server.remove(&key(ACCOUNTS[0], "eu-central-1", 0));
    // As large as before.
    server.put(&key(ACCOUNTS[0], "us-east-1", 1), b"xy");
    again(&server, "plan::an_object_that_was_replaced_or_is_gone_is_named");
}

#[test]
fn only_accounts_and_days_that_count_are_planned() {
    let (server, _) = filled(12);
    plan(&server, &["--account=444455556666", "--since=2026-11-02"], 0);
    let told: Json = serde_json::from_slice(&server.get("out/plan.json").unwrap()).unwrap();
    let of = objects(12).keys().filter(|key| key.contains("444455556666")).count();
    // What tells no account may be of any.
    assert_eq!(told["objects"], of + 3);
    assert_eq!(told["accounts"], serde_json::json!(["444455556666"]));
    assert_eq!(told["since"], "2026-11-02T00:00:00Z");
}

#[test]
fn what_cannot_be_listed_is_in_the_plan() {
    let (server, _) = filled(12);
    server.listing(|prefix, _| match prefix.contains("444455556666/CloudTrail/") {
        true => Trouble::Refused("AccessDenied", 403, "no"),
        false => Trouble::Nothing,
    });
    plan(&server, &[], 3);
    let told: Json = serde_json::from_slice(&server.get("out/plan.json").unwrap()).unwrap();
    let message = told["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains("s3:ListBucket"), "{told:#}");
    assert_eq!(told["problem_count"], told["problems"].as_array().unwrap().len());
}

/// A table of columns as the page has it.
fn columns(all: &[Column]) -> String {
    let mut table =
        "\n| column | type | null | what it is |\n| --- | --- | --- | --- |\n".to_owned();
    for Column { name, kind, may_be_null, means } in all {
        let null = if *may_be_null { "yes" } else { "" };
        table += &format!("| `{name}` | {} | {null} | {means} |\n", kind.name());
    }
    table
}

/// The page with a table behind its mark.
fn with_table(page: &str, mark: &str, table: &str) -> String {
    let mark = format!("<!-- {mark} -->\n");
    let (head, rest) = page.split_once(&mark).unwrap();
    let rest = rest.find("\n#").map_or("", |at| &rest[at..]);
    format!("{head}{mark}{table}{rest}")
}

#[test]
fn the_page_has_the_columns_of_the_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scale.md");
    let now = fs::read_to_string(&path).unwrap();
    let made = with_table(&now, "objects", &columns(&shards::OBJECTS));
    let made = with_table(&made, "accounts", &columns(&shards::ACCOUNTS));
    if made != now && std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &made).unwrap();
        return;
    }
    assert!(made == now, "docs/scale.md is not what the columns say; UPDATE_DOCS=1 rewrites it");
}
