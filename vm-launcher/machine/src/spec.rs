// SPDX-License-Identifier: GPL-3.0-or-later
//! What a machine is made of. In: a bundle of the image cache, or JSON from the launcher. Out: plain
//! data that every driver understands.

use cofferdam_catalogue::Bundle;
use cofferdam_ids::VmId;
use cofferdam_lifecycle::Device;
use serde::{Deserialize, Serialize};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// One VM, independent of who runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineSpec {
    /// Its name, for process lists only.
    pub vm: VmId,
    /// Uncompressed ELF kernel with a PVH entry.
    pub kernel: PathBuf,
    /// Initial RAM file system.
    pub initramfs: PathBuf,
    /// Words for the guest's PID 1 on the kernel's command line.
    pub arguments: Vec<String>,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Virtual processors.
    pub cpus: u32,
    /// Block devices, in order.
    pub disks: Vec<Disk>,
}

/// A block device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// By which PID 1 finds it: `base`, `app` or `data`.
    pub serial: String,
    /// The file behind it.
    pub path: PathBuf,
    /// Whether the guest may write to it.
    pub writable: bool,
}

/// A connected socket to the process of one device.
#[derive(Debug)]
pub struct Wire {
    /// A name that no other device of the machine has: lower-case letters and dashes.
    pub name: &'static str,
    /// What the machine has to know of it.
    pub device: Device,
    /// vhost-user.
    pub socket: OwnedFd,
}

/// Connected sockets of the machine's devices.
#[derive(Debug)]
pub struct Wires {
    /// vhost-user, to each device, in the order in which the machine has them.
    pub devices: Vec<Wire>,
    /// The serial console, a stream socket.
    pub console: OwnedFd,
    /// The agent's port, a stream socket.
    pub agent: OwnedFd,
}

impl MachineSpec {
    /// The machine that boots `bundle` with `data`, if given, as its only writable disk.
    #[must_use]
    pub fn from_bundle(vm: VmId, bundle: &Bundle, data: Option<PathBuf>, cpus: u32) -> Self {
        let read_only = |serial: &str, path: &PathBuf| Disk {
            serial: serial.to_owned(),
            path: path.clone(),
            writable: false,
        };
        let mut disks = vec![read_only("base", &bundle.base.path), read_only("app", &bundle.app.path)];
        disks.extend(data.map(|path| Disk { serial: "data".to_owned(), path, writable: true }));
        Self {
            vm,
            kernel: bundle.kernel.clone(),
            initramfs: bundle.initramfs.clone(),
            arguments: vec![
                format!("cofferdam.base={}", bundle.base.kernel_argument()),
                format!("cofferdam.app={}", bundle.app.kernel_argument()),
            ],
            memory_mib: bundle.manifest.memory_mib,
            cpus,
            disks,
        }
    }
}
