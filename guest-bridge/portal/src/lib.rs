// SPDX-License-Identifier: GPL-3.0-or-later
//! How apps in a guest ask for what is outside. In: D-Bus calls of the guest's own xdg-desktop-portal, and
//! command lines of `xdg-open`. Out: wishes for the agent, which carries them to the host; the host's answers,
//! as the portals' specification has them.
//!
//! Nothing here decides anything: it runs as the app's user and is worth as much as the app.

pub mod backend;
pub mod local;
pub mod open;
