// SPDX-License-Identifier: GPL-3.0-or-later
//! Every rule on channels, rings, polls and queries, as tables.
//!
//! In: cross-domain payloads that break one rule each. Out: the answer's code, one fault, and a device that goes
//! on.

use crate::commands::{check, with_context};
use crate::common::{MIB, RING, device};
use cofferdam_gpu::loopback::Loopback;
use cofferdam_gpu_core::Token;
use cofferdam_xdomain::channel::{
    CHANNEL_RING, GuestCommand, ImageQuery, ImageRequirements, Init, Init2, PIXEL_ITEM, QUERY_RING,
    channel_type,
};
use cofferdam_xdomain::virtio::{
    Command, FLAG_FENCE, FLAG_RING_IDX, Header, Request, Response, ResponseCode as Code,
};

/// A cross-domain payload of these commands.
fn payload(commands: &[GuestCommand<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    commands.iter().for_each(|command| command.encode(&mut out).unwrap());
    out
}

#[test]
fn channels_are_opened_once_and_in_guest_memory() {
    let wayland = channel_type::WAYLAND;
    let bad = Code::ERR_INVALID_PARAMETER;
    let init = |query_ring, channel_ring, channel_type| {
        payload(&[GuestCommand::Init(Init { query_ring, channel_ring: Some(channel_ring), channel_type })])
    };
    let init2 = |channel_ring, capacity| {
        let (query_ring, channel_type) = (None, wayland);
        payload(&[GuestCommand::Init2(Init2 { query_ring, channel_ring, channel_type, capacity })])
    };
    type Make<'a> = &'a dyn Fn(u32, u32, u32, u32) -> Vec<u8>;
    // q and c: pages of the guest; big: 68 KiB of it; a: in the arena.
    let cases: &[(&str, Make<'_>, Code)] = &[
        ("two rings", &|q, c, _, _| init(q, c, wayland), Code::OK_NODATA),
        ("one ring twice", &|q, _, _, _| init(q, q, wayland), Code::OK_NODATA),
        ("a real ring", &|_, _, big, _| init2(big, RING), Code::OK_NODATA),
        ("no such channel", &|q, c, _, _| init(q, c, 2), bad),
        ("the oldest dialect's none", &|q, c, _, _| init(q, c, 0), bad),
        ("unknown ring", &|q, _, _, _| init(q, 999, wayland), bad),
        ("null ring", &|q, _, _, _| init(q, 0, wayland), bad),
        ("ring in the arena", &|q, _, _, a| init(q, a, wayland), bad),
        ("real ring in the arena", &|_, _, _, a| init2(a, RING), bad),
        ("ring larger than its blob", &|_, c, _, _| init2(c, RING), bad),
        ("ring too small", &|_, _, big, _| init2(big, 4096), bad),
        ("ring too large", &|_, _, big, _| init2(big, 1 << 20), bad),
        ("ring no power of two", &|_, _, big, _| init2(big, 65_000), bad),
        ("ring of nothing", &|_, _, big, _| init2(big, 0), bad),
        ("ring of everything", &|_, _, big, _| init2(big, u32::MAX), bad),
    ];
    for (name, make, expected) in cases {
        let (mut gpu, _channel) = with_context();
        let (q, c) = (gpu.guest_blob(1, 4096).unwrap(), gpu.guest_blob(1, 4096).unwrap());
        let big = gpu.guest_blob(1, 68 * 1024).unwrap();
        let a = gpu.arena_blob(1, PIXEL_ITEM, MIB).unwrap();
        let bytes = make(q.resource, c.resource, big.resource, a.resource);
        check(name, &mut gpu, 1, Command::Submit3d { payload: &bytes }, *expected);
        if !expected.is_error() {
            check("again", &mut gpu, 1, Command::Submit3d { payload: &bytes }, bad);
        }
    }
    let (mut gpu, _channel) = with_context();
    gpu.create_context(2).unwrap();
    let foreign = gpu.guest_blob(2, 4096).unwrap();
    let bytes = init(foreign.resource, foreign.resource, wayland);
    check("another context's ring", &mut gpu, 1, Command::Submit3d { payload: &bytes }, bad);
    check("no context", &mut gpu, 9, Command::Submit3d { payload: &bytes }, Code::ERR_INVALID_CONTEXT_ID);
}

#[test]
fn payloads_are_framed() {
    let bad = Code::ERR_INVALID_PARAMETER;
    let cases: &[(&str, Vec<u8>, Code)] = &[
        ("nothing", vec![], Code::OK_NODATA),
        ("size 0", vec![3, 0, 0, 0, 0, 0, 0, 0], bad),
        ("size below a header", vec![3, 0, 7, 0, 0, 0, 0, 0], bad),
        ("size beyond the payload", vec![3, 0, 9, 0, 0, 0, 0, 0], bad),
        ("half a header", vec![3, 0, 8], bad),
        ("command 0", vec![0, 0, 8, 0, 0, 0, 0, 0], Code::ERR_UNSPEC),
        ("host's own command", vec![5, 0, 8, 0, 0, 0, 0, 0], Code::ERR_UNSPEC),
        ("a futex", vec![8, 0, 8, 0, 0, 0, 0, 0], Code::ERR_UNSPEC),
        ("an eventfd", vec![11, 0, 8, 0, 0, 0, 0, 0], Code::ERR_UNSPEC),
        ("the dialect clash", vec![12, 0, 8, 0, 0, 0, 0, 0], Code::ERR_UNSPEC),
        ("a uuid", vec![13, 0, 8, 0, 0, 0, 0, 0], Code::ERR_UNSPEC),
        (
            "an unknown init",
            vec![1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            bad,
        ),
        ("short send", vec![4, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], bad),
        ("short write", vec![7, 0, 8, 0, 0, 0, 0, 0], bad),
    ];
    for (name, bytes, expected) in cases {
        let (mut gpu, _channel) = device();
        gpu.open_ring(1, RING).unwrap();
        check(name, &mut gpu, 1, Command::Submit3d { payload: bytes }, *expected);
    }
    // A transfer that claims more than it holds.
    for (offset, value) in [(8, 29_u32), (8, u32::MAX), (12, 1), (12, u32::MAX), (128, 1)] {
        let (mut gpu, _channel) = device();
        gpu.open_ring(1, RING).unwrap();
        let mut bytes = crate::common::send(&[], &[crate::common::blob_id(1)]);
        bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        // Type 1 at offset 128 is what stood there already: then the identifier waits for its message.
        let expected = if (offset, value) == (128, 1) { Code::OK_NODATA } else { bad };
        check("transfer", &mut gpu, 1, Command::Submit3d { payload: &bytes }, expected);
    }
    for kind in [0_u32, 2, 5, 6, 7, u32::MAX] {
        let (mut gpu, _channel) = device();
        gpu.open_ring(1, RING).unwrap();
        let mut bytes = crate::common::send(&[], &[crate::common::blob_id(1)]);
        bytes[128..132].copy_from_slice(&kind.to_le_bytes());
        check("identifier type", &mut gpu, 1, Command::Submit3d { payload: &bytes }, Code::ERR_UNSPEC);
    }
    let (mut gpu, _channel) = device();
    gpu.open_ring(1, RING).unwrap();
    let many = [3, 0, 8, 0, 0, 0, 0, 0].repeat(257);
    check("many commands", &mut gpu, 1, Command::Submit3d { payload: &many }, bad);
}

#[test]
fn polls_are_one_and_on_their_ring() {
    let poll = payload(&[GuestCommand::Poll]);
    let refused = |gpu: &mut Loopback, token: Token| gpu.code(token) == Some(Code::ERR_INVALID_PARAMETER);
    let (mut gpu, _channel) = device();
    gpu.open_ring(1, RING).unwrap();
    for ring in [None, Some(QUERY_RING), Some(2), Some(255)] {
        let token = gpu.submit(1, ring, &poll).unwrap();
        assert!(refused(&mut gpu, token), "{ring:?}");
    }
    let unfenced = Header { kind: 0, flags: FLAG_RING_IDX, fence_id: 0, ctx_id: 1, ring_idx: 1 };
    let mut bytes = Vec::new();
    Request { header: unfenced, command: Command::Submit3d { payload: &poll } }.encode(&mut bytes).unwrap();
    let token = gpu.request(&bytes);
    assert!(refused(&mut gpu, token));
    let twice = gpu.submit(1, Some(CHANNEL_RING), &poll.repeat(2)).unwrap();
    assert!(refused(&mut gpu, twice));
    let first = gpu.submit(1, Some(CHANNEL_RING), &poll).unwrap();
    assert_eq!(gpu.code(first), None);
    let second = gpu.submit(1, Some(CHANNEL_RING), &poll).unwrap();
    assert!(refused(&mut gpu, second));
    // A context without a channel has nothing to wait for.
    gpu.create_context(2).unwrap();
    let token = gpu.submit(2, Some(CHANNEL_RING), &poll).unwrap();
    assert!(refused(&mut gpu, token));
    // The first one still waits, and its context's end answers it, fence and all.
    assert_eq!(gpu.code(first), None);
    assert_eq!(gpu.call(1, Command::CtxDestroy).unwrap(), Code::OK_NODATA);
    let answer = gpu.answer(first).unwrap();
    let (reply, response) = Response::decode(&answer).unwrap();
    assert_eq!(response.code(), Code::OK_NODATA);
    assert_eq!((reply.flags, reply.ctx_id, reply.ring_idx), (FLAG_FENCE | FLAG_RING_IDX, 1, CHANNEL_RING));
}

#[test]
fn what_ends_a_ring_answers_its_poll() {
    type End = fn(&mut Loopback, u32);
    let ends: &[(&str, End)] = &[
        ("detach", |gpu, resource| {
            assert_eq!(gpu.call(1, Command::CtxDetachResource { resource }).unwrap(), Code::OK_NODATA);
        }),
        ("unref", |gpu, resource| {
            assert_eq!(gpu.call(0, Command::ResourceUnref { resource }).unwrap(), Code::OK_NODATA);
        }),
        ("no pages", |gpu, resource| {
            assert_eq!(gpu.call(0, Command::DetachBacking { resource }).unwrap(), Code::OK_NODATA);
        }),
        ("reset", |gpu, _| gpu.reset()),
    ];
    for (name, end) in ends {
        let (mut gpu, channel) = device();
        let ring = gpu.open_ring(1, RING).unwrap();
        let mut peer = crate::common::Peer::accept(&channel);
        let poll = gpu.submit_and_poll(1, &[]).unwrap();
        assert_eq!(gpu.code(poll), None, "{name}");
        end(&mut gpu, ring.resource);
        assert_eq!(gpu.code(poll), Some(Code::OK_NODATA), "{name}");
        peer.requests();
        assert!(peer.closed, "{name}");
        assert_eq!(gpu.shell().held_descriptors(), 0, "{name}");
        gpu.shell().device().verify().unwrap();
    }
}

#[test]
fn a_ring_whose_counter_lies_ends_its_context() {
    for consumed in [4_u32, 1, u32::MAX, 0x8000_0000] {
        let mut guest = crate::common::Guest::new(&[("wl_output", 4)]);
        guest.gpu.write(guest.ring.at + 64, &consumed.to_ne_bytes()).unwrap();
        let poll = guest.gpu.submit_and_poll(1, &[]).unwrap();
        assert!(guest.gpu.code(poll).is_some(), "{consumed:#x}");
        assert!(guest.faults() > 0, "{consumed:#x}");
        guest.peer.requests();
        assert!(guest.peer.closed, "{consumed:#x}");
    }
}

#[test]
fn queries_are_bounded() {
    let fourcc = |text: &[u8; 4]| u32::from_le_bytes(*text);
    // Width, height, format; stride and size.
    type Case<'a> = (u32, u32, &'a [u8; 4], Option<(u32, u64)>);
    let cases: &[Case<'_>] = &[
        (1920, 1080, b"XR24", Some((7680, 8_294_400))),
        (1, 1, b"AR24", Some((256, 4096))),
        (100, 3, b"AB24", Some((512, 4096))),
        (70_000, 1, b"R8  ", None),
        (16_384, 1, b"R8  ", Some((16_384, 16_384))),
        (0, 1, b"AR24", None),
        (1, 0, b"AR24", None),
        (16_385, 1, b"AR24", None),
        (16_384, 16_384, b"AR24", None), // a gibibyte in an arena of 16 MiB
        (u32::MAX, u32::MAX, b"AR24", None),
        (64, 64, b"NV12", None),
    ];
    for (width, height, format, expected) in cases {
        let (mut gpu, _channel) = with_context();
        let (query, channel) = (gpu.guest_blob(1, 4096).unwrap(), gpu.guest_blob(1, 4096).unwrap());
        let init = Init {
            query_ring: query.resource,
            channel_ring: Some(channel.resource),
            channel_type: channel_type::WAYLAND,
        };
        let token = gpu.submit(1, None, &payload(&[GuestCommand::Init(init)])).unwrap();
        assert_eq!(gpu.code(token), Some(Code::OK_NODATA));
        let (width, height) = (*width, *height);
        let ask = ImageQuery { width, height, format: fourcc(format), flags: 16 };
        let token =
            gpu.submit(1, Some(QUERY_RING), &payload(&[GuestCommand::ImageRequirements(ask)])).unwrap();
        let code = gpu.code(token).unwrap();
        match expected {
            None => assert_eq!(code, Code::ERR_INVALID_PARAMETER, "{width}x{height}"),
            Some((stride, size)) => {
                assert_eq!(code, Code::OK_NODATA);
                let reply = ImageRequirements::decode(&gpu.read(query.at, 64).unwrap()).unwrap();
                assert_eq!((reply.strides[0], reply.size), (*stride, *size));
                assert_eq!(reply.blob_id, PIXEL_ITEM);
            }
        }
    }
    // Without a query ring there is nowhere to answer.
    let (mut gpu, _channel) = device();
    gpu.open_ring(1, RING).unwrap();
    let ask = ImageQuery { width: 1, height: 1, format: fourcc(b"AR24"), flags: 0 };
    let bytes = payload(&[GuestCommand::ImageRequirements(ask)]);
    check("no query ring", &mut gpu, 1, Command::Submit3d { payload: &bytes }, Code::ERR_INVALID_PARAMETER);
}
