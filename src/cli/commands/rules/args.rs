//! What `keytrail rules` takes. As everywhere, values stay text until a command settles them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::args::common::{ColorArgs, ConfigArgs, RuleArgs};

/// What `list` and `show` end with.
const ALWAYS: &str = "\
Exit status:
  0  done
  2  not performed: bad usage, a rule that does not load, no such rule";

/// What `lint` and `test` end with.
const JUDGED: &str = "\
Exit status:
  0  nothing is wrong
  1  something is
  2  not performed: bad usage, no such path";

/// Everything `rules` takes.
#[derive(Debug, Args)]
pub struct RulesArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: RulesCommand,

    /// The colours.
    #[command(flatten)]
    pub color: ColorArgs,
}

/// The commands below `rules`.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// List the rules that a scan would evaluate
    #[command(after_help = ALWAYS)]
    List(ListArgs),
    /// Explain a rule: what it finds, why, when it is harmless, what to do
    #[command(after_help = ALWAYS)]
    Show(ShowArgs),
    /// Check Sigma rules: the specification, and what CloudTrail records hold
    ///
    /// Beyond what a scan demands of a rule: fields that no record has, rules without eventSource,
    /// values that never occur, and whatever the Sigma specification says.
    #[command(after_help = JUDGED)]
    Lint(LintArgs),
    /// Run rules on their samples: records that they must find or leave alone
    ///
    /// Without a PATH the built-in rules are run on the samples they come with. The samples of a
    /// rule in DIR/NAME.yml are the files match*.json and clean*.json in DIR/NAME/ or
    /// DIR/samples/NAME/, where NAME may also be the rule's id. A match sample must give a finding
    /// of the rule, a clean sample none. What a file may hold is what `scan` reads.
    #[command(after_help = JUDGED)]
    Test(TestArgs),
}

/// What `rules list` takes.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Which rules.
    #[command(flatten)]
    pub rules: RuleArgs,

    /// Only rules that help to audit this (repeatable): PCI, NIST, CIS, FSBP, SOC2, ISO or a control
    ///
    /// A control is named by its id, such as SC-12 or KMS.3, or with its framework: PCI:3.7.5. The
    /// case does not matter. The table then shows the controls in place of the whitepaper's
    /// statements. Controls that no log can show are named on standard error.
    #[arg(long = "control", value_name = "X")]
    pub controls: Vec<String>,

    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,

    /// Format of the list: table or json
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub format: String,
}

/// What `rules show` takes.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The rule's id
    #[arg(value_name = "ID")]
    pub id: String,

    /// Also load these Sigma rules, a file or folder (repeatable)
    ///
    /// Without it, those that the configuration names.
    #[arg(long = "rules", value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,

    /// Also print the rule itself, as YAML
    #[arg(long)]
    pub yaml: bool,
}

/// What `rules lint` takes.
#[derive(Debug, Args)]
pub struct LintArgs {
    /// Rule files, or folders of *.yml and *.yaml
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,

    /// Format of the result: table or json
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub format: String,
}

/// What `rules test` takes.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Rule files, or folders of them; the built-in rules without one
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// List every sample
    #[arg(short, long)]
    pub verbose: bool,
}
