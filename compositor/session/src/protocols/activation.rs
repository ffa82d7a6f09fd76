// SPDX-License-Identifier: GPL-3.0-or-later
//! `xdg_activation_v1`: one window asks that another be raised.
//!
//! In: tokens and activation requests. Out: activation inside one VM, when the token came from a
//! window that had the keyboard. A token of another VM, or an old one, does nothing.

use crate::client;
use crate::protocols::guard::{counted, global};
use crate::state::State;
use smithay::reexports::wayland_protocols::xdg::activation::v1::server::xdg_activation_token_v1::XdgActivationTokenV1;
use smithay::reexports::wayland_protocols::xdg::activation::v1::server::xdg_activation_v1::{
    self, XdgActivationV1,
};
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::wayland::xdg_activation::{
    ActivationTokenData, XdgActivationHandler, XdgActivationState, XdgActivationToken, XdgActivationTokenData,
};
use std::time::Duration;
use wayland_server::Resource;

/// How long a token is good for.
const TOKEN_LIFE: Duration = Duration::from_secs(10);
/// Tokens kept at a time, of all clients together.
const MAX_TOKENS: usize = 256;

impl XdgActivationHandler for State {
    fn activation_state(&mut self) -> &mut XdgActivationState {
        &mut self.globals.activation
    }

    fn token_created(&mut self, _: XdgActivationToken, data: XdgActivationTokenData) -> bool {
        let state = &mut self.globals.activation;
        state.retain_tokens(|_, data| data.timestamp.elapsed() < TOKEN_LIFE);
        if state.tokens().count() >= MAX_TOKENS {
            return false;
        }
        // Only who holds the keyboard may pass it on.
        data.surface.is_some_and(|surface| self.has_keyboard(&surface))
    }

    fn request_activation(
        &mut self,
        token: XdgActivationToken,
        data: XdgActivationTokenData,
        surface: WlSurface,
    ) {
        self.globals.activation.remove_token(&token);
        let giver = data.client_id.and_then(|id| self.identity_of(&id));
        let taker = surface.client().and_then(|c| client::data(&c).map(|d| d.identity.clone()));
        if data.timestamp.elapsed() < TOKEN_LIFE && giver.is_some() && giver == taker {
            self.activate_surface(&surface);
        }
    }
}

global!(XdgActivationV1, () => XdgActivationState);
counted!(
    XdgActivationV1, (), xdg_activation_v1::Request::GetActivationToken { .. } => XdgActivationState;
    XdgActivationTokenV1, ActivationTokenData => XdgActivationState
);
