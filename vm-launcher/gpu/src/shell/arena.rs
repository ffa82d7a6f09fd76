// SPDX-License-Identifier: GPL-3.0-or-later
//! The pixel arena: one sealed memfd per VM.
//!
//! In: a size, ranges to free, host files to copy in. Out: a descriptor for the machine and the compositor.
//! This process never maps it: the pixels in it are none of its business.

use cofferdam_gpu_core::Range;
use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Bytes copied at once.
const CHUNK: usize = 64 * 1024;

/// The arena.
#[derive(Debug)]
pub struct Arena {
    fd: OwnedFd,
    size: u64,
}

impl Arena {
    /// A new arena of `size` bytes, all zero and none of them backed yet.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn new(size: u64) -> Result<Self, Errno> {
        let fd =
            rustix::fs::memfd_create("cofferdam-arena", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        rustix::fs::ftruncate(&fd, size)?;
        // Nobody who maps it can be surprised by SIGBUS, and nobody can undo that.
        rustix::fs::fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        Ok(Self { fd, size })
    }

    /// Its bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Gives the pages of a range back; they read as zeros afterwards.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn punch(&self, range: Range) -> Result<(), Errno> {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(&self.fd, flags, range.offset, range.len)
    }

    /// Copies the first bytes of `file` to a range.
    ///
    /// # Errors
    /// If the kernel refuses; a file that is shorter than the range leaves zeros.
    pub fn fill(&self, file: BorrowedFd<'_>, range: Range) -> Result<(), Errno> {
        let mut chunk = vec![0_u8; CHUNK];
        let mut done = 0;
        while done < range.len {
            let want = usize::try_from(range.len.saturating_sub(done)).unwrap_or(CHUNK).min(CHUNK);
            let part = chunk.get_mut(..want).unwrap_or_default();
            let got = rustix::io::retry_on_intr(|| rustix::io::pread(file, &mut *part, done))?;
            if got == 0 {
                break;
            }
            let mut rest = part.get(..got).unwrap_or_default();
            while !rest.is_empty() {
                let at = range.offset.saturating_add(done);
                let put = rustix::io::retry_on_intr(|| rustix::io::pwrite(&self.fd, rest, at))?;
                rest = rest.get(put..).unwrap_or_default();
                done = done.saturating_add(u64::try_from(put).unwrap_or(u64::MAX));
            }
        }
        Ok(())
    }
}

impl AsFd for Arena {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arena: &Arena, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        rustix::io::pread(&arena.fd, &mut bytes, at).unwrap();
        bytes
    }

    #[test]
    fn sealed_filled_and_punched() {
        let arena = Arena::new(1 << 20).unwrap();
        assert_eq!(rustix::fs::ftruncate(&arena.fd, 1), Err(Errno::PERM));
        assert_eq!(rustix::fs::ftruncate(&arena.fd, 1 << 21), Err(Errno::PERM));
        let file = rustix::fs::memfd_create("f", MemfdFlags::CLOEXEC).unwrap();
        let text = vec![7_u8; CHUNK + 5];
        rustix::io::pwrite(&file, &text, 0).unwrap();
        let range = Range { offset: 4096, len: u64::try_from(CHUNK).unwrap() + 4096 };
        arena.fill(file.as_fd(), range).unwrap();
        assert_eq!(read(&arena, 4096, CHUNK + 5), text);
        assert_eq!(read(&arena, 4096 + u64::try_from(CHUNK).unwrap() + 5, 100), vec![0; 100]);
        arena.punch(range).unwrap();
        assert_eq!(read(&arena, 4096, CHUNK + 5), vec![0; CHUNK + 5]);
        assert_eq!(rustix::fs::fstat(&arena.fd).unwrap().st_blocks, 0);
    }
}
