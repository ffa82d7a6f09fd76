// SPDX-License-Identifier: GPL-3.0-or-later
//! What was handed over to a VM, and what it has open of that. In: fds, counts. Out: numbers for the guest,
//! usage for the monitor, or a [`Fault`].

use super::fault::Fault;
use cofferdam_monitor_wire::point::Ticket;
use cofferdam_policy::{FileAccess, FileKind, Resource, Usage};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Files that one VM may have open at one time.
pub(crate) const MAX_HANDLES: usize = 256;
/// Bytes that a VM may write under one ticket.
const MAX_WRITTEN: u64 = 64 << 30;
/// Bytes after which the monitor is told.
const REPORT_AFTER: u64 = 1 << 20;

/// One file or folder.
#[derive(Debug)]
pub(crate) struct Given {
    /// The right to it.
    pub(crate) ticket: Ticket,
    /// The thing itself.
    pub(crate) root: Arc<OwnedFd>,
    /// Whether anything may be changed.
    pub(crate) writable: bool,
    /// False once it is cut.
    pub(crate) live: Arc<AtomicBool>,
    folder: bool,
    written: u64,
    usage: Usage,
}

impl Given {
    pub(crate) fn new(ticket: Ticket, fd: OwnedFd, folder: bool, writable: bool) -> Self {
        // That it was handed over once is the monitor's to count.
        let usage = Usage::default();
        let live = Arc::new(AtomicBool::new(true));
        Self { ticket, root: Arc::new(fd), writable, live, folder, written: 0, usage }
    }

    /// Whether `len` more bytes may be written.
    pub(crate) fn may_write(&mut self, len: usize) -> Result<(), Fault> {
        self.written = self.written.saturating_add(len.try_into().unwrap_or(u64::MAX));
        if self.written > MAX_WRITTEN { Err(Fault::Quota) } else { Ok(()) }
    }

    /// Counts what passed; whether it is time to tell the monitor.
    pub(crate) fn count(&mut self, read: u64, written: u64) -> bool {
        self.usage.bytes_in = self.usage.bytes_in.saturating_add(read);
        self.usage.bytes_out = self.usage.bytes_out.saturating_add(written);
        self.usage.bytes_in.saturating_add(self.usage.bytes_out) >= REPORT_AFTER
    }

    /// What was used since the last time, if anything.
    pub(crate) fn take_usage(&mut self) -> Option<(u64, Resource, Usage)> {
        let usage = std::mem::take(&mut self.usage);
        let access = if self.writable { FileAccess::Write } else { FileAccess::Read };
        let kind = if self.folder { FileKind::Folder } else { FileKind::File };
        (usage != Usage::default()).then_some((self.ticket.id, Resource::Files { kind, access }, usage))
    }

    /// Operations and answers that are under way come to nothing.
    pub(crate) fn end(&self) {
        self.live.store(false, Ordering::Release);
    }
}

/// An open file.
#[derive(Debug)]
struct Handle {
    /// Of what was handed over as this.
    file: u32,
    fd: Arc<OwnedFd>,
    /// Opened to write. The fd alone does not say: what was handed over may allow more than was granted.
    write: bool,
}

/// Open files.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    next: u32,
    open: BTreeMap<u32, Handle>,
}

impl Handles {
    /// The file behind a handle that belongs to what was handed over as `file`.
    pub(crate) fn get(&self, handle: u32, file: u32) -> Result<Arc<OwnedFd>, Fault> {
        match self.open.get(&handle) {
            Some(open) if open.file == file => Ok(Arc::clone(&open.fd)),
            _ => Err(Fault::UnknownHandle),
        }
    }

    /// Whether a handle was opened to write.
    pub(crate) fn is_writable(&self, handle: u32) -> Result<(), Fault> {
        if self.open.get(&handle).is_some_and(|open| open.write) { Ok(()) } else { Err(Fault::UnknownHandle) }
    }

    /// Whether no more can be opened.
    pub(crate) fn is_full(&self) -> bool {
        self.open.len() >= MAX_HANDLES
    }

    /// Keeps an open file under a number of its own.
    pub(crate) fn open(&mut self, file: u32, fd: OwnedFd, write: bool) -> Result<u32, Fault> {
        if self.is_full() {
            return Err(Fault::TooManyHandles);
        }
        while self.open.contains_key(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        let handle = self.next;
        self.next = handle.wrapping_add(1);
        self.open.insert(handle, Handle { file, fd: Arc::new(fd), write });
        Ok(handle)
    }

    /// Closes one.
    pub(crate) fn close(&mut self, handle: u32) {
        self.open.remove(&handle);
    }

    /// Closes all of what was handed over as `file`.
    pub(crate) fn close_all_of(&mut self, file: u32) {
        self.open.retain(|_, open| open.file != file);
    }
}
