// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the lock and the guest's static binary. Out: where kernel and initramfs lie, if they are built.

use crate::cache::{Cache, Key};
use crate::error::{At, Result};
use crate::lock::{Lock, Set};
use std::fs;
use std::path::{Path, PathBuf};

/// Goes into the key; change it when kernels are prepared differently.
const FORMAT: &[u8] = b"kernel 1";
const INITRAMFS_FORMAT: &[u8] = b"initramfs 1";

/// The kernel in its directory.
pub const VMLINUX: &str = "vmlinux";
/// The archive in its directory.
pub const INITRAMFS: &str = "initramfs.cpio";

/// Modules that a guest needs, in the order in which it is good to have them. `?` means: if there is one; an
/// alias stands for every implementation of it.
pub const WANTED: &[&str] = &[
    "virtio_pci",
    "?virtio_mmio",
    "virtio_blk",
    "virtio_console",
    "virtio_net",
    "?crypto-sha256",
    "dm-verity",
    "erofs",
    "overlay",
    "ext4",
    "virtio-gpu",
    "virtio-rng",
    "fuse",
];

/// The set of the lock file.
#[must_use]
pub fn set() -> Set {
    let mut set = Set::plain("kernel", &["linux-image-amd64"]);
    // The rest of the closure would make an initramfs with the tools of the host's distribution.
    set.only = Some("linux-image-6");
    set
}

/// What a kernel is made of.
#[must_use]
pub fn key(lock: &Lock) -> Key {
    let wanted = WANTED.join(" ");
    Key::of(&[FORMAT, wanted.as_bytes(), &lock.bytes(&set())])
}

/// The kernel's directory (`vmlinux`, `order`, `modules/`, `release`), if it is built.
#[must_use]
pub fn find(cache: &Cache, lock: &Lock) -> Option<PathBuf> {
    cache.find("kernel", &key(lock))
}

/// What an initramfs is made of: a kernel's directory and the bytes of the guest's binary.
#[must_use]
pub fn initramfs_key(kernel: &Path, guest: &[u8]) -> Key {
    Key::of(&[INITRAMFS_FORMAT, kernel.file_name().unwrap_or_default().as_encoded_bytes(), guest])
}

/// The initramfs, if it is built.
///
/// # Errors
/// The guest's binary can't be read.
pub fn find_initramfs(cache: &Cache, kernel: &Path, guest_binary: &Path) -> Result<Option<PathBuf>> {
    let guest = fs::read(guest_binary).at(guest_binary)?;
    Ok(cache.find("initramfs", &initramfs_key(kernel, &guest)).map(|d| d.join(INITRAMFS)))
}
