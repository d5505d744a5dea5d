//! What is known of one tag at an instant, and what several things that are known say together.
//!
//! What must stay true: `Known` and `Absent` are never guesses.

use std::sync::Arc;

use super::change::Evidence;

/// What is known of one tag at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It has this value; who says so.
    Known(String, Arc<Evidence>),
    /// It is not there; who says so.
    Absent(Arc<Evidence>),
    /// Nobody can say.
    Unknown(Why),
}

/// Why a state is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// No record or file says anything about it.
    NotSeen,
    /// The value is left out of the record, or a change does not show its tags.
    NotTold,
    /// Several changes in one second, or the question is about the second of a change.
    SameSecond,
    /// A file says otherwise than the log before it.
    Contradicted,
    /// Two tags mean the same and have different values.
    TwoTags,
    /// There were more changes than there is room for.
    NoRoom,
}

impl Why {
    /// The reason in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::NotSeen => "not seen",
            Why::NotTold => "not told by the record",
            Why::SameSecond => "changed in the same second",
            Why::Contradicted => "a file contradicts the log",
            Why::TwoTags => "two tags mean the same",
            Why::NoRoom => "more tag changes than fit in memory",
        }
    }
}

/// What nobody has said anything of.
pub(super) const NOT_SEEN: State = State::Unknown(Why::NotSeen);

/// Whether two states say the same, from whatever source.
fn same(a: &State, b: &State) -> bool {
    match (a, b) {
        (State::Known(a, _), State::Known(b, _)) => a == b,
        (State::Absent(_), State::Absent(_)) => true,
        _ => false,
    }
}

/// The state between two seconds: what the first leaves, and what the second was found with.
pub(super) fn meet(left: &State, found: &State) -> State {
    match (left, found) {
        (State::Unknown(_), State::Unknown(_)) => left.clone(),
        (State::Unknown(_), _) => found.clone(),
        (_, State::Unknown(_)) => left.clone(),
        _ if same(left, found) => left.clone(),
        _ => State::Unknown(Why::Contradicted),
    }
}

/// The state that all of these are; of several who say it, the first in time.
pub(super) fn one(states: &[State]) -> State {
    let Some((first, rest)) = states.split_first() else { return NOT_SEEN };
    if let State::Unknown(_) = first {
        let whys = states.iter().filter_map(|state| match state {
            State::Unknown(why) => Some(*why),
            _ => None,
        });
        let alone = states.iter().all(|state| matches!(state, State::Unknown(_)));
        let why = if alone { whys.max() } else { None };
        return State::Unknown(why.unwrap_or(Why::SameSecond));
    }
    if rest.iter().all(|other| same(first, other)) {
        return first.clone();
    }
    State::Unknown(Why::SameSecond)
}
