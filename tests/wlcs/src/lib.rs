// SPDX-License-Identifier: GPL-3.0-or-later
//! The wlcs shim: our compositor, as the Wayland conformance suite wants it.
//!
//! In: wlcs' calls (start, a client socket, put this window there, move the pointer). Out: a real
//! [`Compositor`] on a thread of its own, reached through its [`Remote`]; nothing is replaced. Clients
//! of wlcs are clients of a VM, so they meet the same gate and the same rules as a guest.
//!
//! wlcs' global space begins at [`ORIGIN`] of ours: it puts windows at (0, 0), and here a window's
//! title bar has to stay within reach.

mod input;
mod server;
mod sys;

use cofferdam_compositor::{ClientIdentity, Compositor, Config, Error, Remote};
use cofferdam_control::desktop::{OutputSpec, Request};

/// Where wlcs' (0, 0) is. Room for frames on the left and above, and for windows that wlcs lets
/// reach outside.
const ORIGIN: (i32, i32) = (400, 400);
/// Edge of the output. Windows and popups of all tests fit, so nothing is constrained that wlcs
/// does not want constrained.
const EDGE: u32 = 2048;
/// One VM for all clients of a test.
const VM: &str = "wlcs";

fn config() -> Config {
    Config {
        outputs: vec![OutputSpec { name: "WLCS-1".into(), width: EDGE, height: EDGE, scale_120: 120 }],
        insist_on_configure: false,
        ..Config::default()
    }
}

/// Whose clients wlcs' are.
fn identity() -> Option<ClientIdentity> {
    VM.parse().ok().map(ClientIdentity::Vm)
}

/// Runs a compositor until it is asked to quit; `ready` gets its remote as soon as there is one.
fn run(ready: impl FnOnce(Remote)) -> Result<(), Error> {
    let compositor = Compositor::new(config())?;
    ready(compositor.remote());
    compositor.run()
}

/// Asks the compositor something. wlcs has no way to hear of a failure but the test's own: a missing
/// event or a closed connection.
fn ask(remote: Option<&Remote>, request: Request) {
    let Some(remote) = remote else { return };
    if let Ok(Err(refused)) = remote.request(request, Vec::new()) {
        say(&refused);
    }
}

/// A line into wlcs' own output, where the failing test's log is.
#[allow(clippy::print_stderr)]
fn say(what: &str) {
    eprintln!("cofferdam: {what}");
}
