//! What help says behind the options: examples in short, and in full the exit codes too.
//!
//! What must stay true: `-h` fits a screen, so that what is rarely needed is only in `--help`.

/// Examples, and behind them how it ends.
pub fn long(examples: &str, exit: &str) -> String {
    format!("{examples}\n\n{exit}")
}

/// Of the program.
pub const KEYTRAIL: &str = "\
Examples:
  keytrail scan logs/
  keytrail scan s3://BUCKET/AWSLogs/ --since 1d
  keytrail rules show key-deletion-scheduled";

/// Of `scan`.
pub const SCAN: &str = "\
Examples:
  keytrail scan logs/ --fail-on high
  keytrail scan s3://BUCKET/AWSLogs/ --state state -f json -o report.json
  keytrail scan logs/ --verify --public-keys keys.json --account 111122223333";

/// Of `keys`.
pub const KEYS: &str = "\
Examples:
  keytrail keys logs/
  keytrail keys logs/ --key alias/payments
  keytrail keys logs/ --unused 90d -f csv";

/// Of `tags`.
pub const TAGS: &str = "\
Examples:
  keytrail tags logs/ --tags tagging-api.json
  keytrail tags logs/ arn:aws:s3:::example-bucket
  keytrail tags logs/ --at 2026-11-23T20:00:00Z -f json";

/// Of `verify`.
pub const VERIFY: &str = "\
Examples:
  aws cloudtrail list-public-keys > keys.json
  keytrail verify s3://BUCKET/AWSLogs/ --public-keys keys.json --since 7d
  keytrail verify logs/ --public-keys keys.json -f json";

/// Of `events`.
pub const EVENTS: &str = "\
Examples:
  keytrail events logs/ --key alias/payments --event Decrypt
  keytrail events logs/ --principal ann --error '*' --since 2026-11-23
  keytrail events logs/ --report report.json --around CASE";

/// Of `record`.
pub const RECORD: &str = "\
Examples:
  keytrail record 'logs/trail.json.gz#17'
  keytrail record 's3://BUCKET/KEY#0'
  gzip -dc trail.json.gz | keytrail record -#17";

/// Of `follow`.
pub const FOLLOW: &str = "\
Examples:
  keytrail follow --queue https://sqs.REGION.amazonaws.com/ACCOUNT/QUEUE --state state
  keytrail follow s3://BUCKET/AWSLogs/ --poll 60s --state state --append findings.ndjson
  keytrail follow logs/ --state state --drain -f ocsf
  tail -F audit.ndjson | keytrail follow - --state state";

/// Of `facts`.
pub const FACTS: &str = "\
Examples:
  keytrail facts logs/ -o facts/
  keytrail facts s3://BUCKET/AWSLogs/ --since 30d -o facts/
  duckdb -c \"SELECT operation, count(*) FROM 'facts/uses.parquet' GROUP BY ALL\"";

/// Of `conclude`.
pub const CONCLUDE: &str = "\
Examples:
  keytrail conclude --plan s3://OUT/november/ --bucket 0
  keytrail conclude --plan november/ --bucket 3 --config keytrail.toml
  keytrail conclude --plan november/ --bucket 3 --rules own-rules/";

/// Of `plan`.
pub const PLAN: &str = "\
Examples:
  keytrail plan s3://BUCKET/AWSLogs/ --since 30d -o s3://OUT/november/
  keytrail plan logs/ -o november/ --shard-bytes 1G --buckets 8
  keytrail plan --inventory s3://INVENTORY/manifest.json -o s3://OUT/november/";

/// Of `actors`.
pub const ACTORS: &str = "\
Examples:
  keytrail actors logs/
  keytrail actors logs/ --ip 198.51.100.0/24 -f csv
  keytrail actors logs/ --principal role/deploy --granted-vs-used";

/// Of `rules`.
pub const RULES: &str = "\
Examples:
  keytrail rules list --select critical
  keytrail rules show key-deletion-scheduled
  keytrail rules lint my-rules/ && keytrail rules test my-rules/";

/// Of `report`.
pub const REPORT: &str = "\
Examples:
  keytrail report nights/*.json -o november.html
  keytrail report nights/*.json -f json --export november.md
  keytrail report nights/*.json --config keytrail.toml --fail-on high";

/// Of `config`.
pub const CONFIG: &str = "\
Examples:
  keytrail config init
  keytrail config show logs/
  keytrail config schema > keytrail.schema.json";

/// Of `generate`.
pub const GENERATE: &str = "\
Examples:
  keytrail generate completions zsh > ~/.zfunc/_keytrail
  keytrail generate schema report > report.schema.json
  keytrail generate man --all /usr/local/share/man/man1";
