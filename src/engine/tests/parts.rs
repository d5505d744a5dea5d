//! What many machines found, put together, is what one scan finds.

use std::fs;
use std::io::Cursor;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};

use super::history::{Rng, history};
use super::{files, how, plan, scan_folder, write};
use crate::engine::{Head, Part, Plan, Progress, conclude_facts, join_facts, scan_to_facts};
use crate::model::finding::Finding;
use crate::model::keys::asked::KeysAsked;
use crate::model::outcome::Outcome;
use crate::source::Listing;

/// Which histories a test deals: this many, or as many as `KEYTRAIL_DEALS` says, if these are more.
fn seeds(least: u64) -> Range<u64> {
    let more = std::env::var("KEYTRAIL_DEALS").ok().and_then(|text| text.parse().ok());
    0..more.unwrap_or(least).max(least)
}

/// Everything that an outcome says, as text.
fn all_of(outcome: Outcome) -> String {
    let findings: Vec<Finding> = outcome.findings.all().unwrap();
    let rest = Outcome { findings: Default::default(), read: Vec::new(), ..outcome };
    format!("{findings:#?}\n{rest:#?}")
}

/// The plan of a worker that leaves facts.
fn of_facts(plan: Plan) -> Plan {
    Plan {
        seed: Some(7),
        lists_uses: true,
        names_files: true,
        keys: Some(KeysAsked::default()),
        ..plan
    }
}

/// What a worker writes of some files.
fn facts(files: &[PathBuf], plan: &Plan, id: &str) -> Vec<u8> {
    let (mut bytes, head) = (Vec::new(), head(id));
    let mut listing = Listing::open(files).unwrap();
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let told = scan_to_facts(&mut listing, plan, (&progress, &stop), (head, &mut bytes)).unwrap();
    assert!(told.0.problems.is_empty(), "{:?}", told.0.problems);
    bytes
}

/// A history as one file of facts, the plan that made it, and chance to go on with.
fn sample(seed: u64) -> (Plan, Vec<u8>, Rng) {
    let records = history(seed);
    let mut rng = Rng(seed);
    let how = how(&records, &mut rng);
    let folder = tempfile::tempdir().unwrap();
    write(&files(&records, &mut rng), folder.path());
    let plan = of_facts(plan(&how));
    let bytes = facts(&paths(folder.path()), &plan, "a");
    (plan, bytes, rng)
}

fn part(bytes: &[u8]) -> Part {
    let bytes = bytes.to_vec();
    Part::new("part", move || Ok(Box::new(Cursor::new(bytes.clone()))))
}

/// What every file of these tests says of itself.
fn head(id: &str) -> Head {
    Head { id: id.to_owned(), seed: 7, ..Head::default() }
}

fn concluded(parts: &[Part], plan: &Plan) -> Outcome {
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    conclude_facts((parts, &head(""), &[]), plan, &progress, &stop).unwrap().0
}

/// What is left of some files once something was decided, made of all of them.
fn decided(parts: &[Part], plan: &Plan, id: &str) -> (Vec<u8>, Vec<u8>) {
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let (mut whole, mut left) = (Vec::new(), Vec::new());
    let (head, out) = (head(id), (&mut whole as _, &mut left as _));
    join_facts((parts, &head), plan, (&progress, &stop), out).unwrap();
    (whole, left)
}

/// The same in fewer files.
fn joined(mut parts: Vec<Part>, plan: &Plan, rng: &mut Rng) -> Vec<Part> {
    let others = parts.split_off(rng.below(parts.len()));
    let decides = rng.chance(70);
    let join = |(at, parts): (usize, &Vec<Part>)| {
        let (whole, left) = decided(parts, plan, &format!("joined {at}"));
        if decides { part(&left).decided_of(part(&whole)) } else { part(&whole) }
    };
    [parts, others].iter().enumerate().map(join).collect()
}

