// SPDX-License-Identifier: GPL-3.0-or-later
//! `zwp_text_input_manager_v3`: text fields that want an input method.
//!
//! In: a field's state. Out: nothing yet, since no input method runs; the protocol is offered so that
//! toolkits take one code path everywhere. smithay would forget the state, too, but count every commit,
//! and end with the 32nd bit of that number: only the end of a field reaches it.

use crate::protocols::guard::{filtered, global, hold, refuse};
use crate::state::State;
use cofferdam_admission::{Fault, Holding};
use smithay::reexports::wayland_protocols::wp::text_input::zv3::server::zwp_text_input_manager_v3::{
    self, ZwpTextInputManagerV3,
};
use smithay::reexports::wayland_protocols::wp::text_input::zv3::server::zwp_text_input_v3::{
    self, ZwpTextInputV3,
};
use smithay::wayland::text_input::{TextInputManagerState, TextInputUserData};
use wayland_server::{Client, WEnum};

/// The protocol names no error code; any code ends the client.
const BAD_VALUE: u32 = 0;

fn filter_text_input(
    _: &mut State,
    _: &Client,
    text_input: &ZwpTextInputV3,
    request: zwp_text_input_v3::Request,
    _: &TextInputUserData,
) -> Option<zwp_text_input_v3::Request> {
    use zwp_text_input_v3::Request;
    match request {
        Request::SetTextChangeCause { cause: WEnum::Unknown(_) }
        | Request::SetContentType { hint: WEnum::Unknown(_), .. }
        | Request::SetContentType { purpose: WEnum::Unknown(_), .. } => {
            refuse(text_input, BAD_VALUE, Fault::Value);
            None
        }
        Request::Destroy => Some(request),
        _ => None,
    }
}

fn filter_manager(
    state: &mut State,
    client: &Client,
    _: &ZwpTextInputManagerV3,
    request: zwp_text_input_manager_v3::Request,
    (): &(),
) -> Option<zwp_text_input_manager_v3::Request> {
    if matches!(request, zwp_text_input_manager_v3::Request::GetTextInput { .. }) {
        hold(state, client, Holding::InputDevice).ok()?;
    }
    Some(request)
}

global!(ZwpTextInputManagerV3, () => TextInputManagerState);
filtered!(ZwpTextInputManagerV3, () => TextInputManagerState, filter_manager);
filtered!(ZwpTextInputV3, TextInputUserData => TextInputManagerState, filter_text_input, Some(Holding::InputDevice));
