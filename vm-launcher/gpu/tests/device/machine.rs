// SPDX-License-Identifier: GPL-3.0-or-later
//! The real program in its jail, behind vhost-user.
//!
//! In: descriptor chains in shared memory, honest and hostile. Out: the used ring, the arena, and a process that
//! is still alive.

#![expect(clippy::disallowed_types, reason = "starts the device")]

use crate::common::{blob_id, id, message, send};
use crate::vmm::{ANSWERS, INDIRECT, Machine, NEXT, PAGES, REQUESTS, WRITE};
use cofferdam_wayland_wire::Arg;
use cofferdam_xdomain::channel::{CHANNEL_RING, GuestCommand, PIXEL_ITEM};
use cofferdam_xdomain::virtio::{
    Command as Gpu, CreateBlob, FLAG_FENCE, Header, MemEntries, ResponseCode as Code,
};
use std::process::Command;
use std::sync::atomic::Ordering;
use vhost::VhostBackend;
use vhost::vhost_user::VhostUserFrontend;
use vhost::vhost_user::message::VhostUserConfigFlags;
use vm_memory::{Bytes, GuestAddress};

/// Writes descriptors from 0 on.
type Build = fn(&Machine);

/// What a guest may put into a queue, and how many bytes of an answer must come back.
const CHAINS: &[(&str, Build, u32)] = &[
    (
        "honest",
        |m| {
            m.descriptor(0, REQUESTS, 24, NEXT, 1);
            m.descriptor(1, ANSWERS, 512, WRITE, 0);
        },
        408,
    ),
    ("nothing to write to", |m| m.descriptor(0, REQUESTS, 24, 0, 0), 0),
    (
        "too little to write to",
        |m| {
            m.descriptor(0, REQUESTS, 24, NEXT, 1);
            m.descriptor(1, ANSWERS, 7, WRITE, 0);
        },
        7,
    ),
    (
        "answer in pieces",
        |m| {
            m.descriptor(0, REQUESTS, 24, NEXT, 1);
            m.descriptor(1, ANSWERS, 3, WRITE | NEXT, 2);
            m.descriptor(2, ANSWERS + 3, 0, WRITE | NEXT, 3);
            m.descriptor(3, ANSWERS + 3, 512, WRITE, 0);
        },
        3,
    ),
    (
        "request in pieces",
        |m| {
            m.descriptor(0, REQUESTS, 5, NEXT, 1);
            m.descriptor(1, REQUESTS + 5, 19, NEXT, 2);
            m.descriptor(2, ANSWERS, 512, WRITE, 0);
        },
        408,
    ),
    ("nothing to read", |m| m.descriptor(0, ANSWERS, 512, WRITE, 0), 0),
    (
        "short header",
        |m| {
            m.descriptor(0, REQUESTS, 23, NEXT, 1);
            m.descriptor(1, ANSWERS, 512, WRITE, 0);
        },
        0,
    ),
    (
        "request outside RAM",
        |m| {
            m.descriptor(0, 1 << 40, 24, NEXT, 1);
            m.descriptor(1, ANSWERS, 512, WRITE, 0);
        },
        0,
    ),
    (
        "request at the end of everything",
        |m| {
            m.descriptor(0, u64::MAX - 3, 24, NEXT, 1);
            m.descriptor(1, ANSWERS, 512, WRITE, 0);
        },
        0,
    ),
    (
        "answer outside RAM",
        |m| {
            m.descriptor(0, REQUESTS, 24, NEXT, 1);
            m.descriptor(1, 1 << 40, 512, WRITE, 0);
        },
        0,
    ),
    (
        "a gibibyte to read",
        |m| {
            m.descriptor(0, REQUESTS, 1 << 30, NEXT, 1);
            m.descriptor(1, ANSWERS, 512, WRITE, 0);
        },
        24,
    ),
    (
        "more bytes than a chain may have",
        |m| {
            m.descriptor(0, REQUESTS, u32::MAX, NEXT, 1);
            m.descriptor(1, ANSWERS, 512, WRITE, 0);
        },
        0,
    ),
    (
        "written first",
        |m| {
            m.descriptor(0, ANSWERS, 512, WRITE | NEXT, 1);
            m.descriptor(1, REQUESTS, 24, 0, 0);
        },
        24,
    ),
    (
        "a loop",
        |m| {
            m.descriptor(0, REQUESTS, 24, NEXT, 1);
            m.descriptor(1, REQUESTS, 24, NEXT, 0);
        },
        0,
    ),
    ("next beyond the table", |m| m.descriptor(0, REQUESTS, 24, NEXT, 999), 0),
    ("indirect table outside RAM", |m| m.descriptor(0, 1 << 40, 32, INDIRECT, 0), 0),
    ("indirect table of half an entry", |m| m.descriptor(0, PAGES, 8, INDIRECT, 0), 0),
    (
        "indirect",
        |m| {
            m.descriptor_at(PAGES, 0, REQUESTS, 24, NEXT, 1);
            m.descriptor_at(PAGES, 1, ANSWERS, 512, WRITE, 0);
            m.descriptor(0, PAGES, 32, INDIRECT, 0);
        },
        408,
    ),
    (
        "indirect in indirect",
        |m| {
            m.descriptor_at(PAGES, 0, PAGES, 32, INDIRECT, 0);
            m.descriptor(0, PAGES, 32, INDIRECT, 0);
        },
        0,
    ),
    (
        "two thousand indirect descriptors",
        |m| {
            for index in 0..2000 {
                m.descriptor_at(PAGES, index, REQUESTS, 24, NEXT, index + 1);
            }
            m.descriptor(0, PAGES, 2000 * 16, INDIRECT, 0);
        },
        0,
    ),
];

