// SPDX-License-Identifier: GPL-3.0-or-later
//! The book: the state of policy together with the ledger it is made from. In: events. Out: decisions that
//! rest on nothing but what is written, and the lines of the log.
//!
//! What gives something away is written first or does not happen. What takes something away happens even
//! if it can't be written.

use cofferdam_ids::VmId;
use cofferdam_policy::{
    AdminRules, Decision, Event, Explanation, Grant, GrantId, Millis, Refusal, Resource, State,
};
use std::collections::VecDeque;

/// Lines that can be searched; older ones stay in the ledger only.
const MAX_LINES: usize = 50_000;
/// Events that may wait until the ledger can be written again; with more nothing is ever given any more.
const MAX_OWED: usize = 10_000;
/// After a failure the ledger is tried again this often, in milliseconds.
const RETRY: u64 = 1_000;

/// Where events are written. Durable when it returns.
pub trait Journal {
    /// Writes a batch, as a whole or not at all. Gives back the number of its first event.
    ///
    /// # Errors
    /// If nothing was written.
    fn append(&mut self, at: Millis, events: &[Event]) -> Result<u64, NotWritten>;
}

/// Nothing was written. The shell has said why in its own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ledger can't be written")]
pub struct NotWritten;

/// An event of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub seq: u64,
    /// When.
    pub at: Millis,
    /// The VM it is about; events about grants don't say it themselves.
    pub vm: Option<VmId>,
    /// What happened.
    pub event: Event,
    /// The grant that a revocation ended.
    pub ended: Option<Grant>,
}

/// State and ledger.
pub(crate) struct Book {
    state: State,
    journal: Box<dyn Journal>,
    lines: VecDeque<Line>,
    failed_at: Option<u64>,
    /// What holds although it could not be written.
    owed: Vec<(Event, Option<Grant>)>,
    mono: u64,
    now: Millis,
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Book").field("lines", &self.lines.len()).field("failed_at", &self.failed_at).finish()
    }
}

/// The VM that an event names.
fn named(event: &Event) -> Option<&VmId> {
    match event {
        Event::Registered { vm, .. }
        | Event::Closed { vm, .. }
        | Event::Asked { vm, .. }
        | Event::Answered { vm, .. }
        | Event::LevelSet { vm, .. }
        | Event::Used { vm, .. }
        | Event::Refused { vm, .. }
        | Event::Silenced { vm, .. }
        | Event::TakenBack { vm, .. } => Some(vm),
        Event::Granted(grant) => Some(&grant.vm),
        Event::Revoked { .. } => None,
    }
}

/// Whether the state would be another one without it.
const fn matters(event: &Event) -> bool {
    !matches!(
        event,
        Event::Asked { .. } | Event::Answered { .. } | Event::Refused { .. } | Event::TakenBack { .. }
    )
}

/// Whether guests bring it about, as often as they like.
const fn is_a_guests(event: &Event) -> bool {
    matches!(event, Event::Used { .. } | Event::Silenced { .. })
}

impl Book {
    pub(crate) fn new(journal: Box<dyn Journal>) -> Self {
        Self {
            state: State::new(),
            journal,
            lines: VecDeque::new(),
            failed_at: None,
            owed: Vec::new(),
            mono: 0,
            now: Millis(0),
        }
    }

    pub(crate) fn set_time(&mut self, now: Millis, mono: u64) {
        (self.now, self.mono) = (self.now.max(now), self.mono.max(mono));
    }

    pub(crate) const fn now(&self) -> Millis {
        self.now
    }

    pub(crate) const fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn set_admin(&mut self, rules: AdminRules) {
        self.state.set_admin(rules);
    }

    /// Takes up an event that is in the ledger. Whether it made sense.
    pub(crate) fn replay(&mut self, seq: u64, at: Millis, event: Event) -> bool {
        self.now = self.now.max(at);
        let ended = self.ended_by(&event);
        let sense = self.state.apply(at, &event).is_ok();
        self.line(seq, at, event, ended);
        sense
    }

    /// The grant that an event is about to end.
    fn ended_by(&self, event: &Event) -> Option<Grant> {
        match event {
            Event::Revoked { grant, .. } => self.state.grant(*grant).cloned(),
            _ => None,
        }
    }

