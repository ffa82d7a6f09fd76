// SPDX-License-Identifier: GPL-3.0-or-later
//! What the compositor says to a front.
//!
//! In: packets of the compositor. Out: messages whose numbers are all in range, so that a front can hand them
//! to Wayland's library as they are. A front is told of its own VM's windows and of nothing else.

use crate::geometry::{Rect, Size};
use crate::to_screen::{check_mimes, short};
use crate::{Board, DecodeError, OutputId, Press, TreeId, limits};
use cofferdam_ids::VmId;
use serde::{Deserialize, Serialize};

/// One message. Times are milliseconds, or nanoseconds where that is said, of the host's monotonic clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToFront {
    // The desktop
    /// All outputs that there are from now on. The first message on a socket.
    Outputs(Vec<Output>),
    /// The fd beside this is a sealed memfd with a keymap in xkb's words, ending in a zero byte.
    Keyboard {
        /// Bytes of the keymap, the zero byte included.
        size: u32,
        /// Keys a second that a held key makes.
        rate: i32,
        /// Milliseconds before it does.
        delay: i32,
    },
    /// The theme's name, for the desktop's own programs.
    Theme(String),
    /// Whose window is active, for the desktop's own programs.
    ActiveVm(Option<VmId>),
    /// The panel's key was pressed, for the desktop's own programs.
    TogglePanel,

    // Trees
    /// A window's size and states. It is to answer, at the latest with its next frame.
    Configure {
        /// The window.
        tree: TreeId,
        /// Names this configure; more than 0.
        serial: u32,
        /// Geometry that it shall have; none means its own choice.
        size: Option<Size>,
        /// Largest geometry that fits.
        bounds: Option<Size>,
        /// States.
        states: States,
    },
    /// Where a popup is, from its parent's geometry.
    Place {
        /// The popup.
        tree: TreeId,
        /// Where.
        place: Rect,
        /// Of the [`Reposition`](crate::ToScreen::Reposition) that this answers.
        token: Option<u32>,
    },
    /// The size of one of the desktop's own surfaces.
    LayerSize {
        /// The surface.
        tree: TreeId,
        /// How large.
        size: Size,
    },
    /// A window is asked to close, a popup is dismissed, a place is taken back.
    Close(TreeId),
    /// A frame is in place: the buffers of all before it are free, and another may be sent.
    Taken {
        /// The tree.
        tree: TreeId,
        /// Its number.
        number: u32,
    },
    /// A frame was presented; or it can't be seen, and its app may go on, slowly.
    Presented {
        /// The tree.
        tree: TreeId,
        /// The newest frame that was seen.
        number: u32,
        /// When, in nanoseconds.
        time: u64,
        /// Where it was seen; nobody saw it if none.
        seen: Option<Seen>,
    },
    /// The outputs that a tree is on, and the scale in 120ths that suits it.
    On {
        /// The tree.
        tree: TreeId,
        /// Where it is.
        outputs: Vec<OutputId>,
        /// Its scale.
        scale_120: u32,
    },

    // The keyboard
    /// The keyboard is on this tree from now on, or leaves the VM.
    Focus {
        /// Where it is.
        tree: Option<TreeId>,
        /// Keys that are down, by evdev code.
        keys: Vec<u32>,
    },
    /// A key of the tree with the keyboard.
    Key {
        /// Names it.
        press: Press,
        /// When.
        time: u32,
        /// evdev code.
        code: u32,
        /// Down or up.
        down: bool,
    },
    /// Modifiers, as `wl_keyboard.modifiers` has them.
    Modifiers {
        /// Held.
        depressed: u32,
        /// Until the next key.
        latched: u32,
        /// Until they are pressed again.
        locked: u32,
        /// The layout.
        group: u32,
    },

    // The pointer
    /// The pointer is at this place of a tree, from its origin; or it leaves the VM.
    Pointer {
        /// Where.
        at: Option<Spot>,
        /// When.
        time: u32,
    },
    /// How far the pointer was moved, also where it is held.
    Motion {
        /// To the right.
        dx: f64,
        /// Down.
        dy: f64,
        /// When, in microseconds.
        micros: u64,
    },
    /// A button over the tree that the pointer is on.
    Button {
        /// Names it.
        press: Press,
        /// When.
        time: u32,
        /// evdev code.
        code: u32,
        /// Down or up.
        down: bool,
    },
    /// A wheel, in 120ths of a notch.
    Wheel {
        /// When.
        time: u32,
        /// To the right.
        dx_120: i32,
        /// Down.
        dy_120: i32,
    },
    /// Whether what [`Constrain`](crate::ToScreen::Constrain) asked for holds.
    Held {
        /// The tree.
        tree: TreeId,
        /// Whether.
        on: bool,
    },

    // Fingers
    /// A finger goes down.
    TouchDown {
        /// Names it.
        press: Press,
        /// Which finger.
        slot: u32,
        /// Where.
        at: Spot,
        /// When.
        time: u32,
    },
    /// A finger that went down in this VM moves.
    TouchMove {
        /// Which finger.
        slot: u32,
        /// Where, from the origin of the tree that it went down in.
        x: f64,
        /// As `x`.
        y: f64,
        /// When.
        time: u32,
    },
    /// A finger leaves.
    TouchUp {
        /// Which finger.
        slot: u32,
        /// When.
        time: u32,
    },
    /// All fingers belong to somebody else now.
    TouchCancel,

    // Selections
    /// What the app with the keyboard may paste.
    Offer {
        /// Which selection.
        board: Board,
        /// What.
        offer: Offer,
    },
    /// A copy was replaced by another one, or is not taken.
    Cancelled {
        /// Which selection.
        board: Board,
        /// Which copy.
        copy: u32,
    },
    /// Write a copy into the pipe beside this.
    Send {
        /// Which selection.
        board: Board,
        /// Which copy.
        copy: u32,
        /// As what.
        mime: String,
    },

    // Drags
    /// What is dragged is over this place of the VM that it comes from; or it is not.
    DragOver {
        /// The drag.
        drag: u32,
        /// Where.
        at: Option<Spot>,
        /// When.
        time: u32,
    },
    /// It was let go where it was last.
    DragDropped(u32),
    /// It came to nothing.
    DragCancelled(u32),
    /// It was let go over another VM, which may get it as this type; the drag is over for its app.
    DragCrosses {
        /// The drag.
        drag: u32,
        /// As what.
        mime: Option<String>,
    },
    /// Write what was dragged into the pipe beside this.
    DragSend {
        /// The drag.
        drag: u32,
        /// As what.
        mime: String,
    },
    /// What crossed has arrived, or has not.
    DragEnded {
        /// The drag.
        drag: u32,
        /// Whether.
        done: bool,
    },
    /// Something from another VM, allowed and ready, is dropped at this place.
    Drop {
        /// Names it.
        drop: u32,
        /// Where.
        at: Spot,
        /// When.
        time: u32,
        /// What it can be read as.
        mimes: Vec<String>,
    },
    /// A drop is over, read or not.
    DropEnded(u32),

    // Bookkeeping
    /// All apps are to say that they are there; see [`Pong`](crate::ToScreen::Pong).
    Ping(u32),
    /// Answers [`Sync`](crate::ToScreen::Sync): what was said before it was heard, and what followed from it
    /// came before this.
    Synced(u32),
}

