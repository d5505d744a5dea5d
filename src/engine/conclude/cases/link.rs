//! Which findings belong together.
//!
//! 1. What one actor did without a break of more than [`BREAK`] belongs together. The actor of a finding
//!    is the one of its earliest event that has one.
//! 2. So do findings that are about one event of their actors.
//! 3. A chain shows what its actor did and whom it hit. A finding that is about an event of the latter
//!    belongs to the chain's case, and takes nothing else of its own actor along.
//!
//! What must stay true: a key or a resource never joins two actors, and nothing depends on the order of
//! findings but which of several chains a victim's finding goes to: the first in the report.

use std::collections::{HashMap, HashSet};

/// A day in microseconds: after a longer break something else begins.
pub const BREAK: i64 = 86_400_000_000;

/// A finding, or a case that earlier runs know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// When which actor did something, from the first time to the last.
    pub spans: Vec<(u64, i64, i64)>,
    /// Events of its own actor.
    pub own: Vec<u64>,
    /// Of a chain, the events of others.
    pub hit: Vec<u64>,
}

/// Which nodes belong together.
#[derive(Debug)]
pub struct Linking {
    /// The number of the case of each node: the smallest number of a node that was in it by the first
    /// two rules.
    pub cases: Vec<usize>,
    /// The nodes that a chain took.
    pub moved: HashSet<usize>,
}

/// Links nodes; those of each of `pairs` belong together as well.
pub fn link(nodes: &[Node], pairs: &[(usize, usize)]) -> Linking {
    let mut sets = Sets((0..nodes.len()).collect());
    by_actor(nodes, &mut sets);
    let mut of_event: HashMap<u64, Vec<usize>> = HashMap::new();
    for (number, node) in nodes.iter().enumerate() {
        for event in &node.own {
            let about = of_event.entry(*event).or_default();
            if let Some(first) = about.first() {
                sets.join(*first, number);
            }
            about.push(number);
        }
    }
    pairs.iter().for_each(|(one, other)| sets.join(*one, *other));
    let mut cases: Vec<usize> = (0..nodes.len()).map(|number| sets.first(number)).collect();
    let mut moved: HashMap<usize, usize> = HashMap::new();
    for (number, node) in nodes.iter().enumerate() {
        let about = |event| of_event.get(event).into_iter().flatten();
        for victim in node.hit.iter().flat_map(about).filter(|at| nodes[**at].hit.is_empty()) {
            moved.entry(*victim).or_insert(cases[number]);
        }
    }
    moved.iter().for_each(|(victim, case)| cases[*victim] = *case);
    Linking { cases, moved: moved.into_keys().collect() }
}

/// Joins what one actor did without a break.
fn by_actor(nodes: &[Node], sets: &mut Sets) {
    let of_node = |(number, node): (usize, &Node)| {
        let span = move |(actor, first, last): &(u64, i64, i64)| (*actor, *first, *last, number);
        node.spans.iter().map(span).collect::<Vec<_>>()
    };
    let mut spans: Vec<(u64, i64, i64, usize)> =
        nodes.iter().enumerate().flat_map(of_node).collect();
    spans.sort_unstable();
    // The latest end so far, of this actor, and who had it.
    let mut open: Option<(u64, i64, usize)> = None;
    for (actor, first, last, number) in spans {
        match &mut open {
            Some((of, end, by)) if *of == actor && first.saturating_sub(*end) <= BREAK => {
                sets.join(*by, number);
                if last > *end {
                    (*end, *by) = (last, number);
                }
            }
            _ => open = Some((actor, last, number)),
        }
    }
}

/// Sets of numbers, each known by its smallest.
struct Sets(Vec<usize>);

