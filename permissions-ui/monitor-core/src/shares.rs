// SPDX-License-Identifier: GPL-3.0-or-later
//! How many lines of usage a VM gets in the ledger: one that visits thousands of sites in turn must not fill the
//! disk. In: reports. Out: those that get a line; what goes beyond a VM's share is added up, a line for each
//! grant, and comes later.

use super::tickets::{Report, add};
use cofferdam_ids::{Ration, VmId};
use cofferdam_policy::{GrantId, Host, Kind, Resource};
use core::time::Duration;
use std::collections::BTreeMap;

/// Lines that a VM gets at once after a quiet time: more than the sites of a long visit to the web.
const BURST: u32 = 1024;
/// One more each: some thousand a day.
const EVERY: Duration = Duration::from_secs(10);
/// What goes beyond waits this long, in milliseconds.
const LATER: u64 = 30_000;

/// Stands for the sites that share a line. No site has this name (RFC 6761).
pub(crate) const MANY_SITES: &str = "many-sites.invalid";

/// What is left for one VM.
#[derive(Debug)]
struct Share {
    lines: Ration,
    more: BTreeMap<(Kind, Option<GrantId>), (u64, Report)>,
}

/// All shares.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    by_vm: BTreeMap<VmId, Share>,
}

impl Shares {
    /// Those that get a line now.
    pub(crate) fn admit(&mut self, reports: Vec<Report>, mono: u64) -> Vec<Report> {
        reports.into_iter().filter_map(|report| self.one(report, mono)).collect()
    }

    fn one(&mut self, report: Report, mono: u64) -> Option<Report> {
        let fresh = || Share { lines: Ration::new(BURST, EVERY), more: BTreeMap::new() };
        let share = self.by_vm.entry(report.vm.clone()).or_insert_with(fresh);
        if share.lines.take(Duration::from_millis(mono)) {
            return Some(report);
        }
        let key = (report.resource.kind(), report.grant);
        match share.more.get_mut(&key) {
            Some((_, sum)) => {
                // No site is blamed for what others were sent.
                if sum.resource.key() != report.resource.key()
                    && let Resource::Network(contact) = &mut sum.resource
                {
                    contact.host = Host::Name(MANY_SITES.to_owned());
                }
                add(&mut sum.usage, report.usage);
            }
            None => drop(share.more.insert(key, (mono.saturating_add(LATER), report))),
        }
        None
    }

    /// What was added up and is due at `mono`; all of it if that is the end of time.
    pub(crate) fn due(&mut self, mono: u64) -> Vec<Report> {
        let due = |share: &mut Share| {
            let late = share.more.extract_if(.., |_, (at, _)| *at <= mono);
            late.map(|(_, (_, report))| report).collect::<Vec<_>>()
        };
        self.by_vm.values_mut().flat_map(due).collect()
    }

    /// What was added up for a VM whose run ends.
    pub(crate) fn leave(&mut self, vm: &VmId) -> Vec<Report> {
        let share = self.by_vm.get_mut(vm).map(|share| std::mem::take(&mut share.more));
        share.unwrap_or_default().into_values().map(|(_, report)| report).collect()
    }

    /// When something is due.
    pub(crate) fn wake(&self) -> Option<u64> {
        self.by_vm.values().flat_map(|share| share.more.values()).map(|(at, _)| *at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_policy::{Contact, Transport, Usage, Zone};

    fn report(n: u64, grant: u64) -> Report {
        let host = Host::parse(&format!("h{n}.org")).unwrap();
        let contact = Contact { host, zone: Zone::Internet, transport: Transport::Tcp, port: 443 };
        let usage = Usage { times: 1, bytes_in: 10, ..Usage::default() };
        let (vm, grant) = ("mail".parse().unwrap(), Some(GrantId(grant)));
        Report { vm, resource: Resource::Network(contact), grant, usage }
    }

    #[test]
    fn sites_without_end_are_lines_with_one() {
        let mut shares = Shares::default();
        let all = 100_000;
        let written = shares.admit((0..all).map(|n| report(n, n % 2)).collect(), 0);
        assert_eq!(written.len(), BURST as usize);
        assert_eq!((shares.due(LATER - 1).len(), shares.wake()), (0, Some(LATER)));
        let rest = shares.due(LATER);
        assert_eq!(rest.iter().map(|r| r.grant).collect::<Vec<_>>(), [0, 1].map(|n| Some(GrantId(n))));
        let many =
            |r: &Report| matches!(&r.resource, Resource::Network(c) if c.host.to_string() == MANY_SITES);
        assert!(rest.iter().all(many), "nobody is blamed for the others");
        let sum: u64 = rest.iter().map(|r| r.usage.bytes_in).sum();
        assert_eq!(sum, (all - u64::from(BURST)) * 10, "not a byte is lost");
        assert_eq!(shares.wake(), None);
        assert_eq!(shares.admit(vec![report(1, 1), report(2, 1)], 10_000).len(), 1, "one more a while later");
        assert_eq!(shares.leave(&"mail".parse().unwrap()).len(), 1, "the rest comes at the end of the run");
    }
}
