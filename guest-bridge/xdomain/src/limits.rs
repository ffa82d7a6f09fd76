// SPDX-License-Identifier: GPL-3.0-or-later
//! In: nothing. Out: every number that bounds what one guest may ask for.

use crate::channel::{MAX_IDS, TRANSFER_HEADER};

/// Bounds for one VM. Decoders enforce the first group themselves; the device enforces the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a `SUBMIT_3D` payload.
    pub submit_bytes: usize,
    /// Bytes of any other request, extents of a blob included.
    pub request_bytes: usize,
    /// Extents of one blob.
    pub blob_entries: u32,
    /// Cross-domain commands in one `SUBMIT_3D`.
    pub commands_per_submit: usize,
    /// Payload bytes of one SEND or RECEIVE.
    pub transfer_bytes: usize,
    /// Payload bytes of one READ or WRITE.
    pub pipe_write_bytes: usize,
    /// Smallest data area of an XD-1 ring, a power of two.
    pub ring_min: u32,
    /// Largest data area of an XD-1 ring, a power of two.
    pub ring_max: u32,

    /// Resources alive at once.
    pub resources: usize,
    /// Contexts alive at once; stays below a quarter of the control queue, or waiting contexts could fill it.
    pub contexts: usize,
    /// POLLs that one context may have outstanding.
    pub polls_per_context: usize,
    /// Pipes alive in one context.
    pub pipes_per_context: usize,
    /// Bytes buffered for one pipe.
    pub pipe_buffer_bytes: usize,
    /// Bytes queued towards the guest for one context; above it the compositor's socket is not read.
    pub queue_bytes: usize,
    /// Items (keymaps, blobs, pipes) announced to the guest and not yet claimed, for one context.
    pub unclaimed_items: usize,
    /// Width and height of an image.
    pub image_side: u32,
}

impl Limits {
    /// What a VM gets unless its record says otherwise.
    pub const DEFAULT: Self = Self {
        submit_bytes: 64 * 1024,
        request_bytes: 1024 * 1024,
        blob_entries: 65_530,
        commands_per_submit: 256,
        transfer_bytes: u16::MAX as usize - TRANSFER_HEADER - 3,
        pipe_write_bytes: 4072,
        ring_min: 64 * 1024,
        ring_max: 256 * 1024,
        resources: 1024,
        contexts: 32,
        polls_per_context: 1,
        pipes_per_context: 16,
        pipe_buffer_bytes: 64 * 1024,
        queue_bytes: 256 * 1024,
        unclaimed_items: 2 * MAX_IDS,
        image_side: 16_384,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
