// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure crates hold decisions: they read no clock, open no file, start no thread.
//!
//! In: manifests and sources of the pure crates. Out: everything in them that could do any of that.

use crate::files::{root, rust};
use crate::none;
use crate::source::{code, without_tests};

/// The pure crates by folder. What they may depend on stands beside them: other pure crates, and
/// crates that only compute.
const PURE: [&str; 14] = [
    "permissions-ui/monitor-core",
    "permissions-ui/policy",
    "permissions-ui/wire",
    "vm-launcher/gpu-core",
    "vm-launcher/ids",
    "vm-launcher/lifecycle",
    "vm-launcher/net-core",
    "compositor/scene",
    "compositor/admission",
    "compositor/prompts",
    "compositor/transfers",
    "guest-bridge/wayland-wire",
    "guest-bridge/xdomain",
    "guest-bridge/agent-wire",
];

/// Dependencies that pure crates may have.
const MAY_DEPEND_ON: [&str; 13] = [
    "cofferdam-agent-wire",
    "cofferdam-ids",
    "cofferdam-lifecycle",
    "cofferdam-monitor-wire",
    "cofferdam-policy",
    "cofferdam-wayland-wire",
    "cofferdam-xdomain",
    // Words of name servers to values and back; nothing of it that asks them.
    "hickory-proto",
    // Values to bytes and back; no I/O of its own.
    "postcard",
    "serde",
    "serde_json",
    // A derive for error messages.
    "thiserror",
    // Zeroes memory before it is given back.
    "zeroize",
];

/// Paths that lead out of a computation.
const IMPURE: [&str; 15] = [
    "std::fs",
    "std::net",
    "std::thread",
    "std::process",
    "std::env",
    "std::os",
    "std::io",
    "Instant::now",
    "SystemTime",
    "tokio",
    "calloop",
    "zbus",
    "smithay",
    "rustix",
    "libc::",
];

#[test]
fn pure_crates_depend_on_nothing_impure() {
    let mut findings = Vec::new();
    for folder in PURE {
        let path = root().join(folder).join("Cargo.toml");
        let manifest: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        let Some(dependencies) = manifest.get("dependencies").and_then(toml::Value::as_table) else {
            continue;
        };
        for name in dependencies.keys().filter(|n| !MAY_DEPEND_ON.contains(&n.as_str())) {
            findings.push(format!("{folder} depends on {name}"));
        }
    }
    none(findings);
}

#[test]
fn pure_crates_do_nothing_impure() {
    let mut findings = Vec::new();
    for (path, text) in rust() {
        let Some(folder) = PURE.iter().find(|p| path.starts_with(&format!("{p}/src/"))) else { continue };
        for (n, line) in without_tests(&code(&text)).lines().enumerate() {
            if let Some(word) = IMPURE.iter().find(|w| line.contains(*w)) {
                findings.push(format!("{path}: {word} near line {}", n + 1));
            }
        }
        if path == format!("{folder}/src/lib.rs") && !text.contains("#![forbid(unsafe_code)]") {
            findings.push(format!("{path}: does not forbid unsafe code"));
        }
    }
    none(findings);
}
