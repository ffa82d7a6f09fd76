// SPDX-License-Identifier: GPL-3.0-or-later
//! Walls around an emulator. In: which files it may read and write. Out: a process that reaches nothing
//! else, whatever its guest makes of it: no other path, no network, no other process, no sockets but
//! those it was born with.
//!
//! What it may do is [`MACHINE`]'s to say. An emulator opens files, and no filter of calls can tell which, so
//! without Landlock it does not start.

use cofferdam_jail::roles::MACHINE;
use cofferdam_jail::{JailError, Wall};
use std::path::PathBuf;

/// What stays reachable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Enclosure {
    /// Files and directories that may be read; the first one may also be executed.
    pub(crate) read: Vec<PathBuf>,
    /// Files that may be read and written.
    pub(crate) write: Vec<PathBuf>,
}

/// Takes away from this process, and from what it will execute, all that is not in `enclosure`.
///
/// # Errors
/// [`JailError`]; the program must not start then.
pub(crate) fn enclose(enclosure: &Enclosure, parent: u32) -> Result<(), JailError> {
    let mut wall = Wall::of(&MACHINE).child_of(parent);
    for (index, path) in enclosure.read.iter().enumerate() {
        wall = wall.at(if index == 0 { "program" } else { "files" }, path);
    }
    for path in &enclosure.write {
        wall = wall.at("disk", path);
    }
    wall.enter()?;
    Ok(())
}
