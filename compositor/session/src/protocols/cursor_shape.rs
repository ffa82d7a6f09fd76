// SPDX-License-Identifier: GPL-3.0-or-later
//! `wp_cursor_shape_manager_v1`: cursors by name, drawn from the desktop's own theme.
//!
//! In: a shape. Out: the same call as for a cursor surface. Tablets are not offered, so a tablet's
//! tool can't be named.

use crate::protocols::guard::{counted, global};
use crate::state::State;
use cofferdam_admission::Holding;
use smithay::reexports::wayland_protocols::wp::cursor_shape::v1::server::wp_cursor_shape_device_v1::WpCursorShapeDeviceV1;
use smithay::reexports::wayland_protocols::wp::cursor_shape::v1::server::wp_cursor_shape_manager_v1::{
    self, WpCursorShapeManagerV1,
};
use smithay::wayland::cursor_shape::{CursorShapeDeviceUserData, CursorShapeManagerState};
use smithay::wayland::tablet_manager::TabletSeatHandler;

impl TabletSeatHandler for State {}

global!(WpCursorShapeManagerV1, () => CursorShapeManagerState);
counted!(
    WpCursorShapeManagerV1, (), wp_cursor_shape_manager_v1::Request::GetPointer { .. }
        => CursorShapeManagerState;
    WpCursorShapeDeviceV1, CursorShapeDeviceUserData<State> => CursorShapeManagerState, Holding::InputDevice
);
