// SPDX-License-Identifier: GPL-3.0-or-later
//! Every rule on commands, resources and contexts, as tables: what a guest sends, what it is answered.
//!
//! In: commands that break one rule each. Out: the answer's code, one fault, and a device that goes on.

use crate::common::{MIB, config, device};
use cofferdam_gpu::loopback::{ARENA_WINDOW, HIGH_RAM, Loopback};
use cofferdam_gpu_core::Config;
use cofferdam_xdomain::Limits;
use cofferdam_xdomain::channel::{Capset, PIXEL_ITEM};
use cofferdam_xdomain::virtio::{
    Command, CreateBlob, CtxName, FLAG_FENCE, HEADER, Header, MemEntries, MemEntry, Request, Response,
    ResponseCode as Code, blob_flag, blob_mem,
};
use std::os::fd::OwnedFd;

/// A device with context 1, no channel yet.
pub(crate) fn with_context() -> (Loopback, OwnedFd) {
    let (mut gpu, channel) = device();
    gpu.create_context(1).unwrap();
    (gpu, channel)
}

/// Sends one command and checks answer and fault count; the device must then still work.
pub(crate) fn check(name: &str, gpu: &mut Loopback, ctx: u32, command: Command<'_>, expected: Code) {
    let before = gpu.shell().counters().faults;
    let code = gpu.call(ctx, command).unwrap();
    assert_eq!(code, expected, "{name}");
    let faults = gpu.shell().counters().faults - before;
    assert_eq!(faults, u64::from(expected.is_error()), "{name}");
    gpu.shell().device().verify().unwrap();
    assert_eq!(gpu.call(0, Command::GetDisplayInfo).unwrap(), Code::OK_DISPLAY_INFO, "{name}");
}

fn guest_blob<'a>(resource: u32, size: u64, entries: MemEntries<'a>) -> CreateBlob<'a> {
    CreateBlob { resource, mem: blob_mem::GUEST, flags: blob_flag::MAPPABLE, blob_id: 0, size, entries }
}

fn host_blob(resource: u32, size: u64) -> CreateBlob<'static> {
    CreateBlob {
        mem: blob_mem::HOST3D,
        blob_id: PIXEL_ITEM.into(),
        ..guest_blob(resource, size, MemEntries::default())
    }
}

#[test]
fn extents_of_guest_blobs() {
    let low = 32 * MIB;
    let e = |addr: u64, len: u32| MemEntry { addr, len };
    let bad = Code::ERR_INVALID_PARAMETER;
    let cases: &[(&str, u64, Vec<MemEntry>, Code)] = &[
        ("one page", 4096, vec![e(0, 4096)], Code::OK_NODATA),
        ("two runs", 12288, vec![e(0, 4096), e(HIGH_RAM, 8192)], Code::OK_NODATA),
        ("more pages than bytes", 1, vec![e(0, 8192)], Code::OK_NODATA),
        ("the same page twice", 8192, vec![e(0, 4096), e(0, 4096)], Code::OK_NODATA),
        ("last page of RAM", 4096, vec![e(low - 4096, 4096)], Code::OK_NODATA),
        ("no pages", 4096, vec![], bad),
        ("no bytes", 0, vec![e(0, 4096)], bad),
        ("too few pages", 4097, vec![e(0, 4096)], bad),
        ("a run behind the last byte", 4096, vec![e(0, 4096), e(4096, 4096)], bad),
        ("runs without end for one byte", 1, vec![e(0, 4096); 1000], bad),
        ("an empty run", 4096, vec![e(0, 4096), e(4096, 0)], bad),
        ("half a page", 2048, vec![e(0, 2048)], bad),
        ("not on a page", 4096, vec![e(512, 4096)], bad),
        ("into the hole", 8192, vec![e(low - 4096, 8192)], bad),
        ("in the hole", 4096, vec![e(low, 4096)], bad),
        ("behind RAM", 4096, vec![e(HIGH_RAM + low, 4096)], bad),
        ("across the end", 8192, vec![e(HIGH_RAM + low - 4096, 8192)], bad),
        ("the arena's window", 4096, vec![e(ARENA_WINDOW, 4096)], bad),
        ("around the address space", 8192, vec![e(0_u64.wrapping_sub(4096), 8192)], bad),
        ("more than RAM", 128 * MIB, vec![e(0, 4096)], Code::ERR_OUT_OF_MEMORY),
        ("far more than RAM", u64::MAX, vec![e(0, 4096)], Code::ERR_OUT_OF_MEMORY),
    ];
    for (name, size, entries, expected) in cases {
        let (mut gpu, _channel) = with_context();
        let wire = MemEntries::to_wire(entries);
        let entries = MemEntries::from_wire(&wire).unwrap();
        check(name, &mut gpu, 0, Command::CreateBlob(guest_blob(1, *size, entries)), *expected);
    }
}

