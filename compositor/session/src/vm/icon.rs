// SPDX-License-Identifier: GPL-3.0-or-later
//! An app's icon as the launcher hands it over.
//!
//! In: a memfd said to hold `size`² RGBA pixels. Out: exactly that many bytes of our own, read and not
//! mapped, so that nobody can change or cut them later.

use cofferdam_chrome::Icon;
use std::os::fd::OwnedFd;

/// Largest edge in pixels.
const MAX_EDGE: u32 = 256;
const BYTES_PER_PIXEL: usize = 4;

/// Reads the icon behind `fd`.
pub(super) fn read(size: u32, fd: &OwnedFd) -> Result<Icon, String> {
    if !(1..=MAX_EDGE).contains(&size) {
        return Err(format!("an icon has 1 to {MAX_EDGE} pixels, not {size}"));
    }
    let edge = usize::try_from(size).map_err(|e| e.to_string())?;
    let mut rgba = vec![0; edge.saturating_mul(edge).saturating_mul(BYTES_PER_PIXEL)];
    let mut done = 0_usize;
    while let Some(rest) = rgba.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let offset = u64::try_from(done).map_err(|e| e.to_string())?;
        match rustix::io::pread(fd, rest, offset) {
            Ok(0) => return Err("the icon is shorter than its size says".into()),
            Ok(n) => done = done.saturating_add(n),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(format!("the icon can't be read: {e}")),
        }
    }
    Icon::new(size, rgba.into()).ok_or_else(|| "the icon has the wrong number of bytes".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::MemfdFlags;

    fn memfd(len: usize) -> OwnedFd {
        let fd = rustix::fs::memfd_create("icon", MemfdFlags::CLOEXEC).unwrap();
        rustix::io::write(&fd, &vec![7; len]).unwrap();
        fd
    }

    #[test]
    fn reads_exactly_its_pixels() {
        assert_eq!(read(2, &memfd(16)), Ok(Icon::new(2, vec![7; 16].into()).unwrap()));
        assert_eq!(read(2, &memfd(99)), read(2, &memfd(16)));
        for (size, len) in [(2, 15), (0, 0), (257, 264_196)] {
            assert!(read(size, &memfd(len)).is_err(), "{size} from {len} bytes");
        }
    }
}
