//! Findings in the making as bytes, to be put away and taken up again.
//!
//! What must stay true: what was written reads back as it was, whatever texts a log made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::few::Few;
use super::gathered::{Gathered, Names};
use super::group::{EventKept, EventKey, EventRead, Group, GroupKey, Order, Snapshot};
use super::value_counts::ValueCounts;
use crate::detect::Foreign;
use crate::engine::store::texts::TextAt;
use crate::model::days::Days;
use crate::model::finding::{Key, Resource};
use crate::model::level::Level;
use crate::model::origin::Origin;
use crate::model::principal::{Mfa, Principal};
use crate::model::request::Request;
use crate::model::time::Time;
use crate::model::undo::Reversible;

const MFA: [Mfa; 4] = [Mfa::Yes, Mfa::No, Mfa::Unknown, Mfa::NotApplicable];

/// Writes values one after the other.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: u64) {
        self.0.extend(number.to_le_bytes());
    }

    fn flag(&mut self, flag: bool) {
        self.0.push(u8::from(flag));
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Writer, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn texts<const N: usize>(&mut self, texts: [&Option<String>; N]) {
        texts.into_iter().for_each(|text| self.option(text.as_deref(), Writer::text));
    }

    fn map(&mut self, map: &BTreeMap<String, String>) {
        self.number(map.len() as u64);
        for (name, value) in map {
            self.text(name);
            self.text(value);
        }
    }

    fn level(&mut self, level: Level) {
        let at = Level::ALL.iter().position(|other| *other == level);
        self.0.push(at.and_then(|at| u8::try_from(at).ok()).unwrap_or_default());
    }

    fn time(&mut self, time: Option<Time>) {
        self.option(time, |to, time| to.number(time.0.cast_unsigned()));
    }

    fn origin(&mut self, origin: &Origin) {
        self.text(&origin.blob);
        self.option(origin.record, Writer::number);
    }

    fn key(&mut self, key: &GroupKey) {
        self.number(key.rule as u64);
        self.flag(key.attempt);
        let GroupKey { account, region, principal, key: on, resource, by, .. } = key;
        self.texts([account, region, principal, on, resource, by]);
        self.option(key.event.as_ref(), |to, event| {
            to.text(&event.name);
            to.number(event.apart.0);
            to.option(event.apart.1.as_ref(), Writer::origin);
        });
        self.option(key.foreign.as_ref(), |to, foreign| {
            to.number(foreign.accounts.len() as u64);
            foreign.accounts.iter().for_each(|account| to.text(account));
            to.option(foreign.otherwise, Writer::level);
        });
        self.option(key.apart, |to, ([id, id2], content)| {
            [id, id2, content].into_iter().for_each(|word| to.number(word));
        });
    }

    fn order(&mut self, (untimed, time, id): &Order) {
        self.flag(*untimed);
        self.time(*time);
        self.texts([id]);
    }

    fn snapshot(&mut self, snapshot: &Snapshot) {
        self.principal(&snapshot.principal);
        self.texts([&snapshot.source_ip, &snapshot.user_agent]);
        self.option(snapshot.key.as_ref(), |to, key| {
            to.text(&key.arn);
            to.texts([&key.account, &key.alias]);
            to.map(&key.tags);
        });
        self.option(snapshot.resource.as_ref(), |to, resource| {
            to.text(&resource.arn);
            to.texts([&resource.kind]);
            to.map(&resource.tags);
        });
        self.map(&snapshot.details);
    }

    fn principal(&mut self, principal: &Principal) {
        let Principal { kind, arn, account, session, invoked_by, mfa } = principal;
        self.texts([kind, arn, account, session, invoked_by]);
        let mfa = MFA.iter().position(|other| other == mfa);
        self.number(mfa.unwrap_or_default() as u64);
    }

    fn event(&mut self, event: &EventKept, read: &EventRead) {
        self.order(&event.order);
        self.text(&event.name);
        self.option(event.place.as_ref(), Writer::origin);
        self.number(event.content);
        let EventRead { origin, shared, request, behind } = read;
        self.origin(origin);
        self.texts([shared]);
        self.option(behind.as_ref(), |to, at| to.number(at.0));
        let Request { id, service, principal, access_key, source_ip, user_agent, error, .. } =
            &**request;
        self.text(service);
        self.principal(principal);
        self.texts([id, access_key, source_ip, user_agent, error, &request.target]);
        self.option(request.reversible.as_ref(), |to, done| {
            to.text(&done.what);
            to.number(done.parts);
        });
    }

    fn group(&mut self, group: &Group) {
        self.level(group.level);
        self.time(group.first);
        self.time(group.last);
        self.number(group.days.to_number());
        self.order(&group.earliest.0);
        self.snapshot(&group.earliest.1);
        self.number(group.events.len() as u64);
        group.events.iter().for_each(|(event, read)| self.event(event, read));
        self.number(group.sessions.len() as u64);
        group.sessions.keys().for_each(|session| self.text(session));
        self.flag(group.fresh);
        self.flag(group.claimed);
        self.option(group.records.as_ref(), |to, records| {
            to.number(records.len() as u64);
            records.iter().for_each(|record| to.number(*record));
        });
        self.option(group.gathered.as_deref(), Writer::gathered);
        self.number(group.values.named.len() as u64);
        for (value, count) in &group.values.named {
            self.text(value);
            self.number(*count);
        }
        self.flag(group.values.more);
    }

    fn few(&mut self, few: &Few<String, ()>) {
        self.number(few.len() as u64);
        few.keys().for_each(|text| self.text(text));
    }

    fn gathered(&mut self, gathered: &Gathered) {
        for Names { first, hashes } in &gathered.names {
            self.few(first);
            self.number(hashes.len() as u64);
            hashes.iter().for_each(|hash| self.number(*hash));
        }
        self.number(gathered.said.len() as u64);
        for (name, texts) in &gathered.said {
            self.text(name);
            self.few(texts);
        }
    }
}

