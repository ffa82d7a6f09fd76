// SPDX-License-Identifier: GPL-3.0-or-later
//! Steps that wait: each for a state of the desktop, each with a deadline.

use super::{Run, StepError, judge};
use cofferdam_control::desktop::{Request, WindowInfo};
use cofferdam_ids::VmId;
use std::time::{Duration, Instant};

/// So many rounds in a row without a new frame, and a window stands still. One is not enough: what an app does in
/// one may have effects in another, such as a paste that crosses from VM to VM.
const ROUNDS: usize = 3;

/// A guest gets to the end of this when nothing else in it wants the processor, but for what is over in no time.
const REST: [&str; 4] = ["chrt", "--idle", "0", "true"];

impl Run<'_> {
    pub(super) fn wait_window(
        &mut self,
        name: &str,
        timeout_s: u64,
        title: Option<&str>,
    ) -> Result<(), StepError> {
        let vm = self.vm(name)?;
        self.wait(timeout_s, format!("a window of `{name}`"), |windows| {
            windows.iter().any(|w| {
                w.vm.as_ref() == Some(&vm)
                    && (w.visible || w.minimized)
                    && w.commits > 0
                    && title.is_none_or(|t| w.title.as_str().contains(t))
            })
        })
    }

    pub(super) fn wait_popup(&mut self, name: &str, count: usize, timeout_s: u64) -> Result<(), StepError> {
        let vm = self.vm(name)?;
        self.wait(timeout_s, format!("{count} popup(s) of `{name}`"), |windows| {
            let popups: usize =
                windows.iter().filter(|w| w.vm.as_ref() == Some(&vm)).map(|w| w.popups.len()).sum();
            if count == 0 { popups == 0 } else { popups >= count }
        })
    }

    /// Waits until an app has taken in everything and shows what came of it: round trips to the apps and their
    /// guests, until some in a row have brought no new frame. How long such a round takes is the guest's to say,
    /// so a slow machine waits longer and sees no less.
    pub(super) fn wait_still(&mut self, name: &str, timeout_s: u64) -> Result<(), StepError> {
        let vm = self.vm(name)?;
        let deadline = Instant::now() + Duration::from_secs(timeout_s);
        let late = || StepError::TimedOut(timeout_s, format!("`{name}` to stand still"));
        let mut quiet = 0;
        let mut drawn = self.drawn(&vm)?;
        while quiet < ROUNDS {
            self.desktop.check_vms(self.apps.values())?;
            if !self.round(&vm, deadline)? || Instant::now() >= deadline {
                return Err(late());
            }
            let now = self.drawn(&vm)?;
            quiet = if now == drawn { quiet + 1 } else { 0 };
            drawn = now;
        }
        Ok(())
    }

    /// Frames of an app so far.
    fn drawn(&mut self, vm: &VmId) -> Result<u64, StepError> {
        Ok(self.desktop.windows()?.iter().filter(|w| w.vm.as_ref() == Some(vm)).map(|w| w.commits).sum())
    }

    /// One round trip to all apps that show something: they have taken in what they were told, their guests have
    /// done what there was to do, and what they drew then is here. `false` if `deadline` comes first.
    fn round(&mut self, vm: &VmId, deadline: Instant) -> Result<bool, StepError> {
        // Who waits for a frame callback to draw on gets it now.
        self.desktop.call(Request::Sync)?;
        let windows = self.desktop.windows()?;
        let mut vms: Vec<VmId> = self.apps.values().chain([vm]).cloned().collect();
        vms.sort_unstable();
        vms.dedup();
        vms.retain(|vm| windows.iter().any(|w| w.vm.as_ref() == Some(vm)));
        for vm in &vms {
            if !self.desktop.ping(vm, deadline)? {
                return Ok(false);
            }
        }
        let rest = REST.map(str::to_owned);
        for vm in &vms {
            let out = self.desktop.guest_run(vm, &rest)?;
            judge(&rest, &out, None, 0).map_err(StepError::Expectation)?;
        }
        for vm in &vms {
            if !self.desktop.ping(vm, deadline)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Asks `done` after every event of the desktop, and at least five times a second because a
    /// commit alone is no event; fails early when the VM of a waited-for app is gone.
    fn wait(
        &mut self,
        timeout_s: u64,
        what: String,
        mut done: impl FnMut(&[WindowInfo]) -> bool,
    ) -> Result<(), StepError> {
        let deadline = Instant::now() + Duration::from_secs(timeout_s);
        loop {
            let windows = self.desktop.windows()?;
            if done(&windows) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(StepError::TimedOut(timeout_s, what));
            }
            self.desktop.check_vms(self.apps.values())?;
            self.desktop.next_event(deadline.min(Instant::now() + Duration::from_millis(200)))?;
        }
    }
}
