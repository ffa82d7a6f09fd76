// SPDX-License-Identifier: GPL-3.0-or-later
//! The app's own shared memory, which never leaves the VM. In: pools and buffers as the app makes them.
//! Out: copies of their pixels into memory that the host sees.
//!
//! An app may shrink its file at any moment. Only a file that is sealed against it is mapped; any other is
//! read with `pread`, which then ends early instead of killing the bridge and with it all apps.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::fs::{FileType, SealFlags, fcntl_get_seals, fstat, fstatfs};

use super::damage::Region;
use super::layout::{Geometry, MAX_SIDE, Source, Span, spans};
use super::sys::Mapping;

/// A `wl_shm_pool`.
#[derive(Debug)]
pub(crate) struct Pool {
    file: OwnedFd,
    size: i32,
    /// Only for files that cannot shrink.
    mapping: Option<Mapping>,
}

/// Why a request about a pool is refused; the code is one of `wl_shm.error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct ShmError {
    /// Number in the protocol.
    pub(crate) code: u32,
    /// For the app's developer.
    pub(crate) text: &'static str,
}

const fn error(code: u32, text: &'static str) -> ShmError {
    ShmError { code, text }
}

const INVALID_FORMAT: u32 = 0;
const INVALID_STRIDE: u32 = 1;
const INVALID_FD: u32 = 2;

impl Pool {
    /// A pool of `size` bytes.
    pub(crate) fn new(file: OwnedFd, size: i32) -> Result<Self, ShmError> {
        if size <= 0 {
            return Err(error(INVALID_STRIDE, "the size of a pool must be positive"));
        }
        let mapping = map(&file, size)?;
        Ok(Self { file, size, mapping })
    }

    /// `wl_shm_pool.resize`.
    pub(crate) fn resize(&mut self, size: i32) -> Result<(), ShmError> {
        if size < self.size {
            return Err(error(INVALID_FD, "a pool cannot shrink"));
        }
        self.mapping = map(&self.file, size)?;
        self.size = size;
        Ok(())
    }

    fn copy(&self, span: Span, to: &Mapping) -> io::Result<()> {
        let Some(mapping) = &self.mapping else {
            // A file that ends early leaves old pixels of this same surface: its app's own fault and harm.
            return to.fill_from_file(span.to, &self.file, span.from, span.len).map(drop);
        };
        let from = usize::try_from(span.from).map_err(io::Error::other)?;
        Ok(to.copy_from(span.to, mapping, from, span.len)?)
    }
}

/// File systems whose files answer a read without waiting for another program: those of this VM.
const PROMPT: [u64; 4] = [
    0x0102_1994, // tmpfs, memfd
    0x9584_58f6, // hugetlbfs
    0xef53,      // ext4
    0x794c_7630, // overlayfs
];

fn map(file: &OwnedFd, size: i32) -> Result<Option<Mapping>, ShmError> {
    let no_file = error(INVALID_FD, "the pool's descriptor is no file of memory or disk");
    let stat = fstat(file).map_err(|_e| no_file)?;
    let system = fstatfs(file).map_err(|_e| no_file)?;
    // A pipe, a terminal or a file served by the app itself could block the bridge and with it all apps.
    let prompt = u64::try_from(system.f_type).is_ok_and(|kind| PROMPT.contains(&kind));
    if !FileType::from_raw_mode(stat.st_mode).is_file() || !prompt {
        return Err(no_file);
    }
    let sealed = fcntl_get_seals(file).is_ok_and(|seals| seals.contains(SealFlags::SHRINK));
    if !sealed || stat.st_size < i64::from(size) {
        return Ok(None);
    }
    let len =
        usize::try_from(size).map_err(|_e| error(INVALID_STRIDE, "the size of a pool must be positive"))?;
    // Without a mapping the slow way remains.
    Ok(Mapping::read_only(file, len, 0).ok())
}

/// A `wl_buffer` in such a pool. It keeps the pool alive, as the protocol says.
#[derive(Debug, Clone)]
pub(crate) struct Buffer {
    pool: Rc<RefCell<Pool>>,
    /// Its size and format.
    pub(crate) geometry: Geometry,
    source: Source,
}

/// The arguments of `wl_shm_pool.create_buffer`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BufferArgs {
    pub(crate) offset: i32,
    pub(crate) width: i32,
    pub(crate) height: i32,
    pub(crate) stride: i32,
    pub(crate) format: u32,
}

impl Buffer {
    /// Checks a buffer against its pool.
    pub(crate) fn new(pool: &Rc<RefCell<Pool>>, args: BufferArgs) -> Result<Self, ShmError> {
        let geometry = Geometry { width: args.width, height: args.height, format: args.format };
        let Some(pixel) = geometry.pixel() else {
            return Err(error(INVALID_FORMAT, "this format was not announced"));
        };
        let wrong = error(INVALID_STRIDE, "size, stride or offset of the buffer do not fit the pool");
        if !(1..=MAX_SIDE).contains(&args.width) || !(1..=MAX_SIDE).contains(&args.height) {
            return Err(wrong);
        }
        let (width, height) = (i64::from(args.width), i64::from(args.height));
        let (offset, stride) = (i64::from(args.offset), i64::from(args.stride));
        // Sums and products of numbers below 2³¹ cannot overflow 64 bits.
        let row = width.saturating_mul(pixel.into());
        let end = offset.saturating_add(stride.saturating_mul(height));
        if offset < 0 || stride < row || end > i64::from(pool.borrow().size) {
            return Err(wrong);
        }
        let source = Source {
            offset: u64::try_from(offset).map_err(|_negative| wrong)?,
            stride: u32::try_from(stride).map_err(|_negative| wrong)?,
        };
        Ok(Self { pool: Rc::clone(pool), geometry, source })
    }

