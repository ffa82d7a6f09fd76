// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the vendored protocol descriptions, at build time. Out: one module per interface with its table
//! (`INTERFACE`), the opcodes of its messages (`request`, `event`) and the values of its enums, plus
//! [`GLOBALS`] (the allow-list) and [`INTERFACES`] (everything reachable from it, `wl_display` included).

// The descriptions document these items, and the generator spells every path in full.
#![allow(missing_docs, unused_qualifications)]

include!(concat!(env!("OUT_DIR"), "/protocol.rs"));

/// The listed interface of this name, if any.
#[must_use]
pub fn interface(name: &str) -> Option<&'static Interface> {
    INTERFACES.iter().copied().find(|interface| interface.name == name)
}

/// The allow-list's entry for a global of this name, if any.
#[must_use]
pub fn global(name: &str) -> Option<&'static GlobalSpec> {
    GLOBALS.iter().find(|global| global.interface.name == name)
}