#[test]
fn pixels_and_messages_pass_the_jailed_program() {
    let mut machine = Machine::new();
    let mut peer = machine.open();
    // A pool on an arena blob, and a POLL behind it.
    let entries = MemEntries::default();
    let blob = CreateBlob { resource: 2, mem: 2, flags: 1, blob_id: PIXEL_ITEM.into(), size: 8192, entries };
    assert_eq!(machine.call(1, Gpu::CreateBlob(blob)), Code::OK_NODATA);
    assert_eq!(machine.call(1, Gpu::CtxAttachResource { resource: 2 }), Code::OK_NODATA);
    assert_eq!(machine.call(1, Gpu::MapBlob { resource: 2, offset: 4096 }), Code::OK_MAP_INFO);
    assert_eq!(machine.mapping.maps.load(Ordering::SeqCst), 1);
    let arena = machine.mapping.arena.lock().unwrap().take().unwrap();
    rustix::io::pwrite(&arena, b"pixels", 4096).unwrap();

    let mut bytes = message(1, 1, &[Arg::NewId(id(2))]);
    let mut payload = send(&bytes, &[]);
    assert_eq!(machine.call(1, Gpu::Submit3d { payload: &payload }), Code::OK_NODATA);
    peer.say(&message(2, 0, &[Arg::Uint(1), Arg::Str(Some("wl_shm")), Arg::Uint(1)]), &[]);
    payload.clear();
    GuestCommand::Poll.encode(&mut payload).unwrap();
    machine.queue(1, 1, Some(CHANNEL_RING), Gpu::Submit3d { payload: &payload });
    let (head, len) = machine.next_used();
    assert_eq!(head, 2);
    let (header, code) = machine.answer(1, len);
    assert_eq!((header.ring_idx, code), (CHANNEL_RING, Code::OK_NODATA));
    let produced: u32 = machine.memory.read_obj(GuestAddress(PAGES)).unwrap();
    assert_eq!(produced, 352 + 28 + 4, "one RECEIVE with the global");

    let bind = Arg::NewIdAny { interface: "wl_shm", version: 1, id: id(3) };
    bytes = message(2, 0, &[Arg::Uint(1), bind]);
    bytes.extend(message(3, 0, &[Arg::NewId(id(4)), Arg::Fd, Arg::Int(8192)]));
    let payload = send(&bytes, &[blob_id(2)]);
    assert_eq!(machine.call(1, Gpu::Submit3d { payload: &payload }), Code::OK_NODATA);
    let requests = peer.requests();
    assert_eq!(requests.last().unwrap().word(1), 4096 + 8192);
    let mut pixels = [0; 6];
    rustix::io::pread(&peer.fds[0], &mut pixels, 4096).unwrap();
    assert_eq!(&pixels, b"pixels");

    let counters = machine.counters();
    assert_eq!((counters["faults"], counters["contexts"], counters["arena_bytes"]), (0, 1, 8192));
    assert!(counters["kicks"] > 0 && counters["interrupts"] > 0);
    assert!(machine.end().success());
}

