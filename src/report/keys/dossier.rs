//! Everything about one key, section by section.

use std::io::{self, Write};

use super::answer;
use super::given::Keys;
use super::words::{by, day, findings, minute, open, percent, state, tally, who};
use crate::model::keys::dossier::{Differs, Dossier, PolicyVersion};
use crate::model::keys::facts::{AliasSpan, KeyFacts};
use crate::model::keys::listed::Used;
use crate::model::time::Time;
use crate::report::Style;
use crate::report::table::fit::{count, counted};
use crate::report::table::grid::{Grid, Ink};

/// Columns where no terminal limits them.
const DEFAULT_WIDTH: u16 = 120;

/// No terminal is taken to be narrower.
const LEAST_WIDTH: u16 = 40;

/// The columns of labels.
const LABEL: u16 = 10;

/// The columns of a time to the minute.
const TIME: u16 = 16;

/// Lines of one section; what is beyond is counted, and `-v` lists it.
const LINES: usize = 40;

/// Writes a dossier of each key.
///
/// # Errors
/// Those of `out`.
pub fn write(keys: &Keys<'_>, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let width = style.width.unwrap_or(DEFAULT_WIDTH).max(LEAST_WIDTH);
    let mut page = Page { width, style, out };
    let all = &keys.inventory.keys;
    if all.is_empty() {
        let one = keys.one.unwrap_or_default();
        page.line(
            Ink::Plain,
            &format!("No key of this id, ARN or alias is named in what was read: {one}"),
        )?;
    }
    for key in all {
        page.key(key)?;
    }
    if !keys.problems.is_empty() {
        let text = format!("INCOMPLETE: {}", counted(keys.problems.len() as u64, "problem"));
        page.line(Ink::Alarm, &text)?;
    }
    Ok(())
}

struct Page<'a> {
    width: u16,
    style: &'a Style,
    out: &'a mut dyn Write,
}

