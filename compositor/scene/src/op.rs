// SPDX-License-Identifier: GPL-3.0-or-later
//! The scene's language: [`Op`] goes in, [`Effect`] comes out, [`Refused`] says why nothing happened.
//!
//! Every change of the desktop is one `Op`, whoever wanted it: a guest, the user or a backend. That
//! is what lets one random test drive all of them and check the invariants after each.

use crate::geometry::{Edges, Insets, Point, Rect, Size};
use crate::id::{LayerId, Node, OutputId, Owner, PopupId, WindowId};
use crate::layer::LayerRole;
use crate::positioner::Positioner;
use cofferdam_ids::VmId;

/// A change of the desktop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    // Outputs
    /// An output appears at the right of the others.
    AddOutput {
        /// Its handle.
        output: OutputId,
        /// Logical size.
        size: Size,
        /// Scale in 120ths; clamped to 60..=480.
        scale_120: u32,
    },
    /// An output's mode or scale changed; the outputs right of it move along.
    UpdateOutput {
        /// The output.
        output: OutputId,
        /// Logical size.
        size: Size,
        /// Scale in 120ths.
        scale_120: u32,
    },
    /// A panel takes space: windows are placed and maximised inside what remains.
    SetWorkAreaInsets {
        /// The output.
        output: OutputId,
        /// What is taken on each side.
        insets: Insets,
    },
    /// An output is gone; its windows move to the nearest one left.
    RemoveOutput(OutputId),

    // Life of windows
    /// A client made a toplevel. Its first [`Effect::Configure`] answers its first [`Op::Commit`].
    AddWindow {
        /// Its handle.
        window: WindowId,
        /// Whose it is.
        owner: Owner,
    },
    /// A client named the window that this one is a dialog of (same owner only).
    SetParent {
        /// The dialog.
        window: WindowId,
        /// The window it stays above; none makes it independent.
        parent: Option<WindowId>,
    },
    /// A client's limits for its content; 0 means none.
    SetLimits {
        /// The window.
        window: WindowId,
        /// Smallest content.
        min: Size,
        /// Largest content.
        max: Size,
    },
    /// A client committed a state. The first one (without a buffer) is answered with the first
    /// configure, the first one with a size maps the window.
    Commit {
        /// The window.
        window: WindowId,
        /// Size of its window geometry; none if it has no buffer, which unmaps it.
        size: Option<Size>,
        /// The client has answered every configure that it was sent.
        settled: bool,
    },
    /// The toplevel is gone.
    RemoveWindow(WindowId),
    /// A VM is gone for good: its windows go, and its next first window counts as the first again.
    ForgetOwner(Owner),

    // What users and clients do to windows
    /// Raises a window, shows it if it is minimised, and gives it the keyboard.
    Activate(WindowId),
    /// Asks a window to close.
    Close(WindowId),
    /// Fills the work area, or goes back.
    SetMaximized {
        /// The window.
        window: WindowId,
        /// Fill or go back.
        on: bool,
    },
    /// Fills the output except for the trust strip, or goes back.
    SetFullscreen {
        /// The window.
        window: WindowId,
        /// Fill or go back.
        on: bool,
        /// Which output; its own if none.
        output: Option<OutputId>,
    },
    /// Hides a window until it is activated.
    Minimize(WindowId),
    /// Puts a window's frame somewhere.
    MoveTo {
        /// The window.
        window: WindowId,
        /// Upper left corner of the frame.
        frame: Point,
    },
    /// Asks for a size of the content.
    ResizeTo {
        /// The window.
        window: WindowId,
        /// Content.
        size: Size,
    },
    /// The window follows the pointer until the button is released (`xdg_toplevel.move`).
    BeginMove(WindowId),
    /// Edges follow the pointer until the button is released (`xdg_toplevel.resize`).
    BeginResize {
        /// The window.
        window: WindowId,
        /// Which edges.
        edges: Edges,
    },
    /// Ends what [`Op::BeginMove`], [`Op::BeginResize`] or a press on chrome began.
    EndGrab,

    // Popups
    /// A client made a popup. Its first [`Effect::ConfigurePopup`] answers its first [`Op::CommitPopup`].
    AddPopup {
        /// Its handle.
        popup: PopupId,
        /// What it belongs to.
        parent: Node,
        /// Where it wants to be.
        positioner: Positioner,
    },
    /// `xdg_popup.reposition`.
    RepositionPopup {
        /// The popup.
        popup: PopupId,
        /// Where it wants to be now.
        positioner: Positioner,
        /// Repeated in the answer.
        token: u32,
    },
    /// A popup wants keyboard and pointer until a click outside. Before its first buffer only.
    GrabPopup(PopupId),
    /// A client committed a popup's state; none unmaps it.
    CommitPopup {
        /// The popup.
        popup: PopupId,
        /// Size of its window geometry.
        size: Option<Size>,
    },
    /// The popup is gone, and its children with it.
    RemovePopup(PopupId),
    /// Asks all popups of the grab to go (Escape, focus lost).
    DismissPopups,

    // Layers: surfaces of the desktop itself
    /// A trusted program made a surface with a place of its own.
    AddLayer {
        /// Its handle.
        layer: LayerId,
        /// What it is for.
        role: LayerRole,
        /// Its output; none for where the person is.
        output: Option<OutputId>,
        /// The VM that waits for it.
        vm: Option<VmId>,
    },
    /// Its program would like another size; 0 for all there is.
    ResizeLayer {
        /// The layer.
        layer: LayerId,
        /// The wish.
        size: Size,
    },
    /// Its program committed. The first one (without a buffer) is answered with
    /// [`Effect::ConfigureLayer`]; none hides it.
    CommitLayer {
        /// The layer.
        layer: LayerId,
        /// Logical size of its buffer.
        size: Option<Size>,
    },
    /// Gives a shown panel or dialog the keyboard.
    FocusLayer(LayerId),
    /// The surface is gone.
    RemoveLayer(LayerId),

    // The pointer (or the finger that stands for it)
    /// It moved.
    PointerMotion(Point),
    /// It left for good (a finger lifted, the nested window lost it).
    PointerLeave,
    /// Its main button went down where it is.
    Press,
    /// Its main button came up where it is.
    Release,

    // Alt-Tab
    /// Shows the switcher, or moves its choice by one.
    Cycle {
        /// Towards older windows, or back.
        backwards: bool,
    },
    /// Ends the switcher.
    EndCycle {
        /// Activate the choice, or stay.
        accept: bool,
    },
}

