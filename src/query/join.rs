//! The records of one call, as one row.
//!
//! ```text
//! two accounts   a call over the border of an account is recorded on both sides, with one sharedEventID
//! served         S3, Secrets Manager and others call KMS to serve a call: the same caller, the
//!                resource of the call in the encryption context, at most a second apart. Request ids
//!                and access keys differ.
//! ```
//!
//! A call of a service names its caller and no address; the call that it served names both. Of several
//! calls that could be meant each serves one. Where nothing fits exactly, rows stay apart.
//!
//! What must stay true: rows come in the order in which they were added, and what becomes of them
//! follows from that order alone. At most [`HELD_MAX`] of them wait.

use std::collections::{HashMap, VecDeque};

use crate::model::occurrence::Occurrence;
use crate::model::principal::Principal;
use crate::record::kms;

/// Rows that wait for what belongs to them.
const HELD_MAX: usize = 1_024;

/// How far apart the records of one call may be; microseconds.
const APART: i64 = 1_000_000;

/// Resources of one call by which it is found.
const RESOURCES_MAX: usize = 20;

/// Rows whose time is not over.
#[derive(Debug)]
pub struct Window {
    /// Whether rows are joined at all.
    joins: bool,
    held: VecDeque<Option<Occurrence>>,
    /// The number of the first that is held.
    first: u64,
    /// Calls that other accounts may have recorded too, by their shared id.
    shared: HashMap<String, u64>,
    /// Calls that KMS calls may have served, and which of these have none.
    calls: HashMap<Tie, VecDeque<u64>>,
    /// KMS calls whose call has not come yet.
    waiting: HashMap<Tie, VecDeque<u64>>,
    /// The latest time that was seen.
    now: Option<i64>,
}

/// What a call and the KMS calls that serve it have in common: the caller and the resource.
type Tie = (Option<String>, Option<String>, String);

impl Window {
    /// An empty one.
    pub fn new(joins: bool) -> Window {
        Window {
            joins,
            held: VecDeque::new(),
            first: 0,
            shared: HashMap::new(),
            calls: HashMap::new(),
            waiting: HashMap::new(),
            now: None,
        }
    }

    /// The first row, if nothing can join it any more.
    pub fn ready(&mut self) -> Option<Occurrence> {
        loop {
            let first = self.held.front()?;
            let time = first.as_ref().and_then(|row| row.time).map(|time| time.0);
            let over = match (time, self.now) {
                (Some(time), Some(now)) => now.saturating_sub(time) > APART,
                _ => true,
            };
            if first.is_some() && self.joins && !over && self.held.len() < HELD_MAX {
                return None;
            }
            if let Some(row) = self.pop() {
                return Some(row);
            }
        }
    }

    /// The first row, when no more will come.
    pub fn last(&mut self) -> Option<Occurrence> {
        while !self.held.is_empty() {
            if let Some(row) = self.pop() {
                return Some(row);
            }
        }
        None
    }

    fn pop(&mut self) -> Option<Occurrence> {
        let row = self.held.pop_front().flatten();
        self.first += 1;
        if self.held.is_empty() {
            self.shared.clear();
            self.calls.clear();
            self.waiting.clear();
        } else if let Some(row) = &row {
            self.forget(row);
        }
        row
    }

    /// Takes what is held no more out of the tables.
    fn forget(&mut self, row: &Occurrence) {
        let first = self.first;
        if let Some(id) = &row.shared
            && self.shared.get(id).is_some_and(|number| *number < first)
        {
            self.shared.remove(id);
        }
        for tie in ties(row) {
            for table in [&mut self.calls, &mut self.waiting] {
                if let Some(numbers) = table.get_mut(&tie) {
                    // Those that came first are in front.
                    while numbers.front().is_some_and(|number| *number < first) {
                        numbers.pop_front();
                    }
                    if numbers.is_empty() {
                        table.remove(&tie);
                    }
                }
            }
        }
    }

    /// Adds a row, behind all others.
    pub fn add(&mut self, row: Occurrence) {
        self.now = self.now.max(row.time.map(|time| time.0));
        if !self.joins || row.time.is_none() {
            self.held.push_back(Some(row));
            return;
        }
        let Some(row) = self.other_side(row) else { return };
        let number = self.first + self.held.len() as u64;
        if is_service_call(&row) {
            self.add_service_call(row, number);
        } else {
            self.add_call(row, number);
        }
    }

