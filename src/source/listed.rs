//! The sources of a list, one after another.
//!
//! What is named in a list may have been moved since, and a list may name anything: a line that leads
//! nowhere is a problem, and so is a pipe, since reading one could wait for ever. Objects in S3 are
//! asked for many at once, while the lines behind them are read. What must stay true: what two lines name is
//! read once, as far as memory is willing to know.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::entry::Entry;
use super::layout;
use super::list::{LOOK_UP, Line, Lines, List, Next};
use super::met::Met;
use super::s3::{Address, Cloud, Picks, Seen, Wanted};
use super::start::{
    Reach, STDIN, SourceError, Start, identity, is_dangling, is_nowhere, odd, problem,
};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};

/// What is said behind the problem of a key that is not there.
const ABSENT: &str = "; in a list, the beginning of keys ends in a slash";

/// Sources that are read from a list.
#[derive(Debug)]
pub(super) struct Listed {
    list: List,
    lines: Lines,
    /// What the named sources and the lines so far have led to.
    met: Met,
    /// Objects that lines name.
    picks: Option<Picks>,
    /// Why there is no way to S3.
    no_cloud: Option<String>,
}

/// What a list leads to next.
pub(super) enum Step {
    /// An object that is there, or a problem.
    Entry(Entry),
    /// A file, or what is to be gone through now.
    Start(Start),
    /// Nothing more.
    End,
}

impl Listed {
    /// Waits for the first line of a list. What `named` sources lead to is met already.
    pub fn open<S: AsRef<OsStr>>(list: &List, named: &[S]) -> Result<Listed, SourceError> {
        let lines = Lines::open(list).map_err(|reason| match reason {
            Some(reason) => SourceError::List { list: list.to_string(), reason },
            None => SourceError::EmptyList { list: list.to_string() },
        })?;
        let mut met = Met::default();
        for source in named.iter().map(AsRef::as_ref) {
            match fs::metadata(source) {
                Ok(meta) if meta.is_dir() => met.folder(&identity(Path::new(source))),
                Ok(_) => met.file(&identity(Path::new(source))),
                Err(_) => met.name(&source.to_string_lossy()),
            };
        }
        Ok(Listed { list: list.clone(), lines, met, picks: None, no_cloud: None })
    }
    /// What the list leads to next: an object that is there, or what the next line names.
    pub fn next(&mut self, reach: &mut Reach, stop: &AtomicBool) -> Step {
        loop {
            if let Some(entry) = self.picks.as_mut().and_then(Picks::ready) {
                return Step::Entry(entry);
            }
            let next = match self.picks.as_mut() {
                Some(picks) if !picks.has_room() => Next::NotYet,
                _ => self.lines.ready(),
            };
            let picks = self.picks.as_mut().filter(|picks| !picks.is_idle());
            let next = match (next, picks) {
                (Next::Line(line), _) => Next::Line(line),
                // Objects are on their way: whatever comes first.
                (_, Some(_)) if stop.load(Ordering::Relaxed) => return Step::End,
                (_, Some(picks)) => match picks.wait(LOOK_UP) {
                    Some(entry) => return Step::Entry(entry),
                    None => continue,
                },
                (Next::NotYet, None) => self.lines.wait(stop),
                (Next::End, None) => Next::End,
            };
            let Next::Line(line) = next else { return Step::End };
            if let Some(step) = self.line(line, reach) {
                return step;
            }
        }
    }

    /// What a line leads to at once; `None` for what was met before, and for an object that is asked
    /// for.
    fn line(&mut self, line: Line, reach: &mut Reach) -> Option<Step> {
        let (number, what) = match line {
            Line::Name(number, name) if name == STDIN => {
                let what = "is -: standard input is read only when named on the command line, and a \
                            file of that name is ./-";
                (number, what.to_owned())
            }
            Line::Name(number, name) => {
                let place = self.list.place(number);
                return match name.to_str().filter(|word| Address::is_meant(word)) {
                    Some(word) => self.object(word, &place, reach),
                    None => self.path(PathBuf::from(&name), &place),
                };
            }
            Line::TooLong(number) => (number, "is longer than a path can be".to_owned()),
            Line::Broken(number, reason) => {
                (number, format!("is the last that can be read: {reason}"))
            }
        };
        let message = format!("{} {what}", self.list.place(number));
        Some(Step::Entry(Entry::Problem(problem(&self.list.path, message))))
    }

    /// A path, and where in the list it stands.
    fn path(&mut self, path: PathBuf, place: &str) -> Option<Step> {
        let because = |what: String| {
            let message = format!("{what}; {place} names it");
            Some(Step::Entry(Entry::Problem(problem(&path, message))))
        };
        let meta = match fs::metadata(&path) {
            Ok(meta) => meta,
            Err(error) if is_dangling(&path, &error) => {
                return because(format!("symbolic link that leads to no file or folder: {error}"));
            }
            Err(error) if is_nowhere(&error) => return because("no such file or folder".into()),
            Err(error) => return because(format!("cannot be looked at: {error}")),
        };
        let full = identity(&path);
        if meta.is_dir() {
            return self.met.folder(&full).then_some(Step::Start(Start::Folder(path)));
        }
        if !meta.is_file() {
            return Some(Step::Entry(odd(&path, meta.file_type())));
        }
        self.met.file(&full).then_some(Step::Start(Start::File(path)))
    }

    /// An object, which is asked for; or, of what ends in a slash, all that is below.
    fn object(&mut self, word: &str, place: &str, reach: &mut Reach) -> Option<Step> {
        let wrong = |reason: &str| {
            let message = format!("{reason}; {place} names it");
            let problem = Problem::new(Origin::blob(word), Stage::S3, message);
            Some(Step::Entry(Entry::Problem(problem)))
        };
        let address = match Address::parse(word) {
            Ok(address) => address,
            Err(reason) => return wrong(&reason),
        };
        let wanted = &reach.wanted;
        let is_prefix = address.prefix.is_empty() || address.prefix.ends_with('/');
        if !self.met.name(word)
            || wanted.left_out.iter().any(|other| other == word)
            || (!is_prefix && wanted.no_logs && layout::is_log(&address.prefix))
        {
            return None;
        }
        let cloud = match self.cloud(reach) {
            Ok(cloud) => cloud,
            Err(reason) => return wrong(&reason),
        };
        if is_prefix {
            return Some(Step::Start(Start::Bucket(cloud, address)));
        }
        let wanted = || Wanted { absent: ABSENT, ..reach.wanted.clone() };
        let picks = self.picks.get_or_insert_with(|| cloud.pick(wanted()));
        picks.ask(address).map(Step::Entry)
    }

    /// The way to S3, found when it is needed.
    fn cloud(&mut self, reach: &mut Reach) -> Result<Arc<Cloud>, String> {
        if let Some(cloud) = &reach.cloud {
            return Ok(Arc::clone(cloud));
        }
        if let Some(reason) = &self.no_cloud {
            return Err(reason.clone());
        }
        let access = reach.access.clone().ok_or("objects in S3 cannot be read here")?;
        let found = Cloud::connect(access);
        match &found {
            Ok(cloud) => reach.cloud = Some(Arc::clone(cloud)),
            Err(reason) => self.no_cloud = Some(reason.clone()),
        }
        found
    }

    /// What is seen of the objects that lines name.
    pub fn seen(&self) -> Option<&Seen> {
        self.picks.as_ref().map(Picks::seen)
    }

    /// Whether a folder was gone through for a line or a source.
    pub fn was_walked(&self, folder: &Path) -> bool {
        self.met.has_folder(&identity(folder))
    }
}
