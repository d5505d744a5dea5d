//! What is granted against what was used, for people: the log, each key, the policy, what to know.

use std::io::{self, Write};

use super::given::Answer;
use crate::model::keys::access::Sure;
use crate::model::keys::granted::{Allowed, GrantedVsUsed, KeyRights, Shown, UsedCall};
use crate::model::time::Time;
use crate::report::table::fit::{count, counted};
use crate::report::table::grid::{Cell, Grid, Ink};
use crate::report::table::packed::{Packed, Wish};
use crate::report::{Style, json};

/// Columns where no terminal limits them.
const DEFAULT_WIDTH: u16 = 160;

/// No terminal is taken to be narrower.
const LEAST_WIDTH: u16 = 40;

/// The columns of labels.
const LABEL: u16 = 10;

/// Keys that are shown; `-v` shows all.
const KEYS: usize = 10;

/// Names of one list that are shown; `-v` shows all.
const NAMES: usize = 12;

/// Allowances of one key that are shown; `-v` shows all.
const ALLOWED: usize = 6;

/// Lines of the policy that are shown; `-v` shows all.
const POLICY: usize = 120;

/// What a used call shows, and how wide that wants to be.
const COLUMNS: [(&str, Wish); 6] = [
    ("used", Wish { width: 29, more: true }),
    ("ok", Wish { width: 7, more: false }),
    ("refused", Wish { width: 7, more: false }),
    ("failed", Wish { width: 6, more: false }),
    ("from and to", Wish { width: 23, more: false }),
    ("allowed by what the log shows", Wish { width: 60, more: true }),
];

