//! The texts behind rows, looked up by their names, with those that were asked at hand.
//!
//! One for each thread. What must stay true: memory is bounded, whatever is asked.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::io;
use std::rc::Rc;

use crate::detect::stateful::Correlation;
use crate::engine::partial::key_use::{self, Call, Client, KeyUse, Matched, Purpose, Who};
use crate::engine::store::dictionary::{BySym, Dictionary, NONE, Sym, sym};
use crate::engine::store::hash::HashKey;
use crate::model::container::container;
use crate::model::finding::{Key, Resource};

/// How many entries of a kind are kept at hand.
const AT_HAND: usize = 1 << 15;

/// An entry with the names of its texts, by which correlations group.
#[derive(Debug)]
pub struct Named<T> {
    pub entry: T,
    /// Of a [`Who`] the principal's ARN, of a [`Call`] the account, of a [`Purpose`] the resource.
    pub first: Sym,
    /// Of a [`Call`] the Region, of a [`Purpose`] the container of the resource.
    pub second: Sym,
}

/// Which key, and what it was used on, as findings tell it.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    pub key: Option<Key>,
    pub resource: Option<Resource>,
    pub beside: Option<Resource>,
    pub has_context: bool,
    /// What the context says of governed tags.
    pub declared: Vec<(String, String)>,
}

/// The names by which correlations group the matches of a use.
#[derive(Debug, Clone, Copy)]
pub struct RowNames {
    pub account: Sym,
    pub region: Sym,
    pub principal: Sym,
    pub key: Sym,
    pub resource: Sym,
}

impl RowNames {
    /// The values of the fields that a correlation groups by; only those that a row has, which
    /// [`crate::engine::context::Context::is_by_row`] makes sure of.
    pub fn by(&self, correlation: &Correlation, by: &mut Vec<Sym>) {
        by.clear();
        by.extend(correlation.by.iter().map(|field| match field.name.as_str() {
            "recipientAccountId" => self.account,
            "awsRegion" => self.region,
            "keytrail.principal" => self.principal,
            "keytrail.key" => self.key,
            "keytrail.resource" => self.resource,
            _ => NONE,
        }));
    }
}

/// Looks up texts.
pub struct Lookup<'a> {
    dictionary: &'a Dictionary,
    key: HashKey,
    who: BySym<Rc<Named<Who>>>,
    calls: BySym<Rc<Named<Call>>>,
    purposes: BySym<Rc<Named<Purpose>>>,
    clients: BySym<Rc<Client>>,
    matches: BySym<Rc<Vec<Matched>>>,
    targets: BySym<Rc<Target>>,
    /// The key that the targets are of, and its ARN.
    target_key: (Sym, Option<String>),
}

/// An entry from those at hand, or else made.
fn at_hand<T, S: BuildHasher>(
    known: &mut std::collections::HashMap<Sym, Rc<T>, S>,
    sym: Sym,
    make: impl FnOnce() -> io::Result<T>,
) -> io::Result<Rc<T>> {
    if let Some(found) = known.get(&sym) {
        return Ok(Rc::clone(found));
    }
    let made = Rc::new(make()?);
    if known.len() >= AT_HAND {
        known.clear();
    }
    known.insert(sym, Rc::clone(&made));
    Ok(made)
}

impl<'a> Lookup<'a> {
    pub fn new(dictionary: &'a Dictionary, key: HashKey) -> Lookup<'a> {
        Lookup {
            dictionary,
            key,
            who: BySym::default(),
            calls: BySym::default(),
            purposes: BySym::default(),
            clients: BySym::default(),
            matches: BySym::default(),
            targets: BySym::default(),
            target_key: (NONE, None),
        }
    }

    fn name(key: HashKey, text: Option<&str>) -> Sym {
        text.map_or(NONE, |text| sym(key, text.as_bytes()))
    }

    /// A text; nothing of no name.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn text(&self, sym: Sym) -> io::Result<Option<String>> {
        match sym {
            NONE => Ok(None),
            sym => Ok(Some(String::from_utf8_lossy(&self.dictionary.text(sym)?).into_owned())),
        }
    }

