// SPDX-License-Identifier: GPL-3.0-or-later
//! The process that is killed. In: a directory, and a byte on standard input for "go". Out: a ledger
//! that went through [`PLAN`], and a line on standard output for each step that was acknowledged.

use cofferdam_ledger::{Entry, Ledger, LedgerError};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use std::io::{Read as _, Write as _};
use std::path::Path;

/// What the worker records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) batch: u32,
    pub(crate) of: u32,
    pub(crate) text: String,
}

/// One step of the worker.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    Append(u32),
    /// Keeps the last event of each batch.
    Compact,
}

/// What the worker does, in this order.
pub(crate) const PLAN: [Step; 9] = [
    Step::Append(1),
    Step::Append(3),
    Step::Append(2),
    Step::Compact,
    Step::Append(1),
    Step::Append(5),
    Step::Compact,
    Step::Compact,
    Step::Append(2),
];

pub(crate) fn batch(number: usize, of: u32) -> Vec<Event> {
    let batch = u32::try_from(number).unwrap();
    (1..=of).map(|n| Event { batch, of, text: "x".repeat(usize::try_from(n * 37).unwrap()) }).collect()
}

/// What stands in the ledger after so many steps.
pub(crate) fn after(steps: usize) -> Vec<Entry<Event>> {
    let (mut entries, mut seq) = (Vec::new(), 1);
    for (number, step) in PLAN.iter().enumerate().take(steps) {
        match step {
            Step::Append(of) => {
                for event in batch(number, *of) {
                    entries.push(Entry { seq, at: number as u64, event });
                    seq += 1;
                }
            }
            Step::Compact => entries.retain(|e| last_of_batch(&e.event)),
        }
    }
    entries
}

fn last_of_batch(event: &Event) -> bool {
    event.text.len() == usize::try_from(event.of * 37).unwrap()
}

fn go() {
    std::io::stdin().read_exact(&mut [0]).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "says what it has done")]
fn done(step: usize) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{step}").and_then(|()| out.flush()).unwrap();
}

/// Goes through the plan; with a limit, until the kernel kills it in the middle of a write.
pub(crate) fn plan(dir: &Path, limit: Option<u64>) {
    go();
    if let Some(limit) = limit {
        limit_files(Some(limit));
    }
    let (mut ledger, entries, _) = Ledger::<Event>::open(dir).unwrap();
    assert_eq!(entries, []);
    for (number, step) in PLAN.iter().enumerate() {
        match step {
            Step::Append(of) => {
                ledger.append(number as u64, &batch(number, *of)).unwrap();
            }
            Step::Compact => {
                ledger.compact(number as u64, |e| last_of_batch(&e.event).then_some(e.event)).unwrap();
            }
        }
        done(number + 1);
    }
}

/// Sets the size that files may reach; none takes the limit back.
fn limit_files(limit: Option<u64>) {
    let mut now = getrlimit(Resource::Fsize);
    now.current = limit;
    setrlimit(Resource::Fsize, now).unwrap();
}

/// A disk that is full, and one with room again.
pub(crate) enum Disk {
    /// A file that takes room on a small file system.
    Ballast,
    /// A limit of the kernel, whose signal is ignored.
    Limit,
}

/// Writes until nothing more fits; then there is room again.
pub(crate) fn fill(dir: &Path, disk: &Disk) {
    let (ballast, place) = (dir.join("ballast"), dir.join("ledger"));
    let path = place.join("ledger");
    match disk {
        Disk::Ballast => std::fs::write(&ballast, vec![7; 80 << 10]).unwrap(),
        Disk::Limit => limit_files(Some(100_000)),
    }
    let (mut ledger, mut recorded, _) = Ledger::<Event>::open(&place).unwrap();
    let record = |ledger: &mut Ledger<Event>, recorded: &mut Vec<Entry<Event>>| {
        let events = batch(0, 9);
        let seq = ledger.append(1, &events)?;
        recorded.extend((seq..).zip(events).map(|(seq, event)| Entry { seq, at: 1, event }));
        Ok::<(), LedgerError>(())
    };
    let error = loop {
        if let Err(error) = record(&mut ledger, &mut recorded) {
            break error;
        }
    };
    assert!(matches!(error, LedgerError::NotWritten(_)), "{error}");
    assert!(recorded.len() > 9, "it was full from the start");
    for _ in 0..3 {
        assert!(matches!(record(&mut ledger, &mut recorded), Err(LedgerError::NotWritten(_))));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), ledger.size(), "cut back");
        assert_eq!(ledger.entries().unwrap(), recorded);
    }
    if let Disk::Ballast = disk {
        // There is no room for a second file; the first one stays the ledger.
        assert!(matches!(ledger.compact(2, |e| Some(e.event)), Err(LedgerError::NotWritten(_))));
        assert_eq!(ledger.entries().unwrap(), recorded);
        assert!(!place.join("ledger.new").exists());
    }
    match disk {
        Disk::Ballast => std::fs::remove_file(&ballast).unwrap(),
        Disk::Limit => limit_files(None),
    }
    record(&mut ledger, &mut recorded).unwrap();
    ledger.compact(3, |e| Some(e.event)).unwrap();
    record(&mut ledger, &mut recorded).unwrap();
    drop(ledger);
    let (_, entries, report) = Ledger::<Event>::open(&place).unwrap();
    assert_eq!(entries, recorded);
    assert_eq!((report.torn, report.damage), (0, None));
}
