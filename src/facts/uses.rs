//! The table of uses of keys.
//!
//! What must stay true: memory is bounded by one group of rows, whatever their number and their texts.

use std::io::{self, Write};
use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError};

use super::columns::{COLUMNS, all};
use crate::model::time::Time;
use crate::model::use_fact::UseFact;
use crate::tables::Writer;

/// Rows in a group (64 Ki),
const ROWS: u64 = 64 << 10;

/// unless their texts have more bytes than this (64 MiB).
const TEXTS: usize = 64 << 20;

/// What a table says of itself, in the metadata of its file.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// Whether all of the source was read: `keytrail.complete`.
    pub complete: bool,
    /// How many problems there were: `keytrail.problems`.
    pub problems: u64,
    /// The range of its uses, if it is one: `keytrail.since` and `keytrail.until`.
    pub range: (Option<Time>, Option<Time>),
}

impl About {
    fn metadata(&self) -> impl Iterator<Item = (&'static str, String)> {
        let About { complete, problems, range: (since, until) } = self;
        let all = [
            ("keytrail.complete", Some(complete.to_string())),
            ("keytrail.problems", Some(problems.to_string())),
            ("keytrail.since", since.map(|time| time.to_string())),
            ("keytrail.until", until.map(|time| time.to_string())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

/// Writes a table of uses to `out`: `each` gives them. Says how many there are.
///
/// # Errors
/// What `each` returned, and when `out` does not take it.
pub fn write(
    out: &mut dyn Write,
    about: &About,
    each: impl FnOnce(&mut dyn FnMut(&UseFact<'_>) -> io::Result<()>) -> io::Result<()>,
) -> io::Result<u64> {
    let bytes = Bytes::default();
    let mut table = Writer::new(bytes.clone(), "uses", all())?;
    each(&mut |fact| {
        table.add(COLUMNS.iter().map(|one| (one.of)(fact)));
        if table.rows_in_group >= ROWS || table.texts_in_group > TEXTS {
            table.end_group()?;
            bytes.pass(out)?;
        }
        Ok(())
    })?;
    let count = table.rows;
    table.finish(about.metadata())?.pass(out)?;
    Ok(count)
}

/// Bytes on their way. The library wants an output that threads may share.
#[derive(Debug, Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Bytes {
    /// Gives what has come so far to `out`.
    fn pass(&self, out: &mut dyn Write) -> io::Result<()> {
        let bytes = take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        out.write_all(&bytes)
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;
    use crate::model::origin::Origin;
    use crate::model::principal::Principal;

    /// The rows of each group of a table with these agents.
    fn groups(agents: impl Iterator<Item = String>) -> Vec<i64> {
        let about = About { complete: true, problems: 0, range: (None, None) };
        let (origin, principal) = (Origin::record("o", 1), Principal::nobody());
        let mut out = Vec::new();
        let count = write(&mut out, &about, |take| {
            for (number, agent) in agents.enumerate() {
                take(&UseFact {
                    time: Time(number as i64),
                    event_id: None,
                    operation: "Decrypt",
                    account: None,
                    region: None,
                    failed: false,
                    error: None,
                    key: None,
                    principal: &principal,
                    session: None,
                    actor: "direct",
                    access_key: None,
                    source_ip: None,
                    user_agent: Some(&agent),
                    resource: None,
                    subject: None,
                    has_context: false,
                    content: 0,
                    copies: 1,
                    origin: &origin,
                })?;
            }
            Ok(())
        });
        let reader = SerializedFileReader::new(bytes::Bytes::from(out)).unwrap();
        let groups: Vec<i64> =
            reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(groups.iter().sum::<i64>(), i64::try_from(count.unwrap()).unwrap());
        groups
    }

    #[test]
    fn groups_have_so_many_rows_or_bytes() {
        let rows = ROWS as i64;
        assert_eq!(groups((0..ROWS + 10).map(|_| "same".to_owned())), [rows, 10]);
        assert_eq!(groups((0..0).map(|_| String::new())), [0_i64; 0]);
        // Nobody's agent is that long; a log may hold it all the same.
        let long = |number: usize| format!("{number}{}", "x".repeat(8 << 20));
        let all = groups((0..20).map(long));
        assert!(all.len() > 1 && all.iter().all(|rows| *rows <= 9), "{all:?}");
    }
}