    /// Joins the other side of a call over the border of an account; gives the row back if there is none.
    fn other_side(&mut self, row: Occurrence) -> Option<Occurrence> {
        // A service's own calls have such an id too.
        let id = row.shared.clone().filter(|_| row.principal.account.is_some());
        let Some(id) = id else { return Some(row) };
        let Some(number) = self.shared.get(&id).copied() else {
            self.shared.insert(id, self.first + self.held.len() as u64);
            return Some(row);
        };
        let Some(held) = self.at(number) else { return Some(row) };
        if held.account == row.account || held.event != row.event {
            return Some(row);
        }
        // The caller's side tells more of the caller.
        let own = |row: &Occurrence| {
            row.principal.account.is_some() && row.principal.account == row.account
        };
        let mut row = row;
        if own(&row) && !own(held) {
            std::mem::swap(held, &mut row);
            held.also.append(&mut row.also);
            held.served.append(&mut row.served);
        }
        held.copies += row.copies;
        held.also.push(row.beside());
        None
    }

    fn at(&mut self, number: u64) -> Option<&mut Occurrence> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.held.get_mut(index)?.as_mut()
    }

    /// A KMS call by a service: joins the call that it served, or waits for it.
    fn add_service_call(&mut self, row: Occurrence, number: u64) {
        for tie in ties(&row) {
            while let Some(call) = self.calls.get_mut(&tie).and_then(VecDeque::pop_front) {
                let Some(held) = self.at(call).filter(|held| is_near(held, &row)) else { continue };
                let shared = row.shared.clone();
                held.served.push(row.beside());
                // Its number is free again.
                shared.and_then(|id| self.shared.remove(&id));
                return;
            }
        }
        for tie in ties(&row) {
            self.waiting.entry(tie).or_default().push_back(number);
        }
        self.held.push_back(Some(row));
    }

    /// Any other call: takes the KMS calls that served it, one for each resource.
    fn add_call(&mut self, mut row: Occurrence, number: u64) {
        let caller = row.principal.kind.as_deref() != Some("AWSService") && !is_kms(&row);
        for tie in ties(&row).into_iter().filter(|_| caller) {
            match self.waiting_for(&tie, &row) {
                Some(served) => {
                    served.shared.as_ref().and_then(|id| self.shared.remove(id));
                    row.served.push(served.beside());
                }
                None => self.calls.entry(tie).or_default().push_back(number),
            }
        }
        self.held.push_back(Some(row));
    }

    /// Takes out the first KMS call that waits for a call such as this.
    fn waiting_for(&mut self, tie: &Tie, row: &Occurrence) -> Option<Occurrence> {
        loop {
            let number = self.waiting.get_mut(tie)?.pop_front()?;
            let index =
                number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
            let slot = index.and_then(|index| self.held.get_mut(index));
            let taken = slot.and_then(|slot| slot.take_if(|served| is_near(served, row)));
            if taken.is_some() {
                return taken;
            }
        }
    }
}

fn is_near(one: &Occurrence, other: &Occurrence) -> bool {
    one.time
        .zip(other.time)
        .is_some_and(|(one, other)| one.0.abs_diff(other.0) <= APART.unsigned_abs())
}

fn is_kms(row: &Occurrence) -> bool {
    row.source.eq_ignore_ascii_case(kms::SOURCE)
}

/// Whether a service called KMS on somebody's behalf.
fn is_service_call(row: &Occurrence) -> bool {
    let Principal { kind, invoked_by, .. } = &row.principal;
    is_kms(row) && invoked_by.is_some() && kind.is_some() && kind.as_deref() != Some("AWSService")
}

