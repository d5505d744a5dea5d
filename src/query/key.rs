//! `--key`: which key is meant, and which records name it.
//!
//! A record names a key wherever its id stands: in `resources`, in a request, in a policy. Ids are
//! unique, so neither account nor Region has to be compared, and all replicas of a multi-Region key,
//! which share one id, are meant at once. An alias names whatever it pointed to at the time. To which
//! keys that was is known only when all records are read, so that a record which names any key is
//! [put off](Naming::Maybe) until then.

use std::collections::BTreeSet;

use super::texts::{has_word, of_alias, of_id, texts};
use crate::model::arn::Arn;
use crate::record::kms::View;

/// A key as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedKey {
    /// By its id.
    Id(String),
    /// By an alias.
    Alias(Alias),
}

/// An alias, `alias/NAME`, of one account and Region or of any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    name: String,
    /// Account, Region, and the ARN.
    home: Option<(String, String, String)>,
}

/// Whether a record names a key that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Naming {
    /// It names none.
    No,
    /// It names one.
    Yes,
    /// It does if an alias that was asked for pointed to one of these.
    Maybe(BTreeSet<String>),
}

impl AskedKey {
    /// Reads an id, an ARN, or an alias.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn parse(text: &str) -> Result<AskedKey, String> {
        let arn = Arn::parse(text);
        let home = |arn: &Arn<'_>| (arn.account.to_owned(), arn.region.to_owned(), text.to_owned());
        match arn {
            Some(arn) if arn.is_kms_alias() => {
                let alias = Alias { name: arn.resource.to_owned(), home: Some(home(&arn)) };
                return Ok(AskedKey::Alias(alias));
            }
            None if text.len() > 6 && text.starts_with("alias/") => {
                return Ok(AskedKey::Alias(Alias { name: text.to_owned(), home: None }));
            }
            Some(arn) if !arn.is_kms_key() => return Err(EXPECTED.into()),
            _ => {}
        }
        let id = arn.map_or(text, |arn| arn.resource);
        let id = id.strip_prefix("key/").unwrap_or(id);
        match !id.is_empty() && id.bytes().all(of_id) {
            true => Ok(AskedKey::Id(id.to_owned())),
            false => Err(EXPECTED.into()),
        }
    }

    /// The text that stands in every record that names it, unless an alias pointed to it.
    pub fn literal(&self) -> &str {
        match self {
            AskedKey::Id(id) => id,
            AskedKey::Alias(alias) => &alias.name,
        }
    }

    /// The alias, if it is one.
    pub fn alias(&self) -> Option<&Alias> {
        match self {
            AskedKey::Id(_) => None,
            AskedKey::Alias(alias) => Some(alias),
        }
    }

    fn is_named(&self, view: &View<'_>) -> bool {
        let record = view.event().text();
        match self {
            AskedKey::Id(id) => texts(record).any(|text| has_word(&text, id, of_id)),
            AskedKey::Alias(alias) => alias.is_named(view),
        }
    }
}

const EXPECTED: &str = "expected a key's id, its ARN, alias/NAME or the ARN of an alias";

impl Alias {
    /// `alias/NAME`
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a record names it.
    fn is_named(&self, view: &View<'_>) -> bool {
        let has =
            |word: &str| texts(view.event().text()).any(|text| has_word(&text, word, of_alias));
        match &self.home {
            None => has(&self.name),
            Some((account, region, arn)) => {
                let at_home = view.region().is_some_and(|at| at == *region)
                    && [view.account(), view.caller_account()]
                        .iter()
                        .flatten()
                        .any(|a| a == account);
                has(arn) || (at_home && has(&self.name))
            }
        }
    }

    /// The ids of the keys that it points to, as a record tells.
    pub fn targets(&self, view: &View<'_>) -> BTreeSet<String> {
        // One that could not be made or moved points nowhere.
        let moves = matches!(view.name().as_deref(), Some("CreateAlias" | "UpdateAlias"));
        if !view.is_kms() || (moves && view.attempt()) {
            return BTreeSet::new();
        }
        let keys = view.keys().iter().filter(|key| key.alias.as_deref() == Some(&self.name));
        let id = |arn: &str| {
            let arn = Arn::parse(arn)?;
            let fits = self
                .home
                .as_ref()
                .is_none_or(|(account, region, _)| arn.account == account && arn.region == region);
            arn.resource.strip_prefix("key/").filter(|_| fits).map(str::to_owned)
        };
        keys.filter_map(|key| id(&key.arn)).collect()
    }
}

/// Whether a record names any of the keys.
pub fn naming(asked: &[AskedKey], view: &View<'_>) -> Naming {
    if asked.iter().any(|key| key.is_named(view)) {
        return Naming::Yes;
    }
    let ids = match asked.iter().any(|key| key.alias().is_some()) {
        true => ids(view),
        false => BTreeSet::new(),
    };
    if ids.is_empty() { Naming::No } else { Naming::Maybe(ids) }
}

/// Whatever in a record may be the id of a key.
fn ids(view: &View<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in texts(view.event().text()) {
        for word in text.split(|c: char| !c.is_ascii() || !of_id(c as u8)) {
            if is_id(word) {
                found.insert(word.to_owned());
            }
        }
        // Whatever it looks like, what follows key/ in an ARN is one.
        for (at, _) in text.match_indices(":key/") {
            let id = text[at + 5..].split(|c: char| !c.is_ascii() || !of_id(c as u8)).next();
            found.extend(id.filter(|id| !id.is_empty()).map(str::to_owned));
        }
    }
    // Every record has some that are ids of something else.
    for name in ["eventID", "requestID", "sharedEventID"] {
        if let Some(id) = view.event().text_at(&[name]) {
            found.remove(&*id);
        }
    }
    found.extend(
        view.keys().iter().filter_map(|key| {
            Some(Arn::parse(&key.arn)?.resource.strip_prefix("key/")?.to_owned())
        }),
    );
    found
}

/// Whether a word is an id as KMS makes them: a UUID, or that of a multi-Region key.
fn is_id(word: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    match word.strip_prefix("mrk-") {
        Some(rest) => rest.len() == 32 && hex(rest),
        None => word.len() == 36 && hex(word),
    }
}
