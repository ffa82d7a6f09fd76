// SPDX-License-Identifier: GPL-3.0-or-later
//! Which answers a question has, and what they mean.
//!
//! In: a question, and the person's [`Answer`] to it. Out: the answers to offer, safest first, and the
//! [`Grant`] that an answer amounts to.

use crate::decide::Verdict;
use crate::{Answer, Author, Content, Effect, Grant, Host, Lifetime, Millis, Refusal, Resource, State, Zone};
use cofferdam_ids::VmId;

/// The longest that "today" can be: a day on which clocks are set back.
const LONGEST_DAY: u64 = 25 * Millis::HOUR;

/// What to offer besides "not now" and "never". The further away from an ordinary site, the shorter a yes
/// can last: an address without a name, this computer and other VMs can't be had for good.
pub(crate) const fn offer(resource: &Resource) -> &'static [Answer] {
    use Answer::{Always, Hour, ThisTime, Today, UntilClosed};
    match resource {
        Resource::Network(contact) => match (&contact.host, contact.zone) {
            (Host::Name(_), Zone::Internet | Zone::Local) => &[ThisTime, UntilClosed, Hour, Today, Always],
            (_, Zone::Internet | Zone::Local) => &[ThisTime, UntilClosed, Hour],
            (_, Zone::Host | Zone::Vm) => &[ThisTime, UntilClosed],
        },
        Resource::Clipboard { content, .. } | Resource::DragAndDrop { content, .. } => match content {
            Content::Text | Content::Image => &[ThisTime, UntilClosed, Always],
            Content::Files => &[ThisTime],
        },
        Resource::Files { .. } => &[ThisTime],
        Resource::OpenUri { .. } => &[],
        Resource::Plain(_) => &[ThisTime, UntilClosed, Always],
    }
}

impl State {
    /// What an answer means: the grant to append to the ledger, with the next number. None if nothing is to
    /// be remembered, or if the answer does not fit: "not now", one that was not offered, or a question that
    /// is none any more. `midnight` is the end of the person's day.
    #[must_use]
    pub fn grant_for(
        &self,
        vm: &VmId,
        resource: &Resource,
        answer: Answer,
        now: Millis,
        midnight: Millis,
    ) -> Option<Grant> {
        // Being silenced since it was asked does not make the question go away.
        let (Verdict::Open | Verdict::No(Refusal::Silenced)) = self.judge(vm, resource, now, 0).0 else {
            return None;
        };
        let (effect, lifetime) = match answer {
            Answer::NotNow => return None,
            Answer::Never => (Effect::Deny, Lifetime::Standing),
            Answer::Pick(_) => {
                let Resource::OpenUri { .. } = resource else { return None };
                (Effect::Allow, Lifetime::Once)
            }
            yes if !offer(resource).contains(&yes) => return None,
            Answer::ThisTime => (Effect::Allow, Lifetime::Once),
            Answer::UntilClosed => (Effect::Allow, Lifetime::Run(self.vms.get(vm)?.run)),
            Answer::Hour => (Effect::Allow, Lifetime::Until(now.plus(Millis::HOUR))),
            Answer::Today => (Effect::Allow, Lifetime::Until(midnight.min(now.plus(LONGEST_DAY)))),
            Answer::Always => (Effect::Allow, Lifetime::Standing),
        };
        Some(Grant {
            id: self.next_grant_id(),
            vm: vm.clone(),
            key: resource.key(),
            effect,
            lifetime,
            author: Author::Prompt,
            at: now,
        })
    }
}