/// Writes the answer.
///
/// # Errors
/// Those of `out`.
pub fn write(answer: &Answer<'_>, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let width = style.width.unwrap_or(DEFAULT_WIDTH).max(LEAST_WIDTH);
    let mut page = Page { width, style, out };
    match answer.granted {
        Some(granted) => page.granted(granted)?,
        None => page.line(
            Ink::Plain,
            "No user or role of that name called KMS. Give its ARN to see what the log grants it.",
        )?,
    }
    if !answer.problems.is_empty() {
        let text = format!("INCOMPLETE: {}", counted(answer.problems.len() as u64, "problem"));
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
    fn line(&mut self, ink: Ink, text: &str) -> io::Result<()> {
        let mut grid = Grid::new(self.width, &[0], self.style.color, self.out);
        let [mut cell] = grid.row();
        cell.add(ink, text, 8);
        grid.write(&[cell])
    }

    /// A title, after an empty line.
    fn title(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out)?;
        self.line(Ink::Strong, text)
    }

    /// A label and what it says.
    fn fact(&mut self, label: &str, text: &str) -> io::Result<()> {
        let mut grid = Grid::new(self.width, &[LABEL, 0], self.style.color, self.out);
        let [mut name, mut cell] = grid.row();
        name.add(Ink::Faint, label, 1);
        cell.add(Ink::Plain, text, 8);
        grid.write(&[name, cell])
    }

    /// How many of a list are shown.
    fn most(&self, most: usize) -> usize {
        if self.style.verbose { usize::MAX } else { most }
    }

    fn names(&self, names: &[&str]) -> String {
        let shown: Vec<&str> = names.iter().take(self.most(NAMES)).copied().collect();
        match names.len() - shown.len() {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }

    fn granted(&mut self, granted: &GrantedVsUsed) -> io::Result<()> {
        self.line(Ink::Strong, &format!("GRANTED AND USED: {}", granted.principal))?;
        let policies: Vec<&str> = granted.iam.policies.iter().map(String::as_str).collect();
        let seen = match policies.as_slice() {
            [] => "no record shows a policy of it".to_owned(),
            all => self.names(all),
        };
        self.fact("IAM", &seen)?;
        if !granted.iam.unseen.is_empty() {
            let unseen: Vec<&str> = granted.iam.unseen.iter().map(String::as_str).collect();
            let text = format!("attached, text not shown: {}", self.names(&unseen));
            self.fact("", &text)?;
        }
        self.fact("rights", &format!("as of {}", granted.at))?;
        self.unexplained(granted)?;
        let shown = self.most(KEYS);
        granted.keys.iter().take(shown).try_for_each(|key| self.key(key))?;
        let more = granted.left_out + granted.keys.len().saturating_sub(shown) as u64;
        if more > 0 {
            writeln!(self.out)?;
            let text = format!("{} more: -v and -f json list up to 10,000", counted(more, "key"));
            self.line(Ink::Faint, &text)?;
        }
        if granted.keys.is_empty() {
            writeln!(self.out)?;
            self.line(Ink::Plain, "It used no key, and no document in the log grants it one.")?;
        }
        if !granted.without_key.is_empty() {
            self.title("calls about no key")?;
            self.used(&granted.without_key)?;
        }
        self.others(granted)?;
        self.policy(granted)
    }

    /// How many calls succeeded with nothing in the log that allows them.
    fn unexplained(&mut self, granted: &GrantedVsUsed) -> io::Result<()> {
        let all = granted.keys.iter().flat_map(|key| &key.used).chain(&granted.without_key);
        let not_shown = all.filter(|used| used.shown.is_some_and(Shown::is_missing));
        match not_shown.map(|used| used.ok).sum() {
            0 => Ok(()),
            calls => {
                let text = format!("{}: {}", counted(calls, "call"), Shown::No.words());
                self.fact("not shown", &text)
            }
        }
    }

    fn key(&mut self, key: &KeyRights) -> io::Result<()> {
        self.title(&key.key)?;
        let policy = match &key.policy {
            Some(proof) => format!("{} of {}", proof.event, proof.time),
            None => "no record shows it".to_owned(),
        };
        self.fact("key policy", &policy)?;
        key.unknown
            .iter()
            .skip(usize::from(key.policy.is_none()))
            .try_for_each(|text| self.fact("not known", text))?;
        let shown = self.most(ALLOWED);
        for (number, allowed) in key.allowed.iter().take(shown).enumerate() {
            let text = self.allowed(allowed);
            self.fact(if number == 0 { "granted" } else { "" }, &text)?;
        }
        let more = key.allowed_left_out + key.allowed.len().saturating_sub(shown) as u64;
        if more > 0 {
            self.fact("", &format!("{} more", count(more)))?;
        }
        if key.allowed.is_empty() {
            self.fact("granted", "nothing in the log")?;
        }
        for denial in &key.denied {
            let text = format!("{}, if {}", denial.by, denial.conditions.join(" and "));
            self.fact("denied", &text)?;
        }
        if !key.never_used.is_empty() {
            let names = self.names(&key.never_used);
            self.fact("never used", &names)?;
        }
        match key.used.is_empty() {
            true => self.fact("used", "never in the log"),
            false => self.used(&key.used),
        }
    }

    fn allowed(&self, allowed: &Allowed) -> String {
        let Allowed { sure, by, conditions, every, operations } = allowed;
        let conditions = match conditions.as_slice() {
            [] => String::new(),
            all => format!(", if {}", all.join(" and ")),
        };
        let operations = match every {
            true => "all operations".to_owned(),
            false => self.names(operations),
        };
        format!("{}: {operations} ({by}{conditions})", sure.words())
    }

    fn used(&mut self, all: &[UsedCall]) -> io::Result<()> {
        let packed = Packed::new(&COLUMNS.map(|(_, wish)| wish), self.style);
        packed.write(self.out, |at, cell| cell.add(Ink::Faint, COLUMNS[at].0, 1))?;
        all.iter().try_for_each(|used| packed.write(self.out, |at, cell| fill(used, at, cell)))
    }

    /// Keys that are only counted.
    fn others(&mut self, granted: &GrantedVsUsed) -> io::Result<()> {
        let GrantedVsUsed { left_to_iam, not_known, .. } = granted;
        let counts = [
            (
                left_to_iam,
                "the key policy leaves it to IAM, which the log does not show to allow it",
            ),
            (not_known, "IAM allows it, and no record shows the key policy"),
        ];
        for (number, why) in counts.into_iter().filter(|(number, _)| **number > 0) {
            writeln!(self.out)?;
            self.line(Ink::Plain, &format!("{} not used: {why}", counted(*number, "more key")))?;
        }
        Ok(())
    }

    fn policy(&mut self, granted: &GrantedVsUsed) -> io::Result<()> {
        self.title("LEAST POLICY that would have served, to be reviewed")?;
        let mut text = Vec::new();
        json::write_document(&granted.least_policy, &mut text)?;
        let lines = text.iter().filter(|byte| **byte == b'\n').count();
        if granted.least_policy.statement.is_empty() {
            self.line(Ink::Plain, "none: no call succeeded")?;
        } else if lines <= self.most(POLICY) {
            self.out.write_all(&text)?;
        } else {
            let text = format!("{} lines: -v prints it, -f json has it", count(lines as u64));
            self.line(Ink::Plain, &text)?;
        }
        self.title("TO KNOW")?;
        let mut grid = Grid::new(self.width, &[1, 0], self.style.color, self.out);
        granted.notes.iter().try_for_each(|note| {
            let [mut mark, mut cell] = grid.row();
            mark.add(Ink::Plain, "-", 1);
            cell.add(Ink::Plain, note, 8);
            grid.write(&[mark, cell])
        })
    }
}

/// Fills a column of a used call.
fn fill(used: &UsedCall, at: usize, cell: &mut Cell) {
    let some = |number: u64| if number == 0 { String::new() } else { count(number) };
    let ink = match (at, used.shown.is_some_and(Shown::is_missing)) {
        (5, true) => Ink::Strong,
        _ => Ink::Plain,
    };
    let text = match at {
        0 => used.operation.to_owned(),
        1 => count(used.ok),
        2 => some(used.refused),
        3 => some(used.failed),
        4 => span(used.first, used.last),
        _ => why(used),
    };
    if !text.is_empty() {
        cell.add(ink, &text, 4);
    }
}

/// `2026-11-23 20:17 – 21:04`, or two days.
fn span(first: Time, last: Time) -> String {
    let (first, last) = (first.to_string(), last.to_string());
    let part = |text: &str, from, to| text.get(from..to).unwrap_or_default().to_owned();
    let day = part(&first, 0, 10);
    match (day == part(&last, 0, 10), part(&first, 11, 16), part(&last, 11, 16)) {
        (true, from, to) if from == to => format!("{day} {from}"),
        (true, from, to) => format!("{day} {from}–{to}"),
        (false, ..) => format!("{day} – {}", part(&last, 0, 10)),
    }
}

/// What allowed a call, and by which services it came.
fn why(used: &UsedCall) -> String {
    let sure = used.allowed.map(Sure::words);
    let shown = match (used.shown, sure) {
        (Some(Shown::AtTheEnd), Some(sure)) => sure.to_owned(),
        (Some(shown), Some(sure)) => format!("{} ({sure})", shown.words()),
        (Some(shown), None) => shown.words().to_owned(),
        (None, Some(sure)) => format!("none succeeded; {sure}"),
        (None, None) => "none succeeded".to_owned(),
    };
    let services: Vec<&str> = used.services.iter().map(|name| short(name)).collect();
    match services.as_slice() {
        [] => shown,
        all => format!("{shown}; by {}", all.join(", ")),
    }
}

/// A service without what all of them end with.
fn short(service: &str) -> &str {
    service.strip_suffix(".amazonaws.com").filter(|name| !name.is_empty()).unwrap_or(service)
}
