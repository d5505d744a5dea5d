//! All tag changes by ARN, and the other names of each ARN.
//!
//! What must stay true: adding is commutative and idempotent. A resource whose changes do not fit
//! becomes unknown, never wrong.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::change::{Change, What};
use super::timeline::Timeline;
use crate::model::arn::Arn;

/// Everything that was learnt.
#[derive(Debug, Clone, Default)]
pub struct Book {
    changes: HashMap<String, Vec<Change>>,
    joins: HashMap<String, BTreeSet<String>>,
    /// Secrets by their ARN without the characters at its end; two are as good as many.
    secrets: HashMap<String, BTreeSet<String>>,
    count: usize,
    limit: usize,
    lost: HashSet<String>,
    /// Tag changes of resources that no record names in any known way.
    pub unplaced: u64,
}

/// What a name refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// This ARN.
    Arn(String),
    /// Nothing that was seen.
    Nothing,
    /// Several things at different times.
    Several,
}

/// How many ARNs of one name are kept: which of several is meant is not known anyway.
const JOINED: usize = 16;

/// What the aliases of AWS managed keys start with.
const AWS_ALIAS: &str = ":alias/aws/";

impl Book {
    /// An empty book for at most `limit` changes and as many names.
    pub fn new(limit: usize) -> Book {
        Book {
            changes: HashMap::new(),
            joins: HashMap::new(),
            secrets: HashMap::new(),
            count: 0,
            limit: limit.max(1),
            lost: HashSet::new(),
            unplaced: 0,
        }
    }

    /// Adds what was learnt of a resource.
    pub fn add(&mut self, arn: String, change: Change) {
        if self.count >= self.limit {
            // Which are lost depends on the order of reading; that nothing is said of them does
            // not make anything wrong.
            self.lost.insert(arn);
            return;
        }
        self.count += 1;
        if let Some(name) = secret_name(&arn) {
            let known = self.secrets.entry(name.to_owned()).or_default();
            if known.len() < 2 {
                known.insert(arn.clone());
            }
        }
        self.changes.entry(arn).or_default().push(change);
    }

    /// Adds another name of an ARN.
    pub fn join(&mut self, name: String, arn: String) {
        if self.joins.len() < self.limit || self.joins.contains_key(&name) {
            let arns = self.joins.entry(name).or_default();
            arns.insert(arn);
            // The smallest, so that the order in which they come does not matter.
            if arns.len() > JOINED {
                arns.pop_last();
            }
        }
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: Book) {
        for (arn, changes) in other.changes {
            changes.into_iter().for_each(|change| self.add(arn.clone(), change));
        }
        for (name, arns) in other.joins {
            arns.into_iter().for_each(|arn| self.join(name.clone(), arn));
        }
        self.lost.extend(other.lost);
        self.unplaced += other.unplaced;
    }

    /// How many resources have more changes than fit.
    pub fn lost(&self) -> usize {
        self.lost.len()
    }

    /// Every ARN of which anything is known.
    pub fn arns(&self) -> BTreeSet<&str> {
        self.changes.keys().map(String::as_str).collect()
    }

