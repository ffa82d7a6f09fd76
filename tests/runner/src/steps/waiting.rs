// SPDX-License-Identifier: GPL-3.0-or-later
//! Steps that wait: each for a state of the desktop, each with a deadline.

use super::{Run, StepError};
use cofferdam_control::desktop::WindowInfo;
use cofferdam_ids::VmId;
use std::time::{Duration, Instant};

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

    pub(super) fn wait_still(&mut self, name: &str, timeout_s: u64) -> Result<(), StepError> {
        let vm = self.vm(name)?;
        let deadline = Instant::now() + Duration::from_secs(timeout_s);
        // What it waits for may come from another app.
        let beside: Vec<VmId> = self.apps.values().cloned().collect();
        if self.desktop.wait_still(&vm, &beside, deadline)? {
            return Ok(());
        }
        Err(StepError::TimedOut(timeout_s, format!("`{name}` to stand still")))
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
