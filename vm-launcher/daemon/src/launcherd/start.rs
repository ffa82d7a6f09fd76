// SPDX-License-Identifier: GPL-3.0-or-later
//! Starting a VM. In: a record and what the caller wants. Out: a data volume, a spec, a shepherd.

#![expect(clippy::disallowed_types, reason = "starts shepherds")]
#![expect(clippy::disallowed_methods, reason = "images are looked up beside the loop")]

use super::images::{self, Parts};
use super::records;
use crate::link::{MAX_PACKET, VmRecord};
use crate::shepherd::{ShepherdSpec, TestNet};
use cofferdam_kit::packets::Packets;
use cofferdam_kit::paths::Paths;
use cofferdam_kit::transport;
use cofferdam_machine::{Acceleration, Driver, Launch, MachineSpec, Qemu};
use rustix::fs::{MemfdFlags, memfd_create};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Size of the pixel arena. Sparse: a VM pays for the pixels that it shows.
const ARENA_MIB: u32 = 256;
/// Least and most memory that a caller may ask for.
const MEMORY_MIB: std::ops::RangeInclusive<u32> = 128..=65536;
/// Least and most seconds for a boot that a caller may ask for.
const BOOT_LIMIT: std::ops::RangeInclusive<u64> = 1..=3600;
/// Virtual processors under KVM: one for the app, one for the bridge.
const CPUS: usize = 2;

/// What the caller of `Run` wants beside the app.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) name: Option<cofferdam_ids::VmId>,
    memory_mib: Option<u32>,
    boot_limit: Option<u64>,
    args: Vec<String>,
    env: Vec<(String, String)>,
}

impl Wishes {
    /// Reads the options of a `Run` call; an unknown one is an error.
    pub(super) fn read(args: Vec<String>, options: BTreeMap<String, String>) -> Result<Self, String> {
        let mut wishes = Self { args, ..Self::default() };
        for (key, value) in options {
            match key.as_str() {
                "name" => {
                    let name = value.parse().map_err(|e| format!("{value:?} is no name for a VM: {e}"))?;
                    wishes.name = Some(name);
                }
                "memory-mib" => {
                    let memory = value.parse().ok().filter(|m| MEMORY_MIB.contains(m));
                    wishes.memory_mib = Some(memory.ok_or_else(|| {
                        format!(
                            "a VM can have {} to {} MiB of memory, not {value:?}",
                            MEMORY_MIB.start(),
                            MEMORY_MIB.end()
                        )
                    })?);
                }
                "boot-limit" => {
                    let seconds = value.parse().ok().filter(|s| BOOT_LIMIT.contains(s));
                    wishes.boot_limit = Some(seconds.ok_or_else(|| {
                        format!("a VM can have 1 to {} seconds to boot, not {value:?}", BOOT_LIMIT.end())
                    })?);
                }
                _ => match key.strip_prefix("env:") {
                    Some(variable) if !variable.is_empty() && !variable.contains('=') => {
                        wishes.env.push((variable.to_owned(), value));
                    }
                    _ => {
                        return Err(format!(
                            "{key:?} is no option; there are name, memory-mib, boot-limit and env:KEY"
                        ));
                    }
                },
            }
        }
        Ok(wishes)
    }
}

/// Puts together all that the VM is made of.
pub(super) async fn prepare(
    paths: Paths,
    mut record: VmRecord,
    wishes: Wishes,
    test_net: Option<TestNet>,
) -> Result<ShepherdSpec, String> {
    let (app, probe) = (record.app.clone(), paths.program("cofferdam-kvm-probe"));
    let found = tokio::task::spawn_blocking(move || images::find(&app, &probe)).await;
    let Parts { bundle, qemu, acceleration } = found.map_err(|e| e.to_string())??;
    record.name = bundle.manifest.name.clone();
    let directory = paths.vm_data(&record.vm);
    records::save(&paths, &record).map_err(|e| format!("{}: {e}", directory.display()))?;
    let data = data_volume(&directory, bundle.manifest.data_mib).await?;
    let cpus = match acceleration {
        Acceleration::Kvm => std::thread::available_parallelism().map_or(1, |n| n.get().min(CPUS)),
        // A second one costs a fifth more work from boot to first frame and gains no time.
        Acceleration::Emulated => 1,
    };
    let cpus = u32::try_from(cpus).unwrap_or(1);
    let mut machine = MachineSpec::from_bundle(record.vm.clone(), &bundle, Some(data), cpus);
    machine.memory_mib = wishes.memory_mib.unwrap_or(machine.memory_mib);
    Ok(ShepherdSpec {
        machine,
        driver: Driver::Qemu(Qemu {
            enclosure: paths.program("cofferdam-enclose"),
            program: qemu,
            acceleration,
        }),
        libexec: paths.libexec.clone(),
        arguments: arguments(test_net.as_ref()),
        helper_uid: helper_uid(&paths.desktop, record.vm.as_str()),
        monitor: paths.monitor(),
        compositor: paths.compositor(),
        socket: paths.shepherd(&record.vm),
        directory,
        icon: bundle.manifest.icon,
        boot_limit: wishes.boot_limit,
        args: wishes.args,
        env: wishes.env,
        record,
    })
}

/// What single parts of a VM are told beside what all are.
fn arguments(test_net: Option<&TestNet>) -> BTreeMap<String, Vec<String>> {
    let arena = vec!["--arena-mib".to_owned(), ARENA_MIB.to_string()];
    let mut arguments = BTreeMap::from([("gpu".to_owned(), arena)]);
    arguments.extend(test_net.map(|test| ("net".to_owned(), test.arguments())));
    arguments
}

