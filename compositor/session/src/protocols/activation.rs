// SPDX-License-Identifier: GPL-3.0-or-later
//! `xdg_activation_v1`: one window asks that another be raised.
//!
//! In: tokens and activation requests. Out: activation inside one VM, while that VM has the keyboard,
//! when the token came from a window that had it and was pressed a moment ago. When the keyboard goes to
//! another VM, or a question is shown, all tokens are void: nobody fetches the person back to a window.

use crate::client;
use crate::clock::Mono;
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
use std::collections::HashMap;
use std::time::Duration;
use wayland_server::DisplayHandle;

/// How long a token is good for.
const TOKEN_LIFE: Duration = Duration::from_secs(10);
/// Tokens kept at a time, of all clients together.
const MAX_TOKENS: usize = 256;

/// The tokens that are out, and since when: smithay's own times are the wall clock's.
#[derive(Debug)]
pub(crate) struct Tokens {
    state: XdgActivationState,
    since: HashMap<XdgActivationToken, Mono>,
}

impl Tokens {
    pub(super) fn new(display: &DisplayHandle) -> Self {
        Self { state: XdgActivationState::new::<State>(display), since: HashMap::new() }
    }

    /// Gives a token out, if there is room for it once those that are too old are gone.
    fn give(&mut self, token: XdgActivationToken, now: Mono) -> bool {
        self.since.retain(|_, since| now.since(*since) < TOKEN_LIFE);
        let since = &self.since;
        self.state.retain_tokens(|token, _| since.contains_key(token));
        let room = self.since.len() < MAX_TOKENS;
        if room {
            self.since.insert(token, now);
        }
        room
    }

    /// Takes a token back. Says whether it was still good.
    fn take(&mut self, token: &XdgActivationToken, now: Mono) -> bool {
        self.state.remove_token(token);
        self.since.remove(token).is_some_and(|since| now.since(since) < TOKEN_LIFE)
    }

    /// No token is good any more.
    pub(crate) fn void(&mut self) {
        self.since.clear();
        self.state.retain_tokens(|_, _| false);
    }
}

impl XdgActivationHandler for State {
    fn activation_state(&mut self) -> &mut XdgActivationState {
        &mut self.globals.tokens.state
    }

    fn token_created(&mut self, token: XdgActivationToken, data: XdgActivationTokenData) -> bool {
        // Only who holds the keyboard may pass it on, and only because the person did something there.
        let Some((surface, (serial, _))) = data.surface.zip(data.serial) else { return false };
        self.desk.has_keyboard(&surface)
            && self.seat.is_recent_press(&surface, serial)
            && self.globals.tokens.give(token, self.clock.now())
    }

    fn request_activation(
        &mut self,
        token: XdgActivationToken,
        data: XdgActivationTokenData,
        surface: WlSurface,
    ) {
        let good = self.globals.tokens.take(&token, self.clock.now());
        let giver = data.client_id.and_then(|id| self.clients.get(&id).map(|data| data.identity.clone()));
        let taker = client::identity_of(&surface);
        let within = good && giver.is_some() && giver == taker;
        let held_by = self.desk.keyboard.as_ref().and_then(client::identity_of);
        // A token does not outlive its VM's turn; this is the second look.
        let has_turn = !self.trusted.is_up() && held_by.is_none_or(|holder| Some(holder) == taker);
        if within && has_turn {
            self.activate_surface(&surface);
        }
    }
}

impl State {
    /// The keyboard is about to go to a surface: if that is another VM's, no token is good any more.
    pub(crate) fn tokens_follow(&mut self, to: Option<&WlSurface>) {
        let of = |surface: Option<&WlSurface>| surface.and_then(client::identity_of);
        if of(to) != of(self.desk.keyboard.as_ref()) {
            self.globals.tokens.void();
        }
    }
}

global!(XdgActivationV1, () => XdgActivationState);
counted!(
    XdgActivationV1, (), xdg_activation_v1::Request::GetActivationToken { .. } => XdgActivationState;
    XdgActivationTokenV1, ActivationTokenData => XdgActivationState
);
