//! What a record leaves behind for rules over many records: notes of what correlations count and
//! histories marked, and the use of a key.
//!
//! A record without a readable time leaves nothing, since it has no place in any order; that its
//! time is missing is a problem already. Nor does what a VPC endpoint logged: it would count the
//! call twice.

use std::borrow::Cow;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::blob::{BlobSink, Found};
use super::facts::NO_GROUP;
use super::keys::HashKey;
use super::notes::{EventText, NOWHERE, Note};
use super::spool::Place;
use super::uses::{First, Kept};
use super::{Range, decide};
use crate::detect::stateful::{About, By, Correlation, Kind, Mark, Verdict};
use crate::detect::{ADJUSTS, Feed, Hit, Over, field};
use crate::model::origin::Origin;
use crate::model::problem::{Problem, Stage};
use crate::model::time::Time;
use crate::record::kms::{View, is_crypto};

/// A record that is noted, and what it takes to note it.
pub(super) struct Noting<'n, 'r> {
    /// The record's number in its blob.
    pub number: u64,
    /// The record.
    pub view: &'n View<'r>,
    /// What was found in it.
    pub found: &'n Found<'n, 'r>,
    /// The hashes of the findings' groups, one a hit; zero of those that are not reported.
    pub groups: &'n [[u64; 2]],
    /// Where it lies.
    pub range: Range,
    /// When it happened.
    pub time: Time,
}

/// What is written down of a record, once it is.
#[derive(Default)]
struct Texts {
    /// Where its [`About`] is in the spool.
    about_at: Option<Place>,
    /// Where the event without a value is.
    event_at: Option<Place>,
}

impl BlobSink<'_, '_> {
    /// Notes what the record means to every stateful rule that it feeds, and that a key was used;
    /// the hash under which the use is counted.
    pub(super) fn note(&mut self, noting: &Noting<'_, '_>, histories: &[u32]) -> Option<[u64; 2]> {
        let mut texts = Texts::default();
        let result = self.note_hits(noting, &mut texts).and_then(|()| {
            histories.iter().try_for_each(|rule| self.note_history(noting, *rule, &mut texts))
        });
        if let Err(error) = result {
            self.cannot_note(&error);
        }
        let used = match self.shared.wants_uses() || self.shared.compares {
            true => self.note_use(noting),
            false => None,
        };
        if self.shared.compares
            && matches!(noting.range, Range::Reported | Range::Recalled)
            && !noting.view.attempt()
            && let Err(error) = self.note_pair(noting, used)
        {
            self.cannot_note(&error);
        }
        used
    }

    fn cannot_note(&mut self, error: &io::Error) {
        let message = format!(
            "a temporary file cannot be written, so rules over many records miss this: {error}"
        );
        let origin = Origin::blob(self.name.clone());
        self.worker.problems.lose(Problem::new(origin, Stage::Rule, message));
    }

    fn note_hits(&mut self, noting: &Noting<'_, '_>, texts: &mut Texts) -> io::Result<()> {
        let rules = &self.shared.plan.rules;
        for (hit, group) in noting.found.hits.iter().zip(noting.groups) {
            for feed in rules.feeds(hit.rule) {
                // A history learns from its own marks which finding it may change.
                if feed.step == ADJUSTS || hit.attempt {
                    continue;
                }
                let Some(Over::Correlation(correlation)) = self.shared.over(feed.stateful) else {
                    continue;
                };
                if hit.level < correlation.from {
                    continue;
                }
                self.note_feed(noting, texts, (hit, *group), (*feed, correlation))?;
            }
        }
        Ok(())
    }

    fn note_feed(
        &mut self,
        noting: &Noting<'_, '_>,
        texts: &mut Texts,
        (hit, group): (&Hit, [u64; 2]),
        (feed, correlation): (Feed, &Correlation),
    ) -> io::Result<()> {
        let view = noting.view;
        let by: Vec<Option<Cow<'_, str>>> =
            correlation.by.iter().map(|by| self.group_value(noting, hit, by)).collect();
        let values = match &correlation.kind {
            Kind::ValueCount(_, fields) => values(view, fields),
            _ => vec![None],
        };
        // A correlation that raises a rule's findings leaves those of its other rules alone.
        let group = match &correlation.verdict {
            Verdict::Raises(id) if !self.shared.plan.rules.is_named(hit.rule, id) => [0, 0],
            _ => group,
        };
        let (part, place) = self.part(&by)?;
        let foreign = match &hit.foreign {
            Some(foreign) if foreign.otherwise.is_none() => {
                let text = serde_json::to_string(&foreign.accounts)?;
                let hash = self.shared.key.long(&[text.as_bytes()]);
                self.worker.notes.spool().add_once(hash, || text)?
            }
            _ => NOWHERE,
        };
        for value in values {
            let hash = match &value {
                None => [0, 0],
                Some(value) => self.shared.key.long(&[value.as_bytes()]),
            };
            let note = Note {
                rule: feed.stateful,
                part,
                kind: feed.step,
                value: hash,
                group,
                by: place,
                foreign,
                ..self.note_of(noting, texts, value.unwrap_or_default())?
            };
            self.push(note);
        }
        Ok(())
    }

