//! The story in `samples/trail`: who is in it, how its records become files, what is to be found.
//!
//! Two accounts, three Regions, two days. `setup` is what stands before it begins, `background` what
//! goes on every day, `incident` what does not. Records reach files as CloudTrail delivers them: in
//! five-minute files by account and Region, some out of order, some twice.

mod background;
mod incident;
mod setup;

use std::collections::BTreeMap;

use crate::ids::Ids;
use crate::record::{Key, Record, envelope};

/// Holds the keys and most of what goes on.
pub const PRODUCTION: &str = "111122223333";
/// Reads production's data.
pub const ANALYTICS: &str = "444455556666";
/// Nobody's we know.
pub const STRANGER: &str = "777788889999";

/// Encrypts card data; the target.
pub const PAYMENTS: Key = key("1234abcd-12ab-34cd-56ef-1234567890ab", PRODUCTION, "eu-west-1");
/// Encrypts everything else of the web shop.
pub const SHOP: Key = key("2345bcde-23bc-45de-67fa-2345678901bc", PRODUCTION, "eu-west-1");
/// Encrypts the backups.
pub const BACKUP: Key = key("3456cdef-34cd-56ef-78ab-3456789012cd", PRODUCTION, "eu-central-1");
/// Encrypts the logs of production.
pub const LOGS: Key = key("4567defa-45de-67fa-89bc-4567890123de", PRODUCTION, "eu-west-1");
/// Encrypts what analytics keeps.
pub const LAKE: Key = key("5678efab-56ef-78ab-90cd-5678901234ef", ANALYTICS, "eu-west-1");
/// Made by the deployment.
pub const REPORTS: Key = key("6789fabc-67fa-89bc-01de-6789012345fa", PRODUCTION, "eu-west-1");
/// Made by the intruder, from material of their own.
pub const INTRUDER: Key = key("7890abcd-78ab-90cd-12ef-7890123456ab", PRODUCTION, "eu-west-1");

const fn key(id: &'static str, account: &'static str, region: &'static str) -> Key {
    Key { id, account, region }
}

/// Five minutes that become one file per account and Region: day, hour, minute of March 2026.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(pub u32, pub u32, pub u32);

/// The five minutes with anything in them.
pub const SLOTS: [Slot; 11] = [
    Slot(10, 6, 10),
    Slot(10, 9, 30),
    Slot(10, 13, 45),
    Slot(10, 16, 40),
    Slot(10, 22, 5),
    Slot(11, 2, 25),
    Slot(11, 2, 30),
    Slot(11, 2, 35),
    Slot(11, 6, 0),
    Slot(11, 8, 15),
    Slot(11, 11, 20),
];

impl Slot {
    /// The time `secs` seconds after the slot's begin, or before it.
    pub fn at(self, secs: i64) -> String {
        let Slot(day, hour, minute) = self;
        let total = i64::from(hour * 60 + minute) * 60 + secs;
        format!("2026-03-{day:02}T{:02}:{:02}:{:02}Z", total / 3600, total / 60 % 60, total % 60)
    }
}