/// A place in a tree, from the tree's origin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spot {
    /// The tree.
    pub tree: TreeId,
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// Where a frame was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// On which output.
    pub output: OutputId,
    /// Nanoseconds between two pictures there.
    pub refresh: u32,
    /// Pictures there so far.
    pub sequence: u64,
}

/// An output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Which one.
    pub id: OutputId,
    /// What people call it.
    pub name: String,
    /// Where it lies, in logical pixels.
    pub x: i32,
    /// As `x`.
    pub y: i32,
    /// Pixels.
    pub width: i32,
    /// Pixels.
    pub height: i32,
    /// Scale in 120ths.
    pub scale_120: u32,
    /// Pictures a second, in thousandths.
    pub refresh_mhz: u32,
}

/// States of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct States {
    /// It has the keyboard.
    pub activated: bool,
    /// It fills the work area.
    pub maximized: bool,
    /// It fills the output.
    pub fullscreen: bool,
    /// An edge of it is being moved.
    pub resizing: bool,
    /// Nobody can see it.
    pub suspended: bool,
}

/// What may be pasted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Offer {
    /// Nothing.
    #[default]
    Nothing,
    /// What an app of the same VM copied: the front passes it on by itself.
    Own {
        /// Which copy.
        copy: u32,
    },
    /// What another VM copied. It is read with [`Paste`](crate::ToScreen::Paste).
    Across {
        /// Names the offer.
        offer: u64,
        /// What it can be read as.
        mimes: Vec<String>,
    },
}

