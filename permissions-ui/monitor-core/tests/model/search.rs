// SPDX-License-Identifier: GPL-3.0-or-later
//! The search: breadth first, so that the way to a broken promise is a shortest one.

use crate::step::{Left, Step};
use crate::world::World;
use cofferdam_policy::Answer;
use std::collections::HashSet;

/// The lives that are looked through: who may do what how often, and how many steps deep.
const ONCE: Left = Left {
    asks: [2, 1],
    orders: 1,
    hours: 1,
    lates: 1,
    longs: 1,
    monitor_crashes: 1,
    net_breaks: 1,
    vm_ends: 1,
    screen_crashes: 1,
};

/// How many steps are looked at from each beginning.
const DEPTHS: [usize; 4] = [5, 6, 6, 5];

/// A way to a state that is not known yet.
struct Found {
    digest: u128,
    way: Vec<Step>,
    next: Vec<Step>,
    seen: (bool, bool, bool),
    broken: Option<String>,
}

fn walk(left: Left, way: Vec<Step>) -> Found {
    let mut world = World::new(left);
    for step in &way {
        world.take(*step);
    }
    Found { digest: world.digest(), next: world.steps(), seen: world.seen(), broken: world.broken(), way }
}

/// All states at most `depth` steps away: how many, and how many of them are of interest.
#[expect(clippy::disallowed_methods, reason = "searches on all cores")]
fn explore(left: Left, begin: &[Step], depth: usize) -> [usize; 4] {
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(4);
    let first = walk(left, begin.to_vec());
    assert_eq!(first.broken, None);
    let mut known = HashSet::from([first.digest]);
    let mut frontier = vec![first];
    let mut counts = [1, 0, 0, 0];
    for _ in 0..depth {
        let ways: Vec<Vec<Step>> = frontier
            .iter()
            .flat_map(|found| found.next.iter().map(|step| [found.way.as_slice(), &[*step]].concat()))
            .collect();
        let share = ways.len().div_ceil(threads).max(1);
        let walked: Vec<Vec<Found>> = std::thread::scope(|scope| {
            let walkers: Vec<_> = ways
                .chunks(share)
                .map(|chunk| scope.spawn(|| chunk.iter().map(|way| walk(left, way.clone())).collect()))
                .collect();
            walkers.into_iter().map(|walker| walker.join().unwrap()).collect()
        });
        frontier.clear();
        for found in walked.into_iter().flatten() {
            assert_eq!(found.broken, None, "after {:?}", found.way);
            if known.insert(found.digest) {
                counts[0] += 1;
                for (count, seen) in counts[1..].iter_mut().zip(<[bool; 3]>::from(found.seen)) {
                    *count += usize::from(seen);
                }
                frontier.push(found);
            }
        }
    }
    counts
}

/// Where lives begin: with nothing; with a question on the screen; with both points letting something through,
/// for an hour and until the app is closed; with one use that goes on.
fn beginnings() -> [(&'static [Step], usize); 4] {
    use Step::{AskNet, AskPaste, ReadNet, ReadScreen, Say};
    const ASKED: &[Step] = &[AskNet, ReadScreen];
    const OPEN: &[Step] = &[
        AskNet,
        ReadScreen,
        Say(Answer::Hour),
        ReadNet,
        AskPaste,
        ReadScreen,
        Say(Answer::UntilClosed),
        ReadScreen,
    ];
    const ONE_USE: &[Step] = &[AskNet, ReadScreen, Say(Answer::ThisTime), ReadNet];
    [(&[], DEPTHS[0]), (ASKED, DEPTHS[1]), (OPEN, DEPTHS[2]), (ONE_USE, DEPTHS[3])]
}

#[test]
fn nothing_lives_that_the_ledger_does_not_allow() {
    for (begin, depth) in beginnings() {
        let [states, live, acknowledged, waiting] = explore(ONCE, begin, depth);
        println!(
            "{depth} steps from {begin:?}: {states} states, {live} with something alive, {acknowledged} after a \
             revocation, {waiting} while one waits"
        );
        assert!(states > 1_000 && acknowledged > 100 && waiting > 100, "the search sees too little");
        assert!(begin.is_empty() || live > 100, "the search sees too little");
    }
}
