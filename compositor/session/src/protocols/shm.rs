// SPDX-License-Identifier: GPL-3.0-or-later
//! `wl_shm`: pixels in shared memory.
//!
//! In: pools and buffers of any shape. Out: only buffers that lie inside their pool, in formats that
//! every renderer of ours draws, aligned to whole pixels and no larger than a screen can be. Memory
//! that shrinks under our hands is smithay's to survive: it reads under a SIGBUS guard.

use crate::protocols::guard::{filtered, global, hold, release};
use crate::state::State;
use smithay::reexports::wayland_server::protocol::wl_buffer::{self, WlBuffer};
use smithay::reexports::wayland_server::protocol::wl_shm::{self, Format, WlShm};
use smithay::reexports::wayland_server::protocol::wl_shm_pool::{self, WlShmPool};
use smithay::wayland::buffer::BufferHandler;
use smithay::wayland::shm::{ShmBufferUserData, ShmHandler, ShmPoolUserData, ShmState};
use wayland_server::{Client, Resource};

/// Formats beside the two that the protocol demands. All have four bytes a pixel.
pub(super) const EXTRA_FORMATS: [Format; 2] = [Format::Abgr8888, Format::Xbgr8888];

/// Largest buffer edge in pixels; also what cross-domain guests are held to.
const MAX_EDGE: i32 = 16_384;
/// Pools that one client may hold open. Each one is a mapping of this process.
const MAX_POOLS: u32 = 512;
/// Buffers that one client may hold.
const MAX_BUFFERS: u32 = 4096;
const BYTES_PER_PIXEL: i32 = 4;

impl ShmHandler for State {
    fn shm_state(&self) -> &ShmState {
        &self.globals.shm
    }
}

impl BufferHandler for State {
    fn buffer_destroyed(&mut self, _buffer: &WlBuffer) {}
}

fn filter_shm(
    _: &mut State,
    client: &Client,
    shm: &WlShm,
    request: wl_shm::Request,
    (): &(),
) -> Option<wl_shm::Request> {
    if matches!(request, wl_shm::Request::CreatePool { .. }) && !hold(client, |h| &h.pools, MAX_POOLS) {
        shm.post_error(wl_shm::Error::InvalidFd, format!("more than {MAX_POOLS} pools"));
        return None;
    }
    Some(request)
}

/// What a buffer is refused for, if for anything. Arithmetic on range and stride is smithay's.
fn refuse_buffer(offset: i32, width: i32, height: i32, stride: i32) -> Option<&'static str> {
    if width > MAX_EDGE || height > MAX_EDGE {
        return Some("the buffer is larger than 16384 pixels");
    }
    // Reading unaligned pixels would be undefined behaviour in the renderer.
    if offset % BYTES_PER_PIXEL != 0 || stride % BYTES_PER_PIXEL != 0 {
        return Some("offset and stride must be whole pixels");
    }
    None
}

fn filter_pool(
    _: &mut State,
    client: &Client,
    pool: &WlShmPool,
    request: wl_shm_pool::Request,
    _: &ShmPoolUserData,
) -> Option<wl_shm_pool::Request> {
    let refused = match &request {
        wl_shm_pool::Request::CreateBuffer { offset, width, height, stride, .. } => {
            refuse_buffer(*offset, *width, *height, *stride)
                .map(|why| (wl_shm::Error::InvalidStride, why))
                .or_else(|| {
                    (!hold(client, |h| &h.buffers, MAX_BUFFERS))
                        .then_some((wl_shm::Error::InvalidStride, "too many buffers"))
                })
        }
        // smithay would unwrap on a size of zero.
        wl_shm_pool::Request::Resize { size } if *size <= 0 => {
            Some((wl_shm::Error::InvalidFd, "the size of a pool must be positive"))
        }
        _ => None,
    };
    if let Some((code, why)) = refused {
        pool.post_error(code, why);
        return None;
    }
    Some(request)
}

fn filter_buffer(
    _: &mut State,
    _: &Client,
    _: &WlBuffer,
    request: wl_buffer::Request,
    _: &ShmBufferUserData,
) -> Option<wl_buffer::Request> {
    Some(request)
}

global!(WlShm, () => ShmState);
filtered!(WlShm, () => ShmState, filter_shm);
filtered!(WlShmPool, ShmPoolUserData => ShmState, filter_pool, |_, pool| release(pool, |h| &h.pools));
// A buffer keeps its pool mapped, so buffers are counted too.
filtered!(WlBuffer, ShmBufferUserData => ShmState, filter_buffer, |_, buffer| release(buffer, |h| &h.buffers));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers() {
        for (offset, width, height, stride, ok) in [
            (0, 640, 480, 2560, true),
            (4096, 1, 1, 4, true),
            (2, 640, 480, 2560, false),
            (0, 640, 480, 2561, false),
            (0, 20_000, 1, 80_000, false),
            (0, 1, i32::MAX, 4, false),
        ] {
            assert_eq!(refuse_buffer(offset, width, height, stride).is_none(), ok);
        }
    }
}
