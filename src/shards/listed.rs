//! What a listing finds.
//!
//! What must stay true: whatever a listing gives is an object or a problem, but for what lies in the folder
//! of the plan itself.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::cut::{Found, Object};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::source::s3::Address;
use crate::source::{Blob, Body, Entry, layout};

/// What an entry of a listing is. `out` is the folder of the plan, as typed; what lies in it is nothing.
pub fn found(entry: Entry, out: &OsString) -> Option<Found> {
    let Blob { name, body, .. } = match entry {
        Entry::Blob(blob) => blob,
        Entry::Problem(problem) => return Some(Found::Problem(problem)),
        Entry::Known(_) => return None,
    };
    let problem = |message: &str| {
        let problem = Problem::new(Origin::blob(name.clone()), Stage::Read, message);
        Some(Found::Problem(problem))
    };
    match body {
        Body::Listed { size, etag } => {
            let is_own = out.to_str().is_some_and(|out| lies_below(&name, out));
            let etag = Some(etag.to_string()).filter(|etag| !etag.is_empty());
            let object = Object { name: name.to_string(), size, etag, ..Object::default() };
            (!is_own).then(|| of(object))
        }
        Body::File(path) if is_below(&path, Path::new(out)) => None,
        Body::File(path) => match file(&path, &name) {
            Ok(object) => Some(of(object)),
            Err(message) => problem(&message),
        },
        Body::Stdin | Body::Object(_) | Body::Member => problem("cannot be planned"),
    }
}

/// An object, with the account that its name tells.
pub(super) fn of(object: Object) -> Found {
    Found::Object(account(&object.name), object)
}

/// The account that a name tells: by its folders, or by the name of a log file.
pub(super) fn account(name: &str) -> Option<String> {
    let folder = name.rfind('/').map_or("", |at| &name[..=at]);
    let told = layout::names(folder).map(|(account, _)| account);
    told.or_else(|| layout::log_name(name).map(|name| name.account.to_owned()))
}

fn file(path: &Path, name: &str) -> Result<Object, String> {
    if path.to_str() != Some(name) {
        return Err(
            "its name cannot be written in a plan: expected a name in UTF-8 without \\x or !/"
                .into(),
        );
    }
    let meta = fs::metadata(path)
        .map_err(|error| format!("cannot look at it: {error}; expected a readable file"))?;
    if !meta.is_file() {
        return Err("is no regular file, which cannot be planned: it can be read only once".into());
    }
    let (name, size, modified) = (name.to_owned(), meta.len(), modified(&meta));
    Ok(Object { name, size, modified, ..Object::default() })
}

/// When a file was modified, in nanoseconds since 1970; `None` if that cannot be told.
pub(super) fn modified(meta: &fs::Metadata) -> Option<i64> {
    let at = meta.modified().ok()?;
    let nanos = |duration: std::time::Duration| i64::try_from(duration.as_nanos()).ok();
    match at.duration_since(UNIX_EPOCH) {
        Ok(after) => nanos(after),
        Err(before) => nanos(before.duration()).map(|nanos| -nanos),
    }
}

/// Whether a name of S3 lies below an address.
pub(super) fn lies_below(name: &str, out: &str) -> bool {
    let below = name.strip_prefix(out.trim_end_matches('/'));
    Address::is_meant(out) && below.is_some_and(|rest| rest.starts_with('/'))
}

fn is_below(path: &Path, out: &Path) -> bool {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute(path).starts_with(absolute(out))
}

/// Whether a name of S3 lies in one of these sources.
pub(super) fn lies_in_one(name: &str, sources: &[OsString]) -> bool {
    let name = Place::Prefix(name.to_owned());
    sources.iter().any(|source| name.lies_in(&Place::of(source)))
}

/// The places among these sources that lie in another one, so that all in them would be found twice. The
/// time it takes grows with their number and depth.
pub fn nested(sources: &[OsString]) -> Vec<usize> {
    let places: Vec<Place> = sources.iter().map(Place::of).collect();
    let all: HashSet<&Place> = places.iter().collect();
    // A prefix may end within a name.
    let prefixes: HashSet<&str> = places.iter().filter_map(Place::prefix).collect();
    let lies_in_another = |at: &usize| match &places[*at] {
        Place::Path(path) => {
            path.ancestors().skip(1).any(|above| all.contains(&Place::Path(above.to_owned())))
        }
        Place::Prefix(prefix) => (1..prefix.len()).rev().any(|end| {
            let above = prefix.get(..end);
            above.is_some_and(|above| prefixes.contains(above) && is_within(prefix, above))
        }),
    };
    (0..places.len()).filter(lies_in_another).collect()
}

