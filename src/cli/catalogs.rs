//! The files that `--tags` names, opened and read.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use super::failure::Failure;
use super::values;
use crate::engine::Limits;
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::model::window::Window;
use crate::source::{self, Blob, Body, Inflater};
use crate::tags::book::Book;
use crate::tags::catalog;

/// What the files say.
#[derive(Debug, Default)]
pub struct Catalogs {
    /// All of it.
    pub book: Book,
    /// What of it could not be read.
    pub problems: Vec<Problem>,
    /// Where they are, so that none is taken for a log.
    pub paths: Vec<PathBuf>,
    /// Of each, a line for the digest of the run.
    pub lines: Vec<String>,
}

/// The most text that is read of one file.
const TEXT_MAX: usize = 4 << 30; // 4 GiB

/// Reads the files.
///
/// # Errors
/// Those that cannot be opened, or whose TIME is none.
pub fn read(typed: &[OsString], now: Time) -> Result<Catalogs, Vec<Failure>> {
    let mut all = Catalogs { book: Book::new(Limits::default().tags), ..Catalogs::default() };
    let mut failures = Vec::new();
    for word in typed {
        if let Err(failure) = one(word, now, &mut all) {
            failures.push(failure);
        }
    }
    if failures.is_empty() { Ok(all) } else { Err(failures) }
}

/// The path and the date in `FILE@TIME`. A file of the whole name wins.
fn parts(word: &OsStr, now: Time) -> Result<(PathBuf, Option<Time>), Failure> {
    let bytes = word.as_bytes();
    let at = bytes.iter().rposition(|byte| *byte == b'@');
    let Some(at) = at.filter(|_| !Path::new(word).exists()) else {
        return Ok((word.into(), None));
    };
    let path = OsStr::from_bytes(&bytes[..at]);
    let text = String::from_utf8_lossy(&bytes[at + 1..]).into_owned();
    let value = |reason| Failure::Value {
        option: "--tags",
        value: word.to_string_lossy().into_owned(),
        reason,
    };
    Ok((path.into(), Some(values::time(&text, now).map_err(value)?)))
}

/// Those that are not there, or whose TIME is none. Nothing is read.
pub fn missing(typed: &[OsString], now: Time) -> Vec<Failure> {
    typed.iter().filter_map(|word| there(word, now).err()).collect()
}

/// The path and the date in `FILE@TIME`, and what the file system says of the file.
fn there(word: &OsStr, now: Time) -> Result<(PathBuf, Option<Time>, Metadata), Failure> {
    let (path, date) = parts(word, now)?;
    let unreadable = |reason: String| Failure::Tags { path: path.clone(), reason };
    let about = fs::metadata(&path).map_err(|error| unreadable(error.to_string()))?;
    match about.is_dir() {
        true => Err(unreadable("is a folder, expected a file".into())),
        false => Ok((path, date, about)),
    }
}

fn one(word: &OsStr, now: Time, all: &mut Catalogs) -> Result<(), Failure> {
    let (path, date, about) = there(word, now)?;
    let unreadable = |reason: String| Failure::Tags { path: path.clone(), reason };
    let modified = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified = modified.and_then(|since| i64::try_from(since.as_micros()).ok()).map(Time);
    let name: Arc<str> = path.to_string_lossy().into();
    let mut inflater = Inflater::new(source::Limits::default());
    let blob = Blob { name: Arc::clone(&name), body: Body::File(path.clone()), token: None };
    let mut text = inflater.open(&blob).map_err(|problem| unreadable(problem.message))?;
    let mut problem = |stage, message: String| {
        all.problems.push(Problem::new(Origin::blob(Arc::clone(&name)), stage, message));
    };
    let mut whole = Vec::new();
    loop {
        whole.extend_from_slice(text.text());
        let len = text.text().len();
        text.consume(len);
        if whole.len() > TEXT_MAX {
            problem(Stage::Tags, format!("has more than {TEXT_MAX} bytes of text"));
            break;
        }
        match text.fill() {
            Ok(true) => {}
            Ok(false) => break,
            Err(cut) => {
                problem(cut.stage, cut.message);
                break;
            }
        }
    }
    let date = date.or(modified).unwrap_or(now);
    let added = catalog::read(&name, &whole, date, &mut all.book);
    added.wrong.into_iter().for_each(|wrong| problem(Stage::Tags, wrong));
    let digest = hex::encode(Sha256::digest(&whole));
    all.lines.push(format!("tags {digest} {date}"));
    all.paths.push(path);
    Ok(())
}
