// SPDX-License-Identifier: GPL-3.0-or-later
//! When an app stands still. In: VMs. Out: whether round trips to them bring no new frame any more.
//!
//! How long a round trip takes is the guest's to say, so a slow machine waits longer and sees no less: no span of
//! time is taken for the end of what an app does.

#![expect(clippy::disallowed_methods, reason = "rounds have a deadline, and fail at it")]

use crate::desktop::{Desktop, DesktopError};
use cofferdam_control::desktop::Request;
use cofferdam_ids::VmId;
use std::time::Instant;

/// So many rounds in a row without a new frame, and a window stands still. One is not enough: what an app does in
/// one may have effects in another, such as a paste that crosses from VM to VM.
const ROUNDS: usize = 3;

/// A guest gets to the end of this when nothing else in it wants the processor, but for what is over in no time.
/// A shell's output is no business of the app's main loop, and is waited for with this.
/// With several processors it is a round trip and no proof; then the rounds without a new frame have to do.
const IDLE: [&str; 4] = ["chrt", "--idle", "0", "true"];

impl Desktop {
    /// Waits until `vm` has taken in everything and shows what came of it, and those `beside` it have done what
    /// there was to do. `false` if `deadline` comes first.
    ///
    /// # Errors
    /// If a VM has ended, or the desktop has.
    pub fn wait_still(
        &mut self,
        vm: &VmId,
        beside: &[VmId],
        deadline: Instant,
    ) -> Result<bool, DesktopError> {
        let mut vms: Vec<&VmId> = beside.iter().chain([vm]).collect();
        vms.sort_unstable();
        vms.dedup();
        let mut quiet = 0;
        let mut drawn = self.drawn(vm)?;
        while quiet < ROUNDS {
            self.check_vms(vms.iter().copied())?;
            if !self.round(&vms, deadline)? || Instant::now() >= deadline {
                return Ok(false);
            }
            let now = self.drawn(vm)?;
            quiet = if now == drawn { quiet + 1 } else { 0 };
            drawn = now;
        }
        Ok(true)
    }

    /// One round trip to those of `vms` that show something: what they were told before has had its effect.
    /// `false` if `deadline` comes first.
    ///
    /// # Errors
    /// If a VM has ended, or the desktop has.
    pub fn round_trip(&mut self, vms: &[VmId], deadline: Instant) -> Result<bool, DesktopError> {
        self.round(&vms.iter().collect::<Vec<_>>(), deadline)
    }

    /// Frames of an app so far.
    fn drawn(&mut self, vm: &VmId) -> Result<u64, DesktopError> {
        Ok(self.windows()?.iter().filter(|w| w.vm.as_ref() == Some(vm)).map(|w| w.commits).sum())
    }

    /// Those that show something have taken in what they were told, their guests have done what there was to do,
    /// and what they drew then is here.
    fn round(&mut self, vms: &[&VmId], deadline: Instant) -> Result<bool, DesktopError> {
        // Who waits for a frame callback to draw on gets it now.
        self.call(Request::Sync)?;
        let windows = self.windows()?;
        let shown = |vm: &&&VmId| windows.iter().any(|w| w.vm.as_ref() == Some(**vm));
        let vms: Vec<&VmId> = vms.iter().filter(shown).copied().collect();
        if !self.ping_all(&vms, deadline)? {
            return Ok(false);
        }
        let idle = IDLE.map(str::to_owned);
        for vm in &vms {
            let out = self.guest_run(vm, &idle)?;
            if out.exit.code != 0 {
                let said = String::from_utf8_lossy(&out.stderr);
                return Err(DesktopError::Idle { vm: (*vm).clone(), said: said.trim().to_owned() });
            }
        }
        self.ping_all(&vms, deadline)
    }

    fn ping_all(&mut self, vms: &[&VmId], deadline: Instant) -> Result<bool, DesktopError> {
        for vm in vms {
            if !self.ping(vm, deadline)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
