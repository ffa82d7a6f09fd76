// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: the screen wire, between a VM's *front* and the compositor.
//!
//! A front is the Wayland server of one VM, in that VM's own jailed process. It finishes what apps say:
//! double buffering, subsurfaces, positioners, regions, viewports. The compositor hears what came of it:
//! flat lists of nodes to draw, and wishes. It never hears Wayland, and computes with no number that did not
//! pass [`to_screen`]'s checks.
//!
//! In: packets of a `SOCK_SEQPACKET` socket, one postcard message each, with fds beside some (see
//! [`ToScreen::fds`] and [`ToFront::fds`]). Out: [`ToScreen`] and [`ToFront`], or a [`DecodeError`] after
//! which the socket is closed. Which VM a front belongs to is known from the socket; no message names it.
//!
//! **Credits instead of queues.** A front sends no frame of a tree before the last one was
//! [taken](ToFront::Taken): what its apps commit meanwhile becomes part of the next one. All else that it can
//! make the compositor keep is counted; the bounds stand in [`limits`], in one table.
//!
//! **A front outlives its compositor.** It can say everything again to the next one: all that the compositor
//! keeps of a front is what the front's own state says.

#![forbid(unsafe_code)]

mod codec;
mod frame;
mod geometry;
pub mod limits;
pub mod to_front;
pub mod to_screen;

pub use codec::{DecodeError, EncodeError, decode_to_front, decode_to_screen, encode};
pub use frame::{CUT_UNIT, Cut, Damage, Format, Frame, Node, NodeId, PIXEL, Pixels, PoolId, Span, Turn};
pub use geometry::{Point, Rect, Size};
pub use to_front::ToFront;
pub use to_screen::ToScreen;

use serde::{Deserialize, Serialize};

/// Something finished that the compositor places as a whole: a window, a popup, a surface of the desktop's
/// own programs, a cursor, the picture beside a drag. Chosen by the front; used again only after
/// [`ToScreen::Gone`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TreeId(pub u32);

/// An output; chosen by the compositor, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OutputId(pub u32);

/// A key, button or finger that a front was told of. With it a front justifies what only the person may
/// begin. Chosen by the compositor, which remembers the last few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Press(pub u32);

/// Which selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Board {
    /// Copy and paste.
    Clipboard,
    /// Selected text, pasted with the middle button.
    Primary,
}
