//! What there is to tell, and in which form.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::keys::granted::GrantedVsUsed;
use crate::model::problem::Problem;
use crate::model::time::Time;

/// The name and version of the document.
pub const SCHEMA: &str = "keytrail.granted/v1";

/// The forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Table,
    /// One `keytrail.granted/v1` document.
    Json,
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "table" => Ok(Form::Table),
            "json" => Ok(Form::Json),
            _ => Err("expected table or json with --granted-vs-used".into()),
        }
    }
}

/// What there is to tell.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Answer<'a> {
    /// The name and version of this form.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: &'static str,
    /// Whether everything was read.
    pub complete: bool,
    /// Calls from this time on count; `null` if all do.
    pub since: Option<Time>,
    /// Calls before this time count; `null` if all do.
    pub until: Option<Time>,
    /// The time of the first event of the log.
    pub first_event: Option<Time>,
    /// The time of the last event of the log.
    pub last_event: Option<Time>,
    /// The answer; `null` if the name stands for nobody who called.
    pub granted: Option<&'a GrantedVsUsed>,
    /// What could not be read.
    pub problems: &'a [Problem],
}