/// Reads them back; `None` where something else was written.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn flag(&mut self) -> Option<bool> {
        self.byte().map(|byte| byte != 0)
    }

    fn text(&mut self) -> Option<String> {
        let len = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }

    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.flag()? {
            true => read(self).map(Some),
            false => Some(None),
        }
    }

    fn some_text(&mut self) -> Option<Option<String>> {
        self.option(Reader::text)
    }

    fn list<T, L: FromIterator<T>>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<L> {
        let count = self.number()?;
        (0..count).map(|_| read(self)).collect()
    }

    fn map(&mut self) -> Option<BTreeMap<String, String>> {
        self.list(|from| Some((from.text()?, from.text()?)))
    }

    fn level(&mut self) -> Option<Level> {
        Level::ALL.get(usize::from(self.byte()?)).copied()
    }

    fn time(&mut self) -> Option<Option<Time>> {
        self.option(|from| from.number().map(|time| Time(time.cast_signed())))
    }

    fn origin(&mut self) -> Option<Origin> {
        Some(Origin { blob: self.text()?.into(), record: self.option(Reader::number)? })
    }

    fn key(&mut self) -> Option<GroupKey> {
        Some(GroupKey {
            rule: usize::try_from(self.number()?).ok()?,
            attempt: self.flag()?,
            account: self.some_text()?,
            region: self.some_text()?,
            principal: self.some_text()?,
            key: self.some_text()?,
            resource: self.some_text()?,
            by: self.some_text()?,
            event: self.option(|from| {
                let (name, content) = (from.text()?, from.number()?);
                Some(EventKey { name, apart: (content, from.option(Reader::origin)?) })
            })?,
            foreign: self.option(|from| {
                let accounts: BTreeSet<String> = from.list(Reader::text)?;
                Some(Foreign { accounts, otherwise: from.option(Reader::level)? })
            })?,
            apart: self.option(|from| Some(([from.number()?, from.number()?], from.number()?)))?,
        })
    }

    fn order(&mut self) -> Option<Order> {
        Some((self.flag()?, self.time()?, self.some_text()?))
    }

    fn principal(&mut self) -> Option<Principal> {
        let [kind, arn, account] = [self.some_text()?, self.some_text()?, self.some_text()?];
        let [session, invoked_by] = [self.some_text()?, self.some_text()?];
        let mfa = *MFA.get(usize::try_from(self.number()?).ok()?)?;
        Some(Principal { kind, arn, account, session, invoked_by, mfa })
    }

    fn snapshot(&mut self) -> Option<Snapshot> {
        let principal = self.principal()?;
        let [source_ip, user_agent] = [self.some_text()?, self.some_text()?];
        let key = self.option(|from| {
            Some(Key {
                arn: from.text()?,
                account: from.some_text()?,
                alias: from.some_text()?,
                tags: from.map()?,
            })
        })?;
        let resource = self.option(|from| {
            Some(Resource { arn: from.text()?, kind: from.some_text()?, tags: from.map()? })
        })?;
        Some(Snapshot { principal, source_ip, user_agent, key, resource, details: self.map()? })
    }

    fn event(&mut self) -> Option<(EventKept, EventRead)> {
        let event = EventKept {
            order: self.order()?,
            name: self.text()?,
            place: self.option(Reader::origin)?,
            content: self.number()?,
        };
        let (origin, shared) = (self.origin()?, self.some_text()?);
        let behind = self.option(|from| from.number().map(TextAt))?;
        let request = Arc::new(self.request()?);
        Some((event, EventRead { origin, shared, request, behind }))
    }

    fn request(&mut self) -> Option<Request> {
        Some(Request {
            service: self.text()?,
            principal: self.principal()?,
            id: self.some_text()?,
            access_key: self.some_text()?,
            source_ip: self.some_text()?,
            user_agent: self.some_text()?,
            error: self.some_text()?,
            target: self.some_text()?,
            reversible: self
                .option(|from| Some(Reversible { what: from.text()?, parts: from.number()? }))?,
        })
    }

    fn few(&mut self) -> Option<Few<String, ()>> {
        self.list(|from| Some((from.text()?, ())))
    }

    fn gathered(&mut self) -> Option<Gathered> {
        let mut gathered = Gathered::default();
        for names in &mut gathered.names {
            *names = Names { first: self.few()?, hashes: self.list(Reader::number)? };
        }
        gathered.said = self.list(|from| Some((from.text()?, from.few()?)))?;
        Some(gathered)
    }

    fn group(&mut self) -> Option<Group> {
        Some(Group {
            level: self.level()?,
            first: self.time()?,
            last: self.time()?,
            days: Days::from_number(self.number()?),
            earliest: (self.order()?, self.snapshot()?),
            events: self.list(Reader::event)?,
            sessions: self.few()?,
            fresh: self.flag()?,
            claimed: self.flag()?,
            records: self.option(|from| from.list(Reader::number))?,
            gathered: self.option(Reader::gathered)?.map(Box::new),
            values: ValueCounts {
                named: self.list(|from| Some((from.text()?, from.number()?)))?,
                more: self.flag()?,
            },
        })
    }
}

