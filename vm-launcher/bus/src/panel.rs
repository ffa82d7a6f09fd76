// SPDX-License-Identifier: GPL-3.0-or-later
//! The D-Bus interface `org.cofferdam.Panel1`, as callers see it: what the desktop's own surfaces show,
//! in the words that a screen reader says.
//!
//! In: calls of scenarios. Out: [`PanelProxy`] and the type that travels. The panel's program serves it.
//! Where a surface is on the screen is known to the compositor: it lists them among its windows, without
//! a VM, and with the surface's name as app id.

use serde::{Deserialize, Serialize};
use zbus::zvariant::Type;

/// The service's well-known name.
pub const NAME: &str = "org.cofferdam.Panel1";
/// The service's only object.
pub const PATH: &str = "/org/cofferdam/Panel1";

/// Something on a surface that has an accessible name.
#[derive(Debug, Clone, PartialEq, Type, Serialize, Deserialize)]
pub struct Element {
    /// Where it is: `bar`, `panel` or `dialog`.
    pub surface: String,
    /// Its accessible role, such as `button`.
    pub role: String,
    /// Its accessible name.
    pub label: String,
    /// Its accessible value, or the empty string.
    pub value: String,
    /// Left edge on the surface, in logical pixels.
    pub x: f64,
    /// Upper edge on the surface.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
    /// Not scrolled out of sight.
    pub seen: bool,
    /// It can be used now.
    pub enabled: bool,
    /// It has the focus.
    pub focused: bool,
}

/// Calls of the panel.
#[zbus::proxy(
    interface = "org.cofferdam.Panel1",
    default_service = "org.cofferdam.Panel1",
    default_path = "/org/cofferdam/Panel1"
)]
pub trait Panel {
    /// What is on the surfaces that are shown, from top to bottom, once everything has been drawn that
    /// the panel knows of.
    async fn elements(&self) -> zbus::Result<Vec<Element>>;

    /// Something on a surface has changed, and has been drawn.
    #[zbus(signal)]
    fn changed(&self) -> zbus::Result<()>;
}
