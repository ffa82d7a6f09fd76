// SPDX-License-Identifier: GPL-3.0-or-later
//! Whether KVM works here, found out by doing. In: a QEMU, our probe program and a place to remember.
//! Out: which acceleration to use, and why.
//!
//! Two questions. Does a guest of four instructions make exactly the exits that it should (asked every
//! time, a few milliseconds)? And does this QEMU run a guest on this kernel's KVM (asked once per
//! kernel and QEMU)? Both are asked of children with a deadline: a half-working KVM hangs.

use crate::launch::die_with_parent;
use crate::qemu::QemuProgram;
use crate::wait::wait_within;
use serde::{Deserialize, Serialize};
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const TINY_LIMIT: Duration = Duration::from_secs(3);
const QEMU_LIMIT: Duration = Duration::from_secs(10);

/// Status of QEMU after our firmware wrote 0x10 to the debug-exit port: `(0x10 << 1) | 1`.
const DEBUG_EXIT: i32 = 0x21;

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

    /// Tries whether `qemu` runs four instructions under KVM.
    #[must_use]
    pub fn in_qemu(qemu: &QemuProgram) -> Self {
        Self::try_qemu(qemu)
            .unwrap_or_else(|error| Self::Unusable(format!("QEMU could not be tried: {error}")))
    }

    fn try_qemu(qemu: &QemuProgram) -> std::io::Result<Self> {
        let rom = tempfile::NamedTempFile::new()?;
        std::fs::write(rom.path(), firmware())?;
        let mut command = qemu.command();
        command
            .args(["-machine", "q35", "-accel", "kvm", "-cpu", "max", "-m", "64"])
            .args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"])
            .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-bios"])
            .arg(rom.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        die_with_parent(&mut command);
        Ok(match wait_within(&mut command.spawn()?, QEMU_LIMIT)? {
            Some(status) if status.code() == Some(DEBUG_EXIT) => Self::Works,
            Some(status) => Self::Unusable(format!("QEMU with KVM ended with {status}")),
            None => Self::Unusable(format!("a guest of QEMU with KVM hung for {} s", QEMU_LIMIT.as_secs())),
        })
    }
}

impl Acceleration {
    /// Decides for this machine. `memory` is a directory for what was found out earlier.
    #[must_use]
    pub fn detect(qemu: &QemuProgram, probe: &Path, memory: &Path) -> (Self, KvmVerdict) {
        let mut verdict = KvmVerdict::tiny_guest(probe);
        if verdict == KvmVerdict::Works {
            verdict = remembered(qemu, memory);
        }
        let acceleration = if verdict == KvmVerdict::Works { Self::Kvm } else { Self::Emulated };
        tracing::debug!(?acceleration, ?verdict, "chose how to run guests");
        (acceleration, verdict)
    }
}

fn remembered(qemu: &QemuProgram, memory: &Path) -> KvmVerdict {
    let path = memory.join("kvm.json");
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    let known = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Remembered>(&bytes).ok());
    if let Some(known) = known
        && known.kernel == kernel
        && known.qemu == qemu.identity()
    {
        return known.verdict;
    }
    let verdict = KvmVerdict::in_qemu(qemu);
    let new = Remembered { kernel, qemu: qemu.identity(), verdict: verdict.clone() };
    if let Err(error) =
        serde_json::to_vec(&new).map_err(Into::into).and_then(|json| std::fs::write(&path, json))
    {
        tracing::warn!(%error, path = %path.display(), "what was found out about KVM can't be remembered");
    }
    verdict
}

/// 64 KiB that end at 4 GiB; the processor starts 16 bytes before the end, in real mode:
/// `mov al, 0x10; mov dx, 0xf4; out dx, al; hlt`.
fn firmware() -> Vec<u8> {
    const CODE: [u8; 7] = [0xb0, 0x10, 0xba, 0xf4, 0x00, 0xee, 0xf4];
    let mut rom = vec![0xf4; 0x1_0000 - 16];
    rom.extend(CODE);
    rom.resize(0x1_0000, 0xf4);
    rom
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firmware_is_a_whole_rom() {
        let rom = firmware();
        assert_eq!(rom.len(), 65536);
        assert_eq!(rom[0xfff0..0xfff2], [0xb0, 0x10]);
    }

    #[test]
    fn a_probe_that_is_not_there_is_a_verdict() {
        let verdict = KvmVerdict::tiny_guest(Path::new("/nonexistent/probe"));
        assert!(matches!(verdict, KvmVerdict::Unusable(_)));
    }
}
