// SPDX-License-Identifier: GPL-3.0-or-later
//! The clock that policy sees. In: the system's clocks and time zone. Out: moments that never go back, not
//! even if somebody sets the system's time back, and not across a restart.

#![expect(clippy::disallowed_methods, reason = "is the clock of the monitor")]

use cofferdam_monitor_core::Moment;
use cofferdam_policy::Millis;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// The system's time is looked at again at least this often while something is to expire.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The clock of one monitor.
#[derive(Debug)]
pub(super) struct Clock {
    /// How far a test has moved it.
    offset: u64,
    /// The time that was said last, or that the ledger has seen, without what a test has moved it.
    latest: u64,
    /// Time since boot then, in milliseconds.
    boot: u64,
    midnight: Millis,
    start: Instant,
}

fn since_boot() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let millis = u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000;
    u64::try_from(now.tv_sec).unwrap_or(0).saturating_mul(1_000).saturating_add(millis)
}

fn wall() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Clock {
    /// A clock that is never before `seen`.
    pub(super) fn new(seen: Millis) -> Self {
        let latest = wall().max(seen.0);
        Self { offset: 0, latest, boot: since_boot(), midnight: Millis(0), start: Instant::now() }
    }

    /// Now.
    pub(super) fn moment(&mut self) -> Moment {
        let now = self.tell(wall(), since_boot());
        if self.midnight <= now {
            self.midnight = midnight(now);
        }
        let mono = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Moment { now, mono, midnight: self.midnight }
    }

    /// The time, when the system's clocks say this. One that was set forward and back goes on from its peak,
    /// as fast as time since boot does: what has an end ends.
    fn tell(&mut self, wall: u64, boot: u64) -> Millis {
        let passed = self.latest.saturating_add(boot.saturating_sub(self.boot));
        self.boot = self.boot.max(boot);
        self.latest = wall.max(passed);
        Millis(self.latest.saturating_add(self.offset))
    }

    /// Moves it forward.
    pub(super) fn advance(&mut self, millis: u64) {
        self.offset = self.offset.saturating_add(millis);
    }

    /// When the later of `wake` comes, as the runtime's timers count.
    pub(super) fn instant(&mut self, wake: cofferdam_monitor_core::Wake) -> Option<Instant> {
        let mono = wake.mono.map(|at| self.start + Duration::from_millis(at));
        let wall = wake.now.map(|at| {
            let left = at.0.saturating_sub(self.moment().now.0);
            Instant::now() + Duration::from_millis(left).min(LOOK_AGAIN)
        });
        mono.into_iter().chain(wall).min()
    }
}

/// The end of the day of `now` where this computer is; in a day, if its time zone can't say.
fn midnight(now: Millis) -> Millis {
    let end = || {
        let at = Timestamp::from_millisecond(i64::try_from(now.0).ok()?).ok()?;
        let day = at.to_zoned(TimeZone::system());
        let next = day.tomorrow().ok()?.start_of_day().ok()?;
        u64::try_from(next.timestamp().as_millisecond()).ok().map(Millis)
    };
    end().filter(|end| *end > now).unwrap_or(now.plus(Millis::DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_goes_back() {
        let future = Millis(wall() + Millis::DAY);
        let mut clock = Clock::new(future);
        let first = clock.moment();
        assert!(first.now >= future, "the ledger has seen that time");
        clock.advance(5_000);
        assert!(clock.moment().now >= first.now.plus(5_000));
    }

    #[test]
    fn an_hour_ends_after_an_hour_whatever_the_clock_did() {
        let mut clock = Clock::new(Millis(0));
        let (wall, boot) = (clock.latest + 5, clock.boot);
        clock.tell(wall, boot);
        let peak = clock.tell(wall + Millis::DAY, boot + 10);
        assert_eq!(peak.0, wall + Millis::DAY);
        // Set right again: time goes on from there, and does not wait a day.
        let set_back = clock.tell(wall + 20, boot + 20);
        assert_eq!(set_back, peak.plus(10));
        assert_eq!(clock.tell(wall + Millis::HOUR, boot + 10 + Millis::HOUR), peak.plus(Millis::HOUR));
        // Nor does it count the same time twice.
        assert_eq!(clock.tell(wall + Millis::HOUR, boot + 10 + Millis::HOUR), peak.plus(Millis::HOUR));
        let later = wall + 2 * Millis::DAY;
        assert_eq!(clock.tell(later, boot + 11 + Millis::HOUR).0, later, "the wall may overtake");
    }

    #[test]
    fn midnight_is_ahead_and_near() {
        for now in [Millis(0), Millis(1_700_000_000_000), Millis(u64::MAX)] {
            let end = midnight(now);
            assert!(end >= now && end <= now.plus(Millis::DAY + 2 * Millis::HOUR), "{now:?} {end:?}");
        }
    }
}