    /// Who used the key.
    ///
    /// # Errors
    /// As [`text`](Lookup::text).
    pub fn who(&mut self, sym: Sym) -> io::Result<Rc<Named<Who>>> {
        at_hand(&mut self.who, sym, || {
            let entry = Who::read(&self.dictionary.text(sym)?);
            let first = Self::name(self.key, entry.principal.identity().as_deref());
            Ok(Named { entry, first, second: NONE })
        })
    }

    /// What was called, and where.
    ///
    /// # Errors
    /// As [`text`](Lookup::text).
    pub fn call(&mut self, sym: Sym) -> io::Result<Rc<Named<Call>>> {
        at_hand(&mut self.calls, sym, || {
            let entry = Call::read(&self.dictionary.text(sym)?);
            let first = Self::name(self.key, entry.account.as_deref());
            let second = Self::name(self.key, entry.region.as_deref());
            Ok(Named { entry, first, second })
        })
    }

    /// On what.
    ///
    /// # Errors
    /// As [`text`](Lookup::text).
    pub fn purpose(&mut self, sym: Sym) -> io::Result<Rc<Named<Purpose>>> {
        at_hand(&mut self.purposes, sym, || {
            let entry = Purpose::read(&self.dictionary.text(sym)?);
            let resource = entry.resource.as_ref().map(|(arn, _)| arn.as_str());
            let first = Self::name(self.key, resource);
            let container = resource.and_then(container);
            let second = Self::name(self.key, container.as_deref());
            Ok(Named { entry, first, second })
        })
    }

    /// The names by which correlations group.
    ///
    /// # Errors
    /// As [`text`](Lookup::text).
    pub fn names(&mut self, row: &KeyUse) -> io::Result<RowNames> {
        let call = self.call(row.call)?;
        Ok(RowNames {
            account: call.first,
            region: call.second,
            principal: self.who(row.who)?.first,
            key: row.key,
            resource: self.purpose(row.purpose)?.first,
        })
    }

    /// The container of what the key was used on; the key if that has none.
    ///
    /// # Errors
    /// As [`text`](Lookup::text).
    pub fn container(&mut self, row: &KeyUse) -> io::Result<Sym> {
        let container = self.purpose(row.purpose)?.second;
        Ok(if container == NONE { row.key } else { container })
    }

    /// Where the call came from.
    ///
    /// # Errors
    /// As [`text`](Lookup::text).
    pub fn client(&mut self, sym: Sym) -> io::Result<Rc<Client>> {
        at_hand(&mut self.clients, sym, || Ok(Client::read(&self.dictionary.text(sym)?)))
    }

    /// Which rules matched.
    ///
    /// # Errors
    /// As [`text`](Lookup::text).
    pub fn matches(&mut self, sym: Sym) -> io::Result<Rc<Vec<Matched>>> {
        at_hand(&mut self.matches, sym, || Ok(key_use::matches(&self.dictionary.text(sym)?)))
    }

    /// Which key, and what it was used on.
    ///
    /// # Errors
    /// As [`text`](Lookup::text).
    pub fn target(&mut self, row: &KeyUse) -> io::Result<Rc<Target>> {
        if self.target_key.0 != row.key {
            self.targets.clear();
            self.target_key = (row.key, self.text(row.key)?);
        }
        if let Some(found) = self.targets.get(&row.purpose) {
            return Ok(Rc::clone(found));
        }
        let purpose = self.purpose(row.purpose)?;
        let arn = self.target_key.1.clone();
        let Purpose { key_account, alias, resource, beside, has_context, declared } =
            &purpose.entry;
        let named = |resource: &Option<(String, Option<String>)>| {
            let (arn, kind) = resource.clone()?;
            Some(Resource { arn, kind, tags: BTreeMap::new() })
        };
        let made = Target {
            key: arn.map(|arn| Key {
                arn,
                account: key_account.clone(),
                alias: alias.clone(),
                tags: BTreeMap::new(),
            }),
            resource: named(resource),
            beside: named(beside),
            has_context: *has_context,
            declared: declared.clone(),
        };
        at_hand(&mut self.targets, row.purpose, || Ok(made))
    }
}
