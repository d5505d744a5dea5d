//! One key: everything that its calls tell, call by call in the order of time.

use std::io;
use std::rc::Rc;

use super::aliases::Aliases;
use super::course::Course;
use super::grants::KnownGrants;
use super::life::Life;
use super::seen::Seen;
use super::tallies::Tallies;
use super::texts::Texts;
use crate::engine::partial::touch::{Touch, flag};
use crate::model::arn::Arn;
use crate::model::keys::facts::{KeyFacts, id_of};

/// How many of each kind are listed in a row of the inventory.
const LISTED: usize = 5;

/// How many are in the dossier of one key.
const LISTED_OF_ONE: usize = 100;

/// What is known of a key so far.
pub struct OneKey {
    pub facts: KeyFacts,
    /// Whether all of it is asked for.
    deep: bool,
    course: Course,
    aliases: Aliases,
    life: Life,
    administrators: Tallies,
    users: Tallies,
    services: Tallies,
    resources: Tallies,
    accounts: Tallies,
    regions: Tallies,
    addresses: Tallies,
    last_use: Option<Touch>,
    last_policy: Option<Touch>,
}

impl OneKey {
    /// A key of which nothing is known yet.
    pub fn new(arn: &str, deep: bool) -> OneKey {
        OneKey {
            facts: KeyFacts::of(arn),
            deep,
            course: Course::default(),
            aliases: Aliases::default(),
            life: Life::default(),
            administrators: Tallies::default(),
            users: Tallies::default(),
            services: Tallies::default(),
            resources: Tallies::default(),
            accounts: Tallies::default(),
            regions: Tallies::default(),
            addresses: Tallies::default(),
            last_use: None,
            last_policy: None,
        }
    }

    /// Takes in the next call on the key.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn take(&mut self, touch: Touch, texts: &mut Texts<'_>) -> io::Result<()> {
        let seen = Seen::new(touch, texts)?;
        let alias = texts.plain(touch.alias)?;
        if let Some(alias) = alias.as_deref().filter(|_| seen.ok()) {
            self.aliases.take(alias, &seen);
        }
        let changed = self.course.take(&self.facts.arn, &seen);
        if self.deep {
            self.life.take(&self.facts.arn, &seen, (changed, alias.as_deref()), texts)?;
        }
        if seen.is_reported() { self.count(&seen, texts) } else { Ok(()) }
    }

    /// Counts a call in the range that is reported.
    fn count(&mut self, seen: &Seen, texts: &mut Texts<'_>) -> io::Result<()> {
        let at = (seen.time(), seen.ok());
        let caller = &seen.caller;
        self.facts.calls += 1;
        if let Some(account) = &caller.account {
            self.accounts.add(account, None, at);
        }
        if let Some(region) = seen.call.region.as_deref() {
            self.regions.add(&region.into(), None, at);
        }
        let from = texts.plain(seen.touch.from)?;
        // A service that calls has its name there.
        let is_address = |from: &Rc<str>| from.parse::<std::net::IpAddr>().is_ok();
        if let Some(address) = from.filter(is_address) {
            self.addresses.add(&address, None, at);
        }
        let service = caller.service.as_deref();
        if seen.is_administration() {
            self.administrators.add(&caller.name, service, at);
            if seen.ok() && seen.name() == "PutKeyPolicy" {
                self.facts.policy.changes += 1;
                self.last_policy = Some(seen.touch);
            }
        }
        if !seen.is_use() {
            return Ok(());
        }
        let on = texts.plain(seen.touch.on)?;
        self.facts.uses.add(at.0, at.1);
        self.users.add(&caller.name, service, at);
        if let Some(service) = service {
            self.services.add(&service_name(service, on.as_deref()), None, at);
        }
        if let Some(on) = &on {
            self.resources.add(on, None, at);
        }
        if seen.ok() {
            self.last_use = Some(seen.touch);
        }
        Ok(())
    }

    /// Whether the key is the one that is asked for: by its id, its ARN, or an alias that it had.
    pub fn is(&self, name: &str) -> bool {
        let alias = match Arn::parse(name) {
            Some(arn) if arn.is_kms_alias() => {
                let own = arn.account == self.facts.account && arn.region == self.facts.region;
                own.then_some(arn.resource)
            }
            _ => Some(name),
        };
        name == self.facts.arn
            || name == id_of(&self.facts.arn)
            || alias.is_some_and(|alias| self.aliases.had(alias))
    }

    /// Whether a record shows that there is such a key, or was.
    pub fn exists(&self) -> bool {
        self.course.exists
    }

    /// All that is known, and the grants, of which a dossier lists those that are open.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn finish(mut self, texts: &mut Texts<'_>) -> io::Result<(KeyFacts, KnownGrants)> {
        let most = if self.deep { LISTED_OF_ONE } else { LISTED };
        let mut facts = self.facts;
        self.course.finish(&mut facts, texts)?;
        facts.aliases = self.aliases.listed();
        facts.aws_managed =
            facts.aliases.first.iter().any(|alias| alias.name.starts_with("alias/aws/"))
                || facts.made.as_ref().is_some_and(|made| made.manager.as_deref() == Some("AWS"));
        facts.administrators = self.administrators.listed(most);
        facts.users = self.users.listed(most);
        facts.services = self.services.listed(most);
        facts.resources = self.resources.listed(most);
        facts.accounts = self.accounts.listed(most);
        facts.regions = self.regions.listed(most);
        facts.addresses = self.addresses.listed(most);
        facts.last_use = self.last_use.map(|touch| texts.proof(&touch)).transpose()?;
        facts.policy.last = self.last_policy.map(|touch| texts.proof(&touch)).transpose()?;
        let mut grants = KnownGrants::default();
        if self.deep {
            let life = std::mem::take(&mut self.life);
            grants = life.grants.known();
            facts.dossier = Some(life.finish(texts)?);
        }
        Ok((facts, grants))
    }
}

/// The service of a call. `AWS Internal` names none; what the call was about then tells whose it is.
fn service_name(service: &str, on: Option<&str>) -> Rc<str> {
    let of = on.filter(|_| service == "AWS Internal").and_then(Arn::parse);
    of.map_or_else(|| service.into(), |arn| format!("AWS Internal ({})", arn.service).into())
}

/// Whether a touch counts among all calls: it is one of KMS, in the range, and the first of its record.
pub fn counts(touch: &Touch) -> bool {
    touch.is(flag::REPORTED) && touch.is(flag::FIRST) && !touch.is(flag::IAM)
}
