//! The report of a plan: a scan of the facts that many machines left in its folder.

use std::ffi::OsString;

use crate::cli::args::ScanArgs;
use crate::cli::args::common::{
    FactsDirArgs, InputArgs, LevelArgs, ListedArgs, ProblemsArgs, RangeArgs, RunArgs,
};
use crate::cli::args::report::{OfPlanArgs, ReportArgs};
use crate::cli::args::{OutputArgs, ScanRunArgs};

/// The scan that was asked for. What `report` has no option for is as it is by default.
pub fn scan(args: &ReportArgs, plan: &OsString) -> ScanArgs {
    let OfPlanArgs { min_level, tags, threads, rules, s3 } = args.of_plan.clone();
    let range = RangeArgs { since: None, until: None, accounts: Vec::new(), regions: Vec::new() };
    let run = RunArgs {
        threads,
        allow_incomplete: args.allow_incomplete,
        progress: "auto".to_owned(),
        verbose: args.verbose,
        quiet: args.quiet,
    };
    ScanArgs {
        sources: Vec::new(),
        list: ListedArgs { files_from: None, null: false },
        facts: FactsDirArgs { facts: Some(plan.clone()) },
        input: InputArgs {
            range,
            tags,
            verify: false,
            public_keys: None,
            config: args.config.clone(),
        },
        rules,
        output: OutputArgs {
            levels: LevelArgs { min_level, fail_on: args.fail_on.clone() },
            written: args.written.clone(),
            problems: ProblemsArgs { problems: "stderr".to_owned() },
            each: false,
            baseline: None,
            color: args.color.clone(),
        },
        s3,
        run: ScanRunArgs { state: None, reread: false, dry_run: false, run },
    }
}