    fn line(&mut self, seq: u64, at: Millis, event: Event, ended: Option<Grant>) {
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        let vm = named(&event).or(ended.as_ref().map(|g| &g.vm)).cloned();
        self.lines.push_back(Line { seq, at, vm, event, ended });
    }

    /// Writes what could not be written before. Nothing is given while something is owed.
    fn pay(&mut self) -> Result<(), NotWritten> {
        // A monitor that forgot what it owes must not give anything any more.
        if self.owed.len() > MAX_OWED {
            return Err(NotWritten);
        }
        if self.owed.is_empty() {
            return Ok(());
        }
        let events: Vec<Event> = self.owed.iter().map(|(event, _)| event.clone()).collect();
        let first = self.append(&events)?;
        for (seq, (event, ended)) in (first..).zip(std::mem::take(&mut self.owed)) {
            self.line(seq, self.now, event, ended);
        }
        Ok(())
    }

    fn append(&mut self, events: &[Event]) -> Result<u64, NotWritten> {
        let written = self.journal.append(self.now, events);
        self.failed_at = written.is_err().then_some(self.mono);
        written
    }

    /// Writes events that give something, or that merely happened; they hold from now on.
    pub(crate) fn give(&mut self, events: Vec<Event>) -> Result<(), NotWritten> {
        // Once it failed it is not tried at each question, or a full disk would be hit at each packet.
        if self.retry_at().is_some_and(|at| self.mono < at) {
            return Err(NotWritten);
        }
        self.pay()?;
        let first = self.append(&events)?;
        for (seq, event) in (first..).zip(events) {
            self.replay(seq, self.now, event);
        }
        Ok(())
    }

    /// Writes events that take something away, or that happened and can't be undone. They hold even if they
    /// can't be written; then they are owed to the ledger.
    pub(crate) fn take(&mut self, events: Vec<Event>) -> Result<(), NotWritten> {
        let written = self.pay().and_then(|()| self.append(&events));
        match written {
            Ok(first) => {
                for (seq, event) in (first..).zip(events) {
                    self.replay(seq, self.now, event);
                }
                Ok(())
            }
            Err(error) => {
                for event in events {
                    let ended = self.ended_by(&event);
                    // What contradicts an earlier event takes nothing away.
                    let sense = self.state.apply(self.now, &event).is_ok();
                    // What guests bring about leaves room for what the person does.
                    let room = if is_a_guests(&event) { MAX_OWED / 2 } else { MAX_OWED + 1 };
                    if sense && matters(&event) && self.owed.len() < room {
                        self.owed.push((event, ended));
                    }
                }
                Err(error)
            }
        }
    }

    /// When the ledger is tried again, if it failed.
    pub(crate) fn retry_at(&self) -> Option<u64> {
        self.failed_at.map(|at| at.saturating_add(RETRY))
    }

    /// Tries again to write what is owed, if it is time.
    pub(crate) fn retry(&mut self) {
        if !self.owed.is_empty() && self.retry_at().is_none_or(|at| self.mono >= at) {
            // It stays owed.
            let _ = self.pay();
        }
    }

    /// When [`Self::retry`] has something to do.
    pub(crate) fn wake(&self) -> Option<u64> {
        if self.owed.is_empty() || self.owed.len() > MAX_OWED { None } else { self.retry_at() }
    }

    /// May it? With a ledger that can't be written, no.
    pub(crate) fn decide(&mut self, vm: &VmId, resource: &Resource) -> Decision {
        if self.failed_at.is_some() {
            // Nothing new is allowed until a line has been written again; this question may be that line.
            let asked = Event::Asked { vm: vm.clone(), resource: resource.clone() };
            if self.give(vec![asked]).is_err() {
                return Decision::Deny(Refusal::NoLedger);
            }
        }
        self.state.decide(vm, resource, self.now)
    }

    pub(crate) fn holds(&self, vm: &VmId, resource: &Resource, once: bool) -> bool {
        self.state.holds(vm, resource, once, self.now)
    }

    pub(crate) fn explain(&self, vm: &VmId, resource: &Resource) -> Explanation {
        self.state.explain(vm, resource, self.now)
    }

    pub(crate) fn grant(&self, id: GrantId) -> Option<&Grant> {
        self.state.grant(id)
    }

    /// Lines, newest first.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().rev()
    }

    pub(crate) fn forget_lines(&mut self, before: Millis) {
        while self.lines.front().is_some_and(|l| l.at < before) {
            self.lines.pop_front();
        }
    }
}
