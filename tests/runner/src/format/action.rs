// SPDX-License-Identifier: GPL-3.0-or-later
//! What a step can be. In: the table of a `[[step]]`. Out: an [`Action`].

use super::default_scale;
use super::permissions::{
    AdvanceClock, Answer, Clipboard, ExpectHttp, ExpectLog, ExpectNoPrompt, ExpectPermissions, ExpectPrompt,
    Grant, Panel, Revoke, ServeHttp,
};
use super::transfers::{Carry, ClickNote, ExpectDrag, ExpectNote, LetGo};
use serde::Deserialize;

/// What a step does. The variant names, in snake case, are the keys of `[[step]]` tables.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Starts an app in a VM of its own.
    Launch {
        /// The app, by name, or a path to its TOML file.
        app: String,
        /// Its name in this scenario; the app's name if absent.
        r#as: Option<String>,
    },
    /// Waits for the first frame of an app's window.
    WaitWindow {
        /// Which app.
        r#as: String,
        /// How long, in seconds of this machine's slow clock.
        #[serde(default = "default_timeout")]
        timeout_s: u64,
        /// Only a window whose title contains this.
        title: Option<String>,
    },
    /// Waits until a window shows at least this many popups.
    WaitPopup {
        /// Which window.
        window: String,
        /// How many, 0 waits for their end.
        #[serde(default = "one")]
        count: usize,
        /// How long.
        #[serde(default = "default_timeout")]
        timeout_s: u64,
    },
    /// Waits until an app has taken in everything and draws nothing new.
    WaitStill {
        /// Which window.
        window: String,
        /// How long.
        #[serde(default = "default_timeout")]
        timeout_s: u64,
    },
    /// Types text into the focused window.
    Type(String),
    /// Presses and releases a key with modifiers, such as `ctrl+shift+n`.
    Key(String),
    /// Clicks into a window's content.
    Click {
        /// Which window.
        window: String,
        /// Logical pixels from the content's left edge.
        x: f64,
        /// Logical pixels from the content's upper edge.
        y: f64,
        /// Which button.
        #[serde(default)]
        button: Button,
        /// How often.
        #[serde(default = "one")]
        count: usize,
    },
    /// Moves the pointer over a window's content.
    Pointer {
        /// Which window.
        window: String,
        /// Logical pixels from the content's left edge.
        x: f64,
        /// Logical pixels from the content's upper edge.
        y: f64,
    },
    /// Presses at one place, moves, releases at another. Places may lie outside the content: a
    /// negative y is the title bar.
    Drag {
        /// Which window.
        window: String,
        /// From, in the content's coordinates.
        from: [f64; 2],
        /// To.
        to: [f64; 2],
        /// Which button.
        #[serde(default)]
        button: Button,
    },
    /// Turns the wheel.
    Scroll {
        /// Which window.
        window: String,
        /// Logical pixels from the content's left edge.
        x: f64,
        /// Logical pixels from the content's upper edge.
        y: f64,
        /// Notches to the right.
        #[serde(default)]
        right: i32,
        /// Notches down.
        #[serde(default)]
        down: i32,
    },
    /// Touches a window with one finger, moves along `path`, and lifts it.
    Touch {
        /// Which window.
        window: String,
        /// At least one place, in the content's coordinates.
        path: Vec<[f64; 2]>,
    },
    /// Every visible pixel of the window's border is its VM's identity.
    ExpectBorder {
        /// Which window.
        window: String,
    },
    /// One pixel of the content has a colour.
    ExpectPixel {
        /// Which window.
        window: String,
        /// Logical pixels from the content's left edge.
        x: f64,
        /// Logical pixels from the content's upper edge.
        y: f64,
        /// Red, green, blue.
        rgb: [u8; 3],
        /// Largest difference in a channel.
        #[serde(default)]
        tolerance: u8,
        /// How long it may take to get it.
        #[serde(default = "default_timeout")]
        timeout_s: u64,
    },
    /// The window's state is as given; what is absent is not checked.
    ExpectWindow {
        /// Which window.
        window: String,
        /// Its title contains this.
        title: Option<String>,
        /// It is full-screen.
        fullscreen: Option<bool>,
        /// It is maximised.
        maximized: Option<bool>,
        /// It is minimised.
        minimized: Option<bool>,
        /// It has the keyboard.
        focused: Option<bool>,
        /// How long it may take to become so.
        #[serde(default = "default_timeout")]
        timeout_s: u64,
    },
    /// Runs a program in the VM beside the app.
    GuestRun {
        /// Which app.
        r#as: String,
        /// Program and arguments.
        argv: Vec<String>,
        /// What it must print, exactly.
        expect_stdout: Option<String>,
        /// What it must return.
        #[serde(default)]
        expect_exit: i32,
        /// Waits up to this long for the expectation to come true, running the program again.
        #[serde(default)]
        within_s: u64,
    },
    /// Takes a picture of the desktop or of one window.
    Screenshot {
        /// File name without `.png`.
        name: String,
        /// Compare with the golden of that name.
        #[serde(default)]
        compare: bool,
        /// Largest share of pixels that may differ, 0 to 1.
        #[serde(default = "default_different")]
        max_different: f64,
        /// Only this window's frame.
        window: Option<String>,
        /// How long it may take to look like the golden.
        #[serde(default = "default_timeout")]
        timeout_s: u64,
    },
    /// Does to a window what its title bar does.
    WindowOp {
        /// Which window.
        window: String,
        /// What.
        op: Op,
        /// For `move` (frame corner) and `resize` (content size): two numbers.
        to: Option<[i32; 2]>,
    },
    /// Switches the theme.
    Theme(String),
    /// Adds a virtual output to the right.
    AddOutput {
        /// Its name.
        name: String,
        /// Physical pixels across.
        width: u32,
        /// Physical pixels down.
        height: u32,
        /// Scale.
        #[serde(default = "default_scale")]
        scale: f64,
    },
    /// Stops an app's VM.
    Stop {
        /// Which app.
        r#as: String,
    },
    /// Puts a file into the scenario's home on the host.
    HostFile {
        /// Where, below that home.
        path: String,
        /// What is in it.
        text: String,
    },
    /// A file of the scenario's home has this text.
    ExpectHostFile {
        /// Where, below that home.
        path: String,
        /// What must be in it.
        text: String,
        /// How long it may take to get there.
        #[serde(default = "default_timeout")]
        timeout_s: u64,
    },
    /// Waits until the app's VM has ended.
    ExpectExit {
        /// Which app.
        r#as: String,
        /// What the app must have returned.
        code: Option<i32>,
        /// How long.
        #[serde(default = "default_timeout")]
        timeout_s: u64,
    },
    /// A question of an app is on the screen.
    ExpectPrompt(ExpectPrompt),
    /// Answers the question on the screen, with a key or a click.
    Answer(Answer),
    /// No question is on the screen, and none waits.
    ExpectNoPrompt(ExpectNoPrompt),
    /// Uses the panel or the bar as a person does.
    Panel(Panel),
    /// Copies or pastes in a window, with its key.
    Clipboard(Clipboard),
    /// Drags something out of a window and holds it over another.
    Carry(Carry),
    /// What is being dragged, and whether it could be dropped.
    ExpectDrag(ExpectDrag),
    /// Lets go of what is carried.
    LetGo(LetGo),
    /// A note is on the screen, or none.
    ExpectNote(ExpectNote),
    /// Clicks on the note, or on its cross.
    ClickNote(ClickNote),
    /// Moves the permission monitor's clock forward.
    AdvanceClock(AdvanceClock),
    /// Serves a site that only this scenario's desktop can reach.
    ServeHttp(ServeHttp),
    /// What a served site has seen.
    ExpectHttp(ExpectHttp),
    /// Gives a permission, or sets a level, with `coffer grant`.
    Grant(Grant),
    /// Takes permissions back with `coffer revoke`.
    Revoke(Revoke),
    /// What an app may do, as the monitor, `coffer` and the panel say alike.
    ExpectPermissions(ExpectPermissions),
    /// The log has such a line.
    ExpectLog(ExpectLog),
    /// Locks or unlocks the session.
    Lock(bool),
    /// Shows or hides the attention view.
    Attention(bool),
}

