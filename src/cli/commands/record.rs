//! `keytrail record`: the record behind a claim.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::atomic::Ordering;

use crate::cli::args::record::RecordArgs;
use crate::cli::deliver::Delivery;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::s3::Scope;
use crate::cli::signals;
use crate::cli::ui::{Messages, plural};
use crate::query::{Single, single};
use crate::report::record as report;
use crate::source::{Blob, Sources, archive_of};

/// Runs the command.
///
/// # Errors
/// All the reasons why there is nothing to print.
pub fn run(args: &RecordArgs, messages: Messages) -> Result<Exit, Vec<Failure>> {
    let typed = args.place.to_string_lossy();
    let failed = |reason: String| vec![Failure::Place { place: typed.to_string(), reason }];
    let (file, number) = place(&args.place).map_err(failed)?;
    let stop = signals::install(Vec::new());
    let mut found = Single::default();
    for (source, name) in readings(file) {
        // The name as the listing gives it.
        let is_folder = Path::new(&source).is_dir();
        if is_folder {
            return Err(failed("is a folder, expected a file".into()));
        }
        let sources = Sources::from_iter([source]);
        let cloud = args.s3.cloud(&sources.named)?;
        let scope = Scope { digests: true, ..Scope::default() };
        let mut listing = args.s3.listing(&sources, cloud, scope)?;
        let single = single(&mut listing, (&name, number), &stop);
        found = single.map_err(|error| vec![Failure::run(&error)])?;
        if found.there {
            break;
        }
    }
    let Single { text, records, there, problems } = found;
    problems.iter().for_each(|problem| messages.warning(problem));
    let Some(text) = text else {
        if stop.load(Ordering::Relaxed) {
            messages.warning("interrupted: what was asked for may come later than what was read");
            return Ok(Exit::Incomplete);
        }
        // What could not be read may be what was asked for.
        if !problems.is_empty() {
            return Ok(Exit::Incomplete);
        }
        return Err(failed(match (there, records) {
            (false, _) if is_s3(file) => "no such object".into(),
            (false, _) => match archive_of(&typed) {
                Some(_) => "no such member".into(),
                None => "holds other files; expected one of them, as FILE!/MEMBER#N".into(),
            },
            (true, 0) => "has no records".into(),
            (true, 1) => "has 1 record: #0".into(),
            (true, _) => format!("has {}: #0 to #{}", plural(records, "record"), records - 1),
        }));
    };
    let delivery = Delivery::to_stdout()?;
    let pretty = delivery.is_terminal();
    let delivered = delivery.finish(Exit::Clean, |out| write(&text, pretty, out))?;
    Ok(delivered.exit)
}

/// Writes a record: indented, or as it is.
fn write(text: &str, pretty: bool, out: &mut dyn Write) -> io::Result<()> {
    match pretty {
        true => report::write_indented(text, out),
        false => {
            out.write_all(text.as_bytes())?;
            out.write_all(b"\n")
        }
    }
}

/// The file and the number of a place.
fn place(typed: &OsStr) -> Result<(&OsStr, u64), String> {
    let bytes = typed.as_bytes();
    let at = bytes.iter().rposition(|byte| *byte == b'#').filter(|at| *at > 0);
    let split = at.map(|at| (&bytes[..at], &bytes[at + 1..]));
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse().ok();
    split
        .and_then(|(file, digits)| Some((OsStr::from_bytes(file), number(digits)?)))
        .ok_or_else(|| "is no place of a record".to_owned())
}

/// What may be meant: a source, and the name of a blob that it gives. A file whose name says that it
/// lies in another may lie there, or be an object of that name.
fn readings(file: &OsStr) -> Vec<(OsString, String)> {
    let whole = source(file);
    let name = |source: &OsStr| match is_s3(source) || source == "-" {
        true => source.to_string_lossy().into_owned(),
        false => Blob::file(source.into()).name.to_string(),
    };
    // Reports name members in UTF-8.
    let parts = file.to_str().and_then(|text| text.split_at_checked(archive_of(text)?.len()));
    let inside = parts.filter(|_| !Path::new(&whole).exists()).map(|(archive, inside)| {
        let source = source(OsStr::new(archive));
        let name = name(&source) + inside;
        (source, name)
    });
    // What lies nowhere is not looked for.
    let alone = inside.is_none() || is_s3(file);
    let whole = alone.then(|| (whole.clone(), name(&whole)));
    whole.into_iter().chain(inside).collect()
}

fn is_s3(file: &OsStr) -> bool {
    file.as_bytes().starts_with(b"s3://")
}

/// The file that is meant. A report writes `\xNN` for a byte of a name that is no text.
fn source(file: &OsStr) -> OsString {
    let bytes = file.as_bytes();
    let escaped = bytes.windows(2).any(|pair| pair == b"\\x");
    if !escaped || Path::new(file).exists() {
        return file.to_owned();
    }
    let (mut name, mut rest) = (Vec::new(), bytes);
    while let Some((byte, behind)) = rest.split_first() {
        let hex = rest.strip_prefix(b"\\x").and_then(|hex| std::str::from_utf8(hex.get(..2)?).ok());
        let odd = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        rest = match (odd, rest) {
            (Some(odd), _) => {
                name.push(odd);
                &rest[4..]
            }
            (None, [b'\\', b'\\', behind @ ..]) => {
                name.push(b'\\');
                behind
            }
            _ => {
                name.push(*byte);
                behind
            }
        };
    }
    OsString::from_vec(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_name_and_a_number() {
        let place = |text: &str| {
            let (file, number) = place(OsStr::new(text)).ok()?;
            Some((file.to_str()?.to_owned(), number))
        };
        assert_eq!(place("a/b.json.gz#7"), Some(("a/b.json.gz".into(), 7)));
        assert_eq!(place("a#1#0"), Some(("a#1".into(), 0)));
        for text in ["a", "#1", "a#", "a#x", "a#-1", ""] {
            assert_eq!(place(text), None, "{text}");
        }
    }

    #[test]
    fn odd_names_are_found_as_reports_write_them() {
        assert_eq!(source(OsStr::new("a\\\\b\\xff")).as_bytes(), b"a\\b\xff");
        assert_eq!(source(OsStr::new("a\\b")).as_bytes(), b"a\\b");
    }
}
