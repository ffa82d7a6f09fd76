// SPDX-License-Identifier: GPL-3.0-or-later
//! The channel through the GPU's render node. In: commands. Out: messages from the ring in guest memory.
//!
//! Each client opens the node anew, because a context belongs to an open file and ends with it. With a
//! device that knows profile XD-1 the host writes into a real ring and wakes us once for many messages;
//! otherwise there is one message per wake-up.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use cofferdam_xdomain::Limits;
use cofferdam_xdomain::channel::{
    CHANNEL_RING, CMD_HEADER, Capset, GuestCommand, Init, Init2, PIXEL_ITEM, QUERY_RING, V1_RING,
    channel_type,
};
use cofferdam_xdomain::ring::{CONSUMED, Consumer, PRODUCED, RingLayout};

use super::channel::{Blob, Channel};
use super::sys::{Mapping, drm};

const RENDER_NODE: &str = "/dev/dri/renderD128";
const CAPSET_CROSS_DOMAIN: u32 = 5;
const PARAM_CAPSET: u64 = 1;
const PARAM_RINGS: u64 = 2;
const PARAM_POLL_MASK: u64 = 3;
const MEM_GUEST: u32 = 1;
const MEM_HOST: u32 = 2;
const MAPPABLE: u32 = 1;
const PAGE: u64 = 4096;
/// Data bytes of the ring. Bursts of events beyond it wait in the device.
const RING_CAPACITY: u32 = 64 * 1024;

/// Where the host puts messages.
#[derive(Debug)]
enum Ring {
    /// Version 1: one message, announced by one event.
    Single { memory: Mapping, full: bool },
    /// XD-1: many messages.
    Real { memory: Mapping, consumer: Consumer },
}

/// A context of the GPU.
#[derive(Debug)]
pub struct DrmChannel {
    node: File,
    ring: Ring,
    /// The host owes us an event.
    waiting: bool,
    poll: Vec<u8>,
    scratch: Vec<u8>,
}

impl DrmChannel {
    /// Opens the node and makes it a Wayland channel.
    ///
    /// # Errors
    /// If there is no such node, or the device refuses.
    pub fn open() -> io::Result<Self> {
        let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let node = File::options().read(true).write(true).custom_flags(nonblock).open(RENDER_NODE)?;
        drm::context_init(
            &node,
            &[
                [PARAM_CAPSET, CAPSET_CROSS_DOMAIN.into()],
                [PARAM_RINGS, 2],
                [PARAM_POLL_MASK, 1 << CHANNEL_RING],
            ],
        )?;
        let mut caps = [0u8; Capset::SIZE];
        drm::get_caps(&node, CAPSET_CROSS_DOMAIN, &mut caps)?;
        let caps = Capset::decode(&caps).map_err(io::Error::other)?;
        let mut command = Vec::new();
        let ring =
            if caps.has_ring() { real_ring(&node, &mut command) } else { single_ring(&node, &mut command) }?;
        drm::exec(&node, &command, None)?;
        let mut poll = Vec::new();
        encode(GuestCommand::Poll, &mut poll)?;
        Ok(Self { node, ring, waiting: false, poll, scratch: Vec::new() })
    }
}

fn encode(command: GuestCommand<'_>, out: &mut Vec<u8>) -> io::Result<()> {
    command.encode(out).map_err(io::Error::other)
}

fn blob(node: &File, memory: u32, size: u64, id: u64) -> io::Result<Blob> {
    // The driver insists on whole pages for host memory.
    let size = size.max(1).checked_next_multiple_of(PAGE).ok_or(io::ErrorKind::InvalidInput)?;
    let (handle, resource) = drm::create_blob(node, memory, MAPPABLE, size, id)?;
    let mapped = drm::map_offset(node, handle).and_then(|offset| {
        let len = usize::try_from(size).map_err(io::Error::other)?;
        Mapping::read_write(node, len, offset)
    });
    match mapped {
        Ok(memory) => Ok(Blob { resource, handle, memory }),
        Err(e) => {
            drm::gem_close(node, handle)?;
            Err(e)
        }
    }
}

// The rings' handles are never closed: they live as long as the file.

