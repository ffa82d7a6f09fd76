// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure crates hold decisions: they read no clock, open no file, start no thread.
//!
//! In: manifests and sources of the pure crates. Out: everything in them that could do any of that.

use crate::files::{root, rust};
use crate::none;
use crate::source::{code, std_paths, without_tests};

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

/// What pure crates may take of the standard library. Whatever is not here leads out of a computation: files,
/// sockets, threads, processes, the environment, clocks.
const MAY_USE: [&str; 34] = [
    "any",
    "array",
    "ascii",
    "borrow",
    "boxed",
    "cell",
    "char",
    "cmp",
    "collections",
    "convert",
    "default",
    "error",
    "fmt",
    "hash",
    "iter",
    "marker",
    "mem",
    "num",
    "ops",
    "option",
    "rc",
    "result",
    "slice",
    "str",
    "string",
    "vec",
    "net::IpAddr",
    "net::Ipv4Addr",
    "net::Ipv6Addr",
    "net::SocketAddr",
    "ptr::eq",
    "sync::Arc",
    // A count that several ends hold.
    "sync::atomic",
    "time::Duration",
];

fn is_pure(path: &str) -> bool {
    MAY_USE
        .iter()
        .any(|may| path.strip_prefix(may).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")))
}

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
    let own_tests = |path: &str| path.ends_with("tests.rs") || path.contains("/tests/");
    for (path, text) in rust().into_iter().filter(|(path, _)| !own_tests(path)) {
        let Some(folder) = PURE.iter().find(|p| path.starts_with(&format!("{p}/src/"))) else { continue };
        for std in std_paths(&without_tests(&code(&text))).iter().filter(|std| !is_pure(std)) {
            findings.push(format!("{path}: std::{std}"));
        }
        if text.contains(concat!("clippy::", "disallowed_")) {
            findings.push(format!("{path}: lets itself do what clippy.toml has rooms for"));
        }
        if path == format!("{folder}/src/lib.rs") && !text.contains("#![forbid(unsafe_code)]") {
            findings.push(format!("{path}: does not forbid unsafe code"));
        }
    }
    none(findings);
}

#[test]
fn only_what_computes_is_pure() {
    for (path, pure) in [
        ("fmt::Display", true),
        ("time::Duration", true),
        ("time::Instant", false),
        ("net::SocketAddr", true),
        ("net::SocketAddrV6", false),
        ("net", false),
        ("fs", false),
        ("", false),
    ] {
        assert_eq!(is_pure(path), pure, "{path}");
    }
}
