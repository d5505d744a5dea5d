//! The reports beside the main one: `--export FORMAT=PATH`.
//!
//! All of them are open before anything is read, and are written when the scan is over, each whole or
//! not at all. What must stay true: an export that fails takes neither the others nor the main report
//! with it, and whoever asked for it learns of it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::deliver::{Delivered, Delivery};
use super::exit::Exit;
use super::failure::Failure;
use super::output::{self, Output};
use super::signals::Unfinished;
use crate::report::{self, Format, Report, Style};

/// One `--export`, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// What is written.
    pub format: Format,
    /// Where to; never standard output.
    pub path: PathBuf,
}

/// `FORMAT=PATH`, or a PATH whose suffix says the format.
///
/// # Errors
/// What is expected.
pub fn parse(text: &str) -> Result<Export, String> {
    let export = match text.split_once('=') {
        Some((format, path)) => Export { format: format.parse()?, path: path.into() },
        None => {
            let path = PathBuf::from(text);
            let format = Format::of_path(&path)
                .ok_or("expected FORMAT=PATH, since the suffix names no format")?;
            Export { format, path }
        }
    };
    match export.path.as_os_str().as_encoded_bytes() {
        b"" => Err("expected FORMAT=PATH, but there is no path".into()),
        b"-" => Err("standard output is for the main report: use -f FORMAT".into()),
        _ => Ok(export),
    }
}

/// Where a path leads, by links and `..` too, whether there is a file or not.
fn place(path: &Path) -> PathBuf {
    let path = output::follow_links(path).unwrap_or_else(|_| path.into());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok();
    match (fs::canonicalize(&path), folder.zip(path.file_name())) {
        (Ok(path), _) => path,
        (Err(_), Some((folder, name))) => folder.join(name),
        (Err(_), None) => path,
    }
}

/// Whether a path is what standard output goes to.
fn is_stdout(path: &Path) -> bool {
    let same = |a: &fs::Metadata, b: &fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    match (fs::metadata(path), fs::metadata("/dev/stdout")) {
        (Ok(path), Ok(stdout)) => same(&path, &stdout) && !path.file_type().is_char_device(),
        _ => false,
    }
}

/// Exports that are open.
#[derive(Debug, Default)]
pub struct Exports(Vec<(Format, Delivery)>);

impl Exports {
    /// Opens all of them, if `may_wait` also those that wait for a reader.
    ///
    /// # Errors
    /// Every one that cannot be written, or that another output writes too.
    pub fn open(
        exports: &[Export],
        main: &Path,
        keep_apart: impl Fn(&Path) -> Result<(), Failure>,
        may_wait: bool,
    ) -> Result<Exports, Vec<Failure>> {
        let (mut open, mut failures) = (Vec::new(), Vec::new());
        let mut places = BTreeSet::from([place(main)]);
        for Export { format, path } in exports {
            if !places.insert(place(path)) || (main.as_os_str() == "-" && is_stdout(path)) {
                let reason = "is named for two reports".into();
                failures.push(Failure::Output { path: path.clone(), reason });
            } else if let Err(failure) = keep_apart(path) {
                failures.push(failure);
            } else if may_wait || !Output::may_wait(path) {
                match Delivery::open(Some(path)) {
                    Ok(delivery) => open.push((*format, delivery)),
                    Err(failure) => failures.push(failure),
                }
            }
        }
        if failures.is_empty() { Ok(Exports(open)) } else { Err(failures) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The files to remove should the process end at once.
    pub fn unfinished(&self) -> impl Iterator<Item = Unfinished> {
        self.0.iter().map(|(_, delivery)| delivery.unfinished())
    }

    /// Where they are now.
    pub fn unfinished_paths(&self) -> impl Iterator<Item = PathBuf> {
        self.0.iter().filter_map(|(_, delivery)| delivery.unfinished_path())
    }

    /// Writes all of them. Whether each was taken whole.
    ///
    /// # Errors
    /// Every one that could not be written; the others are.
    pub fn write(self, report: &Report<'_>, style: &Style) -> Result<bool, Vec<Failure>> {
        let (mut whole, mut failures) = (true, Vec::new());
        for (format, delivery) in self.0 {
            let write =
                |mut out: &mut dyn io::Write| report::write(format, report, style, &mut out);
            match delivery.finish(Exit::Clean, write) {
                Ok(Delivered { whole: taken, .. }) => whole &= taken,
                Err(wrong) => failures.extend(wrong),
            }
        }
        if failures.is_empty() { Ok(whole) } else { Err(failures) }
    }
}

/// The end of the main report and of the exports: whole if all of them are.
///
/// # Errors
/// All that could not be written.
pub fn both(
    main: Result<Delivered, Vec<Failure>>,
    exports: Result<bool, Vec<Failure>>,
) -> Result<Delivered, Vec<Failure>> {
    match (main, exports) {
        (Ok(main), Ok(whole)) => Ok(Delivered { whole: main.whole && whole, ..main }),
        (main, exports) => {
            let wrong = [main.err(), exports.err()];
            Err(wrong.into_iter().flatten().flatten().collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_names_its_format_or_its_suffix_does() {
        let read = |text| parse(text).map(|export| (export.format, export.path));
        assert_eq!(read("json=a.csv"), Ok((Format::Json, "a.csv".into())));
        assert_eq!(read("csv=a=b"), Ok((Format::Csv, "a=b".into())));
        assert_eq!(read("out/a.NDJSON"), Ok((Format::Ndjson, "out/a.NDJSON".into())));
        for wrong in ["", "a", "xml=a", "json=", "json=-", "=a", "-"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
