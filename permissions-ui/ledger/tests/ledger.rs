// SPDX-License-Identifier: GPL-3.0-or-later
//! The ledger and its file.
//!
//! In: batches, then the file cut, changed or rewritten in every way there is. Out: what was committed,
//! and never anything else.

#![allow(clippy::unwrap_used)] // a test says with it what went wrong

use cofferdam_ledger::{Entry, Flaw, Ledger, LedgerError, Scan, scan};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Event {
    Granted(u32),
    Used { by: String, bytes: u64 },
    Ended,
}

fn batches() -> Vec<Vec<Event>> {
    let used = |n: u64| Event::Used { by: "imap.example.org".to_owned(), bytes: n << 40 };
    vec![
        vec![Event::Granted(1)],
        vec![used(1), Event::Granted(2), Event::Ended],
        vec![used(2)],
        vec![Event::Ended, used(3)],
        vec![Event::Granted(3); 9],
    ]
}

fn file(dir: &Path) -> PathBuf {
    dir.join("ledger")
}

fn open(dir: &Path) -> (Ledger<Event>, Vec<Entry<Event>>) {
    let (ledger, entries, report) = Ledger::open(dir).unwrap();
    assert_eq!(report.damage, None);
    (ledger, entries)
}

/// Writes all batches; gives back the file's size after each, from the empty one on.
fn write(dir: &Path) -> Vec<u64> {
    let (mut ledger, _) = open(dir);
    let mut sizes = vec![ledger.size()];
    for (at, batch) in (100..).zip(batches()) {
        ledger.append(at, &batch).unwrap();
        sizes.push(ledger.size());
    }
    sizes
}

/// What the first `count` batches add up to.
fn expected(count: usize) -> Vec<Entry<Event>> {
    let timed = (100..).zip(batches()).take(count);
    let events = timed.flat_map(|(at, batch)| batch.into_iter().map(move |event| (at, event)));
    (1..).zip(events).map(|(seq, (at, event))| Entry { seq, at, event }).collect()
}

#[test]
fn what_was_appended_is_there_again_however_often_it_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    for _ in 0..3 {
        let before = std::fs::read(file(dir.path())).unwrap();
        let (ledger, entries) = open(dir.path());
        assert_eq!(entries, expected(5));
        assert_eq!(ledger.next_seq(), 17);
        assert_eq!(std::fs::read(file(dir.path())).unwrap(), before);
    }
}

#[test]
fn every_prefix_of_the_file_is_a_committed_state() {
    let dir = tempfile::tempdir().unwrap();
    let sizes = write(dir.path());
    let whole = std::fs::read(file(dir.path())).unwrap();
    for len in 0..=whole.len() {
        let result: Scan<Event> = scan(&whole[..len]);
        match sizes.iter().rposition(|size| *size <= len as u64) {
            // The header was on the disk before the file had its name, so this was no crash.
            None => assert_eq!(result.damage.map(|d| (d.flaw, d.after)), Some((Flaw::NoHeader, 0))),
            Some(count) => {
                assert_eq!(result.entries, expected(count), "{len} bytes");
                assert_eq!((result.committed, result.damage), (sizes[count], None), "{len} bytes");
                assert_eq!(result.torn, len as u64 - sizes[count]);
            }
        }
    }
}

#[test]
fn a_torn_end_is_cut_off_and_the_next_batch_takes_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let sizes = write(dir.path());
    let whole = std::fs::read(file(dir.path())).unwrap();
    let nothing_written = |len: usize| [&whole[..usize::try_from(sizes[4]).unwrap()], &vec![0; len]].concat();
    let mut half_written = whole.clone();
    half_written.truncate(whole.len() - 20);
    half_written.extend([0; 20]);
    let cases = [whole[..whole.len() - 1].to_vec(), nothing_written(7), nothing_written(5000), half_written];
    for (n, bytes) in cases.into_iter().enumerate() {
        std::fs::write(file(dir.path()), &bytes).unwrap();
        let (mut ledger, entries, report) = Ledger::<Event>::open(dir.path()).unwrap();
        assert_eq!(entries, expected(4), "case {n}");
        assert_eq!((report.torn, report.damage), (bytes.len() as u64 - sizes[4], None), "case {n}");
        assert_eq!(std::fs::metadata(file(dir.path())).unwrap().len(), sizes[4]);
        ledger.append(104, &batches()[4]).unwrap();
        drop(ledger);
        assert_eq!(open(dir.path()).1, expected(5));
        assert_eq!(std::fs::read(file(dir.path())).unwrap(), whole);
    }
}

