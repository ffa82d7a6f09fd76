// SPDX-License-Identifier: GPL-3.0-or-later
//! What the kernel offers. In: `/proc`, `/sys`, `/dev` and a few harmless system calls. Out: findings.

use super::Finding;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// What one VM with a small app takes, in MiB: guest, emulator, gpu device and pixels.
const PER_VM_MIB: u64 = 450;

/// Looks at everything.
pub(super) fn look() -> Vec<Finding> {
    vec![iommu(), tpm(), udmabuf(), user_namespaces(), seccomp(), landlock(), users(), memory()]
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn iommu() -> Finding {
    let found = fs::read_dir("/sys/class/iommu").is_ok_and(|mut entries| entries.next().is_some());
    if found {
        return Finding::good("IOMMU", "on");
    }
    let advice =
        "devices can reach all memory; turn on VT-d or AMD-Vi in the firmware before giving devices to VMs";
    Finding::fair("IOMMU", "none", advice)
}

fn tpm() -> Finding {
    match read("/sys/class/tpm/tpm0/tpm_version_major").as_deref() {
        Some("2") => Finding::good("TPM", "version 2"),
        Some(other) => {
            Finding::fair("TPM", format!("version {other}"), "measured start-up will need version 2")
        }
        None => Finding::fair("TPM", "none", "measured start-up will need one; nothing else does"),
    }
}

fn udmabuf() -> Finding {
    match fs::File::options().read(true).write(true).open("/dev/udmabuf") {
        Ok(_) => Finding::good("udmabuf", "usable"),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Finding::fair(
            "udmabuf",
            "may not be opened",
            "windows are copied to the GPU instead of shared with it; add your user to the group kvm",
        ),
        Err(_) => Finding::fair("udmabuf", "none", "windows are copied to the GPU instead of shared with it"),
    }
}

fn user_namespaces() -> Finding {
    const NAME: &str = "user namespaces";
    let off = |path, value: &str| read(path).is_some_and(|text| text == value);
    let limits = [
        ("/proc/sys/user/max_user_namespaces", "0"),
        ("/proc/sys/kernel/unprivileged_userns_clone", "0"),
        ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"),
    ];
    match limits.iter().find(|(path, value)| off(path, value)) {
        Some((path, _)) => {
            let found = format!("limited by {path}");
            Finding::fair(NAME, found, "walls are of seccomp and Landlock; namespaces would be a third one")
        }
        None => Finding::good(NAME, "available"),
    }
}

fn seccomp() -> Finding {
    match read("/proc/sys/kernel/seccomp/actions_avail") {
        Some(actions) if actions.split_whitespace().any(|a| a == "kill_process") => {
            Finding::good("seccomp", "available")
        }
        _ => Finding::bad(
            "seccomp",
            "not available",
            "no VM starts without it; use a kernel with CONFIG_SECCOMP_FILTER",
        ),
    }
}

/// Landlock's versions and what each takes away: who opens TCP connections, and who signals others.
const TCP_SINCE: u8 = 4;
const SIGNALS_SINCE: u8 = 6;

fn landlock() -> Finding {
    const NAME: &str = "Landlock";
    let version = cofferdam_jail::offered();
    let found = format!("available, version {version} or newer");
    match version {
        0 => Finding::bad(
            NAME,
            "not available",
            "no VM starts without it, because an emulator could open any file; add lsm=landlock to the kernel",
        ),
        SIGNALS_SINCE.. => Finding::good(NAME, found),
        TCP_SINCE.. => {
            Finding::fair(NAME, found, "signals to others are held by seccomp alone; Linux 6.12 has both")
        }
        _ => Finding::fair(
            NAME,
            found,
            "signals to others and TCP connections are held by seccomp alone; Linux 6.12 has both",
        ),
    }
}

/// Whether the parts of VMs are kept apart by users, too.
fn users() -> Finding {
    const NAME: &str = "users of VMs";
    if rustix::process::geteuid().is_root() {
        return Finding::good(NAME, "each VM's devices have a user of their own");
    }
    Finding::fair(
        NAME,
        "all VMs run as you",
        "walls of seccomp and Landlock keep them apart; as root, each VM's devices have a user of their own",
    )
}

fn memory() -> Finding {
    let mib = |key: &str| -> u64 {
        let text = read("/proc/meminfo").unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        line.trim_matches([':', ' ', 'k', 'B']).trim().parse::<u64>().unwrap_or(0) / 1024
    };
    let (total, available) = (mib("MemTotal"), mib("MemAvailable"));
    let vms = available / PER_VM_MIB;
    let found = format!("{available} of {total} MiB free, enough for {vms} small VMs");
    let shm = if Path::new("/dev/shm").is_dir() { "" } else { "; /dev/shm is missing" };
    if vms >= 2 {
        return Finding::good("memory", format!("{found}{shm}"));
    }
    Finding::bad("memory", found, "end programs, or add memory: a desktop with two apps needs about 1 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn every_finding_that_is_not_good_says_what_to_do() {
        for finding in look() {
            assert_eq!(finding.verdict == Verdict::Good, finding.advice.is_empty(), "{finding:?}");
        }
    }
}