pub(super) const fn default_timeout() -> u64 {
    60
}
const fn one() -> usize {
    1
}
const fn default_different() -> f64 {
    0.001
}

/// A pointer button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Button {
    /// Left.
    #[default]
    Left,
    /// Right.
    Right,
    /// Middle.
    Middle,
}

impl Button {
    /// Its evdev code.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::Left => 0x110,
            Self::Right => 0x111,
            Self::Middle => 0x112,
        }
    }
}

/// What `window_op` can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Raise and focus.
    Activate,
    /// Ask to close.
    Close,
    /// Maximise.
    Maximize,
    /// Back.
    Unmaximize,
    /// Full-screen.
    Fullscreen,
    /// Back.
    Unfullscreen,
    /// Minimise.
    Minimize,
    /// Move the frame's corner to `to`.
    Move,
    /// Resize the content to `to`.
    Resize,
}

/// Names of all steps, for suggestions.
pub(super) const STEPS: &[&str] = &[
    "launch",
    "wait_window",
    "wait_popup",
    "wait_still",
    "type",
    "key",
    "click",
    "pointer",
    "drag",
    "scroll",
    "touch",
    "expect_border",
    "expect_pixel",
    "expect_window",
    "guest_run",
    "screenshot",
    "window_op",
    "theme",
    "add_output",
    "stop",
    "host_file",
    "expect_host_file",
    "expect_exit",
    "expect_prompt",
    "answer",
    "expect_no_prompt",
    "panel",
    "clipboard",
    "carry",
    "expect_drag",
    "let_go",
    "expect_note",
    "click_note",
    "advance_clock",
    "serve_http",
    "expect_http",
    "grant",
    "revoke",
    "expect_permissions",
    "expect_log",
    "lock",
    "attention",
];
