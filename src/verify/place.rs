//! What kind of file a name belongs to: a log, a digest, a signature beside one, or something else.
//!
//! `ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHMMZ_UNIQUE.json.gz` and
//! `ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOME_YYYYMMDDTHHMMSSZ[_backfill].json.gz` (AWS CloudTrail
//! user guide, "CloudTrail log file examples" and "CloudTrail digest file structure").

use crate::model::time::Time;

/// What a file is by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Log {
        account: String,
        region: String,
        time: Option<Time>,
    },
    Digest(Series),
    /// Insights, network activity, aggregated events: whether digests name these is not documented.
    Aside,
    /// The metadata of the object whose base name this is.
    Sidecar(String),
    Other,
}

/// Which chain a digest belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Series {
    pub account: String,
    pub region: String,
    /// The trail's name and home Region.
    pub trail: String,
    pub backfill: bool,
    /// The organisation's folder, if it is an organisation's trail: an account may have one of its
    /// own by the same name.
    pub organisation: Option<String>,
}

impl Series {
    /// How the trail is called in reports.
    pub fn shown(&self) -> String {
        let suffix = if self.backfill { " (backfill)" } else { "" };
        format!("{}{suffix}", self.trail)
    }
}

/// What an object's metadata is called beside a copy of it.
const SIDECAR: &str = ".metadata.json";

/// The last segment of a path or key.
pub(super) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The name that an object and its copies have in common, however they are compressed.
pub(super) fn stem(base: &str) -> &str {
    base.strip_suffix(".gz").or(base.strip_suffix(".zst")).unwrap_or(base)
}

/// What a file is, by its path.
pub(super) fn of(path: &str) -> Place {
    let base = base(path);
    if let Some(object) = base.strip_suffix(SIDECAR) {
        return Place::Sidecar(stem(object).to_owned());
    }
    let Some(name) = stem(base).strip_suffix(".json") else { return Place::Other };
    let mut words = name.split('_');
    match (words.next(), words.next(), words.next()) {
        (Some(account), Some("CloudTrail"), Some(region)) => {
            let time = words.next().and_then(time);
            Place::Log { account: account.to_owned(), region: region.to_owned(), time }
        }
        (Some(account), Some("CloudTrail-Digest"), Some(region)) => {
            let series = digest(account, region, words.collect());
            let organisation = organisation(path);
            series.map_or(Place::Other, |s| Place::Digest(Series { organisation, ..s }))
        }
        (Some(_), Some(kind), Some(_)) if kind.starts_with("CloudTrail-") => Place::Aside,
        _ => Place::Other,
    }
}

/// A trail's name may have underscores, so what follows it is taken from the end.
fn digest(account: &str, region: &str, mut words: Vec<&str>) -> Option<Series> {
    let backfill = words.last() == Some(&"backfill");
    if backfill {
        words.pop();
    }
    let (_time, home) = (words.pop()?, words.pop()?);
    let trail = format!("{} ({home})", words.join("_"));
    let (account, region) = (account.to_owned(), region.to_owned());
    Some(Series { account, region, trail, backfill, organisation: None })
}

/// The organisation's folder below the last `AWSLogs/`.
fn organisation(path: &str) -> Option<String> {
    let (_, below) = path.rsplit_once("AWSLogs/")?;
    let (folder, _) = below.split_once('/')?;
    folder.starts_with("o-").then(|| folder.to_owned())
}

/// `YYYYMMDDTHHMM[SS]Z`; one example in the user guide has the unique string right behind it.
fn time(word: &str) -> Option<Time> {
    let part = |from: usize, to: usize| word.get(from..to);
    let seconds = if part(13, 14) == Some("Z") { "00" } else { part(13, 15)? };
    let (date, hour) = ((part(0, 4)?, part(4, 6)?, part(6, 8)?), part(9, 11)?);
    let text = format!("{}-{}-{}T{hour}:{}:{seconds}Z", date.0, date.1, date.2, part(11, 13)?);
    Time::parse_plain(text.as_bytes())
}

/// The end of what a digest covers, by its name.
pub(super) fn end_of(path: &str) -> Option<Time> {
    let name = stem(base(path)).strip_suffix(".json")?;
    let name = name.strip_suffix("_backfill").unwrap_or(name);
    time(name.rsplit('_').next()?)
}

/// How many path segments, from the end, an object and a file have in common.
pub(super) fn shared(path: &str, key: &str) -> usize {
    path.rsplit('/').skip(1).zip(key.rsplit('/').skip(1)).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let log = "a/111122223333_CloudTrail_eu-west-1_20261102T1405Z_AbCdEfGhIjKlMnOp.json.gz";
        let Place::Log { account, region, time } = of(log) else { panic!("no log") };
        assert_eq!((account.as_str(), region.as_str()), ("111122223333", "eu-west-1"));
        assert_eq!(time, Time::parse("2026-11-02T14:05:00Z"));
        let digest = "111122223333_CloudTrail-Digest_eu-west-1_my_trail_us-east-1_20261102T150000Z";
        let series = |backfill| Series {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            trail: "my_trail (us-east-1)".into(),
            backfill,
            organisation: None,
        };
        assert_eq!(of(&format!("{digest}.json.gz")), Place::Digest(series(false)));
        let end = Time::parse("2026-11-02T15:00:00Z");
        assert_eq!(end_of(&format!("x/{digest}.json.gz")), end);
        assert_eq!(end_of(&format!("{digest}_backfill.json")), end);
        assert_eq!(of(&format!("x/{digest}_backfill.json")), Place::Digest(series(true)));
        let of_organisation = of(&format!("AWSLogs/o-exampleorgid/111122223333/x/{digest}.json"));
        let organisation = Some("o-exampleorgid".to_owned());
        assert_eq!(of_organisation, Place::Digest(Series { organisation, ..series(false) }));
        let sidecar = of(&format!("{digest}.json.gz.metadata.json"));
        assert_eq!(sidecar, Place::Sidecar(format!("{digest}.json")));
        for other in ["x.json", "1_Config_x_y.json.gz", "é_CloudTrail"] {
            assert_eq!(of(other), Place::Other, "{other}");
        }
        assert_eq!(of("111122223333_CloudTrail-Insight_x_y_z.json.gz"), Place::Aside);
        let close = of("1_CloudTrail_r_20261102T1405ZAbCd.json.gz");
        let at = Time::parse("2026-11-02T14:05:00Z");
        assert!(matches!(close, Place::Log { time, .. } if time == at), "{close:?}");
        let odd = "1_CloudTrail_r_2026é102T1405Z_x.json";
        assert!(matches!(of(odd), Place::Log { time: None, .. }));
    }
}
