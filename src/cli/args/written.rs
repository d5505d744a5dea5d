//! Which reports are written and where to, as typed; the same for every command that reports findings.

use std::path::PathBuf;

use clap::Args;

/// The main report and the ones beside it.
#[derive(Debug, Clone, Args)]
pub struct WrittenArgs {
    /// Format, such as json or html [default: table]
    ///
    /// table, json, ndjson, csv, html, markdown, sarif, ocsf or asff. Without it, the suffix of --output says the format (.txt, .json, .ndjson, .csv, .html, .md,
    /// .sarif, .ocsf.json, .asff.json), else it is table. ndjson is one finding a line, and csv one a
    /// row. html and markdown are a page of evidence to be filed, with the keys, the coverage and the
    /// files that were read. sarif is SARIF 2.1.0, ocsf one OCSF Detection Finding a line, and asff a
    /// batch for AWS Security Hub a line. ndjson, csv, ocsf and asff have findings and nothing else:
    /// problems go to standard error.
    #[arg(short, long, value_name = "FORMAT")]
    pub format: Option<String>,

    /// Also write this report (repeatable)
    ///
    /// F is a format as for --format. All are opened before anything is read and written at the end, so that findings of --each are
    /// not written while logs are read. A PATH alone is enough where its suffix says the
    /// format.
    #[arg(long = "export", value_name = "F=PATH")]
    pub exports: Vec<String>,

    /// Name this machine in html, markdown and json
    ///
    /// A report says by which program and command it was made; by which machine only here.
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub host: Option<String>,

    /// Version of the OCSF schema, for -f ocsf
    ///
    /// 1.1.0, 1.2.0, 1.3.0, 1.4.0, 1.5.0, 1.6.0, 1.7.0 or 1.8.0 (the default).
    #[arg(long, value_name = "VERSION", hide_short_help = true)]
    pub ocsf_version: Option<String>,

    /// What the table is about: cases, findings or events
    ///
    /// cases (the default) tells in a few lines what each actor did: findings that one event or one
    /// actor's credentials link are one case. findings lists each finding, events each event that a
    /// finding shows. -v explains each finding: why it has its level, what the rule saw, what to do.
    #[arg(long, value_name = "VIEW")]
    pub view: Option<String>,

    /// Write the report here; - is standard output
    ///
    /// A regular file is replaced when the report is complete, never left half written. A device or
    /// a pipe is written straight.
    #[arg(short, long, value_name = "PATH", default_value = "-", hide_default_value = true)]
    pub output: PathBuf,
}