    /// Whether nothing was learnt of any resource.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.lost.is_empty()
    }

    /// What a name refers to: an ARN to itself, unless it is an alias.
    pub fn named(&self, name: &str) -> Named {
        let arn = Arn::parse(name);
        if arn.is_some_and(|arn| !arn.is_kms_alias()) {
            return Named::Arn(name.to_owned());
        }
        match self.joins.get(name).map(|arns| (arns.first(), arns.len())) {
            Some((Some(arn), 1)) => Named::Arn(arn.clone()),
            Some((_, 2..)) => Named::Several,
            _ => Named::Nothing,
        }
    }

    /// Names and what they refer to.
    pub fn joins(&self) -> BTreeMap<&str, &BTreeSet<String>> {
        self.joins.iter().map(|(name, arns)| (name.as_str(), arns)).collect()
    }

    /// The keys that AWS manages for its services, which cannot be tagged.
    pub fn aws_managed(&self) -> BTreeSet<String> {
        let managed = self.joins.iter().filter(|(name, _)| name.contains(AWS_ALIAS));
        managed.flat_map(|(_, arns)| arns.iter().cloned()).collect()
    }

    /// All that is known of a resource; `None` when there is more than fits.
    pub fn timeline(&self, arn: &str) -> Option<Timeline> {
        if self.lost.contains(arn) {
            return None;
        }
        let mut all = self.changes.get(arn).cloned().unwrap_or_default();
        // Calls may name a secret without the six characters that Secrets Manager appends.
        if let Some(name) = secret_name(arn)
            && let Some(by_name) = self.changes.get(name)
        {
            let others = self.secrets.get(name);
            let alone = others.is_none_or(|known| known.iter().all(|other| other == arn));
            all.extend(by_name.iter().cloned().map(|change| match alone {
                true => change,
                false => Change { what: What::Blur, ..change },
            }));
        }
        Some(Timeline::new(all))
    }
}

/// The ARN of a secret without the hyphen and six characters at its end.
fn secret_name(arn: &str) -> Option<&str> {
    let parsed = Arn::parse(arn).filter(|arn| arn.service == "secretsmanager")?;
    let (_, suffix) = parsed.resource.rsplit_once('-')?;
    let fits = suffix.len() == 6 && suffix.bytes().all(|b| b.is_ascii_alphanumeric());
    fits.then(|| &arn[..arn.len() - 7])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::time::Time;
    use crate::tags::change::{Evidence, Source, Tags, Value};
    use crate::tags::timeline::{State, all_at};

    const NAME: &str = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders";

    fn change(what: What) -> Change {
        let source = Source::File("x".into());
        Change { evidence: Arc::new(Evidence { time: Time(0), source }), what }
    }

    fn owner() -> What {
        What::Set(Tags::from([("Owner".to_owned(), Value::Text("a".to_owned()))]))
    }

    #[test]
    fn a_secret_goes_by_its_name_unless_two_had_it() {
        let mut book = Book::new(10);
        let (first, second) = (format!("{NAME}-a1B2c3"), format!("{NAME}-d4E5f6"));
        let known = |book: &Book, arn: &str| {
            let tags = all_at(&book.timeline(arn).unwrap(), Time(9_000_000)).0;
            matches!(tags.get("Owner"), Some(State::Known(..)))
        };
        book.add(NAME.to_owned(), change(owner()));
        book.add(first.clone(), change(What::Gone));
        assert!(!known(&book, &first), "made in the same second");
        let later = Change {
            evidence: Arc::new(Evidence {
                time: Time(5_000_000),
                source: Source::File("x".into()),
            }),
            what: owner(),
        };
        book.add(NAME.to_owned(), later);
        assert!(known(&book, &first));
        book.add(second.clone(), change(What::Gone));
        assert!(!known(&book, &first) && !known(&book, &second));
    }

    #[test]
    fn what_does_not_fit_is_unknown_and_names_of_two_things_are_none() {
        let mut book = Book::new(1);
        book.add("arn:aws:s3:::a".to_owned(), change(owner()));
        book.add("arn:aws:s3:::b".to_owned(), change(owner()));
        assert!(book.timeline("arn:aws:s3:::a").is_some());
        assert_eq!((book.timeline("arn:aws:s3:::b").is_none(), book.lost()), (true, 1));
        book.join("db-A".to_owned(), "arn:aws:rds:::db:a".to_owned());
        assert_eq!(book.named("db-A"), Named::Arn("arn:aws:rds:::db:a".to_owned()));
        book.join("db-A".to_owned(), "arn:aws:rds:::db:b".to_owned());
        assert_eq!(book.named("db-A"), Named::Several);
        assert_eq!(book.named("db-B"), Named::Nothing);
    }
}