fn paths(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

#[test]
fn many_machines_find_what_one_scan_finds() {
    for seed in seeds(40) {
        let records = history(seed);
        let mut rng = Rng(!seed);
        let how = how(&records, &mut rng);
        let folder = tempfile::tempdir().unwrap();
        write(&files(&records, &mut rng), folder.path());
        let mut plan = plan(&how);
        let expected = all_of(scan_folder(folder.path(), &plan));
        plan.seed = Some(7);
        let mut shards = vec![Vec::new(); 1 + rng.below(3)];
        paths(folder.path()).into_iter().for_each(|path| rng.pick_mut(&mut shards).push(path));
        shards.retain(|shard| !shard.is_empty());
        let worker = of_facts(super::plan(&how));
        let (mut parts, mut once): (Vec<Part>, Vec<Part>) = Default::default();
        for (at, shard) in shards.iter().enumerate() {
            let bytes = facts(shard, &worker, &at.to_string());
            parts.push(part(&bytes));
            once.push(part(&bytes));
            if rng.chance(30) {
                // The same shard, read again, as a retry does.
                parts.push(part(&facts(shard, &worker, &at.to_string())));
            }
        }
        rng.shuffle(&mut parts);
        let found = all_of(concluded(&parts, &plan));
        assert!(found == expected, "{seed}: {how:?}\n{}", first_difference(&found, &expected));
        let found = all_of(concluded(&joined(once, &worker, &mut rng), &plan));
        assert!(found == expected, "{seed}: {how:?}\n{}", first_difference(&found, &expected));
    }
}

/// Some lines around the first that differs.
fn first_difference(found: &str, expected: &str) -> String {
    let (found, expected): (Vec<_>, Vec<_>) = (found.lines().collect(), expected.lines().collect());
    let at = found.iter().zip(&expected).position(|(a, b)| a != b);
    let at = at.unwrap_or(found.len().min(expected.len())).saturating_sub(10);
    let some =
        |lines: &[&str]| lines.iter().skip(at).take(20).copied().collect::<Vec<_>>().join("\n");
    format!("found\n{}\nexpected\n{}", some(&found), some(&expected))
}

/// The kind of a frame of keys over whose uses was decided.
const DONE: u8 = 27;

/// A record whose caller is of the account that receives it.
fn of_own_callers(record: &Value) -> Value {
    let mut record = record.clone();
    let own = record["recipientAccountId"].as_str().unwrap().to_owned();
    let caller = record["userIdentity"].to_string();
    let accounts = ["111122223333", "444455556666"];
    let caller = accounts.iter().fold(caller, |caller, account| caller.replace(account, &own));
    record["userIdentity"] = serde_json::from_str(&caller).unwrap();
    record
}

/// Accounts in buckets of their own, each of which decides; now and then a record in the bucket of another.
#[test]
fn what_accounts_decide_alone_is_what_one_scan_decides() {
    let (mut keys, mut done) = (0, 0);
    for seed in seeds(60) {
        let records = history(seed);
        let mut rng = Rng(!seed);
        let how = how(&records, &mut rng);
        let (strays, mut buckets) = (rng.chance(25), [Vec::new(), Vec::new()]);
        let at_home = rng.chance(60);
        for mut record in records {
            if at_home {
                record = of_own_callers(&record);
            }
            if record["eventName"] == "PutKeyPolicy" && rng.chance(10) {
                // What says something of a key may be known to another account alone.
                record["recipientAccountId"] = json!("444455556666");
            }
            let own = usize::from(record["recipientAccountId"] == "444455556666");
            let [stray, again] = [3, 3].map(|percent| strays && rng.chance(percent));
            buckets[if stray { 1 - own } else { own }].push(record.clone());
            if again && record.get("eventID").is_some() {
                buckets[1 - own].push(record);
            }
        }
        let buckets = buckets.map(|records| files(&records, &mut rng));
        let folder = tempfile::tempdir().unwrap();
        write(&buckets.concat(), folder.path());
        let mut plan = plan(&how);
        let expected = all_of(scan_folder(folder.path(), &plan));
        plan.seed = Some(7);
        let worker = of_facts(super::plan(&how));
        let mut paths = paths(folder.path()).into_iter();
        let mut parts = Vec::new();
        for (number, bucket) in buckets.iter().enumerate() {
            let shards = paths.by_ref().take(bucket.len()).enumerate();
            let shards =
                shards.map(|(at, path)| part(&facts(&[path], &worker, &format!("{number} {at}"))));
            let shards: Vec<Part> = shards.collect();
            if rng.chance(20) {
                parts.extend(shards);
                continue;
            }
            let (whole, left) = decided(&shards, &worker, &format!("bucket {number}"));
            done += usize::from(frames(&left).iter().any(|(kind, _)| *kind == DONE));
            parts.push(part(&left).decided_of(part(&whole)));
        }
        rng.shuffle(&mut parts);
        let found = all_of(concluded(&parts, &plan));
        assert!(found == expected, "{seed}: {how:?}\n{}", first_difference(&found, &expected));
        let (progress, stop) = (Progress::default(), AtomicBool::new(false));
        let of_keys = Plan { keys: Some(KeysAsked::default()), ..plan };
        let inventory =
            conclude_facts((&parts, &head(""), &[]), &of_keys, &progress, &stop).unwrap().2;
        keys += inventory.keys.len();
    }
    assert!(done > 30, "rules over all uses of a key decide in buckets: {done}");
    assert!(keys > 60, "an inventory needs all records: {keys}");
}

#[test]
fn what_is_left_is_refused_without_what_it_was_made_of() {
    let (plan, bytes, _) = sample(3);
    let (whole, left) = decided(&[part(&bytes)], &plan, "a");
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let refused = |part: Part| {
        let plan = Plan { keys: None, lists_uses: false, ..super::plan(&Default::default()) };
        let plan = Plan { seed: Some(7), ..plan };
        let concluded = conclude_facts((&[part], &head(""), &[]), &plan, &progress, &stop);
        concluded.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(refused(part(&left).decided_of(part(&whole))), "");
    assert!(refused(part(&left)).contains("of another step"));
    assert!(refused(part(&whole).decided_of(part(&whole))).contains("of another step"));
}

#[test]
fn a_file_and_what_is_left_of_it_count_once() {
    let (worker, bytes, _) = sample(3);
    let (whole, left) = decided(&[part(&bytes)], &worker, "a");
    let plan = Plan { keys: None, lists_uses: false, names_files: false, ..worker };
    let expected = all_of(concluded(&[part(&whole)], &plan));
    let left = || part(&left).decided_of(part(&whole));
    for both in [[left(), part(&whole)], [part(&whole), left()], [left(), left()]] {
        let found = all_of(concluded(&both, &plan));
        assert!(found == expected, "{}", first_difference(&found, &expected));
    }
}

#[test]
fn a_file_that_is_not_as_it_was_written_is_refused() {
    let (plan, bytes, mut rng) = sample(3);
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let refused = |bytes: Vec<u8>| {
        conclude_facts((&[part(&bytes)], &head(""), &[]), &plan, &progress, &stop).is_err()
    };
    assert!(!refused(bytes.clone()));
    for _ in 0..60 {
        assert!(refused(bytes[..rng.below(bytes.len())].to_vec()), "cut off");
        let mut changed = bytes.clone();
        let at = rng.below(bytes.len());
        changed[at] ^= 1 << rng.below(8);
        assert!(refused(changed), "byte {at} changed");
    }
    assert!(refused([&bytes[..], b"x"].concat()), "continued");
    // Of each frame the kind, which the checksum of its content does not cover.
    let mut at = 16;
    while at < bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            assert!(refused(changed), "kind at byte {at}");
        }
        let packed = u32::from_le_bytes(bytes[at + 5..at + 9].try_into().unwrap());
        at += 9 + packed as usize;
    }
}

