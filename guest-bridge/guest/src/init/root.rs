// SPDX-License-Identifier: GPL-3.0-or-later
//! In: checked layers and the data volume. Out: the root file system the app sees.
//!
//! `/` is an overlay: app layer above base layer, a tmpfs on top. Nothing persists but the data
//! volume at the app user's home.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{Gid, Mode, Uid, chmod, chown};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_move, unmount};

use super::cmdline::{BootArgs, Verity};
use super::dm::Mapper;
use super::uevent::Devices;
use super::{BootError, DEVICE_LIMIT, disks};

/// User and group of the app.
pub(crate) const APP_USER: u32 = 1000;
/// The app user's home and working directory.
pub(crate) const HOME: &str = "/home/user";
/// The app user's runtime directory.
pub(crate) const RUNTIME_DIR: &str = "/run/user/1000";

const NEW_ROOT: &str = "/n";

/// `/dev`, `/proc` and `/sys` in the initramfs, and standard streams on the console.
pub(crate) fn early_mounts() -> Result<(), BootError> {
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount_at("devtmpfs", "/dev", "devtmpfs", MountFlags::NOSUID, "mode=0755")?;
    open_console()?;
    mount_at("proc", "/proc", "proc", flags | MountFlags::NODEV, "")?;
    mount_at("sysfs", "/sys", "sysfs", flags | MountFlags::NODEV, "")
}

/// The kernel gives PID 1 no streams if the initramfs has no console node.
fn open_console() -> Result<(), BootError> {
    let failed = |e: io::Error| BootError::io("open /dev/console", e);
    let console = File::options().read(true).write(true).open("/dev/console").map_err(failed)?;
    rustix::stdio::dup2_stdin(&console).map_err(|e| failed(e.into()))?;
    rustix::stdio::dup2_stdout(&console).map_err(|e| failed(e.into()))?;
    rustix::stdio::dup2_stderr(&console).map_err(|e| failed(e.into()))
}

/// Checks and stacks the layers, adds the volatile parts and makes the result the root.
pub(crate) fn assemble(args: &BootArgs, devices: &Devices) -> Result<(), BootError> {
    let mapper = Mapper::open().map_err(|e| BootError::io("open the device mapper", e))?;
    mount_layer(&mapper, devices, "base", &args.base)?;
    let mut lower = "/l/base".to_owned();
    if let Some(app) = &args.app {
        mount_layer(&mapper, devices, "app", app)?;
        lower.insert_str(0, "/l/app:");
    }
    mount_at("tmpfs", "/rw", "tmpfs", MountFlags::empty(), "mode=0755")?;
    make_dir("/rw/upper", 0o755)?;
    make_dir("/rw/work", 0o755)?;
    let layers = format!("lowerdir={lower},upperdir=/rw/upper,workdir=/rw/work");
    mount_at("overlay", NEW_ROOT, "overlay", MountFlags::empty(), &layers)?;
    // The disk is looked for before the root changes, while the device list is complete.
    let data = disks::by_serial("data").map_err(|e| BootError::io("look for the data volume", e))?;
    switch_root()?;
    volatile_mounts()?;
    match data {
        Some(disk) => mount_data(&disk),
        None => own_dir(HOME, 0o700, APP_USER),
    }
}

fn mount_layer(
    mapper: &Mapper,
    devices: &Devices,
    name: &'static str,
    layer: &Verity,
) -> Result<(), BootError> {
    let disk = devices
        .wait_for(DEVICE_LIMIT, || disks::by_serial(name))
        .map_err(|e| BootError::io(format!("look for the {name} disk"), e))?
        .ok_or(BootError::NoDisk(name))?;
    let mapped = mapper
        .verity(name, &disk, layer)
        .map_err(|e| BootError::io(format!("set up dm-verity for the {name} layer"), e))?;
    let result = mount_at(&mapped, format!("/l/{name}"), "erofs", MountFlags::RDONLY, "");
    // A mount fails with some I/O error if the first blocks are wrong; only dm-verity knows why.
    if result.is_err() && mapper.is_corrupted(name).unwrap_or(false) {
        return Err(BootError::Corrupted(name));
    }
    result
}

