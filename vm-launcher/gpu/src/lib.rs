// SPDX-License-Identifier: GPL-3.0-or-later
//! Per-VM vhost-user virtio-gpu device with the cross-domain context (profile XD-1).
//!
//! In: a guest's virtqueues, whose every byte is an attack; a channel to the compositor; a report socket to the
//! shepherd. Out: Wayland clients that belong to this VM, pixels in an arena that the compositor reads as
//! `wl_shm`, answers to the guest, counted faults.
//!
//! ```text
//! machine ──vhost-user──▶ vhost ──requests──▶ shell ──Input──▶ core       (jailed)
//!   RAM  ◀──used ring───   │    ◀─answers────   │   ◀─Effect──  │
//!                          └ chains, memory     ├ sockets, pipes, arena, timer, reports
//!                                               └──▶ compositor
//! ```
//!
//! - `cofferdam-gpu-core` (`core/` in the table below) decides and does no I/O; [`shell`] does I/O and decides nothing;
//!   [`vhost`] is the machine's side.
//! - [`loopback`] puts simulated memory and commands in the place of [`vhost`]: for tests, fuzzers, benchmarks.
//! - [`program`] is the start; the rest of that is `cofferdam-device-kit`, and which system calls remain the role says.
//!
//! # What is validated
//!
//! The acceptance list of the wire's design, line by line. Tests are in `tests/device/` unless said otherwise.
//!
//! | rule | where | test |
//! |---|---|---|
//! | a request is copied once, then parsed, never read again | `chain.rs` of the device kit; the core gets slices | `machine::hostile_chains_are_given_back` |
//! | a payload has ≤ 64 KiB, another request ≤ 1 MiB | `chain.rs`, `Command::decode` | `commands::oversized_requests` |
//! | chains have ≤ 1024 descriptors; answers go only to writable ones, as far as they reach | `chain.rs` | `machine::hostile_chains_are_given_back` |
//! | whatever is cut off, unknown or refused is answered, with its fence | `core/device.rs` | `commands::every_command_cut_anywhere_is_answered`, `commands::capsets_and_unknown_commands` |
//! | resource ids are not 0, not taken; ≤ 1024 resources; size > 0; known flags; memory of guest or host, not both | `core/resources.rs` | `commands::parameters_of_blobs`, `commands::resources_are_counted` |
//! | bytes of guest blobs ≤ RAM, of host blobs ≤ arena | `resources.rs` | the same, `::extents_of_guest_blobs` |
//! | the count of extents is what the bytes bear out; each is whole pages inside RAM (the arena's window is not RAM); together ≥ size | `Command::decode`, `resources.rs`, `vhost/ram.rs` | `commands::extents_of_guest_blobs`, `commands::oversized_requests` |
//! | overlapping pages are the guest's own affair | `resources.rs` | `commands::extents_of_guest_blobs` |
//! | host blobs are made of items that were announced to that context, once | `core/items.rs` | `commands::parameters_of_blobs`, `wayland::a_keymap_arrives_as_a_blob` |
//! | places in the arena are page-aligned, inside it, and overlap no other; freed ranges are zero | `resources.rs`, `shell/arena.rs` | `commands::places_in_the_arena`, `wayland::a_blob_that_went_away_takes_its_pool_along` |
//! | guest pages as pixels: quota of mappings, read-only | no such path: guest blobs carry rings and nothing else | `wayland::pools_need_an_attached_mapped_arena_blob` |
//! | an id must be attached to the context that names it | `core/submit.rs`, `core/pools.rs` | the same, `channels::channels_are_opened_once_and_in_guest_memory` |
//! | UNREF, DETACH or loss of pages while in use end what used them; the compositor then reads zeros of this VM, never another's bytes | `core/context.rs`, `core/pools.rs` | `channels::what_ends_a_ring_answers_its_poll`, `wayland::a_blob_that_went_away_takes_its_pool_along` |
//! | `offset + stride × height ≤ size`, sides ≤ 16384, stride ≥ row, listed formats; pools do not grow | `core/pools.rs` | `wayland::buffers_stay_inside_their_blob`, `wayland::pools_do_not_grow` |
//! | contexts ≤ 32, an eighth of the queue; INIT once; one POLL, on its ring, fenced | `core/device.rs`, `core/submit.rs`, `core/link.rs` | `commands::contexts_are_few_and_named_once`, `channels::polls_are_one_and_on_their_ring`, `channels::channels_are_opened_once_and_in_guest_memory` |
//! | `8 ≤ cmd_size ≤ rest`, ≤ 256 commands; unknown commands, identifier types and dialects refused | `channel::commands` | `channels::payloads_are_framed` |
//! | rings hold a message, all their extents are used, counters are not believed | `link.rs`, `core/ram.rs` | `channels::channels_are_opened_once_and_in_guest_memory`, `channels::a_ring_whose_counter_lies_ends_its_context` |
//! | what waits is answered on CTX_DESTROY, reset and GET_VRING_BASE | `context.rs`, `device.rs`, `vhost/backend.rs` | `channels::polls_are_one_and_on_their_ring`, `channels::what_ends_a_ring_answers_its_poll`, `machine::a_queue_that_stops_gets_everything_back` |
//! | ≤ 256 KiB wait for a guest, then the compositor is not read; ≤ 1 MiB wait for the compositor, then the client ends | `context.rs` | `wayland::a_full_channel_stops_the_compositor_and_not_the_device`, `wayland::a_compositor_that_does_not_read_costs_the_client_only` |
//! | pipes ≤ 16 a context, never blocking, ≤ 64 KiB buffered, closed after a minute without a byte | `core/pipes.rs`, `shell/pipe.rs` | `wayland::pipes_are_few_and_their_ids_are_new`, `wayland::a_slow_reader_holds_the_writer_and_nothing_else`, `core::pipes::tests` |
//! | unclaimed items ≤ 56 a context, the oldest goes first | `core/items.rs` | `wayland::keymaps_nobody_claims_do_not_pile_up` |
//! | faults are counted, ≤ 10 reports a second; names of contexts are ignored; config writes and cursors have no effect | `core/fault.rs`, `vhost/backend.rs` | `core::fault::tests`, `machine::cursor_commands_and_config_writes_have_no_effect` |
//! | queries have bounded geometry | `core/submit.rs` | `channels::queries_are_bounded` |
//! | nothing is decided from memory that the guest can change meanwhile | `core/ram.rs`: copies only, counters read once | the type system: no reference into guest memory exists |
//! | only listed interfaces, versions, enum values, object ids; descriptors only where a request has them | `wayland-wire`, `core/relay.rs` | `wayland::globals_are_filtered_and_capped`, `wayland::descriptors_come_only_with_the_requests_that_have_them`, `wayland::broken_streams_end_their_connection` |
//! | all of it together, in any order | | `sequences::*`, `corpus::*`, the fuzz target `gpu_device` |

pub mod loopback;
pub mod program;
pub mod shell;
pub mod vhost;
