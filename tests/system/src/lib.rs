// SPDX-License-Identifier: GPL-3.0-or-later
//! Whole-system tests and repository rules: what several of them need.
//!
//! In: a built workspace and images in the cache (`dist/test` sees to both). Out: private desktops
//! with apps in VMs, and the processes of a VM by their job.

#![expect(clippy::disallowed_types, reason = "runs the image builder")]
#![expect(clippy::disallowed_methods, reason = "each wait has a deadline, and fails at it")]
#![forbid(unsafe_code)]

mod cli;
mod images;
pub mod lines;
mod processes;
pub mod source;

pub use cli::{CliDesktop, Said};
pub use images::{colours, tampered_cache};
pub use processes::{Job, is_zombie, kill, pid_of, running};

use cofferdam_ids::VmId;
use cofferdam_runner::desktop::{Desktop, DesktopError, DesktopSpec};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// VMs without hardware virtualisation start slowly, and several at once on two cores slower still.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// The door in guests that were made for [`TestDesktop::start_with_doors`].
pub const DOOR: &str = "/cofferdam-door";

/// Desktops with VMs are started one at a time within a test program.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A private desktop and the right to be the only one of this test program.
pub struct TestDesktop {
    /// The desktop.
    pub desktop: Desktop,
    /// Where its log is.
    pub log: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl TestDesktop {
    /// Starts a desktop whose log goes into `target/tmp/<name>/`.
    ///
    /// # Errors
    /// If it does not start; the message says what to do.
    pub fn start(name: &str) -> Result<Self, DesktopError> {
        Self::start_with(name, None)
    }

    /// The same, with a door in its guests through which the app's user becomes the bridge's.
    ///
    /// # Errors
    /// If it does not start, or the guests can't be made.
    pub fn start_with_doors(name: &str) -> Result<Self, DesktopError> {
        let guest = guest_program("cofferdam-test-guest");
        let made = Command::new(program("cofferdam-image"))
            .args(["--quiet", "--guest-binary"])
            .arg(&guest)
            .args(["ensure", "foot"])
            .output()
            .map_err(|e| DesktopError::Start(e.to_string()))?;
        if !made.status.success() {
            let said = String::from_utf8_lossy(&made.stderr).trim().to_owned();
            return Err(DesktopError::Start(format!("{said}: run dist/setup --for test")));
        }
        Self::start_with(name, Some(guest))
    }

    fn start_with(name: &str, guest: Option<PathBuf>) -> Result<Self, DesktopError> {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let log = out_dir(name).join("desktop.log");
        let spec = DesktopSpec {
            coffer: program("coffer"),
            width: 1280,
            height: 800,
            scale: 1.0,
            theme: None,
            log: log.clone(),
            app_dirs: None,
            home: None,
            dns: None,
            guest,
        };
        Ok(Self { desktop: Desktop::start(&spec)?, log, _turn: turn })
    }

    /// Starts `app` and waits until its window shows something.
    ///
    /// # Errors
    /// If the VM ends before, or [`PATIENCE`] does.
    pub fn open(&mut self, app: &str) -> Result<VmId, DesktopError> {
        let vm = self.desktop.launch(app)?;
        self.wait(&format!("a window of {vm}"), |d| {
            d.check_vms(std::iter::once(&vm))?;
            Ok(d.windows()?.iter().any(|w| w.vm.as_ref() == Some(&vm) && w.commits > 0))
        })?;
        Ok(vm)
    }

    /// Waits until `done`, woken by the desktop's events.
    ///
    /// # Errors
    /// The error of `done`, or [`DesktopError::End`] when [`PATIENCE`] ends.
    pub fn wait(
        &mut self,
        what: &str,
        mut done: impl FnMut(&mut Desktop) -> Result<bool, DesktopError>,
    ) -> Result<(), DesktopError> {
        let deadline = Instant::now() + PATIENCE;
        while !done(&mut self.desktop)? {
            if Instant::now() >= deadline {
                return Err(DesktopError::End(format!("waited {PATIENCE:?} for {what}")));
            }
            self.desktop.next_event(Instant::now() + Duration::from_millis(200))?;
        }
        Ok(())
    }

    /// What the desktop and its helpers logged so far.
    #[must_use]
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// A program of this workspace: test programs lie in `deps/` beside them.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    exe.parent().and_then(Path::parent).unwrap_or(Path::new(".")).join(name)
}

/// A static program of this workspace that runs in guests: `dist/setup` puts those into `target/guest`.
#[must_use]
pub fn guest_program(name: &str) -> PathBuf {
    let beside = program(name);
    let profile = beside.parent().unwrap_or(Path::new("."));
    profile.parent().unwrap_or(profile).join("guest").join(name)
}

/// A directory for what a test writes, kept after it for a person to look at.
#[must_use]
pub fn out_dir(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tmp").join(name)
}
