// SPDX-License-Identifier: GPL-3.0-or-later
//! The guest's memory as the device core sees it.
//!
//! In: guest physical addresses that the guest chose. Out: copied bytes or [`OutsideRam`]. The core
//! never holds a reference into memory that the guest can change: everything is a copy.

/// The size that everything the guest shares is a multiple of.
pub const PAGE: u64 = 4096;

/// The address is not the guest's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not in the guest's memory")]
pub struct OutsideRam;

/// Access to the guest's memory by physical address. The guest may change it at any time.
pub trait GuestRam {
    /// Whether the whole range is the guest's own RAM: not a device's window, not the arena.
    fn is_ram(&self, addr: u64, len: u64) -> bool;
    /// Bytes of RAM in all.
    fn size(&self) -> u64;
    /// Copies out.
    ///
    /// # Errors
    /// [`OutsideRam`]; `into` may be partly written.
    fn read(&self, addr: u64, into: &mut [u8]) -> Result<(), OutsideRam>;
    /// Copies in.
    ///
    /// # Errors
    /// [`OutsideRam`]; a part may be written.
    fn write(&self, addr: u64, bytes: &[u8]) -> Result<(), OutsideRam>;
    /// Reads a ring counter, seeing all that the guest wrote before it.
    ///
    /// # Errors
    /// [`OutsideRam`], also for an address that is not a multiple of 4.
    fn load_acquire(&self, addr: u64) -> Result<u32, OutsideRam>;
    /// Writes a ring counter after all that was written before.
    ///
    /// # Errors
    /// [`OutsideRam`], also for an address that is not a multiple of 4.
    fn store_release(&self, addr: u64, value: u32) -> Result<(), OutsideRam>;
}

/// One run of guest pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Guest physical address, a multiple of [`PAGE`].
    pub addr: u64,
    /// Bytes, a multiple of [`PAGE`] and not 0.
    pub len: u64,
}

/// Guest pages in order, addressed as one range of bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pages(Vec<Extent>);

impl Pages {
    /// Takes extents that were checked one by one.
    #[must_use]
    pub const fn new(extents: Vec<Extent>) -> Self {
        Self(extents)
    }

    /// The extents.
    #[must_use]
    pub fn extents(&self) -> &[Extent] {
        &self.0
    }

    /// Copies `bytes` to `offset`, across extents.
    ///
    /// # Errors
    /// [`OutsideRam`] if the range is not within the pages.
    pub fn write(&self, ram: &dyn GuestRam, offset: u64, bytes: &[u8]) -> Result<(), OutsideRam> {
        let mut rest = bytes;
        self.walk(offset, bytes.len(), |addr, len| {
            let (now, later) = rest.split_at_checked(len).ok_or(OutsideRam)?;
            rest = later;
            ram.write(addr, now)
        })
    }

    /// Copies from `offset`, across extents.
    ///
    /// # Errors
    /// [`OutsideRam`] if the range is not within the pages.
    pub fn read(&self, ram: &dyn GuestRam, offset: u64, into: &mut [u8]) -> Result<(), OutsideRam> {
        let mut done = 0_usize;
        self.walk(offset, into.len(), |addr, len| {
            let end = done.checked_add(len).ok_or(OutsideRam)?;
            let part = into.get_mut(done..end).ok_or(OutsideRam)?;
            done = end;
            ram.read(addr, part)
        })
    }

    /// Address of the aligned 32-bit word at `offset`.
    ///
    /// # Errors
    /// [`OutsideRam`] if it is not within the pages.
    pub fn word(&self, offset: u64) -> Result<u64, OutsideRam> {
        let mut found = None;
        self.walk(offset, 4, |addr, len| {
            found = found.or((len == 4).then_some(addr));
            Ok(())
        })?;
        found.filter(|addr| addr.is_multiple_of(4)).ok_or(OutsideRam)
    }

    /// Calls `each` with the address and length of every piece of `len` bytes from `offset`.
    fn walk(
        &self,
        offset: u64,
        len: usize,
        mut each: impl FnMut(u64, usize) -> Result<(), OutsideRam>,
    ) -> Result<(), OutsideRam> {
        let mut skip = offset;
        let mut left = u64::try_from(len).map_err(|_too_long| OutsideRam)?;
        for extent in &self.0 {
            if left == 0 {
                break;
            }
            if skip >= extent.len {
                skip = skip.saturating_sub(extent.len);
                continue;
            }
            let piece = left.min(extent.len.saturating_sub(skip));
            let addr = extent.addr.checked_add(skip).ok_or(OutsideRam)?;
            each(addr, usize::try_from(piece).map_err(|_too_long| OutsideRam)?)?;
            left = left.saturating_sub(piece);
            skip = 0;
        }
        if left == 0 { Ok(()) } else { Err(OutsideRam) }
    }
}