/// The user of a VM's device processes: its own, from a range that no system hands out (above the 31-bit
/// ids of containers, below those that some file systems can't keep). Only root may become another user.
fn helper_uid(desktop: &str, vm: &str) -> Option<u32> {
    const FIRST: u32 = 0x7000_0000;
    const COUNT: u32 = 0x0fff_ffff;
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    // FNV-1a: the same VM gets the same user each time, and two of them never meet in practice.
    let words = [desktop.as_bytes(), b"/", vm.as_bytes()];
    let hash = words.into_iter().flatten().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let place = u32::try_from(hash % u64::from(COUNT)).unwrap_or_default();
    Some(FIRST.saturating_add(place))
}

/// The VM's data volume, made when it is not there: a sparse file with an empty ext4 in it.
async fn data_volume(directory: &Path, size_mib: u32) -> Result<PathBuf, String> {
    let path = directory.join("data.img");
    if path.exists() {
        return Ok(path);
    }
    let partial = directory.join("data.partial");
    let say = |error: io::Error| format!("{}: {error}", partial.display());
    let file = File::create(&partial).map_err(say)?;
    file.set_len(u64::from(size_mib) << 20).map_err(say)?;
    let mut mke2fs = tokio::process::Command::new(system_program("mke2fs"));
    mke2fs
        .args(["-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-L", "data"])
        // The app's user owns its home; nothing is written that need not be.
        .args(["-E", "root_owner=1000:1000,lazy_itable_init=1,lazy_journal_init=1,nodiscard"])
        .arg(&partial)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = mke2fs.output().await.map_err(|e| format!("mke2fs: {e}; install the package e2fsprogs"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("mke2fs ended with {}: {}", output.status, words.trim()));
    }
    std::fs::rename(&partial, &path).map_err(say)?;
    Ok(path)
}

/// System programs are often outside of a user's `PATH`.
fn system_program(name: &str) -> PathBuf {
    ["/usr/sbin", "/sbin"]
        .iter()
        .map(|d| Path::new(d).join(name))
        .find(|p| p.exists())
        .unwrap_or_else(|| name.into())
}

/// Starts the shepherd; it lives on when we die.
pub(super) fn spawn_shepherd(program: &Path, spec: &ShepherdSpec) -> io::Result<Packets> {
    let mut file = File::from(memfd_create("cofferdam-spec", MemfdFlags::CLOEXEC)?);
    file.write_all(&serde_json::to_vec(spec)?)?;
    file.rewind()?;
    let (ours, theirs) = transport::pair().map_err(io::Error::other)?;
    let log = File::create(spec.directory.join("shepherd.log"))?;
    let mut command = Command::new(program);
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut launch = Launch::independent(command);
    let spec_fd = launch.inherit(file.into()).to_string();
    let link_fd = launch.inherit(theirs).to_string();
    launch.args(["--spec-fd", &spec_fd, "--link-fd", &link_fd, "--vm", spec.record.vm.as_str()]);
    let mut child = launch.spawn_with(|c| tokio::process::Command::from(c).spawn())?;
    let vm = spec.record.vm.clone();
    tokio::spawn(async move {
        match child.wait().await {
            Ok(status) if status.success() => {}
            Ok(status) => tracing::warn!(%vm, %status, "a shepherd ended"),
            Err(error) => tracing::warn!(%vm, %error, "a shepherd can't be waited for"),
        }
    });
    Packets::new(ours, MAX_PACKET)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(options: &[(&str, &str)]) -> Result<Wishes, String> {
        Wishes::read(Vec::new(), options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn options() {
        let wishes =
            read(&[("name", "work"), ("memory-mib", "512"), ("boot-limit", "9"), ("env:LANG", "de")])
                .unwrap();
        assert_eq!(wishes.name.unwrap().as_str(), "work");
        assert_eq!((wishes.memory_mib, wishes.boot_limit), (Some(512), Some(9)));
        assert_eq!(wishes.env, [("LANG".to_owned(), "de".to_owned())]);
        for bad in [
            ("name", "../x"),
            ("memory-mib", "1"),
            ("memory-mib", "x"),
            ("boot-limit", "0"),
            ("env:", "x"),
            ("env:A=B", "x"),
            ("x", ""),
        ] {
            assert!(read(&[bad]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_vm_has_a_user_of_its_own() {
        let all = ["foot", "foot-2", "mousepad", "work"].map(|vm| helper_uid("main", vm));
        if !rustix::process::geteuid().is_root() {
            assert_eq!(all, [None; 4]);
            return;
        }
        assert_eq!(all[0], helper_uid("main", "foot"));
        assert_ne!(all[0], helper_uid("other", "foot"));
        let distinct: std::collections::BTreeSet<_> = all.into_iter().flatten().collect();
        assert_eq!(distinct.len(), 4);
        assert!(distinct.iter().all(|uid| (0x7000_0000..0x8000_0000).contains(uid)));
    }

    #[tokio::test]
    async fn a_data_volume_is_sparse_and_made_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = data_volume(directory.path(), 256).await.unwrap();
        let meta = std::fs::metadata(&path).unwrap();
        assert_eq!(meta.len(), 256 << 20);
        let blocks = std::os::unix::fs::MetadataExt::blocks(&meta);
        assert!(blocks * 512 < 16 << 20, "{blocks} blocks are not sparse");
        let made = meta.modified().unwrap();
        data_volume(directory.path(), 256).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), made);
    }
}
