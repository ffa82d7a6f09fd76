// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: the truth of the desktop. Windows, popups, stacking, focus, grabs and outputs.
//!
//! In: one [`Op`] at a time, with the time, through [`Scene::apply`]. Out: [`Effect`]s through
//! [`Scene::poll_effect`], and the picture through [`Scene::windows`] (lowest first), [`Scene::hit`]
//! and [`Scene::pointer_target`].
//!
//! The session owns surfaces, clients and devices and asks the scene for every decision. The scene
//! knows no Wayland. Whatever goes in, also the extremes that a hostile guest sends:
//!
//! * it never panics and nothing overflows: see [`geometry`];
//! * what is stored is bounded: see the quotas in [`Scene`];
//! * a window's title bar can always be reached by the pointer;
//! * client pixels never leave the inside of their frame, and a popup touches its window;
//! * the keyboard belongs to nobody whose window has no buffer on the screen.
//!
//! [`Scene::verify_invariants`] states these, and `tests/random_ops.rs` checks them after each of
//! many thousand random ops.

#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

pub mod geometry;
mod id;
mod invariants;
mod layer;
mod metrics;
mod op;
mod output;
mod placement;
mod popup;
mod positioner;
mod scene;
mod view;
mod window;

pub use cofferdam_ids::Mono;
pub use geometry::{Edges, Insets, Point, Rect, Size};
pub use id::{LayerId, Node, OutputId, Owner, PopupId, WindowId, WorkspaceId};
pub use layer::{Layer, LayerRole, MAX_LAYERS};
pub use metrics::{Button, Metrics};
pub use op::{Configure, Effect, Op, Refused, States};
pub use output::{MAX_OUTPUTS, MIN_EDGE, Output};
pub use popup::Popup;
pub use positioner::{Adjust, Anchor, Positioner};
pub use scene::{LayerView, MAX_POPUP_DEPTH, MAX_POPUPS_PER_OWNER, MAX_WINDOWS_PER_OWNER, Scene};
pub use view::{ButtonView, CycleView, Hit, PopupView, WindowView};
pub use window::{Frame, Layout, Window};
