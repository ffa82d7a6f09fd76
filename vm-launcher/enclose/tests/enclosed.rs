// SPDX-License-Identifier: GPL-3.0-or-later
//! The walls hold: each case is a small program inside an enclosure that tries one way out.
#![expect(clippy::disallowed_types, reason = "runs the enclosure")]
#![allow(clippy::unwrap_used)] // A helper of a test that can't start its program has nothing to go on with.

use std::path::Path;
use std::process::{Command, Output};

/// Runs `script` with a Perl that may read system files and `allowed`.
fn enclosed(options: &[&str], script: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cofferdam-enclose"));
    command.args(["--role", "machine", "--parent"]).arg(std::process::id().to_string());
    command.args(["--at", "program", "/usr"]);
    for path in ["/lib", "/lib64", "/bin", "/etc/ld.so.cache"] {
        command.args(["--at", "files", path]);
    }
    command.args(options).args(["--", "/usr/bin/perl", "-e", script]);
    command.output().unwrap()
}

fn check(options: &[&str], script: &str, works: bool) {
    let output = enclosed(options, script);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.success(), works, "{script}: {said}");
}

#[test]
fn only_what_was_named_can_be_read_and_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (layer, data, secret) = (path("layer"), path("data"), path("secret"));
    for file in [&layer, &data, &secret] {
        std::fs::write(file, "x\n").unwrap();
    }
    let options = ["--at", "files", &layer, "--at", "disk", &data];
    let open = |how: &str, path: &str| format!("open(my $f, '{how}', '{path}') or exit 1; exit 0");
    check(&options, &open("<", &layer), true);
    check(&options, &open("+<", &layer), false);
    let write = format!("open(my $f, '+<', '{data}') or exit 1; print $f 'y'; close($f) or exit 1; exit 0");
    check(&options, &write, true);
    check(&options, &open("<", &secret), false);
    check(&options, &open(">", &path("new")), false);
    check(&options, &open("<", "/etc/passwd"), false);
    assert_eq!(std::fs::read_to_string(Path::new(&data)).unwrap(), "y\n");
}

#[test]
fn there_is_no_network_and_no_other_process() {
    check(&[], "exit 0", true);
    for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK] {
        check(&[], &format!("exit(syscall({}, {family}, 1, 0) >= 0 ? 0 : 1)", libc::SYS_socket), false);
    }
    check(&[], &format!("kill(0, {}) or exit 1; exit 0", std::process::id()), false);
    check(&[], "kill(0, $$) or exit 1; exit 0", false);
}

#[test]
fn signals_and_limits_of_others_have_no_other_door() {
    let attempt = |words: String, works| {
        check(&[], &format!("my $b = chr(0) x 128; exit(syscall({words}) == 0 ? 0 : 1)"), works);
    };
    let (fcntl, prlimit) = (libc::SYS_fcntl, libc::SYS_prlimit64);
    attempt(format!("{fcntl}, 1, {}, 0", libc::F_GETFD), true);
    attempt(format!("{fcntl}, 1, {}, $$+0", libc::F_SETOWN), false);
    attempt(format!("{fcntl}, 1, 15, pack(\"ii\", 1, $$)"), false);
    attempt(format!("{}, $$+0, 0, $b", libc::SYS_rt_sigqueueinfo), false);
    attempt(format!("{}, $$+0, $$+0, 0, $b", libc::SYS_rt_tgsigqueueinfo), false);
    // A program asks for its own limits as those of process 0.
    attempt(format!("{prlimit}, 0, 7, 0, $b"), true);
    attempt(format!("{prlimit}, {}, 7, 0, $b", std::process::id()), false);
}

#[test]
fn capabilities_are_gone_also_for_root() {
    let output = enclosed(
        &["--at", "files", "/proc"],
        "open(F, '<', '/proc/self/status'); while (<F>) { print $1 if /^CapEff:\\s*(\\w+)/ }",
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "0000000000000000");
}

#[test]
fn what_is_not_understood_starts_nothing() {
    let own = std::process::id().to_string();
    for words in [
        ["--role", "machine", "--parent", "1", "--at", "program", "/usr"],
        ["--role", "gpu", "--parent", &own, "--at", "program", "/usr"],
        ["--role", "machine", "--parent", &own, "--at", "home", "/usr"],
        ["--role", "machine", "--parent", "x", "--at", "program", "/usr"],
        ["--read", "machine", "--parent", &own, "--at", "program", "/usr"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cofferdam-enclose"));
        let output = command.args(words).args(["--", "/usr/bin/true"]).output().unwrap();
        assert!(!output.status.success(), "{words:?}");
    }
}
