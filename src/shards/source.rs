//! The objects of a shard, each as it was when the plan was made.
//!
//! What must stay true: an object that was replaced or is gone is a problem that names it. Objects in S3 are
//! fetched many at once and come as they arrive.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::vec;

use super::cut::Object;
use super::listed::modified;
use crate::model::origin::Origin;
use crate::model::outcome::Passed;
use crate::model::path_names::PathNames;
use crate::model::problem::{Problem, Stage};
use crate::source::s3::{Address, Chosen, Cloud, Expected, Objects};
use crate::source::{Blob, Body, Entry, Source, layout};

/// The objects of a shard.
#[derive(Debug)]
pub struct ShardSource {
    account: Option<String>,
    steps: vec::IntoIter<Step>,
    coming: Option<Objects>,
    names: PathNames,
    objects: u64,
    bytes: u64,
}

/// What is read next.
#[derive(Debug)]
enum Step {
    File(PathBuf, Object),
    Bucket(Arc<Cloud>, String, Vec<Chosen>),
    Problem(Problem),
}

impl ShardSource {
    /// The objects of an account. `folder` is where relative names of files begin.
    pub(super) fn new(
        account: Option<String>,
        objects: Vec<Object>,
        folder: Option<&str>,
        cloud: Option<&Arc<Cloud>>,
    ) -> ShardSource {
        let mut names = PathNames::default();
        let count = objects.len() as u64;
        let bytes = objects.iter().fold(0_u64, |sum, object| sum.saturating_add(object.size));
        let mut steps = Vec::new();
        for object in objects {
            let path = object.name.rfind('/').map_or("", |at| &object.name[..=at]);
            if let Some((account, region)) = layout::names(path) {
                names.add(&account, region);
            }
            match Address::is_meant(&object.name) {
                true => in_s3(object, cloud, &mut steps),
                false => {
                    let path = folder.map_or(PathBuf::new(), PathBuf::from).join(&object.name);
                    steps.push(Step::File(path, object));
                }
            }
        }
        let steps = steps.into_iter();
        ShardSource { account, steps, coming: None, names, objects: count, bytes }
    }

    /// The account that the names of its objects tell, the same for all.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// How many objects it has.
    pub fn objects(&self) -> u64 {
        self.objects
    }

    /// How many bytes they have, as stored.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Adds an object in S3 to those of its bucket.
fn in_s3(object: Object, cloud: Option<&Arc<Cloud>>, steps: &mut Vec<Step>) {
    let address = Address::parse(&object.name);
    let (Ok(Address { bucket, prefix: key }), Some(cloud)) = (address, cloud) else {
        steps.push(Step::Problem(problem(&object.name, Stage::S3, "S3 cannot be reached")));
        return;
    };
    let expected = match (object.etag, object.version) {
        (Some(etag), _) => Expected::Tag(etag),
        (None, Some(version)) => Expected::Version(version),
        (None, None) => Expected::Size,
    };
    let chosen = Chosen { key, size: object.size, expected };
    match steps.last_mut() {
        Some(Step::Bucket(_, last, all)) if *last == bucket => all.push(chosen),
        _ => steps.push(Step::Bucket(Arc::clone(cloud), bucket, vec![chosen])),
    }
}

impl Source for ShardSource {
    fn next(&mut self, stop: &AtomicBool) -> Option<Entry> {
        loop {
            if let Some(coming) = &mut self.coming {
                let entry = coming.next(stop);
                if entry.is_some() {
                    return entry;
                }
                self.coming = None;
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    return None;
                }
            }
            match self.steps.next()? {
                Step::Problem(problem) => return Some(Entry::Problem(problem)),
                Step::File(path, object) => return Some(file(path, &object)),
                Step::Bucket(cloud, bucket, chosen) => {
                    self.coming = Some(cloud.read_chosen(bucket, chosen));
                }
            }
        }
    }

    fn passed(&self) -> Passed {
        Passed::default()
    }

    fn names(&self) -> PathNames {
        self.names.clone()
    }
}

/// A file, if it is the one that was planned.
fn file(path: PathBuf, object: &Object) -> Entry {
    match check(&path, object) {
        Ok(()) => {
            let name = object.name.as_str().into();
            Entry::Blob(Blob { name, body: Body::File(path), token: None })
        }
        Err(message) => Entry::Problem(problem(&object.name, Stage::Read, &message)),
    }
}

fn check(path: &Path, object: &Object) -> Result<(), String> {
    let meta = match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err("is not there any more since the plan was made".to_owned());
        }
        Err(error) => return Err(format!("cannot look at it: {error}; expected a readable file")),
        Ok(meta) => meta,
    };
    if meta.is_file() && meta.len() == object.size && modified(&meta) == object.modified {
        return Ok(());
    }
    Err(format!(
        "was replaced since the plan was made: it has {} bytes, expected a file of {} bytes that was not \
         modified since",
        meta.len(),
        object.size
    ))
}

fn problem(name: &str, stage: Stage, message: &str) -> Problem {
    Problem::new(Origin::blob(name), stage, message)
}
