// SPDX-License-Identifier: GPL-3.0-or-later
//! Walls around the programs of a package that run on the host. In: a command and the tree it works on.
//! Out: what it printed, from a process that could write to that tree alone, make no connection and
//! touch no other process. A package that went bad must not get further than its own layer.
//!
//! Landlock and seccomp hold for a thread and what it starts, so a thread of its own puts them up.
//! Without Landlock in the kernel, seccomp alone keeps connections and other processes away.

use crate::error::{Error, Result};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, Scope,
};
use seccompiler::{SeccompAction, SeccompFilter, TargetArch};
use std::path::Path;
use std::process::{Command, Output};

/// System calls that reach beyond files. They answer `EPERM`: some libraries try them and do without.
const DENIED: [i64; 15] = [
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_io_uring_setup,
    libc::SYS_keyctl,
    libc::SYS_bpf,
    libc::SYS_mount,
];

/// Runs `command` to its end inside the walls of `root`.
///
/// # Errors
/// If a wall can't be put up, or the program can't be started.
pub(crate) fn output(root: &Path, mut command: Command, program: &str) -> Result<Output> {
    let run = || {
        files(root).map_err(|e| Error::tool(program, format!("landlock: {e}")))?;
        calls().map_err(|e| Error::tool(program, format!("seccomp: {e}")))?;
        command.output().map_err(|e| Error::io(program, e))
    };
    let ended = std::thread::scope(|scope| scope.spawn(run).join());
    ended.unwrap_or_else(|_| Err(Error::tool(program, "its thread ended early")))
}

fn files(root: &Path) -> std::result::Result<(), RulesetError> {
    let abi = ABI::V6;
    let rule =
        |path: &Path, access: BitFlags<AccessFs>| PathFd::new(path).map(|fd| PathBeneath::new(fd, access));
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?;
    let null = AccessFs::ReadFile | AccessFs::WriteFile;
    // A path that is not there needs no way to it.
    for allowed in
        [rule(root, AccessFs::from_all(abi)), rule(Path::new("/dev/null"), null)].into_iter().flatten()
    {
        ruleset = ruleset.add_rule(allowed)?;
    }
    ruleset.restrict_self()?;
    Ok(())
}

fn calls() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let rules = DENIED.into_iter().map(|call| (call, Vec::new())).collect();
    let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, denied, TargetArch::x86_64)?;
    let program: seccompiler::BpfProgram = filter.try_into()?;
    Ok(seccompiler::apply_filter(&program)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell of this machine stands for a package's program: the root of all files is its tree to
    /// run from, `dir` what it may not leave.
    fn shell(root: &Path, script: &str) -> Output {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        output(root, command, "sh").unwrap()
    }

    #[test]
    fn no_connection_and_no_other_process() {
        let me = std::process::id();
        let said = shell(Path::new("/"), &format!("kill -0 {me} && echo reached; echo end"));
        assert_eq!(String::from_utf8_lossy(&said.stdout), "end\n");
        let said =
            shell(Path::new("/"), "perl -MSocket -e 'print socket(S, AF_UNIX, SOCK_STREAM, 0) ? 1 : 0'");
        assert_eq!(String::from_utf8_lossy(&said.stdout), "0");
    }

    #[test]
    fn nothing_outside_the_tree_runs() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo out"]);
        let ended = output(dir.path(), command, "sh");
        let landlocked = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(ABI::V1))
            .is_ok_and(|r| r.create().is_ok());
        assert_eq!(ended.is_err(), landlocked, "{ended:?}");
    }
}