#[test]
fn parameters_of_blobs() {
    let wire = MemEntries::to_wire(&[MemEntry { addr: 0, len: 4096 }]);
    let page = || guest_blob(7, 4096, MemEntries::from_wire(&wire).unwrap());
    let bad = Code::ERR_INVALID_PARAMETER;
    let cases: &[(&str, CreateBlob<'_>, Code)] = &[
        ("null id", CreateBlob { resource: 0, ..page() }, Code::ERR_INVALID_RESOURCE_ID),
        ("guest memory of a host item", CreateBlob { blob_id: 1, ..page() }, bad),
        ("unknown flags", CreateBlob { flags: 8, ..page() }, bad),
        ("memory 0", CreateBlob { mem: 0, ..page() }, bad),
        ("memory of both", CreateBlob { mem: blob_mem::HOST3D_GUEST, ..page() }, bad),
        ("memory 4", CreateBlob { mem: 4, ..page() }, bad),
        ("host memory with pages", CreateBlob { mem: blob_mem::HOST3D, blob_id: 1, ..page() }, bad),
        ("host memory", host_blob(7, 4096), Code::OK_NODATA),
        ("host memory, half a page", host_blob(7, 2048), bad),
        ("host memory of item 0", CreateBlob { blob_id: 0, ..host_blob(7, 4096) }, bad),
        ("host memory of no item", CreateBlob { blob_id: 9, ..host_blob(7, 4096) }, bad),
        ("host memory of a huge item", CreateBlob { blob_id: u64::MAX, ..host_blob(7, 4096) }, bad),
        ("the whole arena", host_blob(7, 16 * MIB), Code::OK_NODATA),
        ("more than the arena", host_blob(7, 16 * MIB + 4096), Code::ERR_OUT_OF_MEMORY),
    ];
    for (name, blob, expected) in cases {
        let (mut gpu, _channel) = with_context();
        check(name, &mut gpu, 1, Command::CreateBlob(*blob), *expected);
    }
    let (mut gpu, _channel) = with_context();
    check("first", &mut gpu, 0, Command::CreateBlob(page()), Code::OK_NODATA);
    check("id taken", &mut gpu, 0, Command::CreateBlob(page()), Code::ERR_INVALID_RESOURCE_ID);
    check("host memory without a context", &mut gpu, 0, Command::CreateBlob(host_blob(8, 4096)), bad);
    check("host memory of an unknown context", &mut gpu, 9, Command::CreateBlob(host_blob(8, 4096)), bad);
}

#[test]
fn resources_are_counted() {
    let (mut gpu, _channel) = with_context();
    let wire = MemEntries::to_wire(&[MemEntry { addr: 0, len: 4096 }]);
    let entries = MemEntries::from_wire(&wire).unwrap();
    for resource in 1..=1024 {
        let blob = Command::CreateBlob(guest_blob(resource, 1, entries));
        assert_eq!(gpu.call(0, blob).unwrap(), Code::OK_NODATA);
    }
    let one_more = Command::CreateBlob(guest_blob(2000, 1, entries));
    check("1025 resources", &mut gpu, 0, one_more, Code::ERR_OUT_OF_MEMORY);
    check("one less", &mut gpu, 0, Command::ResourceUnref { resource: 5 }, Code::OK_NODATA);
    check("one more", &mut gpu, 0, one_more, Code::OK_NODATA);
}

#[test]
fn places_in_the_arena() {
    let bad = Code::ERR_INVALID_PARAMETER;
    let map = |resource, offset| Command::MapBlob { resource, offset };
    let (mut gpu, _channel) = with_context();
    for resource in [1, 2] {
        assert_eq!(gpu.call(1, Command::CreateBlob(host_blob(resource, 8192))).unwrap(), Code::OK_NODATA);
    }
    check("unknown resource", &mut gpu, 0, map(9, 0), Code::ERR_INVALID_RESOURCE_ID);
    check("not on a page", &mut gpu, 0, map(1, 2048), bad);
    check("past the end", &mut gpu, 0, map(1, 16 * MIB), bad);
    check("across the end", &mut gpu, 0, map(1, 16 * MIB - 4096), bad);
    check("around", &mut gpu, 0, map(1, u64::MAX - 4095), bad);
    check("unmap before map", &mut gpu, 0, Command::UnmapBlob { resource: 1 }, bad);
    check("good", &mut gpu, 0, map(1, 8192), Code::OK_MAP_INFO);
    check("twice", &mut gpu, 0, map(1, 65536), bad);
    for (name, offset) in [("same place", 8192), ("overlap below", 4096), ("overlap above", 12288)] {
        check(name, &mut gpu, 0, map(2, offset), bad);
    }
    check("just below", &mut gpu, 0, map(2, 0), Code::OK_MAP_INFO);
    assert_eq!(gpu.shell().counters().arena_bytes, 16384);
    check("unmap", &mut gpu, 0, Command::UnmapBlob { resource: 1 }, Code::OK_NODATA);
    check("unmap twice", &mut gpu, 0, Command::UnmapBlob { resource: 1 }, bad);
    check("map again", &mut gpu, 0, map(1, 16 * MIB - 8192), Code::OK_MAP_INFO);
    check("unref while mapped", &mut gpu, 0, Command::ResourceUnref { resource: 1 }, Code::OK_NODATA);
    check("unref twice", &mut gpu, 0, Command::ResourceUnref { resource: 1 }, Code::ERR_INVALID_RESOURCE_ID);
    assert_eq!(gpu.shell().counters().arena_bytes, 8192);
    let ring = gpu.guest_blob(1, 4096).unwrap();
    check("map of guest memory", &mut gpu, 0, map(ring.resource, 0), bad);
    check("unmap of guest memory", &mut gpu, 0, Command::UnmapBlob { resource: ring.resource }, bad);
}

#[test]
fn maps_wait_for_the_machine() {
    for ok in [true, false] {
        let (mut gpu, _channel) = with_context();
        gpu.machine_maps = None;
        assert_eq!(gpu.call(1, Command::CreateBlob(host_blob(1, 4096))).unwrap(), Code::OK_NODATA);
        let map = gpu.command(0, None, Command::MapBlob { resource: 1, offset: 0 }).unwrap();
        assert_eq!(gpu.code(map), None);
        assert_eq!(gpu.call(0, Command::UnmapBlob { resource: 1 }).unwrap(), Code::OK_NODATA);
        gpu.arena_mapped(ok);
        let expected = if ok { Code::OK_MAP_INFO } else { Code::ERR_OUT_OF_MEMORY };
        assert_eq!(gpu.code(map), Some(expected));
    }
    // A guest that goes away meanwhile is answered as well.
    let (mut gpu, _channel) = with_context();
    gpu.machine_maps = None;
    assert_eq!(gpu.call(1, Command::CreateBlob(host_blob(1, 4096))).unwrap(), Code::OK_NODATA);
    let map = gpu.command(0, None, Command::MapBlob { resource: 1, offset: 0 }).unwrap();
    gpu.reset();
    assert_eq!(gpu.code(map), Some(Code::ERR_UNSPEC));
    // The late answer is not taken for one to the next wish.
    gpu.create_context(1).unwrap();
    assert_eq!(gpu.call(1, Command::CreateBlob(host_blob(1, 4096))).unwrap(), Code::OK_NODATA);
    let map = gpu.command(0, None, Command::MapBlob { resource: 1, offset: 0 }).unwrap();
    gpu.arena_mapped(true);
    assert_eq!(gpu.code(map), None);
    gpu.arena_mapped(true);
    assert_eq!(gpu.code(map), Some(Code::OK_MAP_INFO));
    // A machine that kept the mapping over a reset refuses to make it again.
    gpu.reset();
    gpu.create_context(1).unwrap();
    assert_eq!(gpu.call(1, Command::CreateBlob(host_blob(1, 4096))).unwrap(), Code::OK_NODATA);
    let map = gpu.command(0, None, Command::MapBlob { resource: 1, offset: 0 }).unwrap();
    assert_eq!(gpu.code(map), None);
    gpu.arena_mapped(false);
    assert_eq!(gpu.code(map), Some(Code::OK_MAP_INFO));
}

#[test]
fn contexts_are_few_and_named_once() {
    let create = |capset| Command::CtxCreate { capset, name: CtxName(b"\xff\0\n") };
    let (mut gpu, _channel) = device();
    check("context 0", &mut gpu, 0, create(5), Code::ERR_INVALID_CONTEXT_ID);
    check("other capset", &mut gpu, 1, create(4), Code::ERR_INVALID_PARAMETER);
    check("no capset", &mut gpu, 1, create(0), Code::ERR_INVALID_PARAMETER);
    for ctx in 1..=32 {
        check("good", &mut gpu, ctx, create(5), Code::OK_NODATA);
    }
    check("id taken", &mut gpu, 7, create(5), Code::ERR_INVALID_CONTEXT_ID);
    check("33 contexts", &mut gpu, 33, create(5), Code::ERR_OUT_OF_MEMORY);
    check("destroy", &mut gpu, 7, Command::CtxDestroy, Code::OK_NODATA);
    check("destroy twice", &mut gpu, 7, Command::CtxDestroy, Code::ERR_INVALID_CONTEXT_ID);
    check("one more", &mut gpu, 33, create(5), Code::OK_NODATA);
    check(
        "attach nothing",
        &mut gpu,
        1,
        Command::CtxAttachResource { resource: 1 },
        Code::ERR_INVALID_RESOURCE_ID,
    );
    let blob = gpu.guest_blob(1, 4096).unwrap();
    let attach = Command::CtxAttachResource { resource: blob.resource };
    let detach = Command::CtxDetachResource { resource: blob.resource };
    check("attach to nobody", &mut gpu, 99, attach, Code::ERR_INVALID_CONTEXT_ID);
    check("detach from nobody", &mut gpu, 99, detach, Code::ERR_INVALID_CONTEXT_ID);
    check("detach", &mut gpu, 1, detach, Code::OK_NODATA);
    check("detach twice", &mut gpu, 1, detach, Code::ERR_INVALID_RESOURCE_ID);
}

#[test]
fn capsets_and_unknown_commands() {
    let (mut gpu, _channel) = device();
    check("capset 0", &mut gpu, 0, Command::GetCapsetInfo { index: 0 }, Code::OK_CAPSET_INFO);
    check("capset 1", &mut gpu, 0, Command::GetCapsetInfo { index: 1 }, Code::ERR_INVALID_PARAMETER);
    check("virgl", &mut gpu, 0, Command::GetCapset { id: 1, version: 0 }, Code::ERR_INVALID_PARAMETER);
    let token = gpu.command(0, None, Command::GetCapset { id: 5, version: 0 }).unwrap();
    let answer = gpu.answer(token).unwrap();
    assert_eq!(Capset::decode(&answer[HEADER..]).unwrap(), Capset::XD1);
    // Resource creation for scanouts and virgl, transfers, uuids, cursors: an error, with its fence.
    for kind in [0, 0x101, 0x103, 0x104, 0x105, 0x10a, 0x10b, 0x10d, 0x204, 0x205, 0x206, 0x300, 0xffff_ffff]
    {
        let header = Header { kind, flags: FLAG_FENCE, fence_id: 77, ctx_id: 1, ring_idx: 0 };
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        bytes.resize(200, 0);
        let token = gpu.request(&bytes);
        let answer = gpu.answer(token).unwrap();
        let (reply, response) = Response::decode(&answer).unwrap();
        assert_eq!((reply.fence_id, response.code()), (77, Code::ERR_UNSPEC), "{kind:#x}");
    }
}

#[test]
fn every_command_cut_anywhere_is_answered() {
    let wire = MemEntries::to_wire(&[MemEntry { addr: 0, len: 4096 }]);
    let payload = [3, 0, 8, 0, 0, 0, 0, 0];
    let commands = [
        Command::GetDisplayInfo,
        Command::GetCapsetInfo { index: 0 },
        Command::GetCapset { id: 5, version: 0 },
        Command::CreateBlob(guest_blob(1, 4096, MemEntries::from_wire(&wire).unwrap())),
        Command::AttachBacking { resource: 1, entries: MemEntries::from_wire(&wire).unwrap() },
        Command::DetachBacking { resource: 1 },
        Command::CtxCreate { capset: 5, name: CtxName(b"x") },
        Command::CtxAttachResource { resource: 1 },
        Command::Submit3d { payload: &payload },
        Command::MapBlob { resource: 1, offset: 0 },
        Command::UnmapBlob { resource: 1 },
        Command::CtxDetachResource { resource: 1 },
        Command::ResourceUnref { resource: 1 },
        Command::CtxDestroy,
    ];
    for command in commands {
        let header = Header { kind: 0, flags: FLAG_FENCE, fence_id: 5, ctx_id: 1, ring_idx: 0 };
        let mut bytes = Vec::new();
        Request { header, command }.encode(&mut bytes).unwrap();
        let (mut gpu, _channel) = with_context();
        for len in 0..bytes.len() {
            let token = gpu.request(&bytes[..len]);
            let answer = gpu.answer(token).unwrap();
            if len < HEADER {
                assert!(answer.is_empty());
            } else {
                let (reply, response) = Response::decode(&answer).unwrap();
                assert_eq!(reply.fence_id, 5);
                assert!(response.code().is_error(), "{command:?} cut at {len}");
            }
        }
    }
}

#[test]
fn oversized_requests() {
    let (mut gpu, _channel) = with_context();
    let payload = vec![0; 64 * 1024 + 16];
    check("long payload", &mut gpu, 1, Command::Submit3d { payload: &payload }, Code::ERR_INVALID_PARAMETER);
    let wire = MemEntries::to_wire(&vec![MemEntry { addr: 0, len: 4096 }; 65_531]);
    let blob = guest_blob(1, 4096, MemEntries::from_wire(&wire).unwrap());
    check("many extents", &mut gpu, 0, Command::CreateBlob(blob), Code::ERR_INVALID_PARAMETER);
    // A count that the bytes do not bear out.
    let mut bytes = Vec::new();
    let header = Header { flags: FLAG_FENCE, ..Header::new(0, 0) };
    Request { header, command: Command::CreateBlob(guest_blob(1, 4096, MemEntries::default())) }
        .encode(&mut bytes)
        .unwrap();
    for count in [1_u32, 65_530, 0x1000_0001, u32::MAX] {
        bytes[HEADER + 12..HEADER + 16].copy_from_slice(&count.to_le_bytes());
        let token = gpu.request(&bytes);
        assert_eq!(gpu.code(token), Some(Code::ERR_INVALID_PARAMETER), "{count}");
    }
}

#[test]
fn backing_belongs_to_guest_blobs() {
    let wire = MemEntries::to_wire(&[MemEntry { addr: 4096, len: 4096 }]);
    let entries = MemEntries::from_wire(&wire).unwrap();
    let attach = |resource| Command::AttachBacking { resource, entries };
    let detach = |resource| Command::DetachBacking { resource };
    let (mut gpu, _channel) = with_context();
    let page = gpu.guest_blob(1, 4096).unwrap().resource;
    let arena = gpu.arena_blob(1, PIXEL_ITEM, 4096).unwrap().resource;
    let large = gpu.guest_blob(1, 8192).unwrap().resource;
    check("detach", &mut gpu, 0, detach(page), Code::OK_NODATA);
    check("attach", &mut gpu, 0, attach(page), Code::OK_NODATA);
    check("too few pages", &mut gpu, 0, attach(large), Code::ERR_INVALID_PARAMETER);
    check("attach to host memory", &mut gpu, 0, attach(arena), Code::ERR_INVALID_PARAMETER);
    check("detach from host memory", &mut gpu, 0, detach(arena), Code::ERR_INVALID_PARAMETER);
    check("attach to nothing", &mut gpu, 0, attach(999), Code::ERR_INVALID_RESOURCE_ID);
    check("detach from nothing", &mut gpu, 0, detach(999), Code::ERR_INVALID_RESOURCE_ID);
}

#[test]
fn limits_are_those_of_the_configuration() {
    let limits = Limits { contexts: 2, resources: 3, ..Limits::DEFAULT };
    let (mut gpu, _channel) = Loopback::new(Config { limits, ..config() }, 64 * MIB).unwrap();
    gpu.create_context(1).unwrap();
    gpu.create_context(2).unwrap();
    assert!(gpu.create_context(3).is_err());
    for _ in 0..3 {
        gpu.guest_blob(1, 4096).unwrap();
    }
    assert!(gpu.guest_blob(1, 4096).is_err());
}
