// SPDX-License-Identifier: GPL-3.0-or-later
//! Questions for counters. In: what each part and the guest answered. Out: one answer per question, when all who
//! were asked have answered or their time is up.

#![expect(clippy::disallowed_methods, reason = "a task that is nothing but a deadline; nobody waits for it")]

use super::links::{LinkId, Links};
use super::{Inbox, Input};
use crate::link::{Bridge, Reply, VmCounters};
use cofferdam_agent_wire::BridgeCounters;
use cofferdam_kit::part::Counters;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long anybody may think about it.
const LIMIT: Duration = Duration::from_secs(3);

/// Questions that have no answer yet.
#[derive(Debug)]
pub(crate) struct Questions {
    next: u64,
    open: BTreeMap<u64, Question>,
    inbox: Inbox,
}

#[derive(Debug)]
struct Question {
    link: LinkId,
    serial: u64,
    /// Parts that have not answered.
    waits: BTreeSet<&'static str>,
    so_far: VmCounters,
}

impl Questions {
    pub(crate) const fn new(inbox: Inbox) -> Self {
        Self { next: 0, open: BTreeMap::new(), inbox }
    }

    /// Notes a question, after these parts and the guest were asked by the caller.
    pub(crate) fn ask(&mut self, link: LinkId, serial: u64, parts: BTreeSet<&'static str>) {
        let id = self.next;
        self.next = id.wrapping_add(1);
        self.open.insert(id, Question { link, serial, waits: parts, so_far: VmCounters::default() });
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LIMIT).await;
            let _ = inbox.send(Input::CountersDue(id)).await;
        });
    }

    /// A part has answered.
    pub(crate) fn part(&mut self, part: &'static str, counters: &Counters, links: &mut Links) {
        self.fill(links, |question| {
            question.waits.remove(part);
            question.so_far.parts.insert(part.to_owned(), counters.clone());
        });
    }

    /// The guest has answered.
    pub(crate) fn bridge(&mut self, counters: BridgeCounters, links: &mut Links) {
        self.fill(links, |question| question.so_far.bridge = Some(Bridge(counters)));
    }

    /// A question's time is up.
    pub(crate) fn due(&mut self, id: u64, links: &mut Links) {
        if let Some(q) = self.open.remove(&id) {
            links.answer(q.link, q.serial, Ok(Reply::Counters(q.so_far)));
        }
    }

    fn fill(&mut self, links: &mut Links, fill: impl Fn(&mut Question)) {
        let mut full = Vec::new();
        for (id, question) in &mut self.open {
            fill(question);
            if question.waits.is_empty() && question.so_far.bridge.is_some() {
                full.push(*id);
            }
        }
        for id in full {
            self.due(id, links);
        }
    }
}
