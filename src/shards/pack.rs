//! Accounts to buckets, when all are found.
//!
//! The facts of one bucket are concluded together, so that a bucket should fit one machine. The largest
//! account goes first, and each into the bucket that has the least. What must stay true: equal sizes give
//! equal buckets.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::cut::{Account, Tally};

/// Bytes that a bucket has at most where nobody says how many there are, unless one account has more
/// (64 GiB).
const BUCKET_BYTES: u64 = 64 << 30;

/// The bucket of each account, and how many buckets there are.
pub(super) fn pack(
    tallies: &BTreeMap<Account, Tally>,
    wanted: Option<u64>,
) -> (u64, BTreeMap<Account, u64>) {
    let mut largest: Vec<(&Account, u64)> =
        tallies.iter().map(|(account, tally)| (account, tally.bytes)).collect();
    largest.sort_by_key(|(_, bytes)| Reverse(*bytes));
    let total = largest.iter().fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
    let mut count = wanted.unwrap_or(total.div_ceil(BUCKET_BYTES)).max(1);
    loop {
        let (packed, fullest) = into(count, &largest);
        // No more than one account each helps nobody.
        let is_well = wanted.is_some() || fullest <= BUCKET_BYTES || count >= largest.len() as u64;
        if is_well {
            return (count, packed);
        }
        count += count.div_ceil(32);
    }
}

/// Packs into so many buckets; also the most that one has beside its largest account.
fn into(count: u64, largest: &[(&Account, u64)]) -> (BTreeMap<Account, u64>, u64) {
    let mut least: BinaryHeap<Reverse<(u64, u64)>> =
        (0..count.min(largest.len() as u64)).map(|bucket| Reverse((0, bucket))).collect();
    let (mut packed, mut fullest) = (BTreeMap::new(), 0);
    for (account, bytes) in largest {
        let Some(Reverse((had, bucket))) = least.pop() else { break };
        packed.insert((*account).clone(), bucket);
        let has = had.saturating_add(*bytes);
        if had > 0 {
            fullest = fullest.max(has);
        }
        least.push(Reverse((has, bucket)));
    }
    (packed, fullest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tallies(bytes: &[u64]) -> BTreeMap<Account, Tally> {
        let of = |(n, bytes): (usize, &u64)| {
            (Some(format!("{n:012}").into()), Tally { bytes: *bytes, ..Tally::default() })
        };
        bytes.iter().enumerate().map(of).collect()
    }

    /// The bytes of each bucket.
    fn sizes(bytes: &[u64], wanted: Option<u64>) -> Vec<u64> {
        let tallies = tallies(bytes);
        let (count, packed) = pack(&tallies, wanted);
        assert_eq!(packed.len(), bytes.len());
        let mut sizes = vec![0; count as usize];
        packed.iter().for_each(|(a, bucket)| sizes[*bucket as usize] += tallies[a].bytes);
        sizes
    }

    #[test]
    fn the_largest_goes_first_and_into_the_emptiest() {
        assert_eq!(sizes(&[5, 9, 4, 3, 3], Some(2)), [12, 12]);
        assert_eq!(sizes(&[7, 1], Some(4)), [7, 1, 0, 0]);
        assert_eq!(sizes(&[0, 0, 0], None), [0]);
        assert_eq!(sizes(&[], None), [0]);
    }

    #[test]
    fn a_bucket_has_no_more_than_fits() {
        const G: u64 = 1 << 30;
        let many: Vec<u64> = (0..1_000).map(|n| (n % 40) * G).collect();
        let all = sizes(&many, None);
        assert!(all.iter().all(|bytes| *bytes <= BUCKET_BYTES), "{all:?}");
        let least = many.iter().sum::<u64>() / BUCKET_BYTES;
        assert!((all.len() as u64) < least + least / 5, "{} of {least}", all.len());
        // One account may have more.
        assert_eq!(sizes(&[100 * G, G], None), [100 * G, G]);
    }

    #[test]
    fn a_hundred_thousand_accounts_are_packed() {
        let many: Vec<u64> =
            (0..100_000).map(|n: u64| n.wrapping_mul(0x9e37_79b9) % 1_000).collect();
        let all = sizes(&many, Some(64));
        let (least, most) = (all.iter().min().unwrap(), all.iter().max().unwrap());
        assert!(most - least < 1_000);
    }
}
