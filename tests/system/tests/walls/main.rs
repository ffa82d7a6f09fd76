// SPDX-License-Identifier: GPL-3.0-or-later
//! The walls as a desktop meets them: nothing that it does in ordinary use is refused, and nothing is allowed to it
//! that it does not do.
//!
//! In: scenarios, run under strace. Out: calls that a wall has refused, and rules that nobody used.
//!
//! A refused call is easily missed: the program carries on, and a person finds months later that GTK 3 has no
//! keyboard. An unused rule is a door that nobody watches.

#![expect(clippy::disallowed_types, reason = "runs a desktop under strace")]

mod trace;

use cofferdam_jail::{Pids, Role, Stage, Table, roles};
use cofferdam_system_tests::{out_dir, program};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Command;
use trace::{Call, Trace};

/// What is done meanwhile: windows of two toolkits, the clipboard, files handed over, addresses opened, the network,
/// the panel.
const SCENARIOS: [&str; 4] = ["clipboard", "portals", "network", "panel"];

/// Calls that a wall refuses in ordinary use, and whoever makes them does well without.
const MISSED: [(&str, i64, &str); 7] = [
    ("bus", libc::SYS_prlimit64, "it would like more descriptors than its user may have"),
    ("machine", libc::SYS_io_uring_setup, "QEMU then waits in another way"),
    ("volume", libc::SYS_ioctl, "whether the volume is a floppy disk"),
    ("gpu", libc::SYS_openat, HEAP),
    ("net", libc::SYS_openat, HEAP),
    ("rng", libc::SYS_openat, HEAP),
    ("*", libc::SYS_clone3, "the C library then takes clone, whose flags can be seen"),
];

const HEAP: &str = "the C library asks how memory is given back, and does without an answer";

/// Calls so frequent that to trace them would slow every VM down; they are used.
const UNTRACED: [i64; 2] = [libc::SYS_futex, libc::SYS_ppoll];

fn record(file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let output = Command::new("strace")
        .args([
            "-f",
            "-n",
            "-e",
            "raw=!execve,clone,clone3",
            "-e",
            "signal=none",
            "-e",
            "trace=!futex,ppoll",
            "-o",
        ])
        .arg(file)
        .arg(program("coffer"))
        .args(["test", "--jobs", "2", "--out"])
        .arg(out_dir("walls"))
        .args(SCENARIOS.map(|name| root.join("tests/scenarios").join(name).with_extension("toml")))
        .output()
        .map_err(|error| format!("strace: {error}; install the package strace"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("behind walls, under strace: {}", String::from_utf8_lossy(&output.stdout)).into())
}

/// Whether the answer is a wall's.
fn is_refusal(call: &Call) -> bool {
    ["EPERM", "ENOSYS"].iter().any(|error| call.result.contains(error))
}

fn is_missed(role: &Role, call: &Call) -> bool {
    MISSED.iter().any(|(name, number, _)| ["*", role.name].contains(name) && *number == call.number)
}

/// Tables of a role in which a call is looked for: its own once its wall stands, and those of before until then.
fn tables(role: &'static Role, walled: bool) -> Box<dyn Iterator<Item = &'static Table>> {
    if walled { Box::new(role.stages.iter().flat_map(Stage::tables)) } else { Box::new(role.before.iter()) }
}

#[test]
fn nothing_is_refused_in_ordinary_use_and_no_rule_is_idle() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("calls");
    record(&file)?;
    let mut trace = Trace::default();
    let mut refused = BTreeMap::new();
    let (mut used, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for line in BufReader::new(std::fs::File::open(&file)?).lines() {
        let line = line?;
        for call in trace.line(&line) {
            let Some(role) = call.inmate.role else { continue };
            seen.insert(role.name);
            if call.inmate.walled && is_refusal(&call) && !is_missed(role, &call) {
                refused.insert((role.name, call.number), format!("{} = {}", call.line, call.result));
            }
            // Children come and go; whom a rule names is the payload tests' to see.
            let pids = Pids { own: None, children: vec![u32::try_from(call.args[0]).unwrap_or_default()] };
            for table in tables(role, call.inmate.walled) {
                for (at, rule) in table.rules.iter().enumerate() {
                    if rule.admits(call.number, &call.args, &pids) {
                        used.insert((table.name, at));
                    }
                }
            }
        }
    }
    let roles: Vec<_> = roles::ALL.into_iter().filter(|role| seen.contains(role.name)).collect();
    let missing: Vec<_> = [
        "desktop",
        "bus",
        "compositor",
        "monitord",
        "panel",
        "launcherd",
        "shepherd",
        "gpu",
        "net",
        "rng",
        "machine",
    ]
    .into_iter()
    .filter(|name| !seen.contains(name))
    .collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
    let all = roles.iter().flat_map(|role| tables(role, false).chain(tables(role, true)));
    let mut idle = BTreeSet::new();
    for table in all {
        for (at, rule) in table.rules.iter().enumerate() {
            let excused = rule.rare.is_some() || UNTRACED.contains(&rule.call);
            if !excused && !used.contains(&(table.name, at)) {
                idle.insert(format!("{}: call {} {:?}: {}", table.name, rule.call, rule.when, rule.why));
            }
        }
    }
    assert!(
        refused.is_empty() && idle.is_empty(),
        "walls were in the way: {refused:#?}\nnobody used these rules; remove them, or say why they are rare: {idle:#?}"
    );
    Ok(())
}