#[test]
fn hostile_chains_are_given_back() {
    let mut machine = Machine::new();
    let mut header = Vec::new();
    Header { kind: 0x100, flags: FLAG_FENCE, fence_id: 9, ctx_id: 0, ring_idx: 0 }.encode(&mut header);
    machine.memory.write_slice(&header, GuestAddress(REQUESTS)).unwrap();
    for (name, build, expected) in CHAINS {
        build(&machine);
        machine.offer(0);
        let (head, len) = machine.next_used();
        assert_eq!((head, len), (0, *expected), "{name}");
    }
    assert_eq!(machine.call(0, Gpu::GetDisplayInfo), Code::OK_DISPLAY_INFO, "still there");
    // A head beyond the table, and an index that jumped: no answer is owed, and honest chains still work.
    machine.offer(999);
    assert_eq!(machine.call(0, Gpu::GetDisplayInfo), Code::OK_DISPLAY_INFO);
    assert!(machine.counters()["faults"] > 5);
    assert!(machine.end().success());
}

#[test]
fn a_queue_that_promises_more_than_it_can_hold_costs_nobody_else() {
    for queue in [0, 1] {
        let mut machine = Machine::new();
        if queue == 1 {
            machine.start_queue(1);
        }
        for more in [257, 0x8000, 0xffff] {
            machine.boast(more);
            // Both are the same thread's: a device that goes on looking would not answer.
            assert_eq!(machine.counters()["contexts"], 0);
        }
        machine.boast(0);
        if queue == 0 {
            assert_eq!(machine.call(0, Gpu::GetDisplayInfo), Code::OK_DISPLAY_INFO, "an honest index works");
        }
        assert!(machine.end().success());
    }
}

#[test]
fn a_queue_that_stops_gets_everything_back() {
    let mut machine = Machine::new();
    let mut peer = machine.open();
    let mut payload = Vec::new();
    GuestCommand::Poll.encode(&mut payload).unwrap();
    machine.queue(1, 1, Some(CHANNEL_RING), Gpu::Submit3d { payload: &payload });
    // The one behind it is answered, so the POLL was seen, and waits.
    assert_eq!(machine.call(0, Gpu::GetDisplayInfo), Code::OK_DISPLAY_INFO);
    assert_eq!(machine.frontend.get_vring_base(0).unwrap(), u32::from(machine.available));
    let (head, len) = machine.next_used();
    assert_eq!((head, machine.answer(1, len).1), (2, Code::OK_NODATA));
    peer.requests();
    assert!(peer.closed);
    // The guest's driver starts anew on the same device.
    machine.start_queue(0);
    let peer = machine.open();
    drop(peer);
    assert_eq!(machine.counters()["contexts"], 2);
    assert!(machine.end().success());
}

#[test]
fn cursor_commands_and_config_writes_have_no_effect() {
    let mut machine = Machine::new();
    machine.frontend.set_config(4, VhostUserConfigFlags::WRITABLE, &[0xff; 4]).unwrap();
    machine.start_queue(1);
    let header = Header { kind: 0x300, flags: FLAG_FENCE, fence_id: 77, ctx_id: 0, ring_idx: 0 };
    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    bytes.resize(56, 0xff);
    machine.memory.write_slice(&bytes, GuestAddress(REQUESTS)).unwrap();
    // More than the queue holds, so that it must be kicked for again and again.
    for _ in 0..600 {
        machine.descriptor(0, REQUESTS, 56, NEXT, 1);
        machine.descriptor(1, ANSWERS, 512, WRITE, 0);
        machine.offer(0);
        let (head, len) = machine.next_used();
        let (reply, code) = machine.answer(0, len);
        assert_eq!((head, reply.fence_id, code), (0, 77, Code::OK_NODATA));
    }
    assert_eq!(machine.counters()["faults"], 0);
    assert!(machine.end().success());
}

#[test]
fn the_program_ends_with_its_shepherd() {
    let Machine { mut child, control, .. } = Machine::new();
    drop(control);
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_program_refuses_what_it_does_not_understand() {
    for (arguments, code) in [(vec!["--fly"], 2), (vec![], 2)] {
        let status = Command::new(env!("CARGO_BIN_EXE_cofferdam-gpu")).args(&arguments).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
    // Numbers that are not open, and a parent that is not ours.
    let line =
        ["--listen-fd", "90", "--channel-fd", "91", "--control-fd", "92", "--arena-mib", "1", "--vm", "x"];
    let status = Command::new(env!("CARGO_BIN_EXE_cofferdam-gpu")).args(line).status().unwrap();
    assert_eq!(status.code(), Some(1));
    let status =
        Command::new(env!("CARGO_BIN_EXE_cofferdam-gpu")).args(line).args(["--parent", "1"]).status();
    assert_eq!(status.unwrap().code(), Some(1));
}
