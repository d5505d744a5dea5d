//! What the configuration expects of a log and the log has nothing of, as the engine finds it and a
//! rule judges it.

use crate::model::coverage::Gap;

/// An account of which something is expected and nothing was ever delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The account.
    pub account: String,
    /// Whether nothing of it was delivered at all, of whatever Region.
    pub nothing: bool,
    /// The Regions that are expected of it and have nothing, sorted.
    pub regions: Vec<String>,
    /// The hours that all other accounts and Regions reach over.
    pub log: Gap,
}

impl Undelivered {
    /// What lacks: equal of two that lack the same.
    pub fn lack(&self) -> (&str, bool, &[String]) {
        (&self.account, self.nothing, &self.regions)
    }
}
