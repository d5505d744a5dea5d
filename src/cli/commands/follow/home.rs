//! Where a follower keeps its state, and the segments of standard input.
//!
//! Standard input needs no `--state`: then both last as long as the process.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::stream::STDIN;
use crate::cli::args::follow::FollowArgs;
use crate::cli::failure::Failure;
use crate::cli::state;

/// What is behind the name of a state where segments lie beside it.
const SEGMENTS: &str = ".segments";

/// The same for the file of what is being read.
const OPENED: &str = ".opened";

/// Where everything is.
#[derive(Debug)]
pub struct Home {
    /// The state, as it is named.
    pub state: OsString,
    /// The folder of segments, if standard input is followed.
    pub segments: Option<PathBuf>,
    /// The file of what is being read, beside a state on disk.
    pub opened: Option<PathBuf>,
    /// It ends with the process.
    _temporary: Option<TempDir>,
}

impl Home {
    /// What the command line asks for.
    ///
    /// # Errors
    /// When there is no state, or no temporary folder can be made.
    pub fn of(args: &FollowArgs) -> Result<Home, Vec<Failure>> {
        let is_stream = args.sources.iter().any(|source| source == STDIN);
        let usage = |message: &str, hint| vec![Failure::Usage { message: message.into(), hint }];
        if is_stream && args.sources.len() > 1 {
            return Err(usage("standard input is followed alone", "give - and no other source"));
        }
        let state = match (&args.arrival.state, is_stream) {
            (None, false) => {
                return Err(usage("--state is missing", "give --state PATH; only - needs none"));
            }
            (state, _) => state.clone(),
        };
        let beside = |more: &str| beside(state.as_deref()?, more);
        let (opened, beside) = (beside(OPENED), beside(SEGMENTS).filter(|_| is_stream));
        let needs_more = state.is_none() || (is_stream && beside.is_none());
        let temporary = needs_more.then(|| tempfile::Builder::new().prefix("keytrail-").tempdir());
        let temporary = temporary
            .transpose()
            .map_err(|error| vec![Failure::write(Some(&std::env::temp_dir()), error)])?;
        let inside = |name: &str| temporary.as_ref().map(|folder| folder.path().join(name));
        Ok(Home {
            segments: beside.or_else(|| inside("segments")).filter(|_| is_stream),
            state: state.or_else(|| inside("state").map(Into::into)).unwrap_or_default(),
            opened,
            _temporary: temporary,
        })
    }
}

/// What lies beside a state on disk.
fn beside(state: &OsStr, more: &str) -> Option<PathBuf> {
    let is_on_disk = !state::files(Some(state)).is_empty();
    is_on_disk.then(|| {
        let mut name = state.to_owned();
        name.push(more);
        Path::new(&name).to_owned()
    })
}
