//! The states of one tag over time.
//!
//! A stretch is a time in which no change of any tag of the resource lies: before all changes, the
//! second of each, and from one to the next. A tag that few of them concern keeps its state over many
//! stretches, and only where it changes is written down.

use std::sync::Arc;

use super::change::second;
use super::state::{NOT_SEEN, State};
use crate::model::time::Time;

/// The states of one tag: before everything, in each second of a change, and after it.
#[derive(Debug, Clone)]
pub struct Course {
    /// The seconds in which something changed or was observed, ascending.
    seconds: Arc<[i64]>,
    /// From which stretch on it is what, ascending.
    runs: Vec<(usize, State)>,
}

impl Course {
    /// A course over the stretches that these seconds make: from which stretch on it is what.
    pub(super) fn new(seconds: Arc<[i64]>, runs: impl Iterator<Item = (usize, State)>) -> Course {
        let mut course = Course { seconds, runs: Vec::new() };
        for (stretch, state) in runs {
            if course.runs.last().is_none_or(|(_, last)| *last != state) {
                course.runs.push((stretch, state));
            }
        }
        course.runs.shrink_to_fit();
        course
    }

    /// A course that is the same at all times.
    pub fn always(state: State) -> Course {
        Course::new(Arc::from([]), [(0, state)].into_iter())
    }

    /// The stretch that an instant lies in.
    pub fn stretch(&self, time: Time) -> usize {
        stretch(&self.seconds, time)
    }

    /// The state in a stretch.
    pub fn state(&self, stretch: usize) -> &State {
        let behind = self.runs.partition_point(|(start, _)| *start <= stretch);
        let run = behind.checked_sub(1).and_then(|at| self.runs.get(at));
        run.map_or(&NOT_SEEN, |(_, state)| state)
    }

    /// The state at an instant.
    pub fn at(&self, time: Time) -> &State {
        self.state(self.stretch(time))
    }

    /// The stretches with which its state changes, ascending.
    pub fn starts(&self) -> impl Iterator<Item = usize> {
        self.runs.iter().map(|(start, _)| *start)
    }

    /// From which stretch on it is what.
    pub(super) fn runs(&self) -> &[(usize, State)] {
        &self.runs
    }
}

/// The stretch that an instant lies in.
pub(super) fn stretch(seconds: &[i64], time: Time) -> usize {
    match seconds.binary_search(&second(time)) {
        Ok(at) => at * 2 + 1,
        Err(at) => at * 2,
    }
}
