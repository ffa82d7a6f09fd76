// SPDX-License-Identifier: GPL-3.0-or-later
//! The core's ledger on disk. In: events. Out: the promise that they are there, and a smaller ledger now
//! and then.

use cofferdam_ledger::{Ledger, LedgerError};
use cofferdam_monitor_core::{Core, Journal, NotWritten};
use cofferdam_policy::{Event, Millis};
use std::cell::RefCell;
use std::rc::Rc;

/// What happened longer ago than this is forgotten, unless it still matters.
const KEEP: u64 = 30 * Millis::DAY;
/// The ledger is made smaller this often…
const EVERY: u64 = Millis::DAY;
/// …and at a start only if it is larger than this, in bytes.
const LARGE: u64 = 4 << 20;

/// The ledger, shared between the core, which writes, and the daemon, which makes it smaller.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    ledger: Rc<RefCell<Ledger<Event>>>,
}

impl Disk {
    pub(super) fn new(ledger: Ledger<Event>) -> Self {
        Self { ledger: Rc::new(RefCell::new(ledger)) }
    }

    /// What keeps it from being written for good, if anything does.
    pub(super) fn check(&self) -> Result<(), LedgerError> {
        self.ledger.borrow().check()
    }

    /// Makes it smaller if that is due; `made_at` is when that was last done.
    pub(super) fn compact(&self, core: &mut Core, made_at: &mut u64) {
        let now = core.now();
        let size = self.ledger.borrow().size();
        if now.0 < made_at.saturating_add(EVERY) || size < LARGE {
            return;
        }
        // One attempt a day, whatever comes of it.
        *made_at = now.0;
        let since = Millis(now.0.saturating_sub(KEEP));
        if let Err(error) = self.rewrite(core, now, since) {
            return tracing::warn!(%error, "the ledger stays as large as it is");
        }
        core.compacted(since);
    }

    fn rewrite(&self, core: &Core, now: Millis, since: Millis) -> Result<(), LedgerError> {
        let mut ledger = self.ledger.borrow_mut();
        if let Some(reminder) = core.reminder() {
            ledger.append(now.0, &[reminder])?;
        }
        let done = ledger.compact(now.0, |entry| {
            core.keeps(Millis(entry.at), &entry.event, since).then_some(entry.event)
        })?;
        tracing::info!(kept = done.kept, dropped = done.dropped, bytes = done.after, "ledger compacted");
        Ok(())
    }
}

impl Journal for Disk {
    fn append(&mut self, at: Millis, events: &[Event]) -> Result<u64, NotWritten> {
        self.ledger.borrow_mut().append(at.0, events).map_err(|error| {
            tracing::error!(%error, "nothing new is allowed");
            NotWritten
        })
    }
}
