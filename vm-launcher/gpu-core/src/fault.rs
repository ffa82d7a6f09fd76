// SPDX-License-Identifier: GPL-3.0-or-later
//! What a guest can do wrong, as values, and how often we talk about it.
//!
//! In: [`Fault`]s from every check of the device. Out: a total, and at most ten reports a second for
//! the shepherd, so that a guest cannot fill a log by misbehaving quickly.

use super::io::Mono;
use std::time::Duration;

/// Which parser or check refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// The virtqueue or a virtio-gpu command.
    Virtio,
    /// A resource, its pages or its place in the arena.
    Resource,
    /// A cross-domain command or ring.
    CrossDomain,
    /// A Wayland message.
    Wayland,
    /// A pipe.
    Pipe,
    /// A limit of this VM.
    Quota,
}

impl Area {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Virtio => "virtio",
            Self::Resource => "resource",
            Self::CrossDomain => "cross_domain",
            Self::Wayland => "wayland",
            Self::Pipe => "pipe",
            Self::Quota => "quota",
        }
    }
}

/// One broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fault {
    /// Who refused.
    pub area: Area,
    /// Machine-readable kind, such as `extent_outside_ram`.
    pub kind: &'static str,
}

impl Fault {
    /// A fault of this kind.
    #[must_use]
    pub const fn new(area: Area, kind: &'static str) -> Self {
        Self { area, kind }
    }
}

/// Reports allowed in [`WINDOW`].
const REPORTS: u32 = 10;
/// Over which time.
const WINDOW: Duration = Duration::from_secs(1);

/// Counts all faults and picks those worth a report.
#[derive(Debug, Default)]
pub struct Meter {
    total: u64,
    window: Mono,
    reported: u32,
}

impl Meter {
    /// Counts one fault; true if it should be reported.
    pub fn count(&mut self, now: Mono) -> bool {
        self.total = self.total.saturating_add(1);
        if now.since(self.window) >= WINDOW {
            self.window = now;
            self.reported = 0;
        }
        let report = self.reported < REPORTS;
        self.reported = self.reported.saturating_add(u32::from(report));
        report
    }

    /// Faults so far.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_reports_a_second_and_every_fault_counted() {
        let mut meter = Meter::default();
        let at = |ms| Mono(Duration::from_millis(ms));
        let reported = (0..1000).filter(|_| meter.count(at(5000))).count();
        assert_eq!((reported, meter.total()), (10, 1000));
        assert!(!meter.count(at(5999)));
        assert!(meter.count(at(6000)));
        assert_eq!(meter.total(), 1002);
    }
}
