// SPDX-License-Identifier: GPL-3.0-or-later
//! Desktop control: what the launcher, `coffer` and the scenario runner ask of the compositor.
//!
//! In: [`Call`] packets on `RUNTIME/compositor.sock`. Out: one [`Answer`] per call with the same
//! serial, and [`Event`]s to those who subscribed. Coordinates are logical pixels of the desktop's
//! global space unless a field says otherwise.

use cofferdam_ids::{Identity, Label, VmId};
use serde::{Deserialize, Serialize};

/// Largest packet on this wire, in bytes.
pub const MAX_PACKET: usize = 128 * 1024;

/// A window's handle: unique while the compositor runs, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WindowId(pub u64);

/// A rectangle in logical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rect {
    /// Left edge.
    pub x: i32,
    /// Upper edge.
    pub y: i32,
    /// Width.
    pub w: i32,
    /// Height.
    pub h: i32,
}

/// One call, as it stands in a packet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Chosen by the caller, repeated in the answer.
    pub serial: u64,
    /// What is asked.
    pub request: Request,
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Makes a VM known. Fds: the compositor's end of the VM channel; then, if `icon_size` is set,
    /// a memfd with `icon_size`² RGBA8 (straight alpha) pixels.
    AdoptVm {
        /// The VM.
        vm: VmId,
        /// Its colour and pattern.
        identity: Identity,
        /// Its name in chrome.
        name: Label,
        /// Edge of the icon in the memfd, 1 to 256 pixels.
        icon_size: Option<u32>,
    },
    /// Forgets a VM: closes its clients and windows.
    RetireVm {
        /// The VM.
        vm: VmId,
    },
    /// Lists windows: [`Reply::Windows`].
    Windows,
    /// From now on sends [`Event`]s on this connection.
    Subscribe,
    /// Renders and copies out one output, or a region of the global space. Reply: [`Reply::Image`]
    /// with one fd, a memfd of tightly packed RGBA8 rows.
    Screenshot {
        /// Name of the output; the first one if absent.
        output: Option<String>,
    },
    /// A pointer, keyboard or touch event from the virtual seat. Headless backend only.
    Input(Input),
    /// Does to a window what its title bar and edges do.
    WindowOp {
        /// The window.
        window: WindowId,
        /// What to do.
        op: WindowOp,
    },
    /// Answers once everything that arrived before it has been dispatched and drawn.
    Sync,
    /// Answers once every client of a VM that has a window has answered a ping, or is gone: by then it has
    /// taken in all that it was told before, and what it drew before its pong has arrived. Refused while one of
    /// them owes the answer to an earlier ping.
    Ping {
        /// The VM.
        vm: VmId,
    },
    /// [`Reply::Counters`].
    Counters,
    /// Switches the theme by name, such as `default-dark`.
    SetTheme(String),
    /// Adds a virtual output at the right of the others. Headless backend only.
    AddOutput(OutputSpec),
    /// Removes an output by name. Headless backend only; the last one stays.
    RemoveOutput(String),
    /// The permission monitor serves this compositor from now on. Fd: one end of a pair of
    /// `SOCK_SEQPACKET` sockets that speaks `cofferdam_monitor_wire::screen`. Replaces an earlier one,
    /// whose open questions are void.
    ServePermissions,
    /// Serves one of our own programs, such as the panel. Fd: one end of a pair of stream sockets that
    /// speaks Wayland.
    AddTrustedClient,
    /// The prompt on the screen: [`Reply::Prompt`].
    Prompt,
    /// The note on the screen: [`Reply::Notice`].
    Notice,
    /// What is being dragged: [`Reply::Drag`].
    Drag,
    /// Locks or unlocks the session. Unlocking is for headless desktops until there is a login screen.
    SetLocked(bool),
    /// Shows or hides the attention view, as its key does. Headless backend only.
    Attention(bool),
    /// Ends the session.
    Quit,
}

