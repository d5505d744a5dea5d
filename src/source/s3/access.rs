//! How S3 is reached: what the command line says of it.

use std::time::Duration;

/// How to reach S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// A profile of the AWS configuration files.
    pub profile: Option<String>,
    /// The buckets' Region; found out if it is not given or wrong.
    pub region: Option<String>,
    /// Another S3 than Amazon's.
    pub endpoint: Option<String>,
    /// Buckets in the path, not in the host's name.
    pub path_style: bool,
    /// The caller pays for requests.
    pub requester_pays: bool,
    /// How many objects are fetched at once; at least 1.
    pub concurrency: usize,
    /// How long a request may say nothing.
    pub timeout: Duration,
}

impl Default for Access {
    fn default() -> Access {
        Access {
            profile: None,
            region: None,
            endpoint: None,
            path_style: false,
            requester_pays: false,
            concurrency: 64,
            timeout: Duration::from_secs(30),
        }
    }
}
