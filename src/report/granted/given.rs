//! What there is to tell, and in which form.

use std::str::FromStr;

use serde::Serialize;

use crate::model::keys::granted::GrantedVsUsed;
use crate::model::problem::Problem;
use crate::model::time::Time;

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
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Answer<'a> {
    /// The version of the document.
    pub schema: &'static str,
    /// Whether everything was read.
    pub complete: bool,
    /// Which calls count: from,
    pub since: Option<Time>,
    /// to.
    pub until: Option<Time>,
    /// The first event of the log,
    pub first_event: Option<Time>,
    /// and the last.
    pub last_event: Option<Time>,
    /// The answer; `None` if the name stands for nobody who called.
    pub granted: Option<&'a GrantedVsUsed>,
    /// What could not be read.
    pub problems: &'a [Problem],
}
