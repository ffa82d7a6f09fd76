// SPDX-License-Identifier: GPL-3.0-or-later
//! Walls around the monitor. In: the places it needs. Out: a process that reaches no other path, no network
//! and no other process, and starts no program, however it is spoken to. What it may do is [`MONITORD`]'s to say.

use crate::rules::RuleFolder;
use cofferdam_jail::roles::MONITORD;
use cofferdam_jail::{JailError, Landlock, Wall};
use cofferdam_kit::paths::Paths;
use std::path::Path;

/// Takes away every path but the ledger's directory (to write), the sockets' and the rules' (to read); other
/// programs; every network. Call it while there is one thread.
///
/// # Errors
/// [`JailError`]; the monitor should end then.
pub fn put_up(paths: &Paths, rules: &[RuleFolder]) -> Result<(), JailError> {
    let mut wall = Wall::of(&MONITORD).at("ledger", paths.ledger()).at("sockets", &paths.runtime);
    for folder in rules {
        wall = wall.at("rules", nearest(&folder.path));
    }
    match wall.enter()?.landlock {
        Landlock::Full => tracing::debug!("walls are up"),
        Landlock::Partial => tracing::debug!("walls are up as far as this kernel knows them"),
        Landlock::Absent | Landlock::Off => {
            tracing::warn!("this kernel has no Landlock: paths are not walled off");
        }
    }
    Ok(())
}

/// The folder itself, or if it does not exist yet, the one in which it would be made.
fn nearest(folder: &Path) -> &Path {
    // Not further up than the desktop's own folder of configuration: `X/cofferdam/policy.d`.
    folder.ancestors().take(2).find(|path| path.is_dir()).unwrap_or(folder)
}