/// A group with its key, and how many records are counted for it already.
pub fn pack(key: &GroupKey, group: &Group, count: u64) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.number(count);
    writer.key(key);
    writer.group(group);
    writer.0
}

/// What [`pack`] has written; `None` if it is anything else.
pub fn unpack(bytes: &[u8]) -> Option<(GroupKey, Group, u64)> {
    let mut reader = Reader(bytes);
    let (count, key, group) = (reader.number()?, reader.key()?, reader.group()?);
    reader.0.is_empty().then_some((key, group, count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::partial::group::Match;
    use crate::engine::store::hash::HashKey;

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn gathered() -> Gathered {
        let names = [vec!["k"], vec![], vec!["r", ""], vec!["p"]];
        Gathered::new(HashKey::of_seed(1), names, [(&"why".to_owned(), "1".to_owned())])
    }

    fn event_read(origin: &Origin, of: &Snapshot) -> EventRead {
        let request = Request {
            id: text("a request"),
            service: "kms.amazonaws.com".into(),
            principal: of.principal.clone(),
            access_key: text("AKIAEXAMPLE"),
            source_ip: None,
            user_agent: text("\u{1b}"),
            error: text("AccessDenied"),
            target: text(""),
            reversible: Some(Reversible { what: "DisableKey k".into(), parts: u64::MAX }),
        };
        let (shared, behind) = (text("shared"), Some(TextAt(3)));
        EventRead { origin: origin.clone(), shared, request: Arc::new(request), behind }
    }

    /// A value in every member, and none.
    fn groups() -> [(GroupKey, Group); 2] {
        let origin = Origin::record("s3://b/é\n\u{0}", 7);
        let tags = BTreeMap::from([("a".to_owned(), String::new())]);
        let snapshot = Snapshot {
            principal: Principal {
                kind: text("AssumedRole"),
                arn: text("arn:r"),
                account: text("1"),
                session: text("s"),
                invoked_by: text(""),
                mfa: Mfa::Unknown,
            },
            source_ip: text("::1"),
            user_agent: text("\"\u{1b}[2J"),
            key: Some(Key { arn: "k".into(), account: None, alias: text("a"), tags: tags.clone() }),
            resource: Some(Resource { arn: "r".into(), kind: text("t"), tags }),
            details: BTreeMap::from([("why".to_owned(), "\"x\"".to_owned())]),
        };
        let event = EventKept {
            order: (false, Some(Time(-3)), text("e")),
            name: "Decrypt".into(),
            place: Some(origin.clone()),
            content: u64::MAX,
        };
        let full = |event| Match {
            level: Level::High,
            event,
            read: event_read(&origin, &snapshot),
            snapshot: snapshot.clone(),
            fresh: true,
        };
        let mut group = Group::new(full(event.clone()));
        group.merge(Group::new(full(EventKept { place: None, ..event })));
        group.gathered = Some(Box::new(gathered()));
        group.values = ValueCounts { named: vec![("777788889999".into(), 3)], more: true };
        let key = GroupKey {
            attempt: true,
            account: text("1"),
            region: text("r"),
            principal: text("p"),
            key: text("k"),
            resource: text(""),
            event: Some(EventKey { name: "e".into(), apart: (1, Some(Origin::blob("b"))) }),
            foreign: Some(Foreign {
                accounts: BTreeSet::from(["1".to_owned(), "2".to_owned()]),
                otherwise: Some(Level::Low),
            }),
            apart: Some(([1, 2], 3)),
            by: text("by"),
            ..GroupKey::of_rule(9)
        };
        let order = (true, None, None);
        let empty = Group::new(Match {
            level: Level::Informational,
            event: EventKept { order, name: String::new(), place: None, content: 0 },
            read: EventRead::of_nobody(Origin::blob("b")),
            snapshot: Snapshot::of_nobody(BTreeMap::new()),
            fresh: false,
        });
        [(key, group), (GroupKey::of_rule(0), empty)]
    }

    #[test]
    fn groups_read_back_as_they_were_written() {
        for (key, group) in groups() {
            let bytes = pack(&key, &group, 5);
            assert_eq!(unpack(&bytes), Some((key, group, 5)));
            for cut in 0..bytes.len() {
                assert_eq!(unpack(&bytes[..cut]), None);
            }
        }
    }
}