fn real_ring(node: &File, command: &mut Vec<u8>) -> io::Result<Ring> {
    let data = u64::try_from(cofferdam_xdomain::ring::DATA).map_err(io::Error::other)?;
    let size = u64::from(RING_CAPACITY).checked_add(data).ok_or(io::ErrorKind::InvalidInput)?;
    let layout = RingLayout::new(RING_CAPACITY, size, &Limits::DEFAULT).map_err(io::Error::other)?;
    let ring = blob(node, MEM_GUEST, size, 0)?;
    let init = Init2 {
        query_ring: None,
        channel_ring: ring.resource,
        channel_type: channel_type::WAYLAND,
        capacity: RING_CAPACITY,
    };
    encode(GuestCommand::Init2(init), command)?;
    Ok(Ring::Real { memory: ring.memory, consumer: Consumer::new(layout) })
}

fn single_ring(node: &File, command: &mut Vec<u8>) -> io::Result<Ring> {
    let size = u64::try_from(V1_RING).map_err(io::Error::other)?;
    let (query, channel) = (blob(node, MEM_GUEST, size, 0)?, blob(node, MEM_GUEST, size, 0)?);
    let init = Init {
        query_ring: query.resource,
        channel_ring: Some(channel.resource),
        channel_type: channel_type::WAYLAND,
    };
    encode(GuestCommand::Init(init), command)?;
    Ok(Ring::Single { memory: channel.memory, full: false })
}

impl Channel for DrmChannel {
    fn event_fd(&self) -> BorrowedFd<'_> {
        self.node.as_fd()
    }

    fn acknowledge(&mut self) -> io::Result<()> {
        let mut events = [0u8; 64];
        match (&self.node).read(&mut events) {
            Ok(0) => Ok(()),
            Ok(_) => {
                self.waiting = false;
                if let Ring::Single { full, .. } = &mut self.ring {
                    *full = true;
                }
                Ok(())
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(()),
            Err(e) => Err(e),
        }
    }

    fn next_message(&mut self, message: &mut Vec<u8>) -> io::Result<bool> {
        match &mut self.ring {
            Ring::Single { full: false, .. } => Ok(false),
            Ring::Single { memory, full } => {
                *full = false;
                message.resize(V1_RING, 0);
                memory.read(0, message)?;
                Ok(true)
            }
            Ring::Real { memory, consumer } => {
                let produced = memory.load(PRODUCED)?;
                let Some(span) = consumer.header(produced).map_err(io::Error::other)? else {
                    return Ok(false);
                };
                let mut header = [0u8; CMD_HEADER];
                memory.read(span.offset, &mut header)?;
                let record = consumer.record(produced, header).map_err(io::Error::other)?;
                message.resize(record.spans.len(), 0);
                let (first, second) = message.split_at_mut(record.spans.first.len);
                memory.read(record.spans.first.offset, first)?;
                memory.read(record.spans.second.offset, second)?;
                memory.store(CONSUMED, consumer.consume(record))?;
                Ok(true)
            }
        }
    }

    fn submit(&mut self, commands: &[u8], wake: bool) -> io::Result<()> {
        if wake && !self.waiting {
            // One submission carries both, so that the host is kicked once.
            self.scratch.clear();
            self.scratch.extend_from_slice(commands);
            self.scratch.extend_from_slice(&self.poll);
            drm::exec(&self.node, &self.scratch, Some(CHANNEL_RING.into()))?;
            self.waiting = true;
        } else if !commands.is_empty() {
            drm::exec(&self.node, commands, None)?;
        }
        Ok(())
    }

    fn submit_fenced(&mut self, commands: &[u8]) -> io::Result<OwnedFd> {
        drm::exec_fenced(&self.node, commands, QUERY_RING.into())
    }

    fn pixels(&mut self, size: u64) -> io::Result<Blob> {
        blob(&self.node, MEM_HOST, size, PIXEL_ITEM.into())
    }

    fn claim(&mut self, item: u32, size: u64) -> io::Result<Blob> {
        blob(&self.node, MEM_HOST, size, item.into())
    }

    fn release(&mut self, blob: Blob) {
        // The handle is ours, so this cannot fail; the file's end would close it anyway.
        let _ = drm::gem_close(&self.node, blob.handle);
    }
}
