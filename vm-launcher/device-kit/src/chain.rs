// SPDX-License-Identifier: GPL-3.0-or-later
//! One descriptor chain.
//!
//! In: a chain that the guest wrote, with any addresses, lengths and order. Out: its readable bytes, copied
//! once and never looked at again, and where its answer goes. Bounded in descriptors and bytes before a byte
//! is copied.

use std::ops::Deref;
use virtio_queue::DescriptorChain;
use vm_memory::{Bytes, GuestAddress, GuestMemory};

/// Most descriptors that are looked at. The largest request has a page each for a megabyte of extents.
const DESCRIPTORS: usize = 1024;
/// Most writable descriptors that are remembered. The largest answer has 408 bytes.
const WRITABLE: usize = 16;

/// A chain that was read.
#[derive(Debug)]
pub struct Chain {
    /// Its place in the queue, which goes back with the answer.
    pub head: u16,
    /// Its readable bytes, or what is wrong with it and as much of a header as there is.
    pub request: Result<Vec<u8>, (&'static str, Vec<u8>)>,
    /// Where the answer goes.
    pub answer: Answer,
}

/// The writable part of a chain.
#[derive(Debug, Default)]
pub struct Answer(Vec<(GuestAddress, u32)>);

impl Chain {
    /// Reads a chain whose request may have at most `max` bytes, and `header` of them where it has more.
    pub fn read<M>(chain: DescriptorChain<M>, max: usize, header: usize) -> Self
    where
        M: Deref + Clone,
        M::Target: GuestMemory + Sized,
    {
        let head = chain.head_index();
        let memory = chain.clone();
        let memory = memory.memory();
        let mut readable = Vec::new();
        let mut answer = Vec::new();
        let mut total = 0_usize;
        let mut problem = None;
        for (index, descriptor) in chain.enumerate() {
            if index >= DESCRIPTORS {
                problem = Some("too_many_descriptors");
                break;
            }
            if descriptor.is_write_only() {
                if answer.len() < WRITABLE {
                    answer.push((descriptor.addr(), descriptor.len()));
                }
                continue;
            }
            if !answer.is_empty() {
                problem = Some("readable_after_writable");
            }
            total = total.saturating_add(usize::try_from(descriptor.len()).unwrap_or(usize::MAX));
            readable.push((descriptor.addr(), descriptor.len()));
        }
        if total > max {
            problem = Some("request_too_large");
        }
        let answer = Answer(answer);
        let request = match problem {
            None => copy(memory, &readable, total).map_err(|kind| (kind, Vec::new())),
            Some(kind) => Err((kind, first(memory, &readable, header))),
        };
        Self { head, request, answer }
    }
}

fn copy<M: GuestMemory>(
    memory: &M,
    parts: &[(GuestAddress, u32)],
    total: usize,
) -> Result<Vec<u8>, &'static str> {
    let mut bytes = vec![0; total];
    let mut rest = bytes.as_mut_slice();
    for (addr, len) in parts {
        let len = usize::try_from(*len).unwrap_or(usize::MAX);
        let Some((part, later)) = rest.split_at_mut_checked(len) else { return Err("request_too_large") };
        memory.read_slice(part, *addr).map_err(|_unmapped| "request_outside_ram")?;
        rest = later;
    }
    Ok(bytes)
}

/// The header of a request that is refused: what it names must be answered all the same.
fn first<M: GuestMemory>(memory: &M, parts: &[(GuestAddress, u32)], want: usize) -> Vec<u8> {
    let Some((addr, len)) = parts.first() else { return Vec::new() };
    let len = usize::try_from(*len).unwrap_or(want).min(want);
    copy(memory, &[(*addr, u32::try_from(len).unwrap_or(0))], len).unwrap_or_default()
}

impl Answer {
    /// Bytes that there is room for.
    #[must_use]
    pub fn room(&self) -> usize {
        let sizes = self.0.iter().map(|(_, len)| usize::try_from(*len).unwrap_or(usize::MAX));
        sizes.fold(0, usize::saturating_add)
    }

    /// Writes the answer as far as there is room. Says how many bytes were written.
    pub fn write<M: GuestMemory>(&self, memory: &M, response: &[u8]) -> u32 {
        let mut rest = response;
        for (addr, len) in &self.0 {
            let len = usize::try_from(*len).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(rest.len().min(len));
            if now.is_empty() || memory.write_slice(now, *addr).is_err() {
                break;
            }
            rest = later;
        }
        // Responses have some hundred bytes.
        u32::try_from(response.len().saturating_sub(rest.len())).unwrap_or(u32::MAX)
    }
}
