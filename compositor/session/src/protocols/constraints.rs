// SPDX-License-Identifier: GPL-3.0-or-later
//! `zwp_pointer_constraints_v1`: a window holds the pointer inside itself, or still.
//!
//! In: constraints of surfaces. Out: they take effect only while that surface has the pointer and its
//! window the keyboard, and end when the user leaves with Alt-Tab or a click elsewhere, or something of
//! ours is shown. Where a client would like the pointer to be after a lock is not heard: nobody but the
//! person puts the pointer where the next question may have its answers.

use crate::protocols::compositor::is_simple;
use crate::protocols::guard::{filtered, global, hold, refuse};
use crate::state::State;
use cofferdam_admission::{Fault, Holding};
use smithay::input::pointer::PointerHandle;
use smithay::reexports::wayland_protocols::wp::pointer_constraints::zv1::server::zwp_confined_pointer_v1::{self, ZwpConfinedPointerV1};
use smithay::reexports::wayland_protocols::wp::pointer_constraints::zv1::server::zwp_locked_pointer_v1::{self, ZwpLockedPointerV1};
use smithay::reexports::wayland_protocols::wp::pointer_constraints::zv1::server::zwp_pointer_constraints_v1::{
    self, ZwpPointerConstraintsV1,
};
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::{Logical, Point};
use smithay::wayland::pointer_constraints::{
    PointerConstraintUserData, PointerConstraintsHandler, PointerConstraintsState,
};
use wayland_server::{Client, WEnum};

impl PointerConstraintsHandler for State {
    fn new_constraint(&mut self, surface: &WlSurface, pointer: &PointerHandle<Self>) {
        self.seat.constraint_made(surface, pointer, &self.desk, &self.trusted, &self.selections);
    }

    fn cursor_position_hint(&mut self, _: &WlSurface, _: &PointerHandle<Self>, _: Point<f64, Logical>) {}
}

fn filter_constraints(
    state: &mut State,
    client: &Client,
    manager: &ZwpPointerConstraintsV1,
    request: zwp_pointer_constraints_v1::Request,
    (): &(),
) -> Option<zwp_pointer_constraints_v1::Request> {
    use zwp_pointer_constraints_v1::Request;
    if let Request::LockPointer { lifetime: WEnum::Unknown(_), .. }
    | Request::ConfinePointer { lifetime: WEnum::Unknown(_), .. } = &request
    {
        refuse(manager, zwp_pointer_constraints_v1::Error::AlreadyConstrained, Fault::Value);
        return None;
    }
    if !matches!(request, Request::Destroy) {
        hold(state, client, Holding::Object).ok()?;
    }
    // Without its region a constraint is about the whole surface.
    Some(match request {
        Request::LockPointer { id, surface, pointer, region, lifetime } => {
            Request::LockPointer { id, surface, pointer, region: region.filter(is_simple), lifetime }
        }
        Request::ConfinePointer { id, surface, pointer, region, lifetime } => {
            Request::ConfinePointer { id, surface, pointer, region: region.filter(is_simple), lifetime }
        }
        other => other,
    })
}

fn filter_locked(
    _: &mut State,
    _: &Client,
    _: &ZwpLockedPointerV1,
    request: zwp_locked_pointer_v1::Request,
    _: &PointerConstraintUserData<State>,
) -> Option<zwp_locked_pointer_v1::Request> {
    use zwp_locked_pointer_v1::Request;
    Some(match request {
        Request::SetRegion { region } => Request::SetRegion { region: region.filter(is_simple) },
        other => other,
    })
}

fn filter_confined(
    _: &mut State,
    _: &Client,
    _: &ZwpConfinedPointerV1,
    request: zwp_confined_pointer_v1::Request,
    _: &PointerConstraintUserData<State>,
) -> Option<zwp_confined_pointer_v1::Request> {
    use zwp_confined_pointer_v1::Request;
    Some(match request {
        Request::SetRegion { region } => Request::SetRegion { region: region.filter(is_simple) },
        other => other,
    })
}

global!(ZwpPointerConstraintsV1, () => PointerConstraintsState);
filtered!(ZwpPointerConstraintsV1, () => PointerConstraintsState, filter_constraints);
filtered!(
    ZwpLockedPointerV1, PointerConstraintUserData<State> => PointerConstraintsState, filter_locked,
    Some(Holding::Object)
);
filtered!(
    ZwpConfinedPointerV1, PointerConstraintUserData<State> => PointerConstraintsState, filter_confined,
    Some(Holding::Object)
);
