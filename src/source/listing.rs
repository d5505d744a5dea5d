//! What a run reads: files, folders, standard input, objects in S3.
//!
//! The walk is lazy, because an archive has more names than memory should hold. It is ordered by the
//! bytes of file names, so that two runs meet the same blobs in the same order. Whatever is not read
//! is reported: a missing source stops the run before it begins, and anything else becomes a
//! [`Problem`] while the walk goes on. What a list names may have been moved since it was written, so that
//! a line that leads nowhere is a problem too.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::UNIX_EPOCH;
use std::vec;

use walkdir::WalkDir;

use crate::model::outcome::Passed;
use crate::model::path_names::PathNames;
use crate::model::problem::Problem;
use crate::model::token::Token;

use super::blob::{Blob, Body, blob_id};
use super::entry::{Entry, Source};
use super::layout;
use super::listed::{Listed, Step};
use super::name::shown;
use super::s3::{Address, Objects, Seen};
use super::sources::Sources;
use super::start::{
    Reach, STDIN, SourceError, Start, bucket, identity, is_dangling, look_at, odd, problem,
};

/// All blobs of some sources, found as they are asked for.
#[derive(Debug)]
pub struct Listing {
    starts: vec::IntoIter<Start>,
    walk: Option<walkdir::IntoIter>,
    objects: Option<Objects>,
    listed: Option<Listed>,
    left_out: HashSet<PathBuf>,
    reach: Reach,
    /// What was seen of buckets that are listed to their ends, and of files.
    passed: Passed,
    /// What the paths of folders say, of buckets that are listed to their ends too.
    names: PathNames,
}

impl Listing {
    /// Looks at each source: a file, a folder, or `-`.
    ///
    /// A source given twice is read once, where it was given first; the same by another spelling
    /// or through a link too, told by its canonical path. Pipes and the like have none and are told
    /// by their spelling. A file within a given folder is not looked for: its records are copies.
    ///
    /// # Errors
    /// All sources that are not there. One that is there and cannot be read is a [`Problem`].
    pub fn open<S: AsRef<OsStr>>(sources: &[S]) -> Result<Listing, Vec<SourceError>> {
        Listing::reach(sources, Reach::default())
    }

