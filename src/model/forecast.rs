//! What a scan would read, without reading it.

use super::problem::Problem;
use super::time::Time;

/// Dollars for a thousand requests that list: S3 Standard in us-east-1 (Amazon S3 pricing, "Requests
/// and data retrievals"). Prices differ by Region and class by less than a factor of two.
const LIST: f64 = 0.005;
/// Dollars for a thousand objects.
const GET: f64 = 0.0004;
/// Dollars for a thousand calls of KMS (AWS KMS pricing).
const KMS: f64 = 0.003;

/// What would be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Forecast {
    /// The sources as they were given.
    pub sources: Vec<String>,
    /// Only events at or after this would be reported.
    pub since: Option<Time>,
    /// Only events before this would be.
    pub until: Option<Time>,
    /// Only events of these accounts would be, when there are any.
    pub accounts: Vec<String>,
    /// Only events of these Regions would be, when there are any.
    pub regions: Vec<String>,
    /// Files on disk, and their bytes.
    pub files: (u64, u64),
    /// Objects in S3, and their bytes.
    pub objects: (u64, u64),
    /// Streams, whose size is unknown.
    pub streams: u64,
    /// Requests that list. The forecast has made them too.
    pub lists: u64,
    /// Files and objects that earlier runs have read.
    pub known: u64,
    /// Folders of a bucket that hold no trail logs, or those of other accounts.
    pub left_alone: u64,
    /// What cannot be listed.
    pub problems: Vec<Problem>,
}

impl Forecast {
    /// Whether only some events would be reported.
    pub fn is_filtered(&self) -> bool {
        let timed = self.since.is_some() || self.until.is_some();
        timed || !self.accounts.is_empty() || !self.regions.is_empty()
    }

    /// What the requests cost, in dollars.
    pub fn requests_usd(&self) -> f64 {
        thousands(self.lists) * LIST + thousands(self.objects.0) * GET
    }

    /// What KMS would cost at most, in dollars: one call an object, if each is encrypted under a key
    /// of its own data key.
    pub fn kms_usd(&self) -> f64 {
        thousands(self.objects.0) * KMS
    }
}

fn thousands(count: u64) -> f64 {
    count as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_objects_cost_less_than_a_dollar_to_ask_for() {
        let forecast = Forecast { objects: (1_000_000, 0), lists: 1_000, ..Forecast::default() };
        assert!((forecast.requests_usd() - 0.405).abs() < 1e-9);
        assert!((forecast.kms_usd() - 3.0).abs() < 1e-9);
    }
}
