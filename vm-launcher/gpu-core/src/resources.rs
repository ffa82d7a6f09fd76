// SPDX-License-Identifier: GPL-3.0-or-later
//! The resources of one VM: guest pages and places in the arena, counted.
//!
//! In: the guest's CREATE, MAP, UNMAP and UNREF, all of it untrusted. Out: a table in which every
//! entry is true — pages are RAM, ranges lie in the arena and overlap no other — or a [`Refusal`].

use super::fault::{Area, Fault};
use super::io::FdKey;
use super::ram::{Extent, GuestRam, PAGE, Pages};
use cofferdam_xdomain::virtio::{CreateBlob, MemEntries, ResponseCode, blob_flag, blob_mem};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A command is refused: what the guest's driver hears, and what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    /// For the response.
    pub code: ResponseCode,
    /// For the count.
    pub fault: Fault,
}

impl Refusal {
    /// A refusal of a resource command.
    const fn resource(code: ResponseCode, kind: &'static str) -> Self {
        Self { code, fault: Fault::new(Area::Resource, kind) }
    }

    /// A limit is reached.
    pub(crate) const fn quota(kind: &'static str) -> Self {
        Self { code: ResponseCode::ERR_OUT_OF_MEMORY, fault: Fault::new(Area::Quota, kind) }
    }
}

/// A range of the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Bytes from the arena's start.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
}

/// Where a resource's bytes are.
#[derive(Debug, Clone)]
pub(super) enum Storage {
    /// In pages of the guest. Shared with the rings that run in them.
    Guest(Arc<Pages>),
    /// In the arena, once it is mapped.
    Arena {
        /// What it starts with, until it is mapped.
        fill: Option<Fill>,
        /// Its place.
        at: Option<u64>,
    },
}

/// Host memory that an arena blob starts with, such as a keymap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fill {
    /// The file.
    pub fd: FdKey,
    /// Its bytes.
    pub len: u64,
}

/// What a host item is that the guest makes a blob of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemKind {
    /// Empty pixels.
    Pixels,
    /// Bytes of the host.
    Filled(Fill),
}

/// What an ended resource leaves behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Freed {
    /// Its place in the arena.
    pub range: Option<Range>,
    /// The file that was never copied.
    pub fd: Option<FdKey>,
}

/// One resource.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    /// Bytes.
    pub size: u64,
    /// Unique over the device's life, so that a reused id is told from the resource that had it before.
    pub serial: u64,
    /// Where its bytes are.
    pub storage: Storage,
}

/// Limits that depend on the VM.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Bytes of the arena.
    pub arena: u64,
    /// Most resources.
    pub resources: usize,
}

/// All resources of a VM.
#[derive(Debug)]
pub(super) struct Resources {
    sizes: Sizes,
    table: BTreeMap<u32, Resource>,
    /// Occupied ranges of the arena: offset → length.
    ranges: BTreeMap<u64, u64>,
    /// Bytes of guest pages in all resources; aliasing counts twice.
    guest_bytes: u64,
    /// Bytes of all arena resources, mapped or not.
    arena_bytes: u64,
    next_serial: u64,
}

impl Resources {
    /// An empty table.
    #[must_use]
    pub(super) const fn new(sizes: Sizes) -> Self {
        Self {
            sizes,
            table: BTreeMap::new(),
            ranges: BTreeMap::new(),
            guest_bytes: 0,
            arena_bytes: 0,
            next_serial: 1,
        }
    }

    /// The resource with this id.
    ///
    /// # Errors
    /// A [`Refusal`] if there is none.
    pub(super) fn get(&self, id: u32) -> Result<&Resource, Refusal> {
        self.table
            .get(&id)
            .ok_or(Refusal::resource(ResponseCode::ERR_INVALID_RESOURCE_ID, "unknown_resource"))
    }

    /// Adds a blob. `take_item` takes the host item that an arena blob is made of from the context; it is
    /// asked last, so that an item is lost only to a blob that exists.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing changed then.
    pub(super) fn create(
        &mut self,
        blob: &CreateBlob<'_>,
        ram: &dyn GuestRam,
        take_item: impl FnOnce(u64) -> Option<ItemKind>,
    ) -> Result<(), Refusal> {
        if blob.resource == 0 || self.table.contains_key(&blob.resource) {
            return Err(Refusal::resource(ResponseCode::ERR_INVALID_RESOURCE_ID, "resource_id_taken"));
        }
        if self.table.len() >= self.sizes.resources {
            return Err(Refusal::quota("resources"));
        }
        if blob.size == 0 || blob.flags & !blob_flag::ALL != 0 {
            return Err(Refusal::resource(ResponseCode::ERR_INVALID_PARAMETER, "blob_size_or_flags"));
        }
        let storage = match blob.mem {
            blob_mem::GUEST => self.guest_storage(blob, ram)?,
            blob_mem::HOST3D => self.arena_storage(blob, take_item)?,
            _ => return Err(Refusal::resource(ResponseCode::ERR_INVALID_PARAMETER, "blob_mem")),
        };
        match storage {
            Storage::Guest(_) => self.guest_bytes = self.guest_bytes.saturating_add(blob.size),
            Storage::Arena { .. } => self.arena_bytes = self.arena_bytes.saturating_add(blob.size),
        }
        let serial = self.next_serial;
        self.next_serial = serial.saturating_add(1);
        self.table.insert(blob.resource, Resource { size: blob.size, serial, storage });
        Ok(())
    }

