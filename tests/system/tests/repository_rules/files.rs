// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the repository. Out: its shipped files, and the rules on what is there and how it begins.

#![expect(clippy::disallowed_types, reason = "asks git")]

use crate::none;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One shipped file.
pub(crate) struct File {
    /// Relative to the top level, with `/`.
    pub(crate) path: String,
    /// Its text; none if it is not UTF-8.
    pub(crate) text: Option<String>,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// Everything git tracks and has not deleted.
pub(crate) fn shipped() -> Vec<File> {
    let out = Command::new("git").arg("-C").arg(root()).args(["ls-files", "-z"]).output().expect("git");
    assert!(out.status.success(), "git ls-files: {}", String::from_utf8_lossy(&out.stderr));
    let names = String::from_utf8(out.stdout).expect("file names are UTF-8");
    let read = |path: &str| {
        let bytes = std::fs::read(root().join(path)).ok()?;
        Some(File { path: path.to_owned(), text: String::from_utf8(bytes).ok() })
    };
    let files: Vec<File> = names.split('\0').filter(|n| !n.is_empty()).filter_map(read).collect();
    assert!(files.len() > 50, "this is the whole repository");
    files
}

/// All Rust files with their text.
pub(crate) fn rust() -> Vec<(String, String)> {
    shipped()
        .into_iter()
        .filter(|f| f.path.ends_with(".rs"))
        .map(|f| (f.path, f.text.expect("Rust is UTF-8")))
        .collect()
}

/// The top level as agreed with the users of this repository: required, then optional.
const TOP: [&str; 18] = [
    ".ci",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "THREAT-MODEL.md",
    "clippy.toml",
    "compositor",
    "deny.toml",
    "dist",
    "guest-bridge",
    "rustfmt.toml",
    "tests",
    "themes",
    "vm-launcher",
];
const TOP_OPTIONAL: [&str; 2] = [".cargo", "permissions-ui"];

#[test]
fn the_top_level_is_as_agreed() {
    let have: BTreeSet<String> =
        shipped().iter().filter_map(|f| f.path.split('/').next().map(str::to_owned)).collect();
    let missing = TOP.iter().filter(|t| !have.contains(**t)).map(|t| format!("missing: {t}"));
    let extra = have
        .iter()
        .filter(|h| !TOP.contains(&h.as_str()) && !TOP_OPTIONAL.contains(&h.as_str()))
        .map(|h| format!("not agreed: {h}"));
    none(missing.chain(extra).collect());
}

/// Files without an SPDX line of their own: where they are (a prefix or suffix of the path), and why.
const NO_SPDX: [(&str, &str); 12] = [
    ("LICENSE", "is the licence"),
    ("Cargo.lock", "written by cargo"),
    (".gitignore", "a list of two names"),
    (".md", "prose; the README names the licence, and a comment line would show on some viewers"),
    (".png", "pictures made by the project"),
    (".json", "the format has no comments"),
    ("guest-bridge/wayland-wire/protocols/", "descriptions of others, with their own notices"),
    ("themes/fonts/", "fonts of others, with their own licence beside them"),
    ("tests/fuzz/corpus/", "inputs, byte for byte"),
    ("dist/guest/rootfs/etc/", "a line or two each, copied into guests as programs expect them"),
    ("dist/packages.lock", "written by the image builder"),
    (".proptest-regressions", "written by proptest"),
];

#[test]
fn every_file_says_its_licence() {
    let excused = |path: &str| {
        // proptest has two places for what it writes.
        path.contains("/proptest-regressions/")
            || NO_SPDX.iter().any(|(at, _)| path.starts_with(at) || path.ends_with(at))
    };
    let wrong = |f: &File| {
        let head: Vec<&str> = f.text.as_deref().unwrap_or_default().lines().take(3).collect();
        !head.iter().any(|l| l.contains(concat!("SPDX-License-", "Identifier: GPL-3.0-or-later")))
    };
    none(shipped().iter().filter(|f| !excused(&f.path) && wrong(f)).map(|f| f.path.clone()).collect());
}

#[test]
fn every_module_says_what_comes_in_and_goes_out() {
    let wrong = |(path, text): &(String, String)| {
        let doc: Vec<&str> = text.lines().skip(1).filter(|l| !l.is_empty()).take(1).collect();
        // Files of fuzz targets and build scripts begin with attributes.
        let first = text.lines().skip(1).find(|l| !l.is_empty() && !l.starts_with("#!["));
        (!first.or(doc.first().copied()).is_some_and(|l| l.starts_with("//!"))).then(|| path.clone())
    };
    none(rust().iter().filter_map(wrong).collect());
}

/// Hosts of package registries and mirrors. Built by the user's own configuration, never by us.
const HOSTS: [&str; 14] = [
    concat!("crates", ".io/"),
    concat!("static.crates", ".io"),
    concat!("index.crates", ".io"),
    concat!("deb.debian", ".org"),
    concat!("ftp.debian", ".org"),
    concat!("security.debian", ".org"),
    concat!("snapshot.debian", ".org"),
    concat!("archive.ubuntu", ".com"),
    concat!("pypi", ".org"),
    concat!("npmjs", ".org"),
    concat!("docker", ".io"),
    concat!("ghcr", ".io"),
    concat!("quay", ".io"),
    concat!("proxy.golang", ".org"),
];

#[test]
fn no_registry_host_is_named() {
    // cargo writes the registry into its lock file; that name is not ours to choose.
    let files = shipped().into_iter().filter(|f| f.path != "Cargo.lock" && f.path != "tests/fuzz/Cargo.lock");
    let mut findings = Vec::new();
    for f in files {
        for (n, line) in f.text.as_deref().unwrap_or_default().lines().enumerate() {
            if HOSTS.iter().any(|h| line.contains(h)) {
                findings.push(format!("{}:{}: {}", f.path, n + 1, line.trim()));
            }
        }
    }
    none(findings);
}
