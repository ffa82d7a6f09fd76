// SPDX-License-Identifier: GPL-3.0-or-later
//! Walls around the panel. In: nothing. Out: a process that shows and opens what a person chooses, and starts nothing,
//! reaches no network and no other process. What it may do is [`PANEL`]'s to say.

use cofferdam_jail::roles::PANEL;
use cofferdam_jail::{JailError, Landlock, Wall, personal};

/// Puts them up. Call it while there is one thread.
///
/// # Errors
/// [`JailError`]; the panel should end then.
pub(crate) fn put_up() -> Result<(), JailError> {
    let bus = std::env::var_os("DBUS_SESSION_BUS_ADDRESS");
    let mut wall = Wall::of(&PANEL).bus(bus.as_deref());
    for folder in personal() {
        wall = wall.at("files", folder);
    }
    if wall.enter()?.landlock == Landlock::Absent {
        tracing::warn!("this kernel has no Landlock: paths are not walled off");
    }
    Ok(())
}
