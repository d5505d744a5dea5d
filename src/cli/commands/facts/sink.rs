//! Where facts go: two files in a folder, or in the folder of a plan.
//!
//! What must stay true: neither file takes its place before both are whole. In the folder of a plan the
//! table comes first, since a shard counts as read once its part is there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::commands::events::asked;
use crate::cli::deliver::Delivery;
use crate::cli::exit::Exit;
use crate::cli::facts_dir::{PART, TABLE};
use crate::cli::failure::Failure;
use crate::cli::planned;
use crate::cli::signals::Unfinished;
use crate::engine::Part;
use crate::folder::Put;
use crate::shards::Dataset;
use crate::source::Sources;

/// Where facts go.
pub enum Sink {
    /// Into a folder, which may be that of other files.
    Folder { table: Box<Delivery>, part: Box<Delivery>, path: PathBuf },
    /// Into the folder of a plan, by the numbers of the bucket and the shard.
    Plan { dataset: Box<Dataset>, numbers: (u64, u64), part: File, table: File },
}

/// How facts ended.
pub struct Ended {
    /// Whether all of it was taken.
    pub whole: bool,
    /// Whether the part was there before.
    pub there: bool,
    /// Where the table is.
    pub table: String,
}

impl Sink {
    /// A folder, which is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made, or a file in it not be written.
    pub fn of_folder(path: &Path, sources: &Sources, beside: &[PathBuf]) -> Result<Sink, Failure> {
        fs::create_dir_all(path).map_err(|error| Failure::Output {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let open = |name: &str| asked::open(&path.join(name), sources, beside).map(Box::new);
        Ok(Sink::Folder { table: open(TABLE)?, part: open(PART)?, path: path.to_owned() })
    }

    /// The folder of a plan. Files are made elsewhere until they are whole.
    ///
    /// # Errors
    /// When there is no room for temporary files.
    pub fn of_plan(dataset: Dataset, numbers: (u64, u64)) -> Result<Sink, Failure> {
        let file = || tempfile::tempfile().map_err(|error| Failure::run(&error));
        Ok(Sink::Plan { dataset: Box::new(dataset), numbers, part: file()?, table: file()? })
    }

    /// The part, if it is there before anything is read: a shard is read once.
    ///
    /// # Errors
    /// When nobody says.
    pub fn before(&self) -> Result<Option<Part>, Failure> {
        let Sink::Plan { dataset, numbers: (bucket, shard), .. } = self else { return Ok(None) };
        let (folder, [name, _]) = (dataset.folder(), planned::files_of_shard(*bucket, *shard, 0));
        Ok(folder.has(&name)?.then(|| planned::part(folder, &name)))
    }

    /// What to remove should the process end at once.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        match self {
            Sink::Folder { table, part, .. } => vec![table.unfinished(), part.unfinished()],
            Sink::Plan { .. } => Vec::new(),
        }
    }

    /// Where its files are now, and where they will be: none of them is a log.
    pub fn paths(&self) -> Vec<PathBuf> {
        let Sink::Folder { table, part, path } = self else { return Vec::new() };
        let now = [table, part].map(|file| file.unfinished_path()).into_iter().flatten();
        now.chain([TABLE, PART].map(|name| path.join(name))).collect()
    }

    /// Lets `write` write the part.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_part<T>(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> Result<T, Failure> {
        match self {
            Sink::Folder { part, path, .. } => {
                write(part.as_mut()).map_err(|error| Failure::during(Some(&path.join(PART)), error))
            }
            Sink::Plan { dataset, numbers: (bucket, shard), part, .. } => {
                let [name, _] = planned::files_of_shard(*bucket, *shard, 0);
                planned::write(part, write).map_err(|error| named(dataset, &name, error))
            }
        }
    }

    /// Lets `write` write the table, and puts both files into their places. `problems`: how many there were.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub fn finish(
        self,
        (exit, problems): (Exit, u64),
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Ended, Vec<Failure>> {
        match self {
            Sink::Folder { mut table, part, path } => {
                let path = path.join(TABLE);
                write(table.as_mut()).map_err(|error| vec![Failure::during(Some(&path), error)])?;
                let part = part.finish(exit, |_| Ok(()))?;
                let table = table.finish(exit, |_| Ok(()))?;
                let whole = part.whole && table.whole;
                Ok(Ended { whole, there: false, table: path.display().to_string() })
            }
            Sink::Plan { dataset, numbers: (bucket, shard), mut part, mut table } => {
                let [of_part, of_table] = planned::files_of_shard(bucket, shard, problems);
                let written = planned::write(&mut table, write);
                written.map_err(|error| vec![named(&dataset, &of_table, error)])?;
                let folder = dataset.folder();
                let put = |name: &str, file: &mut File| {
                    folder.put(name, file).map_err(|error| vec![Failure::from(error)])
                };
                put(&of_table, &mut table)?;
                let there = put(&of_part, &mut part)? == Put::Exists;
                Ok(Ended { whole: true, there, table: folder.full(&of_table) })
            }
        }
    }
}

fn named(dataset: &Dataset, name: &str, error: io::Error) -> Failure {
    Failure::during(Some(Path::new(&dataset.folder().full(name))), error)
}
