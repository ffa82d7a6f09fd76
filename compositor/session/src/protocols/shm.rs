// SPDX-License-Identifier: GPL-3.0-or-later
//! `wl_shm`: pixels in shared memory.
//!
//! In: pools and buffers of any shape. Out: only buffers that lie inside their pool, in formats that
//! every renderer of ours draws, aligned to whole pixels and no larger than a screen can be. Memory
//! that shrinks under our hands is smithay's to survive: it reads under a SIGBUS guard.

use crate::protocols::guard::{filtered, global, hold, pass, refuse, rules};
use crate::state::State;
use cofferdam_admission::Holding;
use smithay::reexports::wayland_server::protocol::wl_buffer::WlBuffer;
use smithay::reexports::wayland_server::protocol::wl_shm::{self, Format, WlShm};
use smithay::reexports::wayland_server::protocol::wl_shm_pool::{self, WlShmPool};
use smithay::wayland::buffer::BufferHandler;
use smithay::wayland::shm::{ShmBufferUserData, ShmHandler, ShmPoolUserData, ShmState};
use wayland_server::Client;

/// Formats beside the two that the protocol demands. All have four bytes a pixel.
pub(super) const EXTRA_FORMATS: [Format; 2] = [Format::Abgr8888, Format::Xbgr8888];

impl ShmHandler for State {
    fn shm_state(&self) -> &ShmState {
        &self.globals.shm
    }
}

impl BufferHandler for State {
    fn buffer_destroyed(&mut self, _buffer: &WlBuffer) {}
}

fn filter_shm(
    state: &mut State,
    client: &Client,
    _: &WlShm,
    request: wl_shm::Request,
    (): &(),
) -> Option<wl_shm::Request> {
    if matches!(request, wl_shm::Request::CreatePool { .. }) {
        hold(state, client, Holding::Pool).ok()?;
    }
    Some(request)
}

fn filter_pool(
    state: &mut State,
    client: &Client,
    pool: &WlShmPool,
    request: wl_shm_pool::Request,
    _: &ShmPoolUserData,
) -> Option<wl_shm_pool::Request> {
    match &request {
        wl_shm_pool::Request::CreateBuffer { offset, width, height, stride, .. } => {
            let checked = rules::buffer(*offset, *width, *height, *stride);
            checked.inspect_err(|fault| refuse(pool, wl_shm::Error::InvalidStride, *fault)).ok()?;
            hold(state, client, Holding::Buffer).ok()?;
        }
        // smithay would unwrap on a size of zero.
        wl_shm_pool::Request::Resize { size } => {
            let checked = rules::pool_size(*size);
            checked.inspect_err(|fault| refuse(pool, wl_shm::Error::InvalidFd, *fault)).ok()?;
        }
        _ => {}
    }
    Some(request)
}

global!(WlShm, () => ShmState);
filtered!(WlShm, () => ShmState, filter_shm);
filtered!(WlShmPool, ShmPoolUserData => ShmState, filter_pool, Some(Holding::Pool));
// A buffer keeps its pool mapped, so buffers are counted too.
filtered!(WlBuffer, ShmBufferUserData => ShmState, pass, Some(Holding::Buffer));
