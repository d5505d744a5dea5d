//! What can be undone, and whether it was.
//!
//! What must stay true: nothing is told to be undone that may still be in force. So a call counts as
//! undone by a later one only, and where calls say the same in other ways, by one that says it in full.

use schemars::JsonSchema;

use super::time::Time;

/// What a call did that another call can undo. The one that undoes it says the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reversible {
    /// What was done, and to what.
    pub what: String,
    /// Parts of it, as bits: what undoes it has none of them. Nothing, where whatever undoes it undoes
    /// all of it.
    pub parts: u64,
}

/// When a call was undone, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Undone {
    /// The time of the call that undid it.
    pub at: Time,
    /// Who made that call, if its record tells.
    pub by: Option<String>,
}

/// What became of something that can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Fate {
    /// It still holds, as far as the log reaches.
    Open,
    /// It was undone.
    Reversed,
    /// It was refused or failed.
    Refused,
}

impl Fate {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Fate::Open => "open",
            Fate::Reversed => "reversed",
            Fate::Refused => "refused",
        }
    }
}

/// What became of what a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Whether it still holds.
    pub fate: Fate,
    /// When it was undone, and by whom: the last of several.
    pub undone: Option<Undone>,
    /// When something is due that cannot be undone any more: a key is deleted, its material expires.
    pub due: Option<Time>,
}

impl Effect {
    /// What became of both: it is open if one of them is, and refused if both were.
    pub fn with(self, other: Effect) -> Effect {
        let fate = match (self.fate, other.fate) {
            (Fate::Open, _) | (_, Fate::Open) => Fate::Open,
            (Fate::Refused, Fate::Refused) => Fate::Refused,
            _ => Fate::Reversed,
        };
        let undone = self.undone.max(other.undone).filter(|_| fate == Fate::Reversed);
        let due = [self.due, other.due].into_iter().flatten().min();
        Effect { fate, undone, due }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_in_part_is_open() {
        let effect = |fate, undone: Option<i64>, due: Option<i64>| Effect {
            fate,
            undone: undone.map(|at| Undone { at: Time(at), by: None }),
            due: due.map(Time),
        };
        let (open, refused) =
            (effect(Fate::Open, None, Some(9)), effect(Fate::Refused, None, None));
        let (one, other) =
            (effect(Fate::Reversed, Some(1), None), effect(Fate::Reversed, Some(2), None));
        assert_eq!(one.clone().with(open.clone()), open);
        assert_eq!(one.clone().with(other.clone()), other);
        assert_eq!(refused.clone().with(one.clone()), one);
        assert_eq!(refused.clone().with(refused.clone()), refused);
    }
}
