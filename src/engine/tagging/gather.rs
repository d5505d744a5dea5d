//! What a record leaves behind for comparing tags.

use std::io;
use std::sync::Arc;

use super::settled::AliasSet;
use super::used::{NO_ID, Used, UsedText, uuid};
use crate::engine::Range;
use crate::engine::blob::{Basics, BlobSink};
use crate::engine::carry::FOREVER;
use crate::engine::facts::NO_GROUP;
use crate::engine::notes::NOWHERE;
use crate::engine::noting::{Noting, about, about_hash};
use crate::model::origin::Origin;
use crate::record::kms::{View, is_crypto};
use crate::tags::change::{Change, Evidence, Source};
use crate::tags::extract::extract;
use crate::tags::uses;

impl BlobSink<'_, '_> {
    /// Learns what a record says of tags. Where it lies does not matter: what was set before the
    /// range that is reported still holds in it, and what an inventory saw after it held before.
    pub(in crate::engine) fn learn(&mut self, number: u64, view: &View<'_>, basics: &Basics<'_>) {
        let Some(time) = basics.time.filter(|_| !view.attempt()) else { return };
        if view.is_kms() && view.name().is_some_and(|name| is_crypto(&name)) {
            return;
        }
        let found = extract(view);
        let book = &mut self.worker.tagging.book;
        if self.recalled.is_none() {
            book.unplaced += u64::from(found.unplaced);
        }
        if !found.joins.is_empty() || !found.changes.is_empty() {
            self.worker.carry.mark(FOREVER);
        }
        found.joins.into_iter().for_each(|(name, arn)| book.join(name, arn));
        if found.changes.is_empty() {
            return;
        }
        let evidence = Arc::new(Evidence {
            time,
            source: Source::Record {
                id: view.event().text_at(&["eventID"]).map(|id| id.into_owned()),
                name: view.name().unwrap_or_default().into_owned(),
                principal: view.principal_arn().map(|arn| arn.into_owned()),
                origin: Origin::record(self.name.clone(), number),
            },
        });
        for (arn, what) in found.changes {
            book.add(arn, Change { evidence: Arc::clone(&evidence), what });
        }
    }

    /// Whether a record of another service sets up a key for a resource.
    pub(in crate::engine) fn sets_up_key(&self, view: &View<'_>) -> bool {
        !view.attempt() && !uses::of(view).is_empty()
    }

    /// Notes which key a record uses for what. `used` is the hash of a use; other records have
    /// none.
    pub(in crate::engine) fn note_pair(
        &mut self,
        noting: &Noting<'_, '_>,
        used: Option<[u64; 2]>,
    ) -> io::Result<()> {
        let view = noting.view;
        let name = view.name().unwrap_or_default();
        if view.is_kms() && !is_crypto(&name) {
            self.note_alias(noting);
            if name != "CreateGrant" {
                return Ok(());
            }
        }
        let pairs = match used {
            Some(_) if !uses::is_use(view) => return Ok(()),
            // Those of a use are asked for only if it is new.
            Some(_) => Vec::new(),
            None => uses::of(view),
        };
        if used.is_none() && pairs.is_empty() {
            return Ok(());
        }
        let key = self.shared.key;
        let who = about_hash(key, view);
        let hash = match used {
            Some(hash) => hash,
            None => key.of(&(who, &name, serde_json::to_string(&pairs)?)),
        };
        let mut fresh = false;
        let spool = &mut self.worker.tagging.spools[0];
        let text = || {
            fresh = true;
            let pairs = if used.is_some() { uses::of(view) } else { pairs };
            let text = UsedText { about: about(view), name: name.into_owned(), pairs };
            serde_json::to_string(&text).unwrap_or_default()
        };
        let place = spool.1.add_once(key.of(&(hash, who)), text)?;
        let identity = noting.found.identity;
        let (id, text) = match identity.id.as_deref().map(|id| (id, uuid(id))) {
            Some((_, Some(uuid))) => (uuid, NOWHERE),
            Some((id, None)) => (identity.hash, spool.1.add_once(identity.hash, || id.into())?),
            None => (identity.hash, NO_ID),
        };
        let number = spool.0;
        if fresh {
            // The alias by which a key is used is another name of it.
            let joins = extract(view).joins;
            joins.into_iter().for_each(|(name, arn)| self.worker.tagging.book.join(name, arn));
        }
        let fact = self.fact(noting.number, identity, NO_GROUP);
        self.worker.tagging.rows.push(Used {
            hash,
            time: noting.time.0,
            id,
            content: identity.content,
            text,
            spool: number,
            about: place,
            place: (fact.blob, fact.record),
            recalled: noting.range == Range::Recalled,
        });
        Ok(())
    }

    /// Remembers that an alias was set.
    fn note_alias(&mut self, noting: &Noting<'_, '_>) {
        let view = noting.view;
        if !matches!(view.name().as_deref(), Some("CreateAlias" | "UpdateAlias")) {
            return;
        }
        let identity = noting.found.identity;
        self.worker.carry.mark(FOREVER);
        self.worker.tagging.aliases.push(AliasSet {
            recalled: noting.range == Range::Recalled,
            time: noting.time,
            id: identity.id.clone(),
            content: identity.content,
            name: view.name().unwrap_or_default().into_owned(),
            about: about(view),
            origin: Origin::record(self.name.clone(), noting.number),
        });
    }
}