    /// The same, as far as `reach` goes.
    ///
    /// # Errors
    /// As [`open`](Listing::open); a bucket that there is not. One that does not answer or may not
    /// be looked at is a [`Problem`].
    pub fn reach<S: AsRef<OsStr>>(
        sources: &[S],
        reach: Reach,
    ) -> Result<Listing, Vec<SourceError>> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for source in sources {
            let source = source.as_ref();
            if source == STDIN {
                if seen.insert(PathBuf::from(STDIN)) {
                    found.push(Start::Stdin);
                }
                continue;
            }
            let looked = match source.to_str().filter(|word| Address::is_meant(word)) {
                Some(word) => bucket(word, reach.cloud.as_ref()),
                None => look_at(Path::new(source)),
            };
            match looked {
                Ok(kind) => {
                    if seen.insert(identity(Path::new(source))) {
                        found.push(kind);
                    }
                }
                Err(error) => missing.push(error),
            }
        }
        if missing.is_empty() {
            Ok(Listing { starts: found.into_iter(), reach, ..Listing::empty() })
        } else {
            Err(missing)
        }
    }

    /// The blobs of named sources, and behind them those of a list. The list is read while the run
    /// goes on, but for its first line.
    ///
    /// # Errors
    /// As [`reach`](Listing::reach); a list that cannot be read or names nothing. A line that leads
    /// nowhere is a [`Problem`].
    pub fn of(sources: &Sources, reach: Reach) -> Result<Listing, Vec<SourceError>> {
        let named = Listing::reach(&sources.named, reach);
        let Some(list) = &sources.list else { return named };
        let opened = match list.is_stdin() && sources.named.iter().any(|source| source == STDIN) {
            true => Err(SourceError::StdinTwice),
            false => Listed::open(list, &sources.named),
        };
        match (named, opened) {
            (Ok(mut listing), Ok(listed)) => {
                listing.leave_out(&list.path);
                Ok(Listing { listed: Some(listed), ..listing })
            }
            (Ok(_), Err(wrong)) => Err(vec![wrong]),
            (Err(wrong), opened) => Err(wrong.into_iter().chain(opened.err()).collect()),
        }
    }

    /// One that has nothing.
    pub fn empty() -> Listing {
        Listing {
            starts: Vec::new().into_iter(),
            walk: None,
            objects: None,
            listed: None,
            left_out: HashSet::new(),
            reach: Reach::default(),
            passed: Passed::default(),
            names: PathNames::default(),
        }
    }

    /// Leaves out a file that the run reads for something else, where it is met on the walk. One
    /// that is named as a source is read all the same.
    pub fn leave_out(&mut self, path: &Path) {
        self.left_out.insert(identity(path));
    }

    /// A file that was met; `None` if it was read before.
    fn file(&mut self, path: PathBuf) -> Option<Entry> {
        let mut blob = Blob::file(path);
        if self.reach.identify
            && let Body::File(path) = &blob.body
            // One that cannot be looked at has no version; opening it will tell.
            && let Ok(meta) = fs::metadata(path)
            && meta.is_file()
        {
            let full = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let modified = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let version = format!("{} {}", modified.unwrap_or_default().as_nanos(), changed(&meta));
            let id = blob_id(&shown(full.as_os_str()), meta.len(), &version);
            if self.reach.wanted.known.as_ref().is_some_and(|known| known.has(id)) {
                self.passed.known += 1;
                return self.reach.wanted.tell_known.then(|| Entry::Known(blob.name));
            }
            blob.token = Some(Token::new(id));
        }
        Some(Entry::Blob(blob))
    }

    /// The next entry of the current folder.
    fn walked(&mut self) -> Option<Entry> {
        loop {
            match self.walk.as_mut()?.next() {
                Some(Ok(entry)) if entry.file_type().is_dir() && self.was_walked(&entry) => {
                    self.walk.iter_mut().for_each(walkdir::IntoIter::skip_current_dir);
                }
                Some(Ok(entry)) if entry.file_type().is_dir() => self.folder(entry.path()),
                Some(Ok(entry)) if self.is_left_out(entry.path()) => {}
                Some(Ok(entry)) if self.is_unwanted(entry.path()) => {}
                Some(Ok(entry)) if entry.file_type().is_file() => {
                    let file = self.file(entry.into_path());
                    if file.is_some() {
                        return file;
                    }
                }
                Some(Ok(entry)) => return Some(odd(entry.path(), entry.file_type())),
                Some(Err(error)) => return Some(Entry::Problem(unwalked(&error))),
                None => self.walk = None,
            }
        }
    }

    /// The next entry of the current bucket.
    fn fetched(&mut self, stop: &AtomicBool) -> Option<Entry> {
        let entry = self.objects.as_mut()?.next(stop);
        if entry.is_none() {
            let objects = self.objects.take();
            add(&mut self.passed, objects.as_ref().map(Objects::seen));
            objects.iter().for_each(|objects| self.names.merge(&objects.seen().names()));
        }
        entry
    }

    /// Begins with a source. What there is to read of it, if that is one thing.
    fn begin(&mut self, start: Start) -> Option<Entry> {
        match start {
            // It can be read only once.
            Start::Stdin if self.reach.wanted.no_logs => None,
            Start::File(path)
                if self.is_unwanted(&path) || (self.reach.wanted.no_logs && is_stream(&path)) =>
            {
                None
            }
            Start::Stdin => {
                let blob = Blob { name: STDIN.into(), body: Body::Stdin, token: None };
                Some(Entry::Blob(blob))
            }
            Start::Bucket(cloud, address) => {
                self.objects = Some(cloud.read(address, self.reach.wanted.clone()));
                None
            }
            Start::Problem(problem) => Some(Entry::Problem(problem)),
            Start::File(path) => self.file(path),
            Start::Folder(path) => {
                let walk = WalkDir::new(path).follow_links(true).sort_by_file_name();
                self.walk = Some(walk.into_iter());
                None
            }
        }
    }

    /// What is seen of buckets that are read now.
    fn seen(&self) -> impl Iterator<Item = &Seen> {
        let listed = self.listed.iter().filter_map(Listed::seen);
        self.objects.iter().map(Objects::seen).chain(listed)
    }

    /// Whether a folder on the walk was walked before, for another line of the list.
    fn was_walked(&self, entry: &walkdir::DirEntry) -> bool {
        let listed = self.listed.as_ref().filter(|_| entry.depth() > 0);
        listed.is_some_and(|listed| listed.was_walked(entry.path()))
    }

    /// Notes what a folder's path says.
    fn folder(&mut self, path: &Path) {
        let path = path.to_string_lossy() + "/";
        if let Some((account, region)) = layout::names(&path) {
            self.names.add(&account, region);
        }
    }

    /// Whether a file is a log where none are wanted.
    fn is_unwanted(&self, path: &Path) -> bool {
        let is_log = || layout::is_log(&path.to_string_lossy());
        self.reach.wanted.no_logs && is_log()
    }

    /// Whether a file of the walk is left out.
    fn is_left_out(&self, path: &Path) -> bool {
        // Names are compared first: to ask the system about every file would take its time.
        let named = |other: &PathBuf| other.file_name() == path.file_name();
        self.left_out.iter().any(named) && self.left_out.contains(&identity(path))
    }
}