impl Sets {
    fn first(&mut self, number: usize) -> usize {
        let mut first = number;
        while self.0[first] != first {
            // Halves the way for whoever asks next.
            self.0[first] = self.0[self.0[first]];
            first = self.0[first];
        }
        first
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.first(one), self.first(other));
        self.0[one.max(other)] = one.min(other);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The same, pair by pair, until nothing changes any more.
    fn plainly(nodes: &[Node]) -> Vec<usize> {
        let near = |one: &Node, other: &Node| {
            one.spans.iter().any(|(a, from, to)| {
                other
                    .spans
                    .iter()
                    .any(|(b, first, last)| a == b && *first <= to + BREAK && *from <= last + BREAK)
            })
        };
        let meet = |one: &[u64], other: &[u64]| one.iter().any(|event| other.contains(event));
        let mut cases: Vec<usize> = (0..nodes.len()).collect();
        loop {
            let before = cases.clone();
            for (i, one) in nodes.iter().enumerate() {
                for (j, other) in nodes.iter().enumerate() {
                    if near(one, other) || meet(&one.own, &other.own) {
                        cases[j] = cases[j].min(cases[i]);
                    }
                }
            }
            if cases == before {
                break;
            }
        }
        let linked = cases.clone();
        for (j, victim) in nodes.iter().enumerate().filter(|(_, node)| node.hit.is_empty()) {
            let chain = nodes.iter().position(|chain| meet(&chain.hit, &victim.own));
            if let Some(chain) = chain {
                cases[j] = linked[chain];
            }
        }
        cases
    }

    fn node() -> impl Strategy<Value = Node> {
        let span = (0..4u64, 0..400i64, 0..3i64)
            .prop_map(|(actor, from, long)| (actor, from * BREAK / 24, (from + long) * BREAK / 24));
        (
            prop::collection::vec(span, 0..3),
            prop::collection::vec(0..40u64, 0..3),
            prop::collection::vec(0..40u64, 0..2),
        )
            .prop_map(|(spans, own, hit)| Node { spans, own, hit })
    }

    proptest! {
        #[test]
        fn as_pair_by_pair(nodes in prop::collection::vec(node(), 0..25)) {
            prop_assert_eq!(link(&nodes, &[]).cases, plainly(&nodes));
        }

        /// What belongs together does, however the nodes are put in order; chains aside.
        #[test]
        fn in_any_order(nodes in prop::collection::vec(node(), 1..25), turn in 0..25usize) {
            let mut nodes = nodes;
            nodes.iter_mut().for_each(|node| node.hit.clear());
            let together = |nodes: &[Node], at: &dyn Fn(usize) -> usize| -> BTreeSet<BTreeSet<usize>> {
                let cases = link(nodes, &[]).cases;
                let of = |case: usize| (0..nodes.len()).filter(|n| cases[*n] == case).map(at).collect();
                cases.iter().map(|case| of(*case)).collect()
            };
            let turn = turn % nodes.len();
            let straight = together(&nodes, &|n| n);
            nodes.rotate_left(turn);
            let len = nodes.len();
            prop_assert_eq!(together(&nodes, &|n| (n + turn) % len), straight);
        }
    }

    #[test]
    fn one_actor_is_one_case_until_a_day_passes_without_a_sign() {
        let at = |hour: i64| Node {
            spans: vec![(1, hour * BREAK / 24, hour * BREAK / 24)],
            ..Node::default()
        };
        assert_eq!(link(&[at(0), at(24), at(48), at(73)], &[]).cases, [0, 0, 0, 3]);
    }

    #[test]
    fn a_chain_takes_the_findings_of_whom_it_hit_and_nothing_else_of_them() {
        let of = |actor, hour: i64, own: &[u64]| Node {
            spans: vec![(actor, hour * BREAK / 24, hour * BREAK / 24)],
            own: own.to_vec(),
            ..Node::default()
        };
        let chain = Node { hit: vec![7], ..of(1, 0, &[1]) };
        let hit = of(2, 1, &[7]);
        let usual = of(2, 2, &[8]);
        assert_eq!(link(&[chain, hit, usual], &[]).cases, [0, 0, 1]);
    }

    #[test]
    fn a_known_case_goes_on_for_a_finding_that_is_known_too() {
        let known = Node { spans: vec![(1, 0, 0)], ..Node::default() };
        let later = Node { spans: vec![(1, 9 * BREAK, 9 * BREAK)], ..Node::default() };
        assert_eq!(link(&[later.clone(), known.clone()], &[]).cases, [0, 1]);
        assert_eq!(link(&[later, known], &[(0, 1)]).cases, [0, 0]);
    }
}