    fn guest_storage(&self, blob: &CreateBlob<'_>, ram: &dyn GuestRam) -> Result<Storage, Refusal> {
        if blob.blob_id != 0 {
            return Err(Refusal::resource(ResponseCode::ERR_INVALID_PARAMETER, "guest_blob_with_item"));
        }
        if self.guest_bytes.checked_add(blob.size).is_none_or(|sum| sum > ram.size()) {
            return Err(Refusal::quota("guest_blob_bytes"));
        }
        Ok(Storage::Guest(Arc::new(checked_pages(blob.entries, blob.size, ram)?)))
    }

    fn arena_storage(
        &self,
        blob: &CreateBlob<'_>,
        take_item: impl FnOnce(u64) -> Option<ItemKind>,
    ) -> Result<Storage, Refusal> {
        if !blob.entries.is_empty() {
            return Err(Refusal::resource(ResponseCode::ERR_INVALID_PARAMETER, "host_blob_with_pages"));
        }
        if self.arena_bytes.checked_add(blob.size).is_none_or(|sum| sum > self.sizes.arena) {
            return Err(Refusal::quota("arena_bytes"));
        }
        if !blob.size.is_multiple_of(PAGE) {
            return Err(Refusal::resource(ResponseCode::ERR_INVALID_PARAMETER, "host_blob_not_whole_pages"));
        }
        match take_item(blob.blob_id) {
            Some(ItemKind::Pixels) => Ok(Storage::Arena { fill: None, at: None }),
            Some(ItemKind::Filled(fill)) => Ok(Storage::Arena { fill: Some(fill), at: None }),
            None => Err(Refusal::resource(ResponseCode::ERR_INVALID_PARAMETER, "unknown_item")),
        }
    }

    /// Replaces a guest blob's pages.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing changed then.
    pub(super) fn attach_backing(
        &mut self,
        id: u32,
        entries: MemEntries<'_>,
        ram: &dyn GuestRam,
    ) -> Result<(), Refusal> {
        let size = self.get(id)?.size;
        match self.table.get_mut(&id).map(|r| &mut r.storage) {
            Some(Storage::Guest(pages)) => {
                *pages = Arc::new(checked_pages(entries, size, ram)?);
                Ok(())
            }
            _ => Err(Refusal::resource(ResponseCode::ERR_INVALID_PARAMETER, "backing_of_host_blob")),
        }
    }

    /// Takes a guest blob's pages away. A ring that runs in them keeps its own view until its context ends,
    /// because the pages are the guest's own in any case.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing changed then.
    pub(super) fn detach_backing(&mut self, id: u32) -> Result<(), Refusal> {
        self.get(id)?;
        match self.table.get_mut(&id).map(|r| &mut r.storage) {
            Some(Storage::Guest(pages)) => {
                *pages = Arc::default();
                Ok(())
            }
            _ => Err(Refusal::resource(ResponseCode::ERR_INVALID_PARAMETER, "backing_of_host_blob")),
        }
    }

    /// Gives an arena blob its place. Says what is to be copied there.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing changed then.
    pub(super) fn map(&mut self, id: u32, offset: u64) -> Result<(Range, Option<Fill>), Refusal> {
        let invalid = |kind| Refusal::resource(ResponseCode::ERR_INVALID_PARAMETER, kind);
        let size = self.get(id)?.size;
        let end = offset.checked_add(size).filter(|end| *end <= self.sizes.arena);
        let Some(end) = end else { return Err(invalid("map_outside_arena")) };
        if !offset.is_multiple_of(PAGE) {
            return Err(invalid("map_not_page_aligned"));
        }
        let before = self.ranges.range(..end).next_back();
        if before.is_some_and(|(at, len)| at.saturating_add(*len) > offset) {
            return Err(invalid("map_overlaps"));
        }
        match self.table.get_mut(&id).map(|r| &mut r.storage) {
            Some(Storage::Arena { fill, at: at @ None }) => {
                *at = Some(offset);
                self.ranges.insert(offset, size);
                Ok((Range { offset, len: size }, fill.take()))
            }
            Some(Storage::Arena { .. }) => Err(invalid("mapped_twice")),
            _ => Err(invalid("map_of_guest_blob")),
        }
    }