/// Adds what was seen of a bucket.
fn add(passed: &mut Passed, seen: Option<&Seen>) {
    let Some(seen) = seen else { return };
    passed.requests += seen.requests.load(Ordering::Relaxed);
    passed.known += seen.known.load(Ordering::Relaxed);
    passed.outside += seen.outside.load(Ordering::Relaxed);
    passed.left_alone += seen.left_alone.load(Ordering::Relaxed);
}

impl Source for Listing {
    fn next(&mut self, stop: &AtomicBool) -> Option<Entry> {
        loop {
            if let Some(entry) = self.walked().or_else(|| self.fetched(stop)) {
                return Some(entry);
            }
            let entry = match self.starts.next() {
                Some(start) => self.begin(start),
                None => match self.listed.as_mut()?.next(&mut self.reach, stop) {
                    Step::Entry(entry) => Some(entry),
                    // What is left out is so here as on the walk: a program has made the list.
                    Step::Start(Start::File(path)) if self.is_left_out(&path) => None,
                    Step::Start(start) => self.begin(start),
                    Step::End => return None,
                },
            };
            if entry.is_some() {
                return entry;
            }
        }
    }

    fn passed(&self) -> Passed {
        let mut passed = self.passed;
        self.seen().for_each(|seen| add(&mut passed, Some(seen)));
        passed
    }

    fn names(&self) -> PathNames {
        let mut names = self.names.clone();
        self.seen().for_each(|seen| names.merge(&seen.names()));
        names
    }
}

/// Whether a file can be read only once: a pipe, a device.
fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| !meta.is_file())
}

/// When a file's metadata last changed; no user can set it back.
#[cfg(unix)]
fn changed(meta: &fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    format!("{}.{}", meta.ctime(), meta.ctime_nsec())
}

#[cfg(not(unix))]
fn changed(_: &fs::Metadata) -> String {
    String::new()
}

/// Why the walk could not go on at one place.
fn unwalked(error: &walkdir::Error) -> Problem {
    let path = error.path().unwrap_or(Path::new(""));
    if let Some(ancestor) = error.loop_ancestor() {
        let ancestor = shown(ancestor.as_os_str());
        let message = format!("symbolic link loop: leads back to {ancestor}, which is walked");
        return problem(path, message);
    }
    let Some(cause) = error.io_error() else {
        return problem(path, format!("cannot be walked: {error}"));
    };
    if is_dangling(path, cause) {
        return problem(path, format!("symbolic link that leads to no file or folder: {cause}"));
    }
    problem(path, format!("cannot be walked: {cause}; expected a readable file or folder"))
}