/// Moves the kernel's file systems over and makes [`NEW_ROOT`] the root of everything.
fn switch_root() -> Result<(), BootError> {
    for dir in ["dev", "proc", "sys"] {
        let to = format!("{NEW_ROOT}/{dir}");
        make_dir(&to, 0o755)?;
        mount_move(format!("/{dir}"), &to).map_err(|e| BootError::io(format!("move /{dir}"), e))?;
    }
    // The initramfs stays reachable to nobody; its modules are the only large thing in it.
    std::fs::remove_dir_all(super::modules::DIR).map_err(|e| BootError::io("drop the modules", e))?;
    rustix::process::chdir(NEW_ROOT).map_err(|e| BootError::io("enter the new root", e))?;
    mount_move(".", "/").map_err(|e| BootError::io("move the new root", e))?;
    rustix::process::chroot(".").map_err(|e| BootError::io("switch roots", e))?;
    rustix::process::chdir("/").map_err(|e| BootError::io("enter the new root", e))
}

fn volatile_mounts() -> Result<(), BootError> {
    let quiet = MountFlags::NOSUID | MountFlags::NODEV;
    mount_at("tmpfs", "/run", "tmpfs", quiet, "mode=0755")?;
    mount_at("tmpfs", "/tmp", "tmpfs", quiet, "mode=1777")?;
    mount_at("tmpfs", "/dev/shm", "tmpfs", quiet, "mode=1777")?;
    mount_at(
        "devpts",
        "/dev/pts",
        "devpts",
        MountFlags::NOSUID | MountFlags::NOEXEC,
        "ptmxmode=0666,mode=0620,gid=5",
    )?;
    // What programs expect beside the nodes which the kernel makes.
    for (link, target) in [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "fd/0"),
        ("stdout", "fd/1"),
        ("stderr", "fd/2"),
    ] {
        let path = Path::new("/dev").join(link);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(BootError::io(format!("replace /dev/{link}"), e));
            }
            _ => {}
        }
        std::os::unix::fs::symlink(target, &path)
            .map_err(|e| BootError::io(format!("link /dev/{link}"), e))?;
    }
    own_dir("/run/user", 0o755, 0)?;
    own_dir(RUNTIME_DIR, 0o700, APP_USER)
}

fn mount_data(disk: &Path) -> Result<(), BootError> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOATIME;
    mount_at(disk, HOME, "ext4", flags, "")?;
    // A new volume belongs to root: it was made on the host.
    own_dir(HOME, 0o700, APP_USER)
}

/// Takes the data volume out of use, so that its journal is clean at the next start.
pub(crate) fn release_data() {
    // Not mounted (a boot that failed early, a VM without data) is as good as released.
    let _ = unmount(HOME, UnmountFlags::empty());
    rustix::fs::sync();
}

fn mount_at(
    source: impl AsRef<Path>,
    target: impl AsRef<Path>,
    kind: &str,
    flags: MountFlags,
    data: &str,
) -> Result<(), BootError> {
    let (source, target) = (source.as_ref(), target.as_ref());
    let failed =
        |e: io::Error| BootError::io(format!("mount {} on {}", source.display(), target.display()), e);
    std::fs::create_dir_all(target).map_err(failed)?;
    let data = CString::new(data).map_err(|e| failed(e.into()))?;
    mount(source, target, kind, flags, data.as_c_str()).map_err(|e| failed(e.into()))
}

fn make_dir(path: &str, mode: u32) -> Result<(), BootError> {
    let failed = |e: io::Error| BootError::io(format!("make {path}"), e);
    std::fs::create_dir_all(path).map_err(failed)?;
    chmod(path, Mode::from_raw_mode(mode)).map_err(|e| failed(e.into()))
}

fn own_dir(path: &str, mode: u32, owner: u32) -> Result<(), BootError> {
    make_dir(path, mode)?;
    chown(path, Some(Uid::from_raw(owner)), Some(Gid::from_raw(owner)))
        .map_err(|e| BootError::io(format!("give {path} to its user"), e))
}
