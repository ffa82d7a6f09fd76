// SPDX-License-Identifier: GPL-3.0-or-later
//! Whether KVM works here, found out by doing. In: a QEMU, a guest kernel, our probe program and a place
//! to remember. Out: which acceleration to use, and why.
//!
//! Two questions. Does a guest of four instructions make exactly the exits that it should (asked every
//! time, a few milliseconds)? And does this QEMU boot a kernel on this host's KVM (asked once per host
//! kernel and QEMU)? The second is needed: hosts have been met on which real mode runs in KVM and a
//! kernel hangs without a word. Both are asked of children with a deadline.

#![expect(clippy::disallowed_types, reason = "starts the probe of KVM")]

use crate::qemu::QemuProgram;
use crate::wait::{readable_within, wait_within};
use cofferdam_kit::launch::die_with_parent;
use serde::{Deserialize, Serialize};
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const TINY_LIMIT: Duration = Duration::from_secs(3);

/// Until a kernel under KVM says its first word: 0.1 s where KVM works, never where it does not.
const FIRST_WORD_LIMIT: Duration = Duration::from_secs(6);
/// Until the same kernel has given up for want of a root file system.
const END_LIMIT: Duration = Duration::from_secs(20);

/// How the guest's processor is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Acceleration {
    /// By the hardware.
    Kvm,
    /// In software, some ten to thirty times slower.
    Emulated,
}

/// What came of trying KVM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KvmVerdict {
    /// A guest ran.
    Works,
    /// It did not; the sentence says why.
    Unusable(String),
}

/// What is remembered about one kernel and one QEMU.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    kernel: String,
    qemu: String,
    verdict: KvmVerdict,
}

impl KvmVerdict {
    /// Tries the tiny guest in the program `probe`.
    #[must_use]
    pub fn tiny_guest(probe: &Path) -> Self {
        if let Err(error) = std::fs::File::options().read(true).write(true).open("/dev/kvm") {
            return Self::Unusable(match error.kind() {
                std::io::ErrorKind::NotFound => {
                    "/dev/kvm does not exist; enable virtualisation in the firmware and load kvm_intel or kvm_amd"
                        .to_owned()
                }
                std::io::ErrorKind::PermissionDenied => {
                    "/dev/kvm may not be opened; add your user to the group kvm".to_owned()
                }
                _ => format!("/dev/kvm can't be opened: {error}"),
            });
        }
        let mut command = Command::new(probe);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        die_with_parent(&mut command);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return Self::Unusable(format!("{} did not start: {error}", probe.display())),
        };
        match wait_within(&mut child, TINY_LIMIT) {
            Ok(Some(status)) if status.success() => Self::Works,
            Ok(Some(status)) => {
                let mut said = String::new();
                if let Some(out) = child.stdout.take() {
                    // What the probe said is a nicety; its status has decided.
                    let _ = out.take(1000).read_to_string(&mut said);
                }
                let said = said.trim();
                Self::Unusable(if said.is_empty() {
                    format!("the probe ended with {status}")
                } else {
                    said.to_owned()
                })
            }
            Ok(None) => Self::Unusable(format!("a tiny guest hung for {} s", TINY_LIMIT.as_secs())),
            Err(error) => Self::Unusable(format!("the probe could not be watched: {error}")),
        }
    }

    /// Tries whether `qemu` boots `kernel` under KVM.
    #[must_use]
    pub fn in_qemu(qemu: &QemuProgram, kernel: &Path) -> Self {
        Self::boot(qemu, kernel)
            .unwrap_or_else(|error| Self::Unusable(format!("QEMU could not be tried: {error}")))
    }

    fn boot(qemu: &QemuProgram, kernel: &Path) -> std::io::Result<Self> {
        let mut command = qemu.command();
        command
            .args(["-machine", "q35", "-accel", "kvm", "-cpu", "max", "-m", "256"])
            .args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"])
            .args(["-append", "earlycon=uart8250,io,0x3f8 console=ttyS0 loglevel=6 panic=-1", "-kernel"])
            .arg(kernel)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        die_with_parent(&mut command);
        let mut child = command.spawn()?;
        let speaks = match &child.stdout {
            Some(stdout) => readable_within(stdout, FIRST_WORD_LIMIT)?,
            None => false,
        };
        let limit = if speaks { END_LIMIT } else { Duration::ZERO };
        // What it says at this level fits into the pipe, so nobody has to read along.
        let status = wait_within(&mut child, limit)?;
        Ok(match status {
            Some(status) if status.success() => Self::Works,
            Some(status) => Self::Unusable(format!("QEMU with KVM ended with {status}")),
            None if speaks => Self::Unusable("a kernel under KVM hung while it booted".to_owned()),
            None => Self::Unusable("a kernel under KVM hung before its first word".to_owned()),
        })
    }
}

impl Acceleration {
    /// Decides for this machine. `memory` is a directory for what was found out earlier.
    #[must_use]
    pub fn detect(qemu: &QemuProgram, kernel: &Path, probe: &Path, memory: &Path) -> (Self, KvmVerdict) {
        let mut verdict = KvmVerdict::tiny_guest(probe);
        if verdict == KvmVerdict::Works {
            verdict = remembered(qemu, kernel, memory);
        }
        let acceleration = if verdict == KvmVerdict::Works { Self::Kvm } else { Self::Emulated };
        tracing::debug!(?acceleration, ?verdict, "chose how to run guests");
        (acceleration, verdict)
    }
}

fn remembered(qemu: &QemuProgram, guest_kernel: &Path, memory: &Path) -> KvmVerdict {
    let path = memory.join("kvm.json");
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    let known = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Remembered>(&bytes).ok());
    if let Some(known) = known
        && known.kernel == kernel
        && known.qemu == qemu.identity()
    {
        return known.verdict;
    }
    let verdict = KvmVerdict::in_qemu(qemu, guest_kernel);
    let new = Remembered { kernel, qemu: qemu.identity(), verdict: verdict.clone() };
    if let Err(error) =
        serde_json::to_vec(&new).map_err(Into::into).and_then(|json| std::fs::write(&path, json))
    {
        tracing::warn!(%error, path = %path.display(), "what was found out about KVM can't be remembered");
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_that_is_not_there_is_a_verdict() {
        let verdict = KvmVerdict::tiny_guest(Path::new("/nonexistent/probe"));
        assert!(matches!(verdict, KvmVerdict::Unusable(_)));
    }
}