/// A virtual output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    /// Its name, such as `HEADLESS-1`.
    pub name: String,
    /// Width in physical pixels, 64 to 16384.
    pub width: u32,
    /// Height in physical pixels, 64 to 16384.
    pub height: u32,
    /// Scale in 120ths (120 = 1.0, 180 = 1.5, 240 = 2.0), 60 to 480.
    pub scale_120: u32,
}

/// Events of the virtual seat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Input {
    /// Moves the pointer to a place in the global space.
    PointerMove {
        /// Logical x.
        x: f64,
        /// Logical y.
        y: f64,
    },
    /// A pointer button by its evdev code (0x110 left, 0x111 right, 0x112 middle).
    PointerButton {
        /// evdev code.
        code: u32,
        /// Down or up.
        pressed: bool,
    },
    /// A wheel: 120ths of a notch, positive is down and right.
    PointerAxis {
        /// Horizontal.
        dx_120: i32,
        /// Vertical.
        dy_120: i32,
    },
    /// A key by its evdev code.
    Key {
        /// evdev code (KEY_A is 30).
        code: u32,
        /// Down or up.
        pressed: bool,
    },
    /// Types text with the current layout; characters that it lacks are an error naming the first.
    Text(String),
    /// A finger: down, moved.
    TouchDown {
        /// Slot, 0 to 9.
        slot: u32,
        /// Logical x.
        x: f64,
        /// Logical y.
        y: f64,
    },
    /// A finger moves.
    TouchMove {
        /// Slot, 0 to 9.
        slot: u32,
        /// Logical x.
        x: f64,
        /// Logical y.
        y: f64,
    },
    /// A finger leaves.
    TouchUp {
        /// Slot, 0 to 9.
        slot: u32,
    },
}

/// What can be done to a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum WindowOp {
    /// Raises it and gives it the keyboard.
    Activate,
    /// Asks it to close.
    Close,
    /// Fills the output's work area.
    Maximize,
    /// Back from maximised.
    Unmaximize,
    /// Fills the output, trust strip kept.
    Fullscreen,
    /// Back from full-screen.
    Unfullscreen,
    /// Hides it; Alt-Tab and `Activate` bring it back.
    Minimize,
    /// Moves the frame's upper left corner.
    Move {
        /// Logical x.
        x: i32,
        /// Logical y.
        y: i32,
    },
    /// Asks for a size of the content.
    Resize {
        /// Logical width.
        w: i32,
        /// Logical height.
        h: i32,
    },
}

/// One answer, as it stands in a packet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The call's serial.
    pub serial: u64,
    /// What came of it; the error is a sentence for a person.
    pub result: Result<Reply, String>,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// Done, nothing to say.
    Done,
    /// All windows, lowest first.
    Windows(Vec<WindowInfo>),
    /// A picture is in the memfd beside this packet.
    Image {
        /// Physical pixels across.
        width: u32,
        /// Physical pixels down.
        height: u32,
        /// Logical position of its upper left corner.
        x: i32,
        /// Logical position of its upper left corner.
        y: i32,
        /// Scale in 120ths.
        scale_120: u32,
    },
    /// Counters since the start.
    Counters(Counters),
    /// The prompt that is on the screen, if any.
    Prompt(Option<PromptInfo>),
    /// The note at the edge of the screen, if any.
    Notice(Option<NoticeInfo>),
    /// The drag that is under way, if any.
    Drag(Option<DragInfo>),
}

/// A note: the desktop's own about an app, or what an app says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeInfo {
    /// About whom.
    pub vm: VmId,
    /// Its first line, in the desktop's words: `Paste again in Terminal`, or the app's name.
    pub heading: String,
    /// The line below in the app's words; empty for the desktop's own.
    pub title: String,
    /// The lines below, in the app's words if it says something.
    pub text: String,
    /// Notes behind it.
    pub waiting: u32,
    /// Whether a click on it counts by now.
    pub armed: bool,
    /// The card, once it was drawn.
    pub card: Rect,
    /// The button that closes it.
    pub close: Rect,
}

