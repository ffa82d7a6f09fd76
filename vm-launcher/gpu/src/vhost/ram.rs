// SPDX-License-Identifier: GPL-3.0-or-later
//! The guest's memory as the machine shares it with us.
//!
//! In: the memory table of vhost-user, regions mapped from the machine's memfds. Out: [`GuestRam`]. The
//! machine also lists the arena as a region once it is mapped; that one is not the guest's RAM, and is told
//! apart by its file.

use cofferdam_device_kit::SharedMemory;
use cofferdam_gpu_core::{GuestRam, OutsideRam};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use vm_memory::{
    Bytes, GuestAddress, GuestAddressSpace, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion,
};

/// A file, by device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileId {
    dev: u64,
    ino: u64,
}

impl FileId {
    /// Of an open file.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn of(fd: impl std::os::fd::AsFd) -> Result<Self, rustix::io::Errno> {
        let stat = rustix::fs::fstat(fd)?;
        Ok(Self { dev: stat.st_dev, ino: stat.st_ino })
    }
}

/// Which ranges of the table are RAM. Its lock is held for moments only and never together with another.
#[derive(Debug)]
pub struct RamMap {
    arena: FileId,
    ranges: Mutex<Vec<(u64, u64)>>,
}

impl RamMap {
    /// No RAM yet.
    #[must_use]
    pub const fn new(arena: FileId) -> Self {
        Self { arena, ranges: Mutex::new(Vec::new()) }
    }

    /// Takes a new table in.
    pub fn update(&self, memory: &GuestMemoryMmap) {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for region in memory.iter() {
            let file = region.file_offset().and_then(|file| FileId::of(file.file()).ok());
            if file.is_none_or(|file| file == self.arena) {
                continue;
            }
            let (start, len) = (region.start_addr().0, region.len());
            match ranges.last_mut() {
                Some((at, size)) if at.saturating_add(*size) == start => *size = size.saturating_add(len),
                _ => ranges.push((start, len)),
            }
        }
        if let Ok(mut current) = self.ranges.lock() {
            *current = ranges;
        }
    }

    fn with<T: Default>(&self, f: impl FnOnce(&[(u64, u64)]) -> T) -> T {
        self.ranges.lock().map(|ranges| f(&ranges)).unwrap_or_default()
    }
}

/// One moment's view of the guest's memory.
#[derive(Debug)]
pub struct VmRam<'a> {
    memory: <SharedMemory as GuestAddressSpace>::T,
    map: &'a RamMap,
}

impl<'a> VmRam<'a> {
    /// The current table.
    #[must_use]
    pub fn new(memory: &SharedMemory, map: &'a RamMap) -> Self {
        Self { memory: memory.memory(), map }
    }
}

impl GuestRam for VmRam<'_> {
    fn is_ram(&self, addr: u64, len: u64) -> bool {
        let Some(end) = addr.checked_add(len) else { return false };
        self.map.with(|ranges| {
            ranges.iter().any(|(start, size)| *start <= addr && end <= start.saturating_add(*size))
        })
    }

    fn size(&self) -> u64 {
        self.map.with(|ranges| ranges.iter().fold(0_u64, |sum, (_, size)| sum.saturating_add(*size)))
    }

    fn read(&self, addr: u64, into: &mut [u8]) -> Result<(), OutsideRam> {
        self.memory.read_slice(into, GuestAddress(addr)).map_err(|_unmapped| OutsideRam)
    }

    fn write(&self, addr: u64, bytes: &[u8]) -> Result<(), OutsideRam> {
        self.memory.write_slice(bytes, GuestAddress(addr)).map_err(|_unmapped| OutsideRam)
    }

    fn load_acquire(&self, addr: u64) -> Result<u32, OutsideRam> {
        self.memory.load(GuestAddress(addr), Ordering::Acquire).map_err(|_unmapped| OutsideRam)
    }

    fn store_release(&self, addr: u64, value: u32) -> Result<(), OutsideRam> {
        self.memory.store(value, GuestAddress(addr), Ordering::Release).map_err(|_unmapped| OutsideRam)
    }
}
