//! The findings of a report, in its order, of any number.
//!
//! A few are held; of many, whoever found them makes one after the other when it is written. What must
//! stay true: they come in the same order and with the same members however they are kept.

use std::borrow::Cow;
use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::finding::Finding;
use super::level::Level;

/// Findings, one after the other.
pub type Each<'a> = Box<dyn Iterator<Item = io::Result<Cow<'a, Finding>>> + 'a>;

/// Findings that are made when they are read, in the order of the report.
pub trait Stored: Debug + Send + Sync {
    /// All of them, as often as it takes.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    fn read(&self) -> io::Result<Each<'_>>;
}

/// All findings of a report.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Kept,
    sum: Sum,
    cases: Vec<Arc<str>>,
    /// How many were read, whoever did.
    reads: Arc<AtomicU64>,
}

/// What is known of all findings together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum {
    /// How many there are.
    pub len: u64,
    /// How many of them stand for others.
    pub standing: u64,
    /// How many others they stand for.
    pub folded: u64,
    /// The lowest level.
    pub lowest: Option<Level>,
}

impl Sum {
    /// Counts a finding.
    pub fn add(&mut self, finding: &Finding) {
        self.len += 1;
        self.standing += u64::from(finding.folded > 0);
        self.folded += finding.folded;
        self.lowest = [self.lowest, Some(finding.level)].into_iter().flatten().min();
    }
}

#[derive(Debug)]
enum Kept {
    Held(Vec<Finding>),
    Stored(Box<dyn Stored>),
}

impl Default for Kept {
    fn default() -> Kept {
        Kept::Held(Vec::new())
    }
}

impl Findings {
    /// Those that are stored elsewhere.
    pub fn stored(stored: Box<dyn Stored>, sum: Sum) -> Findings {
        Findings { kept: Kept::Stored(stored), sum, ..Findings::default() }
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.sum.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sum.len == 0
    }

    /// How many stand for others, and for how many; `None` if none does.
    pub fn folded(&self) -> Option<(u64, u64)> {
        let Sum { standing, folded, .. } = self.sum;
        (standing > 0).then_some((standing, folded))
    }

    /// The lowest level of any.
    pub fn lowest(&self) -> Option<Level> {
        self.sum.lowest
    }

    /// Whether memory holds all of them.
    #[cfg(test)]
    pub fn is_held(&self) -> bool {
        matches!(self.kept, Kept::Held(_))
    }

    /// One after the other.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn read(&self) -> io::Result<Each<'_>> {
        let all: Each<'_> = match &self.kept {
            Kept::Held(held) => Box::new(held.iter().map(|finding| Ok(Cow::Borrowed(finding)))),
            Kept::Stored(stored) => {
                let mut cases = self.cases.iter();
                Box::new(stored.read()?.map(move |finding| {
                    let mut finding = finding?;
                    if let Some(case) = cases.next() {
                        finding.to_mut().case = Some(Arc::clone(case));
                    }
                    Ok(finding)
                }))
            }
        };
        Ok(Box::new(all.inspect(|_| {
            self.reads.fetch_add(1, Ordering::Relaxed);
        })))
    }

    /// Counts from now on how many are read, for a progress display.
    pub fn count_reads(&self) -> Arc<AtomicU64> {
        self.reads.store(0, Ordering::Relaxed);
        Arc::clone(&self.reads)
    }

    /// Names the cases of the first findings, in the order of the report.
    pub fn assign(&mut self, cases: Vec<Arc<str>>) {
        match &mut self.kept {
            Kept::Held(held) => {
                for (finding, case) in held.iter_mut().zip(cases) {
                    finding.case = Some(case);
                }
            }
            Kept::Stored(_) => self.cases = cases,
        }
    }

    /// All of them at once.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn all(&self) -> io::Result<Vec<Finding>> {
        self.read()?.map(|finding| finding.map(Cow::into_owned)).collect()
    }
}

impl From<Vec<Finding>> for Findings {
    fn from(held: Vec<Finding>) -> Findings {
        let mut sum = Sum::default();
        held.iter().for_each(|finding| sum.add(finding));
        Findings { kept: Kept::Held(held), sum, ..Findings::default() }
    }
}