    /// Copies the pixels of `region`, which is clipped to the buffer, to a blob of our own layout. Returns
    /// how many bytes that were.
    pub(crate) fn copy(&self, region: &Region, to: &Mapping) -> io::Result<u64> {
        let pool = self.pool.borrow();
        let mut bytes = 0u64;
        for rect in region.rects() {
            for span in spans(self.geometry, self.source, *rect) {
                pool.copy(span, to)?;
            }
            bytes = bytes.saturating_add(self.geometry.bytes_of(rect.area()));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::damage::Rect;
    use super::*;
    use rustix::fs::{MemfdFlags, fcntl_add_seals, ftruncate, memfd_create};

    fn file(len: usize, sealed: bool) -> OwnedFd {
        let fd = memfd_create("pool", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&fd, len as u64).unwrap();
        let map = Mapping::read_write(&fd, len, 0).unwrap();
        map.write(0, &(0..251u8).cycle().take(len).collect::<Vec<_>>()).unwrap();
        if sealed {
            fcntl_add_seals(&fd, SealFlags::SHRINK).unwrap();
        }
        fd
    }

    fn pool(len: i32, sealed: bool) -> Rc<RefCell<Pool>> {
        Rc::new(RefCell::new(Pool::new(file(usize::try_from(len).unwrap(), sealed), len).unwrap()))
    }

    const ARGS: BufferArgs = BufferArgs { offset: 8, width: 4, height: 3, stride: 20, format: 0 };

    #[test]
    fn buffers_must_lie_in_their_pool() {
        let pool = pool(68, true);
        let check = |args: BufferArgs, code: Option<u32>| {
            assert_eq!(Buffer::new(&pool, args).err().map(|e| e.code), code, "{args:?}");
        };
        check(ARGS, None);
        check(BufferArgs { offset: 9, ..ARGS }, Some(INVALID_STRIDE));
        check(BufferArgs { offset: -1, ..ARGS }, Some(INVALID_STRIDE));
        check(BufferArgs { stride: 15, ..ARGS }, Some(INVALID_STRIDE));
        check(BufferArgs { stride: i32::MAX, ..ARGS }, Some(INVALID_STRIDE));
        check(BufferArgs { width: 0, ..ARGS }, Some(INVALID_STRIDE));
        check(BufferArgs { height: i32::MAX, ..ARGS }, Some(INVALID_STRIDE));
        check(BufferArgs { format: 0x1234, ..ARGS }, Some(INVALID_FORMAT));
    }

    #[test]
    fn copies_are_the_same_mapped_or_not() {
        let region = Region::from_rect(Rect::new(1, 1, 2, 2).unwrap());
        let mut results = Vec::new();
        for sealed in [true, false] {
            let pool = pool(68, sealed);
            assert_eq!(pool.borrow().mapping.is_some(), sealed);
            let target = Mapping::read_write(file(4096, false), 4096, 0).unwrap();
            target.write(0, &[0; 1024]).unwrap();
            assert_eq!(Buffer::new(&pool, ARGS).unwrap().copy(&region, &target).unwrap(), 16);
            let mut bytes = [0u8; 768];
            target.read(0, &mut bytes).unwrap();
            results.push(bytes);
        }
        assert_eq!(results[0], results[1]);
        // Row 1, column 1 of the app's image is at 8 + 20 + 4.
        assert_eq!(results[0][256 + 4..256 + 12], [32, 33, 34, 35, 36, 37, 38, 39]);
        assert_eq!(results[0][256..260], [0; 4]);
    }

    #[test]
    fn a_file_that_shrinks_is_no_disaster() {
        let fd = file(8192, false);
        let pool = Rc::new(RefCell::new(Pool::new(fd.try_clone().unwrap(), 8192).unwrap()));
        let buffer = Buffer::new(&pool, BufferArgs { offset: 4096, ..ARGS }).unwrap();
        ftruncate(&fd, 0).unwrap();
        let target = Mapping::read_write(file(4096, false), 4096, 0).unwrap();
        assert!(buffer.copy(&Region::from_rect(buffer.geometry.bounds()), &target).is_ok());
    }

    #[test]
    fn only_files_can_be_pools() {
        let (pipe, _end) = rustix::pipe::pipe().unwrap();
        let zero = std::fs::File::open("/dev/zero").unwrap();
        let proc = std::fs::File::open("/proc/self/cmdline").unwrap();
        for fd in [pipe, zero.into(), proc.into()] {
            assert_eq!(Pool::new(fd, 4096).map(drop).unwrap_err().code, INVALID_FD);
        }
    }

    #[test]
    fn pools_only_grow() {
        let mut pool = Pool::new(file(8192, true), 4096).unwrap();
        assert!(pool.resize(8192).is_ok());
        assert_eq!(pool.resize(4096).unwrap_err().code, INVALID_FD);
        // Larger than its file: not an error until somebody draws there, but not mapped either.
        assert!(pool.resize(16384).is_ok());
        assert!(pool.mapping.is_none());
        assert!(Pool::new(file(10, true), 0).is_err());
    }
}