/// By what a call and the KMS calls that serve it find each other.
fn ties(row: &Occurrence) -> Vec<Tie> {
    let Principal { arn, session, .. } = &row.principal;
    if arn.is_none() {
        return Vec::new();
    }
    let resources = row.resources.iter().take(RESOURCES_MAX);
    resources.map(|text| (arn.clone(), session.clone(), text.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::occurrence::Place;
    use crate::model::time::Time;

    fn call(event: &str, secs: i64, resource: &str) -> Occurrence {
        let kms = ["Decrypt", "GenerateDataKey"].contains(&event);
        let source = if kms { kms::SOURCE } else { "s3.amazonaws.com" };
        Occurrence {
            time: Some(Time::from_secs(secs)),
            event: event.into(),
            source: source.into(),
            account: Some("111122223333".into()),
            region: None,
            id: None,
            shared: None,
            principal: Principal {
                kind: Some("AssumedRole".into()),
                arn: Some("arn:aws:iam::111122223333:role/app".into()),
                account: Some("111122223333".into()),
                session: Some("one".into()),
                invoked_by: kms.then(|| "AWS Internal".into()),
                mfa: crate::model::principal::Mfa::Unknown,
            },
            access_key: None,
            source_ip: None,
            user_agent: None,
            keys: Vec::new(),
            resources: vec![resource.into()],
            error: None,
            message: None,
            place: Place { blob: "b".into(), record: 0 },
            copies: 0,
            also: Vec::new(),
            served: Vec::new(),
            text: None,
        }
    }

    /// Each row as `event+served@also`.
    fn rows(calls: Vec<Occurrence>) -> Vec<String> {
        let mut window = Window::new(true);
        let mut rows = Vec::new();
        for call in calls {
            window.add(call);
            rows.extend(std::iter::from_fn(|| window.ready()));
        }
        rows.extend(std::iter::from_fn(|| window.last()));
        let served =
            |row: &Occurrence| row.served.iter().map(|s| format!("+{}", s.event)).collect();
        let also = |row: &Occurrence| {
            row.also.iter().map(|s| format!("@{}", s.account.as_deref().unwrap())).collect()
        };
        rows.iter()
            .map(|row| {
                format!(
                    "{}{}{}",
                    row.event,
                    {
                        let s: String = served(row);
                        s
                    },
                    {
                        let a: String = also(row);
                        a
                    }
                )
            })
            .collect()
    }

    #[test]
    fn what_a_service_calls_joins_the_call_that_it_served() {
        assert_eq!(
            rows(vec![call("GetObject", 5, "o"), call("Decrypt", 5, "o")]),
            ["GetObject+Decrypt"]
        );
        assert_eq!(
            rows(vec![call("Decrypt", 5, "o"), call("GetObject", 6, "o")]),
            ["GetObject+Decrypt"]
        );
        assert_eq!(
            rows(vec![call("Decrypt", 5, "o"), call("GetObject", 7, "o")]),
            ["Decrypt", "GetObject"]
        );
        assert_eq!(
            rows(vec![call("Decrypt", 5, "p"), call("GetObject", 5, "o")]),
            ["Decrypt", "GetObject"]
        );
        let mut other = call("Decrypt", 5, "o");
        other.principal.session = Some("two".into());
        assert_eq!(rows(vec![call("GetObject", 5, "o"), other]), ["GetObject", "Decrypt"]);
        let mut direct = call("Decrypt", 5, "o");
        direct.principal.invoked_by = None;
        assert_eq!(rows(vec![call("GetObject", 5, "o"), direct]), ["GetObject", "Decrypt"]);
    }

    #[test]
    fn one_that_is_too_old_hides_none_that_is_not() {
        let half = |mut row: Occurrence| {
            row.time = row.time.map(|time| Time(time.0 + 500_000));
            row
        };
        let calls = vec![
            call("Decrypt", 5, "o"),
            half(call("Decrypt", 5, "o")),
            half(call("GetObject", 6, "o")),
        ];
        assert_eq!(rows(calls), ["Decrypt", "GetObject+Decrypt"]);
        let calls = vec![
            call("GetObject", 5, "o"),
            half(call("GetObject", 5, "o")),
            half(call("Decrypt", 6, "o")),
        ];
        assert_eq!(rows(calls), ["GetObject", "GetObject+Decrypt"]);
    }

    #[test]
    fn each_call_is_served_once_for_each_resource() {
        let twice = vec![
            call("GetObject", 5, "o"),
            call("Decrypt", 5, "o"),
            call("Decrypt", 5, "o"),
            call("GetObject", 5, "o"),
        ];
        assert_eq!(rows(twice), ["GetObject+Decrypt", "GetObject+Decrypt"]);
        let mut many = call("GetObject", 5, "o");
        many.resources.push("p".into());
        let all =
            vec![call("Decrypt", 5, "p"), many, call("Decrypt", 5, "o"), call("Decrypt", 5, "o")];
        assert_eq!(rows(all), ["GetObject+Decrypt+Decrypt", "Decrypt"]);
    }

    #[test]
    fn two_sides_are_one_row_of_the_callers() {
        let side = |account: &str| {
            let mut side = call("Decrypt", 5, "o");
            side.principal.invoked_by = None;
            (side.shared, side.account) = (Some("s".into()), Some(account.into()));
            side
        };
        for order in [["111122223333", "444455556666"], ["444455556666", "111122223333"]] {
            assert_eq!(rows(order.map(side).into()), ["Decrypt@444455556666"]);
        }
        let mut service = side("444455556666");
        service.principal.account = None;
        assert_eq!(rows(vec![side("111122223333"), service]).len(), 2);
        assert_eq!(rows(vec![side("111122223333"), side("111122223333")]).len(), 2);
    }

    #[test]
    fn a_flood_of_one_second_waits_in_bounded_memory() {
        let mut window = Window::new(true);
        let mut out = 0;
        for number in 0..5_000 {
            window.add(call("Decrypt", 5, &number.to_string()));
            out += std::iter::from_fn(|| window.ready()).count();
            assert!(window.held.len() < HELD_MAX);
            assert!(window.waiting.len() <= HELD_MAX && window.calls.len() <= HELD_MAX);
        }
        out += std::iter::from_fn(|| window.last()).count();
        assert_eq!(out, 5_000);
        assert!(window.waiting.is_empty());
    }
}