#[test]
fn one_changed_bit_is_found_and_what_stands_before_it_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let sizes = write(dir.path());
    let mut bytes = std::fs::read(file(dir.path())).unwrap();
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        let result: Scan<Event> = scan(&bytes);
        let before = sizes.iter().filter(|size| **size <= bit as u64 / 8).count();
        let damage = result.damage.unwrap_or_else(|| panic!("bit {bit} went unnoticed"));
        assert_eq!(result.entries, expected(before.saturating_sub(1)), "bit {bit}");
        assert_eq!(damage.offset, before.checked_sub(1).map_or(0, |n| sizes[n]), "bit {bit}");
        assert_eq!(result.torn, 0, "bit {bit}: nothing that was committed is taken for torn");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn records_taken_out_repeated_or_moved_break_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    let sizes = write(dir.path());
    let bytes = std::fs::read(file(dir.path())).unwrap();
    let cut: Vec<usize> = sizes.iter().map(|s| usize::try_from(*s).unwrap()).collect();
    let (head, record) = (&bytes[..cut[0]], |n: usize| &bytes[cut[n]..cut[n + 1]]);
    for order in [vec![0, 2, 3], vec![0, 0, 1], vec![1], vec![0, 1, 1], vec![0, 2, 1, 3, 4]] {
        let mut changed = head.to_vec();
        order.iter().for_each(|n| changed.extend(record(*n)));
        let right = order.iter().enumerate().take_while(|(at, n)| at == *n).count();
        let result: Scan<Event> = scan(&changed);
        assert_eq!(result.entries, expected(right), "{order:?}");
        assert_eq!(result.damage.map(|d| d.flaw), Some(Flaw::Head), "{order:?}");
    }
}

#[test]
fn a_damaged_ledger_is_read_only_and_its_file_stays_until_it_is_repaired() {
    let dir = tempfile::tempdir().unwrap();
    let sizes = write(dir.path());
    let mut bytes = std::fs::read(file(dir.path())).unwrap();
    bytes[usize::try_from(sizes[2]).unwrap() + 40] ^= 4;
    std::fs::write(file(dir.path()), &bytes).unwrap();
    for _ in 0..2 {
        let (mut ledger, entries, report) = Ledger::<Event>::open(dir.path()).unwrap();
        assert_eq!(entries, expected(2));
        let damage = report.damage.unwrap();
        assert_eq!((damage.offset, damage.after, damage.flaw), (sizes[2], 4, Flaw::Chain));
        assert!(matches!(ledger.append(9, &[Event::Ended]), Err(LedgerError::Damaged(d)) if d == damage));
        assert!(matches!(ledger.compact(9, |e| Some(e.event)), Err(LedgerError::Damaged(_))));
        assert_eq!(std::fs::read(file(dir.path())).unwrap(), bytes);
    }
    let (mut ledger, ..) = Ledger::<Event>::open(dir.path()).unwrap();
    let aside = ledger.repair(500, |e| (e.event != Event::Ended).then_some(e.event)).unwrap();
    assert_eq!(std::fs::read(&aside).unwrap(), bytes);
    assert!(matches!(ledger.repair(500, |e| Some(e.event)), Err(LedgerError::NotDamaged)));
    ledger.append(501, &[Event::Ended]).unwrap();
    drop(ledger);
    let (mut ledger, entries) = open(dir.path());
    assert_eq!(entries[..3], expected(2)[..3], "what was not kept is gone");
    assert_eq!(entries[3..], [Entry { seq: 5, at: 501, event: Event::Ended }]);
    // A second accident gets a name of its own.
    let size = std::fs::metadata(file(dir.path())).unwrap().len();
    let mut bytes = std::fs::read(file(dir.path())).unwrap();
    bytes[usize::try_from(size).unwrap() - 1] ^= 1;
    std::fs::write(file(dir.path()), &bytes).unwrap();
    assert!(matches!(ledger.entries(), Err(LedgerError::Damaged(_))));
    assert!(matches!(ledger.append(502, &[Event::Ended]), Err(LedgerError::Damaged(_))));
    assert_ne!(ledger.repair(503, |e| Some(e.event)).unwrap(), aside);
}

#[test]
fn compaction_keeps_numbers_times_and_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let (mut ledger, _) = open(dir.path());
    let last: [u8; 32] = *std::fs::read(file(dir.path())).unwrap().last_chunk().unwrap();
    let done = ledger
        .compact(900, |entry| match entry.event {
            Event::Used { by, .. } => Some(Event::Used { by, bytes: 0 }),
            Event::Granted(n) => Some(Event::Granted(n)),
            Event::Ended => None,
        })
        .unwrap();
    assert_eq!((done.kept, done.dropped, done.after), (14, 2, ledger.size()));
    assert!(done.after < done.before);
    let expected: Vec<_> = expected(5)
        .into_iter()
        .filter(|e| e.event != Event::Ended)
        .map(|mut e| {
            if let Event::Used { bytes, .. } = &mut e.event {
                *bytes = 0;
            }
            e
        })
        .collect();
    ledger.append(901, &[Event::Ended]).unwrap();
    drop(ledger);
    let bytes = std::fs::read(file(dir.path())).unwrap();
    assert_eq!(bytes[40..72], last, "the link to what was compacted");
    let (_, entries, report) = Ledger::<Event>::open(dir.path()).unwrap();
    assert_eq!((report.generation, report.made_at), (2, 900));
    assert_eq!(entries[..14], expected);
    assert_eq!(entries[14..], [Entry { seq: 17, at: 901, event: Event::Ended }]);
    // What compaction kept is one piece: a part of it would be a state that never was.
    let kept = usize::try_from(done.after).unwrap();
    for len in 0..kept {
        let result: Scan<Event> = scan(&bytes[..len]);
        let flaw = if len < 104 { Flaw::NoHeader } else { Flaw::Kept };
        assert_eq!(result.damage.map(|d| d.flaw), Some(flaw), "{len} bytes");
    }
    for len in kept..bytes.len() {
        let result: Scan<Event> = scan(&bytes[..len]);
        assert_eq!((result.damage, result.entries.len()), (None, 14), "{len} bytes");
    }
}

