//! The grammar of keys in a bucket of CloudTrail logs, and which keys a time range can need.
//!
//! ```text
//! [prefix/]AWSLogs/[o-ORGANISATION/]ACCOUNT/SERVICE/REGION/YYYY/MM/DD/FILE
//! ```
//!
//! The last `AWSLogs/` counts, because Control Tower puts the organisation before it too. Account and
//! Region of a record are the record's own. Records of global services lie in another Region's
//! folder, so nothing is left out by Region. Source: AWS CloudTrail user guide, "Getting and viewing
//! your CloudTrail log files".

use crate::model::time::Time;

/// Where a folder lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Folder {
    /// Not below `AWSLogs/`: anything may be in it.
    Outside,
    /// `AWSLogs/`, or an organisation's folder in it: holds accounts.
    Accounts,
    /// An account's: holds services.
    Account {
        /// 12 digits.
        account: String,
    },
    /// A service's in an account: holds Regions.
    Service {
        /// 12 digits.
        account: String,
        /// Whose logs.
        service: Service,
    },
    /// A Region's in a service, or below it: holds days. `root` is the length of the Region's own
    /// name in the path, with its slash.
    Region {
        /// 12 digits.
        account: String,
        /// Whose logs.
        service: Service,
        /// Where the dates begin.
        root: usize,
    },
}

/// Whose logs a folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Events, insights, network activity, aggregated events.
    Logs,
    /// What proves that the logs are complete.
    Digests,
    /// Another service's, or what queries of CloudTrail Lake exported.
    Other,
}

const ROOT: &str = "AWSLogs";

/// What a folder is, by its path with a slash at its end.
pub fn folder(path: &str) -> Folder {
    let mut at = 0;
    let mut segments = Vec::new();
    for segment in path.split_inclusive('/').filter(|segment| segment.ends_with('/')) {
        at += segment.len();
        segments.push((segment.trim_end_matches('/'), at));
    }
    let Some(last) = segments.iter().rposition(|(name, _)| *name == ROOT) else {
        return Folder::Outside;
    };
    let mut below = segments.drain(last + 1..).peekable();
    below.next_if(|(name, _)| is_organisation(name));
    let Some((account, _)) = below.next() else { return Folder::Accounts };
    if !is_account(account) {
        return Folder::Outside;
    }
    let account = account.to_owned();
    let Some((service, _)) = below.next() else { return Folder::Account { account } };
    let service = service_of(service);
    match below.next() {
        None => Folder::Service { account, service },
        Some((_, root)) => Folder::Region { account, service, root },
    }
}

/// The account that a folder's path names, and the Region if it is one of CloudTrail's.
pub fn names(path: &str) -> Option<(String, Option<&str>)> {
    match folder(path) {
        Folder::Outside | Folder::Accounts => None,
        Folder::Account { account } | Folder::Service { account, .. } => Some((account, None)),
        Folder::Region { account, service, root } => {
            let region = path.get(..root)?.trim_end_matches('/').rsplit('/').next();
            let told = service != Service::Other;
            Some((account, region.filter(|region| told && is_region(region))))
        }
    }
}

fn is_region(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase() || b == b'-')
}

fn is_account(name: &str) -> bool {
    name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_organisation(name: &str) -> bool {
    name.strip_prefix("o-").is_some_and(|id| {
        (10..=32).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
    })
}

fn service_of(name: &str) -> Service {
    match name {
        "CloudTrail"
        | "CloudTrail-Insight"
        | "CloudTrail-NetworkActivity"
        | "CloudTrail-Aggregated" => Service::Logs,
        "CloudTrail-Digest" => Service::Digests,
        _ => Service::Other,
    }
}

/// What the name of a log file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogName<'a> {
    /// 12 digits.
    pub account: &'a str,
    /// The Region whose trail delivered it.
    pub region: &'a str,
    /// When it was delivered, to within five minutes.
    pub time: Time,
}

