//! The files that were read, so that the digest of the input can be made again.

use std::io;

use super::pen::{Pen, code, name, plain, words};
use crate::report::Report;
use crate::report::table::fit::{count, counted};

pub fn write(report: &Report<'_>, pen: &mut dyn Pen) -> io::Result<()> {
    let outcome = report.outcome;
    if !report.nights.is_empty() {
        return pen.say(&[
            plain("The reports name what was read. The digest of their input is "),
            code(&outcome.manifest),
            plain(
                ": the SHA-256 of the digests that they have, in the order of time, with a line feed \
                 between them.",
            ),
        ]);
    }
    pen.say(&[
        plain("The digest of the input is "),
        code(&outcome.manifest),
        plain(
            ": the sum, modulo 2^256, of the SHA-256 of each file's name, a NUL and its size in bytes, \
             and, where files were verified, a NUL and the SHA-256 of its text.",
        ),
    ])?;
    let Some(files) = outcome.files.as_ref().filter(|files| !files.first.is_empty()) else {
        return pen.say(&words("No file was read."));
    };
    pen.columns(&["File", "Bytes", "SHA-256 of its text"])?;
    for (path, file) in &files.first {
        let bytes = file.bytes.map_or_else(|| "not opened".to_owned(), count);
        pen.row(&[name(path), words(bytes), file.sha256.as_ref().map(name).unwrap_or_default()])?;
    }
    pen.end_table()?;
    match files.left_out {
        0 => Ok(()),
        more => pen.say(&words(format!(
            "{} more, whose names are later in the order of names; the digest covers them.",
            counted(more, "file")
        ))),
    }
}
