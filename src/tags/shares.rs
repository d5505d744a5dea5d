//! Who may hold how much of what is learnt of tags, where not all of it fits.
//!
//! There is room for everyone until the room is full. Then the accounts with the most give way, and
//! in them the principals with the most, until all of it fits: so whoever changes tags a million
//! times takes room from himself, and nobody else loses anything. Of a principal that gives way the
//! latest changes stay.
//!
//! What must stay true: who holds what follows from all changes together, not from their order.
//! Whatever was turned away at some time would be turned away at the end as well, since more
//! changes never make room. An account with more principals than are told apart holds nothing: one
//! user can make any number of federated ones.

use std::collections::{BTreeMap, HashMap};

use crate::model::time::Time;

/// Whose a change is: account and principal, either of them empty where it is not told.
pub(super) type Who<'a> = (&'a str, &'a str);

/// The place of a change among those of one principal: its time, and the ARN.
type Place<'a> = (Time, &'a str);

/// A change that is held: whose, where among his, and how much room it takes.
pub(super) type Holding<'a> = (Who<'a>, Place<'a>, u64);

/// What everyone has asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Shares {
    limit: u64,
    accounts: BTreeMap<String, Account>,
    /// How many principals of an account are told apart.
    most: usize,
}

/// How many principals of an account are told apart: AWS allows a tenth of that.
const PRINCIPALS: usize = 1 << 16;

#[derive(Debug, Clone, Default)]
struct Account {
    asked: u64,
    principals: BTreeMap<String, Share>,
    /// Whether there were more than are told apart; then none is.
    overrun: bool,
    /// The first time of what this run has read.
    fresh: Option<Time>,
}

#[derive(Debug, Clone, Default)]
struct Share {
    /// The room for all that ever came, held or not.
    asked: u64,
    /// The last place that is not held: neither is what comes before it.
    cut: Option<(Time, String)>,
    /// Likewise.
    fresh: Option<Time>,
}

impl Shares {
    /// Shares of so much room.
    pub fn new(limit: u64) -> Shares {
        Shares { limit, accounts: BTreeMap::new(), most: PRINCIPALS }
    }

    /// Asks for room for a change; whether there is any. `fresh` if this run has read it, and not
    /// an earlier one.
    pub fn ask(&mut self, (who, place, room): Holding<'_>, fresh: bool) -> bool {
        let fresh = fresh.then_some(place.0);
        self.add(who, Share { asked: room, cut: None, fresh });
        self.holds(who, place)
    }

    /// Adds what a principal has asked for.
    fn add(&mut self, (account, principal): Who<'_>, more: Share) {
        if !self.accounts.contains_key(account) {
            self.accounts.insert(account.to_owned(), Account::default());
        }
        let Some(account) = self.accounts.get_mut(account) else { return };
        account.asked += more.asked;
        account.fresh = [account.fresh, more.fresh].into_iter().flatten().min();
        if account.overrun {
            return;
        }
        match account.principals.get_mut(principal) {
            Some(share) => share.merge(more),
            None => {
                account.principals.insert(principal.to_owned(), more);
            }
        }
        if account.principals.len() > self.most {
            account.overrun = true;
            account.principals.clear();
        }
    }

    /// Whether a change is held.
    pub fn holds(&self, (account, principal): Who<'_>, place: Place<'_>) -> bool {
        let Some(account) = self.accounts.get(account) else { return true };
        let share = account.principals.get(principal);
        !account.overrun && share.is_none_or(|share| share.holds(place))
    }

    /// Adds what others have asked for.
    pub fn merge(&mut self, other: Shares) {
        for (account, of) in other.accounts {
            if of.overrun {
                let own = self.accounts.entry(account).or_default();
                own.asked += of.asked;
                own.fresh = [own.fresh, of.fresh].into_iter().flatten().min();
                own.overrun = true;
                own.principals.clear();
                continue;
            }
            for (principal, theirs) in of.principals {
                self.add((&account, &principal), theirs);
            }
        }
    }

    /// Takes room from those who have the most, until what is held fits; whether anybody gives way.
    pub fn fit<'a>(&mut self, held: impl Iterator<Item = Holding<'a>>) -> bool {
        let most = self.most();
        let mut of: HashMap<Who<'a>, Vec<(Place<'a>, u64)>> = HashMap::new();
        for ((account, principal), place, room) in held {
            if most.get(account).is_some_and(|of| of.contains_key(principal)) {
                of.entry((account, principal)).or_default().push((place, room));
            }
        }
        for ((account, principal), mut places) in of {
            let Some(most) = most.get(account).and_then(|of| of.get(principal)) else { continue };
            places.sort_unstable_by(|a, b| b.0.cmp(&a.0));
            let mut room = *most;
            let full = places.chunk_by(|a, b| a.0 == b.0).find(|same| {
                let left = room.checked_sub(same.iter().map(|(_, room)| *room).sum());
                room = left.unwrap_or(room);
                left.is_none()
            });
            let cut = full.and_then(|same| same.first()).map(|((time, arn), _)| (*time, *arn));
            let account = self.accounts.get_mut(account);
            let share = account.and_then(|account| account.principals.get_mut(principal));
            if let (Some((time, arn)), Some(share)) = (cut, share) {
                share.cut = share.cut.take().max(Some((time, arn.to_owned())));
            }
        }
        self.cuts().next().is_some() || self.accounts.values().any(|account| account.overrun)
    }

    /// The most that each of those may hold who must give way.
    fn most(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        let of_account = level(self.accounts.values().map(|account| account.asked), self.limit);
        let full = self.accounts.iter().filter(|(_, account)| account.asked > of_account);
        full.map(|(name, account)| {
            let asked = account.principals.values().map(|share| share.asked);
            let most = level(asked, of_account);
            let full = account.principals.iter().filter(|(_, share)| share.asked > most);
            (name.clone(), full.map(|(name, _)| (name.clone(), most)).collect())
        })
        .collect()
    }

    fn cuts(&self) -> impl Iterator<Item = (Who<'_>, &Share, Time)> {
        let all = self.accounts.iter().flat_map(|(account, of)| {
            let shares = of.principals.iter();
            shares.map(move |(principal, share)| ((account.as_str(), principal.as_str()), share))
        });
        all.filter_map(|(who, share)| Some((who, share, share.cut.as_ref()?.0)))
    }

    /// Those of whom something is not held that this run has read, by name.
    pub fn cut_short(&self) -> impl Iterator<Item = String> {
        let cuts = self.cuts().filter(|(_, share, cut)| share.fresh.is_some_and(|at| at <= *cut));
        let cut = cuts.map(|(who, ..)| match who {
            ("", "") => "services".to_owned(),
            (account, "") => format!("services in account {account}"),
            (_, principal) => principal.to_owned(),
        });
        let overrun = self.accounts.iter().filter(|(_, of)| of.overrun && of.fresh.is_some());
        let most = self.most;
        cut.chain(overrun.map(move |(account, _)| {
            format!("more than {most} principals of account {account:?}, all of which are left out")
        }))
    }
}