/// Something that is being dragged out of a client's window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DragInfo {
    /// Whose it is; none for a program of the desktop itself.
    pub from: Option<VmId>,
    /// The other VM whose window it is over.
    pub over: Option<VmId>,
    /// Whether it could be dropped there, as far as is known before anybody is asked.
    pub possible: bool,
}

/// A trusted prompt as it is on the screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptInfo {
    /// The monitor's number of it.
    pub id: u64,
    /// Who asks.
    pub vm: VmId,
    /// The line in large type: `Mail wants to go online`.
    pub title: String,
    /// The line below: `to imap.example.org, port 993 — first contact`.
    pub detail: String,
    /// Whether affirmative answers are taken by now.
    pub armed: bool,
    /// The card.
    pub card: Rect,
    /// What can be chosen, from top to bottom.
    pub choices: Vec<ChoiceInfo>,
    /// Questions behind it.
    pub waiting: u32,
}

/// One choice of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChoiceInfo {
    /// The answer by its name in `cofferdam_policy`: `not-now`, `this-time`, `pick-0`, …
    pub answer: String,
    /// Its words.
    pub text: String,
    /// Where it is.
    pub place: Rect,
    /// Whether it has the focus ring.
    pub focused: bool,
}

/// One toplevel window as the compositor sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowInfo {
    /// Its handle.
    pub id: WindowId,
    /// The VM that owns it; none for trusted clients.
    pub vm: Option<VmId>,
    /// The identity drawn around it.
    pub identity: Option<Identity>,
    /// The client's title, cleaned.
    pub title: Label,
    /// The client's app id, cleaned.
    pub app_id: Label,
    /// Frame with border and title bar.
    pub frame: Rect,
    /// The client's pixels inside the frame.
    pub content: Rect,
    /// Width of the trust border in logical pixels.
    pub border: i32,
    /// Shown at the moment (mapped and not minimised).
    pub visible: bool,
    /// Has the keyboard.
    pub focused: bool,
    /// Maximised.
    pub maximized: bool,
    /// Full-screen.
    pub fullscreen: bool,
    /// Minimised.
    pub minimized: bool,
    /// Commits with a buffer so far, popups and subsurfaces included: changes when there is a new frame.
    pub commits: u64,
    /// Frames of its popups, lowest first.
    pub popups: Vec<PopupInfo>,
}

/// One popup of a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopupInfo {
    /// Frame with border.
    pub frame: Rect,
    /// The client's pixels inside the frame.
    pub content: Rect,
}

/// Sent to subscribers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A window has its first frame on the screen.
    WindowMapped(WindowInfo),
    /// A window is gone.
    WindowClosed {
        /// The window.
        id: WindowId,
        /// Its VM.
        vm: Option<VmId>,
    },
    /// The prompt on the screen changed: another one, armed now, or none.
    PromptChanged(Option<PromptInfo>),
    /// The session was locked or unlocked.
    LockChanged(bool),
    /// A VM's channel closed (its gpu device is gone).
    VmDisconnected {
        /// The VM.
        vm: VmId,
    },
    /// A VM's client broke a rule and was disconnected or its request refused.
    VmFault {
        /// The VM.
        vm: VmId,
        /// Machine-readable kind, such as `protocol_error` or `quota`.
        kind: String,
        /// For a person.
        detail: Label,
    },
}

/// A packet from the compositor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FromCompositor {
    /// The answer to a call.
    Answer(Answer),
    /// Something happened.
    Event(Box<Event>),
}

/// Counters that tests and benchmarks read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counters {
    /// Frames drawn on any output.
    pub frames: u64,
    /// Physical pixels redrawn.
    pub damaged_pixels: u64,
    /// Bytes of client buffers that the compositor copied before drawing (0 on the pixman path).
    pub client_bytes_copied: u64,
    /// Turns of the main loop: wake-ups.
    pub wakeups: u64,
    /// Faults of VM clients.
    pub vm_faults: u64,
}