/// States a toplevel is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct States {
    /// Looks active.
    pub activated: bool,
    /// Fills the work area.
    pub maximized: bool,
    /// Fills the output.
    pub fullscreen: bool,
    /// An edge is being dragged.
    pub resizing: bool,
    /// Not visible: need not draw.
    pub suspended: bool,
}

/// What a toplevel is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Configure {
    /// Content it shall have; none means its own choice.
    pub size: Option<Size>,
    /// Largest content that fits the work area; none without an output.
    pub bounds: Option<Size>,
    /// States.
    pub states: States,
}

/// What the session has to do. In order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a toplevel its configure.
    Configure {
        /// The window.
        window: WindowId,
        /// What it is told.
        configure: Configure,
    },
    /// Send a popup its configure.
    ConfigurePopup {
        /// The popup.
        popup: PopupId,
        /// Where it is, relative to the window geometry of its parent.
        rect: Rect,
        /// Of the reposition that this answers.
        token: Option<u32>,
    },
    /// Tell a layer its size.
    ConfigureLayer {
        /// The layer.
        layer: LayerId,
        /// What it is told.
        size: Size,
    },
    /// Tell a layer to go: the person turned to something else, or its output is gone.
    CloseLayer(LayerId),
    /// Send `popup_done`. The popup stays in the scene, invisible, until [`Op::RemovePopup`].
    DismissPopup(PopupId),
    /// The keyboard belongs to another node.
    Focus(Option<Node>),
    /// Send `close`.
    Close(WindowId),
    /// A window is on the screen for the first time since it was unmapped.
    Mapped(WindowId),
    /// Something in this part of the global space has to be drawn again.
    Damage(Rect),
    /// What the pointer is over may have changed without the pointer moving.
    PointerFocus,
}

/// Why an op changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// No such window, popup or output.
    #[error("there is no such window, popup or output")]
    Unknown,
    /// The handle is in use or was used before.
    #[error("the handle was used before")]
    Reused,
    /// The owner, or the desktop, has as many as it may have.
    #[error("too many windows, popups or outputs")]
    Quota,
    /// Parent and child have different owners.
    #[error("a window can only belong to a window of its own VM")]
    ForeignParent,
    /// A window would be its own ancestor, or popups nest too deep.
    #[error("windows nest in a circle or too deep")]
    Nesting,
    /// Not while the window is in that state (unmapped, minimised, full-screen).
    #[error("not in the window's present state")]
    State,
    /// No pointer, no button, or another grab is under way.
    #[error("no pointer to follow, or it follows something else")]
    NoPointer,
    /// A popup grab that is not on top of the running one.
    #[error("only the topmost popup can take the grab")]
    NotTopmost,
}
