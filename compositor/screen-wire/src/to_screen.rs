// SPDX-License-Identifier: GPL-3.0-or-later
//! What a front says to the compositor.
//!
//! In: packets of a jailed process that may have been taken over. Out: messages whose numbers are all in
//! range. Whether a tree exists, a press is recent or a grant is there is looked up where that is known.

use crate::frame::{Frame, PoolId};
use crate::geometry::{Point, Rect, Size};
use crate::{Board, DecodeError, OutputId, Press, TreeId, limits};
use cofferdam_ids::{Label, VmId};
use serde::{Deserialize, Serialize};

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToScreen {
    // Memory
    /// The fd beside this is a memfd, sealed against shrinking, of at least so many bytes. A pool that is
    /// known already has grown.
    Pool {
        /// Its number.
        pool: PoolId,
        /// Bytes.
        size: u64,
    },
    /// No frame from now on shows anything of this pool.
    PoolGone(PoolId),

    // Life of trees
    /// An app made a window.
    Window(TreeId),
    /// An app made a popup of a window or popup.
    Popup {
        /// The popup.
        tree: TreeId,
        /// What it belongs to.
        parent: TreeId,
        /// Where it wants to be.
        wish: Positioner,
    },
    /// A desktop's own program has a surface to be placed. Nobody else may.
    Layer {
        /// The surface.
        tree: TreeId,
        /// What it is.
        role: LayerRole,
        /// Where; on the first output if none.
        output: Option<OutputId>,
        /// About which VM it is.
        vm: Option<VmId>,
    },
    /// A picture: a cursor, or what is beside a drag. It is seen where something refers to it.
    Picture(TreeId),
    /// A tree is gone.
    Gone(TreeId),

    // What trees show and are
    /// What a tree looks like from now on.
    Frame {
        /// Which tree.
        tree: TreeId,
        /// What it looks like.
        frame: Frame,
    },
    /// A tree shows nothing from now on. The first message of this kind for a window or a popup says that
    /// it is ready to be told its size.
    Blank {
        /// Which tree.
        tree: TreeId,
        /// As in [`Frame::limits`].
        limits: (Size, Size),
    },
    /// What a window is called.
    Named {
        /// The window.
        tree: TreeId,
        /// Its title.
        title: Label,
        /// The app's name for itself.
        app_id: Label,
    },
    /// The window that this one is a dialog of.
    Parent {
        /// The dialog.
        tree: TreeId,
        /// The window; none makes it independent.
        parent: Option<TreeId>,
    },
    /// A desktop's own surface wants to be this large.
    LayerSize {
        /// The surface.
        tree: TreeId,
        /// How large.
        size: Size,
    },

    // Wishes
    /// An app wants something of its window.
    Wish {
        /// The window.
        tree: TreeId,
        /// What it wants.
        wish: Wish,
    },
    /// A popup wants another place.
    Reposition {
        /// The popup.
        tree: TreeId,
        /// Where it wants to be.
        wish: Positioner,
        /// Comes back in the answer.
        token: u32,
    },
    /// A popup wants to be a menu: what is pressed outside of it dismisses it.
    Grab {
        /// The popup.
        tree: TreeId,
        /// What called for it.
        press: Press,
    },
    /// A desktop's own program raises a VM's windows.
    ActivateVm(VmId),
    /// What the pointer shall look like over this VM's content.
    Cursor(Cursor),
    /// The pointer shall be held where it is, in this tree.
    Constrain {
        /// The tree.
        tree: TreeId,
        /// How.
        hold: Hold,
        /// Only while the pointer is in one of these, from the tree's origin.
        inside: Vec<Rect>,
    },
    /// The pointer is free to go.
    Release(TreeId),

    // Selections
    /// An app copied or selected something.
    Copied {
        /// Which selection.
        board: Board,
        /// Names this copy.
        copy: u32,
        /// The app has the keyboard by what the front was told last.
        focused: bool,
        /// What it was copied with.
        press: Option<Press>,
        /// What it can be read as.
        mimes: Vec<String>,
    },
    /// A copy is gone, with its app or by its wish.
    Cleared {
        /// Which selection.
        board: Board,
        /// Which copy.
        copy: u32,
    },
    /// An app pastes what comes from another VM. The fd beside this is the pipe that it reads.
    Paste {
        /// Which selection.
        board: Board,
        /// The offer that it reads, as [`Offer::Across`](crate::to_front::Offer::Across) named it.
        offer: u64,
        /// As what.
        mime: String,
    },

    // Drags
    /// An app begins a drag.
    Drag {
        /// Names this drag.
        drag: u32,
        /// The press that is still held.
        press: Press,
        /// There is something that could be dropped elsewhere.
        source: bool,
        /// It may be copied, not only moved.
        copies: bool,
        /// What it can be read as.
        mimes: Vec<String>,
        /// What is shown beside the pointer.
        icon: Option<TreeId>,
    },
    /// The picture beside a drag moved, from where the pointer is.
    DragIcon {
        /// The drag.
        drag: u32,
        /// How far.
        offset: Point,
    },
    /// What was dragged is gone.
    DragGone(u32),
    /// An app reads what was dropped on it from another VM. The fd beside this is the pipe that it reads.
    DropRead {
        /// Which drop.
        drop: u32,
        /// As what.
        mime: String,
    },
    /// An app is done with a drop, or does not want it.
    DropOver(u32),

    // Bookkeeping
    /// An app broke a rule and was ended.
    Fault {
        /// Which kind of rule.
        kind: String,
        /// What happened.
        detail: Label,
    },
    /// All apps have answered a ping.
    Pong(u32),
    /// Everything before this was heard; the compositor answers with [`Synced`](crate::ToFront::Synced).
    Sync(u32),
}