/// Account, Region and slot: one file.
type Place = (&'static str, String, Slot);

/// The records on their way into files.
pub struct Trail {
    ids: Ids,
    files: BTreeMap<Place, Vec<String>>,
    copies: u64,
}

impl Trail {
    /// Delivers a record in the file of its account, Region and slot.
    fn put(&mut self, slot: Slot, record: &Record) {
        let account = [PRODUCTION, ANALYTICS]
            .into_iter()
            .find(|account| *account == record.text("recipientAccountId"))
            .expect("an account of the story");
        let place = (account, record.text("awsRegion").to_owned(), slot);
        self.files.entry(place).or_default().push(record.json());
    }

    /// Delivers a record twice, the second time five minutes later.
    fn put_twice(&mut self, slot: Slot, record: &Record) {
        let Slot(day, hour, minute) = slot;
        self.put(slot, record);
        self.put(Slot(day, hour, minute + 5), record);
        self.copies += 1;
    }
}

/// A finished trail.
pub struct Finished {
    /// Path below `samples/trail` and text of every file, in the order of paths.
    pub files: Vec<(String, String)>,
    /// How many records there are, copies included.
    pub records: u64,
    /// How many of them are KMS records.
    pub kms_records: u64,
    /// How many were delivered a second time.
    pub copies: u64,
}

/// Tells the story.
pub fn trail() -> Finished {
    let mut trail = Trail { ids: Ids::of("trail"), files: BTreeMap::new(), copies: 0 };
    for (n, slot) in SLOTS.into_iter().enumerate() {
        background::fill(&mut trail, slot, n);
    }
    incident::fill(&mut trail);
    setup::fill(&mut trail);

    let all: Vec<&String> = trail.files.values().flatten().collect();
    let records = all.len() as u64;
    let kms = all.iter().filter(|r| r.contains(r#""eventSource":"kms.amazonaws.com""#)).count();
    let (kms_records, copies) = (kms as u64, trail.copies);
    let mut files: Vec<_> = trail.files.into_iter().map(|(place, r)| file(&place, r)).collect();
    files.sort();
    Finished { files, records, kms_records, copies }
}

/// Path and text of one file. Two files in three are not in the order of time.
fn file((account, region, slot): &Place, mut records: Vec<String>) -> (String, String) {
    let Slot(day, hour, minute) = slot;
    let stamp = format!("202603{day:02}T{hour:02}{:02}Z", minute + 5);
    let mut ids = Ids::of(&format!("{account} {region} {stamp}"));
    let (unique, middle) = (ids.letters(16), records.len() / 2);
    match ids.below(3) {
        0 => records.reverse(),
        1 => records.rotate_left(middle),
        _ => {}
    }
    let path = format!(
        "AWSLogs/{account}/CloudTrail/{region}/2026/03/{day:02}/\
         {account}_CloudTrail_{region}_{stamp}_{unique}.json.gz"
    );
    (path, envelope(&records))
}

/// What a rule must find: id, level, whether an attempt, how many events over all groups.
pub type Expected = (&'static str, &'static str, bool, u64);

/// Everything that is to be found, most urgent first.
pub const EXPECTED: &[Expected] = &[
    ("chain-blind-then-act", "critical", false, 6),
    ("key-deletion-scheduled", "critical", false, 1),
    ("key-deletion-short-window", "critical", false, 1),
    ("chain-delete-in-use", "high", false, 14),
    ("chain-recon-then-act", "high", false, 4),
    ("critical-call-without-mfa", "high", false, 3),
    ("key-deletion-scheduled", "high", false, 1),
    ("key-deletion-scheduled", "high", true, 1),
    ("key-deletion-short-window", "high", true, 1),
    ("key-disabled", "high", false, 1),
    ("pending-deletion-key-use", "high", false, 13),
    ("policy-external-account-root", "high", false, 1),
    ("root-user-kms", "high", false, 3),
    ("trail-stopped", "high", true, 2),
    ("trail-weakened", "high", false, 1),
    ("critical-call-without-mfa", "medium", true, 1),
    ("direct-decrypt", "medium", false, 41),
    ("external-origin-key-created", "medium", false, 1),
    ("key-enabled", "medium", false, 1),
    ("key-material-imported", "medium", false, 1),
    ("key-policy-changed", "medium", false, 3),
    ("kms-enumeration", "medium", false, 6),
    ("policy-admin-and-use", "medium", false, 1),
    ("policy-critical-actions-without-mfa", "medium", false, 1),
    ("policy-wildcard-actions", "medium", false, 1),
    ("rotation-disabled", "medium", false, 1),
    ("critical-call-without-mfa", "low", false, 1),
    ("direct-decrypt", "low", false, 1),
    ("direct-decrypt", "low", true, 13),
    ("key-blast-radius", "low", false, 72),
    ("import-parameters-requested", "low", false, 1),
    ("key-untagged", "low", false, 2),
    ("kms-access-denied", "low", false, 1),
    ("policy-default-unedited", "low", false, 4),
    ("policy-unrestricted-grants", "low", false, 1),
    ("key-created", "informational", false, 5),
    ("key-deletion-cancelled", "informational", false, 1),
    ("key-policy-or-grants-read", "informational", false, 1),
    ("key-rotated", "informational", false, 2),
    ("policy-no-encryption-context", "informational", false, 1),
    ("root-user-kms", "informational", false, 1),
];

/// The text before the table of findings.
const STORY: &str = "\
# A trail with a story

Invented from end to end: `keytrail scan samples/trail`.

Account 111122223333 runs a web shop, 444455556666 its analytics; both log to one bucket, in 2026.

1. On 10 March, before anybody uses them, the deployments of both accounts make the keys of the shop,
   of its backups and of analytics, with tags, and tag what these keys encrypt: all uses agree. Maya,
   the key administrator, rotates the shop's key as planned, the deployment creates a key and sets its
   policy, and analytics reads with production's key: one call, recorded in both accounts.
2. At 16:40 the long-term access key of the user `ci-backup` shows up at 198.51.100.77, where it was
   never seen. It asks who it is, lists users (refused), keys and aliases, and reads a key policy.
3. At 02:25 on the 11th it is back. StopLogging is refused twice; UpdateTrail is not, and the trail
   is single-Region and without validation from then on. It creates a key with origin EXTERNAL and
   imports material that nobody else has.
4. At 02:31 it turns to the payments key: a policy for account 777788889999, rotation off, disabled,
   deletion in 7 days, all without MFA. The same for the backup key in eu-central-1 is refused.
5. From 02:34 the payments service fails: its key is pending deletion. At 08:15 root signs in, cancels
   the deletion and enables the key; Maya restores policy and trail and schedules the intruder's key
   for deletion, in 30 days. At 11:20 payments work again.
";

/// `samples/trail.md`.
pub fn readme() -> String {
    let trail = trail();
    let mut text = format!(
        "{STORY}\n{} records in {} files, {} of them KMS records; {} were delivered twice, and most \
         files are not in the\norder of time. With `--min-level informational`:\n\n\
         | rule | level | attempt | events |\n| --- | --- | --- | ---: |\n",
        trail.records,
        trail.files.len(),
        trail.kms_records,
        trail.copies
    );
    for (rule, level, attempt, count) in EXPECTED {
        let attempt = if *attempt { "yes" } else { "" };
        text.push_str(&format!("| `{rule}` | {level} | {attempt} | {count} |\n"));
    }
    text.push_str(
        "\nLevels rest on the whole trail: the deletion of a key in use is critical, the attempt at \
         another one high.\n",
    );
    text
}