impl Share {
    /// Adds what was asked for under the same name.
    fn merge(&mut self, other: Share) {
        self.asked += other.asked;
        self.cut = self.cut.take().max(other.cut);
        self.fresh = [self.fresh, other.fresh].into_iter().flatten().min();
    }

    fn holds(&self, (time, arn): Place<'_>) -> bool {
        self.cut.as_ref().is_none_or(|(cut, of)| (time, arn) > (*cut, of.as_str()))
    }
}

/// How much each may have at most, so that what all have fits; whoever asked for less has it.
fn level(asked: impl Iterator<Item = u64>, mut room: u64) -> u64 {
    let mut asked: Vec<u64> = asked.collect();
    asked.sort_unstable();
    let count = asked.len() as u64;
    for (left, asked) in (1..=count).rev().zip(asked) {
        let most = room / left;
        if asked > most {
            return most.max(1);
        }
        room -= asked;
    }
    u64::MAX
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whoever_has_the_most_gives_way() {
        assert_eq!(level([5, 1, 30, 20].into_iter(), 60), u64::MAX);
        assert_eq!(level([5, 1, 30, 20].into_iter(), 40), 17);
        assert_eq!(level([5, 1, 30, 20].into_iter(), 4), 1);
        assert_eq!(level([9, 9].into_iter(), 0), 1);
    }

    /// Account, principal, time, room.
    type Change = (u8, u8, u8, u8);

    /// What is held in the end of changes that come in this order, in two parts.
    fn held(changes: &[Change], (split, most): (usize, usize)) -> (Vec<Change>, Vec<String>) {
        let names = ["a", "b", "c", "d", "e", "f"];
        let holding = |&(account, principal, time, room): &Change| {
            let who = (names[account as usize % 3], names[principal as usize % 6]);
            (who, (Time(time.into()), names[room as usize % 6]), u64::from(room))
        };
        let new = || Shares { most, ..Shares::new(40) };
        let mut all = new();
        let mut kept = Vec::new();
        for part in [&changes[..split], &changes[split..]] {
            let mut shares = new();
            let mut held: Vec<&Change> = Vec::new();
            for change in part {
                if shares.ask(holding(change), true) {
                    held.push(change);
                }
                if held.len().is_multiple_of(5) && shares.fit(held.iter().map(|c| holding(c))) {
                    held.retain(|c| shares.holds(holding(c).0, holding(c).1));
                }
            }
            all.merge(shares);
            kept.extend(held.into_iter().copied());
        }
        all.fit(kept.iter().map(holding));
        kept.retain(|change| all.holds(holding(change).0, holding(change).1));
        kept.sort_unstable();
        (kept, all.cut_short().collect())
    }

    proptest! {
        #[test]
        fn who_holds_what_does_not_depend_on_the_order(
            changes in prop::collection::vec((0..3u8, 0..6u8, 0..9u8, 1..6u8), 0..60),
            seed in any::<u64>(), split in 0..60usize, most in 1..8usize,
        ) {
            let mut other = changes.clone();
            other.sort_by_key(|c| (u64::from(c.0) * 7 + u64::from(c.2)).wrapping_mul(seed | 1));
            let one = held(&changes, (changes.len(), most));
            prop_assert_eq!(&one, &held(&other, (split.min(other.len()), most)));
            prop_assert!(one.0.iter().map(|change| u64::from(change.3)).sum::<u64>() <= 40);
        }
    }

    #[test]
    fn an_account_with_too_many_principals_holds_nothing_and_is_named() {
        let mut shares = Shares { most: 2, ..Shares::new(100) };
        let ask = |shares: &mut Shares, account: &str, principal: &str| {
            shares.ask(((account, principal), (Time(1), "arn"), 1), true)
        };
        assert!(ask(&mut shares, "1", "a") && ask(&mut shares, "1", "b"));
        assert!(ask(&mut shares, "2", "c"));
        assert!(!ask(&mut shares, "1", "d") && !ask(&mut shares, "1", "a"));
        assert!(shares.fit(std::iter::empty()));
        assert!(shares.holds(("2", "c"), (Time(1), "arn")));
        let named: Vec<String> = shares.cut_short().collect();
        let expected = "more than 2 principals of account \"1\", all of which are left out";
        assert_eq!(named, [expected]);
    }
}
