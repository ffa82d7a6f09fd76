// SPDX-License-Identifier: GPL-3.0-or-later
//! Walls around `coffer desktop`. In: nothing. Out: a process that starts, ends and restarts its parts and signals no
//! other. All that its parts need is in it, so it is wide; each part narrows itself.

use crate::error::Error;
use cofferdam_jail::Wall;
use cofferdam_jail::roles::DESKTOP;

/// Puts them up. Images are there already, since making them takes more. What is started from now on is behind them.
pub(super) fn put_up() -> Result<(), Error> {
    let bus = std::env::var_os("DBUS_SESSION_BUS_ADDRESS");
    match Wall::of(&DESKTOP).bus(bus.as_deref()).enter() {
        Ok(_) => Ok(()),
        Err(why) => Err(Error::Plain(why.to_string())),
    }
}
