//! A file that was written, to be read when its turn comes.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use super::frame::invalid;
use super::head::Head;
use super::read::PartReader;

/// What opens a file.
type Open = dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync;

/// A file that was written, by its name.
pub struct Part {
    /// What to call it.
    pub name: Arc<str>,
    /// The id that it must have, if it must have one.
    id: Option<String>,
    /// What it was made of, where something in it was decided already.
    whole: Option<Box<Part>>,
    open: Box<Open>,
}

impl Part {
    /// A file that `open` opens, as often as it is asked.
    pub fn new(
        name: &str,
        open: impl Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync + 'static,
    ) -> Part {
        Part { name: name.into(), id: None, whole: None, open: Box::new(open) }
    }

    /// The same, refused unless it has this id.
    #[must_use]
    pub fn of_id(self, id: String) -> Part {
        Part { id: Some(id), ..self }
    }

    /// The same, made of `whole` by deciding what its accounts alone decide. Who needs all of it, and who finds
    /// that these accounts are elsewhere too, reads `whole`.
    #[must_use]
    pub fn decided_of(self, whole: Part) -> Part {
        Part { whole: Some(Box::new(whole)), ..self }
    }

    /// What it was made of, if something in it was decided already.
    pub(super) fn whole(&self) -> Option<&Part> {
        self.whole.as_deref()
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// When it cannot be read, or is something else.
    pub fn head(&self) -> io::Result<Head> {
        Ok(self.read()?.head().clone())
    }

    /// Begins to read it.
    ///
    /// # Errors
    /// When it cannot be read, or is something else.
    pub(super) fn read(&self) -> io::Result<PartReader<Box<dyn Read + Send>>> {
        let reader = PartReader::new((self.open)()?)?;
        match &self.id {
            Some(id) if *id != reader.head().id => {
                Err(invalid("is of another plan or shard than its name says"))
            }
            _ if reader.head().decided != self.whole.is_some() => {
                Err(invalid("is of another step than its name says"))
            }
            _ => Ok(reader),
        }
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("name", &self.name).finish_non_exhaustive()
    }
}
