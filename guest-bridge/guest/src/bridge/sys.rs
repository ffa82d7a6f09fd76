// SPDX-License-Identifier: GPL-3.0-or-later
//! Memory that others write too, and the ioctls of the DRM render node. In: checked offsets and plain
//! structs. Out: bytes, counters, the kernel's answers.
//!
//! No Rust reference to shared memory ever exists: an app or the host may change it at any time. It is
//! only copied, through raw pointers, within bounds that every method checks.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A shared mapping; unmapped when dropped.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

/// An access would leave the mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("access outside of shared memory")]
pub struct OutOfBounds;

impl From<OutOfBounds> for io::Error {
    fn from(error: OutOfBounds) -> Self {
        Self::other(error)
    }
}

impl Mapping {
    /// Maps `len` bytes of `fd` from `offset` on for reading.
    ///
    /// The file behind must not shrink below that, or an access ends the process: the caller has checked
    /// its seals, or it is device memory.
    ///
    /// # Errors
    /// What `mmap` says.
    pub fn read_only(fd: impl AsFd, len: usize, offset: u64) -> io::Result<Self> {
        Self::map(fd.as_fd(), len, offset, ProtFlags::READ)
    }

    /// The same for reading and writing.
    ///
    /// # Errors
    /// What `mmap` says.
    pub fn read_write(fd: impl AsFd, len: usize, offset: u64) -> io::Result<Self> {
        Self::map(fd.as_fd(), len, offset, ProtFlags::READ | ProtFlags::WRITE)
    }

