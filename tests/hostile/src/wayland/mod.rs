// SPDX-License-Identifier: GPL-3.0-or-later
//! Attacks on a Wayland connection. In: nothing. Out: their table; most of them go both ways.

mod damage;
mod geometry;
mod keeping;
mod memory;
mod messages;
mod picture;
mod quantity;

use crate::attack::{Attack, Deed, Seen, Way};
use crate::client::Client;
use std::io;

type Play = fn(&mut Client) -> io::Result<()>;

/// An attack that breaks a rule and so ends the connection, whichever way it comes.
fn fatal(name: &'static str, play: Play) -> [Attack; 2] {
    [Way::App, Way::Raw].map(|way| Attack {
        name,
        way,
        end: Seen::Closed,
        fault: true,
        deed: Deed::Wayland(play),
    })
}

/// One that has to be borne.
fn lawful(name: &'static str, play: Play) -> [Attack; 2] {
    [Way::App, Way::Raw].map(|way| Attack {
        name,
        way,
        end: Seen::Survived,
        fault: false,
        deed: Deed::Wayland(play),
    })
}

/// One that shows something, without the bridge's help.
const fn picture(name: &'static str, play: Play) -> Attack {
    Attack { name, way: Way::Raw, end: Seen::Closed, fault: false, deed: Deed::Picture(play) }
}

/// All of them.
pub(crate) fn attacks() -> Vec<Attack> {
    let mut all: Vec<Attack> = messages::attacks();
    all.extend(memory::attacks());
    all.extend(geometry::attacks());
    all.extend(damage::attacks());
    all.extend(quantity::attacks());
    all.extend(keeping::attacks());
    all.extend(picture::attacks());
    all
}