/// Reads `ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHMMZ_…`, the last part of a key or a path. Names of
/// other kinds of files say `CloudTrail-Digest` and the like.
///
/// Asked of every file, and many are tiny: so nothing is searched for or copied.
pub fn log_name(path: &str) -> Option<LogName<'_>> {
    const MARK: &str = "_CloudTrail_";
    const ACCOUNT: usize = 12;
    let begin = path.bytes().rposition(|byte| byte == b'/').map_or(0, |slash| slash + 1);
    let name = &path[begin..];
    let (account, rest) = name.split_at_checked(ACCOUNT)?;
    let rest = rest.strip_prefix(MARK)?;
    let (region, rest) = rest.split_at(rest.bytes().position(|byte| byte == b'_')?);
    if !is_account(account) || !is_region(region) {
        return None;
    }
    let &[_, y, e, a, r, m, n, d, f, t, h, i, o, p, z, ..] = rest.as_bytes() else { return None };
    let date = [y, e, a, r, b'-', m, n, b'-', d, f, t, h, i, b':', o, p, b':', b'0', b'0', z];
    Some(LogName { account, region, time: Time::parse_plain(&date)? })
}

/// Whether a file is by its name a log: `ACCOUNT_CloudTrail_REGION_…`, or one of the other kinds of
/// [`Service::Logs`].
pub fn is_log(path: &str) -> bool {
    let base = path.rsplit('/').next().unwrap_or(path);
    base.contains(".json") && base.split('_').nth(1).is_some_and(|w| service_of(w) == Service::Logs)
}

const DAY: i64 = 86_400_000_000;

/// The days whose folders a range of event times can need, both included, as the names sort.
///
/// A file is named after its delivery, which is never before the event; one day is left for clocks.
/// How long after the event it may be is not bounded: `late` says how far that is followed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Days {
    /// `YYYY/MM/DD`.
    pub from: Option<String>,
    /// `YYYY/MM/DD`.
    pub to: Option<String>,
}

impl Days {
    /// Those of a half-open range; `late` in microseconds.
    pub fn of(since: Option<Time>, until: Option<Time>, late: i64) -> Days {
        let day = |time: i64| {
            let text = Time(time).to_string();
            // Behind the year 9999 there are no folders.
            let date = text.get(..10).filter(|date| date.as_bytes()[4] == b'-');
            date.map(|date| date.replace('-', "/"))
        };
        Days {
            from: since.and_then(|since| day(since.0.saturating_sub(DAY))),
            to: until.and_then(|until| day(until.0.saturating_add(late.max(DAY)))),
        }
    }

    /// Whether what lies below a Region's folder is of these days. Whatever has no date is.
    pub fn has(&self, below: &str) -> bool {
        let Some(date) = day(below) else { return true };
        self.from.as_deref().is_none_or(|from| date >= from)
            && self.to.as_deref().is_none_or(|to| date <= to)
    }

    /// Whether everything that sorts behind a key below a Region's folder is of later days.
    pub fn is_over(&self, below: &str) -> bool {
        day(below).zip(self.to.as_deref()).is_some_and(|(date, to)| date > to)
    }
}

