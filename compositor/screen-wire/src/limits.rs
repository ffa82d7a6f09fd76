// SPDX-License-Identifier: GPL-3.0-or-later
//! All that one VM can make the compositor keep, in one table.
//!
//! | what | at most | held until |
//! |---|---|---|
//! | pools (mappings of the compositor) | [`POOLS`], [`POOL_BYTES`] each | `PoolGone`, or the front's end |
//! | trees | [`TREES`] | `Gone` |
//! | nodes of one tree | [`NODES`] | the next frame |
//! | nodes of all trees together | [`ALL_NODES`] | the next frames |
//! | opaque rectangles of one node, of one frame | [`OPAQUE`], [`RECTS`] with damage | the next frame |
//! | damage rectangles of one node | [`DAMAGE`] | the next picture |
//! | types of a copy, or of what is dragged | [`MIMES`] of [`MIME_BYTES`] | the next copy |
//! | rectangles of a constraint | [`CONFINES`] | the next constraint |
//! | one packet | [`PACKET`] bytes, [`FDS`] fds | it is read |
//! | packets taken in one turn | [`A_TURN`] | – |
//!
//! What a limit on values leaves open, a limit on their product closes: trees times nodes is bounded by
//! [`ALL_NODES`], nodes times rectangles by [`RECTS`] a frame.

/// Largest coordinate or length, in either direction: far beyond any screen, and small enough that sums of
/// many of them fit 32 bits.
pub const COORD: i32 = 1 << 22;
/// Largest edge of a buffer in pixels.
pub const EDGE: i32 = 16_384;
/// Largest packet in bytes.
pub const PACKET: usize = 64 * 1024;
/// fds beside one packet.
pub const FDS: usize = 1;
/// Packets of one front that the compositor takes in one turn of its loop.
pub const A_TURN: usize = 32;
/// Pools of a front. A guest's has one, its arena.
pub const POOLS: usize = 512;
/// Bytes of one pool.
pub const POOL_BYTES: u64 = 4 << 30;
/// Trees of a front.
pub const TREES: usize = 1024;
/// Nodes of one tree.
pub const NODES: usize = 512;
/// Nodes of all trees of a front.
pub const ALL_NODES: usize = 4096;
/// Opaque rectangles of one node: `n` that cross each other become `n²` where they are cut.
pub const OPAQUE: usize = 16;
/// Damage rectangles of one node; more of them become all of it.
pub const DAMAGE: usize = 128;
/// Damage and opaque rectangles of one frame together.
pub const RECTS: usize = 1024;
/// Types of one copy.
pub const MIMES: usize = 256;
/// Bytes of the name of a type; the longest of real programs have half of that.
pub const MIME_BYTES: usize = 512;
/// Bytes of all names of one copy.
pub const ALL_MIME_BYTES: usize = 32 * 1024;
/// Rectangles that a pointer is confined to.
pub const CONFINES: usize = 64;
/// Outputs that a front is told of.
pub const OUTPUTS: usize = 16;
/// Keys that are down when a window gets the keyboard.
pub const KEYS: usize = 256;
/// Bytes of a keymap.
pub const KEYMAP_BYTES: u32 = 1 << 20;
/// Bytes of the name of a kind of fault.
pub const FAULT_BYTES: usize = 64;
/// Bytes of the name of a theme.
pub const THEME_BYTES: usize = 64;