    fn map(fd: BorrowedFd<'_>, len: usize, offset: u64, prot: ProtFlags) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice cannot alias any Rust object.
        let start = unsafe { mmap(std::ptr::null_mut(), len, prot, MapFlags::SHARED, fd, offset) }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, len })
    }

    /// Bytes mapped.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is mapped; never so.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The address of `len` bytes at `offset`, if they lie within.
    fn at(&self, offset: usize, len: usize) -> Result<NonNull<u8>, OutOfBounds> {
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(OutOfBounds);
        }
        // SAFETY: `offset` is at most `self.len`, so the result stays within the one mapping.
        Ok(unsafe { self.start.add(offset) })
    }

    /// Copies out.
    ///
    /// # Errors
    /// [`OutOfBounds`].
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result<(), OutOfBounds> {
        let from = self.at(offset, to.len())?;
        // SAFETY: both ranges are valid for `to.len()` bytes, and ordinary memory never overlaps a mapping.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), to.as_mut_ptr(), to.len()) };
        Ok(())
    }

    /// Copies in. The mapping must be writable.
    ///
    /// # Errors
    /// [`OutOfBounds`].
    pub fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutOfBounds> {
        let to = self.at(offset, from.len())?;
        // SAFETY: both ranges are valid for `from.len()` bytes, and ordinary memory never overlaps a mapping.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), to.as_ptr(), from.len()) };
        Ok(())
    }

    /// Copies `len` bytes from another mapping. This one must be writable.
    ///
    /// # Errors
    /// [`OutOfBounds`].
    pub fn copy_from(
        &self,
        offset: usize,
        from: &Self,
        from_offset: usize,
        len: usize,
    ) -> Result<(), OutOfBounds> {
        let source = from.at(from_offset, len)?;
        let to = self.at(offset, len)?;
        // SAFETY: both ranges are mapped; `copy` allows that two mappings show the same memory.
        unsafe { std::ptr::copy(source.as_ptr(), to.as_ptr(), len) };
        Ok(())
    }

    /// Reads `len` bytes of a file; fewer if it ends before. This mapping must be writable.
    ///
    /// # Errors
    /// [`OutOfBounds`] or what `pread` says.
    pub fn fill_from_file(&self, offset: usize, file: impl AsFd, at: u64, len: usize) -> io::Result<usize> {
        let to = self.at(offset, len)?;
        let at = i64::try_from(at).map_err(io::Error::other)?;
        // SAFETY: the kernel writes at most `len` bytes to a range that `at` has found to be mapped.
        let count = unsafe { libc::pread(file.as_fd().as_raw_fd(), to.as_ptr().cast(), len, at) };
        usize::try_from(count).map_err(|_negative| io::Error::last_os_error())
    }

    fn counter(&self, offset: usize) -> Result<&AtomicU32, OutOfBounds> {
        let word = self.at(offset, size_of::<u32>())?.cast::<u32>();
        if !word.is_aligned() {
            return Err(OutOfBounds);
        }
        // SAFETY: the word is mapped as long as `self` lives, aligned, and only accessed atomically by us;
        // the host's own accesses are atomic too.
        Ok(unsafe { AtomicU32::from_ptr(word.as_ptr()) })
    }

    /// Reads a counter that the other side wrote after its data.
    ///
    /// # Errors
    /// [`OutOfBounds`], also if misaligned.
    pub fn load(&self, offset: usize) -> Result<u32, OutOfBounds> {
        Ok(self.counter(offset)?.load(Ordering::Acquire))
    }

    /// Writes a counter after everything that was done before.
    ///
    /// # Errors
    /// [`OutOfBounds`], also if misaligned.
    pub fn store(&self, offset: usize, value: u32) -> Result<(), OutOfBounds> {
        self.counter(offset)?.store(value, Ordering::Release);
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `map`, is unmapped only here, and no reference to it exists.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// The render node's requests that the bridge makes; the layouts are those of `drm/virtgpu_drm.h`.
pub mod drm {
    use super::{AsFd, AsRawFd, FromRawFd, OwnedFd, io};

    const DRM: u64 = 0x64;
    const WRITE_ONLY: u64 = 1;
    const READ_WRITE: u64 = 3;

    /// A request's number and its argument's layout.
    ///
    /// # Safety
    /// `NR` must be a request whose argument is exactly `Self`, and which follows no pointer other than
    /// those that the struct's constructor has set to live memory.
    unsafe trait Request {
        const DIRECTION: u64 = READ_WRITE;
        const NR: u64;
    }

    fn call<R: Request>(fd: impl AsFd, request: &mut R) -> io::Result<()> {
        let size = u64::try_from(size_of::<R>()).map_err(io::Error::other)?;
        let number = (R::DIRECTION << 30) | (size << 16) | (DRM << 8) | R::NR;
        // SAFETY: by the trait's contract the kernel reads and writes exactly one `R`, borrowed for the call,
        // and memory that its pointers name.
        let result = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), number, std::ptr::from_mut(request)) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    fn address<T>(slice: &[T]) -> u64 {
        slice.as_ptr().expose_provenance() as u64
    }

    fn len32<T>(slice: &[T]) -> io::Result<u32> {
        u32::try_from(slice.len()).map_err(io::Error::other)
    }

    #[repr(C)]
    struct GetCaps {
        id: u32,
        version: u32,
        address: u64,
        size: u32,
        pad: u32,
    }
    // SAFETY: GET_CAPS; writes at most `size` bytes to `address`, which `get_caps` borrows exclusively.
    unsafe impl Request for GetCaps {
        const NR: u64 = 0x49;
    }

    /// The bytes of a capability set.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn get_caps(fd: impl AsFd, id: u32, to: &mut [u8]) -> io::Result<()> {
        let size = len32(to)?;
        let address = to.as_mut_ptr().expose_provenance() as u64;
        call(fd, &mut GetCaps { id, version: 0, address, size, pad: 0 })
    }

    #[repr(C)]
    struct ContextInit {
        count: u32,
        pad: u32,
        params: u64,
    }
    // SAFETY: CONTEXT_INIT; reads `count` pairs at `params`, which `context_init` borrows.
    unsafe impl Request for ContextInit {
        const NR: u64 = 0x4b;
    }

    /// Makes the file a context; parameters are pairs of number and value.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn context_init(fd: impl AsFd, params: &[[u64; 2]]) -> io::Result<()> {
        call(fd, &mut ContextInit { count: len32(params)?, pad: 0, params: address(params) })
    }

    #[repr(C)]
    struct CreateBlob {
        memory: u32,
        flags: u32,
        handle: u32,
        resource: u32,
        size: u64,
        pad: u32,
        command_size: u32,
        command: u64,
        blob_id: u64,
    }
    // SAFETY: RESOURCE_CREATE_BLOB; with a command size of 0 it follows no pointer.
    unsafe impl Request for CreateBlob {
        const NR: u64 = 0x4a;
    }

    /// Makes a blob; returns its handle and its resource id.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn create_blob(
        fd: impl AsFd,
        memory: u32,
        flags: u32,
        size: u64,
        blob_id: u64,
    ) -> io::Result<(u32, u32)> {
        let mut request = CreateBlob {
            memory,
            flags,
            handle: 0,
            resource: 0,
            size,
            pad: 0,
            command_size: 0,
            command: 0,
            blob_id,
        };
        call(fd, &mut request)?;
        Ok((request.handle, request.resource))
    }

    #[repr(C)]
    struct Map {
        offset: u64,
        handle: u32,
        pad: u32,
    }
    // SAFETY: MAP; has no pointers.
    unsafe impl Request for Map {
        const NR: u64 = 0x41;
    }

    /// The offset in the node's address space at which `mmap` finds the blob.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn map_offset(fd: impl AsFd, handle: u32) -> io::Result<u64> {
        let mut request = Map { offset: 0, handle, pad: 0 };
        call(fd, &mut request)?;
        Ok(request.offset)
    }

    #[repr(C)]
    struct ExecBuffer {
        flags: u32,
        size: u32,
        command: u64,
        handles: u64,
        handle_count: u32,
        fence_fd: i32,
        ring: u32,
        syncobj_stride: u32,
        in_syncobjs: u32,
        out_syncobjs: u32,
        in_address: u64,
        out_address: u64,
    }
    // SAFETY: EXECBUFFER; reads `size` bytes at `command`, which `exec` borrows; all other counts are 0.
    unsafe impl Request for ExecBuffer {
        const NR: u64 = 0x42;
    }

    const FENCE_OUT: u32 = 2;
    const RING_INDEX: u32 = 4;

    fn exec_buffer(fd: impl AsFd, commands: &[u8], flags: u32, ring: u32) -> io::Result<i32> {
        let mut request = ExecBuffer {
            flags,
            size: len32(commands)?,
            command: address(commands),
            handles: 0,
            handle_count: 0,
            fence_fd: -1,
            ring,
            syncobj_stride: 0,
            in_syncobjs: 0,
            out_syncobjs: 0,
            in_address: 0,
            out_address: 0,
        };
        call(fd, &mut request)?;
        Ok(request.fence_fd)
    }

    /// Submits commands; on a timeline of the context if `ring` is given.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn exec(fd: impl AsFd, commands: &[u8], ring: Option<u32>) -> io::Result<()> {
        let flags = if ring.is_some() { RING_INDEX } else { 0 };
        exec_buffer(fd, commands, flags, ring.unwrap_or(0)).map(drop)
    }

    /// Submits commands on a timeline; the result becomes readable when the host has completed them.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn exec_fenced(fd: impl AsFd, commands: &[u8], ring: u32) -> io::Result<OwnedFd> {
        let fence = exec_buffer(fd, commands, RING_INDEX | FENCE_OUT, ring)?;
        if fence < 0 {
            return Err(io::Error::other("the driver gave no fence"));
        }
        // SAFETY: with that flag the driver has installed a new descriptor, which nobody else owns.
        Ok(unsafe { OwnedFd::from_raw_fd(fence) })
    }

    #[repr(C)]
    struct GemClose {
        handle: u32,
        pad: u32,
    }
    // SAFETY: GEM_CLOSE; has no pointers.
    unsafe impl Request for GemClose {
        const DIRECTION: u64 = WRITE_ONLY;
        const NR: u64 = 0x09;
    }

    /// Lets go of a blob.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn gem_close(fd: impl AsFd, handle: u32) -> io::Result<()> {
        call(fd, &mut GemClose { handle, pad: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

    fn memory(len: usize) -> (OwnedFd, Mapping) {
        let fd = memfd_create("test", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&fd, len as u64).unwrap();
        let mapping = Mapping::read_write(&fd, len, 0).unwrap();
        (fd, mapping)
    }

    #[test]
    fn bounds_are_checked() {
        let (fd, map) = memory(4096);
        let mut two = [0u8; 2];
        assert_eq!(map.write(4094, b"ab"), Ok(()));
        assert_eq!(map.read(4094, &mut two), Ok(()));
        assert_eq!(&two, b"ab");
        assert_eq!(map.write(4095, b"ab"), Err(OutOfBounds));
        assert_eq!(map.read(usize::MAX, &mut two), Err(OutOfBounds));
        assert_eq!(map.load(2), Err(OutOfBounds));
        assert_eq!(map.store(4096, 1), Err(OutOfBounds));
        assert_eq!(map.copy_from(0, &map, 4095, 2), Err(OutOfBounds));
        assert!(map.fill_from_file(4095, &fd, 0, 2).is_err());
    }

    #[test]
    fn a_file_that_ends_gives_fewer_bytes() {
        let (_to_fd, to) = memory(4096);
        let (from_fd, from) = memory(4096);
        from.write(0, b"pixels").unwrap();
        ftruncate(&from_fd, 6).unwrap();
        assert_eq!(to.fill_from_file(10, &from_fd, 2, 100).unwrap(), 4);
        let mut got = [0; 5];
        to.read(10, &mut got).unwrap();
        assert_eq!(&got, b"xels\0");
    }

    #[test]
    fn counters_are_shared() {
        let (fd, map) = memory(4096);
        let other = Mapping::read_only(&fd, 4096, 0).unwrap();
        map.store(64, 7).unwrap();
        assert_eq!(other.load(64), Ok(7));
    }
}
