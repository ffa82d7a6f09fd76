// SPDX-License-Identifier: GPL-3.0-or-later
//! Steps about what goes from one app to another. In: their tables. Out: what they say.

use super::action::{Button, default_timeout};
use serde::Deserialize;

/// A person drags something out of a window and holds it over another.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carry {
    /// Out of which window.
    pub window: String,
    /// Where it is picked up, in that window's content.
    pub from: [f64; 2],
    /// Over which window; the same one if absent.
    pub over: Option<String>,
    /// Where it is held, in that window's content.
    pub to: [f64; 2],
    /// With which button.
    #[serde(default)]
    pub button: Button,
    /// How long the app may take to begin the drag.
    #[serde(default = "default_timeout")]
    pub timeout_s: u64,
}

/// What is carried is let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetGo {
    /// Which button.
    #[serde(default)]
    pub button: Button,
}

/// Something is being dragged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectDrag {
    /// Whose it is.
    pub r#as: String,
    /// The other app whose window it is over; none if absent.
    pub over: Option<String>,
    /// Whether the pointer says that it could be dropped there.
    pub possible: bool,
    /// How long it may take to come true.
    #[serde(default = "default_timeout")]
    pub timeout_s: u64,
}

/// A note on the screen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectNote {
    /// About which app; without `heading`: there is no note about it.
    pub r#as: String,
    /// What its first line contains, in the desktop's words.
    pub heading: Option<String>,
    /// What the line below contains, in the app's words.
    pub title: Option<String>,
    /// What the rest contains.
    pub text: Option<String>,
    /// How long it may take to come, or to go.
    #[serde(default = "default_timeout")]
    pub timeout_s: u64,
}

/// A click on the note on the screen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClickNote {
    /// Whose note it is.
    pub r#as: String,
    /// On its cross.
    #[serde(default)]
    pub close: bool,
    /// With which button.
    #[serde(default)]
    pub button: Button,
    /// How long it may take until it is there and takes clicks.
    #[serde(default = "default_timeout")]
    pub timeout_s: u64,
}