impl ToFront {
    /// How many fds come beside this message.
    #[must_use]
    pub const fn fds(&self) -> usize {
        match self {
            Self::Keyboard { .. } | Self::Send { .. } | Self::DragSend { .. } => 1,
            _ => 0,
        }
    }

    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        match self {
            Self::Outputs(outputs) => {
                if outputs.len() > limits::OUTPUTS {
                    return Err(DecodeError::Value("too many outputs"));
                }
                outputs.iter().try_for_each(Output::check)
            }
            Self::Keyboard { size, .. } => {
                let fits = (1..=limits::KEYMAP_BYTES).contains(size);
                if fits { Ok(()) } else { Err(DecodeError::Value("a keymap of no possible size")) }
            }
            Self::Theme(name) => short(name, limits::THEME_BYTES),
            Self::Configure { serial, size, bounds, .. } => {
                size.map_or(Ok(()), Size::check)?;
                bounds.map_or(Ok(()), Size::check)?;
                if *serial > 0 { Ok(()) } else { Err(DecodeError::Value("a configure without a number")) }
            }
            Self::Place { place, .. } => place.check(),
            Self::LayerSize { size, .. } => size.check(),
            Self::On { outputs, .. } if outputs.len() > limits::OUTPUTS => {
                Err(DecodeError::Value("too many outputs"))
            }
            Self::Focus { keys, .. } if keys.len() > limits::KEYS => Err(DecodeError::Value("too many keys")),
            Self::Pointer { at: Some(at), .. }
            | Self::TouchDown { at, .. }
            | Self::DragOver { at: Some(at), .. } => at.check(),
            Self::Motion { dx: x, dy: y, .. } | Self::TouchMove { x, y, .. } => finite(*x, *y),
            Self::Offer { offer: Offer::Across { mimes, .. }, .. } => check_mimes(mimes),
            Self::Drop { at, mimes, .. } => at.check().and_then(|()| check_mimes(mimes)),
            Self::Send { mime, .. } | Self::DragSend { mime, .. } => short(mime, limits::MIME_BYTES),
            Self::DragCrosses { mime: Some(mime), .. } => short(mime, limits::MIME_BYTES),
            _ => Ok(()),
        }
    }
}

impl Spot {
    fn check(&self) -> Result<(), DecodeError> {
        finite(self.x, self.y)
    }
}

impl Output {
    fn check(&self) -> Result<(), DecodeError> {
        Rect { x: self.x, y: self.y, w: self.width, h: self.height }.check_area()?;
        short(&self.name, limits::THEME_BYTES)
    }
}

fn finite(x: f64, y: f64) -> Result<(), DecodeError> {
    let within = |v: f64| v.abs() <= f64::from(limits::COORD);
    if within(x) && within(y) { Ok(()) } else { Err(DecodeError::Value("a place beyond every screen")) }
}
