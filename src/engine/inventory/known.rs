//! What is known before the rows are gone through.

use std::collections::{BTreeMap, HashMap};

use crate::engine::context::Context;
use crate::engine::partial::touch::Touch;
use crate::engine::store::dictionary::Dictionary;
use crate::engine::store::runs::Sharded;
use crate::model::keys::asked::KeysAsked;
use crate::model::level::Level;

/// Findings by key and level.
pub type Findings = HashMap<String, BTreeMap<Level, u64>>;

/// What is known before the rows are gone through.
pub struct Known<'a> {
    pub context: &'a Context<'a>,
    pub asked: &'a KeysAsked,
    pub dictionary: &'a Dictionary,
    pub rows: &'a Sharded<Touch>,
    pub findings: &'a Findings,
}
