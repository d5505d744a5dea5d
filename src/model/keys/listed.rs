//! The first of several things, and how often they were.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::time::Time;

/// The first of several things, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Listed<T> {
    /// How many there are; at least so many, if `cut`.
    pub count: u64,
    /// Whether there were more than could be told apart.
    pub cut: bool,
    /// The first of them.
    pub first: Vec<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Listed { count: 0, cut: false, first: Vec::new() }
    }
}

impl<T> Listed<T> {
    /// How many are not listed.
    pub fn others(&self) -> u64 {
        self.count.saturating_sub(self.first.len() as u64)
    }
}

/// How often, and when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Tally {
    /// Calls that succeeded.
    pub ok: u64,
    /// Calls that failed or were refused.
    pub refused: u64,
    /// The first of either.
    pub first: Option<Time>,
    /// The last of either.
    pub last: Option<Time>,
}

impl Tally {
    /// Counts a call.
    pub fn add(&mut self, time: Time, ok: bool) {
        if ok {
            self.ok += 1;
        } else {
            self.refused += 1;
        }
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = self.last.max(Some(time));
    }

    /// How many calls there are.
    pub fn calls(&self) -> u64 {
        self.ok + self.refused
    }
}

/// Something that calls had in common, and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Used {
    /// A principal, service, account, Region, address or resource.
    pub name: String,
    /// Of a principal, the services by which it called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// How often.
    #[serde(flatten)]
    pub tally: Tally,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_do_not_depend_on_order() {
        let calls = [(5, true), (2, false), (9, true)];
        let tally = |order: [usize; 3]| {
            let mut tally = Tally::default();
            order.iter().for_each(|at| tally.add(Time(calls[*at].0), calls[*at].1));
            tally
        };
        let expected = Tally { ok: 2, refused: 1, first: Some(Time(2)), last: Some(Time(9)) };
        assert_eq!(tally([0, 1, 2]), expected);
        assert_eq!(tally([2, 1, 0]), expected);
    }
}