/// Where a popup wants to be: `xdg_positioner`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Positioner {
    /// Its size.
    pub size: Size,
    /// What it is beside, from its parent's geometry.
    pub anchor_rect: Rect,
    /// `xdg_positioner.anchor`, 0 to 8.
    pub anchor: u8,
    /// `xdg_positioner.gravity`, 0 to 8.
    pub gravity: u8,
    /// Bits of `xdg_positioner.constraint_adjustment`.
    pub adjust: u8,
    /// How far from there.
    pub offset: Point,
    /// It follows when its parent moves.
    pub reactive: bool,
}

/// The largest number of `xdg_positioner.anchor` and `gravity`.
const LAST_ANCHOR: u8 = 8;
/// All bits of `xdg_positioner.constraint_adjustment`.
const ALL_ADJUSTMENTS: u8 = 63;

impl Positioner {
    fn check(&self) -> Result<(), DecodeError> {
        self.size.check()?;
        self.anchor_rect.check()?;
        self.offset.check()?;
        let known =
            self.anchor <= LAST_ANCHOR && self.gravity <= LAST_ANCHOR && self.adjust <= ALL_ADJUSTMENTS;
        if known { Ok(()) } else { Err(DecodeError::Value("an anchor or adjustment that does not exist")) }
    }
}

/// What a surface of the desktop itself is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayerRole {
    /// Always there, at the upper edge.
    Bar,
    /// Opened by key or click.
    Panel,
    /// A question of the desktop's own programs.
    Dialog,
}

/// What an app wants of its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// Fill the work area, or go back.
    Maximized(bool),
    /// Fill the output, or go back.
    Fullscreen(bool, Option<OutputId>),
    /// Be hidden until it is activated.
    Minimized,
    /// Follow the pointer while this press is held.
    Move(Press),
    /// Edges follow the pointer while this press is held: left, right, top, bottom.
    Resize(Press, [bool; 4]),
    /// Come to the front. The press was made in another window of the same VM.
    Activate(Press),
}

/// What the pointer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Cursor {
    /// It can't be seen.
    Hidden,
    /// One of the desktop's, as `wp_cursor_shape_device_v1.shape` numbers them, from 1.
    Shape(u8),
    /// The desktop's usual one.
    #[default]
    Usual,
    /// A picture, and where in it the pointer is.
    Picture {
        /// The picture.
        tree: TreeId,
        /// Where the pointer is in it.
        hotspot: Point,
    },
}

/// How a pointer is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hold {
    /// Where it is.
    Still,
    /// Inside.
    Inside,
}

impl ToScreen {
    /// How many fds come beside this message.
    #[must_use]
    pub const fn fds(&self) -> usize {
        match self {
            Self::Pool { .. } | Self::Paste { .. } | Self::DropRead { .. } => 1,
            _ => 0,
        }
    }

    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        match self {
            Self::Pool { size, .. } => {
                let fits = (1..=limits::POOL_BYTES).contains(size);
                if fits { Ok(()) } else { Err(DecodeError::Value("a pool of no possible size")) }
            }
            Self::Popup { wish, .. } | Self::Reposition { wish, .. } => wish.check(),
            Self::Frame { frame, .. } => frame.check(),
            Self::Blank { limits: (min, max), .. } => min.check().and_then(|()| max.check()),
            Self::LayerSize { size, .. } => size.check(),
            Self::Cursor(Cursor::Picture { hotspot, .. }) => hotspot.check(),
            Self::Constrain { inside, .. } => {
                if inside.len() > limits::CONFINES {
                    return Err(DecodeError::Value("too many rectangles"));
                }
                inside.iter().try_for_each(|rect| rect.check_area())
            }
            Self::Copied { mimes, .. } | Self::Drag { mimes, .. } => check_mimes(mimes),
            Self::Paste { mime, .. } | Self::DropRead { mime, .. } => short(mime, limits::MIME_BYTES),
            Self::DragIcon { offset, .. } => offset.check(),
            Self::Fault { kind, .. } => short(kind, limits::FAULT_BYTES),
            _ => Ok(()),
        }
    }
}

pub(crate) fn check_mimes(mimes: &[String]) -> Result<(), DecodeError> {
    let bytes = mimes.iter().map(String::len).fold(0, usize::saturating_add);
    if mimes.len() > limits::MIMES || bytes > limits::ALL_MIME_BYTES {
        return Err(DecodeError::Value("too many types"));
    }
    mimes.iter().try_for_each(|mime| short(mime, limits::MIME_BYTES))
}

pub(crate) fn short(text: &str, bytes: usize) -> Result<(), DecodeError> {
    if text.len() > bytes { Err(DecodeError::Value("a text that is too long")) } else { Ok(()) }
}
