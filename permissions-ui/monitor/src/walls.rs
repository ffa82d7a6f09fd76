// SPDX-License-Identifier: GPL-3.0-or-later
//! Walls around the monitor. In: the places it needs. Out: a process that reaches no other path, opens no
//! port and starts no program, however it is spoken to.

use crate::rules::RuleFolder;
use cofferdam_launcher::paths::Paths;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, PathFdError, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use std::path::Path;

/// The walls are not up; going on would be careless.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WallsError {
    /// Landlock refused its rules.
    #[error("walls: {0}")]
    Landlock(#[from] RulesetError),
    /// A place is not there.
    #[error("walls: {0}")]
    Place(#[from] PathFdError),
    /// The kernel refused.
    #[error("walls: {0}")]
    System(#[from] rustix::io::Errno),
}

/// Takes away every path but the ledger's directory (to write), the sockets' and the rules' (to read).
/// Call it while there is one thread.
///
/// # Errors
/// [`WallsError`]; the monitor should end then.
pub fn put_up(paths: &Paths, rules: &[RuleFolder]) -> Result<(), WallsError> {
    rustix::thread::set_no_new_privs(true)?;
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    let abi = ABI::V6;
    let (all, read) = (AccessFs::from_all(abi), AccessFs::from_read(abi) & !AccessFs::Execute);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::Signal)?
        .create()?
        .add_rule(PathBeneath::new(PathFd::new(paths.ledger())?, all & !AccessFs::Execute))?;
    let zones = ["/etc/localtime", "/usr/share/zoneinfo", "/etc/timezone"].map(Path::new);
    let rules = rules.iter().map(|folder| folder.path.as_path());
    let readable = rules.chain(zones).chain([paths.runtime.as_path()]);
    for path in readable {
        // What is not there now can't be read later either; rules that appear need a new start.
        if let Ok(place) = PathFd::new(path) {
            ruleset = ruleset.add_rule(PathBeneath::new(place, read))?;
        }
    }
    let status = ruleset.restrict_self()?;
    match status.ruleset {
        RulesetStatus::FullyEnforced => tracing::debug!("walls are up"),
        RulesetStatus::PartiallyEnforced => tracing::info!("walls are up as far as this kernel knows them"),
        RulesetStatus::NotEnforced => tracing::warn!("this kernel has no Landlock; no walls"),
    }
    Ok(())
}