impl Page<'_> {
    fn grid(&mut self, fixed: &[u16]) -> Grid<'_> {
        Grid::new(self.width, fixed, self.style.color, self.out)
    }

    fn line(&mut self, ink: Ink, text: &str) -> io::Result<()> {
        let mut grid = self.grid(&[0]);
        let [mut cell] = grid.row();
        cell.add(ink, text, 4);
        grid.write(&[cell])
    }

    /// A title, after an empty line.
    fn title(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out)?;
        self.line(Ink::Strong, text)
    }

    /// A label and what it says.
    fn fact(&mut self, label: &str, text: &str) -> io::Result<()> {
        let mut grid = self.grid(&[LABEL, 0]);
        let [mut name, mut cell] = grid.row();
        name.add(Ink::Faint, label, 1);
        cell.add(Ink::Plain, text, 4);
        grid.write(&[name, cell])
    }

    /// How many of a list are shown, of how many; says so if that is not all. Of lives the last ones.
    fn cut(&mut self, shown: usize, of: u64) -> io::Result<()> {
        match of.saturating_sub(shown as u64) {
            0 => Ok(()),
            others => self.line(
                Ink::Faint,
                &format!("  {} more: -v lists them, as far as they are kept", count(others)),
            ),
        }
    }

    /// How many lines a section may have.
    fn most(&self) -> usize {
        if self.style.verbose { usize::MAX } else { LINES }
    }

    fn key(&mut self, key: &KeyFacts) -> io::Result<()> {
        self.line(Ink::Strong, key.alias().unwrap_or(key.id()))?;
        self.line(Ink::Faint, &key.arn)?;
        self.facts(key)?;
        let Some(dossier) = &key.dossier else { return Ok(()) };
        if let Some(access) = &dossier.access {
            writeln!(self.out)?;
            answer::write(access, (&key.account, self.width), self.style, self.out)?;
            return writeln!(self.out);
        }
        self.life(key, dossier)?;
        self.policies(key, dossier)?;
        self.grants(key, dossier)?;
        self.users(key)?;
        self.days(dossier)?;
        self.refused(key, dossier)?;
        writeln!(self.out)
    }

    fn facts(&mut self, key: &KeyFacts) -> io::Result<()> {
        let now = &key.state;
        self.fact("state", &state(now))?;
        open(now).map_or(Ok(()), |open| self.fact("", open))?;
        if let Some(proof) = &now.proof {
            let name = proof.by.as_deref().map(|name| who(name, &key.account)).unwrap_or_default();
            self.fact("proved by", &format!("{} by {name}, {}", by(proof), proof.origin))?;
        }
        if let Some(made) = &key.made {
            let name = made.proof.by.as_deref().map(|name| who(name, &key.account));
            let parts = [made.spec.clone(), made.usage.clone(), key.origin.clone()];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            let name = name.unwrap_or_default();
            self.fact(
                "made",
                &format!("{} by {name}: {}", minute(made.proof.time), parts.join(", ")),
            )?;
        }
        if key.aws_managed {
            self.fact("managed", "by AWS, for one of its services")?;
        }
        if let Some(on) = key.rotation.on {
            let every = key.rotation.period_days.map(|days| format!(", every {days} days"));
            let last = key.rotation.last.map(|last| format!(", last {}", day(last)));
            let (every, last) = (every.unwrap_or_default(), last.unwrap_or_default());
            self.fact("rotation", &format!("{}{every}{last}", if on { "on" } else { "off" }))?;
        }
        if let Some(material) = &key.material {
            let expires = material
                .expires
                .map_or("no expiry is told".to_owned(), |at| format!("expires {}", minute(at)));
            let text = if material.there { expires } else { "deleted".to_owned() };
            self.fact("material", &format!("{text} ({})", by(&material.proof)))?;
        }
        for alias in key.aliases.first.iter().take(self.most()) {
            self.fact("alias", &span(alias))?;
        }
        if !key.other_regions.is_empty() {
            self.fact("also in", &key.other_regions.join(", "))?;
        }
        let tags: Vec<String> =
            key.tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let others = if key.tags_complete { "" } else { "; others are not known" };
        match (tags.is_empty(), key.tags_complete) {
            (true, true) => self.fact("tags", "none")?,
            (true, false) => self.fact("tags", "not known")?,
            _ => self.fact("tags", &format!("{}{others}", tags.join(", ")))?,
        }
        self.use_of(key)
    }

    fn use_of(&mut self, key: &KeyFacts) -> io::Result<()> {
        let last =
            key.uses.last.map_or("never".to_owned(), |last| format!("last {}", minute(last)));
        let uses =
            format!("{}, {last}; {} of all KMS calls", tally(&key.uses), percent(key.share_ppm));
        self.fact("uses", &uses)?;
        if let Some(dossier) = &key.dossier
            && let Some(change) = &dossier.refused_since
        {
            let used = dossier
                .used_since
                .map_or("not used".to_owned(), |time| format!("still used, last {}", minute(time)));
            self.fact("since", &format!("{}: {used}", by(change)))?;
        }
        if let Some(told) = key.kms_last_use.as_ref() {
            let told = match (told.time, &told.operation) {
                (Some(time), Some(operation)) => format!("{operation} {}", minute(time)),
                _ => "no use".to_owned(),
            };
            self.fact("KMS tells", &told)?;
        }
        let found = findings(key);
        self.fact("findings", if found.is_empty() { "none" } else { &found })
    }

    fn life(&mut self, key: &KeyFacts, dossier: &Dossier) -> io::Result<()> {
        let life = &dossier.life;
        self.title(&format!("LIFE: {}", counted(life.count, "administrative call")))?;
        let most = self.most().min(life.first.len());
        // The latest: what came before them is counted.
        self.cut(most, life.count)?;
        for event in &life.first[life.first.len() - most..] {
            let mut grid = self.grid(&[TIME, 0, 0]);
            let [mut time, mut what, mut how] = grid.row();
            time.add(Ink::Faint, &minute(event.proof.time), 1);
            let refused = event.proof.error.as_deref();
            what.add(Ink::Plain, &event.proof.event, 1);
            if let Some(error) = refused {
                what.add(Ink::Alarm, error, 1);
            }
            let name =
                event.proof.by.as_deref().map(|name| who(name, &key.account)).unwrap_or_default();
            let session =
                event.session.as_deref().map(|session| format!(" ({session})")).unwrap_or_default();
            let from =
                event.from.as_deref().map(|from| format!(" from {from}")).unwrap_or_default();
            how.add(Ink::Plain, &format!("{name}{session}{from}"), 2);
            if let Some(says) = &event.says {
                how.add(Ink::Faint, says, 2);
            }
            grid.write(&[time, what, how])?;
        }
        Ok(())
    }

    fn policies(&mut self, key: &KeyFacts, dossier: &Dossier) -> io::Result<()> {
        let policies = &dossier.policies;
        if policies.count == 0 {
            self.title(
                "POLICIES: no record shows one; aws kms get-key-policy tells the one that holds",
            )?;
            return Ok(());
        }
        self.title(&format!("POLICIES: {}", count(policies.count)))?;
        let most = self.most().min(policies.first.len());
        self.cut(most, policies.count)?;
        policies.first[policies.first.len() - most..]
            .iter()
            .try_for_each(|one| self.policy(key, one))
    }

    fn policy(&mut self, key: &KeyFacts, version: &PolicyVersion) -> io::Result<()> {
        let name =
            version.proof.by.as_deref().map(|name| who(name, &key.account)).unwrap_or_default();
        self.line(Ink::Plain, &format!("{} by {name}", by(&version.proof)))?;
        let note = match &version.document {
            None => "the record does not show it, or it is too long",
            Some(_) if version.default => "the default policy: IAM of the account decides",
            Some(_) if version.changes.is_empty() => "says what the one before says",
            Some(_) if !version.before_known => "the one before is not known; this is all of it",
            Some(_) => "",
        };
        if !note.is_empty() {
            self.line(Ink::Faint, &format!("  {note}"))?;
        }
        for change in version.changes.iter().take(self.most()) {
            let word = match change.differs {
                Differs::Added if !version.before_known => "says",
                Differs::Added => "added",
                Differs::Removed => "removed",
                Differs::Changed => "changed",
            };
            self.line(Ink::Strong, &format!("  {word} {}", change.statement))?;
            for line in change.lines.iter().take(self.most()) {
                let ink = if line.starts_with(' ') { Ink::Faint } else { Ink::Plain };
                self.line(ink, &format!("    {line}"))?;
            }
            self.cut(change.lines.len().min(self.most()), change.lines.len() as u64)?;
        }
        self.cut(version.changes.len().min(self.most()), version.changes.len() as u64)
    }

    fn grants(&mut self, key: &KeyFacts, dossier: &Dossier) -> io::Result<()> {
        let grants = &dossier.grants;
        let ended = count(dossier.grants_ended);
        self.title(&format!(
            "GRANTS: {} open, {ended} ended, of those that the log shows",
            count(grants.count)
        ))?;
        let most = self.most();
        for grant in grants.first.iter().take(most) {
            let grantee = grant.grantee.as_deref().map(|name| who(name, &key.account));
            let mut text = format!(
                "{} to {}: {}",
                minute(grant.proof.time),
                grantee.unwrap_or_else(|| "somebody who is not told".to_owned()),
                grant.operations.join(", ")
            );
            grant.constraints.iter().for_each(|one| text.push_str(&format!("; if {one}")));
            self.line(Ink::Plain, &format!("  {text} ({})", grant.id))?;
        }
        self.cut(grants.first.len().min(most), grants.count)
    }

    fn users(&mut self, key: &KeyFacts) -> io::Result<()> {
        if key.users.count == 0 {
            return self.title("USE: none in the log");
        }
        self.title("USE BY PRINCIPAL")?;
        let most = self.most();
        let highest = key.users.first.iter().map(|used| used.tally.calls()).max().unwrap_or(1);
        for used in key.users.first.iter().take(most) {
            let others = used.by.iter().filter(|by| **by != used.name);
            let others: Vec<&str> = others.map(String::as_str).collect();
            let services = match others.as_slice() {
                [] => String::new(),
                all => format!(" via {}", all.join(", ")),
            };
            let label = format!("{}{services}", who(&used.name, &key.account));
            self.bar(&label, (used.tally.calls(), highest), &used_text(used))?;
        }
        self.cut(key.users.first.len().min(most), key.users.count)?;
        for (title, list) in
            [("on", &key.resources), ("from", &key.addresses), ("by", &key.services)]
        {
            if list.count > 0 {
                self.fact(title, &super::words::some(list, 5, &key.account))?;
            }
        }
        Ok(())
    }

    fn days(&mut self, dossier: &Dossier) -> io::Result<()> {
        let days = &dossier.days;
        if days.count == 0 {
            return Ok(());
        }
        self.title("USE BY DAY")?;
        let most = self.most().min(days.first.len());
        self.cut(most, days.count)?;
        let shown = &days.first[days.first.len() - most..];
        let highest = shown.iter().map(|one| one.ok + one.refused).max().unwrap_or(1);
        for one in shown {
            let refused = if one.refused > 0 {
                format!(", {} refused", count(one.refused))
            } else {
                String::new()
            };
            self.bar(
                &day(one.day),
                (one.ok + one.refused, highest),
                &format!("{}{refused}", count(one.ok)),
            )?;
        }
        Ok(())
    }

    /// A label, a bar and a text.
    fn bar(&mut self, label: &str, (part, of): (u64, u64), text: &str) -> io::Result<()> {
        const BAR: u64 = 12;
        let len = u128::from(part) * u128::from(BAR) / u128::from(of.max(1));
        let len = usize::try_from(len).unwrap_or_default().max(1);
        let mut grid = self.grid(&[0, 12, 0]);
        let [mut name, mut bar, mut rest] = grid.row();
        name.add(Ink::Plain, label, 3);
        bar.add(Ink::Plain, &"█".repeat(len), 1);
        rest.add(Ink::Plain, text, 2);
        grid.write(&[name, bar, rest])
    }

    fn refused(&mut self, key: &KeyFacts, dossier: &Dossier) -> io::Result<()> {
        let refused = &dossier.refused;
        if refused.count == 0 {
            return Ok(());
        }
        let since = dossier
            .refused_since
            .as_ref()
            .map_or(String::new(), |change| format!(" SINCE {}", by(change)));
        self.title(&format!("REFUSED{since}"))?;
        let most = self.most();
        for one in refused.first.iter().take(most) {
            let last = one.tally.last.map(minute).unwrap_or_default();
            let name = who(&one.by, &key.account);
            let text = format!(
                "  {} {} {} by {name}, last {last}",
                count(one.tally.refused),
                one.event,
                one.error
            );
            self.line(Ink::Plain, &text)?;
        }
        self.cut(refused.first.len().min(most), refused.count)
    }
}

fn used_text(used: &Used) -> String {
    let span = |time: Option<Time>| time.map(day).unwrap_or_default();
    let (first, last) = (span(used.tally.first), span(used.tally.last));
    let days = if first == last { first } else { format!("{first} to {last}") };
    format!("{}, {days}", tally(&used.tally))
}

/// An alias, and when it named the key.
fn span(alias: &AliasSpan) -> String {
    let from = match alias.given {
        Some(given) => format!("given {}", minute(given)),
        None => format!("seen from {}", minute(alias.from)),
    };
    let to = match (alias.to, &alias.now_of) {
        (Some(to), Some(other)) => format!(", now of {other} since {}", minute(to)),
        (Some(to), None) => format!(", taken away {}", minute(to)),
        (None, _) => String::new(),
    };
    format!("{}, {from}{to}", alias.name)
}