/// The frames of a file, unpacked: their kinds and what they hold.
fn frames(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut rest = &bytes[16..];
    let mut frames = Vec::new();
    while let Some((head, packed)) = rest.split_first_chunk::<9>() {
        let number = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap()) as usize;
        let (packed, others) = packed.split_at(number(5));
        frames.push((head[0], zstd::bulk::decompress(packed, number(1)).unwrap()));
        rest = others;
    }
    frames
}

/// A file of frames, the last of which is made anew.
fn packed(magic: &[u8], frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let (mut bytes, mut hash) = (magic.to_vec(), 0);
    let (last, frames) = frames.split_last().unwrap();
    let mut add = |kind: u8, held: &[u8], hash: u64| {
        let packed = zstd::bulk::compress(held, 1).unwrap();
        let lens = [held.len(), packed.len()].map(|len| u32::try_from(len).unwrap().to_le_bytes());
        let head = [&[kind][..], lens.as_flattened()].concat();
        bytes.extend([&head, &packed[..]].concat());
        let hash = twox_hash::XxHash3_64::oneshot_with_seed(hash, &head);
        twox_hash::XxHash3_64::oneshot_with_seed(hash, &packed)
    };
    for (kind, held) in frames {
        hash = add(*kind, held, hash);
    }
    let end = [frames.len() as u64, hash].map(u64::to_le_bytes);
    add(last.0, end.as_flattened(), hash);
    bytes
}

