// SPDX-License-Identifier: GPL-3.0-or-later
//! `wl_seat`: pointer, keyboard and touch of clients, and `zwp_relative_pointer_manager_v1`.
//!
//! In: focus decisions of the input room. Out: enter, leave, motion and keys to exactly one client,
//! and that client's cursor wishes back to the input room.

use crate::protocols::guard::rules::coord;
use crate::protocols::guard::{counted, filtered, global, hold, pass};
use crate::state::State;
use cofferdam_admission::Holding;
use smithay::input::pointer::CursorImageStatus;
use smithay::input::{Seat, SeatHandler, SeatState};
use smithay::reexports::wayland_protocols::wp::relative_pointer::zv1::server::zwp_relative_pointer_manager_v1::{self, ZwpRelativePointerManagerV1};
use smithay::reexports::wayland_protocols::wp::relative_pointer::zv1::server::zwp_relative_pointer_v1::ZwpRelativePointerV1;
use smithay::reexports::wayland_server::protocol::wl_keyboard::WlKeyboard;
use smithay::reexports::wayland_server::protocol::wl_pointer::{self, WlPointer};
use smithay::reexports::wayland_server::protocol::wl_seat::{self, WlSeat};
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::reexports::wayland_server::protocol::wl_touch::WlTouch;
use smithay::wayland::relative_pointer::{RelativePointerManagerState, RelativePointerUserData};
use smithay::wayland::seat::{
    KeyboardUserData, PointerUserData, SeatGlobalData, SeatUserData, TouchUserData,
};
use wayland_server::Client;

impl SeatHandler for State {
    type KeyboardFocus = WlSurface;
    type PointerFocus = WlSurface;
    type TouchFocus = WlSurface;

    fn seat_state(&mut self) -> &mut SeatState<Self> {
        &mut self.globals.seat
    }

    fn focus_changed(&mut self, _: &Seat<Self>, focused: Option<&WlSurface>) {
        // A question takes the keyboard away for a moment; what it is about stays where it was.
        if !self.trusted.is_up() {
            self.selections_follow(focused);
        }
    }

    fn cursor_image(&mut self, _: &Seat<Self>, image: CursorImageStatus) {
        self.client_cursor(image);
    }
}

fn filter_pointer(
    _: &mut State,
    _: &Client,
    _: &WlPointer,
    request: wl_pointer::Request,
    _: &PointerUserData<State>,
) -> Option<wl_pointer::Request> {
    Some(match request {
        wl_pointer::Request::SetCursor { serial, surface, hotspot_x, hotspot_y } => {
            wl_pointer::Request::SetCursor {
                serial,
                surface,
                hotspot_x: coord(hotspot_x),
                hotspot_y: coord(hotspot_y),
            }
        }
        other => other,
    })
}

/// Devices are kept in lists that every event walks.
fn filter_seat(
    state: &mut State,
    client: &Client,
    _: &WlSeat,
    request: wl_seat::Request,
    _: &SeatUserData<State>,
) -> Option<wl_seat::Request> {
    if !matches!(request, wl_seat::Request::Release) {
        hold(state, client, Holding::InputDevice).ok()?;
    }
    Some(request)
}

filtered!(WlSeat, SeatUserData<State> => SeatState<State>, filter_seat);
global!(WlSeat, SeatGlobalData<State> => SeatState<State>);
filtered!(
    WlPointer, PointerUserData<State> => SeatState<State>, filter_pointer, Some(Holding::InputDevice)
);
filtered!(WlKeyboard, KeyboardUserData<State> => SeatState<State>, pass, Some(Holding::InputDevice));
filtered!(WlTouch, TouchUserData<State> => SeatState<State>, pass, Some(Holding::InputDevice));
global!(ZwpRelativePointerManagerV1, () => RelativePointerManagerState);
counted!(
    ZwpRelativePointerManagerV1, (), zwp_relative_pointer_manager_v1::Request::GetRelativePointer { .. }
        => RelativePointerManagerState;
    ZwpRelativePointerV1, RelativePointerUserData<State> => RelativePointerManagerState, Holding::InputDevice
);