    /// Takes an arena blob's place away; its bytes are gone.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing changed then.
    pub(super) fn unmap(&mut self, id: u32) -> Result<Range, Refusal> {
        let size = self.get(id)?.size;
        let storage = self.table.get_mut(&id).map(|r| &mut r.storage);
        let Some(Storage::Arena { at, .. }) = storage else {
            return Err(Refusal::resource(ResponseCode::ERR_INVALID_PARAMETER, "unmap_of_guest_blob"));
        };
        let Some(offset) = at.take() else {
            return Err(Refusal::resource(ResponseCode::ERR_INVALID_PARAMETER, "unmap_of_unmapped"));
        };
        self.ranges.remove(&offset);
        Ok(Range { offset, len: size })
    }

    /// Ends a resource.
    ///
    /// # Errors
    /// A [`Refusal`] if there is none with this id.
    pub(super) fn unref(&mut self, id: u32) -> Result<Freed, Refusal> {
        self.get(id)?;
        let Some(resource) = self.table.remove(&id) else { return Ok(Freed::default()) };
        match resource.storage {
            Storage::Guest(_) => {
                self.guest_bytes = self.guest_bytes.saturating_sub(resource.size);
                Ok(Freed::default())
            }
            Storage::Arena { at, fill } => {
                self.arena_bytes = self.arena_bytes.saturating_sub(resource.size);
                let range = at.map(|offset| Range { offset, len: resource.size });
                range.map(|range| self.ranges.remove(&range.offset));
                Ok(Freed { range, fd: fill.map(|fill| fill.fd) })
            }
        }
    }

    /// Ends all resources. Says which files were never copied; all ranges are free.
    pub(super) fn clear(&mut self) -> Vec<FdKey> {
        let fill = |resource: &Resource| match resource.storage {
            Storage::Arena { fill, .. } => fill.map(|fill| fill.fd),
            Storage::Guest(_) => None,
        };
        let files = self.table.values().filter_map(fill).collect();
        self.table.clear();
        self.ranges.clear();
        (self.guest_bytes, self.arena_bytes) = (0, 0);
        files
    }

    /// How many there are.
    #[must_use]
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Bytes of the arena that mapped blobs occupy.
    #[must_use]
    pub(super) fn mapped_bytes(&self) -> u64 {
        self.ranges.values().fold(0, |sum, len| sum.saturating_add(*len))
    }

    /// Checks what must hold at any time; for tests. Says which rule is broken.
    ///
    /// # Errors
    /// The rule's name.
    pub(super) fn verify(&self) -> Result<(), &'static str> {
        let (mut guest, mut arena, mut ranges) = (0_u64, 0_u64, BTreeMap::new());
        for resource in self.table.values() {
            match resource.storage {
                Storage::Guest(_) => guest = guest.saturating_add(resource.size),
                Storage::Arena { at, .. } => {
                    arena = arena.saturating_add(resource.size);
                    ranges.extend(at.map(|at| (at, resource.size)));
                }
            }
        }
        let mut free_from = 0;
        for (at, len) in &self.ranges {
            if *at < free_from {
                return Err("ranges overlap");
            }
            free_from = at.saturating_add(*len);
        }
        match () {
            () if guest != self.guest_bytes => Err("guest bytes miscounted"),
            () if arena != self.arena_bytes => Err("arena bytes miscounted"),
            () if ranges != self.ranges => Err("ranges without resource"),
            () if free_from > self.sizes.arena => Err("range outside the arena"),
            () if self.table.len() > self.sizes.resources => Err("too many resources"),
            () => Ok(()),
        }
    }
}

/// Turns extents into pages, each of them whole pages of RAM, together at least `size` bytes. None may begin
/// behind the blob's end: the limit on bytes of guest blobs is what limits how many extents we keep.
fn checked_pages(entries: MemEntries<'_>, size: u64, ram: &dyn GuestRam) -> Result<Pages, Refusal> {
    let invalid = |kind| Refusal::resource(ResponseCode::ERR_INVALID_PARAMETER, kind);
    let mut extents = Vec::with_capacity(entries.len());
    let mut sum = 0_u64;
    for entry in entries.iter() {
        if sum >= size {
            return Err(invalid("extents_too_long"));
        }
        let len = u64::from(entry.len);
        if len == 0 || !len.is_multiple_of(PAGE) || !entry.addr.is_multiple_of(PAGE) {
            return Err(invalid("extent_not_page_aligned"));
        }
        if !ram.is_ram(entry.addr, len) {
            return Err(invalid("extent_outside_ram"));
        }
        sum = sum.checked_add(len).ok_or(invalid("extents_overflow"))?;
        extents.push(Extent { addr: entry.addr, len });
    }
    if sum < size { Err(invalid("extents_too_short")) } else { Ok(Pages::new(extents)) }
}
