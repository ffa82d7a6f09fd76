// SPDX-License-Identifier: GPL-3.0-or-later
//! `wl_output`: what clients are told about outputs.
//!
//! In: smithay's `Output`s, made by the backends. Out: their geometry, mode, scale and name.

use crate::protocols::guard::{global, objects};
use crate::state::State;
use smithay::reexports::wayland_server::protocol::wl_output::WlOutput;
use smithay::wayland::output::{OutputHandler, OutputManagerState, OutputUserData, WlOutputData};

impl OutputHandler for State {}

global!(WlOutput, WlOutputData => OutputManagerState);
objects! {
    WlOutput, OutputUserData => OutputManagerState;
}