#[test]
fn an_empty_ledger_keeps_counting_after_compaction() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let (mut ledger, _) = open(dir.path());
    ledger.compact(1, |_| None).unwrap();
    assert_eq!(ledger.append(2, &[]).unwrap(), 17);
    drop(ledger);
    let (mut ledger, entries) = open(dir.path());
    assert_eq!(entries, []);
    assert_eq!(ledger.append(2, &[Event::Ended]).unwrap(), 17);
}

#[test]
fn two_monitors_can_not_have_it() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    assert!(matches!(Ledger::<Event>::open(dir.path()), Err(LedgerError::InUse(path)) if path == dir.path()));
    drop(first);
    open(dir.path());
}

#[test]
fn others_can_not_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("a/b");
    write(&place);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place), mode(&file(&place))), (0o700, 0o600));
}

#[test]
fn events_that_no_one_understands_any_more_are_damage() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let bytes = std::fs::read(file(dir.path())).unwrap();
    let result: Scan<bool> = scan(&bytes);
    assert_eq!(result.damage.map(|d| d.flaw), Some(Flaw::Payload));
}

#[test]
fn a_batch_that_is_too_long_is_refused_and_nothing_else_happens() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    let long = Event::Used { by: "x".repeat(cofferdam_ledger::MAX_BATCH), bytes: 0 };
    assert!(matches!(ledger.append(1, &[long]), Err(LedgerError::TooLong)));
    assert_eq!(ledger.append(1, &[Event::Ended]).unwrap(), 1);
}

/// What can happen to a ledger.
#[derive(Debug, Clone)]
enum Op {
    Append(Vec<Event>),
    Reopen,
    Tear(u8),
    Compact,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        any::<u32>().prop_map(Event::Granted),
        ("[a-z]{0,20}", any::<u64>()).prop_map(|(by, bytes)| Event::Used { by, bytes }),
        Just(Event::Ended),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => prop::collection::vec(event(), 0..4).prop_map(Op::Append),
        1 => Just(Op::Reopen),
        2 => any::<u8>().prop_map(Op::Tear),
        1 => Just(Op::Compact),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A list is all that a ledger is.
    #[test]
    fn it_is_a_list(ops in prop::collection::vec(op(), 1..24)) {
        let dir = tempfile::tempdir().unwrap();
        let (mut ledger, _) = open(dir.path());
        let mut model: Vec<Entry<Event>> = Vec::new();
        for (at, op) in (0..).zip(ops) {
            let next_seq = ledger.next_seq();
            match op {
                Op::Append(events) => {
                    prop_assert_eq!(ledger.append(at, &events).unwrap(), next_seq);
                    model.extend((next_seq..).zip(events).map(|(seq, event)| Entry { seq, at, event }));
                }
                Op::Compact => {
                    ledger.compact(at, |e| (e.event != Event::Ended).then_some(e.event)).unwrap();
                    model.retain(|e| e.event != Event::Ended);
                }
                // A crash leaves a part of a batch that nobody was told about.
                Op::Reopen | Op::Tear(_) => {
                    let whole = std::fs::read(file(dir.path())).unwrap();
                    if let Op::Tear(share) = op {
                        ledger.append(at, &[Event::Granted(7), Event::Ended]).unwrap();
                        let more = std::fs::read(file(dir.path())).unwrap();
                        let lost = (more.len() - whole.len() - 1) * usize::from(share) / 255;
                        drop(ledger);
                        std::fs::write(file(dir.path()), &more[..whole.len() + lost]).unwrap();
                    } else {
                        drop(ledger);
                    }
                    let (again, entries) = open(dir.path());
                    prop_assert_eq!(&entries, &model);
                    prop_assert_eq!(std::fs::read(file(dir.path())).unwrap(), whole);
                    prop_assert_eq!(again.next_seq(), next_seq);
                    ledger = again;
                }
            }
            prop_assert_eq!(&ledger.entries().unwrap(), &model);
        }
    }

    /// No bytes make the reader do anything but read.
    #[test]
    fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let result: Scan<Event> = scan(&bytes);
        prop_assert!(result.entries.is_empty());
        prop_assert!(result.damage.is_some());
    }
}