/// The day of what lies below a Region's folder: `YYYY/MM/DD`.
pub fn day(below: &str) -> Option<&str> {
    below.get(..10).filter(|date| is_date(date))
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'/',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_is_told() {
        let logs =
            |root| Folder::Region { account: "111122223333".into(), service: Service::Logs, root };
        for prefix in ["", "a/b/", "o-exampleorgid/", "AWSLogs/odd/"] {
            for org in ["", "o-exampleorgid/"] {
                let root = format!("{prefix}AWSLogs/{org}");
                assert_eq!(folder(&root), Folder::Accounts, "{root}");
                let account = format!("{root}111122223333/");
                assert_eq!(folder(&account), Folder::Account { account: "111122223333".into() });
                let region = format!("{account}CloudTrail/eu-west-1/");
                assert_eq!(folder(&region), logs(region.len()));
                assert_eq!(folder(&format!("{region}2026/11/02/")), logs(region.len()));
            }
        }
        assert_eq!(folder(""), Folder::Outside);
        assert_eq!(folder("AWSLogs/notes/"), Folder::Outside);
        assert_eq!(folder("copies/of/logs/"), Folder::Outside);
        let service = |name: &str| match folder(&format!("AWSLogs/111122223333/{name}/")) {
            Folder::Service { service, .. } => service,
            other => panic!("{other:?}"),
        };
        assert_eq!(service("CloudTrail-Insight"), Service::Logs);
        assert_eq!(service("CloudTrail-Digest"), Service::Digests);
        for other in ["Config", "vpcflowlogs", "CloudTrail-Lake", "cloudtrail"] {
            assert_eq!(service(other), Service::Other, "{other}");
        }
    }

    #[test]
    fn folders_name_accounts_and_the_regions_of_cloudtrail() {
        let account = || "111122223333".to_owned();
        assert_eq!(names("logs/AWSLogs/"), None);
        assert_eq!(names("AWSLogs/111122223333/"), Some((account(), None)));
        for service in ["CloudTrail", "CloudTrail-Digest"] {
            let path =
                format!("x/AWSLogs/o-exampleorgid/111122223333/{service}/eu-west-1/2026/11/");
            assert_eq!(names(&path), Some((account(), Some("eu-west-1"))));
        }
        assert_eq!(names("AWSLogs/111122223333/Config/eu-west-1/"), Some((account(), None)));
        assert_eq!(names("AWSLogs/111122223333/CloudTrail/EU west/"), Some((account(), None)));
    }

    #[test]
    fn names_of_log_files_say_whose_they_are_and_when() {
        let name = "111122223333_CloudTrail_eu-west-1_20260301T1005Z_AbCdEfGh01234567.json.gz";
        let time = Time::parse("2026-03-01T10:05:00Z").unwrap();
        let said = LogName { account: "111122223333", region: "eu-west-1", time };
        for folder in
            ["", "logs/", "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/", "s3://b/"]
        {
            assert_eq!(log_name(&format!("{folder}{name}")), Some(said));
        }
        // One of the guide's examples has no mark before the last part.
        assert_eq!(log_name(&name.replace("Z_A", "ZA")), Some(said));
        for (what, with) in [
            ("CloudTrail_", "CloudTrail-Digest_"),
            ("111122223333", "1111222233"),
            ("eu-west-1", "eu west 1"),
            ("0301T", "0231T"),
            ("T1005Z", "T10Z"),
            ("T1005Z", "T10\u{e9}5Z"),
            ("_20260301T1005Z_AbCdEfGh01234567.json.gz", ""),
        ] {
            assert_eq!(log_name(&name.replacen(what, with, 1)), None, "{with}");
        }
    }

    #[test]
    fn logs_are_told_by_name() {
        let log = "x/111122223333_CloudTrail_eu-west-1_20261102T1405Z_AbCd.json";
        assert!(is_log(log) && is_log(&format!("{log}.gz")));
        assert!(is_log("111122223333_CloudTrail-Insight_r_20261102T1405Z_AbCd.json.gz"));
        for other in ["signatures.jsonl", "1_CloudTrail-Digest_r_t_r_20261102T140500Z.json.gz", ""]
        {
            assert!(!is_log(other), "{other}");
        }
    }

    #[test]
    fn days_leave_a_margin_on_both_sides() {
        let time = |text| Time::parse(text);
        let days = Days::of(time("2026-03-01T10:00:00Z"), time("2026-03-02T00:00:00Z"), 0);
        assert_eq!(days.from.as_deref(), Some("2026/02/28"));
        assert_eq!(days.to.as_deref(), Some("2026/03/03"));
        assert!(days.has("2026/02/28/x") && days.has("2026/03/03/x") && days.has("odd/2026/"));
        assert!(!days.has("2026/02/27/x") && !days.has("2026/03/04/x"));
        assert!(days.is_over("2026/03/04/x") && !days.is_over("2026/03/03/x"));
        assert!(!days.is_over("x") && !Days::default().is_over("2026/03/04/x"));
        let late = Days::of(None, time("2026-03-02T00:00:00Z"), 30 * DAY);
        assert_eq!((late.from, late.to.as_deref()), (None, Some("2026/04/01")));
        assert!(Days::default().has("2026/03/04/x"));
        let end = Days::of(None, time("9999-12-31T00:00:00Z"), 0);
        assert_eq!(end, Days::default());
    }
}