/// What nobody wrote, in frames that are sound, is refused or concluded: it never ends the program.
#[test]
fn no_file_ends_the_program() {
    let (plan, bytes, mut rng) = sample(5);
    let (whole, left) = decided(&[part(&bytes)], &plan, "a");
    let plan = Plan { keys: None, lists_uses: false, ..plan };
    let sound = [frames(&bytes), frames(&left)];
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..400 {
        let is_left = rng.chance(50);
        let mut frames = sound[usize::from(is_left)].clone();
        for _ in 0..=rng.below(3) {
            let at = 1 + rng.below(frames.len() - 2);
            let (kind, held) = &mut frames[at];
            match rng.below(5) {
                0 => *kind = u8::try_from(rng.below(32)).unwrap(),
                1 => held.truncate(rng.below(held.len())),
                _ if held.is_empty() => {}
                _ => {
                    let byte = rng.below(held.len());
                    held[byte] = u8::try_from(rng.below(256)).unwrap();
                }
            }
        }
        let packed = part(&packed(&bytes[..16], &frames));
        let packed = if is_left { packed.decided_of(part(&whole)) } else { packed };
        match conclude_facts((&[packed], &head(""), &[]), &plan, &progress, &stop) {
            Ok(_) => taken += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(taken > 20 && refused > 20, "{taken} {refused}");
}

/// What a few bytes would give is bounded: by the kind of a frame, and by the bytes that were read.
#[test]
fn a_file_gives_no_more_than_it_can_hold() {
    let (plan, bytes, _) = sample(5);
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let refused = |frames: &[(u8, Vec<u8>)]| {
        let part = part(&packed(&bytes[..16], frames));
        let concluded = conclude_facts((&[part], &head(""), &[]), &plan, &progress, &stop);
        concluded.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let sound = frames(&bytes);
    assert_eq!(refused(&sound), "");
    // Rows of which records rules looked at: three words each.
    const LOOKED: u8 = 13;
    let with = |len: usize, times: usize| {
        let mut frames = sound.clone();
        let end = frames.pop().unwrap();
        frames.extend(std::iter::repeat_n((LOOKED, vec![0; len]), times));
        frames.push(end);
        frames
    };
    assert!(refused(&with(24 << 18, 1)).contains("a frame is too long"));
    assert!(refused(&with(24 << 17, 30)).contains("more than it can hold"));
}
