//! What findings did, and what may undo it, in a state.

use std::io;

use serde::{Deserialize, Serialize};

use crate::model::aftermath::{DEEDS, Deed, Doing, KnownUndoing};
use crate::model::time::Time;
use crate::model::undo::Undone;

/// What a finding did, as it is written.
#[derive(Serialize, Deserialize)]
pub struct OfDoing {
    number: [u64; 2],
    rule: String,
    level: String,
    target: Option<String>,
    deeds: Vec<OfDeed>,
}

/// When, what, and its parts; when it was undone, and by whom.
#[derive(Serialize, Deserialize)]
struct OfDeed(i64, u64, u64, Option<(i64, Option<String>)>);

/// When, what, the parts that hold afterwards, by whom, and the parts that do not hold.
#[derive(Serialize, Deserialize)]
pub struct OfUndoing(i64, u64, u64, Option<String>, #[serde(default)] Option<u64>);

impl From<&Doing> for OfDoing {
    fn from(doing: &Doing) -> OfDoing {
        let deed = |Deed { time, what, parts, undone }: &Deed| {
            let undone = undone.as_ref().map(|undone| (undone.at.0, undone.by.clone()));
            OfDeed(time.0, *what, *parts, undone)
        };
        OfDoing {
            number: doing.number,
            rule: doing.rule.clone(),
            level: doing.level.as_str().to_owned(),
            target: doing.target.clone(),
            deeds: doing.deeds.iter().map(deed).collect(),
        }
    }
}

impl TryFrom<OfDoing> for Doing {
    type Error = io::Error;

    fn try_from(read: OfDoing) -> io::Result<Doing> {
        let OfDoing { number, rule, target, .. } = read;
        let level = read.level.parse().map_err(io::Error::other)?;
        if read.deeds.is_empty() || read.deeds.len() > DEEDS {
            return Err(io::Error::other("a finding did nothing, or too much"));
        }
        let deed = |OfDeed(time, what, parts, undone): OfDeed| {
            let undone = undone.map(|(at, by)| Undone { at: Time(at), by });
            Deed { time: Time(time), what, parts, undone }
        };
        Ok(Doing { number, rule, level, target, deeds: read.deeds.into_iter().map(deed).collect() })
    }
}

impl From<&KnownUndoing> for OfUndoing {
    fn from(known: &KnownUndoing) -> OfUndoing {
        let KnownUndoing { time, what, parts, cleared, by } = known;
        OfUndoing(time.0, *what, *parts, by.clone(), Some(*cleared))
    }
}

impl From<OfUndoing> for KnownUndoing {
    fn from(OfUndoing(time, what, parts, by, cleared): OfUndoing) -> KnownUndoing {
        // Those of before say of each part that it holds or not, or nothing of any.
        let before = if parts == u64::MAX { u64::MAX } else { !parts };
        let cleared = cleared.unwrap_or(before);
        KnownUndoing { time: Time(time), what, parts, cleared, by }
    }
}
