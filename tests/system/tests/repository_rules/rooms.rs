// SPDX-License-Identifier: GPL-3.0-or-later
//! Clocks, waits, threads, processes and printing each have rooms.
//!
//! In: `clippy.toml`, clippy itself, and the lines with which modules let themselves into a room. Out: calls that
//! clippy would let pass, and lines without a reason, or in a test that could then wait for time to pass.

#![expect(clippy::disallowed_types, reason = "runs clippy and rustfmt")]

use crate::files::{root, rust, shipped};
use crate::none;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A tool of the toolchain that built this.
fn tool(name: &str) -> PathBuf {
    let beside = Path::new(env!("CARGO")).with_file_name(name);
    if beside.exists() { beside } else { name.into() }
}

/// What clippy says of a file, under the repository's contract.
fn clippy(body: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lib.rs");
    std::fs::write(&file, format!("//! A crate.\n{body}\n")).unwrap();
    Command::new(tool("clippy-driver"))
        .env("CLIPPY_CONF_DIR", root())
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "-D", "warnings"])
        .arg("-o")
        .arg(directory.path().join("out"))
        .arg(&file)
        .output()
        .expect("clippy-driver: rustup component add clippy")
}

#[test]
fn clippy_finds_every_way_out() {
    const METHODS: &str = "clippy::disallowed_methods";
    const TYPES: &str = "clippy::disallowed_types";
    for (body, wanted) in [
        ("let _ = std::time::Instant::now();", METHODS),
        ("let clock = std::time::SystemTime::now; let _ = clock();", METHODS),
        ("use std::thread::sleep as rest; rest(std::time::Duration::ZERO);", METHODS),
        (
            "let (_s, r) = std::sync::mpsc::channel::<u8>(); let _ = r.recv_timeout(std::time::Duration::ZERO);",
            METHODS,
        ),
        ("let _ = std::thread::spawn(|| ());", METHODS),
        ("let _ = std::thread::Builder::new().spawn(|| ());", METHODS),
        ("std::thread::scope(|_| ());", METHODS),
        ("let _ = std::io::stdout();", METHODS),
        ("use std::process::Command as Start; let _ = Start::new(\"sh\");", TYPES),
    ] {
        let out = clippy(&format!(
            "#![allow(clippy::all)]\n#![warn({wanted})]\n/// Does it.\npub fn f() {{ {body} }}"
        ));
        let said = String::from_utf8_lossy(&out.stderr);
        // By its name, so that another complaint is not taken for it.
        let found = said.contains("use of a disallowed") && said.contains(&wanted[8..]);
        assert!(!out.status.success() && found, "{body}\n{said}");
    }
}

#[test]
fn a_room_opens_by_saying_so_and_only_where_it_is_used() {
    let reads = "/// Now.\n#[must_use]\npub fn now() -> std::time::Instant { std::time::Instant::now() }";
    let room = "#![expect(clippy::disallowed_methods, reason = \"a clock\")]";
    assert!(clippy("/// One.\npub const ONE: u8 = 1;").status.success());
    assert!(!clippy(reads).status.success());
    assert!(clippy(&format!("{room}\n{reads}")).status.success());
    assert!(
        !clippy(&format!("{room}\n/// One.\npub const ONE: u8 = 1;")).status.success(),
        "nobody needs it"
    );
}

#[test]
fn unformatted_code_is_found() {
    let check = |text: &str| {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("lib.rs");
        std::fs::write(&file, text).unwrap();
        let out = Command::new(tool("rustfmt"))
            .arg("--check")
            .arg("--config-path")
            .arg(root().join("rustfmt.toml"))
            .arg(&file)
            .output()
            .expect("rustfmt: rustup component add rustfmt");
        out.status.success()
    };
    let line = "x".repeat(80);
    assert!(check(&format!("fn {line}(a: u8, b: u8) -> u8 {{\n    a + b\n}}\n")), "our lines are longer");
    assert!(!check("fn f(a:u8)->u8{a}\n"));
}

/// Tests that open a room for a whole module, and why nothing in them can wait for time to pass.
const TEST_ROOMS: [(&str, &str); 5] = [
    ("tests/patience/", "is the room"),
    ("tests/bench/", "measures time, and tests nothing"),
    ("tests/runner/src/", "each step of a scenario has a deadline, and fails at it"),
    ("tests/system/src/", "each wait for a desktop has a deadline, and fails at it"),
    ("tests/wlcs/", "runs a suite of others, whose tests have a limit each"),
];

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Lines of a file that open a room: their numbers, and the whole attribute, which may span lines.
fn openings(text: &str) -> Vec<(usize, &str)> {
    let word = concat!("clippy::", "disallowed_");
    let at = text.match_indices(word).map(|(at, _)| at);
    at.map(|at| {
        let begin = text[..at].rfind("#").unwrap_or(0);
        let end = text[at..].find(")]").map_or(text.len(), |end| at + end + 2);
        (text[..at].matches('\n').count() + 1, &text[begin..end])
    })
    .collect()
}

#[test]
fn rooms_are_opened_with_a_reason_and_tests_open_them_for_one_function() {
    let mut findings = Vec::new();
    for (path, text) in rust().into_iter().filter(|(path, _)| !path.ends_with("repository_rules/rooms.rs")) {
        let room = TEST_ROOMS.iter().any(|(at, _)| path.starts_with(at));
        for (line, attribute) in openings(&text).into_iter().filter(|(_, a)| a.starts_with('#')) {
            if !attribute.contains("reason = \"") {
                findings.push(format!("{path}:{line}: gives no reason"));
            }
            if is_test(&path) && !room && attribute.starts_with("#![") && attribute.contains("methods") {
                findings.push(format!("{path}:{line}: a test lets all of a module wait"));
            }
        }
    }
    none(findings);
}

#[test]
fn one_contract_holds_for_all() {
    // A second file would replace the first for everything below it.
    let all = shipped();
    let files: Vec<_> = all.iter().map(|f| &f.path).filter(|path| path.ends_with("clippy.toml")).collect();
    assert_eq!(files, ["clippy.toml"]);
}

#[test]
fn openings_are_found() {
    let text = "#![expect(\n    clippy::disallowed_methods,\n    reason = \"x (y)\"\n)]\n#[allow(clippy::disallowed_types)]\n";
    let found: Vec<_> =
        openings(text).into_iter().map(|(n, a)| (n, a.contains("reason"), a.starts_with("#!["))).collect();
    assert_eq!(found, [(2, true, true), (5, false, false)]);
}
