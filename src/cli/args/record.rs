//! The arguments of `keytrail record`, as typed.

use std::ffi::OsString;

use clap::Args;

use super::common::ColorArgs;
use crate::cli::s3::S3Args;

/// What `record` ends with.
pub const EXIT: &str = "\
Exit status:
  0  printed
  2  there is no such file or record
  3  the record could not be read, or a signal came before it was found";

/// Everything `record` takes.
#[derive(Debug, Args)]
pub struct RecordArgs {
    /// Where the record is, as reports have it: FILE#INDEX or s3://BUCKET/KEY#INDEX
    ///
    /// Records are numbered from 0. -#INDEX reads standard input. On a terminal the record is indented;
    /// elsewhere it is its text as the file has it.
    #[arg(value_name = "FILE#INDEX", allow_hyphen_values = true)]
    pub place: OsString,

    /// The colours.
    #[command(flatten)]
    pub color: ColorArgs,

    /// How S3 is reached.
    #[command(flatten)]
    pub s3: S3Args,
}
