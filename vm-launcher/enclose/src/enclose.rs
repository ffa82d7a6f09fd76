// SPDX-License-Identifier: GPL-3.0-or-later
//! Walls around programs that are not ours, which can't put up their own: an emulator reaches nothing beyond its files
//! whatever its guest makes of it, a bus nothing beyond sockets and settings.
//!
//! In: a role's name, and where its places are. Out: this process behind that wall, or why not. What may be done there
//! is the role's to say. An emulator opens files, and no filter of calls can tell which, so without Landlock it does
//! not start.

use cofferdam_jail::roles::{BUS, MACHINE};
use cofferdam_jail::{JailError, Role, Wall};
use std::path::PathBuf;

/// Roles of programs that are not ours.
const ROLES: [&Role; 2] = [&MACHINE, &BUS];

/// A wall that is yet to stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Enclosure {
    /// Places by their names in the role.
    pub(crate) places: Vec<(String, PathBuf)>,
    /// The process that must stay our parent.
    pub(crate) parent: Option<u32>,
}

/// No wall, and so no program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncloseError {
    /// There is none of this name.
    #[error("there is no role called {0:?}")]
    Role(String),
    /// The role has none of this name.
    #[error("the role has no place called {0:?}")]
    Place(String),
    /// The wall does not stand.
    #[error(transparent)]
    Jail(#[from] JailError),
}

/// Takes away from this process, and from what it will execute, all that `role` does not leave it.
///
/// # Errors
/// [`EncloseError`]; the program must not start then.
pub(crate) fn enclose(role: &str, enclosure: &Enclosure) -> Result<(), EncloseError> {
    let known = ROLES.into_iter().find(|known| known.name == role);
    let role = known.ok_or_else(|| EncloseError::Role(role.to_owned()))?;
    let mut wall = Wall::of(role).child_of(enclosure.parent);
    for (name, path) in &enclosure.places {
        let place = role.places.iter().find(|place| place.name == name);
        wall = wall.at(place.ok_or_else(|| EncloseError::Place(name.clone()))?.name, path);
    }
    wall.enter()?;
    Ok(())
}
