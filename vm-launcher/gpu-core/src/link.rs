// SPDX-License-Identifier: GPL-3.0-or-later
//! The channel of one context towards its guest: where messages go and when a waiting POLL is answered.
//!
//! In: an [`Outbox`] and the guest's POLLs. Out: messages in the guest's memory, and the POLLs to complete.
//! Two carriers exist: the version-1 ring, which holds one message and needs a POLL for each, and the XD-1
//! ring, which takes as many as fit and needs a POLL only to wake a guest that went to sleep.

use super::fault::{Area, Fault};
use super::io::Token;
use super::outbox::{Carry, Outbox};
use super::ram::{GuestRam, OutsideRam, Pages};
use cofferdam_xdomain::channel::{V1_PIPE, V1_RING, V1_TRANSFER};
use cofferdam_xdomain::ring::{CONSUMED, PRODUCED, Producer, RingError, RingLayout, Span};
use cofferdam_xdomain::virtio::Header;
use cofferdam_xdomain::{EncodeError, Limits};
use std::sync::Arc;

/// A command whose answer waits for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Its name.
    pub token: Token,
    /// Its header, for the fence.
    pub header: Header,
}

/// Most Wayland bytes in one record of an XD-1 ring: small enough that even the smallest ring holds several.
const RING_TRANSFER: usize = 15 * 1024;

#[derive(Debug)]
enum Carrier {
    /// One message at offset 0.
    Single,
    /// Records behind counters.
    Ring(Producer),
}

/// The channel.
#[derive(Debug)]
pub(super) struct Link {
    /// Resource that holds the replies to queries.
    query: Option<(u32, Arc<Pages>)>,
    /// Resource that holds the messages.
    channel: (u32, Arc<Pages>),
    carrier: Carrier,
    /// What waits for room in the carrier.
    pub outbox: Outbox,
    /// The POLL that waits, if the guest sleeps.
    poll: Option<Waiting>,
    scratch: Vec<u8>,
}