    /// Takes in a note, and keeps the record for the next run as long as the rule may need it.
    fn push(&mut self, note: Note) {
        let reach = self.shared.reaches.get(note.rule as usize).copied().unwrap_or_default();
        self.worker.carry.mark(reach);
        self.worker.notes.rows.push(note);
    }

    /// The hash of what a note is grouped by, and where the text is.
    fn part(&mut self, by: &[Option<Cow<'_, str>>]) -> io::Result<([u64; 2], Place)> {
        let mut bytes: Vec<&[u8]> = Vec::with_capacity(by.len() * 2);
        for value in by {
            bytes.push(if value.is_some() { b"+" } else { b"" });
            bytes.push(value.as_deref().unwrap_or_default().as_bytes());
        }
        let part = self.shared.key.long(&bytes);
        let text = || serde_json::to_string(by).unwrap_or_default();
        Ok((part, self.worker.notes.spool().add_once(part, text)?))
    }

    /// The record's value of a field that a correlation groups by.
    fn group_value<'r>(&self, noting: &Noting<'_, 'r>, hit: &Hit, by: &By) -> Option<Cow<'r, str>> {
        let rules = &self.shared.plan.rules;
        let alias = by.of.iter().find(|(rule, _)| rules.is_named(hit.rule, rule));
        let name = alias.map_or(by.name.as_str(), |(_, field)| field);
        match field::is_virtual(name) {
            true => field::of_view(noting.view, name),
            false => field::texts(noting.view.event(), noting.view, name)
                .into_iter()
                .next()
                .map(Cow::Owned),
        }
    }

    fn note_history(
        &mut self,
        noting: &Noting<'_, '_>,
        rule: u32,
        texts: &mut Texts,
    ) -> io::Result<()> {
        let Some((number, history)) = self.shared.plan.rules.history(rule as usize) else {
            return Ok(());
        };
        let ask = || {
            let mut marks = Vec::new();
            history.note(noting.view.event(), noting.view, &mut marks);
            marks
        };
        let Ok(marks) = catch_unwind(AssertUnwindSafe(ask)) else {
            let id = &self.shared.plan.rules.metas()[rule as usize].id;
            let message = format!("rule {id} failed on this record: a fault in the rule");
            self.report(Some(noting.number), Stage::Rule, message);
            return Ok(());
        };
        let adjusted = self.shared.about(number).filter(|about| *about != rule as usize);
        let hit =
            noting.found.hits.iter().zip(noting.groups).find(|(hit, _)| Some(hit.rule) == adjusted);
        for Mark { part, kind, value } in marks {
            let note = Note {
                rule: number,
                part: self.shared.key.long(&[part.as_bytes()]),
                kind,
                group: hit.map_or([0, 0], |(_, group)| *group),
                ..self.note_of(noting, texts, value)?
            };
            self.push(note);
        }
        Ok(())
    }

    /// A note of the record, for no rule yet.
    fn note_of(
        &mut self,
        noting: &Noting<'_, '_>,
        texts: &mut Texts,
        value: String,
    ) -> io::Result<Note> {
        let identity = noting.found.identity;
        let spool = self.worker.notes.spool();
        let event = match texts.event_at.filter(|_| value.is_empty()) {
            Some(place) => place,
            None => {
                let name = noting.view.name().unwrap_or_default().into_owned();
                let plain = value.is_empty();
                let text = EventText { id: identity.id.clone(), name, value, last: None };
                let place = spool.add(&serde_json::to_string(&text)?)?;
                texts.event_at = texts.event_at.or(plain.then_some(place));
                place
            }
        };
        let about = match texts.about_at {
            Some(place) => place,
            None => {
                let hash = about_hash(self.shared.key, noting.view);
                let text = || serde_json::to_string(&about(noting.view)).unwrap_or_default();
                *texts.about_at.insert(spool.add_once(hash, text)?)
            }
        };
        let place = self.fact(noting.number, identity, NO_GROUP);
        Ok(Note {
            rule: 0,
            part: [0, 0],
            time: noting.time.0,
            identity: identity.hash,
            content: identity.content,
            kind: 0,
            value: [0, 0],
            reported: noting.range == Range::Reported,
            recalled: noting.range == Range::Recalled,
            group: [0, 0],
            place: (place.blob, place.record),
            spool: self.worker.notes.number(),
            event,
            about,
            by: NOWHERE,
            foreign: NOWHERE,
        })
    }

    /// Remembers that a key was used; the hash under which the use is counted.
    fn note_use(&mut self, noting: &Noting<'_, '_>) -> Option<[u64; 2]> {
        // The first of a use stands for all that earlier runs have seen of it.
        if self.recalled.is_some_and(|recalled| recalled.last.is_none()) {
            return None;
        }
        let view = noting.view;
        let name = view.name().filter(|name| is_crypto(name))?;
        if view.is_trail_delivery() {
            return None;
        }
        let actor = view.actor().as_str();
        let attempt = view.attempt();
        let text = |name: &str| view.event().text_at(&[name]);
        let hash = self.shared.key.of(&(
            (text("recipientAccountId"), text("awsRegion")),
            (view.principal_arn(), view.invoked_by()),
            view.first_key().map(|key| (&key.arn, &key.alias)),
            (view.known_resource().map(|resource| &resource.arn), view.context().is_empty()),
            (&name, actor, attempt),
            beside(view, &name),
        ));
        if !self.shared.wants_uses() {
            return Some(hash);
        }
        let last = self.recalled.and_then(|recalled| recalled.last);
        if let Some(recalled) = self.recalled {
            *self.worker.carry.counted.entry(hash).or_default() += recalled.count.saturating_sub(1);
        }
        let identity = noting.found.identity;
        if last.is_none()
            && self.worker.uses.goes_on(hash, noting.time, noting.range == Range::Reported)
        {
            return Some(hash);
        }
        let place = self.fact(noting.number, identity, NO_GROUP);
        let kept = Kept {
            name: name.into_owned(),
            actor,
            attempt,
            first: First {
                time: noting.time,
                id: identity.id.clone(),
                about: about(view),
                identity: (identity.hash, identity.content),
                place: (place.blob, place.record),
            },
            last: last.unwrap_or(noting.time),
            reported: noting.range == Range::Reported,
            recalled: noting.range == Range::Recalled,
        };
        self.worker.carry.mark_use(hash);
        self.worker.uses.add(hash, kept);
        if self.worker.uses.is_full()
            && let Err(error) =
                decide::note_uses(self.worker, &self.shared.plan.rules, self.shared.key)
        {
            self.cannot_note(&error);
        }
        Some(hash)
    }
}

/// What else tells two uses apart: the bucket beside a trail, and both sides of a ReEncrypt.
fn beside(view: &View<'_>, name: &str) -> Option<String> {
    match name {
        "ReEncrypt" => serde_json::to_string(&(&view.keys(), view.context())).ok(),
        _ => view.beside_subject().map(|resource| resource.arn),
    }
}

/// What stands for the [`About`] of a record, so that one that is known is not made again.
pub(super) fn about_hash(key: HashKey, view: &View<'_>) -> [u64; 2] {
    let text = |name: &str| view.event().text_at(&[name]);
    key.of(&(
        (text("recipientAccountId"), text("awsRegion")),
        (text("sourceIPAddress"), text("userAgent")),
        view.who(),
        (view.first_key(), view.known_resource()),
    ))
}

/// Who acted on what, where.
pub(super) fn about(view: &View<'_>) -> About {
    let text = |name: &str| view.event().text_at(&[name]).map(Cow::into_owned);
    About {
        account: view.account(),
        region: view.region(),
        principal: view.principal(),
        source_ip: text("sourceIPAddress"),
        user_agent: text("userAgent"),
        key: view.key(),
        resource: view.resource(),
    }
}

/// The values that a record adds to a count: of one field each of its values, of several fields
/// all of them together.
fn values(view: &View<'_>, fields: &[String]) -> Vec<Option<String>> {
    let event = view.event();
    match fields {
        [field] => field::texts(event, view, field).into_iter().map(Some).collect(),
        _ => {
            let all: Vec<Vec<String>> =
                fields.iter().map(|field| field::texts(event, view, field)).collect();
            match all.iter().all(Vec::is_empty) {
                true => Vec::new(),
                false => vec![Some(format!("{all:?}"))],
            }
        }
    }
}