/// Whether one of these sources is a folder, or lies in it.
pub fn holds_one(folder: &OsString, sources: &[OsString]) -> bool {
    let folder = Place::of(folder);
    sources.iter().map(Place::of).any(|source| source == folder || source.lies_in(&folder))
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Place {
    Path(PathBuf),
    Prefix(String),
}

impl Place {
    fn of(source: &OsString) -> Place {
        match source.to_str().filter(|word| Address::is_meant(word)) {
            Some(word) => Place::Prefix(word.to_owned()),
            None => Place::Path(fs::canonicalize(source).unwrap_or_else(|_| source.into())),
        }
    }

    fn prefix(&self) -> Option<&str> {
        match self {
            Place::Path(_) => None,
            Place::Prefix(prefix) => Some(prefix),
        }
    }

    fn lies_in(&self, other: &Place) -> bool {
        match (self, other) {
            (Place::Path(path), Place::Path(other)) => path.starts_with(other),
            (Place::Prefix(prefix), Place::Prefix(other)) => is_within(prefix, other),
            _ => false,
        }
    }
}

/// Whether one address of S3 lies below another. A prefix may end within a name; the name of a bucket may
/// not.
fn is_within(prefix: &str, other: &str) -> bool {
    let bucket = other.trim_start_matches("s3://").contains('/');
    prefix.strip_prefix(other).is_some_and(|rest| bucket || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_accounts() {
        let told = |name: &str| account(name);
        let of = |account: &str| Some(account.to_owned());
        let log = "111122223333_CloudTrail_eu-west-1_20260301T1005Z_AbCdEfGh01234567.json.gz";
        assert_eq!(told(log), of("111122223333"));
        assert_eq!(told(&format!("copies/{log}")), of("111122223333"));
        // A folder that CloudTrail made tells more than a name that anybody gives.
        let folder = "s3://b/AWSLogs/o-exampleorgid/444455556666/CloudTrail/eu-west-1/2026/03/01";
        assert_eq!(told(&format!("{folder}/{log}")), of("444455556666"));
        assert_eq!(told("logs/a.json"), None);
        assert_eq!(told("a"), None);
    }

    #[test]
    fn sources_in_others_are_told() {
        let nested = |words: &[&str]| nested(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(nested(&["s3://bucket/a/", "s3://bucket/a/b", "s3://other/a/b"]), [1]);
        assert_eq!(nested(&["s3://bucket", "s3://bucket-2/a", "s3://bucket/"]), [2]);
        assert_eq!(nested(&["s3://bucket/a", "s3://bucket/a"]), [0; 0]);
        assert_eq!(nested(&["src/source", "src", "tests"]), [0]);
        assert_eq!(nested(&["src/", "./src"]), [0; 0]);
    }

    #[test]
    fn what_lies_in_the_folder_of_the_plan_is_nothing() {
        let listed = |name: &str| {
            let body = Body::Listed { size: 1, etag: "\"a\"".into() };
            found(Entry::Blob(Blob { name: name.into(), body, token: None }), &"s3://b/out".into())
        };
        assert_eq!(listed("s3://b/out/plan.json"), None);
        assert!(listed("s3://b/outside").is_some() && listed("s3://b/logs/out/a").is_some());
        let file = Entry::Blob(Blob::file("src/shards/mod.rs".into()));
        assert_eq!(found(file, &"./src/shards".into()), None);
        let file = || Entry::Blob(Blob::file("src/shards/mod.rs".into()));
        let Some(Found::Object(None, object)) = found(file(), &"src/shard".into()) else {
            panic!()
        };
        assert_eq!((object.name.as_str(), object.modified.is_some()), ("src/shards/mod.rs", true));
        let absent = found(Entry::Blob(Blob::file("src/absent".into())), &"out".into());
        assert!(matches!(absent, Some(Found::Problem(_))));
    }
}