/// The guest's ring cannot be used any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum LinkError {
    /// The counters contradict each other.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The pages went away.
    #[error(transparent)]
    Ram(#[from] OutsideRam),
    /// A message does not fit; excluded by [`Carry`].
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl LinkError {
    /// What is counted.
    #[must_use]
    pub(super) const fn fault(&self) -> Fault {
        let kind = match self {
            Self::Ring(_) => "ring_counters",
            Self::Ram(_) => "ring_outside_ram",
            Self::Encode(_) => "ring_message",
        };
        Fault::new(Area::CrossDomain, kind)
    }
}

/// A guest blob that a ring shall run in.
#[derive(Debug, Clone)]
pub(super) struct RingBlob {
    /// Its id.
    pub resource: u32,
    /// Its bytes.
    pub size: u64,
    /// Its pages.
    pub pages: Arc<Pages>,
}

impl Link {
    /// A channel of single messages. `None` if a blob is too small for one.
    #[must_use]
    pub(super) fn single(query: RingBlob, channel: RingBlob) -> Option<Self> {
        let fits = |blob: &RingBlob| usize::try_from(blob.size).is_ok_and(|size| size >= V1_RING);
        (fits(&query) && fits(&channel)).then(|| Self {
            query: Some((query.resource, query.pages)),
            channel: (channel.resource, channel.pages),
            carrier: Carrier::Single,
            outbox: Outbox::new(Carry { transfer: V1_TRANSFER, pipe: V1_PIPE }),
            poll: None,
            scratch: Vec::new(),
        })
    }

    /// A channel with an XD-1 ring.
    ///
    /// # Errors
    /// [`LinkError`] if blob and capacity do not match.
    pub(super) fn ring(
        query: Option<RingBlob>,
        channel: RingBlob,
        capacity: u32,
        limits: &Limits,
        ram: &dyn GuestRam,
    ) -> Result<Self, LinkError> {
        let layout = RingLayout::new(capacity, channel.size, limits)?;
        let query = query.map(|q| (q.resource, q.pages));
        let producer = Producer::new(layout);
        store(&channel.pages, ram, PRODUCED, 0)?;
        // A quarter, or a message could have to wait until the guest has read everything before it.
        let quarter = usize::try_from(capacity / 4).unwrap_or(usize::MAX);
        let transfer = RING_TRANSFER.min(limits.transfer_bytes).min(quarter);
        let carry = Carry { transfer, pipe: limits.pipe_write_bytes.min(quarter) };
        Ok(Self {
            query,
            channel: (channel.resource, channel.pages),
            carrier: Carrier::Ring(producer),
            outbox: Outbox::new(carry),
            poll: None,
            scratch: Vec::new(),
        })
    }

    /// Whether the channel runs in this resource and must end with it.
    #[must_use]
    pub(super) fn uses(&self, resource: u32) -> bool {
        self.channel.0 == resource || self.query.as_ref().is_some_and(|q| q.0 == resource)
    }

    /// Takes the waiting POLL out, to be answered for another reason than a message.
    pub(super) const fn take_poll(&mut self) -> Option<Waiting> {
        self.poll.take()
    }

    /// Accepts the guest's POLL.
    ///
    /// # Errors
    /// Gives it back if one waits already.
    pub(super) fn poll(&mut self, waiting: Waiting) -> Result<(), Waiting> {
        if self.poll.is_some() {
            return Err(waiting);
        }
        self.poll = Some(waiting);
        Ok(())
    }

    /// Writes a reply into the query ring.
    ///
    /// # Errors
    /// [`OutsideRam`] if there is none or it is too small.
    pub(super) fn reply(&self, ram: &dyn GuestRam, bytes: &[u8]) -> Result<(), OutsideRam> {
        self.query.as_ref().ok_or(OutsideRam)?.1.write(ram, 0, bytes)
    }

    /// Moves what fits from the outbox to the guest. Says which POLL is to be completed.
    ///
    /// # Errors
    /// [`LinkError`]; the channel is of no use then.
    pub(super) fn pump(&mut self, ram: &dyn GuestRam) -> Result<Option<Waiting>, LinkError> {
        let Self { channel: (_, pages), carrier, outbox, poll, scratch, .. } = self;
        match carrier {
            Carrier::Single => {
                let (Some(message), Some(_)) = (outbox.front(), &poll) else { return Ok(None) };
                scratch.clear();
                message.encode(scratch)?;
                pages.write(ram, 0, scratch)?;
                outbox.pop();
                Ok(poll.take())
            }
            Carrier::Ring(producer) => {
                // The guest's counter is read once: what it consumes meanwhile counts next time.
                let consumed = ram.load_acquire(pages.word(to_u64(CONSUMED))?)?;
                let mut produced = None;
                while let Some(message) = outbox.front() {
                    let Some(room) = producer.reserve(consumed, message.encoded_len())? else { break };
                    scratch.clear();
                    message.encode(scratch)?;
                    write_span(pages, ram, room.spans.first, scratch, 0)?;
                    write_span(pages, ram, room.spans.second, scratch, room.spans.first.len)?;
                    produced = Some(producer.commit(room));
                    outbox.pop();
                }
                if let Some(produced) = produced {
                    store(pages, ram, PRODUCED, produced)?;
                }
                // Also without news: the guest may have gone to sleep just before it would have seen them.
                Ok(if producer.is_empty(consumed)? { None } else { poll.take() })
            }
        }
    }
}

fn store(pages: &Pages, ram: &dyn GuestRam, offset: usize, value: u32) -> Result<(), OutsideRam> {
    ram.store_release(pages.word(to_u64(offset))?, value)
}

fn write_span(
    pages: &Pages,
    ram: &dyn GuestRam,
    span: Span,
    bytes: &[u8],
    from: usize,
) -> Result<(), OutsideRam> {
    let part = bytes.get(from..).and_then(|rest| rest.get(..span.len)).ok_or(OutsideRam)?;
    if part.is_empty() { Ok(()) } else { pages.write(ram, to_u64(span.offset), part) }
}

fn to_u64(n: usize) -> u64 {
    // Lossless on every target of ours; were it not, the pages' own bounds check would refuse it.
    u64::try_from(n).unwrap_or(u64::MAX)
}
