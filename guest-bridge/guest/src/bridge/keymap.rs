// SPDX-License-Identifier: GPL-3.0-or-later
//! In: memory that the host shows, such as a keymap. Out: a sealed file of the VM's own with the same bytes.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use super::channel::Channel;

/// No keymap is larger; a host that claims so is not believed.
const MAX_SIZE: u32 = 16 * 1024 * 1024;

/// Copies a host's item into a file that nobody can change any more.
pub(crate) fn private_copy(item: u32, size: u32, channel: &mut impl Channel) -> io::Result<OwnedFd> {
    if size > MAX_SIZE {
        return Err(io::Error::other("the host's file is too large"));
    }
    let blob = channel.claim(item, size.into())?;
    let mut bytes = vec![0u8; usize::try_from(size).map_err(io::Error::other)?];
    let read = blob.memory.read(0, &mut bytes);
    channel.release(blob);
    read?;
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(memfd_create("cofferdam", flags)?);
    file.write_all(&bytes)?;
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
    Ok(file.into())
}
