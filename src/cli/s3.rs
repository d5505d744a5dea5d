//! Options that say how S3 is reached, and the listing that reaches it.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::failure::Failure;
use super::values;
use crate::engine::Filter;
use crate::model::time::Time;
use crate::source::layout::Days;
use crate::source::s3::{Access, Address, Cloud, Wanted};
use crate::source::{Known, Listing, Reach, Sources};

/// More requests at once than this help nobody.
const CONCURRENCY_MAX: usize = 1024;
/// The longest silence that may be waited for, in seconds.
const TIMEOUT_MAX: u64 = 3600;

/// How S3 is reached.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "S3")]
pub struct S3Args {
    /// Profile of the AWS configuration, for s3:// sources
    ///
    /// Without it credentials are found as every AWS tool finds them: AWS_PROFILE and the other
    /// variables, SSO, web identity, containers, instances.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// Region of the bucket, found out if not given
    #[arg(long, value_name = "REGION", hide_short_help = true)]
    pub s3_region: Option<String>,

    /// Another S3 than Amazon's
    #[arg(long, value_name = "URL", hide_short_help = true)]
    pub endpoint_url: Option<String>,

    /// Put the bucket's name into the path
    ///
    /// As is done with --endpoint-url anyway.
    #[arg(long, hide_short_help = true)]
    pub s3_path_style: bool,

    /// Pay for requests to a bucket whose owner does not
    #[arg(long, hide_short_help = true)]
    pub requester_pays: bool,

    /// Objects that are fetched at once
    #[arg(long, value_name = "N", default_value = "64", hide_short_help = true)]
    pub concurrency: String,

    /// Give up a request that says nothing for so long, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", hide_short_help = true)]
    pub s3_timeout: String,

    /// How late events may have been delivered
    ///
    /// An age such as 1d or 30d. With --until, days of S3 that begin later than that are not
    /// listed. CloudTrail usually takes some minutes, and tries for 30 days where it could not.
    #[arg(long, value_name = "AGE", default_value = "1d", hide_short_help = true)]
    pub late: String,
}

/// What of a bucket counts.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// From this time on.
    pub since: Option<Time>,
    /// Before this time.
    pub until: Option<Time>,
    /// These accounts, when there are any.
    pub accounts: Vec<String>,
    /// Digests too.
    pub digests: bool,
    /// Names and sizes only.
    pub names_only: bool,
    /// Whether blobs get ids.
    pub identify: bool,
    /// Objects that the run uses for something else, by `s3://` name.
    pub left_out: Vec<String>,
    /// What was read before.
    pub known: Option<Known>,
    /// Whether the names of what was read before are told.
    pub tell_known: bool,
}

impl Scope {
    /// What a filter needs.
    pub fn of(filter: &Filter) -> Scope {
        Scope {
            since: filter.since,
            until: filter.until,
            accounts: filter.accounts.clone(),
            ..Scope::default()
        }
    }
}

impl S3Args {
    /// Whether any of them is not as it is by default.
    pub fn is_given(&self) -> bool {
        let S3Args { profile, s3_region, endpoint_url, .. } = self;
        let given = [profile, s3_region, endpoint_url].iter().any(|word| word.is_some());
        let S3Args { concurrency, s3_timeout, late, .. } = self;
        let other = (concurrency.as_str(), s3_timeout.as_str(), late.as_str());
        given || self.s3_path_style || self.requester_pays || other != ("64", "30", "1d")
    }

    /// How S3 is reached, and how late events may be, in microseconds.
    ///
    /// # Errors
    /// Every value that is not of its form.
    pub fn settle(&self) -> Result<(Access, i64), Vec<Failure>> {
        let mut failures = Vec::new();
        let mut wrong = |option, value: &str, reason: &str| {
            failures.push(Failure::Value { option, value: value.into(), reason: reason.into() });
        };
        let number =
            |text: &str, max: usize| text.parse().ok().filter(|number| (1..=max).contains(number));
        let concurrency = number(&self.concurrency, CONCURRENCY_MAX);
        if concurrency.is_none() {
            wrong("--concurrency", &self.concurrency, "expected a number from 1 to 1024");
        }
        let timeout = self.s3_timeout.parse().ok().filter(|secs| (1..=TIMEOUT_MAX).contains(secs));
        if timeout.is_none() {
            wrong("--s3-timeout", &self.s3_timeout, "expected a number from 1 to 3600");
        }
        let late = values::age_secs(&self.late).flatten().and_then(|s| s.checked_mul(1_000_000));
        if late.is_none() {
            wrong("--late", &self.late, "expected an age such as 36h or 30d");
        }
        if let Some(region) = &self.s3_region
            && let Err(reason) = values::region(region)
        {
            wrong("--s3-region", region, &reason);
        }
        if let Some(url) = &self.endpoint_url
            && !(url.starts_with("http://") || url.starts_with("https://"))
        {
            wrong("--endpoint-url", url, "expected http://HOST or https://HOST");
        }
        match (concurrency, timeout, late) {
            (Some(concurrency), Some(timeout), Some(late)) if failures.is_empty() => {
                let access = Access {
                    profile: self.profile.clone(),
                    region: self.s3_region.clone(),
                    endpoint: self.endpoint_url.clone(),
                    path_style: self.s3_path_style,
                    requester_pays: self.requester_pays,
                    concurrency,
                    timeout: Duration::from_secs(timeout),
                };
                Ok((access, late))
            }
            _ => Err(failures),
        }
    }

    /// The way to S3, if any word is an address there.
    ///
    /// # Errors
    /// Values that are not of their form; no credentials.
    pub fn cloud<W: AsRef<OsStr>>(
        &self,
        words: impl IntoIterator<Item = W>,
    ) -> Result<Option<Arc<Cloud>>, Vec<Failure>> {
        self.settle()?;
        let meant = |word: W| word.as_ref().to_str().is_some_and(Address::is_meant);
        if !words.into_iter().any(meant) {
            return Ok(None);
        }
        self.connect().map(Some)
    }

    /// The way to S3, and to what else of AWS is reached with its credentials.
    ///
    /// # Errors
    /// As [`cloud`](S3Args::cloud).
    pub fn connect(&self) -> Result<Arc<Cloud>, Vec<Failure>> {
        let (access, _) = self.settle()?;
        Cloud::connect(access).map_err(|reason| vec![Failure::S3(reason)])
    }

    /// All blobs of some sources.
    ///
    /// # Errors
    /// Sources that are not there.
    pub fn listing(
        &self,
        sources: &Sources,
        cloud: Option<Arc<Cloud>>,
        scope: Scope,
    ) -> Result<Listing, Vec<Failure>> {
        Listing::of(sources, self.reach(cloud, scope)?)
            .map_err(|errors| errors.into_iter().map(Failure::from).collect())
    }

    /// How far listings reach.
    ///
    /// # Errors
    /// Values that are not of their form.
    pub fn reach(&self, cloud: Option<Arc<Cloud>>, scope: Scope) -> Result<Reach, Vec<Failure>> {
        let (access, late) = self.settle()?;
        let wanted = Wanted {
            days: Days::of(scope.since, scope.until, late),
            accounts: scope.accounts,
            digests: scope.digests,
            names_only: scope.names_only,
            left_out: scope.left_out,
            known: scope.known,
            tell_known: scope.tell_known,
            ..Wanted::default()
        };
        Ok(Reach { cloud, access: Some(access), wanted, identify: scope.identify })
    }
}
