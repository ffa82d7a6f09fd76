// SPDX-License-Identifier: GPL-3.0-or-later
//! The compositor: shows the windows of every VM, each inside its trust border.
//!
//! In: Wayland clients (each belongs to a VM by the fd it came on, or is trusted), desktop control
//! calls, input. Out: pictures on outputs, and input to exactly one client at a time.
//!
//! One thread runs one calloop loop ([`Compositor`]). All decisions about windows are made by the pure
//! crate `cofferdam-scene`, about what a client may see by `cofferdam-admission`, about looks by
//! `cofferdam-chrome`; this crate connects them to the wire ([`protocols`]), to pixels ([`render`],
//! [`backend`]) and to people ([`input`]). smithay is shown a request only after it was found harmless.

mod alarm;
mod backend;
mod client;
mod clock;
mod compositor;
mod config;
mod control;
mod input;
mod protocols;
mod render;
mod shell;
mod state;
mod trusted;
mod vm;

pub use client::ClientIdentity;
pub use clock::{Clock, Mono};
pub use compositor::{Compositor, Ended, Error, Remote};
pub use config::{BackendKind, Config, Keymap, ParseOutputError, parse_output};
pub use state::State;
pub use trusted::{AttentionKey, ParseKeyError};
